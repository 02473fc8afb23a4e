"""The pages that people read, proved: README.md and docs/."""
