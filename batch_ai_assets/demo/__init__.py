"""Documents for the jobs that ship with the package. What a job does with them is in `registry/`."""
