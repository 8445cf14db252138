"""Make logs of a thousand listeners, and nodes that hold them, for the sync benchmark.

Authors differ in how much they play: the most active one writes many times what the
median does. Six plays in ten repeat what the author played before, the others fall on
a catalogue by Zipf's law. Times ascend over 85 days before `NOW`.

Example:
    >>> corpus = make_corpus(30, 4, keyed_signers(4), seed=0)
    >>> node = make_node(1, corpus.authors, filled_store(1, corpus.segments))
    >>> len(corpus.segments), len(node.library.frontier)
    (30, 30)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from peerrec.ids import item_hash, network_id
from peerrec.limits import DAY_S, MINUTE_S
from peerrec.node import Node
from peerrec.peering.library import row_of
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.identity import (
    Ed25519Signer,
    KeyedHashSigner,
    KeyedHashVerifier,
    Signer,
    Verifier,
)
from peerrec.protocol.segment import NO_SEGMENT, Kind, Segment, make_segment
from peerrec.protocol.statements import Play, encode_statements
from peerrec.store import Store, TrustEdge
from peerrec.store.memory import MemoryStore

__all__ = [
    "NETWORK",
    "NOW",
    "SETTINGS",
    "Corpus",
    "ed25519_signers",
    "filled_store",
    "keyed_signers",
    "make_corpus",
    "make_node",
    "take_in",
]

NETWORK = "benchmark"
NOW = 1_700_000_000.0
SPAN_S = 85 * DAY_S
"""Nothing of the corpus leaves the window of 90 days while it is measured."""

CATALOGUE = 20_000
REPEATS = 0.6
"""Share of plays that repeat one of the author's own: people listen to what they know."""

PLAYS = 10
CHUNK = 1_000
TTL_DAYS = 90
EPOCH = 1

SETTINGS = NodeSettings(
    factors=False,
    follow_bytes_max=512 << 20,
    merit_walks=100_000,
    publish_trust=False,
    batch_delay_s=0.0,
)
"""Everybody trusted is followed, with room for the most active of them."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Signed segments of many authors.

    Attributes:
        authors: their ids.
        segments: in order of time.
    """

    authors: tuple[bytes, ...]
    segments: list[Segment]


def keyed_signers(n: int) -> list[Signer]:
    """Return n keys whose signatures cost next to nothing, and mean as much."""
    return [KeyedHashSigner((1_000_000 + number).to_bytes(32, "big")) for number in range(n)]


def ed25519_signers(n: int) -> list[Signer]:
    """Return n real keys."""
    return [
        Ed25519Signer.from_seed((1_000_000 + number).to_bytes(32, "big")) for number in range(n)
    ]


def make_corpus(n_segments: int, n_authors: int, signers: Sequence[Signer], seed: int) -> Corpus:
    """Return segments of `PLAYS` interactions each, signed, oldest first."""
    rng = np.random.default_rng(seed)
    activity = rng.lognormal(0.0, 1.0, n_authors)
    who = rng.choice(n_authors, n_segments, p=activity / activity.sum())
    first = int((NOW - SPAN_S) // MINUTE_S)
    minutes = first + np.sort(rng.integers(0, int(SPAN_S // MINUTE_S), n_segments))
    ages = np.sort(rng.integers(0, 45, (n_segments, PLAYS)))[:, ::-1].tolist()
    hits = zipf_items(rng, (n_segments, PLAYS)).tolist()
    # Below REPEATS: which of what the author played before, as a share of it.
    again = (rng.random((n_segments, PLAYS)) / REPEATS).tolist()
    items = [item_hash(f"track:{number}") for number in range(CATALOGUE)]
    logs = [AuthorLog(signer) for signer in signers[:n_authors]]
    segments = [
        logs[author].write(minute, ages[k], [items[hit] for hit in hits[k]], again[k])
        for k, (author, minute) in enumerate(zip(who.tolist(), minutes.tolist(), strict=True))
    ]
    return Corpus(tuple(log.signer.peer for log in logs), segments)


class AuthorLog:
    """What one author has played and signed so far.

    Args:
        signer: of the author.
    """

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self._played: list[bytes] = []
        self._seq = 0
        self._prev = NO_SEGMENT

    def write(
        self, minute: int, ages: Sequence[int], hits: Sequence[bytes], again: Sequence[float]
    ) -> Segment:
        """Return the next segment: each play a repeat where ``again`` is below 1, or a hit."""
        plays = []
        for age, hit, place in zip(ages, hits, again, strict=True):
            repeats = place < 1.0 and self._played
            item = self._played[int(place * len(self._played))] if repeats else hit
            self._played.append(item)
            plays.append(Play(item, 1.0, minute - age))
        segment = make_segment(
            self.signer,
            network_id(NETWORK),
            Kind.INTERACTIONS,
            epoch=EPOCH,
            seq=self._seq,
            prev=self._prev,
            minute=minute,
            ttl_days=TTL_DAYS,
            payload=encode_statements(Kind.INTERACTIONS, plays, minute),
        )
        self._seq += 1
        self._prev = segment.id[:16]
        return segment


def zipf_items(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return catalogue numbers by Zipf's law with exponent 1: the k-th is drawn ~ 1 ÷ k."""
    # The integral of 1 ÷ x inverted: exact but for the first few numbers.
    drawn: NDArray[np.int64] = np.exp(rng.random(shape) * np.log(CATALOGUE)).astype(np.int64)
    return drawn


def make_node(
    number: int,
    follow: Sequence[bytes],
    store: Store | None = None,
    *,
    signer: Signer | None = None,
    verifier: Verifier | None = None,
    settings: NodeSettings = SETTINGS,
) -> Node:
    """Return a node on a store whose person trusts some authors, and so follows them."""
    kept = MemoryStore(tag=number.to_bytes(8, "big")) if store is None else store
    kept.trust_many([TrustEdge("me", author, 1.0, NOW) for author in follow], now=NOW)
    return Node(
        kept,
        signer or KeyedHashSigner(number.to_bytes(32, "big")),
        network=NETWORK,
        verifier=verifier or KeyedHashVerifier(),
        settings=settings,
        rng=np.random.default_rng(number),
        now=NOW,
    )


def filled_store(number: int, segments: Iterable[Segment]) -> MemoryStore:
    """Return a store that holds segments, without what they say: sessions never look at it."""
    store = MemoryStore(tag=number.to_bytes(8, "big"))
    store.accept(segments=[row_of(segment) for segment in segments])
    return store


def take_in(node: Node, segments: Sequence[Segment]) -> None:
    """Let a node have segments from elsewhere.

    Raises:
        RuntimeError: it did not take all: what is measured then would mean nothing.
    """
    before = len(node.library.frontier)
    for at in range(0, len(segments), CHUNK):
        node.library.take(segments[at : at + CHUNK], NOW)
    if len(node.library.frontier) - before != len(segments):
        raise RuntimeError(f"a node did not take what it was given: {node.library.counters}")
