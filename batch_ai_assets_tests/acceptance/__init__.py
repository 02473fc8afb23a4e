"""Jobs on whole sets of real documents, judged by their labels."""
