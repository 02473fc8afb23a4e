"""Tests of validation: answers, confidence, rules, verdicts, checks, accuracy."""
