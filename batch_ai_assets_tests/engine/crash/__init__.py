"""Batches whose process is killed, stopped or doubled: nothing is lost, little is paid twice."""
