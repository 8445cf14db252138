"""Shape what goes into a store and what comes out: rows in, columns out.

Rows are checked here, once, so that every store refuses the same input with the
same words. Times are kept to the minute (`peerrec.limits.MINUTE_S`), weights as
float32; both are rounded on the way in.

Example:
    >>> row = Interaction("me", "track:feeling-good", weight=2.0, time=90.0)
    >>> checked_interaction(row, now=100.0)
    ('me', 'track:feeling-good', 2.0, 1, False)
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from peerrec.errors import DataError
from peerrec.limits import (
    CLOCK_SKEW_S,
    ID_BYTES_MAX,
    LINK_BYTES_MAX,
    MINUTE_S,
    SETTING_BYTES_MAX,
    TAG_BYTES_MAX,
    TAGS_MAX,
    TIME_MAX_S,
    TITLE_BYTES_MAX,
    TRUST_MAX,
    WEIGHT_MAX,
)
from peerrec.store.segment_rows import SegmentRow

__all__ = [
    "Cursor",
    "Description",
    "Interaction",
    "InteractionColumns",
    "Mark",
    "Marked",
    "Names",
    "Pruned",
    "RawId",
    "Record",
    "SegmentRow",
    "StoreSize",
    "TrustColumns",
    "TrustEdge",
    "checked_description",
    "checked_id",
    "checked_interaction",
    "checked_minute",
    "checked_setting",
    "checked_trust",
    "in_order",
]

RawId: TypeAlias = str | bytes
Int32s: TypeAlias = npt.NDArray[np.int32]
Float32s: TypeAlias = npt.NDArray[np.float32]
Float64s: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Record: TypeAlias = tuple[RawId, RawId, float, int, bool]


class Interaction(NamedTuple):
    """One person did something with one item.

    Attributes:
        author: whose interaction it is.
        item: with what.
        weight: plays, rating or share listened, in (0, WEIGHT_MAX].
        time: unix seconds.
        public: whether it may ever leave this device.
    """

    author: RawId
    item: RawId
    weight: float = 1.0
    time: float = 0.0
    public: bool = False


class TrustEdge(NamedTuple):
    """One peer's trust in another, in [−1, 1]; negative is distrust, 0 removes the edge."""

    source: RawId
    target: RawId
    weight: float = 1.0
    time: float = 0.0


class Description(NamedTuple):
    """What one author says of an item."""

    item: RawId
    author: RawId
    title: str = ""
    tags: tuple[str, ...] = ()
    link: str = ""
    uri: str = ""
    time: float = 0.0


class Mark(enum.IntEnum):
    """What holds of a peer or an item, mostly as the person decided; values are stored."""

    BLOCK = 1  # peer: no merit, no walk passes through it
    MUTE_PEER = 2  # peer: its items are not shown as reasons
    MUTE_ITEM = 3  # item: never recommended
    LESS_LIKE = 4  # item: its neighbourhood counts less
    FORKED = 5  # peer: no merit, no walk passes through it; found out, not decided

    @property
    def of_peer(self) -> bool:
        """Whether the subject is a peer; otherwise it is an item."""
        return self in (Mark.BLOCK, Mark.MUTE_PEER, Mark.FORKED)

    @property
    def decided(self) -> bool:
        """Whether the node's person made it; otherwise it follows from a proof."""
        return self is not Mark.FORKED


class Marked(NamedTuple):
    """A mark, its subject (peer or item, as the mark says) and when it was made."""

    mark: Mark
    subject: RawId
    time: float


class Cursor(NamedTuple):
    """A point in a store's history; equal cursors of one store mean equal content.

    Attributes:
        epoch: changes whenever an interaction or a name is removed, and in every backup.
        interactions: sequence number of the last interaction.
        trust: number of changes of the trust edges.
    """

    epoch: int
    interactions: int
    trust: int


@dataclass(frozen=True, slots=True, eq=False)
class InteractionColumns:
    """Interactions in order of arrival, as columns of shape (m,).

    Attributes:
        author: int32 codes, see `Store.peers`.
        item: int32 codes, see `Store.items`.
        weight: float32 in (0, WEIGHT_MAX].
        time: float64 unix seconds, whole minutes.
        public: bool, whether it may leave this device.
        cursor: the point up to which the columns tell the history.
    """

    author: Int32s
    item: Int32s
    weight: Float32s
    time: Float64s
    public: Bools
    cursor: Cursor

    def __len__(self) -> int:
        return len(self.author)


@dataclass(frozen=True, slots=True, eq=False)
class TrustColumns:
    """Trust edges sorted by (source, target), as columns of shape (m,)."""

    source: Int32s
    target: Int32s
    weight: Float32s
    time: Float64s

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """Raw ids and their codes. A code is given once and never used again.

    Attributes:
        codes: int32, ascending, not always dense: removed names leave gaps.
        ids: raw ids beside them, str or bytes as they came.
    """

    codes: Int32s
    ids: list[RawId]

    def __len__(self) -> int:
        return len(self.ids)

    def positions(self, codes: Int32s) -> Int32s:
        """Return where each code stands in ``ids``, int32, shape (m,). O(m).

        With these, ``Coded(names.ids, names.positions(columns.item))`` is a column
        of raw ids at no cost per row.

        Raises:
            DataError: a code has no name here.
        """
        size = int(self.codes[-1]) + 1 if len(self.codes) else 0
        if len(codes) and (int(codes.max()) >= size or int(codes.min()) < 0):
            raise DataError(f"code {int(codes.max())} has no name: the last code is {size - 1}")
        table = np.full(size, -1, dtype=np.int32)
        table[self.codes] = np.arange(len(self.codes), dtype=np.int32)
        found = table[codes]
        if len(found) and int(found.min()) < 0:
            raise DataError(f"code {int(codes[np.argmin(found)])} has no name: it was removed")
        return found


def in_order(codes: Sequence[int], names: Mapping[int, RawId]) -> list[RawId]:
    """Return the names of codes; DataError where one has none."""
    try:
        return [names[code] for code in codes]
    except KeyError as error:
        raise DataError(f"code {error} has no name: it was removed, or never given") from None


class Pruned(NamedTuple):
    """What a pruning removed, and the size it left."""

    interactions: int
    descriptions: int
    size_bytes: int
    segments: int = 0


class StoreSize(NamedTuple):
    """How much a store holds."""

    size_bytes: int
    interactions: int
    peers: int
    items: int
    trust_edges: int
    descriptions: int
    segments: int = 0


def checked_id(value: object, what: str) -> RawId:
    """Return a raw id that is fit to store; DataError names what it is for."""
    if isinstance(value, str):
        try:
            size = len(value) if value.isascii() else len(value.encode())
        except UnicodeEncodeError as error:
            raise DataError(f"{what} {value!r} is no valid text ({error.reason})") from None
    elif isinstance(value, bytes):
        size = len(value)
    else:
        kind = type(value).__name__
        raise DataError(f"{what} must be str or bytes, not {kind}: {value!r:.80}")
    if not 0 < size <= ID_BYTES_MAX:
        raise DataError(
            f"{what} of {size} bytes: 1 to {ID_BYTES_MAX} are allowed; "
            f"hash longer ones: {value!r:.60}"
        )
    return value


def checked_number(value: object, what: str) -> float:
    """Return a finite float; DataError otherwise (bool and str are no numbers here)."""
    if type(value) is not float:
        if isinstance(value, bool) or not isinstance(value, Real):
            raise DataError(f"{what} must be a number, not {type(value).__name__}: {value!r:.80}")
        value = float(value)
    if not math.isfinite(value):
        raise DataError(f"{what} must be finite, not {value}")
    return value


def checked_minute(value: object, now: float | None, what: str = "time") -> int:
    """Return whole minutes since 1970; DataError before that or after ``now`` + skew."""
    seconds = checked_number(value, what)
    if seconds < 0:
        raise DataError(f"{what} {seconds} is before 1970; give unix seconds")
    if seconds >= TIME_MAX_S:
        raise DataError(f"{what} {seconds} is after the year 9999; give seconds, not milliseconds")
    if now is not None and seconds > now + CLOCK_SKEW_S:
        raise DataError(
            f"{what} {seconds} lies {seconds - now:.0f} s in the future of {now}; "
            f"{CLOCK_SKEW_S:.0f} s are allowed: is a clock wrong?"
        )
    return int(seconds // MINUTE_S)


def as_float32(number: float) -> float:
    """Return the nearest float32 as a float; small whole numbers are their own."""
    return number if number.is_integer() and number < 1 << 24 else float(np.float32(number))


def checked_interaction(row: Interaction, now: float | None) -> Record:
    """Return (author, item, weight, minute, public) as stored; DataError names the fault."""
    author, item, weight, time, public = row
    if (
        type(weight) is float is type(time)
        and 0.0 < weight < 1 << 24
        and weight.is_integer()
        and 0.0 <= time < TIME_MAX_S
        and (now is None or time <= now + CLOCK_SKEW_S)
        and type(author) is bytes is type(item)
        and 0 < len(author) <= ID_BYTES_MAX
        and 0 < len(item) <= ID_BYTES_MAX
    ):  # what segments bring: hashes and whole weights
        return author, item, weight, int(time // MINUTE_S), bool(public)
    number = checked_number(weight, "weight")
    if not 0 < number <= WEIGHT_MAX or (rounded := as_float32(number)) == 0.0:
        raise DataError(f"weight {number} is not in (0, {WEIGHT_MAX:g}]; to undo, forget the item")
    return (
        checked_id(author, "author id"),
        checked_id(item, "item id"),
        rounded,
        checked_minute(time, now),
        bool(public),
    )


def checked_trust(edge: TrustEdge, now: float | None) -> tuple[RawId, RawId, float, int]:
    """Return (source, target, weight, minute) as stored; DataError names the fault."""
    weight = checked_number(edge.weight, "trust")
    if abs(weight) > TRUST_MAX:
        raise DataError(f"trust {weight} is not in [-{TRUST_MAX:g}, {TRUST_MAX:g}]")
    source = checked_id(edge.source, "trusting peer id")
    target = checked_id(edge.target, "trusted peer id")
    if source == target:
        raise DataError(f"peer {source!r} cannot trust itself; leave the edge out")
    return source, target, as_float32(weight), checked_minute(edge.time, now)


def checked_text(value: object, what: str, bytes_max: int) -> str:
    """Return a text of at most ``bytes_max`` UTF-8 bytes; DataError otherwise."""
    if not isinstance(value, str):
        raise DataError(f"{what} must be str, not {type(value).__name__}: {value!r:.80}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise DataError(f"{what} {value!r} is no valid text ({error.reason})") from None
    if size > bytes_max:
        raise DataError(f"{what} of {size} bytes: at most {bytes_max} are allowed: {value!r:.60}")
    return value


def checked_description(description: Description, now: float | None) -> Description:
    """Return the description as stored, its time in whole minutes; DataError otherwise."""
    tags: Sequence[str] = description.tags
    if isinstance(tags, str | bytes):
        raise DataError(f"tags must be a sequence of str, not one str: {tags!r:.80}")
    if len(tags) > TAGS_MAX:
        raise DataError(f"{len(tags)} tags: at most {TAGS_MAX} are allowed")
    return Description(
        checked_id(description.item, "item id"),
        checked_id(description.author, "author id"),
        checked_text(description.title, "title", TITLE_BYTES_MAX),
        tuple(checked_text(tag, "tag", TAG_BYTES_MAX) for tag in tags),
        checked_text(description.link, "link", LINK_BYTES_MAX),
        checked_text(description.uri, "uri", LINK_BYTES_MAX),
        checked_minute(description.time, now) * MINUTE_S,
    )


def checked_setting(key: object, value: object) -> tuple[str, bytes]:
    """Return a setting that is fit to store; DataError otherwise."""
    text = checked_id(key, "setting key")
    if not isinstance(text, str):
        raise DataError(f"setting key must be str, not bytes: {text!r:.80}")
    if not isinstance(value, bytes):
        raise DataError(f"setting {text!r} must be bytes, not {type(value).__name__}")
    if len(value) > SETTING_BYTES_MAX:
        raise DataError(f"setting {text!r} of {len(value)} bytes: {SETTING_BYTES_MAX} are allowed")
    return text, value
