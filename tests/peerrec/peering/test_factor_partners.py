"""Partners are drawn, and answered, by merit: Sybils as seldom as their merit."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from peerrec.peering.factor_partners import STRANGERS, Partners

SYBILS = [bytes([200, n]) for n in range(30)]
FRIENDS = [bytes([1, n]) for n in range(10)]


def drawn(merit: dict[bytes, float], n: int = 4_000) -> Counter[bytes | None]:
    rng = np.random.default_rng(1)
    partners = Partners(600.0)
    return Counter(partners.draw([*FRIENDS, *SYBILS], merit, rng) for _ in range(n))


def test_three_of_four_links_to_sybils_get_their_merit_and_no_more():
    merit = dict.fromkeys(FRIENDS, 0.098) | dict.fromkeys(SYBILS[:10], 0.002)
    counts = drawn(merit)
    sybils = sum(counts[each] for each in SYBILS) / counts.total()
    assert sybils == pytest.approx(STRANGERS + 0.95 * 0.02, abs=0.015)


def test_who_is_trusted_by_nobody_begins_with_strangers_seldom():
    counts = drawn({})
    assert counts[None] / counts.total() == pytest.approx(1 - STRANGERS, abs=0.015)


def test_partners_are_drawn_in_proportion_to_merit():
    counts = drawn({FRIENDS[0]: 0.3, FRIENDS[1]: 0.1})
    assert counts[FRIENDS[0]] / counts[FRIENDS[1]] == pytest.approx(3.0, rel=0.15)


def answered(partners: Partners, peers: list[bytes], merit: dict[bytes, float]) -> Counter[bytes]:
    """Let peers offer every minute for two days; return how often each is answered."""
    counts: Counter[bytes] = Counter()
    for now in range(0, 172_800, 60):
        for peer in peers:
            if partners.wait_s(peer, merit, float(now)) <= 0.0:
                partners.answered(peer, merit.get(peer, 0.0) > 0.0, float(now))
                counts[peer] += 1
    return counts


def test_offers_are_answered_by_merit_however_many_come():
    partners = Partners(600.0)
    merit = dict.fromkeys(FRIENDS, 0.098) | {SYBILS[0]: 0.02}
    for peer in [*FRIENDS, *SYBILS]:
        partners.linked(peer, 0.0)
    counts = answered(partners, [*FRIENDS, *SYBILS], merit)
    assert counts[SYBILS[0]] / sum(counts[each] for each in FRIENDS) < 0.03
    strangers = sum(counts[each] for each in SYBILS[1:])
    assert strangers <= 172_800 / 600 * STRANGERS * 2 + 1
    assert counts[FRIENDS[0]] > 20


def test_coming_back_gains_nothing():
    partners = Partners(600.0)
    partners.linked(SYBILS[0], 0.0)
    partners.answered(SYBILS[0], has_merit=True, now=1_000.0)
    waits = partners.wait_s(SYBILS[0], {SYBILS[0]: 0.1}, 1_000.0)
    partners.linked(SYBILS[0], 1_000.0)
    assert partners.wait_s(SYBILS[0], {SYBILS[0]: 0.1}, 1_000.0) == waits
    for each in SYBILS:
        partners.linked(each, 1_000.0)
        assert partners.wait_s(each, {}, 1_000.0) > 0.0


def test_what_is_remembered_is_bounded():
    partners = Partners(600.0)
    for n in range(2_000):
        partners.linked(n.to_bytes(32, "big"), float(n))
    assert len(partners._at) <= 258
