"""What of a bundle is not random, in columns, and what makes them too much.

See `peerrec.protocol.bundle`, which fills and reads them.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct

from peerrec.errors import VerificationError
from peerrec.ids import HASH_BYTES
from peerrec.limits import BUNDLE_BYTES_MAX, SEQ_MAX, STATEMENTS_MAX

__all__ = ["SEGMENT_BYTES", "Columns", "check_counts"]

SEGMENT_BYTES: Final = 192
"""What a segment counts for in BUNDLE_BYTES_MAX beside its payload: some more than its frame."""

# Lengths are refused before anything is made of them: a byte can become a list of 70.
_OF_SEGMENTS: Final = Meta(max_length=BUNDLE_BYTES_MAX // SEGMENT_BYTES)
_OF_PLAYS: Final = Meta(max_length=BUNDLE_BYTES_MAX // HASH_BYTES)
_Count: TypeAlias = Annotated[int, Meta(ge=0, lt=2**32)]
_Signed: TypeAlias = Annotated[int, Meta(gt=-(2**33), lt=2**33)]
_Flag: TypeAlias = Annotated[int, Meta(ge=0, le=1)]
_Length: TypeAlias = Annotated[int, Meta(ge=1, lt=2**16)]
_Step: TypeAlias = Annotated[int, Meta(ge=0, le=SEQ_MAX)]  # 1,365 of the largest fit 64 bits
_Size: TypeAlias = Annotated[int, Meta(ge=0, le=STATEMENTS_MAX)]
_Weights: TypeAlias = (
    Annotated[list[int], Meta(max_length=STATEMENTS_MAX)]
    | Annotated[bytes, Meta(max_length=4 * STATEMENTS_MAX)]
)


class Columns(Struct, array_like=True, forbid_unknown_fields=True):
    """What of the segments is not random, one list a field.

    Attributes:
        runs: how many segments each run has; a run is one log.
        epochs: of each run.
        seqs: of each segment: number minus that of the one before in its run, or itself.
        minutes: of each segment: minus that of the segment before in the bundle, or itself.
        kinds, ttls: of each segment.
        explicit: of each segment: 1 where ``prev`` is given, 0 where it is the segment
            before in the run, zeros for the run's first.
        plays: of each segment: how many interactions; 0 where the payload is in ``others``.
        items: of each interaction: 0 for the next new item, k for the k-th last of those so far.
        ages: of each interaction: what it is less than the one before in its segment, or
            itself for the first.
        weights: of each segment with interactions, as in its payload.
        others: payloads that are no interactions, or are such in a form of their own.
    """

    runs: Annotated[list[_Length], _OF_SEGMENTS]
    epochs: Annotated[list[_Count], _OF_SEGMENTS]
    seqs: Annotated[list[_Step], _OF_SEGMENTS]
    minutes: Annotated[list[_Signed], _OF_SEGMENTS]
    kinds: Annotated[list[_Count], _OF_SEGMENTS]
    ttls: Annotated[list[_Count], _OF_SEGMENTS]
    explicit: Annotated[list[_Flag], _OF_SEGMENTS]
    plays: Annotated[list[_Size], _OF_SEGMENTS]
    items: Annotated[list[_Count], _OF_PLAYS]
    ages: Annotated[list[_Signed], _OF_PLAYS]
    weights: Annotated[list[_Weights], _OF_SEGMENTS]
    others: Annotated[list[bytes], _OF_SEGMENTS]


def check_counts(columns: Columns) -> None:
    """Refuse columns of unequal length, and what is too much, before anything is built."""
    n = sum(columns.runs)
    of_segments = (columns.seqs, columns.minutes, columns.kinds, columns.ttls)
    n_with_plays = n - columns.plays.count(0)
    n_plays = sum(columns.plays)
    if (
        any(len(column) != n for column in (*of_segments, columns.explicit, columns.plays))
        or len(columns.epochs) != len(columns.runs)
        or len(columns.items) != n_plays
        or len(columns.ages) != n_plays
        or len(columns.weights) != n_with_plays
        or len(columns.others) != n - n_with_plays
    ):
        raise VerificationError("columns of a bundle do not fit each other")
    n_bytes = n * SEGMENT_BYTES + n_plays * HASH_BYTES + sum(map(len, columns.others))
    if n_bytes > BUNDLE_BYTES_MAX:
        raise VerificationError(
            f"bundle of {n_bytes} bytes when unpacked: at most {BUNDLE_BYTES_MAX} are allowed"
        )
