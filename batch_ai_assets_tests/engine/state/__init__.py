"""Tests of the state store, on SQLite files."""
