"""Bring the rows of a file into a store: check them all, then record and describe."""

from __future__ import annotations

import lzma
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from peerrec.errors import DataError
from peerrec.limits import MINUTE_S
from peerrec.store import Description, Interaction, Store
from peerrec_node.commands.common import ME, Opened
from peerrec_node.imports import FORMATS, ImportAccount, ImportedRow, open_import
from peerrec_node.imports.movielens import read_movies
from peerrec_node.progress import Progress

__all__ = ["ImportJob", "Source"]

BATCH: Final = 10_000
"""Rows of one transaction: some 50 ms, so that Ctrl-C is prompt."""

MOVIES_BESIDE: Final = ("movies.csv", "movies.dat", "u.item")
"""Where MovieLens keeps titles and genres: a second file in the same folder."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file and how to read it.

    Attributes:
        path: the file.
        format: one of ``FORMATS``.
        now: unix seconds, the time of rows that have none.
        more: further arguments of the format's reader: a column mapping.
        skip_broken: go on behind rows that are broken.
        own_author: whose rows, in a file of many people, are one's own.
        public: whether one's own rows may leave this device.
    """

    path: Path
    format: str
    now: float
    more: tuple[Any, ...] = ()
    skip_broken: bool = False
    own_author: str | None = None
    public: bool = False

    def account(self, path: Path) -> ImportAccount:
        """Return an empty account of this file or one beside it."""
        return ImportAccount(path.name, now=self.now, skip_broken=self.skip_broken)

    def rows(self, account: ImportAccount) -> Iterator[ImportedRow]:
        """Yield the rows; DataError where one is broken or the file cannot be read on."""
        more = self.more or self._movies()
        try:
            with open_import(self.path) as file:
                yield from FORMATS[self.format](file, account, *more)
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise DataError(
                f"{self.path}: cannot be read on after {account.rows} rows: {error}; is it whole?"
            ) from error

    def _movies(self) -> tuple[Any, ...]:
        beside = (self.path.with_name(name) for name in MOVIES_BESIDE)
        found = next((path for path in beside if path.is_file()), None)
        if self.format != "movielens" or found is None:
            return ()
        with open_import(found) as file:
            return (read_movies(file, self.account(found)),)

    def interactions(self) -> Iterator[Interaction]:
        """Yield the rows as interactions of whom they belong to."""
        for row in self.rows(self.account(self.path)):
            own = row.author in ("", self.own_author)
            time = self.now if row.time is None else row.time
            who = ME if own else row.author
            yield Interaction(who, row.item, row.weight, time, own and self.public)


class Said(NamedTuple):
    """What a file says of an item."""

    title: str
    tags: tuple[str, ...]
    link: str

    def over(self, before: Said) -> Said:
        """Return this, with what it leaves out as it was before."""
        return Said(self.title or before.title, self.tags or before.tags, self.link or before.link)


NOTHING: Final = Said("", (), "")


@dataclass(slots=True)
class ImportJob:
    """One import, in the order of its methods; nothing is stored before all is checked.

    Attributes:
        source: the file.
        account: of its rows, after `check`.
        recorded: interactions that were new.
        known: interactions that the store had already.
        described: items of which something new is said.
        people: whose rows they are, but one's own.
    """

    source: Source
    progress: Progress
    account: ImportAccount = field(init=False)
    recorded: int = 0
    known: int = 0
    described: int = 0
    people: set[str] = field(default_factory=set)
    _said: dict[str, Said] = field(default_factory=dict)

    def check(self) -> None:
        """Read the whole file; DataError names the first broken row."""
        self.account = self.source.account(self.source.path)
        for done, row in enumerate(self.source.rows(self.account), 1):
            said = Said(row.title, row.tags, row.link)
            if said != NOTHING:
                self._said[row.item] = said.over(self._said.get(row.item, NOTHING))
            if row.author not in ("", self.source.own_author):
                self.people.add(row.author)
            if done % BATCH == 0:
                self.progress("checking", done, None)
        if self.account.rows > BATCH:
            self.progress("checking", self.account.rows, self.account.rows)

    def record(self, here: Opened) -> None:
        """Record what is new, batch by batch; what came before an interrupt stays."""
        known = KnownRows(here.store)
        rows = self.source.interactions()
        done = 0
        while batch := list(islice(rows, BATCH)):
            done += len(batch)
            new = [row for row in batch if row.time == self.source.now or not known.take(row)]
            self.known += len(batch) - len(new)
            self.recorded += here.me.record_many(new)
            if self.account.rows > BATCH:
                self.progress("recording", done, self.account.rows)

    def describe(self, here: Opened) -> None:
        """Say of each item what the file says, where that is new."""
        before = {each.item: of(each) for each in here.store.descriptions() if each.author == ME}
        for done, (item, said) in enumerate(self._said.items(), 1):
            old = before.get(item, NOTHING)
            new = said.over(old)
            if new != old:
                here.me.describe(item, title=new.title, tags=new.tags, link=new.link)
                self.described += 1
            if done % BATCH == 0:
                self.progress("describing", done, len(self._said))


def of(description: Description) -> Said:
    """Return what a stored description says."""
    return Said(description.title, description.tags, description.link)


class KnownRows:
    """The interactions that a store had, each to be met once.

    Whoever exports their history every month imports the old part of it again. Two
    plays in one minute are two, so rows are counted, not only looked up.
    """

    def __init__(self, store: Store) -> None:
        columns, peers, items = store.interactions(), store.peers(), store.items()
        self._peers = dict(zip(peers.ids, peers.codes.tolist(), strict=True))
        self._items = dict(zip(items.ids, items.codes.tolist(), strict=True))
        minutes = (columns.time // MINUTE_S).astype(np.int64).tolist()
        rows = (columns.author.tolist(), columns.item.tolist(), minutes, columns.weight.tolist())
        self._left = Counter(zip(*rows, strict=True))

    def take(self, row: Interaction) -> bool:
        """Return whether the store had such a row that was not met yet; it now is."""
        minute, weight = int(row.time // MINUTE_S), float(np.float32(row.weight))
        codes = self._peers.get(row.author, -1), self._items.get(row.item, -1)
        key = (*codes, minute, weight)
        if not self._left.get(key):
            return False
        self._left[key] -= 1
        return True
