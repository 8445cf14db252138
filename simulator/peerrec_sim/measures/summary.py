"""Say a run in single numbers, each the statistic of values that stand in its tables.

The same list of measures serves the summary in ``run.json``, the table of the report and
the comparison of runs, which needs the values themselves to tell change from noise.

Example:
    >>> from peerrec_sim.measures.columns import NODES
    >>> from peerrec_sim.measures.result import RunResult
    >>> from peerrec_sim.scenario.schema import Scenario
    >>> nodes = NODES.table(time_s=[9.0, 9.0], node=[0, 1], role=["honest"] * 2,
    ...     ndcg=[0.2, 0.4], list_length=[20, 20])
    >>> found = summary(RunResult(Scenario(name="tiny"), nodes=nodes))
    >>> round(found["ndcg"], 2)
    0.3
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec_sim.measures.columns import HONEST, message_types
from peerrec_sim.measures.deliveries import is_news
from peerrec_sim.measures.newcomers import WITHIN_S
from peerrec_sim.measures.table import Table
from peerrec_sim.metrics import worst_mean

if TYPE_CHECKING:
    from peerrec_sim.measures.result import RunResult

__all__ = ["MEASURES", "Measure", "Sample", "honest_at_end", "lists_at_end", "summary"]

Float64s: TypeAlias = npt.NDArray[np.float64]
Statistic: TypeAlias = Literal["mean", "worst10", "p50", "p99", "max"]

STATISTICS: dict[str, Callable[[Float64s], float]] = {
    "mean": lambda values: float(values.mean()),
    "worst10": worst_mean,
    "p50": lambda values: float(np.quantile(values, 0.5)),
    "p99": lambda values: float(np.quantile(values, 0.99)),
    "max": lambda values: float(values.max()),
}


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Values of one measure, and of whom each is.

    Attributes:
        keys: index of the node that each value is of; empty where they are of nobody.
        values: what was measured, no NaN.
    """

    keys: npt.NDArray[np.int64]
    values: Float64s


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of the summary.

    Attributes:
        name: its key.
        meaning: what it says, unit included.
        better: whether more of it is better, or less; "" where neither is.
        statistic: how it is made of the values.
        values: gives the values of a run; empty where the run has none.
    """

    name: str
    meaning: str
    better: Literal["more", "less", ""]
    statistic: Statistic
    values: Callable[[RunResult], Sample]

    def of(self, sample: Sample) -> float | None:
        """Return the number; None without values."""
        return STATISTICS[self.statistic](sample.values) if len(sample.values) else None


def lists_at_end(result: RunResult) -> Table:
    """Return the rows of the last moment at which lists were computed."""
    return _last(result.nodes, ~np.isnan(result.nodes["list_length"]))


def honest_at_end(result: RunResult) -> Table:
    """Return the rows of honest nodes at the last moment measured."""
    return _last(result.nodes, result.nodes["role"] == HONEST)


def _last(nodes: Table, kept: npt.NDArray[np.bool_]) -> Table:
    rows = nodes.take(kept)
    return rows.take(rows["time_s"] == rows["time_s"].max(initial=-np.inf))


def _sample(rows: Table, values: npt.ArrayLike) -> Sample:
    """Return the values that were measured."""
    column = np.asarray(values, np.float64)
    known = ~np.isnan(column)
    return Sample(rows["node"][known].astype(np.int64), column[known])


def _of_lists(column: str, *, without_edges: bool = False) -> Callable[[RunResult], Sample]:
    """Return what gives a column of the last lists.

    Whoever trusts an attacker asked for it: what attackers win is measured on the others.
    """

    def values(result: RunResult) -> Sample:
        rows = lists_at_end(result)
        if without_edges:
            rows = rows.take(~rows["attack_edge"])
        return _sample(rows, rows[column])

    return values


def _at_end(column: str) -> Callable[[RunResult], Sample]:
    def values(result: RunResult) -> Sample:
        rows = honest_at_end(result)
        return _sample(rows, rows[column])

    return values


def _attacked(values: Callable[[RunResult], Sample]) -> Callable[[RunResult], Sample]:
    """Say nothing in peace: a zero there would be no merit of anybody."""

    def guarded(result: RunResult) -> Sample:
        return values(result) if result.n_sybils else Sample(np.zeros(0, np.int64), np.zeros(0))

    return guarded


def _target_hit(result: RunResult) -> Sample:
    found = _of_lists("target_hits", without_edges=True)(result)
    return Sample(found.keys, (found.values > 0).astype(np.float64))


def _walk_target_hit(result: RunResult) -> Sample:
    found = _of_lists("walk_target_hits", without_edges=True)(result)
    return Sample(found.keys, (found.values > 0).astype(np.float64))


def _blended_target_hits(result: RunResult) -> Sample:
    """Return the share of blended lists with a promoted item, one value a moment."""
    rows = result.nodes.take(~np.isnan(result.nodes["walk_target_hits"]))
    rows = rows.take(~rows["attack_edge"])
    times = np.unique(rows["time_s"])
    shares = [float((rows["target_hits"][rows["time_s"] == at] > 0).mean()) for at in times]
    return Sample(np.zeros(0, np.int64), np.array(shares))


def _over_oracle(result: RunResult) -> Sample:
    """Return what each ego lost, as part of the mean that all could have."""
    rows, oracle = lists_at_end(result), result.oracle
    if not len(oracle) or not np.nanmean(oracle["ndcg"]):
        return Sample(np.zeros(0, np.int64), np.zeros(0))
    # A quotient of means: one person's own quotient means nothing where the oracle has 0.
    return _sample(rows, rows["ndcg"] / np.nanmean(oracle["ndcg"]))


def _oracle(result: RunResult) -> Sample:
    return _sample(result.oracle, result.oracle["ndcg"])


def _latency(result: RunResult) -> Sample:
    table = result.deliveries
    return _sample_of(table["receiver"], table["delivered_at_s"] - table["published_at_s"])


def _news(result: RunResult) -> Sample:
    """Return the latency of what is said to who follows its author already."""
    found, news = _latency(result), is_news(result.deliveries)
    return Sample(found.keys[news], found.values[news])


def _sample_of(keys: npt.NDArray[np.int32], values: Float64s) -> Sample:
    return Sample(keys.astype(np.int64), values)


def _sent(result: RunResult) -> Sample:
    rows = honest_at_end(result)
    total = sum(rows[f"bytes_out_{kind}"] for kind in message_types())
    return _sample(rows, np.asarray(total) / 1024.0)


def _factor_kb(result: RunResult) -> Sample:
    rows = honest_at_end(result)
    return _sample(rows, rows["factor_bytes"] / 1024.0)


def _private_ndcg(result: RunResult) -> Sample:
    rows = lists_at_end(result)
    rows = rows.take(rows["private"])
    return _sample(rows, rows["ndcg"])


def _private_in_tables(result: RunResult) -> Sample:
    rows = lists_at_end(result)
    rows = rows.take(rows["private"] & ~np.isnan(rows["own_items_told"]))
    return _sample(rows, rows["own_items_told"] > 0)


def _inferred(column: str, *, private: bool) -> Callable[[RunResult], Sample]:
    """Return what partners infer of egos, publishing nothing or something."""

    def values(result: RunResult) -> Sample:
        rows = lists_at_end(result)
        rows = rows.take(rows["private"] == private)
        return _sample(rows, rows[column])

    return values


def _exchanging(values: Callable[[RunResult], Sample]) -> Callable[[RunResult], Sample]:
    """Say nothing where nodes exchange no tables."""

    def guarded(result: RunResult) -> Sample:
        if result.scenario.node.factors:
            return values(result)
        return Sample(np.zeros(0, np.int64), np.zeros(0))

    return guarded


def _sybil_links(result: RunResult) -> Sample:
    rows = honest_at_end(result)
    rows = rows.take(rows["links"] > 0)
    return _sample(rows, rows["sybil_links"] / rows["links"])


def _newcomers(values: Callable[[RunResult, Table], npt.ArrayLike]) -> Callable[..., Sample]:
    """Return what gives a figure of those newcomers who came."""

    def of_them(result: RunResult) -> Sample:
        rows = honest_at_end(result)
        rows = rows.take(rows["newcomer"] & rows["online"])
        return _sample(rows, values(result, rows))

    return of_them


def _linked_in_time(result: RunResult, rows: Table) -> npt.ArrayLike:
    return np.nan_to_num(rows["linked_after_s"], nan=np.inf) <= WITHIN_S


def _linked_after_s(result: RunResult, rows: Table) -> npt.ArrayLike:
    return rows["linked_after_s"]


def _told_sybil(result: RunResult, rows: Table) -> npt.ArrayLike:
    return np.where(rows["told"] > 0, rows["told_sybil"] / np.maximum(rows["told"], 1.0), np.nan)


def _places_taken(result: RunResult, rows: Table) -> npt.ArrayLike:
    taken = rows["sybil_links"] - rows["sybil_links_dialled"]
    return taken / max(result.scenario.topology.incoming, 1)


def _memory_kb(result: RunResult) -> Sample:
    rows = honest_at_end(result)
    return _sample(rows, rows["memory_bytes"] / 1024.0)


MEASURES = (
    Measure("ndcg", "NDCG of what egos are shown", "more", "mean", _of_lists("ndcg")),
    Measure("recall", "recall of what egos are shown", "more", "mean", _of_lists("recall")),
    Measure("worst10_ndcg", "NDCG of the worst-served tenth", "more", "worst10", _of_lists("ndcg")),
    Measure("oracle_ndcg", "NDCG with all data", "", "mean", _oracle),
    Measure("ndcg_over_oracle", "NDCG ÷ NDCG with all data", "more", "mean", _over_oracle),
    Measure(
        "target_hit", "share of lists with a promoted item", "less", "mean",
        _attacked(_target_hit),
    ),
    Measure(
        "target_hit_walk", "the same by the walk alone, where tables are mixed in", "less", "mean",
        _attacked(_walk_target_hit),
    ),
    Measure(
        "target_hit_blended_max", "share of lists with tables mixed in and a promoted item, at "
        "the worst moment", "less", "max", _attacked(_blended_target_hits),
    ),
    Measure(
        "merit_mass_sybil", "share of merit that sybils have", "less", "mean",
        _attacked(_of_lists("merit_mass_sybil", without_edges=True)),
    ),
    Measure(
        "honest_flagged", "share of honest peers flagged", "less", "mean",
        _of_lists("honest_flagged"),
    ),
    Measure(
        "sybil_flagged", "share of reached sybils flagged", "more", "mean",
        _of_lists("sybil_flagged"),
    ),
    Measure("delivery_p50_s", "seconds to deliver, median", "less", "p50", _latency),
    Measure("delivery_p99_s", "seconds to deliver, 99 % within", "less", "p99", _latency),
    Measure("delivery_all_s", "seconds to deliver, the last", "less", "max", _latency),
    Measure("news_p50_s", "the same, of authors followed already: median", "less", "p50", _news),
    Measure("news_p99_s", "of these, 99 % within", "less", "p99", _news),
    Measure("news_all_s", "of these, the last", "less", "max", _news),
    Measure(
        "missing_segments", "segments of followed authors that an ego lacks", "less", "mean",
        _at_end("missing_segments"),
    ),
    Measure("segments", "segments an honest node holds", "", "mean", _at_end("segments")),
    Measure("sent_kb", "KiB an honest node sent", "less", "mean", _sent),
    Measure("memory_kb", "KiB of memory of a node", "less", "mean", _memory_kb),
    Measure("links", "links of an honest node", "", "mean", _at_end("links")),
    Measure(
        "factor_kb", "KiB of factor tables an honest node sent", "less", "mean",
        _exchanging(_factor_kb),
    ),
    Measure(
        "factor_versions", "factor tables an honest node served so far", "", "mean",
        _exchanging(_at_end("factor_version")),
    ),
    Measure(
        "private_ndcg", "NDCG of what egos who publish nothing are shown", "more", "mean",
        _private_ndcg,
    ),
    Measure(
        "private_in_tables", "share of egos who publish nothing of whom tables say something", "",
        "mean", _private_in_tables,
    ),
    Measure(
        "inferred_auc", "AUC of telling these egos' items from others as popular, for a partner "
        "who knows everything else in a table", "less", "mean",
        _inferred("inferred_auc", private=True),
    ),
    Measure(
        "inferred_tpr", "true positives at 1 % false ones, of this", "less", "mean",
        _inferred("inferred_tpr", private=True),
    ),
    Measure(
        "inferred_mixed_auc", "the AUC by a table that was averaged with others' since", "less",
        "mean", _inferred("inferred_mixed_auc", private=True),
    ),
    Measure(
        "inferred_public_auc", "the AUC for egos who publish: nothing is hidden", "", "mean",
        _inferred("inferred_auc", private=False),
    ),
    Measure(
        "sybil_link_share", "share of an honest node's links that lead to sybils", "less", "mean",
        _attacked(_sybil_links),
    ),
    Measure(
        "newcomers_linked", "share of newcomers with two honest links that they dialled, at once, "
        "within 300 s", "more", "mean",
        _newcomers(_linked_in_time),
    ),
    Measure(
        "newcomer_linked_p50_s", "seconds until a newcomer had them, median", "less", "p50",
        _newcomers(_linked_after_s),
    ),
    Measure(
        "newcomer_linked_all_s", "seconds until the last of those who had them had", "less", "max",
        _newcomers(_linked_after_s),
    ),
    Measure(
        "newcomer_told_sybil", "share of the addresses told to a newcomer that are sybils'", "",
        "mean", _attacked(_newcomers(_told_sybil)),
    ),
    Measure(
        "newcomer_places_taken", "share of a newcomer's places for incoming links that sybils have",
        "", "mean", _attacked(_newcomers(_places_taken)),
    ),
)  # fmt: skip
"""Every number of the summary, in the order in which reports show them."""


def summary(result: RunResult) -> dict[str, float]:
    """Return what is known of a run in single numbers, by the names of `MEASURES`.

    Behind them come the run's own figures and, in graph mode, the largest gain of each
    ranker and attack as ``gain/<ranker>/<attack>``, with ``/<edges>`` behind it where the
    run has several numbers of attack edges.
    """
    found: dict[str, float] = {}
    for measure in MEASURES:
        number = measure.of(measure.values(result))
        if number is not None:
            found[measure.name] = number
    return found | dict(_gains(result.curve)) | dict(sorted(result.figures.items()))


def _gains(curve: Table) -> Iterator[tuple[str, float]]:
    lines = zip(*(curve[name].tolist() for name in ("ranker", "attack", "edges")), strict=True)
    attacked = curve["edges"][curve["sybils"] > 0]
    several = len(np.unique(attacked)) > 1
    for ranker, attack, edges in sorted(set(lines)):
        rows = curve.take(
            (curve["ranker"] == ranker) & (curve["attack"] == attack) & (curve["edges"] == edges)
        )
        gain = rows["gain"][~np.isnan(rows["gain"])]
        if len(gain):
            name = f"gain/{ranker}/{attack}"
            yield f"{name}/{edges}" if several else name, float(gain.max())
