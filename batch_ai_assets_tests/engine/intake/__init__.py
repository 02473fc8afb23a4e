"""Tests of intake: every input becomes exactly one document."""
