"""Whole batches against real parts: a stub provider on loopback, SQLite and Parquet on disk."""
