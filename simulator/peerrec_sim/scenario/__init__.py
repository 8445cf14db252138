"""Describe experiments in files that a person can read and change.

* `schema`: the tables and keys, with ranges and meanings.
* `loading`: shipped scenarios by name, others by path, checked.
* `overrides`: ``key=value`` from a command line.
* `estimate`: memory and time before anything starts.

Example:
    >>> from peerrec_sim.scenario import load
    >>> load("quiet").attackers.kinds
    ()
"""

from __future__ import annotations

from peerrec_sim.scenario.loading import checked, from_tables, load, names, to_tables
from peerrec_sim.scenario.schema import (
    Attackers,
    Churn,
    Links,
    Measures,
    MeritOptions,
    NodeOptions,
    Population,
    Scenario,
    Topology,
    Workload,
)

__all__ = [
    "Attackers",
    "Churn",
    "Links",
    "Measures",
    "MeritOptions",
    "NodeOptions",
    "Population",
    "Scenario",
    "Topology",
    "Workload",
    "checked",
    "from_tables",
    "load",
    "names",
    "to_tables",
]
