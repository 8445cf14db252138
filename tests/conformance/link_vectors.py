"""Write the vectors of what belongs to one link: handshake, keys, tags, elements, roots.

    python tests/conformance/link_vectors.py

makes the file links.json anew. A change of it is a change of what goes over the wire.
Bytes are in lower-case hexadecimal; the segments are those of bundles.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from noise.backends.default.keypairs import KeyPair25519

from peerrec.ids import network_id
from peerrec.peering.link import link_key
from peerrec.protocol.bundle import unpack
from peerrec.protocol.elements import fork_check
from peerrec.protocol.frontier import Frontier
from peerrec.protocol.identity import Ed25519Signer, Ed25519Verifier
from peerrec.protocol.messages import Hello, Ping
from peerrec.protocol.seen import tag_of
from peerrec.protocol.segment import Segment
from peerrec.protocol.sync_memory import PeerMemory
from peerrec.protocol.sync_ranges import runs_of
from peerrec.protocol.sync_view import LinkKeys
from peerrec.protocol.wire import encode, padded
from peerrec_node.channel import Answering, ChannelKeys, Dialling

FOLDER = Path(__file__).resolve().parent
NETWORK = "music"
BINDING = bytes(range(32))
DAY = 20_138
SEEDS = {"ada": bytes(range(32)), "bob": bytes(range(32, 64))}
STATIC = {"ada": b"\x11" * 32, "bob": b"\x22" * 32}
EPHEMERAL = {"ada": b"\x33" * 32, "bob": b"\x44" * 32}


def segments() -> list[Segment]:
    rows = json.loads((FOLDER / "bundles.json").read_text(encoding="utf-8"))["bundles"]
    row = next(each for each in rows if each["name"] == "two logs, newest first")
    return unpack(bytes.fromhex(row["bundle_without_compression"]), network_id(NETWORK))


def frontier_of(held: list[Segment]) -> Frontier:
    frontier = Frontier()
    for arrival, one in enumerate(held, 1):
        header = one.header
        size = len(one.frame)
        frontier.add(*one.log, header.seq, one.id, header.minute, size, arrival, header.ttl_days)
    return frontier


def roots(held: list[Segment], keys: LinkKeys) -> list[dict[str, Any]]:
    ada = held[0].log
    told, both = PeerMemory(), PeerMemory()
    told.tell(ada, 3)
    both.tell(ada, 3)
    both.hear(held[-1].log, 2)
    forked = frontier_of(held)
    forked.mark_fork(*ada, 4, held[0].header.minute)
    whole, half = frontier_of(held), frontier_of([one for one in held if one.header.seq > 2])
    rows = [
        ("everything", whole, DAY, PeerMemory()),
        ("nothing held", Frontier(), DAY, PeerMemory()),
        ("on the last day", whole, DAY + 89, PeerMemory()),
        ("a day later: nothing counts", whole, DAY + 90, PeerMemory()),
        ("the initiator told floor 3 of the first log", half, DAY, told),
        ("and the responder floor 2 of the second", half, DAY, both),
        ("the first log forked at 4", forked, DAY, PeerMemory()),
    ]
    return [
        {
            "name": name,
            "day": day,
            "root": frontier.root(keys.root, day, memory.heard, memory.salt(told_first=True)).hex(),
        }
        for name, frontier, day, memory in rows
    ]


def link_vectors() -> dict[str, Any]:
    held = segments()
    sync, gossip = link_key(BINDING, b"sync"), link_key(BINDING, b"gossip")
    keys = LinkKeys.derive(sync)
    elements = frontier_of(held).elements(keys.elements, DAY, {})
    of = {elements.find(value): value for value in elements.values.tolist()}
    logs = frontier_of(held).log_elements(keys.elements, DAY, {}).values()
    return {
        "network": NETWORK,
        "keys": {
            "binding": BINDING.hex(),
            "sync": sync.hex(),
            "root": keys.root.hex(),
            "elements": keys.elements.hex(),
            "sketch": keys.sketch.hex(),
            "gossip": gossip[:16].hex(),
        },
        "frontier": [
            {
                "author": one.header.author.hex(),
                "epoch": one.header.epoch,
                "seq": one.header.seq,
                "minute": one.header.minute,
                "ttl_days": one.header.ttl_days,
                "id": one.id.hex(),
                "element": f"{of[one.log, one.header.seq]:016x}",
                "gossip_tag": tag_of(gossip[:16], one.id).hex(),
            }
            for one in held
        ],
        "logs": [
            {"author": log[0].hex(), "epoch": log[1], "element": f"{value:016x}"}
            for log, value in logs
        ],
        "fork_at_4": f"{fork_check(keys.elements, 4):08x}",
        "roots": roots(held, keys),
        "runs": [
            {"seqs": seqs, "runs": list(runs_of(seqs))}
            for seqs in ([], [0], [0, 1, 2, 7], [5], [3, 4, 9, 10, 11, 20])
        ],
        "handshake": handshake(),
    }


def handshake() -> dict[str, str]:
    """Return a whole handshake of ada, who dials, with bob, and the first message of each."""
    keys = {
        name: ChannelKeys(
            Ed25519Signer.from_seed(seed), Ed25519Verifier(), network_id(NETWORK), STATIC[name]
        )
        for name, seed in SEEDS.items()
    }
    hello = {
        name: padded(encode(Hello(0, 0, 29_000_000, bytes(8), 262_144, 0, name))) for name in keys
    }
    ada, bob = Dialling(keys["ada"], keys["bob"].signer.peer), Answering(keys["bob"])
    for name, side in (("ada", ada), ("bob", bob)):
        side._side._state.e = KeyPair25519.from_private_bytes(EPHEMERAL[name])
    first = ada.first()
    second = bob.second(first, hello["bob"])
    third, of_ada = ada.third(second, hello["ada"])
    of_bob = bob.finished(third)
    assert of_ada.binding == of_bob.binding
    return {
        "dialler seed": SEEDS["ada"].hex(),
        "dialler static": STATIC["ada"].hex(),
        "dialler ephemeral": EPHEMERAL["ada"].hex(),
        "answerer seed": SEEDS["bob"].hex(),
        "answerer static": STATIC["bob"].hex(),
        "answerer ephemeral": EPHEMERAL["bob"].hex(),
        "first": first.hex(),
        "second": second.hex(),
        "third": third.hex(),
        "binding": of_ada.binding.hex(),
        "plain": padded(encode(Ping(1))).hex(),
        "by dialler": of_ada.seal(padded(encode(Ping(1)))).hex(),
        "by answerer": of_bob.seal(padded(encode(Ping(1)))).hex(),
    }


def main() -> None:
    text = json.dumps(link_vectors(), indent=1, ensure_ascii=False)
    (FOLDER / "links.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
