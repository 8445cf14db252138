from __future__ import annotations

import contextlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import RemoteProtocolError
from peerrec.limits import ADDRESS_BOOK_MAX
from peerrec.protocol.effects import Dial, Hangup
from peerrec.protocol.invite import Address
from peerrec.protocol.link_table import Slot
from peerrec.protocol.membership import (
    PING_S,
    AskPeers,
    Membership,
    MembershipSettings,
    PingPeer,
)
from peerrec.protocol.scoring import Deed
from peerrec.protocol.violations import Violation


def peer(number: int) -> bytes:
    return number.to_bytes(32, "big")


def address(number: int) -> Address:
    return Address(f"{20 + number // 250}.{number % 250}.1.7", 7700)


def membership(n_known: int = 0, seed: int = 0, **options) -> Membership:
    each = Membership(b"me", np.random.default_rng(seed), 0.0, **options)
    for number in range(n_known):
        each.book.add(peer(number), address(number), source=f"9.{number}.1.1", now=0.0)
        each.dialling.samplers.offer(peer(number))
    return each


class World:
    """Carries out what a membership wants, on virtual time."""

    def __init__(self, each: Membership, dead: frozenset[bytes] = frozenset()):
        self.each = each
        self.dead = dead
        self.now = 0.0
        self.dialled: list[tuple[float, bytes | None]] = []
        self.hangups: list[tuple[float, bytes, str]] = []
        self.asked: list[float] = []
        self.fewest = 99

    def apply(self, steps) -> None:
        for step in steps:
            if isinstance(step, Dial):
                self.dialled.append((self.now, step.peer))
                if step.peer in self.dead:
                    self.each.dial_failed(step.peer, step.address, self.now)
                else:
                    who = step.peer or b"bootstrap"
                    host = step.address.host
                    self.apply(
                        self.each.link_up(
                            who, dialled=True, address=step.address, host=host, now=self.now
                        )
                    )
            elif isinstance(step, Hangup):
                self.hangups.append((self.now, step.peer, step.reason))
                self.each.link_down(step.peer, self.now)
                self.fewest = min(self.fewest, len(self.each.links))
            elif isinstance(step, AskPeers):
                self.asked.append(self.now)
                self.each.answered(step.peer)
            elif isinstance(step, PingPeer):
                self.each.heard(step.peer, self.now)

    def run(self, until: float, *, steps_max: int = 20_000) -> None:
        for _ in range(steps_max):
            due = max(self.each.next_deadline(), self.now)
            if due > until:
                break
            self.now = due
            self.apply(self.each.on_timer(due))
        else:
            raise AssertionError("a timer that is always due")
        self.now = until


def test_eight_links_come_about_within_a_minute():
    world = World(membership(40))
    world.run(60.0)
    assert len(world.each.links.dialled()) == 8
    assert world.hangups == []


def test_fewer_links_are_kept_from_when_that_is_wanted_and_the_worst_go():
    world = World(membership(40))
    world.run(60.0)
    for number in range(100, 104):
        host = address(number).host
        world.each.link_up(peer(number), dialled=False, address=None, host=host, now=60.0)
    good = world.each.links.dialled()[5].peer
    world.each.scores.reward(good, Deed.FIRST_DELIVERY, 60.0, 50.0)
    world.apply(world.each.bound(2, 1, 60.0))
    assert [len(world.each.links.dialled()), len(world.each.links.incoming())] == [2, 1]
    assert good in [link.peer for link in world.each.links.dialled()]
    world.run(7_200.0)
    assert len(world.each.links.dialled()) == 2
    world.apply(world.each.bound(4, 8, 7_200.0))
    world.run(7_400.0)
    assert len(world.each.links.dialled()) == 4


def test_an_invited_peer_is_dialled_first_and_with_its_id():
    each = membership(40)
    each.invite(peer(999), Address("ann.example", 7700), 0.0)
    assert each.on_timer(0.0)[0] == Dial(peer(999), Address("ann.example", 7700))


def test_bootstrap_addresses_are_for_who_knows_nobody():
    settings_ = MembershipSettings(bootstrap=(Address("boot.example", 1),))
    assert membership(settings=settings_).on_timer(0.0) == [Dial(None, Address("boot.example", 1))]
    assert all(step.peer for step in membership(9, settings=settings_).on_timer(0.0))


def test_three_links_lead_along_trust_and_the_rest_elsewhere():
    each = membership(60, walk_ends=lambda rng, n: [peer(int(rng.integers(5))) for _ in range(n)])
    world = World(each)
    world.run(60.0)
    slots = [link.slot.value for link in each.links.dialled()]
    assert slots.count("walk") >= 3
    assert slots.count("sample") + slots.count("fill") >= 3


def test_rotation_parts_with_who_brings_nothing_and_never_empties_links():
    each = membership(200, seed=3)
    world = World(each)
    useless = {peer(number) for number in range(0, 200, 2)}
    for second in range(0, 3_600, 10):
        world.run(float(second))
        for link in each.links.all():
            if link.peer not in useless:
                each.scores.reward(link.peer, Deed.FIRST_DELIVERY, world.now, 0.5)
    left = [link.peer for link in each.links.dialled()]
    assert sum(1 for who in left if who in useless) <= 3
    assert world.fewest >= 7
    assert len(left) == 8
    assert {reason for _, _, reason in world.hangups} == {"rotation"}


def test_an_idle_network_hardly_rotates():
    world = World(membership(100, seed=4))
    world.run(4 * 3_600.0)
    assert 4 <= len(world.hangups) <= 9
    assert len(world.asked) <= 20


@pytest.mark.parametrize("refused", [False, True])
def test_who_is_not_there_any_more_is_knocked_at_and_not_who_has_no_place(refused):
    each = membership(8)
    world = World(each)
    world.run(60.0)
    gone = each.links.dialled()[0]
    if refused:
        each.turned_away(gone.peer, world.now)
    each.link_down(gone.peer, world.now)
    if not refused:
        each.dialling.attempts[gone.peer, gone.address] = (Slot.FILL, world.now)
        each.dial_failed(gone.peer, gone.address, world.now)
    for number in range(8, 16):  # the places are taken by others meanwhile
        each.book.add(peer(number), address(number), source="9.9.9.9", now=0.0)
    each.book.of(gone.peer)[0].next_try = 1e9
    world.run(300.0)
    assert (gone.peer in [who for at, who in world.dialled if at > 60.0]) is not refused


def test_a_dial_that_is_refused_is_answered():
    each = membership(1)
    each.book.answered(peer(0), address(0), 0.0)
    for refused in (True, False, True):
        each.dialling.attempts[peer(0), address(0)] = (Slot.FILL, 9.0)
        each.dial_failed(peer(0), address(0), 1.0, refused=refused)
        assert bool(each.book.lost(2.0)) is not refused


def test_some_lost_messages_cost_no_link_its_place():
    each = membership(100, seed=6)
    world = World(each)
    world.run(60.0)
    first = {link.peer for link in each.links.dialled()}
    for number, who in enumerate(sorted(first)):
        each.scores.reward(who, Deed.CONVERGED, 60.0, 3.0 if number else 0.0)
        each.scores.penalise(who, Violation.SILENCE, 60.0, (number + 1) % 3)
    world.run(1_500.0)
    assert {link.peer for link in each.links.dialled()} == first
    silent = min(first)
    each.scores.penalise(silent, Violation.SILENCE, world.now, 6)
    world.run(world.now + 60.0)
    assert silent not in each.links


def test_honest_peers_that_all_deliver_are_left_alone():
    each = membership(100, seed=5)
    world = World(each)
    rng = np.random.default_rng(0)
    for second in range(0, 3_600, 5):
        world.run(float(second))
        links = each.links.all()
        if links:
            who = links[int(rng.integers(len(links)))].peer
            each.scores.reward(who, Deed.FIRST_DELIVERY, world.now)
    assert len(world.hangups) <= 12


def test_links_of_one_netgroup_are_few_while_others_are_known():
    each = membership()
    for number in range(300):
        crowd = Address(f"66.6.{number % 250}.{number // 250 + 1}", 7700)
        each.book.add(peer(1_000 + number), crowd, source=f"9.{number % 200}.1.1", now=0.0)
        each.dialling.samplers.offer(peer(1_000 + number))
    for number in range(12):
        each.book.add(peer(number), address(number), source=f"8.{number}.1.1", now=0.0)
    world = World(each)
    world.run(300.0)
    assert each.links.n_in_group("66.6") <= 4
    assert len(each.links.dialled()) >= 6


def test_the_dead_are_tried_less_and_less():
    dead = frozenset(peer(number) for number in range(3))
    world = World(membership(3), dead)
    world.run(6 * 3_600.0)
    assert len(world.dialled) <= 3 * 12
    assert world.each.next_deadline() >= world.now


def test_the_banned_and_the_blocked_are_hung_up_on_and_not_met_again():
    blocked: set[bytes] = set()
    each = membership(10, blocked=lambda who: who in blocked)
    world = World(each)
    world.run(60.0)
    first, second = [link.peer for link in each.links.all()][:2]
    each.scores.penalise(first, Violation.FORGERY, world.now)
    blocked.add(second)
    world.run(600.0)
    assert {(who, reason) for _, who, reason in world.hangups} == {
        (first, "banned"),
        (second, "blocked"),
    }
    assert first not in each.links
    assert second not in each.links
    assert each.refuses(first, "h.example", world.now) == "banned"
    assert each.refuses(second, "h.example", world.now) == "blocked"
    assert each.refuses(b"me", "h.example", world.now) == "self"
    assert each.refuses(peer(500), "h.example", world.now) is None


def test_incoming_links_are_bounded_and_the_newcomer_is_let_in_at_another_ones_cost():
    each = membership(settings=MembershipSettings(incoming=32))
    for number in range(100):
        who = peer(number)
        for step in each.link_up(
            who, dialled=False, address=None, host=f"66.{number}.1.1", now=float(number)
        ):
            assert isinstance(step, Hangup)
            assert step.peer != who
            each.link_down(step.peer, float(number))
        assert len(each.links.incoming()) <= 32


def test_who_comes_from_the_netgroup_that_has_most_places_is_refused_unless_it_has_merit():
    friend, stranger = peer(200), peer(201)
    each = membership(
        settings=MembershipSettings(incoming=32), merit=lambda who: float(who == friend)
    )
    for number in range(32):
        host = f"66.6.1.{number}" if number % 2 else f"20.{number}.1.1"
        each.link_up(peer(number), dialled=False, address=None, host=host, now=float(number))
    assert each.refuses(stranger, "66.6.1.77", 50.0) == "full"
    assert each.refuses(friend, "66.6.1.77", 50.0) is None
    assert each.refuses(stranger, "30.1.1.1", 50.0) is None
    (gone,) = each.link_up(friend, dialled=False, address=None, host="66.6.1.77", now=50.0)
    assert gone == Hangup(peer(31), "full")


def test_a_silent_peer_is_asked_and_then_given_up():
    each = membership(settings=MembershipSettings(dialled=1))
    each.link_up(peer(1), dialled=True, address=address(1), host="h.example", now=0.0)
    steps = [step for step in each.on_timer(PING_S) if isinstance(step, PingPeer)]
    assert steps == [PingPeer(peer(1))]
    assert Hangup(peer(1), "silent") in each.on_timer(PING_S + 60.0)
    each.heard(peer(1), PING_S + 61.0)
    assert Hangup(peer(1), "silent") not in each.on_timer(PING_S + 121.0)


def test_anchors_and_bans_and_addresses_outlast_a_restart():
    world = World(membership(60, seed=6))
    world.run(3_000.0)
    each = world.each
    oldest = sorted(each.links.dialled(), key=lambda link: (link.since, link.peer))[:2]
    each.scores.penalise(peer(77), Violation.FORGERY, 3_000.0)
    again = Membership(b"me", np.random.default_rng(9), 3_100.0, state=each.encode(3_000.0))
    dials = again.on_timer(3_100.0)
    assert {step.peer for step in dials[:2]} == {link.peer for link in oldest}
    assert again.scores.is_banned(peer(77), 3_100.0)
    assert len(again.book) == len(each.book)


@given(st.binary(max_size=100))
def test_an_unreadable_state_is_a_first_start(state):
    assert len(Membership(b"me", np.random.default_rng(0), 0.0, state=state).book) == 0


def test_addresses_are_taken_at_a_rate_and_only_if_somebody_asked():
    each = membership()
    each.link_up(peer(1), dialled=False, address=None, host="203.0.113.9", now=0.0)
    with pytest.raises(RemoteProtocolError) as caught:
        each.answered(peer(1))
    assert caught.value.violation == "state"
    kept = sum(each.learned(peer(n), address(n), peer(1), 0.0) for n in range(10, 400))
    assert kept <= 16
    kept = sum(each.learned(peer(n), address(n), peer(1), 100.0) for n in range(400, 800))
    assert kept <= 10


def test_nobody_from_afar_can_make_us_knock_on_our_own_doors():
    each = membership()
    each.link_up(peer(1), dialled=False, address=None, host="203.0.113.9", now=0.0)
    each.link_up(peer(2), dialled=False, address=None, host="192.168.1.5", now=0.0)
    home = Address("192.168.1.1", 80)
    assert not each.learned(peer(3), home, peer(1), 0.0)
    assert each.learned(peer(3), home, peer(2), 0.0)


def test_who_asks_for_addresses_too_often_is_told_so():
    each = membership(50)
    each.link_up(peer(99), dialled=False, address=None, host="203.0.113.9", now=0.0)
    told = [each.share(peer(99), 0.0) for _ in range(3)]
    assert all(peer(99) not in row and row for row in told)
    with pytest.raises(RemoteProtocolError):
        each.share(peer(99), 0.0)


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["up", "in", "down", "fail", "learn", "ban", "timer", "share", "state"]),
        st.integers(0, 60),
        st.floats(0.0, 400.0),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=60)
@given(ACTS)
def test_whatever_happens_links_and_tables_stay_within_bounds(acts):
    each = membership(20, settings=MembershipSettings(dialled=4, incoming=6))
    now = 0.0

    def apply(steps) -> None:
        for step in steps:
            if isinstance(step, Hangup):
                each.link_down(step.peer, now)

    for act, number, wait in acts:
        now += wait
        if act == "up":
            apply(
                each.link_up(
                    peer(number), dialled=True, address=address(number), host="h.example", now=now
                )
            )
        elif act == "in":
            apply(
                each.link_up(peer(number), dialled=False, address=None, host="h.example", now=now)
            )
        elif act == "down":
            each.link_down(peer(number), now)
        elif act == "fail":
            each.dial_failed(peer(number), address(number), now)
        elif act == "learn":
            each.learned(peer(number + 100), address(number), peer(number), now)
        elif act == "ban":
            each.scores.penalise(peer(number), Violation.FORGERY, now)
        elif act == "timer":
            steps = each.on_timer(now)
            assert each.next_deadline() > now
            apply(steps)  # whoever is parted with is missed at once
        elif act == "state":
            Membership(b"me", np.random.default_rng(0), now, state=each.encode(now))
        else:
            with contextlib.suppress(RemoteProtocolError):
                each.share(peer(number), now)
        assert len(each.links.dialled()) <= 4
        assert len(each.links.incoming()) <= 6
        assert len(each.book) <= ADDRESS_BOOK_MAX


def test_the_same_seed_gives_the_same_dials():
    def trace(seed: int):
        world = World(membership(80, seed=seed))
        world.run(7_200.0)
        return world.dialled, world.hangups

    assert trace(1) == trace(1)
    assert trace(1) != trace(2)


def test_a_node_without_links_is_small():
    rng = np.random.default_rng(0)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [Membership(b"me", rng, 0.0) for _ in range(50)]
    each = (tracemalloc.get_traced_memory()[0] - before) / len(kept)
    tracemalloc.stop()
    assert each < 8_000


# -- newcomers under siege ---------------------------------------------------------------------


def up(each: Membership, number: int, *, dialled: bool, now: float = 0.0) -> None:
    where = address(number)
    each.link_up(
        peer(number), dialled=dialled, address=where if dialled else None, host=where.host, now=now
    )


def asked_of(each: Membership, until: float) -> list[tuple[float, bytes]]:
    """Return who is asked for addresses when; everybody answers."""
    found = []
    now = 0.0
    while (now := max(each.next_deadline(), now)) <= until:
        for step in each.on_timer(now):
            if isinstance(step, AskPeers):
                found.append((now, step.peer))
                each.answered(step.peer)
            elif isinstance(step, Dial):
                each.dial_failed(step.peer, step.address, now)
            elif isinstance(step, PingPeer):
                each.heard(step.peer, now)
        now += 1e-3
    return found


def test_only_peers_that_we_dialled_are_asked_for_addresses_the_first_of_them_first():
    each = membership()
    for number in range(20, 40):
        up(each, number, dialled=False)
    for number in (1, 2, 3):
        up(each, number, dialled=True)
    asked = [who for _, who in asked_of(each, 1_000.0)]
    assert asked[:3] == [peer(1), peer(2), peer(3)]
    assert set(asked) == {peer(1), peer(2), peer(3)}


def test_who_dialled_nobody_asks_those_who_came():
    each = membership()
    up(each, 1, dialled=False)
    assert [who for _, who in asked_of(each, 10.0)] == [peer(1)]


def test_nobody_is_asked_faster_than_it_must_answer_however_many_links_come_and_go():
    each = membership()
    up(each, 1, dialled=True)
    asked: list[float] = []
    for number in range(2, 400):
        now = number / 2.0
        up(each, number, dialled=number % 7 == 0, now=now)
        for step in each.on_timer(now):
            if isinstance(step, AskPeers):
                each.answered(step.peer)
                if step.peer == peer(1):
                    asked.append(now)
        each.link_down(peer(number), now)
    assert len(asked) > 1
    assert min(np.diff(asked)) >= 10.0


def told(each: Membership, numbers: range, source: int, now: float = 0.0) -> None:
    for number in numbers:
        each.learned(peer(number), address(number), peer(source), now)


def test_what_those_say_who_dialled_us_is_dialled_after_the_word_of_those_we_dialled():
    each = membership()
    up(each, 1, dialled=True)
    for number in range(20, 52):
        up(each, number, dialled=False)
        told(each, range(100 + 4 * number, 104 + 4 * number), number)
    dialled = [step for step in each.on_timer(0.0) if isinstance(step, Dial)]
    assert dialled == []
    told(each, range(2, 10), 1, now=0.5)
    world = World(each)
    world.run(20.0)
    assert {who for _, who in world.dialled} <= {peer(number) for number in range(2, 10)}
    assert len(each.links.dialled()) == 8


def test_where_nobody_else_says_anything_those_who_dialled_us_are_believed_in_the_end():
    each = membership()
    up(each, 1, dialled=True)
    up(each, 20, dialled=False)
    told(each, range(100, 104), 20)
    world = World(each)
    world.run(120.0)
    assert {who for _, who in world.dialled} == {peer(number) for number in range(100, 104)}
    assert min(at for at, _ in world.dialled) >= 30.0


def test_who_dialled_nobody_believes_those_who_came_at_once():
    each = membership()
    up(each, 20, dialled=False)
    told(each, range(100, 104), 20)
    world = World(each)
    world.run(5.0)
    assert len(world.dialled) == 1  # and this peer has its time to tell of others
    world.run(120.0)
    assert len(each.links.dialled()) == 4


def test_the_unasked_get_no_place_among_the_samples():
    each = membership(settings=MembershipSettings(samples=8))
    up(each, 20, dialled=False)
    told(each, range(100, 116), 20)
    assert each.dialling.samplers.values() == []
    up(each, 1, dialled=True)
    told(each, range(200, 204), 1)
    assert set(each.dialling.samplers.values()) <= {peer(1), *(peer(n) for n in range(200, 204))}


def test_word_of_a_peer_we_dialled_makes_hearsay_of_others_count():
    each = membership()
    up(each, 20, dialled=False)
    told(each, range(100, 101), 20)
    (known,) = each.book.of(peer(100))
    assert not known.sought
    up(each, 1, dialled=True)
    told(each, range(100, 101), 1)
    assert known.sought


def test_ends_of_walks_take_the_places_of_fillers_once_trust_is_known():
    friends: list[bytes] = []

    def walk_ends(rng: np.random.Generator, n: int) -> list[bytes]:
        return [friends[at] for at in rng.integers(len(friends), size=n)] if friends else []

    each = membership(settings=MembershipSettings(samples=0), walk_ends=walk_ends)
    for number in range(100, 130):
        each.book.add(peer(number), address(number), source=f"9.{number}.1.1", now=0.0)
    world = World(each)
    world.run(20.0)
    assert len(each.links.dialled()) == 8
    friends += [peer(number) for number in range(5)]
    for number in range(5):
        each.book.add(peer(number), address(number), source="8.8.1.1", now=20.0)
    world.run(100.0)
    walks = [link.peer for link in each.links.dialled() if link.slot is Slot.WALK]
    assert len(walks) == 3
    assert set(walks) <= set(friends)
    assert len(each.links.dialled()) == 8
    n_dials = len(world.dialled)
    world.run(700.0)
    assert len(world.dialled) == n_dials  # and then there is quiet
