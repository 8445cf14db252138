"""Answer and take whom the person trusts, and whom they block."""

from __future__ import annotations

from typing import Final

from peerrec.errors import UnknownPeer
from peerrec.facade.trust_map import TrustMap
from peerrec.limits import API_MAP_PEERS_MAX
from peerrec.store import RawId
from peerrec_node.api import schemas
from peerrec_node.api.auth import Scope
from peerrec_node.api.context import Api
from peerrec_node.api.names import own_trust, peer_named, peer_said
from peerrec_node.api.problems import ApiProblem
from peerrec_node.api.routes import Call, Nothing, Route
from peerrec_node.commands.common import ME, label

__all__ = ["ROUTES", "other_peer"]


def other_peer(api: Api, text: str) -> RawId:
    """Return the raw id of somebody else.

    Raises:
        ApiProblem: it is oneself.
        DataError: it is no id.
    """
    who = peer_named(text)
    if who in (ME, api.daemon.node.peer):
        raise ApiProblem("not-allowed", "This is yourself; name somebody else")
    return who


async def trust_map(api: Api, call: Call[Nothing, Nothing]) -> schemas.TrustMap:
    """Answer the neighbourhood of the person in the graph of trust."""
    found = await api.lists.compute(lambda still: still.trust_map(API_MAP_PEERS_MAX))
    return mapped(api, found)


def mapped(api: Api, found: TrustMap) -> schemas.TrustMap:
    """Return a map as the API writes it; oneself goes by the node's id."""
    own = peer_said(api.daemon.node.peer)
    scores = {link.peer: link.score for link in api.daemon.status().links}

    def text(raw: RawId) -> str:
        return own if raw == ME else peer_said(raw)

    nodes = [
        schemas.TrustNode(
            peer=text(each.peer),
            label=called(api, each.peer),
            hops=each.hops,
            merit=each.merit,
            score=scores.get(text(each.peer), 0.0),
            suspicion=each.suspicion,
            linked=text(each.peer) in scores,
            blocked=each.blocked,
        )
        for each in found.peers
    ]
    edges = [
        schemas.TrustStated(source=text(source), target=text(target), weight=weight)
        for source, target, weight in found.edges
    ]
    return schemas.TrustMap(nodes=nodes, edges=edges)


def called(api: Api, peer: RawId) -> str | None:
    """Return what a peer is called: by the person, or where it was imported."""
    given = api.labels.of(peer_said(peer))
    return label(peer) if given is None and isinstance(peer, str) else given


async def trust(api: Api, call: Call[Nothing, schemas.NewTrust]) -> schemas.TrustTaken:
    """State trust in a peer."""
    who = other_peer(api, call.body.peer)
    api.here.me.trust(who, call.body.weight)
    api.changed()
    return schemas.TrustTaken(peer=peer_said(who), weight=call.body.weight)


async def distrust(api: Api, call: Call[Nothing, Nothing]) -> schemas.TrustTaken:
    """Take back what was said of a peer."""
    who = other_peer(api, call.path["peer"])
    if not own_trust(api.store).get(who):
        raise UnknownPeer(f"nothing was said of peer {call.path['peer']!r:.80}")
    api.here.me.trust(who, 0.0)
    api.changed()
    return schemas.TrustTaken(peer=peer_said(who), weight=0.0)


async def block(api: Api, call: Call[Nothing, schemas.NewBlock]) -> schemas.BlockTaken:
    """Give a peer no say."""
    who = other_peer(api, call.body.peer)
    api.here.me.block(who)
    api.changed()
    return schemas.BlockTaken(peer=peer_said(who), blocked=True)


async def unblock(api: Api, call: Call[Nothing, Nothing]) -> schemas.BlockTaken:
    """Take a block back."""
    who = other_peer(api, call.path["peer"])
    if not api.here.me.unblock(who):
        raise UnknownPeer(f"peer {call.path['peer']!r:.80} is not blocked")
    api.changed()
    return schemas.BlockTaken(peer=peer_said(who), blocked=False)


ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/trust",
        handler=trust_map,
        summary="The map of trust around oneself.",
        scope=Scope.READ,
        answer=schemas.TrustMap,
    ),
    Route(
        method="POST",
        path="/api/v1/trust",
        handler=trust,
        summary="Say how much one trusts a peer, -1 to 1; 0 takes it back.",
        scope=Scope.ADMIN,
        body=schemas.NewTrust,
        answer=schemas.TrustTaken,
    ),
    Route(
        method="DELETE",
        path="/api/v1/trust/{peer}",
        handler=distrust,
        summary="Take back what one said of a peer.",
        scope=Scope.ADMIN,
        answer=schemas.TrustTaken,
        problems=("unknown", "not-allowed"),
    ),
    Route(
        method="POST",
        path="/api/v1/block",
        handler=block,
        summary="Give a peer no say, nor those whom only it leads to.",
        scope=Scope.ADMIN,
        body=schemas.NewBlock,
        answer=schemas.BlockTaken,
    ),
    Route(
        method="DELETE",
        path="/api/v1/block/{peer}",
        handler=unblock,
        summary="Take a block back.",
        scope=Scope.ADMIN,
        answer=schemas.BlockTaken,
        problems=("unknown", "not-allowed"),
    ),
)
