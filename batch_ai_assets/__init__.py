"""Batch AI processing as a Dagster asset platform. Nothing is imported here: every run pays for it."""
