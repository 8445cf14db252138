"""Rank for one node: merit, gate and walk in one call, and what a person should know.

The order of things on a device: who deserves to be heard (MeritRank, helped by the
bootstrap while friends are few), how much (the gate), and what follows (SALSA). A
ranking says in `notes` when something essential was missing, instead of filling in
what is merely popular.

Example:
    >>> from peerrec.ranking.graph import Graph
    >>> graph = Graph()
    >>> graph.extend(["me", "you", "you"], ["song:a", "song:a", "song:b"])
    >>> graph.set_trust("me", "you", 1.0, time=0.0)
    >>> ranking = rank(graph.snapshot(now=0.0), "me", np.random.default_rng(1))
    >>> [r.item for r in ranking.recommend(10)], ranking.notes
    (['song:b'], ())
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec.ranking.blend import BlendParameters
from peerrec.ranking.bootstrap import Bootstrap
from peerrec.ranking.graph import GraphSnapshot
from peerrec.ranking.interning import RawId
from peerrec.ranking.merit import Merit, MeritParameters
from peerrec.ranking.meritrank import sampled_merit
from peerrec.ranking.recommend import Recommendation, recommend, top_items
from peerrec.ranking.salsa import Salsa, SalsaParameters, Walk, gates
from peerrec.ranking.salsa_sampled import anytime_walk

__all__ = ["RankSettings", "Ranking", "gate_of", "notes_on", "rank", "walk_of"]

Int32s: TypeAlias = npt.NDArray[np.int32]
Float32s: TypeAlias = npt.NDArray[np.float32]

EXACT_EDGES_MAX = 2_000_000
"""Up to here the exact walk takes milliseconds; beyond it walkers are sampled."""

TABLE_SHARE = 0.2
"""Share of a table in a list before it was tuned on the device: NDCG@20 of devices with 51
people's records +11 % (ml-100k) and −2 % (lastfm-2k), with everybody's −.7 % and −2.8 %."""


class RankSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that shapes a node's ranking.

    Attributes:
        walk: shape of the SALSA walk.
        merit: how MeritRank walks.
        cap: > 0, merit beyond which a hub counts no more.
        gate_exponent: ≥ 0, power of the capped merit; below 1 lifts distant peers.
        bootstrap_weight: ≥ 0, how many friends the bootstrap list stands for.
        blend: how a served factor table is mixed in; without one it means nothing.
    """

    walk: SalsaParameters = SalsaParameters()
    merit: MeritParameters = MeritParameters(connectivity_decay=0.5)
    cap: float = 0.00015
    gate_exponent: float = 1.0
    bootstrap_weight: float = 10.0
    blend: BlendParameters = BlendParameters(share=TABLE_SHARE)

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        for key, low in (("cap", 1e-9), ("gate_exponent", 0.0), ("bootstrap_weight", 0.0)):
            value = getattr(self, key)
            if not low <= value <= 1e6:
                raise ConfigError(key, value, f"give {low} to 1e6")


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """What one node sees at one moment.

    Attributes:
        view: the graph that was ranked.
        ego: raw id of whose ranking it is.
        walk: where the walks went.
        merit: merit of the known peers; None where trust was not used.
        notes: sentences for the reader about what was missing; empty when nothing was.
    """

    view: GraphSnapshot
    ego: RawId
    walk: Walk
    merit: Merit | None
    notes: tuple[str, ...]

    def recommend(
        self,
        n: int,
        *,
        exclude_seen: bool = True,
        candidates: Collection[RawId] | None = None,
        muted: Collection[RawId] = (),
        reasons: int = 2,
        choose: Callable[[Float32s, int], Int32s] = top_items,
    ) -> list[Recommendation]:
        """Return the n best items with reasons; see `peerrec.ranking.recommend`."""
        return recommend(
            self.view,
            self.walk,
            self.ego,
            n,
            exclude_seen=exclude_seen,
            candidates=candidates,
            muted=muted,
            reasons=reasons,
            trusted=self.merit is not None,
            choose=choose,
        )


def rank(
    view: GraphSnapshot,
    ego: RawId,
    rng: np.random.Generator,
    settings: RankSettings | None = None,
    *,
    bootstrap: Sequence[RawId] = (),
    use_trust: bool = True,
) -> Ranking:
    """Return what one node should see.

    Args:
        view: its graph.
        ego: raw id of the node's user.
        rng: where the walkers' chance comes from.
        settings: the shape of everything; None for the defaults.
        bootstrap: raw ids of peers to borrow eyes from while friends are few; unknown
            ones are ignored.
        use_trust: False counts every user alike. Only for comparison: strangers then
            decide what is recommended.

    Raises:
        UnknownPeer: the graph does not know the ego.
    """
    options = settings or RankSettings()
    code = view.user(ego)
    if not use_trust:
        walk = walk_of(view, code, None, rng, options.walk)
        return Ranking(view, ego, walk, None, notes_on(view, code, None))
    known = [peer for peer in map(view.users.find, bootstrap) if peer is not None]
    merit, gate = gate_of(view, code, rng, options, known)
    walk = walk_of(view, code, gate, rng, options.walk)
    return Ranking(view, ego, walk, merit, notes_on(view, code, len(known)))


def gate_of(
    view: GraphSnapshot,
    ego: int,
    rng: np.random.Generator,
    settings: RankSettings,
    bootstrap: Sequence[int] = (),
) -> tuple[Merit, Float32s]:
    """Return merit seen from one ego, and what each hub may contribute, (n_users,).

    It depends on trust alone: while that stays as it is, so may the gate.

    Args:
        view: the graph.
        ego: user code.
        rng: where the walkers' chance comes from.
        settings: merit, cap and exponent, and the weight of the bootstrap.
        bootstrap: user codes of the peers to borrow eyes from.
    """
    merit = sampled_merit(view.trust, ego, settings.merit, rng)
    dense = merit.dense(view.interactions.n_users)
    if bootstrap:
        eyes = Bootstrap.walked(
            view.trust, bootstrap, settings.merit, rng, settings.bootstrap_weight
        )
        dense = eyes.lend(dense, float(view.trust.out_weight[ego]))
    return merit, gates(dense, settings.cap, settings.gate_exponent)


def walk_of(
    view: GraphSnapshot,
    ego: int,
    gate: Float32s | None,
    rng: np.random.Generator,
    parameters: SalsaParameters,
) -> Walk:
    """Return one ego's walk: exact while the graph is small enough, else sampled."""
    salsa = Salsa(view.interactions, parameters)
    if view.interactions.n_edges <= EXACT_EDGES_MAX:
        return salsa.walk(ego, gate)
    return anytime_walk(salsa, ego, rng, gate)


def notes_on(view: GraphSnapshot, ego: int, n_bootstrap: int | None) -> tuple[str, ...]:
    """Return what the reader of a list should know; n_bootstrap is None without trust."""
    notes = []
    if not len(view.interactions.items_of(ego)[0]):
        start = "nothing to start from" if n_bootstrap is None else "what trusted people have"
        notes.append(f"No interactions yet: ranked by {start}.")
    if n_bootstrap is not None and view.trust.out_weight[ego] == 0:
        instead = (
            f"seen through {n_bootstrap} bootstrap peers"
            if n_bootstrap
            else "nobody can be heard; trust someone, or use an invite"
        )
        notes.append(f"No trust given yet: {instead}.")
    return tuple(notes)
