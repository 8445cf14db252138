from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from peerrec.protocol.sampler import Pool, Samplers


def test_samples_are_uniform_over_distinct_ids_not_over_repetitions():
    peers = [bytes([number]) * 32 for number in range(10)]
    counts = np.zeros(10)
    rng = np.random.default_rng(0)
    for _ in range(150):
        samplers = Samplers(rng, n=10)
        for number, peer in enumerate(peers):
            for _ in range(1 + 3 * number):  # the last are offered 28 times as often
                samplers.offer(peer)
        for place in range(10):
            counts[samplers.at(place)[0]] += 1
    assert stats.chisquare(counts).pvalue > 0.001


def test_a_pool_is_uniform_without_replacement():
    peers = [bytes([number]) * 32 for number in range(12)]
    counts = np.zeros(12)
    rng = np.random.default_rng(1)
    for _ in range(600):
        pool = Pool(rng.bytes(16), n=4)
        for number, peer in enumerate(peers):
            for _ in range(1 + 2 * number):
                pool.offer(peer)
        assert len(pool) == 4
        for peer in pool:
            counts[peer[0]] += 1
    assert stats.chisquare(counts).pvalue > 0.001


@given(st.lists(st.binary(min_size=1, max_size=2), max_size=60), st.integers(0, 8), st.randoms())
def test_a_pool_depends_on_the_set_that_was_offered_not_on_its_order(peers, n, random):
    pool, other = Pool(bytes(16), n), Pool(bytes(16), n)
    for peer in peers:
        pool.offer(peer)
        assert len(pool) <= n
    for peer in random.sample(peers * 2, len(peers) * 2):
        other.offer(peer)
    assert set(pool) == set(other)


def test_who_retired_gives_way_to_the_next_and_comes_back_later():
    pool = Pool(bytes(16), 2)
    peers = [bytes([number]) for number in range(20)]
    for peer in peers:
        pool.offer(peer)
    first = next(iter(pool))
    pool.retire(first)
    assert not pool.offer(first)
    for peer in peers:
        pool.offer(peer)
    assert len(pool) == 2
    assert first not in pool
    for peer in peers[:12]:
        pool.retire(peer)
    while len(pool):
        pool.drop(next(iter(pool)))
    assert pool.offer(first) or first in peers[4:12]


def test_a_dead_peer_is_replaced_and_others_stay():
    samplers = Samplers(np.random.default_rng(2), n=6)
    for number in range(30):
        samplers.offer(bytes([number]))
    dead = samplers.at(0)
    before = [samplers.at(place) for place in range(6)]
    samplers.drop(dead)
    assert not samplers.holds(dead)
    assert [samplers.at(p) for p in range(6) if before[p] != dead] == [
        each for each in before if each != dead
    ]
