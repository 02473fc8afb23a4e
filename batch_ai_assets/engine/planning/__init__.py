"""Before the first call: the manifest, the plan, what is skipped, what it may cost."""
