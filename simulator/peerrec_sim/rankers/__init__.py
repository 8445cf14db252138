"""Find a ranker by its name; a ranker's module is imported when it is asked for.

Example:
    >>> by_name("popularity").name
    'popularity'
"""

from __future__ import annotations

import importlib

from peerrec.errors import ConfigError
from peerrec_sim.rankers.base import AnyRanker, ExposesMerit, FlagsPeers, Parameters, Ranker

__all__ = ["AnyRanker", "ExposesMerit", "FlagsPeers", "Parameters", "Ranker", "by_name", "names"]

_CLASSES = {
    "blend": "blend:BlendRanker",
    "ease": "ease:Ease",
    "factors": "factors:FactorsRanker",
    "itemknn": "itemknn:ItemKnn",
    "meritsalsa": "salsa:MeritSalsaRanker",
    "p3alpha": "p3alpha:P3Alpha",
    "popularity": "popularity:Popularity",
    "rp3beta": "rp3beta:Rp3Beta",
    "salsa": "salsa:SalsaRanker",
    "web3recommend": "web3recommend:Web3Recommend",
}


def names() -> list[str]:
    """Return the names of all rankers, sorted."""
    return sorted(_CLASSES)


def by_name(name: str) -> AnyRanker:
    """Return a new ranker with its default parameters.

    Raises:
        ConfigError: there is no ranker of this name; the message lists those there are.
    """
    if name not in _CLASSES:
        raise ConfigError("ranker", name, f"known rankers: {', '.join(names())}")
    module, class_name = _CLASSES[name].split(":")
    ranker = getattr(importlib.import_module(f"{__name__}.{module}"), class_name)()
    if not isinstance(ranker, Ranker):
        raise TypeError(f"{module}.{class_name} is not a Ranker")
    return ranker
