"""Draw what grows with the number of identities: gain, mass, and what honest people lose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from peerrec_sim.measures.table import Table
from peerrec_sim.reports.theme import COLOURS, DASHES, MARKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_gain", "draw_losses", "draw_mass"]

COLUMNS = 2
"""Panels beside each other, where a picture has several."""

PANEL = (4.8, 3.0)
"""Inches of a panel."""

LEGEND_HEIGHT = 1.2
"""Inches below the panels."""


def draw_gain(curve: Table, figure: Figure) -> None:
    """Draw how many times more sybils have with so many identities than with none."""
    for axes, lines in _panels(curve, figure):
        axes.axhline(1.0, color="grey", linewidth=0.8)
        for nth, (label, rows) in enumerate(lines):
            _plot(axes, rows, "gain", label, nth)
        axes.set_ylabel("gain: merit ÷ merit without identities")
        axes.set_ylim(bottom=0.0)
    _finish(figure)


def draw_mass(curve: Table, figure: Figure) -> None:
    """Draw the share of merit that sybils have."""
    for axes, lines in _panels(curve, figure):
        for nth, (label, rows) in enumerate(lines):
            _plot(axes, rows, "mass", label, nth)
            axes.fill_between(
                rows["sybils"], rows["mass_low"], rows["mass_high"],
                color=COLOURS[nth % len(COLOURS)], alpha=0.2, linewidth=0,
            )  # fmt: skip
        axes.set_ylabel("share in the hands of sybils")
        axes.set_ylim(bottom=0.0)
    _finish(figure)


def draw_losses(curve: Table, figure: Figure) -> None:
    """Draw lists with promoted items, and what lists are worth."""
    left, right = figure.subplots(1, 2)
    for nth, (label, rows) in enumerate(_lines(curve)):
        _plot(left, rows, "target_hit", label, nth)
        _plot(right, rows, "ndcg", label, nth)
    left.set_ylabel("share of lists with a promoted item")
    right.set_ylabel("NDCG of honest people")
    for axes in (left, right):
        axes.set_ylim(bottom=0.0)
        _identities(axes)


def _plot(axes: Axes, rows: Table, column: str, label: str, nth: int) -> None:
    if not np.isnan(rows[column]).all():
        axes.plot(
            rows["sybils"], rows[column], linestyle=DASHES[nth % len(DASHES)],
            marker=MARKS[nth % len(MARKS)], color=COLOURS[nth % len(COLOURS)], label=label,
        )  # fmt: skip


def _lines(curve: Table) -> Iterator[tuple[str, Table]]:
    """Yield a label and the rows of each line: one ranker, attack and number of edges."""
    columns = (curve["ranker"].tolist(), curve["attack"].tolist(), curve["edges"].tolist())
    several = [len(set(column)) > 1 for column in columns]
    for ranker, attack, edges in sorted(set(zip(*columns, strict=True))):
        chosen = (curve["ranker"] == ranker) & (curve["attack"] == attack)
        rows = curve.take(chosen & (curve["edges"] == edges)).sorted_by("sybils")
        words = (ranker, attack, _edges(edges))
        kept = [word for word, varies in zip(words, several, strict=True) if varies]
        yield ", ".join(kept) or ranker, rows


def _panels(curve: Table, figure: Figure) -> list[tuple[Axes, list[tuple[str, Table]]]]:
    """Return axes with their lines: one for all, or one for each attack where those are many."""
    lines = list(_lines(curve))
    if len(lines) <= len(COLOURS):
        return [(figure.subplots(), lines)]
    attacks = sorted(set(zip(curve["attack"].tolist(), curve["edges"].tolist(), strict=True)))
    n_rows = -(-len(attacks) // COLUMNS)
    figure.set_size_inches(PANEL[0] * COLUMNS, PANEL[1] * n_rows + LEGEND_HEIGHT)
    found = []
    for place, (attack, edges) in enumerate(attacks, 1):
        axes = figure.add_subplot(n_rows, COLUMNS, place)
        axes.set_title(f"{attack}, {_edges(edges)}", fontsize="medium")
        rows = curve.take((curve["attack"] == attack) & (curve["edges"] == edges))
        found.append((axes, list(_lines(rows))))
    return found


def _finish(figure: Figure) -> None:
    """Give all axes their scale, and the legend its place."""
    for axes in figure.axes:
        _identities(axes, legend=len(figure.axes) == 1)
    if len(figure.axes) > 1:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=COLUMNS, fontsize="small")


def _edges(edges: int) -> str:
    return f"{edges} attack edge{'s' if edges != 1 else ''}"


def _identities(axes: Axes, *, legend: bool = True) -> None:
    """Give the axis of identities a logarithmic scale that has a place for none."""
    axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(left=0.0)
    axes.set_xlabel("invented identities")
    axes.grid(alpha=0.3)
    if legend and axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small")
