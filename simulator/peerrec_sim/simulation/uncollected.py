"""Let a run go without looking for cycles of garbage: it makes none to speak of.

Nodes hold tens of thousands of small objects, all of them in use, and Python's collector
walks over them again and again. Measured on `quiet` with 80 nodes: a seventh of the time,
5 objects found, the same memory without it. References are counted as ever.

Example:
    >>> import gc
    >>> with uncollected():
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold the cyclic garbage collector off until the block ends."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
