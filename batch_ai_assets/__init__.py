"""Batch AI processing as partitioned Dagster assets. Nothing is imported here: every run pays."""
