from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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
