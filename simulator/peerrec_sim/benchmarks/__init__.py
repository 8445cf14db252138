"""Measure the library against the parts it is built from, and against others' code."""
