"""Whatever a peer sends is refused, counted and scored; the node and its store stay well."""

from __future__ import annotations

import itertools
import tracemalloc
import zlib

import msgspec
import numpy as np
import pytest
from attack import DAY, HELLO, NETWORK, Siege, beyond, every_message, segment_of, spoiled
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec import limits
from peerrec.errors import VerificationError
from peerrec.ids import network_id
from peerrec.limits import DAY_S, MINUTE_S
from peerrec.protocol.bundle import pack, unpack
from peerrec.protocol.effects import Dial, Hangup, Send
from peerrec.protocol.fork import make_proof
from peerrec.protocol.messages import (
    Goaway,
    GoawayCode,
    Hello,
    Ihave,
    Iwant,
    Peers,
    Ping,
    Pong,
    Proof,
    Push,
    Status,
    StatusCode,
    Summary,
    Type,
    Want,
    WantKind,
)
from peerrec.protocol.segment import Header, Kind, Segment
from peerrec.protocol.sync_states import LEGAL, State, kind_of
from peerrec.protocol.wire import encode
from peerrec.testing.hostile_peer import HostilePeer
from peerrec.testing.node_pair import START

MINUTE = int(START // MINUTE_S)
OUTSIDE = {"PING", "PONG", "PEERS", "TABLE"}
"""What belongs to no session and may come at any time."""


@pytest.fixture(scope="module")
def siege() -> Siege:
    return Siege()


def push(*segments: Segment) -> Push:
    return Push(0, True, pack(segments)[0])


def flipped(segment: Segment) -> Segment:
    wrong = bytes([segment.signature[0] ^ 1]) + segment.signature[1:]
    return msgspec.structs.replace(segment, signature=wrong)


# -- bytes that are no message -----------------------------------------------------------------


@pytest.mark.parametrize("message", every_message(0), ids=lambda m: kind_of(m))
def test_a_message_cut_at_any_byte_is_refused_and_scored(siege: Siege, message):
    before = siege.content()
    data = encode(message)
    for end in range(len(data)):
        counted = siege.violations().get("malformed", 0)
        peer = siege.come()
        siege.say(data[:end], peer)
        assert siege.violations()["malformed"] == counted + 1
        assert siege.score(peer) < -40.0
        siege.go(peer)
    assert siege.content() == before


@pytest.mark.parametrize("message", every_message(2), ids=lambda m: kind_of(m))
def test_a_field_just_out_of_range_is_refused_and_scored(siege: Siege, message):
    before = siege.content()
    n = 0
    for data in spoiled(message):
        counted = sum(siege.violations().values())
        peer = siege.come()
        siege.say(data, peer)
        assert sum(siege.violations().values()) == counted + 1, data.hex()[:80]
        assert siege.score(peer) < -40.0
        siege.go(peer)
        n += 1
    assert n >= 3
    assert siege.content() == before


def test_anything_but_zeros_after_a_message_is_refused(siege: Siege):
    peer = siege.come()
    siege.say(encode(Ping(1)) + b"\0\0\1", peer)
    assert siege.score(peer) < -40.0


def test_a_frame_one_byte_too_long_is_refused(siege: Siege):
    counted = siege.violations().get("oversized", 0)
    peer = siege.come()
    siege.say(encode(Ping(1)).ljust(limits.MESSAGE_BYTES_MAX + 1, b"\0"), peer)
    assert siege.violations()["oversized"] == counted + 1
    assert siege.score(peer) < -40.0


def test_an_unknown_critical_message_ends_the_link_and_an_ignorable_one_does_not(siege: Siege):
    peer = siege.come()
    assert not siege.say(b"\x92\x7f\x00", peer).effects
    said = siege.say(b"\x92\x3f\x00", peer)
    assert said.hung_up
    assert [m.code for m in said.messages if isinstance(m, Goaway)] == [GoawayCode.UNKNOWN]


def test_two_grave_offences_end_the_link_and_bar_the_door(siege: Siege):
    signer = siege.stranger()
    peer = siege.come(signer)
    assert not siege.say(b"\xc1", peer).hung_up
    said = siege.say(b"\xc1", peer)
    assert said.hung_up
    assert [m.code for m in said.messages if isinstance(m, Goaway)] == [GoawayCode.VIOLATION]
    assert not siege.say(Ping(1), peer).effects
    siege.go(peer)
    assert siege.victim.node.refuses(peer, "10.66.1.1", siege.now)
    assert siege.victim.node.refuses(peer, "10.66.1.1", siege.now + 600.0)
    assert siege.victim.node.refuses(peer, "10.66.1.1", siege.now + 2 * DAY_S) is None


@pytest.mark.parametrize("hello", [b"", b"\x90", encode(Ping(1)), HELLO[:-1], HELLO + b"\1"])
def test_a_handshake_without_a_hello_makes_no_link(siege: Siege, hello: bytes):
    peer = siege.stranger().peer
    effects = siege.victim.node.link_up(
        peer, dialled=True, address=None, host="10.66.0.1", hello=hello, binding=bytes(32),
        now=siege.now,
    )  # fmt: skip
    assert effects == [Hangup(peer, "violation")]
    assert siege.victim.node.link(peer) is None
    assert siege.victim.node._membership.scores.of(peer, siege.now) <= -10.0


# -- segments ----------------------------------------------------------------------------------

GOOD = {"epoch": 1, "seq": 0}


def out_of_range() -> list[tuple[str, object]]:
    fields = msgspec.inspect.type_info(Header).fields
    return [(field.name, wrong) for field in fields for wrong in beyond(field.type)]


@pytest.mark.parametrize(("name", "wrong"), out_of_range(), ids=lambda v: str(v)[:24])
def test_a_header_with_a_field_out_of_range_is_refused(siege: Siege, name: str, wrong: object):
    """Signed by its author, so that only the range can be what is wrong."""
    before = siege.content()
    signer = siege.stranger()
    good = segment_of(signer, MINUTE)
    values = [getattr(good.header, f) for f in good.header.__struct_fields__]
    values[good.header.__struct_fields__.index(name)] = wrong
    try:
        header_bytes = msgspec.msgpack.encode([1, *values])
    except OverflowError:
        pytest.skip("MessagePack itself has no such number")
    signature = signer.sign(b"peerrec/1/segment" + NETWORK + header_bytes)
    frame = msgspec.msgpack.encode([header_bytes, signature, good.payload])
    peer = siege.asked(siege.come())
    siege.say(Peers(1, (frame[: limits.ADDRESS_FRAME_BYTES_MAX],)), peer)
    assert siege.score(peer) < -40.0
    assert siege.content() == before
    siege.go(peer)


def test_a_segment_with_a_forged_signature_bans_at_once(siege: Siege):
    before = siege.content()
    signer = siege.stranger()
    good, other = segment_of(signer, MINUTE), segment_of(signer, MINUTE, seq=1)
    forged = [
        flipped(good),
        msgspec.structs.replace(good, signature=other.signature),
        msgspec.structs.replace(good, signature=bytes(64)),
        segment_of(signer, MINUTE, network=network_id("another")),
    ]
    for place, segment in enumerate(forged):
        counted = siege.violations().get("forgery", 0)
        peer = siege.come()
        said = siege.say(push(segment), peer)
        assert siege.violations()["forgery"] == counted + 1, place
        assert said.hung_up, place
        siege.go(peer)
        assert siege.victim.node.refuses(peer, "10.66.0.1", siege.now)
    assert siege.content() == before
    siege.still_works()


def test_one_forged_segment_among_good_ones_spoils_them_all_and_hides_none(siege: Siege):
    before = siege.content()
    signer = siege.stranger()
    good = [segment_of(signer, MINUTE, seq=n) for n in range(3)]
    peer = siege.come()
    siege.say(push(good[0], flipped(good[1]), good[2]), peer)
    assert siege.content() == before
    siege.go(peer)
    honest = siege.come()
    siege.say(push(*good), honest)
    assert siege.victim.node.library.frontier.seqs((signer.peer, 1)) == [0, 1, 2]
    assert siege.score(honest) > 0.0
    siege.go(honest)


def test_a_signed_payload_that_says_nonsense_is_refused():
    siege = Siege()
    before = siege.content()
    for kind in (Kind.INTERACTIONS, Kind.TRUST, Kind.RETRACT, Kind.ADDRESS, Kind.DIRECTORY):
        signer = siege.stranger()
        nonsense = segment_of(signer, MINUTE, kind=kind, payload=b"\xc1nonsense")
        peer = siege.come()
        siege.say(push(segment_of(signer, MINUTE, seq=1), nonsense), peer)
        assert siege.score(peer) < -40.0, kind
    assert siege.content() == before
    siege.still_works()


@pytest.mark.parametrize(
    ("ahead_s", "reason"),
    [(limits.CLOCK_SKEW_S + 60.0, "early"), (3_650 * DAY_S, "early"),
     (-limits.WINDOW_S - 60.0, "expired"), (-START, "expired")],
)  # fmt: skip
def test_the_wrong_time_is_ignored_and_nobodys_fault(siege: Siege, ahead_s: float, reason: str):
    before, counted = siege.content(), siege.ignored().get(reason, 0)
    peer = siege.come()
    minute = int((siege.now + ahead_s) // MINUTE_S)
    siege.say(push(segment_of(siege.stranger(), max(minute, 0))), peer)
    assert siege.ignored()[reason] == counted + 1
    assert siege.score(peer) >= 0.0
    assert siege.content() == before
    siege.go(peer)


def test_what_was_early_is_taken_when_its_time_comes():
    siege = Siege()
    segment = segment_of(siege.stranger(), MINUTE + 15)
    peer = siege.come()
    siege.say(push(segment), peer)
    assert not siege.victim.node.library.frontier.has(*segment.log, 0)
    siege.go(peer)
    siege.network.run_for(600.0)
    siege.say(push(segment), siege.come())
    assert siege.victim.node.library.frontier.has(*segment.log, 0)


def test_replayed_segments_change_nothing_and_end_in_a_refusal():
    siege = Siege()
    library = siege.victim.node.library
    held = [library.segment(log, seq)
            for log in library.frontier.logs() for seq in library.frontier.seqs(log)]  # fmt: skip
    message = push(*(segment for segment in held if segment is not None))
    before = siege.content()
    peer = siege.come()
    n = 0
    while not siege.say(message, peer).hung_up and n < 20_000:
        n += 1
    assert siege.content() == before
    assert n < 2_000
    siege.still_works()


def test_a_segment_of_another_network_in_a_session_is_forgery():
    siege = Siege()
    answering = HostilePeer(667)
    segment = segment_of(answering.signer, MINUTE, network=network_id("another"))
    before = siege.content()
    peer = siege.come(answering.signer)
    siege.say(push(segment), peer)
    assert siege.violations()["forgery"] == 1
    assert siege.content() == before


# -- bundles -----------------------------------------------------------------------------------


def bombs() -> list[bytes]:
    """Return bundles that are small and inflate to much, or say they hold much."""

    def deflated(data: bytes) -> bytes:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(data) + packer.flush()

    def bundle(columns: bytes) -> bytes:
        return msgspec.msgpack.encode((deflated(columns), b""))

    zeros = bytes(limits.BUNDLE_BYTES_MAX + 1)
    many = msgspec.msgpack.encode([[0xFFFF] * 1_000, *[[] for _ in range(11)]])
    deep = b"\x91" * 200_000
    return [
        bundle(zeros),
        bundle(bytes(30 << 20)),
        bundle(b"\xdd\xff\xff\xff\xff" + bytes(100)),
        bundle(b"\x9c" + b"\xdd\x00\x03\x00\x00" + bytes(196_608)),
        bundle(many),
        bundle(deep),
        msgspec.msgpack.encode((deflated(zeros)[:-4], b"")),
        msgspec.msgpack.encode((b"", b"")),
        b"\x92\xc6\xff\xff\xff\xff",
        deflated(zeros),
    ]


@pytest.mark.parametrize("bomb", bombs(), ids=lambda bomb: str(len(bomb)))
def test_a_compression_bomb_is_refused_within_bounded_memory(siege: Siege, bomb: bytes):
    before = siege.content()
    peer = siege.come()
    message = Push(0, True, bomb)
    tracemalloc.start()
    siege.say(message, peer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20
    assert siege.score(peer) < -40.0
    assert siege.content() == before
    siege.go(peer)


def test_a_bundle_cut_at_any_byte_is_refused(siege: Siege):
    signer = siege.stranger()
    bundle, _ = pack([segment_of(signer, MINUTE, seq=n) for n in range(3)])
    for end in range(1, len(bundle)):
        with pytest.raises(VerificationError):
            unpack(bundle[:end], NETWORK)


# -- proofs and addresses ----------------------------------------------------------------------


def test_a_proof_that_proves_nothing_bans_at_once(siege: Siege):
    before = siege.content()
    signer = siege.friend.node
    log = siege.victim.node.library
    held = [log.segment(*key) for key in [((signer.peer, e), s)
            for _, e in log.frontier.logs_of(signer.peer)
            for s in log.frontier.seqs((signer.peer, e))]]  # fmt: skip
    real = held[0]
    assert real is not None
    liar = siege.stranger()
    a, b = (segment_of(liar, MINUTE, item=bytes([n]) * 16) for n in range(2))
    elsewhere = [
        segment_of(liar, MINUTE, item=bytes([n]) * 16, network=network_id("another"))
        for n in range(2)
    ]
    good = make_proof(a, b).evidence
    frame = msgspec.msgpack.encode
    evidences = [
        frame((real.header_bytes, real.signature, real.header_bytes, real.signature)),
        frame((a.header_bytes, a.signature, real.header_bytes, real.signature)),
        make_proof(a, flipped(b)).evidence,
        make_proof(*elsewhere).evidence,
        good[:-1],
        good + b"\0",
        b"\x94",
    ]
    for place, evidence in enumerate(evidences):
        peer = siege.come()
        assert siege.say(Proof(0, evidence), peer).hung_up, place
        siege.go(peer)
    assert siege.content() == before
    assert not siege.victim.node.library.frontier.forked
    siege.still_works()


def test_a_proof_from_the_future_is_left_for_later(siege: Siege):
    before = siege.content()
    liar = siege.stranger()
    a, b = (segment_of(liar, MINUTE + 100_000, item=bytes([n]) * 16) for n in range(2))
    peer = siege.come()
    siege.say(Proof(0, make_proof(a, b).evidence), peer)
    assert siege.content() == before
    assert siege.score(peer) >= 0.0
    siege.go(peer)


def test_addresses_nobody_signed_are_forgery_and_other_kinds_are_ignored(siege: Siege):
    signer = siege.stranger()
    play = segment_of(signer, MINUTE)
    peer = siege.asked(siege.come())
    siege.say(Peers(1, (play.frame,)), peer)
    assert siege.score(peer) >= 0.0
    known = siege.victim.node.status(siege.asked(peer) and siege.now).known_addresses
    said = siege.say(
        Peers(1, (flipped(segment_of(signer, MINUTE, kind=Kind.ADDRESS)).frame,)), peer
    )
    assert said.hung_up
    assert siege.victim.node.status(siege.now).known_addresses == known
    siege.go(peer)


# -- messages that nothing led to --------------------------------------------------------------


@pytest.mark.parametrize("request_id", [1, 2])
@pytest.mark.parametrize("dialled", [True, False])
def test_a_sessions_message_without_a_session_is_an_offence(
    siege: Siege, dialled: bool, request_id: int
):
    before = siege.content()
    for message in every_message(request_id):
        if message.TYPE in (Type.PING, Type.PONG, Type.PEERS, Type.TABLE):
            continue
        peer = siege.come(dialled=dialled)
        if dialled:  # the victim has begun a session of its own: end it
            siege.say(Status(1, StatusCode.OUTSTANDING), peer)
        counted = siege.violations().get("state", 0)
        said = siege.say(message, peer)
        theirs = request_id % 2 != dialled
        opens = isinstance(message, Summary) and theirs
        before_it = kind_of(message) == "RANGES.UNWANTED" and theirs
        late = dialled and request_id == 1
        offended = siege.violations().get("state", 0) > counted
        assert offended or opens or before_it or late, message
        assert not opens or said.messages
        siege.go(peer)
    assert siege.content() == before


def test_every_message_in_every_state_of_a_session_is_answered_or_refused(siege: Siege):
    """Two messages deep: what is not legal is an offence, and none stops the node."""
    before = siege.content()
    opening = Summary(1, DAY, bytes(8))
    seconds = every_message(1)
    for first, second in itertools.product([None, *seconds], seconds):
        peer = siege.come()
        siege.say(opening, peer)
        said = None if first is None else siege.say(first, peer)
        counted = sum(siege.violations().values())
        if first is None and kind_of(second) not in LEGAL[State.SERVING] | OUTSIDE:
            siege.say(second, peer)
            assert sum(siege.violations().values()) == counted + 1, second
        elif said is None or not said.hung_up:
            siege.say(second, peer)
        siege.go(peer)
    assert siege.content() == before
    siege.still_works()


def test_every_answer_to_the_victims_own_session_is_taken_or_refused(siege: Siege):
    before = siege.content()
    answers = every_message(1)
    for first, second in itertools.product(answers, answers):
        peer = siege.come(dialled=True)
        counted = sum(siege.violations().values())
        said = siege.say(first, peer)
        if kind_of(first) not in LEGAL[State.OPENING] | OUTSIDE:
            assert sum(siege.violations().values()) == counted + 1, first
        if not said.hung_up:
            siege.say(second, peer)
        siege.go(peer)
    assert siege.content() == before
    siege.still_works()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_sequence_of_valid_messages_stops_the_node(siege: Siege, data: st.DataObject):
    pool = [m for request in (0, 1, 2, 3) for m in every_message(request)]
    places = data.draw(st.lists(st.integers(0, len(pool) - 1), min_size=1, max_size=12))
    peer = siege.come(dialled=data.draw(st.booleans()))
    before = siege.content()
    for place in places:
        siege.say(pool[place], peer)
    assert siege.content() == before
    siege.go(peer)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_stop_the_node(siege: Siege, data: bytes):
    before = siege.content()
    peer = siege.come()
    siege.say(data, peer)
    siege.go(peer)
    assert siege.content() == before


def test_calls_about_links_that_are_not_there_are_harmless(siege: Siege):
    nobody = siege.stranger().peer
    assert siege.say(Ping(1), nobody).effects == []
    siege.go(nobody)
    assert siege.victim.node.sync_now(nobody, siege.now) == []


# -- floods ------------------------------------------------------------------------------------


def flood_messages() -> dict[str, list]:
    rng = np.random.default_rng(1)
    tags = rng.bytes(8 * limits.IHAVE_MAX)
    return {
        "ping": [Ping(1)],
        "pong": [Pong(1)],
        "unknown": [b"\x92\x7f\x00"],
        "garbage": [b"\xc1"],
        "ihave": [Ihave(0, tags[n:] + tags[:n]) for n in range(0, 800, 8)],
        "iwant": [Iwant(0, tags), Iwant(0, b"")],
        "peers": [Peers(1)],
        "summary": [Summary(1, DAY, bytes([n] * 8)) for n in range(100)],
        "symbols": [Summary(1, DAY, bytes(8)), *[Want(1, WantKind.SYMBOLS, 0, 4_000)] * 50],
        "names": [Summary(1, DAY, bytes(8)), *[Want(1, WantKind.NAMES)] * 50],
        "credit": [Status(0, StatusCode.CREDIT, limits.COUNT_MAX)],
        "hello": [Hello(0, 0, 0, bytes(8), 100, 0, "again")],
    }


@pytest.mark.parametrize("kind", sorted(flood_messages()))
def test_a_flood_costs_bounded_work_and_ends(kind: str):
    siege = Siege()
    before = siege.content()
    messages = flood_messages()[kind]
    peer = siege.come()
    answers = answer_bytes = 0
    ended_at = None
    tracemalloc.start()
    for n in range(6_000):
        said = siege.say(messages[n % len(messages)], peer)
        sent = [e for e in said.effects if isinstance(e, Send)]
        answers += len(sent)
        answer_bytes += sum(len(e.data) for e in sent)
        if said.hung_up:
            ended_at = n
            break
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ended_at is not None
    assert ended_at < 2_000
    assert answers < 2_500
    assert answer_bytes < 8 << 20
    assert held < 8 << 20
    siege.go(peer)
    assert siege.content() == before
    siege.still_works()


def test_a_link_that_is_ending_keeps_no_timer_busy():
    siege = Siege()
    peer = siege.come(dialled=True)  # a session is going on
    assert siege.say(b"\x92\x3f\x00", peer).hung_up
    node = siege.victim.node
    for _ in range(1_000):
        now = node.next_deadline()
        if now > siege.now + 300.0:
            return
        node.on_timer(now)
    pytest.fail("the node was woken again and again")


def test_a_flood_of_strangers_segments_fills_no_more_than_its_share():
    siege = Siege()
    frontier = siege.victim.node.library.frontier
    friends = frontier.bytes_of(siege.friend.peer)
    rng = np.random.default_rng(2)
    for _ in range(12):
        peer = siege.come()
        for _ in range(300):
            batch = [
                segment_of(siege.stranger(), MINUTE, item=rng.bytes(16), seq=n) for n in range(4)
            ]
            if siege.say(push(*batch), peer).hung_up:
                break
        siege.go(peer)
    strangers = [a for a in frontier.authors()
                 if a not in (siege.friend.peer, siege.victim.peer)]  # fmt: skip
    assert 0 < len(strangers) <= 2_000
    siege.network.run_for(200.0)
    siege.victim.node.status(siege.now)
    assert frontier.bytes_of(siege.friend.peer) == friends
    siege.still_works()


def test_a_flood_of_one_strangers_segments_stays_within_its_place():
    siege = Siege()
    author = siege.stranger()
    rng = np.random.default_rng(3)
    peer = siege.come()
    for n in range(0, 4_000, 50):
        batch = [segment_of(author, MINUTE, item=rng.bytes(16), seq=n + k) for k in range(50)]
        if siege.say(push(*batch), peer).hung_up:
            break
        siege.network.run_for(5.0)
    held = siege.victim.node.library.frontier.bytes_of(author.peer)
    assert 0 < held <= siege.victim.node.settings.follow_bytes_max // 10
    siege.still_works()


def test_who_never_reads_is_hung_up_on():
    siege = Siege()
    peer = siege.come()
    link = siege.victim.node.link(peer)
    assert link is not None
    most = 0
    for n in range(4_000):
        said = siege.say(Peers(1), peer)
        most = max(most, link.outbox.size_bytes)
        if said.hung_up:
            break
        siege.network.run_for(0.001 * (n % 2))
    assert most <= limits.OUTBOX_BYTES_MAX


def test_the_friends_deliveries_go_on_while_a_peer_sends_at_line_rate():
    siege = Siege()
    hostile = HostilePeer(666)
    siege.network.add(hostile)
    siege.network.connect(hostile.peer, siege.victim.peer)
    start = siege.now
    for n in range(40):
        for _ in range(60):
            siege.network.act(hostile.peer, hostile.says(Iwant(0, b""), siege.victim.peer))
        if n % 10 == 0:
            siege.friend.play(f"song:{n}-under-fire")
            siege.friend.publish()
        siege.network.run_for(1.0)
    items = siege.victim.items_of(siege.friend)
    assert {f"song:{n}-under-fire" for n in (0, 10, 20, 30)} <= items
    assert siege.now - start <= 41.0


def test_a_hostile_peer_is_not_dialled_again():
    siege = Siege()
    hostile = HostilePeer(668)
    where = siege.network.add(hostile)
    siege.victim.node.learn_address(hostile.peer, where, siege.now)
    siege.network.connect(hostile.peer, siege.victim.peer)
    for _ in range(2):
        siege.network.act(hostile.peer, hostile.says(b"\xc1", siege.victim.peer))
    siege.network.run_for(1.0)
    assert hostile.down
    effects = siege.victim.node.on_timer(siege.now + 30.0)
    assert not [e for e in effects if isinstance(e, Dial) and e.peer == hostile.peer]
    assert not siege.network.connect(hostile.peer, siege.victim.peer)
