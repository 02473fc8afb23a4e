"""Decisions over figures: budget, life cycle, progress. Pure; shells are elsewhere."""
