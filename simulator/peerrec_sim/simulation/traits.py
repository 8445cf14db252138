"""Draw what sets honest nodes apart: clocks, batteries, NAT, privacy, hours.

Example:
    >>> traits = Traits.drawn(Scenario(name="tiny"), 3)
    >>> traits.dialable.tolist(), traits.skew_s.tolist()
    ([True, True, True], [0.0, 0.0, 0.0])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.simulation.chance import Purpose, chance

__all__ = ["Traits", "part_of", "switches"]

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Traits:
    """What sets nodes apart; each column has one entry per honest node.

    Attributes:
        skew_s: how far its clock is ahead.
        battery: whether it saves power.
        dialable: whether others can dial it; not behind NAT.
        comes_and_goes: whether it has times offline.
        private: whether its person publishes nothing.
    """

    skew_s: npt.NDArray[np.float64]
    battery: Bools
    dialable: Bools
    comes_and_goes: Bools
    private: Bools

    @classmethod
    def drawn(cls, scenario: Scenario, n: int) -> Traits:
        """Draw them for n nodes; shares are met exactly, rounded."""
        rng = chance(scenario.seed, Purpose.TRAITS)
        work, links, churn = scenario.workload, scenario.links, scenario.churn
        skewed = _some(rng, n, work.skew_share)
        battery = _some(rng, n, scenario.node.battery_share)
        hidden = _some(rng, n, links.nat_share)
        moving = _some(rng, n, churn.share if churn.kind != "none" else 0.0)
        private = _some(rng, n, work.private_share)
        return cls(np.where(skewed, work.skew_s, 0.0), battery, ~hidden, moving, private)


def _some(rng: np.random.Generator, n: int, share: float) -> Bools:
    """Return a mask with this share of n, drawn."""
    order = rng.permutation(n)
    return np.asarray(order < round(share * n), np.bool_)


def part_of(scenario: Scenario, index: int) -> int:
    """Return in which part of the network a participant is while that is parted."""
    rng = chance(scenario.seed, Purpose.TRAITS, index)
    return int(rng.integers(scenario.links.parts))


def switches(scenario: Scenario, index: int) -> Iterator[tuple[float, bool]]:
    """Yield when a node goes offline (False) and comes back (True), seconds after the start.

    Everybody is online at the start, so that all begin with the same knowledge.
    """
    churn, rng = scenario.churn, chance(scenario.seed, Purpose.CHURN, index)
    daily = churn.kind == "daily"
    at = 0.0
    online_s = float(rng.uniform(0.0, churn.online_s)) if daily else _wait(rng, churn.online_s)
    while True:
        at += online_s
        if at >= scenario.length_s:
            return
        yield at, False
        at += churn.offline_s if daily else _wait(rng, churn.offline_s)
        if at >= scenario.length_s:
            return
        yield at, True
        online_s = churn.online_s if daily else _wait(rng, churn.online_s)


def _wait(rng: np.random.Generator, mean_s: float) -> float:
    return float(rng.exponential(mean_s))
