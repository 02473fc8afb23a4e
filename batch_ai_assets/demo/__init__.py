"""Documents for the jobs that ship with the package; what is done with them is in `registry/`."""
