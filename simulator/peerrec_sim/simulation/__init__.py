"""Run a scenario: real nodes on virtual time, over any number of processes or machines.

`Simulation` is what researchers call; `World` says who takes part, `Shard` runs a part of
them, a backend runs the shards.
"""

from peerrec_sim.simulation.simulation import Simulation

__all__ = ["Simulation"]
