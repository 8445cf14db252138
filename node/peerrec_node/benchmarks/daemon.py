"""Measure the daemon: start, size, idling, and lists under load.

Example:
    >>> sorted(measure_daemon(only=("page",)))
    ['page_files', 'page_kb']
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from peerrec_node.benchmarks.footprint import (
    measure_cold_start,
    measure_imports,
    measure_installed,
    measure_page,
)
from peerrec_node.benchmarks.idling import LINKS, measure_idling
from peerrec_node.benchmarks.recommending import measure_recommending
from peerrec_node.progress import Progress

__all__ = ["FULL", "PARTS", "QUICK", "Sizes", "measure_daemon"]


class Sizes(NamedTuple):
    """How much is measured.

    Attributes:
        starts: processes whose start is timed.
        edges: interactions in the store from which lists come.
        load_s: how long lists are asked for.
        links: of the idle daemon.
        settle_s, idle_s: its rest before, and the measurement.
    """

    starts: int = 5
    edges: int = 100_000
    load_s: float = 20.0
    links: int = LINKS
    settle_s: float = 60.0
    idle_s: float = 120.0


FULL: Final = Sizes()
QUICK: Final = Sizes(1, 1_000, 1.0, 1, 0.0, 1.0)

PARTS: Final = ("page", "size", "import", "start", "recommend", "idle")


def measure_daemon(
    seed: int = 0,
    sizes: Sizes = FULL,
    only: tuple[str, ...] = (),
    progress: Progress = lambda stage, done, total: None,
) -> dict[str, float]:
    """Return the figures of all parts, or of some.

    Args:
        seed: of the made-up graph.
        sizes: how much is measured.
        only: names of ``PARTS``; none for all.
        progress: told of each part.
    """
    measures: dict[str, Callable[[], dict[str, float]]] = {
        "page": measure_page,
        "size": measure_installed,
        "import": measure_imports,
        "start": lambda: measure_cold_start(sizes.starts),
        "recommend": lambda: measure_recommending(seed, edges=sizes.edges, seconds=sizes.load_s),
        "idle": lambda: measure_idling(
            links=sizes.links, settle_s=sizes.settle_s, seconds=sizes.idle_s
        ),
    }
    figures: dict[str, float] = {}
    chosen = [part for part in PARTS if not only or part in only]
    for done, part in enumerate(chosen):
        progress(part, done, len(chosen))
        figures |= measures[part]()
    return figures
