"""Drills: each brings a real platform on this machine into one kind of trouble, and shows facts.

A drill has a home, a registry and a provider of its own, on loopback; the user's are never touched.
What it drives are the command line and the daemon, as processes; what it shows was read from the
provider's `/stats`, from files and from the state store. Here is no rule of the platform: what is
to hold stands beside each fact as its bar.
"""
