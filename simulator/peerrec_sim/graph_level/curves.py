"""Put what egos saw into points of a curve over the number of identities.

Example:
    >>> alone = point("peerrec", "clone", 1, 1, mass=[0.1, 0.3])
    >>> many = point("peerrec", "clone", 1, 10, mass=[0.2, 0.6])
    >>> curve_table([alone, many])["gain"].round(1).tolist()
    [1.0, 2.0]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peerrec_sim.measures.columns import CURVE
from peerrec_sim.measures.table import Table

__all__ = ["CurvePoint", "curve_table", "mean", "point", "sizes"]

NORMAL_95 = 1.96
"""Standard errors on either side of a mean that hold it with 95 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One row of the table `peerrec_sim.measures.columns.CURVE`, but its gain."""

    ranker: str
    attack: str
    edges: int
    sybils: int
    mass: float
    mass_low: float
    mass_high: float
    target_hit: float
    ndcg: float
    false_flags: float


def sizes(largest: int, *, all_decades: bool = True) -> tuple[int, ...]:
    """Return the numbers of identities of a curve: none, one, powers of ten, the largest.

    Args:
        largest: identities at the end of the curve, ≥ 0.
        all_decades: False leaves the powers of ten between out.
    """
    decades = [10**power for power in range(len(str(largest))) if 10**power < largest]
    between = decades if all_decades else decades[:1]
    return (0, *between, largest) if largest else (0,)


def point(
    ranker: str,
    attack: str,
    edges: int,
    sybils: int,
    *,
    mass: npt.ArrayLike,
    target_hit: npt.ArrayLike = (),
    ndcg: npt.ArrayLike = (),
    false_flags: npt.ArrayLike = (),
) -> CurvePoint:
    """Return means over egos, of the mass with an interval; columns not given are NaN."""
    masses = np.asarray(mass, np.float64)
    centre = mean(masses)
    error = float(masses.std(ddof=1)) / np.sqrt(len(masses)) if len(masses) > 1 else np.nan
    return CurvePoint(
        ranker=ranker,
        attack=attack,
        edges=edges,
        sybils=sybils,
        mass=centre,
        mass_low=float(np.maximum(0.0, centre - NORMAL_95 * error)),
        mass_high=centre + NORMAL_95 * error,
        target_hit=mean(target_hit),
        ndcg=mean(ndcg),
        false_flags=mean(false_flags),
    )


def mean(values: npt.ArrayLike) -> float:
    """Return the mean of what is known; NaN where nothing is."""
    column = np.asarray(values, np.float64)
    known = column[~np.isnan(column)]
    return float(known.mean()) if len(known) else float("nan")


def curve_table(points: Sequence[CurvePoint]) -> Table:
    """Return points as a table, with the gain of each.

    The gain is mass ÷ mass of the attacker alone: of the same ranker, attack and edges
    with the fewest identities that have any mass. That is none where the attacker is a
    person already, and else the one identity that the attack edges lead to.
    """
    fields = CurvePoint.__dataclass_fields__
    columns = {name: [getattr(each, name) for each in points] for name in fields}
    return CURVE.of(columns | {"gain": [each.mass / _alone(each, points) for each in points]})


def _alone(wanted: CurvePoint, points: Sequence[CurvePoint]) -> float:
    """Return the mass that an attacker has without a crowd; NaN where it has none."""
    same = [
        each
        for each in points
        if (each.ranker, each.attack, each.edges) == (wanted.ranker, wanted.attack, wanted.edges)
        and each.mass > 0
        and each.sybils <= 1
    ]
    return min(same, key=lambda each: each.sybils).mass if same else float("nan")
