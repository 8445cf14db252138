"""Turn the ranking graph into plain arrays for a file, and back.

Only one direction is kept, 10 bytes an edge; the other takes 15 ms a million to make.

Example:
    >>> graph = InteractionGraph()
    >>> graph.extend([0, 0, 1], [0, 1, 1], 1.0, 0.0)
    >>> again = InteractionGraph()
    >>> again.adopt(segments_of(arrays_of(graph)))
    >>> bool((again.snapshot().matrix != graph.snapshot().matrix).nnz)
    False
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.limits import MINUTE_S
from peerrec.ranking.interactions import InteractionGraph
from peerrec.ranking.segment import Segment
from peerrec.store import TrustColumns

__all__ = ["FORMAT", "arrays_of", "segments_of", "trust_arrays", "trust_of"]

Array: TypeAlias = npt.NDArray[Any]

FORMAT = "graph 1"
"""Changes whenever the arrays or their meaning do; files of another format are ignored."""


def arrays_of(graph: InteractionGraph) -> dict[str, Array]:
    """Return the graph as arrays; its head is folded in."""
    segments = graph.segments()
    arrays: dict[str, Array] = {
        "index": np.array([segment.index for segment in segments], np.int64),
        "n_items": np.array([segment.by_user.shape[1] for segment in segments], np.int64),
    }
    for at, segment in enumerate(segments):
        rows = segment.by_user
        arrays[f"{at}.start"] = rows.indptr
        arrays[f"{at}.item"] = rows.indices
        arrays[f"{at}.weight"] = rows.data
        arrays[f"{at}.minute"] = segment.minute
    return arrays


def segments_of(arrays: Mapping[str, Array]) -> Iterator[Segment]:
    """Yield the segments that `arrays_of` took apart; they share the arrays' memory."""
    for at, index in enumerate(arrays["index"].tolist()):
        start, item, weight, minute = (
            arrays[f"{at}.{part}"] for part in ("start", "item", "weight", "minute")
        )
        yield Segment.from_rows(index, start, item, weight, minute, int(arrays["n_items"][at]))


def trust_arrays(edges: TrustColumns) -> dict[str, Array]:
    """Return trust edges as arrays, 16 bytes an edge."""
    return {
        "trust.source": edges.source,
        "trust.target": edges.target,
        "trust.weight": edges.weight,
        "trust.minute": (edges.time // MINUTE_S).astype(np.int32),
    }


def trust_of(arrays: Mapping[str, Array]) -> TrustColumns:
    """Return the edges that `trust_arrays` took apart."""
    return TrustColumns(
        arrays["trust.source"],
        arrays["trust.target"],
        arrays["trust.weight"],
        arrays["trust.minute"] * MINUTE_S,
    )
