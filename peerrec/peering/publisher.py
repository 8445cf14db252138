"""Publish what the person made public, and take back what the person removed.

The store is the truth: the publisher asks it what is new, and after a removal compares
what it has with what the own log says. Nothing private is ever looked at twice: rows
that are not public leave here at the first filter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgpack
import numpy as np

from peerrec.errors import DataError, StoreError
from peerrec.ids import item_hash
from peerrec.limits import CLOCK_SKEW_S, MINUTE_S, STATEMENTS_MAX, TTL_DAYS_MAX
from peerrec.peering.library import Library
from peerrec.peering.own_log import OwnLog
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.segment import Kind, Segment
from peerrec.protocol.statements import (
    ItemName,
    Play,
    Retraction,
    Statement,
    TrustIn,
    Whereabouts,
    decode_statements,
    encode_prefix,
    encode_statements,
)
from peerrec.store import (
    Cursor,
    Description,
    Interaction,
    InteractionColumns,
    RawId,
    Store,
    TrustEdge,
)

__all__ = ["Publisher"]

SETTING = "log.published"

ADDRESS_TTL_DAYS = 1
ADDRESS_EVERY_S = 6 * 3_600.0
"""How often the own address is said again: well within its day."""

Row = tuple[int, RawId, float]
Each = TypeVar("Each")


@dataclass(slots=True)
class Pending:
    """What waits to be published.

    Attributes:
        rows: (minute, item, weight) of public interactions.
        since: when the oldest of them was noticed; None where there are none.
    """

    rows: list[Row]
    since: float | None = None


class Publisher:
    """Turns the person's public statements into segments.

    Args:
        library: keeps and indexes them.
        own_log: numbers and signs them.
        me: raw id of the person in the store.
        settings: batching, and what is published.

    Attributes:
        may_sign: whether numbering is safe: a log continued from before waits until peers
            had the chance to show that it was rolled back.
    """

    def __init__(
        self, library: Library, own_log: OwnLog, me: RawId, settings: NodeSettings
    ) -> None:
        self._library = library
        self._store: Store = library.store
        self._log = own_log
        self._me = me
        self._settings = settings
        self.may_sign = own_log.fresh
        self._pending = Pending([])
        self._me_code: int | None = None
        self._peers_seen = 0
        self._addressed_at = -np.inf
        self._trust_said: dict[bytes, float] = {}
        self._named: dict[bytes, tuple[str, tuple[str, ...]]] = {}
        self._retractions: list[Retraction] = []
        self._retracted: dict[bytes, int] = {}
        packed = self._store.setting(SETTING)
        state = (0, 0, 0) if packed is None else tuple(msgpack.unpackb(packed))
        self._cursor = self._kept = Cursor(*state)
        self._trust_counter = -1
        self._read_own()

    def _read_own(self) -> None:
        """Learn from the own log which names, trust and retractions are out there."""
        self._trust_said, self._named, self._retracted = {}, {}, {}
        for segment in self._own_segments((Kind.DIRECTORY, Kind.TRUST, Kind.RETRACT)):
            minute = segment.header.minute
            for each in decode_statements(segment.header.kind, segment.payload, minute):
                if isinstance(each, ItemName):
                    self._named[item_hash(each.uri)] = (each.title, each.tags)
                elif isinstance(each, TrustIn):
                    self._trust_said[each.peer] = each.weight
                elif isinstance(each, Retraction):
                    self._retract(each)

    def _retract(self, said: Retraction) -> None:
        self._retracted[said.item] = max(said.minute, self._retracted.get(said.item, -1))

    def _said_at(self, rows: list[Row]) -> list[Row]:
        """Return rows with the minutes at which others can know them.

        A retraction reaches every play of an item up to its minute, and nobody can say
        one before it any more: plays that stay, or come in the same minute, are said as
        of the minute after it.
        """
        if not self._retracted:
            return rows
        after = {hashed: minute + 1 for hashed, minute in self._retracted.items()}
        return [
            (max(minute, after.get(item_hash(raw), 0)), raw, weight) for minute, raw, weight in rows
        ]

    def _own_segments(self, kinds: tuple[Kind, ...]) -> list[Segment]:
        """Return the own segments of some kinds, all epochs, oldest first."""
        library = self._library
        found = [
            segment
            for log in library.frontier.logs_of(library.peer)
            for seq in library.frontier.seqs(log)
            if (segment := library.segment(log, seq)) is not None and segment.header.kind in kinds
        ]
        return sorted(found, key=lambda each: (each.header.minute, each.log, each.header.seq))

    # -- noticing -----------------------------------------------------------------------

    def look(self, now: float) -> None:
        """Notice what the person stated since the last look."""
        cursor = self._store.cursor()
        if cursor[:2] == self._cursor[:2]:
            return
        if self._library.names.follow():
            cursor = self._store.cursor()  # items became one: everything is compared below
        changes = self._store.changes(self._cursor)
        if changes is not None:
            self._pending.rows.extend(self._said_at(self._public_rows(changes)))
        else:
            self._compare()
        self._cursor = cursor
        if self._pending.rows and self._pending.since is None:
            self._pending.since = now

    def _public_rows(self, columns: InteractionColumns) -> list[Row]:
        me = self._code_of_me()
        mine = np.flatnonzero(columns.public & (columns.author == (-1 if me is None else me)))
        if not len(mine):
            return []
        raws = self._store.item_names(columns.item[mine].tolist())
        minutes = (columns.time[mine] // MINUTE_S).astype(np.int64).tolist()
        return list(zip(minutes, raws, columns.weight[mine].astype(float).tolist(), strict=True))

    def _code_of_me(self) -> int | None:
        if self._me_code is None:
            names = self._store.peers(after=self._peers_seen)
            if len(names):
                self._peers_seen = int(names.codes[-1])
                if self._me in names.ids:
                    self._me_code = int(names.codes[names.ids.index(self._me)])
        return self._me_code

    def recover(self, now: float) -> int:
        """Take back from the own log what the store lost when it was rolled back.

        Call it when peers showed own segments that were not known here.

        Returns:
            How many interactions came back.
        """
        before = self._retracted
        self._read_own()
        self._take_back(before)
        self._me_code, self._peers_seen = None, 0
        rows = self._said_at(self._public_rows(self._store.interactions()))
        lost = self._published() - hashed_rows(rows)
        names = self._library.names
        self._renew()
        self._store.record_many(
            Interaction(self._me, names.raw(hashed), weight, minute * MINUTE_S, True)
            for minute, hashed, weight in sorted(lost.elements())
        )
        self._compare()
        self._cursor = self._store.cursor()
        if self._pending.rows:
            self._pending.since = now
        return lost.total()

    def _renew(self) -> None:
        """Take back names, descriptions and trust that the own log says and the store lacks."""
        names, me = self._library.names, self._me
        words: dict[bytes, TrustIn] = {}
        for segment in self._own_segments((Kind.DIRECTORY, Kind.TRUST)):
            minute = segment.header.minute
            for each in decode_statements(segment.header.kind, segment.payload, minute):
                if isinstance(each, TrustIn):
                    words[each.peer] = each
                elif isinstance(each, ItemName):
                    item, time = names.learn(each.uri), minute * MINUTE_S
                    had = next((d for d in self._store.descriptions(item) if d.author == me), None)
                    if (each.title or each.tags) and (had is None or had.time < time):
                        said = Description(item, me, each.title, each.tags, "", each.uri, time)
                        self._store.describe(said)
        names.settle()
        times = {peer: time for peer, _, time in self._trust_given()}
        self._store.trust_many(
            TrustEdge(me, peer, said.weight, said.minute * MINUTE_S)
            for peer, said in sorted(words.items())
            if times.get(peer, -1.0) < said.minute * MINUTE_S
        )

    def _take_back(self, before: dict[bytes, int]) -> None:
        """Remove what the person had removed already when the store was rolled back.

        What is private does not travel and is not reached by retractions: it stays, a
        minute later at most where it shares its item.
        """
        until = {
            hashed: minute
            for hashed, minute in self._retracted.items()
            if minute > before.get(hashed, -1)
        }
        me, columns = self._code_of_me(), self._store.interactions()
        if not until or me is None:
            return
        mine = np.flatnonzero(columns.author == me)
        items = self._store.items()
        raws = [items.ids[at] for at in items.positions(columns.item[mine]).tolist()]
        private, retractions = [], set()
        for at, raw in zip(mine.tolist(), raws, strict=True):
            minute = until.get(item_hash(raw), -1)
            if columns.time[at] <= minute * MINUTE_S:
                retractions.add((raw, minute))
                if not columns.public[at]:
                    weight, time = float(columns.weight[at]), (minute + 1) * MINUTE_S
                    private.append(Interaction(self._me, raw, weight, time, False))
        self._store.accept(
            retractions=[
                (self._me, raw, minute * MINUTE_S)
                for raw, minute in sorted(retractions, key=lambda each: item_hash(each[0]))
            ],
            interactions=private,
        )

    def _compare(self) -> None:
        """Find what to publish and what to retract, after something was removed."""
        self._me_code, self._peers_seen = None, 0
        rows = self._said_at(self._public_rows(self._store.interactions()))
        wanted = hashed_rows(rows)
        raw_of = {item_hash(raw): raw for _, raw, _ in rows}
        out = self._published()
        extra: dict[bytes, int] = {}
        for minute, hashed, _ in out - wanted:
            extra[hashed] = max(minute, extra.get(hashed, -1))
        self._retractions = [Retraction(hashed, extra[hashed]) for hashed in sorted(extra)]
        for said in self._retractions:
            self._retract(said)
        again = self._said_at([row for row in rows if item_hash(row[1]) in extra])
        stays = Counter({key: n for key, n in out.items() if key[0] > extra.get(key[1], -1)})
        missing = Counter({k: n for k, n in (wanted - out).items() if k[1] not in extra})
        missing += hashed_rows(again) - stays
        self._pending = Pending(
            [
                (minute, raw_of[hashed], weight)
                for minute, hashed, weight in sorted(missing.elements())
            ]
        )

    def _published(self) -> Counter[tuple[int, bytes, float]]:
        """Return what the own log says and has not retracted."""
        plays: Counter[tuple[int, bytes, float]] = Counter()
        retracted: dict[bytes, int] = {}
        for segment in self._own_segments((Kind.INTERACTIONS, Kind.RETRACT)):
            minute = segment.header.minute
            for each in decode_statements(segment.header.kind, segment.payload, minute):
                if isinstance(each, Play):
                    plays[each.minute, each.item, each.weight] += 1
                elif isinstance(each, Retraction):
                    retracted[each.item] = max(each.minute, retracted.get(each.item, -1))
        for key in [key for key in plays if key[0] <= retracted.get(key[1], -1)]:
            del plays[key]
        return plays

    # -- signing ------------------------------------------------------------------------

    def change(self, settings: NodeSettings) -> None:
        """Batch, and publish trust, as other settings say."""
        self._settings = settings

    def next_deadline(self) -> float:
        """Return when `mint` has something to do by time alone."""
        if not self.may_sign or self._pending.since is None:
            return np.inf
        return self._pending.since + self._settings.batch_delay_s

    def mint(self, now: float) -> list[Segment]:
        """Sign and store what is due; return the new segments, to be sent to everybody.

        Raises:
            StoreError: they could not be stored; nothing may leave.
        """
        if not self.may_sign:
            return []
        self.look(now)
        addressed_at = self._addressed_at
        batches = [*self._retracting(now), *self._trusting(now), *self._addressing(now)]
        full = len(self._pending.rows) >= self._settings.batch_count
        if self._pending.rows and (full or now >= self.next_deadline() or self._retractions):
            batches += self._naming(now) + self._playing(now)
        if not batches:
            return []
        try:
            segments = self._signed(batches)
        except StoreError:
            self._start_over()
            self._addressed_at = addressed_at
            raise
        self._retractions = []
        return segments

    def _start_over(self) -> None:
        """Forget what was about to be published: the next look finds it again."""
        self._cursor, self._pending = self._kept, Pending([])
        self._trust_counter = -1
        self._read_own()

    def _signed(self, batches: list[tuple[Kind, bytes, int]]) -> list[Segment]:
        short = [batch for batch in batches if batch[0] is Kind.ADDRESS]
        long = [batch for batch in batches if batch[0] is not Kind.ADDRESS]
        segments: list[Segment] = []
        setting: tuple[str, bytes] | None = None
        for group, ttl_days in ((long, TTL_DAYS_MAX), (short, ADDRESS_TTL_DAYS)):
            if group:
                signed, setting = self._log.sign(group, ttl_days)
                segments += signed
        assert setting is not None  # there was a batch
        # While rows are pending, a restart must notice them again.
        kept = self._kept if self._pending.rows else self._cursor
        self._library.add_own(segments, [setting, (SETTING, msgpack.packb(list(kept)))])
        self._kept = kept
        return segments

    def _playing(self, now: float) -> list[tuple[Kind, bytes, int]]:
        at = int(now // MINUTE_S)
        first = at - self._settings.window_s // MINUTE_S  # nobody would keep what is older
        rows = sorted((row for row in self._pending.rows if row[0] > first), key=lambda row: row[0])
        self._pending = Pending([])
        plays = [Play(item_hash(raw), weight, minute) for minute, raw, weight in rows]
        n, last = max(self._settings.batch_count, 1), at + CLOCK_SKEW_S // MINUTE_S
        # What was recorded under a clock that was ahead is taken by nobody until its time has
        # come; it must not hold up the rest.
        ahead = [play for play in plays if play.minute > last]
        groups = grouped(plays[: len(plays) - len(ahead)], n) + grouped(ahead, n)
        return [batch(Kind.INTERACTIONS, group, max(at, group[-1].minute)) for group in groups]

    def _naming(self, now: float) -> list[tuple[Kind, bytes, int]]:
        """Say what the items about to be published are called; once each."""
        new: list[ItemName] = []
        for raw in dict.fromkeys(raw for _, raw, _ in self._pending.rows):
            if not isinstance(raw, str):
                continue
            said = next((d for d in self._store.descriptions(raw) if d.author == self._me), None)
            text = ("", ()) if said is None else (said.title, said.tags)
            hashed = item_hash(raw)
            if self._named.get(hashed) != text:
                self._named[hashed] = text
                if is_sayable(name := ItemName(raw, *text)):
                    new.append(name)
        at = int(now // MINUTE_S)
        batches = []
        while new:
            payload, n = encode_prefix(Kind.DIRECTORY, new, at)
            batches.append((Kind.DIRECTORY, payload, at))
            new = new[n:]
        return batches

    def _trusting(self, now: float) -> list[tuple[Kind, bytes, int]]:
        counter = self._store.cursor().trust
        if not self._settings.publish_trust or counter == self._trust_counter:
            return []
        self._trust_counter = counter
        given = {peer: weight for peer, weight, _ in self._trust_given() if weight}
        at = int(now // MINUTE_S)
        changed = [
            TrustIn(peer, weight, at)
            for peer, weight in sorted(given.items())
            if self._trust_said.get(peer) != weight
        ]
        gone = sorted(peer for peer, w in self._trust_said.items() if w and peer not in given)
        changed += [TrustIn(peer, 0.0, at) for peer in gone]
        self._trust_said.update((each.peer, each.weight) for each in changed)
        return [batch(Kind.TRUST, group, at) for group in grouped(changed, STATEMENTS_MAX)]

    def _trust_given(self) -> list[tuple[bytes, float, float]]:
        """Return the person's trust: (peer, weight in the hundredths that travel, time)."""
        return [
            (raw, round(weight * 100) / 100, time)
            for _, raw, weight, time in self._store.trust_of(self._me)
            if isinstance(raw, bytes) and len(raw) == 32
        ]

    def _retracting(self, now: float) -> list[tuple[Kind, bytes, int]]:
        at = int(now // MINUTE_S)
        groups = grouped(self._retractions, STATEMENTS_MAX)
        return [
            batch(Kind.RETRACT, group, max(at, *(each.minute for each in group)))
            for group in groups
        ]

    def _addressing(self, now: float) -> list[tuple[Kind, bytes, int]]:
        where = self._settings.address
        if where is None or now < self._addressed_at + ADDRESS_EVERY_S:
            return []
        self._addressed_at = now
        said = Whereabouts(where.host, where.port, where.path)
        return [batch(Kind.ADDRESS, [said], int(now // MINUTE_S))]


def batch(kind: Kind, statements: Sequence[Statement], minute: int) -> tuple[Kind, bytes, int]:
    """Return what `OwnLog.sign` takes."""
    return kind, encode_statements(kind, statements, minute), minute


def hashed_rows(rows: list[Row]) -> Counter[tuple[int, bytes, float]]:
    """Return rows as they travel: minute, hash of the item, weight."""
    return Counter((minute, item_hash(raw), weight) for minute, raw, weight in rows)


def grouped(rows: list[Each], n: int) -> list[list[Each]]:
    """Cut a list into pieces of at most n."""
    return [rows[at : at + n] for at in range(0, len(rows), n)]


def is_sayable(name: ItemName) -> bool:
    """Return whether the wire can carry a name; an item without one travels as its hash."""
    try:
        encode_statements(Kind.DIRECTORY, [name], 0)
    except DataError:
        return False
    return True
