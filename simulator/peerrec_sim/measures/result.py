"""Hold what a run found, as tables, pictures and files.

A result is valid however early its run ended: `complete` says whether it did. Pictures
and files need the extra `peerrec[sim]`, which is imported when they are asked for.

Example:
    >>> from peerrec_sim.measures.columns import NODES
    >>> from peerrec_sim.scenario.schema import Scenario
    >>> nodes = NODES.table(time_s=[60.0], node=[0], role=["honest"], ndcg=[0.5])
    >>> result = RunResult(Scenario(name="tiny"), virtual_s=60.0, n_honest=1, nodes=nodes)
    >>> result.table("nodes")["ndcg"].tolist(), result.complete
    ([0.5], False)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from peerrec.errors import ConfigError
from peerrec_sim.measures.columns import CURVE, DELIVERIES, NODES, ORACLE
from peerrec_sim.measures.table import Table
from peerrec_sim.scenario.schema import Scenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["RunResult"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Tables:
    """The tables of a run; those that were not measured are empty."""

    nodes: Table = field(default_factory=NODES.table)
    deliveries: Table = field(default_factory=DELIVERIES.table)
    oracle: Table = field(default_factory=ORACLE.table)
    curve: Table = field(default_factory=CURVE.table)


@dataclass(frozen=True, slots=True, eq=False)
class RunResult(_Tables):
    """What a run found.

    Attributes:
        scenario: what was run; its ``seed`` is the one that counts.
        backend: where it ran.
        shards: into how many parts it was cut.
        trace_hash: of all events, hexadecimal; equal for equal runs. Where the run is not
            complete, of those that happened.
        events: how many there were.
        virtual_s: virtual seconds that passed.
        wall_s: seconds that it took.
        n_honest: honest nodes; they have the first indices.
        n_sybils: identities of attackers.
        complete: whether it went to its end.
        notes: sentences for the reader: what was left out, what went wrong.
        figures: further single numbers by name, as the run wants them reported.
        nodes, deliveries, oracle, curve: see `peerrec_sim.measures.columns`.
    """

    scenario: Scenario
    backend: str = "inline"
    shards: int = 1
    trace_hash: str = ""
    events: int = 0
    virtual_s: float = 0.0
    wall_s: float = 0.0
    n_honest: int = 0
    n_sybils: int = 0
    complete: bool = False
    notes: tuple[str, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """The scenario's seed."""
        return self.scenario.seed

    @property
    def run_id(self) -> str:
        """Name of the run: equal for the same scenario and seed, hexadecimal."""
        from peerrec_sim.reports.folder import run_id

        return run_id(self.scenario)

    def table(self, name: str) -> Table:
        """Return a table by name.

        Raises:
            ConfigError: there is no such table; names those there are.
        """
        names = _Tables.__slots__
        if name not in names:
            raise ConfigError("table", name, "one of " + ", ".join(names))
        table: Table = getattr(self, name)
        return table

    def tables(self) -> list[Table]:
        """Return the tables that hold anything."""
        return [table for name in _Tables.__slots__ if len(table := self.table(name))]

    def summary(self) -> dict[str, float]:
        """Return the run in single numbers; see `peerrec_sim.measures.summary`."""
        from peerrec_sim.measures.summary import summary

        return summary(self)

    def write(self, folder: Path | str) -> Path:
        """Write tables, run.json, pictures and report.html; return the report's path.

        Raises:
            ConfigError: the folder holds another run, or ``peerrec[sim]`` is not installed.
        """
        from peerrec_sim.reports.writing import write

        return write(self, Path(folder))

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the tables as plain values."""
        return {
            "scenario": msgspec.to_builtins(self.scenario),
            "seed": self.seed,
            "run_id": self.run_id,
            "backend": self.backend,
            "shards": self.shards,
            "trace_hash": self.trace_hash,
            "events": self.events,
            "virtual_s": self.virtual_s,
            "wall_s": self.wall_s,
            "n_honest": self.n_honest,
            "n_sybils": self.n_sybils,
            "complete": self.complete,
            "notes": list(self.notes),
            "figures": dict(sorted(self.figures.items())),
        }

    # -- pictures -----------------------------------------------------------------------

    def plot_relevance(self) -> Figure:
        """Return a picture: NDCG over time against the ranker that knows everything."""
        return self._picture("relevance")

    def plot_delivery(self) -> Figure:
        """Return a picture: share of deliveries that took no longer than a time."""
        return self._picture("delivery")

    def plot_merit(self) -> Figure:
        """Return a picture: what attackers win, in merit and on lists."""
        return self._picture("merit")

    def plot_bytes(self) -> Figure:
        """Return a picture: bytes by type of message."""
        return self._picture("bytes")

    def plot_convergence(self) -> Figure:
        """Return a picture: how much is still under way over time."""
        return self._picture("convergence")

    def _picture(self, name: str) -> Figure:
        from peerrec_sim.reports.pictures import draw

        return draw(self, name)
