"""Write down what a hostile peer may say: each attack as an endless script of messages.

Example:
    >>> from peerrec_sim.benchmarks.sync_corpus import keyed_signers, make_corpus
    >>> corpus = make_corpus(20, 2, keyed_signers(2), seed=0)
    >>> next(ATTACKS["pings"](Scene(corpus, corpus.segments, seed=0)))
    Ping(request=1)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle

import numpy as np

from peerrec.limits import DAY_S, FRAME_BYTES_MAX, IHAVE_MAX, LIST_MAX
from peerrec.protocol.bundle import pack
from peerrec.protocol.messages import (
    Ihave,
    Iwant,
    Message,
    Peers,
    Ping,
    Push,
    Summary,
    Want,
    WantKind,
)
from peerrec.protocol.segment import Segment
from peerrec_sim.benchmarks.sync_corpus import NOW, Corpus

__all__ = ["ATTACKS", "Scene", "Script"]

DAY = int(NOW // DAY_S)

Script = Callable[["Scene"], Iterator[Message | bytes]]
"""What an attacker says, one thing after the other, without end."""


@dataclass(slots=True)
class Scene:
    """What an attacker knows and has.

    Attributes:
        corpus: what the node holds and follows.
        strangers: segments of authors that the node does not follow.
        seed: of its chance.
    """

    corpus: Corpus
    strangers: Sequence[Segment]
    seed: int

    def random(self, n_bytes: int) -> Iterator[bytes]:
        """Yield random bytes, so many each time."""
        rng = np.random.default_rng(self.seed)
        while True:
            yield rng.bytes(n_bytes)


def opened(scene: Scene) -> Iterator[tuple[int, bytes]]:
    """Yield requests, as who dialled gives them, and roots that no two stores have."""
    return zip(cycle(range(1, 127, 2)), scene.random(8), strict=False)


def pings(scene: Scene) -> Iterator[Message]:
    """Ask whether the node is there."""
    return (Ping(1 + k % 100) for k in count())


def garbage(scene: Scene) -> Iterator[bytes]:
    """Send bytes that are no message."""
    return scene.random(FRAME_BYTES_MAX - 64)


def announcements(scene: Scene) -> Iterator[Message]:
    """Announce segments that do not exist."""
    return (Ihave(0, tags) for tags in scene.random(8 * IHAVE_MAX))


def questions(scene: Scene) -> Iterator[Message]:
    """Ask for segments that nobody announced."""
    return (Iwant(0, tags) for tags in scene.random(8 * IHAVE_MAX))


def addresses(scene: Scene) -> Iterator[Message]:
    """Ask for addresses."""
    return (Peers(1) for _ in count())


def sessions(scene: Scene) -> Iterator[Message]:
    """Begin sessions, each with another root, and never go on."""
    return (Summary(request, DAY, root) for request, root in opened(scene))


def symbols(scene: Scene) -> Iterator[Message]:
    """Begin sessions and ask for ever more of their sketches."""
    for request, root in opened(scene):
        yield Summary(request, DAY, root)
        yield from (
            Want(request, WantKind.SYMBOLS, start=8 << step, count=8 << step) for step in range(9)
        )


def lists(scene: Scene) -> Iterator[Message]:
    """Begin sessions and ask for lists, names and everything there is."""
    noise = scene.random(4 * LIST_MAX)
    for request, root in opened(scene):
        yield Summary(request, DAY, root)
        yield Want(request, WantKind.LOGS)
        yield Want(request, WantKind.NAMES, data=next(noise))
        yield Want(request, WantKind.ELEMENTS, data=next(noise))
        yield Want(request, WantKind.SINCE, start=0)


def known_segments(scene: Scene) -> Iterator[Message]:
    """Push what the node has, in the largest bundles."""
    return pushes(scene.corpus.segments)


def strange_segments(scene: Scene) -> Iterator[Message]:
    """Push what the node does not follow, in the largest bundles."""
    return pushes(scene.strangers)


def forged_segments(scene: Scene) -> Iterator[Message]:
    """Push what nobody signed."""
    forged = [
        Segment(each.header, bytes(64), each.payload, each.id, each.header_bytes)
        for each in scene.strangers
    ]
    return pushes(forged)


def pushes(segments: Sequence[Segment]) -> Iterator[Message]:
    """Return bundles of the largest size, over and over."""
    bundles: list[Push] = []
    waiting = list(segments)
    while waiting and len(bundles) < 16:
        bundle, n = pack(waiting)
        bundles.append(Push(0, True, bundle))
        waiting = waiting[n:]
    return cycle(bundles)


ATTACKS: dict[str, Script] = {
    script.__name__: script
    for script in (
        pings, garbage, announcements, questions, addresses, sessions, symbols, lists,
        known_segments, strange_segments, forged_segments,
    )
}  # fmt: skip
"""All attacks by name."""
