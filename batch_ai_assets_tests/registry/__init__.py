"""The jobs that ship with the package."""
