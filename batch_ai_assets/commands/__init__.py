"""The commands of `batch-ai`, one module per noun; `cli.py` is their table of contents.

A command imports what it needs inside its body, so that `batch-ai --help` answers at once.
"""
