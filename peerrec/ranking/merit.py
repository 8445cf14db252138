"""Say how merit is measured, and hold what was measured.

Example:
    >>> MeritParameters(walks=2_000).transitivity_decay
    0.3
    >>> MeritParameters(transitivity_decay=1.5)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    peerrec.errors.ConfigError: merit.transitivity_decay: 1.5 is not allowed; a ... in (0, 1]
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import get_args

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec.ranking.connectivity import ConnectivityRule

__all__ = ["Merit", "MeritParameters"]

Int32s = npt.NDArray[np.int32]
Float64s = npt.NDArray[np.float64]

WALKS_MAX = 10_000_000
"""About 250 bytes a walk while they are counted: more does not fit one device."""

STEPS_MAX = 10_000
"""The longest walk published systems allow."""


@dataclass(frozen=True, slots=True)
class MeritParameters:
    """How merit is measured; every field is checked when the object is made.

    MeritRank's third decay, ``epoch_decay``, is applied to the edges when a
    ``TrustGraph`` is read: see ``TrustGraph.snapshot``.

    Attributes:
        walks: random walks drawn, 1 … 10,000,000.
        transitivity_decay: probability that a walk stops before each hop, in (0, 1].
        connectivity_decay: part of its share through one predecessor that a flagged
            peer loses, in [0, 1]; 0 switches flags off.
        connectivity_threshold: share (or bound on it) from which a peer is flagged, [0, 1].
        connectivity_rule: ``published``, ``wilson`` or ``clopper-pearson``.
        connectivity_confidence: of the lower bound, in [0.5, 1).
        distrust: strength of other peers' distrust, ≥ 0; 0 ignores it.
        max_steps: hops a walk makes at most, 1 … 10,000; at the default decay of .3
            one walk in 10^15 is longer than 100.

    Raises:
        ConfigError: naming the field, the value and what is allowed.
    """

    walks: int = 10_000
    transitivity_decay: float = 0.3
    connectivity_decay: float = 0.0
    connectivity_threshold: float = 0.95
    connectivity_rule: ConnectivityRule = "wilson"
    connectivity_confidence: float = 0.95
    distrust: float = 1.0
    max_steps: int = 100

    def __post_init__(self) -> None:
        rules = get_args(ConnectivityRule)
        allowed = {
            "walks": (1 <= self.walks <= WALKS_MAX, f"an integer in 1 … {WALKS_MAX}"),
            "transitivity_decay": (0 < self.transitivity_decay <= 1, "a probability in (0, 1]"),
            "connectivity_decay": (0 <= self.connectivity_decay <= 1, "a share in [0, 1]"),
            "connectivity_threshold": (0 <= self.connectivity_threshold <= 1, "a share in [0, 1]"),
            "connectivity_rule": (self.connectivity_rule in rules, "one of " + ", ".join(rules)),
            "connectivity_confidence": (
                0.5 <= self.connectivity_confidence < 1,
                "a probability in [0.5, 1)",
            ),
            "distrust": (0 <= self.distrust < math.inf, "a number ≥ 0"),
            "max_steps": (1 <= self.max_steps <= STEPS_MAX, f"an integer in 1 … {STEPS_MAX}"),
        }
        for field in fields(self):
            good, what = allowed[field.name]
            if not good:
                raise ConfigError(f"merit.{field.name}", getattr(self, field.name), what)


@dataclass(frozen=True, slots=True)
class Merit:
    """Merit of the known peers, seen from one ego, in sparse form.

    Attributes:
        ego: whose view this is; it has no merit of its own here.
        nodes: int32 ascending, peers with merit above 0, shape (k,).
        shares: float64 in (0, 1], the share of walks that reach each, after distrust and
            connectivity decay, shape (k,).
        standard_errors: float64, sampling error of the share before those two; 0 where
            the form is exact, shape (k,).
        flagged: int32 ascending, peers flagged by connectivity decay.
    """

    ego: int
    nodes: Int32s
    shares: Float64s
    standard_errors: Float64s
    flagged: Int32s

    def dense(self, n_nodes: int) -> Float64s:
        """Return one share for each of ``n_nodes`` codes, 0 where there is none."""
        values = np.zeros(n_nodes)
        values[self.nodes] = self.shares
        return values

    def of(self, node: int) -> float:
        """Return one node's share, 0.0 where it has none."""
        at = int(np.searchsorted(self.nodes, node))
        known = at < len(self.nodes) and self.nodes[at] == node
        return float(self.shares[at]) if known else 0.0
