from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peerrec.protocol.scoring import BAN_MAX_S, BAN_S, HALF_LIFE_S, Deed, Scores
from peerrec.protocol.violations import PENALTY, Violation

ANN, BOB = b"a" * 32, b"b" * 32


def test_points_are_halved_every_half_life():
    scores = Scores()
    scores.reward(ANN, Deed.FIRST_DELIVERY, 0.0, 8.0)
    scores.penalise(BOB, Violation.STATE, 0.0)
    assert scores.of(ANN, HALF_LIFE_S) == 4.0
    assert scores.of(ANN, 3 * HALF_LIFE_S) == 1.0
    assert scores.of(BOB, HALF_LIFE_S) == -5.0


@given(st.lists(st.tuples(st.sampled_from(list(Deed)), st.floats(0.0, 1e6)), max_size=30))
def test_no_service_saves_a_forger_from_his_ban(deeds):
    scores = Scores()
    for deed, n in deeds:
        scores.reward(ANN, deed, 0.0, n)
    assert scores.penalise(ANN, Violation.FORGERY, 0.0)
    assert scores.is_banned(ANN, BAN_S - 1.0)
    assert not scores.is_banned(ANN, BAN_S)


def test_what_a_lossy_line_can_cause_never_bans():
    scores = Scores()
    for second in range(10_000):
        assert not scores.penalise(ANN, Violation.SILENCE, float(second), n=3)
    assert -70.0 < scores.of(ANN, 10_000.0) < -50.0


def test_each_ban_is_twice_as_long_as_the_one_before_up_to_a_week():
    scores = Scores()
    now = 0.0
    lengths = []
    for _ in range(12):
        assert scores.penalise(ANN, Violation.FORGERY, now)
        length = BAN_S
        while scores.is_banned(ANN, now + length):
            length *= 2
        lengths.append(length)
        now += length
    assert lengths[:4] == [BAN_S, 2 * BAN_S, 4 * BAN_S, 8 * BAN_S]
    assert not scores.is_banned(ANN, now + BAN_MAX_S)


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from([None, *Violation]), st.floats(0, 5_000)),
        max_size=120,
    )
)
def test_the_table_is_bounded_whatever_peers_do(acts):
    scores = Scores(n_max=16)
    now = 0.0
    for number, violation, step in acts:
        now += step
        peer = bytes([number]) * 32
        if violation is None:
            scores.reward(peer, Deed.CONVERGED, now)
        else:
            scores.penalise(peer, violation, now)
        assert len(scores) <= 16


def test_bans_outlast_a_flood_of_unknown_identities():
    scores = Scores(n_max=64)
    scores.penalise(ANN, Violation.FORGERY, 0.0)
    for number in range(1_000):
        scores.reward(number.to_bytes(32, "big"), Deed.FIRST_DELIVERY, 1.0)
    assert scores.is_banned(ANN, 2.0)


def test_bans_outlast_a_restart_and_points_do_not():
    scores = Scores()
    scores.penalise(ANN, Violation.FORGERY, 0.0)
    scores.reward(BOB, Deed.FIRST_DELIVERY, 0.0)
    again = Scores.decode(scores.encode(10.0), 10.0)
    assert again.is_banned(ANN, 20.0)
    assert again.of(BOB, 20.0) == 0.0


@given(st.binary(max_size=64))
def test_an_unreadable_state_is_an_empty_one(state):
    assert Scores.decode(state, 0.0).n_max


def test_every_violation_has_its_price():
    assert set(PENALTY) == set(Violation)
