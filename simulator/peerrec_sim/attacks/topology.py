"""Wire invented identities: who in the region trusts whom.

Identities are numbered 0 … n − 1, the first ``entries`` of them receive the attack edges.

Example:
    >>> source, target = wire("chain", 4, 1)
    >>> list(zip(source.tolist(), target.tolist()))
    [(0, 1), (1, 2), (2, 3)]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError

__all__ = ["Topology", "wire"]

Int32s = npt.NDArray[np.int32]
Edges = tuple[Int32s, Int32s]

Topology = Literal["star", "fan", "chain", "cycle"]
"""``star``: every entry trusts all others equally, and they trust back. ``fan``: without
trusting back (MeritRank's parallel attack). ``chain``: each trusts the next (serial).
``cycle``: a chain whose last trusts its entry."""


def wire(topology: Topology, n: int, entries: int) -> Edges:
    """Return (source, target) of the trust inside a region, without repetition.

    Several entries share all others in ``star`` and ``fan``, and head one chain or cycle
    each, as equal in length as possible, in ``chain`` and ``cycle``.

    Args:
        topology: the shape.
        n: number of identities, ≥ 1.
        entries: number of entries, 1 ≤ entries ≤ n.

    Raises:
        ConfigError: the shape is not known.
    """
    if topology not in get_args(Topology):
        raise ConfigError("topology", topology, f"use one of {', '.join(get_args(Topology))}")
    return _WIRES[topology](n, entries)


def _fan(n: int, entries: int) -> Edges:
    """Let every entry trust everybody else in the region, the other entries too."""
    source = np.repeat(np.arange(entries, dtype=np.int32), n - 1)
    other = np.tile(np.arange(n - 1, dtype=np.int32), entries)
    return source, other + (other >= source)


def _star(n: int, entries: int) -> Edges:
    """Let those who are no entry trust the entries back."""
    source, target = _fan(n, entries)
    back = target >= entries
    return np.concatenate([source, target[back]]), np.concatenate([target, source[back]])


def _chain(n: int, entries: int) -> Edges:
    """Let each trust the one that stands `entries` places behind it."""
    source = np.arange(max(0, n - entries), dtype=np.int32)
    return source, source + np.int32(entries)


def _cycle(n: int, entries: int) -> Edges:
    """Let the last of each chain trust its head."""
    source, target = _chain(n, entries)
    last = np.arange(max(entries, n - entries), n, dtype=np.int32)
    return np.concatenate([source, last]), np.concatenate([target, last % np.int32(entries)])


_WIRES: dict[Topology, Callable[[int, int], Edges]] = {
    "star": _star,
    "fan": _fan,
    "chain": _chain,
    "cycle": _cycle,
}
