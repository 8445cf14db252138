"""Rateless sketches: they decode, cost what the paper says, and hostile ones end."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec import limits
from peerrec.errors import LocalProtocolError, RemoteProtocolError
from peerrec.protocol.keyed_hash import keyed_hash_one
from peerrec.protocol.riblt import (
    SYMBOL_BYTES,
    Decoder,
    Encoder,
    element_bytes,
    parse_elements,
)
from peerrec.protocol.violations import Violation

KEY = bytes(range(16))
MASK = (1 << 64) - 1


def elements(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << 64, n, dtype=np.uint64)


def of(values: set[int]) -> np.ndarray:
    return np.array(sorted(values), np.uint64)


def indices(element: int, key: bytes, end: int) -> tuple[int, list[int]]:
    """The check of an element and the symbols it is part of, after the document."""
    hashed = keyed_hash_one(key, element.to_bytes(8, "big") + b"peerrec/")
    state, at, out = hashed | 1, 0, []
    while at < end:
        out.append(at)
        state = state * 0xDA942042E4DD58B5 & MASK
        at += max(1, math.ceil((at + 1.5) * (2.0**32 / math.sqrt(float(state) + 1.0) - 1.0)))
    return hashed & 0xFFFF_FFFF, out


def reference(values: set[int], key: bytes, end: int) -> bytes:
    """Coded symbols, one element after the other."""
    symbols = [[0, 0, 0] for _ in range(end)]
    for element in sorted(values):
        check, places = indices(element, key, end)
        for at in places:
            symbols[at][0] ^= element
            symbols[at][1] ^= check
            symbols[at][2] = (symbols[at][2] + 1) % 256
    return b"".join(s.to_bytes(8, "big") + c.to_bytes(4, "big") + bytes([n]) for s, c, n in symbols)


def decoded(theirs: np.ndarray, ours: np.ndarray, step: int = 8) -> Decoder:
    encoder, decoder = Encoder(theirs, KEY), Decoder(ours, KEY)
    while not decoder.done and not decoder.exhausted:
        count = min(step, limits.SYMBOLS_MAX - decoder.n_symbols)
        decoder.add(encoder.symbols(decoder.n_symbols, count))
    return decoder


sets_of_elements = st.sets(st.integers(0, MASK) | st.integers(0, 20), max_size=60)


@given(sets_of_elements, st.binary(min_size=16, max_size=16), st.integers(0, 70))
def test_symbols_are_those_of_the_reference(values: set[int], key: bytes, n: int):
    assert Encoder(of(values), key).symbols(0, n) == reference(values, key, n)


@given(sets_of_elements, sets_of_elements, st.integers(1, 30))
def test_the_difference_is_found_exactly(theirs: set[int], ours: set[int], step: int):
    decoder = decoded(of(theirs), of(ours), step)
    assert decoder.done
    assert decoder.remote_only.tolist() == sorted(theirs - ours)
    assert decoder.local_only.tolist() == sorted(ours - theirs)


@given(sets_of_elements, st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_symbols_do_not_depend_on_how_they_are_asked_for(values: set[int], cuts: list[int]):
    whole = Encoder(of(values), KEY).symbols(0, 80)
    encoder = Encoder(of(values), KEY)
    for cut in cuts:
        part = encoder.symbols(cut, 40)
        assert part == whole[cut * SYMBOL_BYTES : (cut + 40) * SYMBOL_BYTES]


def test_order_and_repetition_of_elements_do_not_matter():
    values = elements(500, 1)
    twice = np.concatenate((values[::-1], values[:100]))
    assert Encoder(values, KEY).symbols(0, 50) == Encoder(twice, KEY).symbols(0, 50)


def test_equal_sets_are_known_to_be_equal_after_one_symbol():
    values = elements(2_000, 2)
    decoder = Decoder(values, KEY)
    assert decoder.add(Encoder(values, KEY).symbols(0, 1))
    assert decoder.n_symbols == 1
    assert decoder.remote_only.size == decoder.local_only.size == 0


@pytest.mark.parametrize("n", [255, 256, 257, 512])
def test_differences_whose_number_wraps_the_count_are_found(n: int):
    assert decoded(elements(n, 3), elements(0, 3)).remote_only.size == n


@pytest.mark.parametrize(("d", "at_most"), [(20, 1.9), (100, 1.65), (400, 1.5), (2_500, 1.45)])
def test_d_differences_cost_about_what_the_paper_says(d: int, at_most: float):
    common = elements(1_000, 4)
    ratios = []
    for seed in range(12 if d < 1_000 else 2):
        own, other = elements(d - d // 3, 100 + seed), elements(d // 3, 200 + seed)
        ours, theirs = np.concatenate((common, own)), np.concatenate((common, other))
        decoder = decoded(theirs, ours, max(1, d // 50))
        assert decoder.local_only.tolist() == sorted(own.tolist())
        ratios.append(decoder.n_symbols / d)
    assert 1.2 < np.mean(ratios) < at_most


def test_a_decoder_may_use_the_encoder_that_is_there_already():
    theirs, encoder = elements(300, 5), Encoder(elements(290, 5), KEY)
    decoder = Decoder(encoder, KEY)
    assert decoder.add(Encoder(theirs, KEY).symbols(0, 60))
    assert decoder.remote_only.size == 10
    with pytest.raises(LocalProtocolError, match="keys"):
        Decoder(encoder, bytes(16))


def test_another_key_gives_other_symbols():
    values = elements(100, 6)
    assert Encoder(values, KEY).symbols(1, 20) != Encoder(values, bytes(16)).symbols(1, 20)


def test_symbols_that_come_when_all_is_known_are_ignored():
    encoder, decoder = Encoder(elements(5, 7), KEY), Decoder(elements(0, 7), KEY)
    assert decoder.add(encoder.symbols(0, 40))
    assert decoder.add(b"\xff" * 26)
    assert decoder.n_symbols == 40


def test_too_large_a_difference_exhausts_the_decoder():
    encoder, decoder = Encoder(elements(500, 8), KEY), Decoder(elements(0, 8), KEY, 64)
    assert not decoder.add(encoder.symbols(0, 64))
    assert decoder.exhausted
    with pytest.raises(RemoteProtocolError) as refusal:
        decoder.add(encoder.symbols(64, 1))
    assert refusal.value.violation is Violation.SKETCH


@given(st.sets(st.integers(0, MASK), max_size=40))
def test_elements_go_over_the_wire_unchanged(values: set[int]):
    data = element_bytes(of(values))
    assert len(data) == 8 * len(values)
    assert parse_elements(data).tolist() == sorted(values)
    assert data[:8] == (min(values).to_bytes(8, "big") if values else b"")


@pytest.mark.parametrize(("start", "count"), [(-1, 2), (0, -1), (0, 4_097), (4_096, 1)])
def test_symbols_that_do_not_exist_are_a_bug(start: int, count: int):
    with pytest.raises(LocalProtocolError):
        Encoder(elements(3, 9), KEY).symbols(start, count)


def symbol(element: int, count: int, check: int | None = None) -> bytes:
    right = indices(element, KEY, 1)[0]
    return (
        element.to_bytes(8, "big")
        + (right if check is None else check).to_bytes(4, "big")
        + bytes([count % 256])
    )


EMPTY = bytes(SYMBOL_BYTES)


def test_a_cut_sketch_is_refused():
    with pytest.raises(RemoteProtocolError, match="whole number"):
        Decoder(elements(3, 10), KEY).add(bytes(12))


def test_an_element_in_a_symbol_it_has_no_part_in_is_refused():
    element = 77
    places = indices(element, KEY, 50)[1]
    absent = next(i for i in range(50) if i not in places)
    data = EMPTY * absent + symbol(element, 1)
    with pytest.raises(RemoteProtocolError, match="no part in"):
        Decoder(elements(0, 1), KEY).add(data)


def test_an_element_said_to_be_ours_alone_that_we_lack_is_refused():
    with pytest.raises(RemoteProtocolError, match="missing where it is"):
        Decoder(elements(0, 1), KEY).add(symbol(5, -1))


def test_an_element_said_to_be_theirs_alone_that_we_hold_is_refused():
    ours = np.array([5], np.uint64)
    twice = bytearray(symbol(0, 2, 0))  # minus our own 5: XOR 5, count 1
    with pytest.raises(RemoteProtocolError, match="missing where it is"):
        Decoder(ours, KEY).add(bytes(twice))


def test_leftovers_when_all_is_said_to_be_known_are_refused():
    with pytest.raises(RemoteProtocolError, match="others are not"):
        Decoder(elements(0, 1), KEY).add(EMPTY + b"\x01" * SYMBOL_BYTES)


def test_an_element_that_comes_twice_is_refused():
    element = 99
    places = indices(element, KEY, 400)[1]
    # an honest start that does not finish, then the same element in a symbol of its own
    decoder = Decoder(elements(0, 1), KEY)
    start = bytearray(reference({element}, KEY, places[1]))
    start[0] ^= 1  # symbol 0 keeps something, so that it does not count as done
    start += symbol(element, 1)
    assert not decoder.add(bytes(start))
    other = next(i for i in range(places[1] + 1, 400) if i not in places)
    filler = reference({element}, KEY, other)[decoder.n_symbols * SYMBOL_BYTES :]
    with pytest.raises(RemoteProtocolError, match="twice"):
        decoder.add(filler + symbol(element, 1))


def test_a_crafted_chain_ends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "PEEL_ROUNDS_MAX", 3)
    with pytest.raises(RemoteProtocolError, match="too many times"):
        decoded(elements(400, 11), elements(0, 11), 600)


@settings(max_examples=200)
@given(st.binary(max_size=SYMBOL_BYTES * 12), st.integers(0, 300), st.data())
def test_any_bytes_decode_or_are_refused(noise: bytes, position: int, data: st.DataObject):
    ours = elements(30, 12)
    good = bytearray(Encoder(elements(45, 12), KEY).symbols(0, 30))
    good[position : position + len(noise)] = noise
    decoder = Decoder(ours, KEY)
    violations = []
    while not decoder.done and len(good) >= SYMBOL_BYTES and not violations:
        n = data.draw(st.integers(1, 12)) * SYMBOL_BYTES
        try:
            decoder.add(bytes(good[:n]))
        except RemoteProtocolError as refusal:
            violations.append(refusal.violation)
        del good[:n]
    assert violations in ([], [Violation.SKETCH])
    assert len(decoder.remote_only) + len(decoder.local_only) <= decoder.n_symbols
