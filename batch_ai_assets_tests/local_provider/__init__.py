"""Tests of the local provider, over real sockets on loopback wherever bytes are the matter."""
