"""Remember which segments were seen lately, and find them behind a link's tags.

Example:
    >>> seen = Seen()
    >>> seen.add(bytes(32), now=0.0), seen.add(bytes(32), now=1.0)
    (True, False)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from peerrec.limits import SEEN_MAX, SEEN_S, TAGS_BYTES
from peerrec.protocol.keyed_hash import keyed_bytes, keyed_hash

__all__ = ["TAGGED_BYTES", "Seen", "tag_of"]

TAGGED_BYTES = 16
"""How much of a segment's id is remembered and tagged."""

FEW = 16
"""Tags up to which comparing with all costs less than sorting all."""


def tag_of(key: bytes, segment_id: bytes) -> bytes:
    """Return a segment's tag on one link: 8 bytes, AES under the key, little-endian.

    Args:
        key: 16 bytes that only the two ends of the link know: nobody can look for an id
            whose tag hides a victim's segment on other people's links.
        segment_id: the id, of which the first 16 bytes count.
    """
    return keyed_bytes(key, segment_id[:TAGGED_BYTES])


class Seen:
    """Ids of segments that passed lately: bounded by number and by age.

    Only what was verified, or is not wanted whatever its signature, belongs here: an id
    says nothing of the signature, so a forged copy must not hide the real one.

    Args:
        n_max: ids remembered; the oldest go first.
        for_s: seconds for which each is remembered.
    """

    __slots__ = ("_at", "_ids", "for_s", "n_max")

    def __init__(self, n_max: int = SEEN_MAX, for_s: float = SEEN_S) -> None:
        self.n_max = n_max
        self.for_s = for_s
        self._at: dict[bytes, float] = {}
        self._ids = bytearray()  # those of `_at`, one after the other

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, segment_id: bytes) -> bool:
        return segment_id[:TAGGED_BYTES] in self._at

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._at)

    def add(self, segment_id: bytes, now: float) -> bool:
        """Remember an id; returns whether it was new. Old ones are forgotten by the way."""
        self.forget_old(now)
        short = segment_id[:TAGGED_BYTES]
        if short in self._at:
            return False
        if len(self._at) >= self.n_max:
            self._forget(next(iter(self._at)))
        self._at[short] = now
        self._ids += short
        return True

    def forget_old(self, now: float) -> None:
        """Forget what is older than ``for_s``."""
        while self._at:
            oldest = next(iter(self._at))
            if now - self._at[oldest] < self.for_s:
                return
            self._forget(oldest)

    def _forget(self, oldest: bytes) -> None:
        del self._at[oldest]
        del self._ids[:TAGGED_BYTES]

    def behind(self, tags: list[bytes], key: bytes) -> dict[bytes, bytes]:
        """Return tag → first 16 bytes of the id, for the tags of seen segments.

        One keyed hash for each remembered id: 2 ns each.
        """
        if not self._at or not tags:
            return {}
        ids = bytes(self._ids)
        blocks: npt.NDArray[np.uint8] = np.frombuffer(ids, np.uint8)
        hashes = keyed_hash(key, blocks.reshape(-1, TAGGED_BYTES))
        if len(tags) <= FEW:
            found = _places(hashes.astype("<u8", copy=False).tobytes(), tags)
        else:
            asked = np.frombuffer(b"".join(tags), "<u8")
            order = np.argsort(hashes)
            places = np.searchsorted(hashes, asked, sorter=order)
            rows = order[np.minimum(places, len(hashes) - 1)]
            hits = np.flatnonzero(hashes[rows] == asked)
            found = zip(hits.tolist(), rows[hits].tolist(), strict=True)
        return {tags[hit]: ids[row * TAGGED_BYTES : (row + 1) * TAGGED_BYTES] for hit, row in found}


def _places(hashes: bytes, tags: list[bytes]) -> Iterator[tuple[int, int]]:
    """Yield which of a few tags is which of many hashes, 8 bytes each."""
    for hit, tag in enumerate(tags):
        at = hashes.find(tag)
        while at >= 0 and at % TAGS_BYTES:  # across two hashes: that is none
            at = hashes.find(tag, at + 1)
        if at >= 0:
            yield hit, at // TAGS_BYTES
