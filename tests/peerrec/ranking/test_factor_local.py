"""A node learns from others' tables, and a hostile one leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from peerrec.errors import VerificationError
from peerrec.ranking.factor_codec import decode_table, encode_table
from peerrec.ranking.factor_local import LocalFactors
from peerrec.ranking.factor_serving import Evidence, evidence_cap, scores
from peerrec.ranking.factor_solve import FactorSettings, item_vectors, solve_users
from peerrec.ranking.factor_table import row_positions

SETTINGS = FactorSettings(dim=8)


def node(seed, people=20, items=40, robust=True):
    """People of two scenes: each likes one half of the items."""
    rng = np.random.default_rng(seed)
    likes = np.where(np.arange(items) % 2 == (np.arange(people) % 2)[:, None], 0.4, 0.02)
    history = sparse.csr_array((rng.random((people, items)) < likes).astype(np.float32))
    return LocalFactors(np.arange(items, dtype=np.uint32) * 7, history, SETTINGS, robust=robust)


def bytes_of(local):
    table = local.table
    return b"".join(part.tobytes() for part in (table.keys, table.share, table.mean, table.moment))


def test_a_hostile_table_leaves_the_local_one_unchanged_byte_for_byte():
    local = node(1)
    before = bytes_of(local)
    data = encode_table(node(2).offer())
    hostile = [data[:-1], data[:40], b"", b"\xff" * len(data), data[:12] + b"\xff" * 4 + data[16:]]
    for bad in hostile:
        with pytest.raises(VerificationError):
            local.receive(decode_table(bad, dim=8, rows_max=100))
    assert bytes_of(local) == before
    assert local.table.exchanges == 0


def test_an_epoch_ends_with_the_average_served_and_own_records_again():
    local = node(1)
    local.receive(node(2).offer())
    averaged = local.table
    local.end_epoch()
    assert local.served is averaged
    assert (local.epochs, local.table.exchanges) == (1, 0)
    assert np.array_equal(local.table.share, node(1).table.share)


def test_vectors_keep_their_mean_square_over_epochs():
    local = node(1)
    before = float((local.users**2).sum())
    local.end_epoch()
    assert float((local.users**2).sum()) == pytest.approx(before, rel=1e-4)


def test_a_restart_forgets_everything_from_others():
    local = node(1)
    before = bytes_of(local)
    local.receive(node(2).offer())
    local.end_epoch()
    local.restart()
    assert bytes_of(local) == before
    assert local.served is local.table


def test_nodes_that_exchange_tell_the_scenes_apart():
    nodes = [node(seed) for seed in range(8)]
    for _ in range(2):
        for step in (1, 2, 4):
            offers = [each.offer() for each in nodes]
            for k, each in enumerate(nodes):
                each.receive(offers[k ^ step])
        for each in nodes:
            each.end_epoch()
    score = scores(nodes[0].served, np.array([0, 2, 4]), SETTINGS)
    even = np.arange(40) % 2 == 0
    assert score[even][3:].mean() > 2 * score[~even].mean()


def test_evidence_counts_known_people_but_not_oneself():
    local = node(1)
    dense = local.history.toarray()
    keys = np.append(local.keys, np.uint32(5_000))
    assert local.evidence(keys).tolist() == [*dense[1:].sum(axis=0).tolist(), 0.0]


def test_an_item_without_trusted_evidence_counts_nothing():
    local = node(1)
    counts = local.evidence(local.keys)
    counts[7] = 0
    score = scores(local.table, np.array([0, 2]), SETTINGS, counts, 19.0, Evidence(unseen=0.0))
    assert score[7] == 0


def test_more_evidence_never_supports_less():
    counts = np.arange(51, dtype=np.float32)
    caps = evidence_cap(counts, 50.0, Evidence(unseen=0.0))
    assert caps[0] == pytest.approx(0, abs=1e-6)
    assert (np.diff(caps) > 0).all()
    allowed = evidence_cap(counts, 50.0, Evidence(unseen=2.0))
    assert np.array_equal(allowed, np.maximum(caps, np.float32(2 / 50)))


def test_a_solved_user_is_the_least_squares_answer():
    local = node(3)
    items = item_vectors(local.table, SETTINGS)
    solved = solve_users(local.history, items, SETTINGS)
    dense = local.history.toarray()
    total = items.T @ items
    for user in (0, 5):
        mine = items[dense[user] > 0]
        ridge = SETTINGS.user_ridge * np.trace(total) / 8 * np.sqrt(len(mine))
        gram = mine.T @ mine + SETTINGS.unobserved * total + ridge * np.eye(8)
        assert np.allclose(solved[user], np.linalg.solve(gram, mine.sum(axis=0)), rtol=1e-3)


def test_a_user_without_items_has_no_direction():
    empty = sparse.csr_array((2, 40), dtype=np.float32)
    items = item_vectors(node(1).table, SETTINGS)
    assert not solve_users(empty, items, SETTINGS).any()


def test_an_offer_is_cut_to_the_rows_with_the_largest_shares():
    local = node(1)
    offer = local.offer(10)
    place, _ = row_positions(local.table.keys, offer.keys)
    rest = np.delete(local.table.share, place)
    assert len(offer) == 10
    assert offer.share.min() >= rest.max()


def test_rows_of_a_small_share_are_kept_but_not_offered():
    local = node(1, people=20)
    rare = local.table.share < 0.1
    settings = FactorSettings(dim=8, share_floor=0.1)
    offer = LocalFactors(local.keys, local.history, settings).offer()
    assert rare.any()
    assert offer.keys.tolist() == local.keys[~rare].tolist()
