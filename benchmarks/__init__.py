"""Measurements of the hot path, as ratios against a reference in the same run. Never tests."""
