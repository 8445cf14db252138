"""Payloads: what was said is read, in one form only, and within the limits."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import DataError, VerificationError
from peerrec.limits import (
    ID_BYTES_MAX,
    PAYLOAD_BYTES_MAX,
    STATEMENTS_MAX,
    TAGS_MAX,
    WEIGHT_MAX,
)
from peerrec.protocol.segment import OPAQUE_FROM, Kind
from peerrec.protocol.statements import (
    ItemName,
    Play,
    Retraction,
    TrustIn,
    Whereabouts,
    decode_statements,
    encode_prefix,
    encode_statements,
    join_plays,
    split_plays,
)

MINUTE = 29_000_000
ITEM, PEER = b"i" * 16, b"p" * 32

items = st.binary(min_size=16, max_size=16)
minutes = st.integers(0, MINUTE)
weights = st.one_of(
    st.integers(1, 1 << 24).map(float),
    st.floats(float(np.float32(1e-30)), WEIGHT_MAX, width=32),
)
tags = st.lists(
    st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=9), max_size=4
)
plays = st.lists(st.builds(Play, items, weights, minutes), min_size=1, max_size=30)
trusts = st.lists(
    st.builds(
        TrustIn,
        st.binary(min_size=32, max_size=32),
        st.integers(-100, 100).map(lambda value: value / 100),
        minutes,
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda trust: trust.peer,
)
names = st.lists(
    st.builds(ItemName, st.from_regex(r"\w{1,20}", fullmatch=True), st.just("T"), tags.map(tuple)),
    min_size=1,
    max_size=9,
    unique_by=lambda name: name.uri,
)
said = st.one_of(
    st.tuples(st.just(Kind.INTERACTIONS), plays),
    st.tuples(st.just(Kind.TRUST), trusts),
    st.tuples(
        st.just(Kind.RETRACT),
        st.lists(st.builds(Retraction, items, minutes), min_size=1, max_size=30),
    ),
    st.tuples(st.just(Kind.DIRECTORY), names),
)


@given(said)
def test_statements_read_as_they_were_said(one):
    kind, rows = one
    payload = encode_statements(kind, rows, MINUTE)
    read = decode_statements(kind, payload, MINUTE)
    assert read == rows
    assert [type(row) for row in read] == [type(row) for row in rows]


@given(said, st.integers(0, 300), st.binary(max_size=3), st.integers(0, 3))
def test_payload_that_was_changed_is_refused_or_is_the_one_form_of_what_it_says(
    one, at, put, n_bytes
):
    kind, rows = one
    payload = encode_statements(kind, rows, MINUTE)
    changed = payload[:at] + put + payload[at + n_bytes :]
    try:
        read = decode_statements(kind, changed, MINUTE)
    except VerificationError:
        return
    assert encode_statements(kind, read, MINUTE) == changed


@given(st.sampled_from(list(Kind)), st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(kind, payload):
    try:
        assert decode_statements(kind, payload, MINUTE)
    except VerificationError as error:
        assert str(error)  # noqa: PT017


@given(plays)
def test_payload_of_interactions_is_what_its_columns_make(rows):
    payload = encode_statements(Kind.INTERACTIONS, rows, MINUTE)
    columns = split_plays(payload)
    assert columns is not None
    assert join_plays(*columns) == payload


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"...",
        b"\x90",
        b"\x93\xc4\x01x\x91\x00\x91\x01",
        join_plays(ITEM, [0], [1])[:-1] + b"\xcc\x01",  # not the shortest form
    ],
)
def test_what_has_no_columns_is_not_split(payload):
    assert split_plays(payload) is None


def test_weights_are_rounded_to_float32_and_trust_to_hundredths():
    payload = encode_statements(Kind.INTERACTIONS, [Play(ITEM, 0.1, MINUTE)], MINUTE)
    assert decode_statements(Kind.INTERACTIONS, payload, MINUTE)[0].weight == float(np.float32(0.1))
    payload = encode_statements(Kind.TRUST, [TrustIn(PEER, 0.333, MINUTE)], MINUTE)
    assert decode_statements(Kind.TRUST, payload, MINUTE) == [TrustIn(PEER, 0.33, MINUTE)]


@given(st.integers(-100, 100))
def test_every_hundredth_of_trust_is_kept(hundredths):
    trust = TrustIn(PEER, hundredths / 100, MINUTE)
    payload = encode_statements(Kind.TRUST, [trust], MINUTE)
    assert decode_statements(Kind.TRUST, payload, MINUTE) == [trust]


@pytest.mark.parametrize(
    ("kind", "bad", "reason"),
    [
        (Kind.INTERACTIONS, Play(ITEM, 0.0, MINUTE), "weight|int"),
        (Kind.INTERACTIONS, Play(ITEM, -1.0, MINUTE), "int"),
        (Kind.INTERACTIONS, Play(ITEM, float("nan"), MINUTE), "weight"),
        (Kind.INTERACTIONS, Play(ITEM, float("inf"), MINUTE), "weight"),
        (Kind.INTERACTIONS, Play(ITEM, 1e300, MINUTE), "float"),
        (Kind.INTERACTIONS, Play(ITEM, 1e-60, MINUTE), "int"),
        (Kind.INTERACTIONS, Play(ITEM, 1.0, MINUTE + 1), "int"),
        (Kind.INTERACTIONS, Play(ITEM, 1.0, -1), "1970"),
        (Kind.INTERACTIONS, Play(ITEM[:15], 1.0, MINUTE), "15 bytes"),
        (Kind.TRUST, TrustIn(PEER, 1.01, MINUTE), "int"),
        (Kind.TRUST, TrustIn(PEER, float("inf"), MINUTE), "infinity"),
        (Kind.TRUST, TrustIn(PEER[:31], 1.0, MINUTE), "31 bytes"),
        (Kind.RETRACT, Retraction(ITEM, MINUTE + 1), "int"),
        (Kind.ADDRESS, Whereabouts("a/b", 1), "neither a name"),
        (Kind.ADDRESS, Whereabouts("a", 0), "port 0"),
        (Kind.DIRECTORY, ItemName(""), "without uri"),
        (Kind.DIRECTORY, ItemName("u" * (ID_BYTES_MAX + 1)), "at most 512"),
        (Kind.DIRECTORY, ItemName("a\nb"), "control"),
        (Kind.DIRECTORY, ItemName("u", "\ud800"), "utf-8|surrogate"),
        (Kind.DIRECTORY, ItemName("u", "", ("t",) * (TAGS_MAX + 1)), "33 tags"),
    ],
)
def test_what_others_would_refuse_is_not_written(kind, bad, reason):
    with pytest.raises(DataError, match=reason):
        encode_statements(kind, [bad], MINUTE)


@pytest.mark.parametrize("kind", [Kind.INTERACTIONS, Kind.TRUST, Kind.RETRACT, Kind.DIRECTORY])
def test_there_is_at_least_one_statement_and_at_most_256(kind):
    def row(i):
        item = i.to_bytes(16)
        return {
            Kind.INTERACTIONS: Play(item, 1.0, MINUTE),
            Kind.TRUST: TrustIn(item * 2, 1.0, MINUTE),
            Kind.RETRACT: Retraction(item, MINUTE),
            Kind.DIRECTORY: ItemName(str(i)),
        }[kind]

    rows = [row(i) for i in range(STATEMENTS_MAX + 1)]
    payload = encode_statements(kind, rows[:-1], MINUTE)
    assert decode_statements(kind, payload, MINUTE) == rows[:-1]
    for bad in ([], rows):
        with pytest.raises(DataError):
            encode_statements(kind, bad, MINUTE)
    assert encode_prefix(kind, rows, MINUTE) == (payload, STATEMENTS_MAX)


def test_longest_prefix_that_fits_is_written():
    rows = [ItemName(f"{i:0300}", "é" * 200) for i in range(100)]
    payload, n = encode_prefix(Kind.DIRECTORY, rows, MINUTE)
    assert decode_statements(Kind.DIRECTORY, payload, MINUTE) == rows[:n]
    assert len(payload) <= PAYLOAD_BYTES_MAX < len(payload) + 710
    with pytest.raises(DataError, match="at most"):
        encode_statements(Kind.DIRECTORY, rows[: n + 1], MINUTE)
    rows = [Whereabouts("a", port) for port in range(1, 20)]
    assert encode_prefix(Kind.ADDRESS, rows, MINUTE)[1] == 8


def test_title_cannot_move_a_cursor_or_break_a_line():
    name = ItemName("u", "a\x1b[2J\nb", ("t\x07",))
    payload = encode_statements(Kind.DIRECTORY, [name], MINUTE)
    read = decode_statements(Kind.DIRECTORY, payload, MINUTE)
    assert read == [ItemName("u", "a [2J b", ("t ",))]


def test_kinds_of_later_versions_say_nothing_here_and_others_do_not_exist():
    assert decode_statements(OPAQUE_FROM, b"whatever", MINUTE) == []
    for kind in (0, Kind.FORK, 7, OPAQUE_FROM - 1):
        with pytest.raises(VerificationError, match="kind"):
            decode_statements(kind, b"\x90", MINUTE)
        with pytest.raises(DataError, match="kind"):
            encode_statements(kind, [Play(ITEM, 1.0, MINUTE)], MINUTE)


def test_ten_plays_in_one_sitting_are_18_bytes_each():
    rows = [Play(bytes([i] * 16), 1.0, MINUTE - 4 * i) for i in range(10)]
    assert len(encode_statements(Kind.INTERACTIONS, rows, MINUTE)) <= 180


def test_float32_weights_are_little_endian():
    payload = encode_statements(Kind.INTERACTIONS, [Play(ITEM, 0.5, MINUTE)], MINUTE)
    assert payload.endswith(b"\xc4\x04" + struct.pack("<f", 0.5))
