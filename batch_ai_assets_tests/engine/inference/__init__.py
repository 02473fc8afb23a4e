"""Tests of the hot path's parts, one by one."""
