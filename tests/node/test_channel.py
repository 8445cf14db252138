"""A channel proves who is at its other end, and nothing of it can be used again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerrec.errors import LocalProtocolError, RemoteProtocolError
from peerrec.ids import network_id
from peerrec.limits import HANDSHAKE_BYTES_MAX
from peerrec.protocol.identity import Ed25519Signer, Ed25519Verifier
from peerrec_node.channel import PLAIN_BYTES_MAX, Answering, Channel, ChannelKeys, Dialling

MUSIC = network_id("music")


def keys(n: int, network: bytes = MUSIC) -> ChannelKeys:
    return ChannelKeys(Ed25519Signer.from_seed(bytes([n]) * 32), Ed25519Verifier(), network)


ANN, BEN, EVE = keys(1), keys(2), keys(3)


def joined(dialler: ChannelKeys = ANN, answerer: ChannelKeys = BEN) -> tuple[Channel, Channel]:
    dialling, answering = Dialling(dialler, answerer.signer.peer), Answering(answerer)
    third, outward = dialling.third(answering.second(dialling.first(), b"ben"), b"ann")
    return outward, answering.finished(third)


def test_both_sides_know_each_other_and_share_a_secret_binding():
    outward, inward = joined()
    assert (outward.peer, outward.hello) == (BEN.signer.peer, b"ben")
    assert (inward.peer, inward.hello) == (ANN.signer.peer, b"ann")
    assert outward.binding == inward.binding
    assert len(outward.binding) == 32
    assert joined()[0].binding != outward.binding


def test_messages_open_once_and_in_order_both_ways():
    outward, inward = joined()
    first, second = outward.seal(b"1"), outward.seal(b"2")
    with pytest.raises(RemoteProtocolError):
        inward.open(second)
    assert (inward.open(first), inward.open(second)) == (b"1", b"2")
    with pytest.raises(RemoteProtocolError):
        inward.open(second)
    assert outward.open(inward.seal(b"3")) == b"3"


def test_the_longest_message_fits_a_frame_and_one_more_byte_is_our_own_fault():
    outward, inward = joined()
    sealed = outward.seal(bytes(PLAIN_BYTES_MAX))
    assert len(sealed) < 1 << 16
    assert inward.open(sealed) == bytes(PLAIN_BYTES_MAX)
    with pytest.raises(LocalProtocolError):
        outward.seal(bytes(PLAIN_BYTES_MAX + 1))


def test_a_handshake_costs_what_was_planned():
    dialling, answering = Dialling(ANN, BEN.signer.peer), Answering(BEN)
    first = dialling.first()
    second = answering.second(first, b"")
    third, _ = dialling.third(second, b"")
    assert len(first) + len(second) + len(third) <= 400


def test_somebody_else_than_was_dialled_learns_nothing_of_who_dials():
    dialling, answering = Dialling(ANN, BEN.signer.peer), Answering(EVE)
    second = answering.second(dialling.first(), b"")
    with pytest.raises(RemoteProtocolError, match="answered for"):
        dialling.third(second, b"secret")


def test_whoever_answers_is_taken_where_nobody_in_particular_was_dialled():
    dialling, answering = Dialling(ANN, None), Answering(EVE)
    _, channel = dialling.third(answering.second(dialling.first(), b""), b"")
    assert channel.peer == EVE.signer.peer


def test_a_man_in_the_middle_cannot_pass_an_identity_on():
    dialling, answering = Dialling(ANN, BEN.signer.peer), Answering(BEN)
    to_eve, by_eve = Dialling(EVE, BEN.signer.peer), Answering(EVE)
    second = answering.second(to_eve.first(), b"")
    with pytest.raises(RemoteProtocolError, match="does not decrypt"):
        dialling.third(second, b"")  # made for the key of another handshake
    dialling = Dialling(ANN, BEN.signer.peer)
    second = by_eve.second(dialling.first(), b"")
    with pytest.raises(RemoteProtocolError, match="answered for"):
        dialling.third(second, b"")


def test_a_signature_of_another_handshake_proves_nothing():
    class Parrot:
        """Signs with what Ben signed in a handshake with Eve."""

        peer = BEN.signer.peer

        def sign(self, message: bytes) -> bytes:
            return BEN.signer.sign(b"peerrec/1/channel\x02" + bytes(64))

    parrot = ChannelKeys(Parrot(), Ed25519Verifier(), MUSIC, BEN.static)
    dialling, answering = Dialling(ANN, BEN.signer.peer), Answering(parrot)
    with pytest.raises(RemoteProtocolError, match="does not prove"):
        dialling.third(answering.second(dialling.first(), b""), b"")


def test_a_replayed_handshake_ends_at_its_third_message():
    dialling, answering = Dialling(ANN, BEN.signer.peer), Answering(BEN)
    first = dialling.first()
    third, _ = dialling.third(answering.second(first, b""), b"")
    answering.finished(third)
    again = Answering(BEN)
    again.second(first, b"")
    with pytest.raises(RemoteProtocolError):
        again.finished(third)


def test_another_network_is_not_understood():
    dialling, answering = Dialling(ANN, BEN.signer.peer), Answering(keys(2, network_id("books")))
    with pytest.raises(RemoteProtocolError):
        dialling.third(answering.second(dialling.first(), b""), b"")


def test_nobody_connects_to_themselves():
    dialling, answering = Dialling(ANN, None), Answering(ANN)
    with pytest.raises(RemoteProtocolError, match="this very peer"):
        dialling.third(answering.second(dialling.first(), b""), b"")


@pytest.mark.parametrize("weak", [bytes(32), (1).to_bytes(32, "little")])
def test_a_weak_key_is_refused(weak):
    with pytest.raises(RemoteProtocolError):
        Answering(BEN).second(weak, b"")


@given(st.binary(max_size=HANDSHAKE_BYTES_MAX + 10))
def test_any_bytes_in_place_of_a_message_are_a_remote_error(junk):
    dialling, answering = Dialling(ANN, BEN.signer.peer), Answering(BEN)
    answering.second(dialling.first(), b"")
    with pytest.raises(RemoteProtocolError):
        dialling.third(junk, b"")
    with pytest.raises(RemoteProtocolError):
        answering.finished(junk)
    with pytest.raises(RemoteProtocolError):
        joined()[0].open(junk)
    if len(junk) != 32:
        with pytest.raises(RemoteProtocolError):
            Answering(BEN).second(junk, b"")


@given(st.data())
def test_a_changed_byte_anywhere_ends_the_handshake(data):
    dialling, answering = Dialling(ANN, BEN.signer.peer), Answering(BEN)
    messages = [bytearray(dialling.first())]
    changed = data.draw(st.integers(0, 2))

    def passed(message: bytes, number: int) -> bytes:
        out = bytearray(message)
        if number == changed:
            out[data.draw(st.integers(0, len(out) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        return bytes(out)

    def handshake() -> bool:
        second = answering.second(passed(bytes(messages[0]), 0), b"hello")
        third, outward = dialling.third(passed(second, 1), b"hello")
        return answering.finished(passed(third, 2)).binding == outward.binding

    with pytest.raises(RemoteProtocolError):
        handshake()
