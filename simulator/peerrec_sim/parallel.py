"""Map a function over blocks in forked processes, in order.

The function is inherited through the fork, so it may be a closure over large arrays;
only blocks and results are sent. Where forking is not safe, everything runs right here.

Example:
    >>> offset = 10
    >>> list(map_forked(2)(lambda block: block.start + offset, [slice(1, 2), slice(2, 3)]))
    [11, 12]
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["map_forked"]

_inherited: list[Callable[[slice], Any]] = []


def map_forked(
    workers: int,
) -> Callable[[Callable[[slice], Any], list[slice]], Iterable[Any]]:
    """Return a `map` over blocks that uses so many processes."""

    def mapped(function: Callable[[slice], Any], blocks: list[slice]) -> Iterable[Any]:
        n_workers = min(workers, len(blocks))
        if n_workers < 2 or not sys.platform.startswith("linux"):
            return map(function, blocks)
        context = multiprocessing.get_context("fork")
        with context.Pool(n_workers, _inherit, (function,)) as pool:
            results = pool.map(_call, blocks, chunksize=1)
            # Leave in order, so that the parent can tell how much memory its children used.
            pool.close()
            pool.join()
        return results

    return mapped


def _inherit(function: Callable[[slice], Any]) -> None:
    """Remember the function in a new worker; Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _inherited[:] = [function]


def _call(block: slice) -> Any:
    """Call it in a worker."""
    return _inherited[0](block)
