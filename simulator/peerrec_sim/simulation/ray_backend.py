"""Run shards as actors of Ray, on one machine or on many (extra ``peerrec[ray]``)."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

from peerrec.errors import ConfigError
from peerrec_sim.measures.snapshot import Snapshot
from peerrec_sim.scenario.schema import Scenario
from peerrec_sim.simulation.undisturbed import undisturbed
from peerrec_sim.simulation.worker import Ending, Report, Worker

__all__ = ["Ray", "started_ray"]


def started_ray(n_workers: int) -> Any:
    """Return the module ``ray``, connected: to RAY_ADDRESS, else to this machine alone.

    Args:
        n_workers: that will run at once.

    Raises:
        ConfigError: Ray is not installed.
    """
    try:
        import ray
    except ImportError:
        raise ConfigError("backend", "ray", "install it with pip install 'peerrec[ray]'") from None
    if not ray.is_initialized():
        alone = not os.environ.get("RAY_ADDRESS")
        ray.init(
            address="local" if alone else None,
            num_cpus=max(n_workers, 1) if alone else None,
            include_dashboard=False if alone else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    return ray


class Ray:
    """Each shard in an actor of its own."""

    def __init__(self, scenario: Scenario, shards: int) -> None:
        self._ray = started_ray(shards)
        actor = self._ray.remote(num_cpus=1)(Worker)
        self._actors = [actor.remote(scenario, number, shards) for number in range(shards)]

    def advance(self, end: float, mail: Sequence[list[bytes]]) -> list[Report]:
        """Hand every shard its mail, and let everything happen before a time."""
        pairs = zip(self._actors, mail, strict=True)
        with undisturbed():  # all shards go on to the same time, or none
            promised = [actor.advance.remote(end, blobs) for actor, blobs in pairs]
        return self._answers(promised)

    def snapshot(self, now: float, lists: bool, last: bool) -> list[Snapshot]:
        """Measure all participants."""
        return self._answers([each.snapshot.remote(now, lists, last) for each in self._actors])

    def ending(self) -> list[Ending]:
        """Return what the run leaves behind."""
        return self._answers([each.ending.remote() for each in self._actors])

    def close(self) -> None:
        """End the actors; Ray itself stays for who started it."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []

    def _answers(self, promised: list[Any]) -> list[Any]:
        from peerrec_sim.simulation.backends import WorkerLost

        found = []
        for shard, each in enumerate(promised):
            try:
                found.append(self._ray.get(each))
            except self._ray.exceptions.RayActorError as error:
                raise WorkerLost(shard, len(promised), str(error).splitlines()[0]) from None
        return found
