"""Measure the daemon as whoever installed it runs it: in processes of its own."""
