"""Peers of the local network are found, and whoever pretends is not believed."""

from __future__ import annotations

import asyncio

import pytest

from peerrec.ids import network_id
from peerrec.protocol.invite import Address

pytest.importorskip("zeroconf")

from zeroconf import ServiceStateChange

from peerrec_node import discovery
from peerrec_node.discovery import TYPE, Discovery, announced, own_hosts, service

PEER = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
MUSIC = network_id("music")
HERE = Address("192.0.2.7", 7700)


def test_what_one_announces_the_other_reads():
    info = service(PEER, "music", HERE, ["192.0.2.7"])
    assert announced(info, MUSIC) == (PEER, HERE)
    six = service(PEER, "music", HERE, ["2001:db8::7"])
    assert announced(six, MUSIC) == (PEER, Address("2001:db8::7", 7700))


def test_another_network_and_nonsense_are_nobody():
    info = service(PEER, "music", HERE, ["192.0.2.7"])
    assert announced(info, network_id("books")) is None
    assert announced(service(PEER, "music", HERE, []), MUSIC) is None
    info.name = f"somebody.{TYPE}"
    assert announced(info, MUSIC) is None
    nowhere = service(PEER, "music", Address("192.0.2.7", 0), ["192.0.2.7"])
    assert announced(nowhere, MUSIC) is None


def test_own_addresses_are_those_at_which_one_listens():
    assert own_hosts(Address("127.0.0.1", 1)) == ["127.0.0.1"]
    assert own_hosts(Address("localhost", 1)) == ["127.0.0.1"]
    assert own_hosts(Address("0.0.0.0", 1))


def test_who_appears_is_asked_and_told_of_but_not_oneself(monkeypatch):
    class Answering:
        def __init__(self, kind: str, name: str) -> None:
            pass

        async def async_request(self, zeroconf, timeout_ms: float) -> bool:
            return True

    monkeypatch.setattr(discovery, "announced", lambda info, network: (PEER, HERE))
    monkeypatch.setattr(discovery, "AsyncServiceInfo", Answering)

    async def appearances(me: bytes) -> list[tuple[bytes, Address]]:
        found: list[tuple[bytes, Address]] = []
        looking = Discovery(me, "music", HERE, lambda *met: found.append(met))
        looking._on_change(None, TYPE, "x", ServiceStateChange.Added)
        looking._on_change(None, TYPE, "x", ServiceStateChange.Removed)
        await asyncio.gather(*looking._questions)
        await looking.close()
        return found

    assert asyncio.run(appearances(bytes(32))) == [(PEER, HERE)]
    assert asyncio.run(appearances(PEER)) == []
