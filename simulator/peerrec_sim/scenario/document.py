r"""Write the tables of `docs/scenarios.md` from the schema and the shipped files.

Run ``python -m peerrec_sim.scenario.document docs/scenarios.md`` after a change of either;
a test compares. With a folder behind it that holds a run of each scenario under its name,
the table of results is written, too. Text between the markers is replaced, the rest stays.

Example:
    >>> print(refreshed("<!-- begin: x -->\nold\n<!-- end: x -->", {"x": "new"}))
    <!-- begin: x -->
    new
    <!-- end: x -->
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import msgspec

from peerrec.errors import DataError
from peerrec_sim.scenario import schema
from peerrec_sim.scenario.estimate import sybils
from peerrec_sim.scenario.keys import by_path, shown
from peerrec_sim.scenario.loading import load, names

__all__ = ["Path", "key_tables", "refreshed", "results_table", "scenario_table", "tables"]


RESULTS = (
    "ndcg",
    "ndcg_over_oracle",
    "target_hit",
    "merit_mass_sybil",
    "sybil_link_share",
    "news_p99_s",
    "news_all_s",
)
"""Figures of the table of results."""


class _Run(msgspec.Struct):
    """What is read of ``run.json``."""

    complete: bool
    wall_s: float
    trace_hash: str
    summary: dict[str, float | None]

    @property
    def gain(self) -> float | None:
        """The largest gain of any attack against our ranking; None where not measured."""
        gains = [
            value
            for key, value in self.summary.items()
            if key.startswith("gain/peerrec/") and value is not None
        ]
        return max(gains, default=None)


def tables() -> dict[str, str]:
    """Return the generated parts of the document, by the names of their markers."""
    return {"keys": key_tables(), "shipped": scenario_table()}


def refreshed(text: str, parts: Mapping[str, str]) -> str:
    """Return a document with what stands between markers replaced.

    Raises:
        DataError: a part's markers are not there.
    """
    for name, part in parts.items():
        marked = re.compile(rf"(<!-- begin: {name} -->\n).*?(<!-- end: {name} -->)", re.DOTALL)
        if not marked.search(text):
            raise DataError(f"the document has no lines <!-- begin: {name} --> and <!-- end … -->")
        text = marked.sub(partial(_between, part), text)
    return text


def _between(part: str, found: re.Match[str]) -> str:
    """Return the markers that were found with a part between them."""
    return f"{found[1]}{part}\n{found[2]}"


def key_tables() -> str:
    """Return one table per table of a scenario, in Markdown."""
    lines: list[str] = []
    for table, group in itertools.groupby(
        by_path().values(), key=lambda key: key.path.rpartition(".")[0]
    ):
        lines += [f"### `[{table}]`" if table else "### Above all tables", "", _about(table), ""]
        lines += _markdown(
            ("key", "default", "allowed", "meaning"),
            (
                (f"`{key.name}`", f"`{shown(key.default)}`" if shown(key.default) else "–",
                 key.allowed, key.meaning)
                for key in group
            ),
        )  # fmt: skip
        lines.append("")
    return "\n".join(lines[:-1])


def scenario_table() -> str:
    """Return one row per shipped scenario, in Markdown."""
    rows = []
    for name in names():
        scenario = load(name)
        attackers = scenario.attackers
        who = f"{', '.join(attackers.kinds)}: {sybils(scenario):,}" if attackers.kinds else "–"
        people = f"{scenario.population.nodes:,}"
        if scenario.population.source == "dataset":
            people += f" of {scenario.population.dataset}"
        length = f"{scenario.length_s:,.0f} s" if scenario.mode == "network" else "graph"
        rows.append((f"`{name}`", people, length, who, scenario.description))
    return "\n".join(_markdown(("scenario", "people", "length", "attackers", "shows"), rows))


def results_table(folder: Path) -> str:
    """Return one row per shipped scenario that has a complete run in a folder, in Markdown.

    Raises:
        DataError: a file of a run cannot be read.
    """
    rows = []
    for name in names():
        file = folder / name / "run.json"
        if not file.exists():
            continue
        try:
            said = msgspec.json.decode(file.read_bytes(), type=_Run)
        except msgspec.MsgspecError as error:
            raise DataError(f"{file}: this is not the file of a run: {error}") from error
        if said.complete:
            found = [*(said.summary.get(key) for key in RESULTS), said.gain]
            rows.append(
                (
                    f"`{name}`",
                    *("–" if value is None else f"{value:.3g}" for value in found),
                    f"{said.wall_s:.0f} s",
                    f"`{said.trace_hash[:8]}`",
                )
            )
    head = ("scenario", *(f"`{key}`" for key in RESULTS), "gain", "took", "trace")
    return "\n".join(_markdown(head, rows))


def _about(table: str) -> str:
    """Return the first line of a table's docstring."""
    if not table:
        return "What is run, and for how long."
    kind = schema.Scenario.__annotations__[table]
    return str(getattr(schema, str(kind)).__doc__).splitlines()[0]


def _markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return the lines of a table."""
    names = list(head)
    lines = [_row(names), "|" + "---|" * len(names)]
    return lines + [_row(row) for row in rows]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(document: Path, runs: Path | None = None) -> None:
    """Write a document anew, its table of results where there is a folder of runs."""
    parts = tables() | ({} if runs is None else {"results": results_table(runs)})
    document.write_text(refreshed(document.read_text(encoding="utf-8"), parts), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
