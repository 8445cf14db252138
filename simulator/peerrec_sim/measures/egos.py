"""Look through one person's eyes: the list they would see, and whom they hear.

The list is made by the facade's own code from the store that gossip filled: the very
ranking that an app shows. Nothing in here changes the store or draws from the node's
chance, so a run is the same however often it is measured.

Example:
    >>> from peerrec.store import Interaction, TrustEdge
    >>> from peerrec.store.memory import MemoryStore
    >>> store = MemoryStore()
    >>> ann = bytes(32)
    >>> for author, item in (("me", "song:a"), (ann, "song:a"), (ann, "song:b")):
    ...     store.record(Interaction(author, item, time=60.0))
    >>> store.trust(TrustEdge("me", ann, time=60.0))
    >>> ego = Ego(["song:b"], targets=[], options=EgoOptions(n=20))
    >>> seen = ego.look(store, now=120.0, honest={ann: 1})
    >>> seen["ndcg"], seen["list_length"], seen["merit_mass_sybil"]
    (1.0, 1.0, 0.0)
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from peerrec.facade.lists import listed
from peerrec.facade.live_graph import LiveGraph
from peerrec.facade.sight import Sight
from peerrec.ids import item_hash
from peerrec.limits import HALF_LIFE_S
from peerrec.ranking.merit import Merit, MeritParameters
from peerrec.ranking.rank import RankSettings
from peerrec.store import RawId, Store
from peerrec_sim import metrics
from peerrec_sim.scenario.schema import Scenario

__all__ = ["Ego", "EgoOptions", "choose_egos", "relevance"]

ME = "me"


@dataclass(frozen=True, slots=True, kw_only=True)
class EgoOptions:
    """How every ego ranks.

    Attributes:
        n: length of the lists.
        settings: shape of the ranking.
        use_trust: whether trust decides who is heard.
        half_life_s: of interactions and trust.
        seed: of the walkers.
    """

    n: int = 20
    settings: RankSettings = field(default_factory=RankSettings)
    use_trust: bool = True
    half_life_s: float = HALF_LIFE_S
    seed: int = 0

    @classmethod
    def of(cls, scenario: Scenario) -> EgoOptions:
        """Return what a scenario says."""
        merit = MeritParameters(
            walks=scenario.merit.walks,
            transitivity_decay=scenario.merit.transitivity_decay,
            connectivity_decay=scenario.merit.connectivity_decay,
        )
        return cls(
            n=scenario.measures.n,
            settings=RankSettings(merit=merit),
            use_trust=scenario.population.trust != "none",
            seed=scenario.seed,
        )


class Ego:
    """One person whose list is measured; keeps the graph between measurements.

    Args:
        wanted: items held out of this person's history: those a good list brings back.
        targets: items that attackers promote.
        options: how it ranks.
    """

    def __init__(
        self, wanted: Iterable[RawId], targets: Iterable[RawId], options: EgoOptions
    ) -> None:
        # Compared by hash: an item may be known here without its name.
        self._wanted = frozenset(map(item_hash, wanted))
        self._targets = frozenset(map(item_hash, targets))
        self._options = options
        self._sight: tuple[Store, Sight] | None = None

    def look(self, store: Store, now: float, honest: Container[RawId]) -> dict[str, float]:
        """Return what the person sees now, as columns of the table of nodes.

        Args:
            store: what reached this person.
            now: unix seconds.
            honest: peer ids of honest people; whoever else has merit is a sybil.
        """
        sight = self._look_at(store)
        view = sight.view(now)
        hits: dict[str, float] = {}
        if self._targets and sight.table(view) is not None:
            hits["walk_target_hits"] = self._hits(self._hashes(sight, now, factors=False))
        hashes = self._hashes(sight, now)
        figures = relevance(hashes, self._wanted, self._options.n) | hits
        figures["target_hits"] = self._hits(hashes)
        merit = sight.hearing(view).merit
        if merit is not None:
            figures |= merit_figures(
                merit, view.users.raw(merit.nodes.tolist()), view.users.raw(merit.flagged.tolist()),
                honest,
            )  # fmt: skip
        return figures

    def _hashes(self, sight: Sight, now: float, *, factors: bool = True) -> list[bytes]:
        best = listed(sight, now, self._options.n, reasons=0, factors=factors).items
        return [item_hash(item) for item in best]

    def _hits(self, hashes: Sequence[bytes]) -> float:
        return float(sum(each in self._targets for each in hashes))

    def _look_at(self, store: Store) -> Sight:
        """Return the sight of a store; a new one where the person came back with another."""
        if self._sight is None or self._sight[0] is not store:
            options = self._options
            graph = LiveGraph(store, ME, half_life_s=options.half_life_s)
            sight = Sight(
                graph, store, ME, options.settings, use_trust=options.use_trust, seed=options.seed
            )
            self._sight = (store, sight)
        else:
            self._sight[1].changed()  # forks are marks, and those come from the network, too
        return self._sight[1]


def relevance(listed: Sequence[bytes], wanted: frozenset[bytes], n: int) -> dict[str, float]:
    """Return ndcg, recall and length of a list; NaN where nothing was held out.

    Args:
        listed: hashes of the items, best first, at most n.
        wanted: hashes of the items held out.
        n: places of the list; those not filled are without a hit.
    """
    length = {"list_length": float(len(listed))}
    if not wanted:
        return length | {"ndcg": np.nan, "recall": np.nan}
    hit: npt.NDArray[np.bool_] = np.zeros((1, n), np.bool_)
    hit[0, : len(listed)] = [item in wanted for item in listed]
    relevant = np.array([len(wanted)], np.int32)
    return length | {
        "ndcg": float(metrics.ndcg(hit, relevant)[0]),
        "recall": float(metrics.recall(hit, relevant)[0]),
    }


def merit_figures(
    merit: Merit, reached: Sequence[RawId], flagged: Sequence[RawId], honest: Container[RawId]
) -> dict[str, float]:
    """Return how much merit sybils have, and who is flagged, rightly and wrongly."""
    is_honest: npt.NDArray[np.bool_] = np.array([raw in honest for raw in reached], np.bool_)
    total = float(merit.shares.sum())
    false = sum(raw in honest for raw in flagged)
    n_honest, n_sybils = int(is_honest.sum()), int((~is_honest).sum())
    return {
        "merit_mass_sybil": float(merit.shares[~is_honest].sum()) / total if total else 0.0,
        "merit_peers": float(len(reached)),
        "honest_flagged": false / n_honest if n_honest else 0.0,
        "sybil_flagged": (len(flagged) - false) / n_sybils if n_sybils else np.nan,
    }


def choose_egos(with_held_out: Sequence[int], n: int, seed: int) -> tuple[int, ...]:
    """Return whose lists are measured: a seeded draw of n people, ascending.

    Args:
        with_held_out: indices of honest people of whom something was held out.
        n: how many; all where there are no more.
        seed: of the draw.
    """
    people = np.unique(np.asarray(with_held_out, np.int64))
    rng = np.random.default_rng([seed, len(people)])
    chosen = rng.choice(people, min(n, len(people)), replace=False)
    return tuple(np.sort(chosen).tolist())
