"""The engine: items in, every item to one end. Nothing below this folder imports dagster."""
