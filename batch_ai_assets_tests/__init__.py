"""Tests mirror the package; the name of a test is the sentence that it proves."""
