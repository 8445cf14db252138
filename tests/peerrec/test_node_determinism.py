"""The same seed gives the same bytes on the wire, whatever the order of sets and dicts."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from schedules import Schedule

from peerrec.testing.virtual_network import VirtualNetwork

REPOSITORY = Path(__file__).resolve().parents[2]

SCRIPT = """
from test_node_determinism import wire_digest
print(wire_digest(11))
"""


def wire_digest(seed: int) -> str:
    """Return a digest of all that is sent in a schedule: when, by whom, to whom, what."""
    schedule = Schedule(seed, n_steps=10)
    digest = hashlib.blake2b()

    def note(time: float, sender: bytes, receiver: bytes, data: bytes) -> None:
        digest.update(repr((time, sender, receiver, data)).encode())

    schedule.network.watch = note
    schedule.run()
    assert schedule.network.counters["sent"] > 100
    return digest.hexdigest()


def in_a_new_process(hash_seed: str) -> str:
    here = Path(__file__).resolve().parent
    paths = [REPOSITORY, here, REPOSITORY / "tests" / "kit"]
    environment = {
        **os.environ,
        "PYTHONHASHSEED": hash_seed,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_same_seed_gives_the_same_bytes_in_every_process():
    digests = {in_a_new_process(hash_seed) for hash_seed in ("0", "1", "4242")}
    assert digests == {wire_digest(11)}


def test_another_seed_gives_other_bytes():
    assert wire_digest(11) != wire_digest(12)


def test_a_networks_chance_does_not_depend_on_who_watches():
    def run(watched: bool) -> dict[str, int]:
        schedule = Schedule(13, n_steps=6)
        network: VirtualNetwork = schedule.network
        network.watch = (lambda *what: None) if watched else None
        schedule.run()
        return dict(network.counters)

    assert run(True) == run(False)
