"""Dead letters: items that ended dead, with the whole story and a sealed payload."""
