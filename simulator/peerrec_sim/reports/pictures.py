"""Draw a run: every picture has a title, says what it shows, and names its axes.

Example:
    >>> [picture.name for picture in PICTURES][:3]
    ['relevance', 'people', 'delivery']
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from peerrec.errors import ConfigError
from peerrec_sim.measures.columns import HONEST, message_types
from peerrec_sim.measures.summary import honest_at_end, lists_at_end
from peerrec_sim.measures.table import Table
from peerrec_sim.reports.curves import draw_gain, draw_losses, draw_mass
from peerrec_sim.reports.extras import needed
from peerrec_sim.reports.series import Series, over_time
from peerrec_sim.reports.theme import COLOURS, DASHES, Style, settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from peerrec_sim.measures.result import RunResult

__all__ = ["PICTURES", "Picture", "draw", "pictures_of"]

CDF_POINTS = 2_000


@dataclass(frozen=True, slots=True)
class Picture:
    """One kind of picture.

    Attributes:
        name: by which `draw` knows it and its file is called.
        title: what stands above it.
        shows: how to read it, for somebody who sees one for the first time.
        size: inches.
        has_data: whether a run has anything to draw.
        paint: draws it on a figure.
    """

    name: str
    title: str
    shows: str
    size: tuple[float, float]
    has_data: Callable[[RunResult], bool]
    paint: Callable[[RunResult, Figure], None]


def draw(result: RunResult, name: str, style: Style = "paper") -> Figure:
    """Return a picture of a run.

    Args:
        result: the run.
        name: of one of `PICTURES`.
        style: for print and notebooks, or for the report's page.

    Raises:
        ConfigError: there is no such picture, or matplotlib is not installed.
    """
    by_name = {picture.name: picture for picture in PICTURES}
    if name not in by_name:
        raise ConfigError("picture", name, "one of " + ", ".join(by_name))
    picture = by_name[name]
    matplotlib = needed("matplotlib", "drawing")
    figures = needed("matplotlib.figure", "drawing")
    with matplotlib.rc_context(settings(style)):
        figure: Figure = figures.Figure(figsize=picture.size, layout="constrained")
        if picture.has_data(result):
            picture.paint(result, figure)
        else:
            figure.text(0.5, 0.5, "The run measured nothing of this.", ha="center")
        if style == "paper":
            figure.suptitle(f"{picture.title} — {result.scenario.name}, seed {result.seed}")
    return figure


def pictures_of(result: RunResult) -> list[Picture]:
    """Return the pictures for which a run has data."""
    return [picture for picture in PICTURES if picture.has_data(result)]


# -- lines over time -----------------------------------------------------------------------


def _line(axes: Axes, series: Series, label: str, nth: int) -> None:
    """Draw a mean with its interval."""
    colour = COLOURS[nth % len(COLOURS)]
    mark = "o" if len(series) < 3 else ""
    axes.plot(series.x, series.mean, DASHES[nth % len(DASHES)], marker=mark, color=colour,
              label=label)  # fmt: skip
    if len(series) > 1:
        axes.fill_between(series.x, series.low, series.high, color=colour, alpha=0.2, linewidth=0)


def _time_axis(axes: Axes, result: RunResult) -> None:
    axes.set_xlabel("virtual seconds since the start")
    axes.set_xlim(0.0, max(result.virtual_s, 1.0))
    axes.set_ylim(bottom=0.0)
    axes.grid(alpha=0.3)
    orders = result.scenario.attackers
    if result.n_sybils and 0.0 < orders.start_s < result.virtual_s:
        axes.axvline(orders.start_s, color="grey", linestyle=":", label="attack begins")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small")


def _lists(result: RunResult) -> Table:
    """Return the rows of measured lists."""
    return result.nodes.take(~np.isnan(result.nodes["list_length"]))


def _honest(result: RunResult) -> Table:
    return result.nodes.take(result.nodes["role"] == HONEST)


def _relevance(result: RunResult, figure: Figure) -> None:
    axes = figure.subplots()
    lists = _lists(result)
    n = result.scenario.measures.n
    _line(axes, over_time(lists, lists["ndcg"]), "what gossip brought", 0)
    if len(result.oracle):
        level = float(np.nanmean(result.oracle["ndcg"]))
        axes.axhline(level, color=COLOURS[1], linestyle="--", label="with all data")
    axes.set_ylabel(f"NDCG@{n}, mean over egos")
    _time_axis(axes, result)


def _people(result: RunResult, figure: Figure) -> None:
    axes = figure.subplots()
    rows = lists_at_end(result)
    for nth, (label, values) in enumerate(
        (("what gossip brought", rows["ndcg"]), ("with all data", result.oracle["ndcg"]))
    ):
        known = np.sort(values[~np.isnan(values)])
        if len(known):
            share = (np.arange(len(known)) + 0.5) / len(known)
            axes.plot(share, known, DASHES[nth], color=COLOURS[nth], label=label)
    axes.axvspan(0.0, 0.1, alpha=0.12, color="grey", label="worst-served tenth")
    axes.set_xlabel("share of egos, worst served first")
    axes.set_ylabel(f"NDCG@{result.scenario.measures.n} at the end")
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(bottom=0.0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _delivery(result: RunResult, figure: Figure) -> None:
    axes = figure.subplots()
    table = result.deliveries
    latency = np.sort(table["delivered_at_s"] - table["published_at_s"])
    at = np.unique(np.linspace(0, len(latency) - 1, CDF_POINTS).astype(np.int64))
    seconds = np.maximum(latency[at], 1e-3)
    axes.step(seconds, (at + 1) / len(latency), where="post", color=COLOURS[0])
    for nth, quantile in enumerate((0.5, 0.99, 1.0), 1):
        value = float(np.quantile(latency, quantile))
        label = f"{'all' if quantile == 1.0 else f'{quantile:.0%}'} within {value:.3g} s"
        axes.axvline(max(value, 1e-3), color=COLOURS[nth], linestyle=DASHES[nth], label=label)
    axes.set_xscale("log")
    axes.set_xlabel("seconds from signing until stored by a follower")
    axes.set_ylabel(f"share of {len(latency):,} deliveries")
    axes.set_ylim(0.0, 1.02)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _merit(result: RunResult, figure: Figure) -> None:
    if len(result.curve):
        draw_gain(result.curve, figure)
        return
    left, right = figure.subplots(1, 2)
    lists = _lists(result)
    for nth, (label, chosen) in enumerate(
        (("the others", ~lists["attack_edge"]), ("who trusts a sybil", lists["attack_edge"]))
    ):
        rows = lists.take(chosen)
        if len(rows):
            _line(left, over_time(rows, rows["merit_mass_sybil"]), label, nth)
            hit = np.where(rows["target_hits"] > 0, 1.0, 0.0)
            _line(right, over_time(rows, hit), label, nth)
    left.set_ylabel("share of merit that sybils have")
    right.set_ylabel("share of lists with a promoted item")
    for axes in (left, right):
        _time_axis(axes, result)


def _flags(result: RunResult, figure: Figure) -> None:
    axes = figure.subplots()
    lists = _lists(result)
    labels = ("honest peers flagged: wrong", "sybils flagged: right")
    for nth, column in enumerate(("honest_flagged", "sybil_flagged")):
        series = over_time(lists, lists[column])
        if len(series):
            _line(axes, series, labels[nth], nth)
    axes.set_ylabel("share of peers reached")
    _time_axis(axes, result)


def _bytes(result: RunResult, figure: Figure) -> None:
    axes = figure.subplots()
    rows = honest_at_end(result)
    columns = [(kind, f"bytes_in_{kind}", f"bytes_out_{kind}") for kind in message_types()]
    totals = [
        (kind, float(rows[came].mean()) / 1024, float(rows[went].mean()) / 1024)
        for kind, came, went in columns
        if rows[came].any() or rows[went].any()
    ]
    totals.sort(key=lambda each: each[1] + each[2])
    places = np.arange(len(totals))
    sent, received = [each[2] for each in totals], [each[1] for each in totals]
    axes.barh(places + 0.2, sent, 0.38, color=COLOURS[0], label="sent")
    axes.barh(places - 0.2, received, 0.38, color=COLOURS[1], label="received", hatch="//")
    axes.set_yticks(places, [each[0].upper() for each in totals])
    axes.set_xlabel("KiB of an honest node, whole run, mean")
    axes.grid(alpha=0.3, axis="x")
    axes.legend(fontsize="small")


def _convergence(result: RunResult, figure: Figure) -> None:
    left, right = figure.subplots(1, 2)
    nodes = _honest(result)
    _line(left, over_time(nodes, nodes["missing_segments"]), "an ego lacks", 0)
    left.set_ylabel("segments of authors it follows, mean")
    online = nodes.take(nodes["online"])
    _line(right, over_time(online, online["segments"]), "an honest node holds", 1)
    right.set_ylabel("segments, mean")
    for axes in (left, right):
        _time_axis(axes, result)


def _links(result: RunResult, figure: Figure) -> None:
    axes = figure.subplots()
    nodes = _honest(result)
    nodes = nodes.take(nodes["online"])
    _line(axes, over_time(nodes, nodes["links"] - nodes["sybil_links"]), "to honest nodes", 0)
    if result.n_sybils:
        _line(axes, over_time(nodes, nodes["sybil_links"]), "to sybils", 1)
    axes.set_ylabel("links of an honest node, mean")
    _time_axis(axes, result)


def _memory(result: RunResult, figure: Figure) -> None:
    axes = figure.subplots()
    rows = honest_at_end(result)
    rows = rows.take(~np.isnan(rows["memory_bytes"]))
    axes.scatter(rows["segments"], rows["memory_bytes"] / 1024, color=COLOURS[0])
    axes.set_xlabel("segments that the node holds")
    axes.set_ylabel("KiB of node and store")
    axes.set_ylim(bottom=0.0)
    axes.grid(alpha=0.3)


WIDE, PLAIN = (9.0, 3.6), (6.4, 3.8)

PICTURES = (
    Picture(
        "relevance",
        "How good the lists are",
        "The mean NDCG of what the measured people would be shown at each moment, from nothing "
        "but what reached their own device; the band is the 95 % interval over people. The dashed "
        "line is the same ranker with everything that anybody publishes in the whole run.",
        PLAIN,
        lambda result: not np.isnan(result.nodes["ndcg"]).all(),
        _relevance,
    ),
    Picture(
        "people",
        "Who is served how well",
        "Each person's NDCG at the end, worst served on the left. A line that starts late above "
        "zero leaves people without any useful list.",
        PLAIN,
        lambda result: not np.isnan(result.nodes["ndcg"]).all(),
        _people,
    ),
    Picture(
        "delivery",
        "How long news takes",
        "For every segment and every honest node that got it: the time from its signature until "
        "it was stored there. The curve says which share took no longer; time is logarithmic. "
        "Nodes that were offline, or began to follow the author later, are in it.",
        PLAIN,
        lambda result: len(result.deliveries) > 0,
        _delivery,
    ),
    Picture(
        "merit",
        "What attackers win",
        "In a network: the share of merit in the hands of sybils, and the share of lists with an "
        "item that they promote, for people who trust one of them and for all others. In graph "
        "mode: how many times more merit they have with so many identities than with none; a flat "
        "line at 1 means that identities win nothing.",
        WIDE,
        lambda result: bool(len(result.curve)) or _is_attacked(result),
        _merit,
    ),
    Picture(
        "mass",
        "Merit that attackers hold",
        "The share of merit (or of score) in the hands of sybils, by the number of identities; "
        "the band is the 95 % interval over people.",
        PLAIN,
        lambda result: bool(len(result.curve)),
        lambda result, figure: draw_mass(result.curve, figure),
    ),
    Picture(
        "losses",
        "What honest people lose",
        "Left: the share of honest lists with a promoted item. Right: the NDCG of honest people. "
        "By the number of identities.",
        WIDE,
        lambda result: bool(len(result.curve)) and not np.isnan(result.curve["ndcg"]).all(),
        lambda result, figure: draw_losses(result.curve, figure),
    ),
    Picture(
        "flags",
        "Who is flagged",
        "Connectivity decay flags peers that are reached through one other peer alone. On honest "
        "peers that is a mistake.",
        PLAIN,
        lambda result: bool(np.nansum(result.nodes["honest_flagged"])) or _is_attacked(result),
        _flags,
    ),
    Picture(
        "bytes",
        "What it costs to take part",
        "Bytes that an honest node sent and received in the whole run, by type of message, before "
        "encryption. Bytes that were lost on the way are counted as sent.",
        PLAIN,
        lambda result: any(result.nodes[f"bytes_out_{kind}"].any() for kind in message_types()),
        _bytes,
    ),
    Picture(
        "convergence",
        "How far nodes are from agreement",
        "Left: segments that authors have signed and that people who follow them do not have yet. "
        "It falls to zero when everything has arrived. Right: what a node holds altogether.",
        WIDE,
        lambda result: not np.isnan(result.nodes["missing_segments"]).all(),
        _convergence,
    ),
    Picture(
        "links",
        "Who is linked with whom",
        "Links of an honest node that is online, and how many of them lead to sybils.",
        PLAIN,
        lambda result: bool(result.nodes["links"].any()),
        _links,
    ),
    Picture(
        "memory",
        "What a node takes in memory",
        "Some nodes with their stores at the end, each reckoned as if it were alone on a device.",
        PLAIN,
        lambda result: not np.isnan(result.nodes["memory_bytes"]).all(),
        _memory,
    ),
)
"""All pictures, in the order of the report."""


def _is_attacked(result: RunResult) -> bool:
    return result.n_sybils > 0 and not np.isnan(result.nodes["merit_mass_sybil"]).all()
