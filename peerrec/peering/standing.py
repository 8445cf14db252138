"""Measure where peers stand with this node: merit from the trust that its store knows.

This is the one place where replication meets ranking: the same MeritRank that gates
what is recommended decides whose logs are worth keeping.

Example:
    >>> from peerrec.store import TrustEdge
    >>> from peerrec.store.memory import MemoryStore
    >>> store = MemoryStore()
    >>> store.trust(TrustEdge("me", bytes(32), 1.0, 60.0))
    >>> standing = Standing(store, "me", MeritParameters(walks=500), half_life_s=1e6, seed=1)
    >>> standing.refresh(60.0)
    True
    >>> sorted(standing.merit) == [bytes(32)]
    True
"""

from __future__ import annotations

import numpy as np

from peerrec.ranking.bootstrap import Bootstrap
from peerrec.ranking.merit import MeritParameters
from peerrec.ranking.meritrank import sampled_merit
from peerrec.ranking.rank import RankSettings
from peerrec.ranking.trust_snapshot import TrustSnapshot
from peerrec.store import Mark, RawId, Store

__all__ = ["Standing"]

REFRESH_S = 3_600.0
"""Age at which merit is measured again though nobody stated anything: trust decays slowly."""

SETTLE_S = 5.0
"""Least time between two measurements: a flood of statements costs one."""


class Standing:
    """Merit of peers, seen from one store.

    Args:
        store: holds the trust edges.
        me: raw id of its person there.
        parameters: how merit is measured.
        half_life_s: of trust.
        seed: of the walks: the same trust and seed give the same merit.

    Attributes:
        merit: share of walks that reach each peer, by peer id; 0 where absent.
        blocked: peers that the person blocked and authors whose log forked; one set for ever,
            so that its `__contains__` can be handed on: every message asks it.
        bootstrap: peers to look through while own friends are few (invites).
    """

    def __init__(
        self,
        store: Store,
        me: RawId,
        parameters: MeritParameters,
        *,
        half_life_s: float,
        seed: int,
    ) -> None:
        self.merit: dict[bytes, float] = {}
        self.blocked: set[bytes] = set()
        self.bootstrap: tuple[bytes, ...] = ()
        self._store = store
        self._me = me
        self._parameters = parameters
        self._half_life_s = half_life_s
        self._seed = seed
        self._known: tuple[object, ...] = ()
        self._measured_at = -np.inf

    def refresh(self, now: float) -> bool:
        """Measure again where something changed; return whether it was done."""
        age = now - self._measured_at
        if 0.0 <= age < SETTLE_S:
            return False
        marks = frozenset(
            row.subject
            for row in self._store.marks()
            if row.mark in (Mark.BLOCK, Mark.FORKED) and isinstance(row.subject, bytes)
        )
        known = (self._store.cursor().trust, marks, self.bootstrap)
        if known == self._known and 0.0 <= age < REFRESH_S:
            return False
        self._known, self._measured_at = known, now
        self.blocked.clear()
        self.blocked.update(marks)
        self.merit = self._measure(now)
        return True

    @property
    def is_due(self) -> bool:
        """Whether trust changed since it was measured: `refresh` waits for more of it to come."""
        return self._known[:1] != (self._store.cursor().trust,)

    def _measure(self, now: float) -> dict[bytes, float]:
        edges, names = self._store.trust_edges(), self._store.peers()
        codes: dict[RawId, int] = {self._me: 0}
        for raw in (*names.ids, *self.bootstrap):
            codes.setdefault(raw, len(codes))
        of_position = np.array([codes[raw] for raw in names.ids], np.int32)
        source = of_position[names.positions(edges.source)] if len(edges) else edges.source
        target = of_position[names.positions(edges.target)] if len(edges) else edges.target
        weight = edges.weight
        if np.isfinite(self._half_life_s):
            age = np.maximum(now - edges.time, 0.0)
            weight = (weight * np.exp2(-age / self._half_life_s)).astype(np.float32)
        walls = np.array([codes[peer] for peer in sorted(self.blocked) if peer in codes], np.int32)
        kept = ~((source == 0) & np.isin(target, walls))
        trust = TrustSnapshot.from_edges(
            np.concatenate([source[kept], np.zeros(len(walls), np.int32)]),
            np.concatenate([target[kept], walls]),
            np.concatenate([weight[kept], np.full(len(walls), -1.0, np.float32)]),
            len(codes),
        )
        return self._shares(trust, codes)

    def _shares(self, trust: TrustSnapshot, codes: dict[RawId, int]) -> dict[bytes, float]:
        rng = np.random.default_rng(self._seed)
        dense = sampled_merit(trust, 0, self._parameters, rng).dense(trust.n_nodes)
        if self.bootstrap:
            eyes = [codes[peer] for peer in self.bootstrap]
            weight = RankSettings().bootstrap_weight
            lent = Bootstrap.walked(trust, eyes, self._parameters, rng, weight)
            dense = lent.lend(dense, float(trust.out_weight[0]))
        raws = list(codes)
        found = ((raws[at], float(dense[at])) for at in np.flatnonzero(dense > 0).tolist())
        return {
            raw: share for raw, share in found if isinstance(raw, bytes) and raw not in self.blocked
        }

    def walk_ends(self, rng: np.random.Generator, n: int) -> list[bytes]:
        """Draw ``n`` peers as merit walks would end on them; none where nobody has merit.

        Args:
            rng: where chance comes from.
            n: so many walks.
        """
        if not self.merit:
            return []
        peers = sorted(self.merit)
        shares = np.array([self.merit[peer] for peer in peers])
        up_to = np.cumsum(shares / shares.sum())
        return [peers[at] for at in np.searchsorted(up_to / up_to[-1], rng.random(n), "right")]
