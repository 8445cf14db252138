r"""Write a store as JSON lines, and read them back: for people, backups, other programs.

One object a line; the first says whose file it is. Raw ids are strings, or
``{"bytes": "<base64>"}``. Settings are not written: they are of one device. Nor are
the logs of peers and the marks of forks: the network has them, with the proofs.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> store = MemoryStore()
    >>> store.record(Interaction("me", b"\x01", 2.0, 60.0))
    >>> lines = list(Content.of(store).lines("me"))
    >>> len(lines), lines[1].decode()[:40]
    (2, '{"kind":"interaction","author":"me","ite')
    >>> other = MemoryStore()
    >>> sum(len(batch) for batch in batches(lines, "I"))
    1
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec
import numpy as np

from peerrec.errors import Cancelled, DataError, StoreError, StoreFull
from peerrec.store import (
    Description,
    Interaction,
    InteractionColumns,
    Mark,
    Marked,
    Names,
    RawId,
    Store,
    TrustColumns,
    TrustEdge,
)
from peerrec.store.rows import (
    checked_description,
    checked_id,
    checked_interaction,
    checked_minute,
    checked_trust,
)

__all__ = ["Content", "Statement", "batches", "read_batches", "store_batch", "write_lines"]

BATCH = 10_000
"""Statements of one transaction: some 50 ms, so that cancelling is prompt."""


class BytesId(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A raw id of bytes."""

    data: bytes = msgspec.field(name="bytes")


Id: TypeAlias = str | BytesId


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every line has: its kind."""


class ExportLine(Line, frozen=True, tag="export"):
    """First line: the format's version and who ``me`` was."""

    version: int
    me: Id


class InteractionLine(Line, frozen=True, tag="interaction"):
    """An interaction."""

    author: Id
    item: Id
    weight: float
    time: float
    public: bool = False


class TrustLine(Line, frozen=True, tag="trust"):
    """A trust edge."""

    source: Id
    target: Id
    weight: float
    time: float


class MarkLine(Line, frozen=True, tag="mark"):
    """A block, a mute or a dislike; the mark by its name in lower case."""

    mark: str
    subject: Id
    time: float


class DescriptionLine(Line, frozen=True, tag="description"):
    """What an author says of an item."""

    item: Id
    author: Id
    title: str
    tags: tuple[str, ...]
    link: str
    uri: str
    time: float


AnyLine: TypeAlias = ExportLine | InteractionLine | TrustLine | MarkLine | DescriptionLine
Statement: TypeAlias = Interaction | TrustEdge | Marked | Description
Kind = TypeVar("Kind")

VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """Everything in a store but its settings and logs, at one moment."""

    peers: Names
    items: Names
    interactions: InteractionColumns
    trust: TrustColumns
    marks: list[Marked]
    descriptions: list[Description]

    @classmethod
    def of(cls, store: Store) -> Content:
        """Read a store; some 100 ms a million interactions."""
        return cls(
            store.peers(),
            store.items(),
            store.interactions(),
            store.trust_edges(),
            [marked for marked in store.marks() if marked.mark.decided],
            store.descriptions(),
        )

    def __len__(self) -> int:
        n_rows = len(self.interactions) + len(self.trust)
        return n_rows + len(self.marks) + len(self.descriptions)

    def lines(self, me: RawId) -> Iterator[bytes]:
        """Yield a first line and then one for each statement, without line ends."""
        encode = msgspec.json.Encoder().encode
        yield encode(ExportLine(VERSION, packed(me)))
        for row in chain(self._interactions(), self._trust()):
            yield encode(row)
        for mark, subject, time in self.marks:
            yield encode(MarkLine(mark.name.lower(), packed(subject), time))
        for item, author, title, tags, link, uri, time in self.descriptions:
            yield encode(
                DescriptionLine(packed(item), packed(author), title, tags, link, uri, time)
            )

    def _interactions(self) -> Iterator[Line]:
        columns = self.interactions
        rows = zip(
            self.peers.positions(columns.author).tolist(),
            self.items.positions(columns.item).tolist(),
            columns.weight.astype(np.float64).tolist(),
            columns.time.tolist(),
            columns.public.tolist(),
            strict=True,
        )
        people, things = self.peers.ids, self.items.ids
        for author, item, *values in rows:
            yield InteractionLine(packed(people[author]), packed(things[item]), *values)

    def _trust(self) -> Iterator[Line]:
        edges, people = self.trust, self.peers.ids
        rows = zip(
            self.peers.positions(edges.source).tolist(),
            self.peers.positions(edges.target).tolist(),
            edges.weight.astype(np.float64).tolist(),
            edges.time.tolist(),
            strict=True,
        )
        for source, target, *values in rows:
            yield TrustLine(packed(people[source]), packed(people[target]), *values)


def batches(
    lines: Iterable[bytes], me: RawId, now: float | None = None
) -> Iterator[list[Statement]]:
    """Yield what the lines state, some thousand at a time, checked.

    Args:
        lines: as `Content.lines` gave them; empty ones are skipped.
        me: raw id that takes the place of the one who wrote them.
        now: where given, times in its future are refused.

    Raises:
        DataError: names the first line that is not allowed, and why.
    """
    decode = msgspec.json.Decoder(AnyLine).decode
    batch: list[Statement] = []
    writer: RawId | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = decode(line)
            if isinstance(found, ExportLine):
                writer = opening(found)
                continue
            batch.append(statement(found, writer, me, now))
        except (msgspec.MsgspecError, UnicodeDecodeError, DataError) as error:
            raise DataError(f"line {number}: {error}; it is {line[:80]!r}") from None
        if len(batch) >= BATCH:
            yield batch
            batch = []
    yield batch


def opening(line: ExportLine) -> RawId:
    """Return who wrote the file; DataError when it is of a newer version."""
    if line.version != VERSION:
        raise DataError(f"the export has version {line.version}; {VERSION} can be read: update")
    return raw(line.me)


def statement(line: AnyLine, writer: RawId | None, me: RawId, now: float | None) -> Statement:
    """Return a line's statement, checked, with the writer replaced by me."""

    def person(packed_id: Id) -> RawId:
        found = raw(packed_id)
        return me if found == writer else found

    if isinstance(line, InteractionLine):
        play = Interaction(person(line.author), raw(line.item), line.weight, line.time, line.public)
        checked_interaction(play, now)
        return play
    if isinstance(line, TrustLine):
        edge = TrustEdge(person(line.source), person(line.target), line.weight, line.time)
        checked_trust(edge, now)
        return edge
    if isinstance(line, MarkLine):
        names = {mark.name.lower(): mark for mark in Mark if mark.decided}
        if line.mark not in names:
            raise DataError(f"mark {line.mark!r} is unknown; one of {', '.join(names)} is allowed")
        checked_minute(line.time, now)
        return Marked(names[line.mark], checked_id(raw(line.subject), "marked id"), line.time)
    if isinstance(line, DescriptionLine):
        said = Description(
            raw(line.item), person(line.author), line.title, line.tags, line.link, line.uri,
            line.time,
        )  # fmt: skip
        return checked_description(said, now)
    raise DataError("an export has one first line")


def write_lines(
    path: Path,
    lines: Iterable[bytes],
    total: int,
    progress: Callable[[int, int], None] | None,
    cancel: Callable[[], bool] | None,
) -> int:
    """Write lines to a new file, whole or not at all; return how many.

    Raises:
        StoreError: the file is there already, or cannot be written.
        Cancelled: as asked.
    """
    if path.exists():
        raise StoreError(f"{path}: is there already; name a new file for the export")
    part, done = path.with_name(path.name + ".part"), 0
    try:
        with part.open("wb") as file:
            for line in lines:
                file.write(line + b"\n")
                done += 1
                if done % BATCH == 0:
                    stop_if_asked(cancel, done)
                    if progress is not None:
                        progress(done, total)
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        kind = StoreFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StoreError
        raise kind(f"{path}: the export could not be written: {error.strerror}") from error
    if progress is not None:
        progress(done, total)
    return done


def read_batches(
    path: Path, me: RawId, now: float, cancel: Callable[[], bool] | None
) -> Iterator[list[Statement]]:
    """Yield the statements of a file; see `batches`.

    Raises:
        DataError: the file cannot be read, or a line is not allowed; names both.
        Cancelled: as asked.
    """
    done = 0
    try:
        with path.open("rb") as file:
            for batch in batches(file, me, now):
                stop_if_asked(cancel, done)
                done += len(batch)
                yield batch
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read: {error.strerror}") from error
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def stop_if_asked(cancel: Callable[[], bool] | None, done: int) -> None:
    """Raise Cancelled when the caller wants no more."""
    if cancel is not None and cancel():
        raise Cancelled(f"cancelled after {done} statements")


def store_batch(store: Store, batch: list[Statement]) -> None:
    """Store some statements: interactions together, trust together, the rest one by one."""
    store.record_many(of_kind(batch, Interaction))
    store.trust_many(of_kind(batch, TrustEdge))
    for marked in of_kind(batch, Marked):
        store.mark(marked.mark, marked.subject, time=marked.time)
    for said in of_kind(batch, Description):
        store.describe(said)


def of_kind(batch: list[Statement], kind: type[Kind]) -> list[Kind]:
    """Return the statements of one kind, in order."""
    return [each for each in batch if isinstance(each, kind)]


def packed(raw_id: RawId) -> Id:
    """Return a raw id as a line holds it."""
    return raw_id if isinstance(raw_id, str) else BytesId(raw_id)


def raw(packed_id: Id) -> RawId:
    """Return the raw id that a line holds."""
    return packed_id if isinstance(packed_id, str) else packed_id.data
