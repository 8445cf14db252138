"""Tell a run on one page that needs nothing else: no script, no request, dark or light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from peerrec_sim.measures.summary import MEASURES
from peerrec_sim.reports.extras import needed
from peerrec_sim.reports.folder import file_of, machine, versions
from peerrec_sim.reports.pictures import draw, pictures_of
from peerrec_sim.reports.theme import svg_of
from peerrec_sim.scenario.schema import Scenario

if TYPE_CHECKING:
    from peerrec_sim.measures.result import RunResult

__all__ = ["flat", "number_text", "page"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: its key, what it says, and whether it deserves attention."""

    key: str
    value: str
    about: str = ""
    strong: bool = False


def page(result: RunResult) -> str:
    """Return the report of a run as HTML.

    Raises:
        ConfigError: jinja2 or matplotlib is not installed.
    """
    jinja = needed("jinja2", "a report")
    environment = jinja.Environment(
        loader=jinja.PackageLoader("peerrec_sim.reports", "."),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pictures = [
        {
            "name": picture.name,
            "title": picture.title,
            "shows": picture.shows,
            "svg": svg_of(draw(result, picture.name, "page"), picture.title),
        }
        for picture in pictures_of(result)
    ]
    text: str = environment.get_template("page.html").render(
        result=result,
        scenario=result.scenario,
        figures=_figures(result),
        pictures=pictures,
        settings=_settings(result.scenario),
        facts=_facts(result),
        tables=[
            {"schema": table.schema, "file": file_of(table.schema), "rows": len(table)}
            for table in result.tables()
        ],
    )
    return text


def _figures(result: RunResult) -> list[Line]:
    """Return the summary, each number with what it means."""
    meaning = {measure.name: measure.meaning for measure in MEASURES}
    return [
        Line(name, number_text(value), meaning.get(name, ""))
        for name, value in result.summary().items()
    ]


def _settings(scenario: Scenario) -> list[Line]:
    """Return the scenario's keys and values; those that are not the default stand out."""
    default = flat(msgspec.to_builtins(Scenario(name=scenario.name)))
    lines = []
    for key, value in flat(msgspec.to_builtins(scenario)).items():
        if key not in ("name", "description"):
            text = (
                ", ".join(map(str, value)) or "none"
                if isinstance(value, list | tuple)
                else str(value)
            )
            lines.append(Line(key, text, strong=default[key] != value))
    return lines


def flat(values: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Return nested tables as keys with their paths."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{path}{key}.")
        else:
            found[path + key] = value
    return found


def _facts(result: RunResult) -> list[Line]:
    """Return how the run came about."""
    rate = f"{result.events / result.wall_s:,.0f}" if result.wall_s > 0 else "unknown"
    lines = [
        Line("run", result.run_id),
        Line("seed", str(result.seed)),
        Line("trace hash", result.trace_hash or "none"),
        Line("nodes", f"{result.n_honest:,} honest, {result.n_sybils:,} of attackers"),
        Line("events", f"{result.events:,}"),
        Line("virtual time", f"{result.virtual_s:,.0f} s"),
        Line("computed in", f"{result.wall_s:,.1f} s, {rate} events a second"),
        Line("backend", f"{result.backend}, {result.shards} shard{'s' * (result.shards != 1)}"),
    ]
    lines += [Line(name, version) for name, version in versions().items()]
    return lines + [Line(name, str(value)) for name, value in machine().items()]


def number_text(value: float) -> str:
    """Return a number with four significant digits, thousands apart.

    Example:
        >>> number_text(0.123456), number_text(123456.7), number_text(12.0)
        ('0.1235', '123,457', '12')
    """
    if value != value:
        return "not known"
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
