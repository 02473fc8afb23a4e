"""Tests of decisions over figures."""
