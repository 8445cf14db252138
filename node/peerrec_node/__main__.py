"""Run ``python -m peerrec_node`` as ``peerrec``."""

from __future__ import annotations

from peerrec_node.cli import main

if __name__ == "__main__":
    main()
