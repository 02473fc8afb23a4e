"""Drills: real daemons, a real browser, real signals. Run by `make drill`, never by `make test`."""
