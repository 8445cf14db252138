"""Plug the simulator into the command line: one module per command of ``peerrec``."""
