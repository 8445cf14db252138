"""Recommend without a server: one person's device, its peers, and nobody in between."""

from __future__ import annotations

__version__ = "0.1.0"
