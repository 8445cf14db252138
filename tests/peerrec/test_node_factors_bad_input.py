"""Whatever table a peer sends, the local one stays as it is, and the peer pays."""

from __future__ import annotations

import dataclasses
import struct
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from known_people import know_people

from peerrec.ids import network_id, peer_text
from peerrec.limits import MINUTE_S, TABLE_AGE_S, TABLE_BYTES_MAX, TABLE_PART_BYTES, TABLE_ROWS_MAX
from peerrec.peering.factor_state import DIM, FRAME
from peerrec.peering.factoring import Factoring
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.effects import Effect
from peerrec.protocol.identity import KeyedHashSigner, Signer
from peerrec.protocol.messages import (
    Feature,
    Hello,
    Message,
    Ping,
    Pong,
    Status,
    StatusCode,
    Summary,
    Table,
    TableStep,
)
from peerrec.protocol.table_offer import SignedTable, sign_table
from peerrec.ranking.factor_codec import VERSION, encode_table
from peerrec.ranking.factor_table import FactorTable
from peerrec.store import TrustEdge
from peerrec.testing.hostile_peer import HostilePeer
from peerrec.testing.node_pair import START, make_participant
from peerrec.testing.virtual_network import VirtualNetwork

NETWORK = network_id("test")
OFFER, HAVE, PART, NO = TableStep


def body_of(n: int = 40, seed: int = 1) -> bytes:
    """Return a table that could be honest."""
    rng = np.random.default_rng(seed)
    keys = np.sort(rng.choice(1 << 24, n, replace=False)).astype(np.uint32)
    share = (0.02 + 0.5 * rng.random(n)).astype(np.float32)
    mean = (0.1 * share[:, None] * rng.standard_normal((n, DIM))).astype(np.float32)
    return encode_table(FactorTable(keys, share, mean, np.eye(DIM, dtype=np.float32)))


@dataclass(frozen=True, slots=True)
class Lie:
    """What is wrong with a table, in the order in which it is made."""

    body: bytes
    rows: int = 40
    frame: int = FRAME
    dim: int = DIM
    network: bytes = NETWORK
    age_s: float = 0.0
    signer: Signer | None = None

    def signed(self, signer: Signer, now: float) -> SignedTable:
        minute = int((now - self.age_s) // MINUTE_S)
        return sign_table(
            self.signer or signer, self.network, self.body, frame=self.frame, dim=self.dim,
            rows=self.rows, minute=minute,
        )  # fmt: skip


def claiming(table: SignedTable, signer: Signer, **fields: object) -> bytes:
    """Return an offer of a table with other claims, signed by its author."""
    header = msgspec.msgpack.encode(msgspec.structs.replace(table.header, **fields))
    return msgspec.msgpack.encode([header, signer.sign(b"peerrec/1/table" + NETWORK + header)])


def polite(peer: HostilePeer, sender: bytes, message: Message, now: float) -> list[Effect]:
    """Keep the link up: answer pings, and have no time for sessions."""
    if isinstance(message, Ping):
        return peer.says(Pong(message.request), sender)
    if isinstance(message, Summary):
        return peer.says(Status(message.request, StatusCode.BUSY, 3_600), sender)
    return []


class Victim:
    """A node with a table, linked with a peer whom it trusts and who obeys no rule."""

    def __init__(self, *, trusts: bool = True) -> None:
        self.network = VirtualNetwork(1, latency_s=0.01, start=START)
        settings = NodeSettings(batch_delay_s=1.0, factor_rest_s=0.0)
        self.person = make_participant(self.network, 1, settings=settings)
        self.friend = make_participant(self.network, 2, settings=settings)
        self.liar = HostilePeer(666, answer=polite)
        self.liar.claims = Hello(
            0, Feature.FACTORS, int(START // MINUTE_S), bytes(8), 1 << 18, 0, "hostile"
        )
        self.network.add(self.liar)
        for n in range(30):
            self.person.play(f"song:{n}")
        self.person.trust(self.friend, 0.5)
        know_people(self.person.store, START)
        know_people(self.friend.store, START)
        if trusts:
            self.person.store.trust(TrustEdge("me", self.liar.peer, 1.0, START))
        self.network.run_for(7.0)
        self.person.publish()
        merit = self.person.node._standing.merit
        assert self.factoring.state.body(merit) is not None
        self.network.connect(self.liar.peer, self.person.peer)
        self.network.run_for(240.0)  # offers are answered from now on
        assert self.factoring.exchange is None
        self.before = self.content()

    @property
    def factoring(self) -> Factoring:
        found = self.person.node.factoring
        assert found is not None
        return found

    def content(self) -> bytes:
        """Return the bytes of the local table."""
        local = self.factoring.state.local
        assert local is not None
        table = local.table
        arrays = (table.keys, table.share, table.mean, table.moment, np.array(table.exchanges))
        return b"".join(each.tobytes() for each in arrays)

    def says(self, *messages: Message) -> None:
        for message in messages:
            self.network.act(self.liar.peer, self.liar.says(message, self.person.peer))
        self.network.run_for(1.0)

    def offers(self, table: SignedTable, request: int = 1) -> None:
        """Let the liar offer a table and claim to have the victim's."""
        self.says(Table(request, OFFER, 0, table.offer))

    def sends(self, table: SignedTable, request: int = 1) -> None:
        """Let the liar go through a whole exchange with a table."""
        self.offers(table, request)
        self.says(Table(request, HAVE))
        body = table.body
        for at in range(0, len(body), TABLE_PART_BYTES):
            self.says(Table(request, PART, at, body[at : at + TABLE_PART_BYTES]))
        size = sum(len(m.data) for m in self.heard(PART))
        self.says(Table(request, HAVE, size))

    def begins(self) -> int:
        """Let the victim begin an exchange with the liar; return its number."""
        while not self.heard(OFFER):
            self.factoring._next_at = self.network.now
            self.network.act(
                self.person.peer, self.person.node.on_timer(self.network.time_of(self.person.peer))
            )
            self.network.run_for(1.0)
        return self.heard(OFFER)[0].request

    def alike(self, n: int = 10) -> SignedTable:
        """Return an honest table, signed by the liar: the victim's, and n rows more."""
        local = self.factoring.state.local
        assert local is not None
        own = local.table
        keys = np.union1d(own.keys, np.arange(1, n + 1, dtype=np.uint32) * 1_000)
        table = own.at(keys)
        share = np.maximum(table.share, np.float32(0.1))
        body = encode_table(FactorTable(keys, share, table.mean, own.moment))
        return Lie(body, len(keys)).signed(self.liar.signer, self.network.now)

    def heard(self, step: TableStep) -> list[Table]:
        return [m for m in self.liar.heard if isinstance(m, Table) and m.step == step]

    def violations(self) -> dict[str, int]:
        counters = self.person.node.status(self.network.now).counters
        return {k.split(": ")[1]: n for k, n in counters.items() if k.startswith("violation")}

    def score(self) -> float:
        links = self.person.node.status(self.network.now).links
        found = [link.score for link in links if link.peer == peer_text(self.liar.peer)]
        return found[0] if found else -100.0

    def unharmed(self, violation: str) -> None:
        """Claim that one violation was counted, and scored, and nothing was taken in."""
        assert self.violations() == {violation: 1}
        assert self.score() < -1.0
        assert self.content() == self.before
        assert self.factoring.exchange is None
        assert self.factoring.state.exchanges == 0


def test_a_table_that_is_right_is_taken_so_that_the_others_fail_for_their_lie_alone():
    victim = Victim()
    victim.sends(victim.alike())
    assert victim.violations() == {}
    assert victim.factoring.state.exchanges == 1
    assert victim.content() != victim.before


def test_a_table_that_contradicts_the_own_people_is_not_taken_and_no_offence():
    victim = Victim()
    local = victim.factoring.state.local
    assert local is not None
    turned = dataclasses.replace(local.table, mean=-local.table.mean)
    lie = Lie(encode_table(turned), rows=len(turned))
    victim.sends(lie.signed(victim.liar.signer, victim.network.now))
    assert victim.violations() == {}
    assert victim.person.node.counters["tables that disagree"] == 1
    assert victim.content() == victim.before


def test_who_has_no_merit_is_put_off():
    victim = Victim(trusts=False)
    victim.sends(Lie(body_of()).signed(victim.liar.signer, victim.network.now))
    assert victim.factoring.state.exchanges == 0
    assert victim.heard(NO)[0].value > 600
    assert victim.content() == victim.before


# -- bodies that are no table ------------------------------------------------------------------

GOOD = body_of()
_SCALE, _ROWS, _KEY_BYTES = 12, 4, 8
KEYS_AT = 16 + DIM * (DIM + 1)


def spoiled(at: int, data: bytes, body: bytes = GOOD) -> bytes:
    return body[:at] + data + body[at + len(data) :]


def with_keys(keys: bytes, n: int) -> bytes:
    """Return a body of n rows with any bytes as keys."""
    head = struct.pack("<BBHIIf", VERSION, DIM, 0, n, len(keys), 1.0)
    triangle = np.eye(DIM)[np.triu_indices(DIM)]
    moment = (triangle * 32_767).astype("<i2").tobytes()
    return head + moment + keys + bytes([200]) * 2 * n + bytes([0x88]) * (DIM // 2 * n)


BODIES = {
    "a scale that is NaN": spoiled(_SCALE, struct.pack("<f", float("nan"))),
    "a scale that is infinite": spoiled(_SCALE, struct.pack("<f", float("inf"))),
    "a huge scale": spoiled(_SCALE, struct.pack("<f", 1e30)),
    "a negative scale": spoiled(_SCALE, struct.pack("<f", -1.0)),
    "a moment of nobody": spoiled(16, struct.pack("<h", -32_767)),
    "a number of six bits that is none": GOOD[:-3] + bytes(3),
    "another d inside": spoiled(1, bytes([DIM + 4])),
    "another version inside": spoiled(0, bytes([VERSION + 1])),
    "more rows inside than announced": body_of(41),
    "fewer rows inside than announced": body_of(39),
    "a byte too many": GOOD + b"\0",
    "a byte too few": GOOD[:-1],
    "a header alone": GOOD[:16],
    "half a header": GOOD[:7],
    "more keys than rows": spoiled(_ROWS, struct.pack("<I", 39)),
    "keys that wrap around": with_keys(b"\xff\xff\xff\x07" * 40, 40),
    "a key twice, by a long zero": with_keys(b"\x80\x00" * 40, 40),
    "a key longer than any": with_keys(b"\x80\x80\x80\x80\x01" * 40, 40),
    "all zeros": bytes(len(GOOD)),
}


def test_a_made_up_body_is_right_but_for_its_keys():
    victim = Victim()
    body = with_keys(b"\x05" * 40, 40)
    victim.sends(Lie(body).signed(victim.liar.signer, victim.network.now))
    assert victim.violations() == {}
    assert victim.factoring.state.exchanges == 1


@pytest.mark.parametrize("name", BODIES)
def test_a_body_with(name: str):
    victim = Victim()
    victim.sends(Lie(BODIES[name]).signed(victim.liar.signer, victim.network.now))
    victim.unharmed("malformed")


@pytest.mark.parametrize("name", ["a scale that is NaN", "a byte too few", "all zeros"])
def test_an_answer_with_a_body_with(name: str):
    victim = Victim()
    table = Lie(BODIES[name]).signed(victim.liar.signer, victim.network.now)
    victim.sends(table, victim.begins())
    victim.unharmed("malformed")


# -- offers that are wrong ---------------------------------------------------------------------

SOMEBODY = KeyedHashSigner(bytes(31) + b"\7")

OFFERS = {
    "another d": (Lie(GOOD, dim=DIM * 2), "malformed"),
    "another frame": (Lie(GOOD, frame=FRAME + 1), "malformed"),
    "another network": (Lie(GOOD, network=network_id("another")), "forgery"),
    "another author": (Lie(GOOD, signer=SOMEBODY), "forgery"),
    "more rows than allowed": (Lie(GOOD, rows=TABLE_ROWS_MAX + 1), "oversized"),
    "more bytes than allowed": (Lie(bytes(TABLE_BYTES_MAX + 1)), "oversized"),
    "an old table once more": (Lie(GOOD, age_s=TABLE_AGE_S + 120.0), "state"),
    "a table from the future": (Lie(GOOD, age_s=-1_200.0), "state"),
}


@pytest.mark.parametrize("name", OFFERS)
def test_an_offer_of(name: str):
    lie, violation = OFFERS[name]
    victim = Victim()
    victim.offers(lie.signed(victim.liar.signer, victim.network.now))
    victim.unharmed(violation)


@pytest.mark.parametrize("name", OFFERS)
def test_an_answer_that_offers(name: str):
    lie, violation = OFFERS[name]
    victim = Victim()
    request = victim.begins()
    victim.offers(lie.signed(victim.liar.signer, victim.network.now), request)
    victim.unharmed(violation)


def test_a_right_answer_is_taken_so_that_the_others_fail_for_their_lie_alone():
    victim = Victim()
    request = victim.begins()
    victim.sends(victim.alike(), request)
    assert victim.violations() == {}
    assert victim.factoring.state.exchanges == 1


@pytest.mark.parametrize("begun", [False, True])
def test_two_tables_in_one_exchange_are_refused(begun: bool):
    victim = Victim()
    request = victim.begins() if begun else 1
    for seed in (1, 2):
        table = Lie(body_of(seed=seed)).signed(victim.liar.signer, victim.network.now)
        victim.offers(table, request)
    victim.unharmed("state")


def test_a_wrong_signature_is_refused():
    victim = Victim()
    table = Lie(GOOD).signed(victim.liar.signer, victim.network.now)
    victim.says(Table(1, OFFER, 0, table.offer[:-1] + bytes([table.offer[-1] ^ 1])))
    victim.unharmed("forgery")
    assert victim.liar.down  # once is enough


def test_a_body_that_is_not_the_one_signed_is_refused():
    victim = Victim()
    table = Lie(GOOD).signed(victim.liar.signer, victim.network.now)
    victim.sends(SignedTable(table.header, table.offer, body_of(40, seed=2)[: len(GOOD)]))
    victim.unharmed("forgery")


def test_a_size_that_the_header_does_not_keep_is_refused():
    victim = Victim()
    table = Lie(GOOD).signed(victim.liar.signer, victim.network.now)
    signer = victim.liar.signer
    victim.sends(SignedTable(table.header, claiming(table, signer, body_bytes=100), table.body))
    victim.unharmed("state")


def test_bytes_that_are_no_offer_are_refused():
    victim = Victim()
    victim.says(Table(1, OFFER, 0, b"\xc1" * 100))
    victim.unharmed("malformed")


# -- transfers that go wrong -------------------------------------------------------------------


def test_parts_out_of_order_are_never_put_together():
    victim = Victim()
    table = Lie(body_of(3_000), 3_000).signed(victim.liar.signer, victim.network.now)
    victim.offers(table)
    at = TABLE_PART_BYTES
    parts = [Table(1, PART, n, table.body[n : n + at]) for n in range(0, len(table.body), at)]
    victim.says(Table(1, HAVE), *parts[1:])  # the first one never comes
    victim.says(Table(1, HAVE, sum(len(m.data) for m in victim.heard(PART))))
    victim.network.run_for(200.0)
    assert victim.violations()["silence"] >= 1
    assert victim.content() == victim.before
    assert victim.factoring.exchange is None
    assert victim.score() < 0.0


@pytest.mark.parametrize("at", [1, 100, TABLE_PART_BYTES - 1])
def test_a_part_that_overlaps_the_one_before_is_refused(at: int):
    victim = Victim()
    table = Lie(body_of(3_000), 3_000).signed(victim.liar.signer, victim.network.now)
    victim.offers(table)
    victim.says(Table(1, PART, 0, table.body[:TABLE_PART_BYTES]))
    victim.says(Table(1, PART, at, table.body[at : at + TABLE_PART_BYTES]))
    victim.unharmed("state")


@pytest.mark.parametrize("n", [1, TABLE_BYTES_MAX])
def test_a_receipt_of_bytes_that_there_are_not_is_refused(n: int):
    victim = Victim()
    victim.offers(Lie(GOOD).signed(victim.liar.signer, victim.network.now))
    victim.says(Table(1, HAVE, n))
    victim.unharmed("state")


def test_half_a_table_is_never_taken_in():
    victim = Victim()
    table = Lie(body_of(3_000), 3_000).signed(victim.liar.signer, victim.network.now)
    victim.offers(table)
    victim.says(Table(1, HAVE), Table(1, PART, 0, table.body[:TABLE_PART_BYTES]))
    victim.network.run_for(200.0)
    assert victim.violations()["silence"] >= 1
    assert victim.score() < -1.0
    assert victim.content() == victim.before
    assert victim.factoring.exchange is None
    assert victim.heard(NO)


def test_a_receipt_without_a_table_changes_nothing():
    victim = Victim()
    victim.offers(Lie(GOOD).signed(victim.liar.signer, victim.network.now))
    victim.says(Table(1, HAVE))
    victim.says(Table(1, HAVE, sum(len(m.data) for m in victim.heard(PART))))
    victim.network.run_for(200.0)
    assert victim.content() == victim.before


def test_a_transfer_that_never_ends_ends():
    victim = Victim()
    n = 30_000
    table = Lie(body_of(n), n).signed(victim.liar.signer, victim.network.now)
    victim.offers(table)
    for at in range(0, len(table.body), TABLE_PART_BYTES):
        victim.says(Table(1, PART, at, table.body[at : at + TABLE_PART_BYTES]))
        victim.network.run_for(25.0)
    assert victim.violations()["silence"] >= 1
    assert victim.content() == victim.before
    assert victim.factoring.state.exchanges == 0


def test_more_bytes_than_announced_are_refused():
    victim = Victim()
    table = Lie(GOOD).signed(victim.liar.signer, victim.network.now)
    victim.offers(table)
    victim.says(Table(1, PART, 0, table.body + b"more"))
    victim.unharmed("state")


def test_a_table_nobody_offered_is_refused():
    victim = Victim()
    victim.says(Table(9, PART, 0, b"part"))
    victim.unharmed("state")


def test_an_answer_nobody_asked_for_is_refused():
    victim = Victim()
    victim.says(Table(2, OFFER, 0, Lie(GOOD).signed(victim.liar.signer, victim.network.now).offer))
    victim.unharmed("state")


def test_offers_without_end_are_refused():
    victim = Victim(trusts=False)
    table = Lie(GOOD).signed(victim.liar.signer, victim.network.now)
    for n in range(20):
        victim.says(Table(2 * n + 1, OFFER, 0, table.offer))
    assert victim.violations()["rate"] >= 5
    assert victim.score() < -1.0
    assert victim.content() == victim.before


def test_asking_for_the_same_bytes_without_end_is_refused():
    victim = Victim()
    victim.offers(Lie(GOOD).signed(victim.liar.signer, victim.network.now))
    for n in range(60):
        victim.says(Table(1, HAVE), Status(0, StatusCode.CREDIT, 1 << 20))
        victim.network.run_for(19.0 * (n % 10 == 9))
    assert victim.violations()["rate"] == 1
    assert victim.factoring.exchange is None
    assert len(victim.heard(PART)) <= 5
    assert victim.content() == victim.before


def test_the_same_table_once_more_is_not_taken_twice():
    victim = Victim()
    table = victim.alike()
    victim.sends(table)
    assert victim.factoring.state.exchanges == 1
    after = victim.content()
    victim.sends(table, request=3)
    assert victim.content() == after
    assert victim.factoring.state.exchanges == 1


def test_a_peer_without_the_feature_sends_no_tables():
    victim = Victim()
    victim.network.cut(victim.liar.peer, victim.person.peer)
    victim.liar.claims = Hello(0, 0, 0, bytes(8), 1 << 18, 0, "hostile")
    victim.network.connect(victim.liar.peer, victim.person.peer)
    victim.offers(Lie(GOOD).signed(victim.liar.signer, victim.network.now))
    victim.unharmed("state")


def test_a_peer_whose_clock_is_off_is_put_off_without_blame():
    victim = Victim()
    victim.network.cut(victim.liar.peer, victim.person.peer)
    victim.liar.claims = Hello(0, Feature.FACTORS, 0, bytes(8), 1 << 18, 0, "honest")
    victim.network.connect(victim.liar.peer, victim.person.peer)
    victim.network.run_for(300.0)
    victim.offers(Lie(GOOD).signed(victim.liar.signer, victim.network.now))
    assert victim.violations() == {}
    assert victim.heard(NO)
    assert victim.content() == victim.before


def test_the_node_goes_on_with_others_after_all_that():
    victim = Victim()
    victim.offers(Lie(GOOD, frame=9).signed(victim.liar.signer, victim.network.now))
    victim.friend.play("song:1")
    victim.friend.trust(victim.person)
    victim.network.connect(victim.friend.peer, victim.person.peer)
    victim.network.run_for(60.0)
    victim.friend.publish()
    victim.network.run_for(7_200.0)
    assert victim.factoring.state.exchanges >= 5
