"""Tests of how dead letters are made."""
