"""Hold what an evaluation found, and say it as one JSON object.

Example:
    >>> point = AttackResult(10, 1, 0.2, 0.3, 0.01, None, 0.0, None)
    >>> point.target_hit
    0.01
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["AttackResult", "Evaluation"]


class AttackResult(msgspec.Struct, frozen=True):
    """One point of the Sybil curve, on the same honest users as in peace.

    Attributes:
        sybils: number of identities.
        attack_edges: number of honest users who trust one of them.
        recall: mean recall of honest users.
        ndcg: mean NDCG of honest users.
        target_hit: share of lists with a target, trusting users left out.
        sybil_merit: mean share of merit in the region, trusting users left out; None
            where the ranker has no merit to show.
        ndcg_loss: share of the NDCG in peace that is lost; negative where it rose.
        false_flag_rate: mean share of honest users and items flagged, or None.
    """

    sybils: int
    attack_edges: int
    recall: float
    ndcg: float
    target_hit: float | None
    sybil_merit: float | None
    ndcg_loss: float
    false_flag_rate: float | None


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """How well a ranker serves a community; all figures of lists are at n.

    Attributes:
        dataset: name of the community.
        ranker: name of the ranker.
        parameters: the ranker's parameters.
        trust: ``friends`` where trust edges were ranked with, else ``none``.
        users: number of users with a held-out item that were served.
        n: length of the lists.
        seed: what sampling and drawing was derived from.
        recall: mean over users, as the next ones.
        ndcg: normalised discounted cumulative gain.
        precision: hits / n.
        coverage: share of the catalogue on any list.
        gini: inequality of exposure over the catalogue.
        novelty: mean −log2(share of users who have the item).
        worst10_ndcg: NDCG of the worst-served 10 % of users.
        cold_ndcg: NDCG of users with < 20 training items, None without any.
        ils: intra-list similarity over ≤ 1,000 sampled users.
        false_flag_rate: in peace; None where the ranker flags nothing.
        attack: name of the attack, None in peace.
        curve: one result per number of identities and of attack edges.
        seconds: wall time of everything, the fits included.
        fit_seconds: wall time of the fit in peace.
        peak_rss_mb: peak resident memory of this process plus its largest child.
    """

    dataset: str
    ranker: str
    parameters: dict[str, Any]
    trust: str
    users: int
    n: int
    seed: int
    recall: float
    ndcg: float
    precision: float
    coverage: float
    gini: float
    novelty: float
    worst10_ndcg: float
    cold_ndcg: float | None
    ils: float
    false_flag_rate: float | None
    attack: str | None
    curve: list[AttackResult]
    seconds: float
    fit_seconds: float
    peak_rss_mb: float

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints: list metrics carry their @n.

        Under attack the worst value over all points of the curve stands at the top
        level, too; with a single point that is the point itself.
        """
        fields = _at_n(msgspec.structs.asdict(self), self.n)
        del fields["curve"]
        if self.attack is None:
            del fields["attack"]
            return fields
        worst = {key: self._worst(key) for key in _ATTACK_KEYS}
        points = [_at_n(msgspec.structs.asdict(point), self.n) for point in self.curve]
        return fields | _at_n(worst, self.n) | {"curve": points}

    def _worst(self, key: str) -> float | None:
        """Return the largest known value of a figure over the curve."""
        known = [value for value in (getattr(p, key) for p in self.curve) if value is not None]
        return max(known, default=None)


_LIST_METRICS = {
    "recall",
    "ndcg",
    "precision",
    "coverage",
    "gini",
    "novelty",
    "worst10_ndcg",
    "cold_ndcg",
    "ils",
    "target_hit",
}
_ATTACK_KEYS = ("target_hit", "sybil_merit", "ndcg_loss", "false_flag_rate")


def _at_n(fields: dict[str, Any], n: int) -> dict[str, Any]:
    """Return the fields with @n behind the names of list metrics."""
    return {f"{key}@{n}" if key in _LIST_METRICS else key: value for key, value in fields.items()}
