"""Measure merit and ranking under attack on the whole graph at once, without packets.

The same scenarios as those of the network, with ``mode = "graph"``. Everybody knows all
that honest people publish, so what remains is what an attack on the graph itself wins.

Example:
    >>> from peerrec_sim.scenario.schema import Attackers, Measures, Population, Scenario
    >>> result = run(Scenario(name="tiny", mode="graph", population=Population(nodes=60),
    ...     attackers=Attackers(kinds=("clone",), sybils=10, edges=2), measures=Measures(egos=5)))
    >>> result.table("curve")["sybils"].tolist(), result.complete
    ([0, 1, 10], True)
"""

from peerrec_sim.graph_level.running import run

__all__ = ["run"]
