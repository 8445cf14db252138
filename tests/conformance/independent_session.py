"""Lead or serve a session, by docs/protocol.md alone; see independent_decoder.py.

The simplest peer that the document allows: as initiator it knows symbols only, as
responder it answers everything. It wants everything and tells no floors.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import msgpack
from independent_decoder import Segment, is_authentic, unpack_bundle
from independent_link import (
    Held,
    Keys,
    Log,
    be4,
    be8,
    decoded,
    digests,
    element,
    expanded,
    log_name,
    log_tag,
    packed,
    root,
    symbols_of,
)
from independent_messages import decode_message, padded_size

SUMMARY, SKETCH, RANGES, WANT, PUSH, GONE, STATUS, IHAVE = range(1, 9)
HELD, NAMED, UNWANTED, IDS = range(4)
SYMBOLS, LOGS, ELEMENTS, CHOSEN, NAMES, SINCE = range(6)
CONVERGED, DONE = 0, 5


def bundle_of(segments: list[Segment]) -> bytes:
    """Return a bundle whose payloads are all written out."""
    runs: list[list[Segment]] = []
    for one in sorted(segments, key=lambda one: (one.log, one.header.seq)):
        if runs and runs[-1][0].log == one.log:
            runs[-1].append(one)
        else:
            runs.append([one])
    rows = [one for run in runs for one in run]
    seqs = [b - a for run in runs for a, b in pairs([one.header.seq for one in run])]
    columns = [
        [len(run) for run in runs],
        [run[0].header.epoch for run in runs],
        seqs,
        [b - a for a, b in pairs([one.header.minute for one in rows])],
        [one.header.kind for one in rows],
        [one.header.ttl_days for one in rows],
        [1] * len(rows),
        [0] * len(rows),
        [],
        [],
        [],
        [one.payload for one in rows],
    ]
    random = [run[0].header.author for run in runs] + [one.signature for one in rows]
    packer = zlib.compressobj(wbits=-15)
    deflated = packer.compress(msgpack.packb(columns)) + packer.flush()
    random += [one.header.prev for one in rows]
    bundle: bytes = msgpack.packb([deflated, b"".join(random)])
    return bundle


def pairs(values: list[int]) -> list[tuple[int, int]]:
    return [*zip([0, *values], values, strict=False)]


def cut(data: bytes, width: int) -> list[int]:
    return [int.from_bytes(data[at : at + width], "big") for at in range(0, len(data), width)]


class Stranger:
    """One side of one session: bytes in, bytes out."""

    def __init__(
        self, keys: Keys, network: bytes, day: int, segments: Iterable[Segment], request: int
    ) -> None:
        self.keys, self.network, self.day, self.request = keys, network, day, request
        self.held = {(one.log, one.header.seq): one for one in segments}
        self.arrived = list(self.held)
        self.converged = False
        self.symbols: list[bytes] = []
        self.filling = False
        self.due = 0
        self.names_due = 0
        self.offers: list[tuple[Log, int | None]] = []
        self.n_seen = 0
        self.out: list[bytes] = []

    # -- what is held --------------------------------------------------------------------------

    def root(self) -> bytes:
        rows = [
            Held(log, seq, one.header.minute, one.header.ttl_days, one.id)
            for (log, seq), one in self.held.items()
        ]
        self.of_logs = digests(rows, self.day, {}, {})
        return root(self.keys, self.of_logs)

    def elements(self) -> dict[int, tuple[Log, int]]:
        return {element(self.keys, key[0], one.id): key for key, one in self.held.items()}

    def logs(self) -> list[Log]:
        return sorted({log for log, _ in self.held})

    def behind(self, tag: int) -> list[Log]:
        return [log for log in self.logs() if log_tag(self.keys, log) == tag]

    # -- what goes out -------------------------------------------------------------------------

    def say(self, kind: int, *fields: Any) -> None:
        data = msgpack.packb([kind, self.request, *fields])
        self.out.append(data.ljust(padded_size(len(data)), b"\0"))

    def start(self) -> list[bytes]:
        self.say(SUMMARY, self.day, self.root())
        return self.spoken()

    def spoken(self) -> list[bytes]:
        out, self.out = self.out, []
        return out

    def answer(self, keys: Iterable[tuple[Log, int]]) -> None:
        segments = [self.held[key] for key in keys if key in self.held]
        if segments:
            self.say(PUSH, True, bundle_of(segments))
        else:
            self.say(STATUS, DONE, 0)

    def offer(self, logs: list[Log]) -> None:
        self.offers += [(log, None) for log in logs]
        self.due += 1
        self.say(RANGES, NAMED, [[log_name(log), [], 0, b""] for log in logs])

    def ask_names(self, tags: list[int]) -> None:
        self.names_due += 1
        self.due += 1
        self.say(WANT, NAMES, 0, 0, b"".join(map(be4, tags)))

    def tell_held(self, logs: list[Log]) -> None:
        rows = []
        for log in logs:
            runs: list[int] = []
            at = 0
            for seq in sorted(seq for each, seq in self.held if each == log):
                if runs and seq == at:
                    runs[-1] += 1
                else:
                    runs += [seq - at, 1]
                at = seq + 1
            rows.append([be4(log_tag(self.keys, log)), runs, 0, b""])
        self.due += 1
        self.say(RANGES, HELD, rows)

    # -- what comes in -------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[bytes]:
        name, fields = decode_message(data)  # type: ignore[misc]
        assert fields["request"] == self.request
        getattr(self, f"on_{name.lower()}")(**fields)
        if self.filling and not self.due:
            self.filling = False
            self.say(SUMMARY, self.day, self.root())
        return self.spoken()

    def on_summary(self, request: int, day: int, root: bytes) -> None:
        assert day == self.day
        if root == self.root():
            self.converged = True
            self.say(STATUS, CONVERGED, len(self.arrived))
            return
        self.cells = [packed(cell) for cell in symbols_of(self.keys.sketch, self.elements(), 4_096)]
        facts = [len(self.held), len(self.logs()), len(self.arrived), None]
        self.say(SKETCH, 0, 0, b"".join(self.cells[:3]), facts)

    def on_status(self, request: int, code: int, value: int) -> None:
        if code == CONVERGED:
            self.converged = True
        else:
            assert code == DONE, code
            self.due -= 1

    def on_sketch(self, request: int, level: int, start: int, data: bytes, facts: Any) -> None:
        if level == LOGS:
            self._on_list(cut(data, 8))
            return
        if start == 0:
            self.symbols = []
        self.symbols += [data[at : at + 13] for at in range(0, len(data), 13)]
        found = decoded(self.symbols, self.keys.sketch, self.elements())
        if found is None:
            self.say(WANT, SYMBOLS, len(self.symbols), 8, b"")
            return
        self.filling = True
        theirs, ours = (sorted(each) for each in found)
        known = [each for each in theirs if self.behind(each >> 32)]
        unknown = sorted({each >> 32 for each in theirs if not self.behind(each >> 32)})
        if known:
            self.due += 1
            self.say(WANT, ELEMENTS, 0, 0, b"".join(map(be8, known)))
        if unknown:
            self.ask_names(unknown)
        if ours:
            self.due += 1
            self.offers += [self.elements()[each] for each in ours]
            self.say(IHAVE, b"".join(map(be8, ours)))

    def _on_list(self, theirs: list[int]) -> None:
        """Fill the difference to the whole list of the peer's logs, which are few."""
        self.filling = True
        pairs_of = self.of_logs.items()
        ours = {log_tag(self.keys, log): (log, element(self.keys, log, of)) for log, of in pairs_of}
        tags = {each >> 32: each for each in theirs}
        differ = [
            ours[tag][0] for tag, each in tags.items() if tag in ours and ours[tag][1] != each
        ]
        unknown = [tag for tag in tags if tag not in ours]
        if differ:
            self.tell_held(differ)
        if unknown:
            self.ask_names(unknown)
        if alone := [log for tag, (log, _) in ours.items() if tag not in tags]:
            self.offer(alone)

    def on_ranges(self, request: int, purpose: int, entries: list[list[Any]]) -> None:
        if purpose == NAMED:
            self._on_named([(row[0][:32], int.from_bytes(row[0][32:], "big")) for row in entries])
        elif purpose == HELD:
            missing: list[tuple[Log, int]] = []
            for name, runs, floor, _ in entries:
                theirs = set(expanded(runs))
                for log in self.behind(int.from_bytes(name, "big")):
                    mine = {seq for each, seq in self.held if each == log and seq >= floor}
                    missing += [(log, seq) for seq in sorted(mine - theirs)]
                    if theirs - mine:
                        self.tell_held([log])
            self.answer(missing)

    def _on_named(self, logs: list[Log]) -> None:
        if self.names_due:
            self.names_due -= 1
            self.due -= 1
        start, self.n_seen = self.n_seen, self.n_seen + len(logs)
        known = [log for log in logs if log in self.logs()]
        if known:
            self.tell_held(known)
        self.choose(start, [log not in known for log in logs])

    def choose(self, start: int, chosen: list[bool]) -> None:
        bits = "".join("01"[each] for each in chosen)
        data = int(bits.ljust(-(-len(bits) // 8) * 8, "0") or "0", 2).to_bytes(-(-len(bits) // 8))
        self.due += any(chosen)
        self.say(WANT, CHOSEN, start, 0, data)

    def on_ihave(self, request: int, tags: bytes) -> None:
        elements = cut(tags, 8)
        start, self.n_seen = self.n_seen, self.n_seen + len(elements)
        known = self.elements()
        unknown = sorted({each >> 32 for each in elements if not self.behind(each >> 32)})
        if unknown:
            self.ask_names(unknown)
        self.choose(start, [each not in known and each >> 32 not in unknown for each in elements])

    def on_want(self, request: int, kind: int, start: int, count: int, data: bytes) -> None:
        if kind == SYMBOLS:
            self.say(SKETCH, 0, start, b"".join(self.cells[start : start + count]), None)
        elif kind == LOGS:
            of_logs = sorted(element(self.keys, *pair) for pair in self.of_logs.items())
            page = b"".join(map(be8, of_logs[start : start + 4_000]))
            self.say(SKETCH, 1, start, page, None)
        elif kind == ELEMENTS:
            known = self.elements()
            self.answer(known[each] for each in cut(data, 8) if each in known)
        elif kind == NAMES:
            tags = cut(data, 4)
            named = [log for tag in tags for log in self.behind(tag)] if tags else self.logs()
            self.offer(named if tags else named[start:])
        elif kind == SINCE:
            self.answer(self.arrived[start:])
        else:
            self.due -= count == 0
            bits = "".join(f"{byte:08b}" for byte in data)
            keys: list[tuple[Log, int]] = []
            for place in (start + at for at, bit in enumerate(bits) if bit == "1"):
                log, seq = self.offers[place]
                keys += [key for key in self.held if key[0] == log and seq in (None, key[1])]
            if "1" in bits:
                self.answer(keys)

    def on_push(self, request: int, last: bool, bundle: bytes) -> None:
        for one in unpack_bundle(bundle, self.network):
            assert is_authentic(one, self.network)
            self.held[one.log, one.header.seq] = one
            self.arrived.append((one.log, one.header.seq))
        self.due -= last

    def on_gone(self, request: int, tags: bytes) -> None:
        pass
