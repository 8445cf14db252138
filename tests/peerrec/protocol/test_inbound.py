from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peerrec.protocol.addresses import LOCAL
from peerrec.protocol.inbound import Inbound, evicted

LINKS = st.lists(
    st.builds(
        Inbound,
        peer=st.binary(min_size=2, max_size=2),
        group=st.sampled_from(["a", "b", "c"]),
        since=st.floats(0.0, 100.0),
        round_trip_s=st.none() | st.floats(0.001, 2.0),
        deliveries=st.floats(0.0, 10.0),
        merit=st.floats(0.0, 1.0),
        score=st.floats(-5.0, 50.0),
    ),
    max_size=40,
    unique_by=lambda link: link.peer,
)


@given(LINKS, st.randoms())
def test_the_choice_does_not_depend_on_the_order_of_links(links, random):
    assert evicted(links, 100.0) == evicted(random.sample(links, len(links)), 100.0)


@given(LINKS)
def test_the_eight_of_most_merit_are_safe_while_they_behave(links):
    behaved = [link for link in links if link.score >= 0.0 and link.merit > 0.0]
    best = sorted(behaved, key=lambda link: (-link.merit, link.peer))[:8]
    assert evicted(links, 100.0) not in {link.peer for link in best}


def test_an_attacker_with_many_links_displaces_only_his_own():
    honest = [
        Inbound(bytes([0, n]), f"net{n}", since=float(n), round_trip_s=0.05, deliveries=2.0)
        for n in range(12)
    ]
    held = list(honest)
    for n in range(500):
        held.append(Inbound(bytes([1 + n // 256, n % 256]), "198.51", since=100.0 + n))
        if len(held) > 32:
            gone = evicted(held, 100.0 + n)
            held = [link for link in held if link.peer != gone]
    assert all(link in held for link in honest)


def test_who_misbehaves_goes_first_whatever_else_speaks_for_it():
    good = [Inbound(bytes([n]), "a", since=float(n)) for n in range(30)]
    bad = Inbound(b"bad", "b", since=0.0, round_trip_s=0.001, deliveries=9.0, merit=1.0, score=-1.0)
    assert evicted([*good, bad], 100.0) == b"bad"


def test_nobody_goes_where_all_are_protected():
    assert evicted([Inbound(bytes([n]), "a", since=0.0) for n in range(4)], 1.0) is None


def youngest(held, new, now):
    """Return the links after somebody asked for a place among 32, and who went."""
    if len(held) < 32:
        return [*held, new], None
    gone = evicted(held, now, new)
    return [link for link in [*held, new] if link.peer != gone], gone


def test_identities_of_a_few_netgroups_do_not_take_turns_in_the_same_places():
    held, n_gone = [], 0
    for n in range(2_000):
        new = Inbound(n.to_bytes(2, "big"), f"198.{n % 8}", since=float(n))
        held, gone = youngest(held, new, float(n))
        n_gone += gone is not None and gone != new.peer
    assert n_gone <= 32


def test_who_comes_from_a_netgroup_of_its_own_is_let_in_however_full_it_is():
    held = [Inbound(bytes([1, n]), f"net{n}", since=float(n)) for n in range(32)]
    for n in range(100):
        new = Inbound(bytes([2, n]), f"other{n}", since=100.0 + n)
        held, gone = youngest(held, new, 100.0 + n)
        assert gone not in (None, new.peer)


def test_the_youngest_of_addresses_that_are_not_routed_makes_room_for_another():
    held = [Inbound(bytes([1, n]), LOCAL, since=float(n)) for n in range(32)]
    assert evicted(held, 100.0, Inbound(b"new", LOCAL, since=100.0)) == bytes([1, 31])


def test_who_misbehaved_is_not_let_in_at_the_cost_of_who_did_not():
    held = [Inbound(bytes([1, n]), f"net{n}", since=float(n)) for n in range(32)]
    assert evicted(held, 100.0, Inbound(b"new", "far", since=100.0, score=-1.0)) == b"new"
