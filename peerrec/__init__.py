"""Recommend without a server: one person's device, its peers, and nobody in between.

Example:
    >>> from peerrec import Recommender
    >>> with Recommender.in_memory() as me:
    ...     me.record("track:nina-simone/feeling-good", weight=1.0)
    ...     len(me.recommend(n=10))
    0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peerrec.facade.options import Options
    from peerrec.recommender import Recommender
    from peerrec.store.rows import Interaction, TrustEdge

__all__ = ["Interaction", "Options", "Recommender", "TrustEdge", "__version__"]

__version__ = "0.1.0"

# Imported when first asked for: `import peerrec` costs next to nothing.
PLACES = {
    "Interaction": "peerrec.store.rows",
    "Options": "peerrec.facade.options",
    "Recommender": "peerrec.recommender",
    "TrustEdge": "peerrec.store.rows",
}


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(PLACES[name]), name)
