"""The hot path: from a pending item to a stored answer. Nothing per item that can be per chunk."""
