"""Tests of the completion report in all its views."""
