"""Meet one peer, agree with it on what both want, and part again."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from peerrec.errors import ProtocolError
from peerrec.ids import network_id, peer_text, short
from peerrec.node import Node
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.effects import Dial
from peerrec.protocol.identity import Ed25519Verifier, Signer
from peerrec.protocol.invite import Address
from peerrec.protocol.membership_settings import MembershipSettings
from peerrec.protocol.sync_shelf import SyncResult
from peerrec.store import Store
from peerrec_node.channel import ChannelKeys
from peerrec_node.daemon import make_node
from peerrec_node.driver import Driver
from peerrec_node.link import Link

__all__ = ["SyncReport", "Target", "synced"]

SESSIONS_MAX: Final = 8
"""Sessions after which what still moves is left to the next time."""

ALONE: Final = MembershipSettings(dialled=1, walks=0, samples=0, incoming=0)
"""One link, and no more."""

SETTINGS: Final = NodeSettings(batch_delay_s=0.0, factors=False)
"""What is public leaves now, there may be no later; a table would need partners over hours."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to meet: at an address, and who must answer there; None takes anybody."""

    address: Address
    peer: bytes | None = None


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What came of meeting a peer.

    Attributes:
        peer: who answered, as people write it.
        converged: whether both now hold the same of what both want.
        outstanding: segments or logs that differ still.
        sessions, rounds: how many, and the round trips of all.
        segments_in, segments_out: new here, and sent.
        bytes_in, bytes_out: of the link, encrypted, without the handshake.
        seconds: from the link's beginning to its end.
    """

    peer: str
    converged: bool
    outstanding: int
    sessions: int
    rounds: int
    segments_in: int
    segments_out: int
    bytes_in: int
    bytes_out: int
    seconds: float


async def synced(
    store: Store, signer: Signer, network: str, target: Target, *, seconds: float
) -> SyncReport:
    """Return what came of meeting a peer; it has left when this returns.

    Args:
        store: what is compared and filled.
        signer: who one is.
        network: name of the network.
        target: whom to meet.
        seconds: when to give up.

    Raises:
        ProtocolError: nobody answered there, or it left before anything was compared.
    """
    node = make_node(store, signer, network, SETTINGS, ALONE)
    keys = ChannelKeys(signer, Ed25519Verifier(), network_id(network))
    driver = Driver(node, keys, arrivals=lambda: store.segments.last_arrival)
    try:
        # Without a start: until the one link is there, the node must not dial another peer.
        link = await met(driver, target, seconds)
        results = await compared(driver, node, link, seconds)
        return report(link, results)
    finally:
        await driver.stop()


async def met(driver: Driver, target: Target, seconds: float) -> Link:
    """Return the link to the peer."""
    driver.dial(Dial(target.peer, target.address))
    try:
        async with asyncio.timeout(seconds):
            await driver.until(lambda: bool(driver.links) or not driver.dialling)
    except TimeoutError:
        pass
    if not driver.links:
        why = ", ".join(driver.counts) or "no answer in time"
        raise ProtocolError(f"no link to {target.address.text()}: {why}")
    return next(iter(driver.links.values()))


async def compared(driver: Driver, node: Node, link: Link, seconds: float) -> list[SyncResult]:
    """Hold sessions until nothing moves any more; return how each went."""
    results: list[SyncResult] = []

    def last() -> SyncResult | None:
        known = node.link(link.peer)
        return None if known is None else known.sync.last_result

    def over() -> bool:
        return link.peer not in driver.links or (
            last() is not None and (not results or last() is not results[-1])
        )

    try:
        async with asyncio.timeout(seconds):
            while len(results) < SESSIONS_MAX:
                driver.ask(node.sync_now, link.peer)
                await driver.until(over)
                result = last()
                if result is None or link.peer not in driver.links:
                    break
                results.append(result)
                if result.retry_s:
                    await asyncio.sleep(result.retry_s)
                    continue
                driver.publish()
                if result.converged and not result.segments_in + result.segments_out:
                    break
    except TimeoutError:
        pass
    if not results:
        raise ProtocolError(f"{short(link.peer)} left before anything was compared")
    return results


def report(link: Link, results: list[SyncResult]) -> SyncReport:
    """Return the sum of some sessions."""
    return SyncReport(
        peer=peer_text(link.peer),
        converged=results[-1].converged,
        outstanding=results[-1].outstanding,
        sessions=len(results),
        rounds=sum(each.rounds for each in results),
        segments_in=sum(each.segments_in for each in results),
        segments_out=sum(each.segments_out for each in results),
        bytes_in=link.traffic.bytes_in,
        bytes_out=link.traffic.bytes_out,
        seconds=time.monotonic() - link.since,
    )
