"""Time a cold start: a whole node taking in real segments, against bare verification.

An empty node on SQLite is linked to one that holds everything; its calls are timed. By
turns with them the same signatures are verified in a bare loop over keys that are parsed
already, so that a busy machine slows down both. Nobody can take in segments faster than
verifying them on one core, so the ratio says what all the rest costs.

Example:
    >>> figures = measure_ingest(n_segments=40, n_authors=4, seed=0)
    >>> 0.0 < figures["ingest_over_verify"] < 1.5
    True
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from peerrec.ids import network_id
from peerrec.protocol.identity import Ed25519Signer, Ed25519Verifier
from peerrec.protocol.segment import Segment, signed_message
from peerrec.store.sqlite import SqliteStore
from peerrec.testing.virtual_network import VirtualNetwork
from peerrec_sim.benchmarks.overseen import Overseen, Stopwatch
from peerrec_sim.benchmarks.sync_corpus import (
    NETWORK,
    NOW,
    ed25519_signers,
    filled_store,
    make_corpus,
    make_node,
)

__all__ = ["measure_ingest"]

PATIENCE_S = 900.0


def measure_ingest(n_segments: int, n_authors: int, seed: int) -> dict[str, float]:
    """Return how fast an empty node takes in everything another one holds.

    Returns:
        ``ingest_over_verify``: segments a second by the node's own calls ÷ by bare
        Ed25519 verifies, wall clock; ``ingest_over_verify_cpu``: the same of CPU time;
        ``ingest_us``, ``verify_us``: mean of a segment (a median would hide the disk);
        ``source_us``: what a segment costs the node that hands it out.
    """
    corpus = make_corpus(n_segments, n_authors, ed25519_signers(n_authors), seed)
    bare = BareVerifier(corpus.segments)
    with tempfile.TemporaryDirectory() as folder, SqliteStore(Path(folder) / "cold.db") as store:
        cold, source = (
            make_node(
                number,
                corpus.authors,
                kept,
                signer=Ed25519Signer.from_seed(bytes([number]) * 32),
                verifier=Ed25519Verifier(),
            )
            for number, kept in ((1, store), (2, filled_store(2, corpus.segments)))
        )
        taking, handing = Stopwatch(), Stopwatch()
        network = VirtualNetwork(seed, start=NOW)
        network.add(Overseen(cold, taking))
        network.add(Overseen(source, handing))
        held = cold.library.frontier
        # What the benchmark itself holds is not the node's to be swept for garbage.
        gc.collect()
        gc.freeze()
        try:
            network.connect(cold.peer, source.peer)
            network.run_until(NOW + PATIENCE_S, lambda: bare.keep_up(len(held)))
        finally:
            gc.unfreeze()
    if bare.n_done < n_segments:
        raise RuntimeError(f"a cold start ended with {len(held)} of {n_segments} segments")
    return {
        "ingest_over_verify": bare.wall_s / taking.wall_s,
        "ingest_over_verify_cpu": bare.cpu_s / taking.cpu_s,
        "ingest_us": taking.wall_s / n_segments * 1e6,
        "verify_us": bare.wall_s / n_segments * 1e6,
        "source_us": handing.wall_s / n_segments * 1e6,
    }


class BareVerifier:
    """Verifies signatures one by one and does nothing else.

    Args:
        segments: whose signatures, in this order.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        keys = {
            author: Ed25519PublicKey.from_public_bytes(author)
            for author in {segment.header.author for segment in segments}
        }
        network = network_id(NETWORK)
        self._work = [
            (
                keys[segment.header.author].verify,
                segment.signature,
                signed_message(segment.header_bytes, network),
            )
            for segment in segments
        ]
        self.n_done = 0
        self.wall_s = self.cpu_s = 0.0

    def keep_up(self, n: int) -> bool:
        """Verify until so many are done; return whether none is left."""
        if n > self.n_done:
            wall, cpu = perf_counter(), process_time()
            for verify, signature, message in self._work[self.n_done : n]:
                verify(signature, message)
            self.wall_s += perf_counter() - wall
            self.cpu_s += process_time() - cpu
            self.n_done = n
        return self.n_done >= len(self._work)
