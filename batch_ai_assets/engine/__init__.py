"""The engine: items in, every item to exactly one end. Nothing below this folder imports dagster."""
