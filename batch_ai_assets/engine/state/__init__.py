"""The durable state store, the one truth about a batch. The only room that writes SQL."""
