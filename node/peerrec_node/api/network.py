"""Answer who is linked, and let the person meet and leave peers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import fields
from typing import Final

from peerrec.errors import UnknownPeer
from peerrec.ids import peer_text
from peerrec.limits import API_LOGS_MAX
from peerrec.peering.link import Link
from peerrec.peering.status import LinkStatus
from peerrec.protocol.invite import parse_invite
from peerrec_node.api import schemas
from peerrec_node.api.auth import Scope
from peerrec_node.api.context import Api
from peerrec_node.api.names import peer_said
from peerrec_node.api.people import other_peer
from peerrec_node.api.problems import ApiProblem
from peerrec_node.api.routes import Call, Nothing, Route

__all__ = ["ROUTES", "qr_code", "traffic_of"]

OF_LINK: Final = tuple(field.name for field in fields(LinkStatus))


async def peers(api: Api, call: Call[Nothing, Nothing]) -> schemas.Peers:
    """Answer the links."""
    of = api.labels.of
    links = [
        schemas.PeerLink(label=of(link.peer), **{name: getattr(link, name) for name in OF_LINK})
        for link in api.daemon.status().links
    ]
    ended = [schemas.EndedLink(label=of(each.peer), **each._asdict()) for each in api.ended]
    return schemas.Peers(links=links, recently_ended=ended)


async def meet(api: Api, call: Call[Nothing, schemas.NewPeer]) -> schemas.PeerTaken:
    """Dial the peer of an invite."""
    invite, daemon = parse_invite(call.body.invite), api.daemon
    if invite.peer == daemon.node.peer:
        raise ApiProblem("not-allowed", "This is your own invite; give it to somebody else")
    if invite.network != daemon.network:
        raise ApiProblem(
            "conflict",
            f"The invite is for network {invite.network!r}, this node is in {daemon.network!r}; "
            "use another store for another network",
        )
    if not daemon.driver.ask(daemon.node.invite, invite.peer, invite.address):
        raise ApiProblem("store", "The invite could not be kept; see the daemon's log")
    api.changed()
    return schemas.PeerTaken(peer=peer_text(invite.peer), address=invite.address.text())


async def leave(api: Api, call: Call[Nothing, Nothing]) -> schemas.PeerLeft:
    """End the link to a peer, which then rests for a while."""
    who, daemon = other_peer(api, call.path["peer"]), api.daemon
    if not isinstance(who, bytes) or who not in daemon.driver.links:
        raise UnknownPeer(f"there is no link to peer {call.path['peer']!r:.80}")
    daemon.driver.ask(daemon.node.leave, who)
    return schemas.PeerLeft(peer=peer_text(who))


async def name(api: Api, call: Call[Nothing, schemas.NewLabel]) -> schemas.LabelTaken:
    """Call a peer something."""
    peer = peer_said(other_peer(api, call.path["peer"]))
    api.labels.give(peer, call.body.label)
    return schemas.LabelTaken(peer=peer, label=api.labels.of(peer))


async def invite(api: Api, call: Call[Nothing, Nothing]) -> schemas.InviteLink:
    """Answer the invite, in letters and to photograph."""
    found = api.daemon.invite
    if found is None:
        raise ApiProblem("conflict", "Nobody can reach this node: run it with --public HOST:PORT")
    return schemas.InviteLink(link=found.text(), svg=qr_code(found.text()))


def qr_code(text: str) -> str:
    """Return a QR code as an SVG element without any style of its own.

    Example:
        >>> qr_code("peerrec")[:4]
        '<svg'
    """
    import segno  # here: most starts draw none

    drawn = io.BytesIO()
    segno.make_qr(text, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4,
        dark="#000", light="#fff", nl=False, svgclass=None, lineclass=None, title="Invite",
    )  # fmt: skip
    return drawn.getvalue().decode()


async def nearby(api: Api, call: Call[Nothing, Nothing]) -> schemas.Nearby:
    """Answer who is in the local network, the latest first."""
    found = [
        schemas.NearbyPeer(
            peer=peer_text(peer),
            address=address.text(),
            seen_at=seen_at,
            linked=peer in api.daemon.driver.links,
        )
        for peer, (address, seen_at) in reversed(api.nearby.items())
    ]
    return schemas.Nearby(enabled=api.daemon.lan, peers=found)


async def logs(api: Api, call: Call[Nothing, Nothing]) -> schemas.Logs:
    """Answer what is replicated here."""
    node = api.daemon.node
    library = node.library
    frontier, followed = library.frontier, set(library.following.followed)
    own, found = peer_text(node.peer), []
    for author, epoch in frontier.logs():
        segments, n_bytes, first, last = frontier.extent((author, epoch))
        found.append(
            schemas.Log(
                author=peer_text(author),
                epoch=epoch,
                segments=segments,
                bytes=n_bytes,
                first_seq=first,
                last_seq=last,
                followed=author in followed,
                forked=(author, epoch) in frontier.forked,
            )
        )
    found.sort(key=lambda each: -each.bytes)
    return schemas.Logs(
        logs=found[:API_LOGS_MAX],
        total=len(found),
        budget_bytes=node.settings.follow_bytes_max,
        held_bytes=sum(each.bytes for each in found if each.author != own),
    )


def links_of(api: Api) -> Iterator[Link]:
    """Yield the node's links."""
    node = api.daemon.node
    yield from (link for link in map(node.link, node.links) if link is not None)


def traffic_of(api: Api) -> schemas.Traffic:
    """Return what went over all links, and how fast it goes."""
    links = list(links_of(api))
    types = [schemas.TrafficType(**each._asdict()) for each in api.traffic.types(links)]
    bytes_in, bytes_out = api.traffic.rate(links)
    rate = schemas.Rate(in_bytes_s=round(bytes_in, 1), out_bytes_s=round(bytes_out, 1))
    return schemas.Traffic(types=types, rate=rate)


async def traffic(api: Api, call: Call[Nothing, Nothing]) -> schemas.Traffic:
    """Answer what goes over the links."""
    return traffic_of(api)


MEET: Final = ("conflict",)

ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/peers",
        handler=peers,
        summary="Links, and those that ended lately.",
        scope=Scope.READ,
        answer=schemas.Peers,
    ),
    Route(
        method="POST",
        path="/api/v1/peers",
        handler=meet,
        summary="Meet the peer of an invite.",
        scope=Scope.ADMIN,
        body=schemas.NewPeer,
        answer=schemas.PeerTaken,
        status=202,
        problems=MEET,
    ),
    Route(
        method="DELETE",
        path="/api/v1/peers/{peer}",
        handler=leave,
        summary="End the link to a peer, and take none to it for ten minutes.",
        scope=Scope.ADMIN,
        answer=schemas.PeerLeft,
        problems=("unknown", "not-allowed"),
    ),
    Route(
        method="PUT",
        path="/api/v1/peers/{peer}/label",
        handler=name,
        summary="Call a peer something that nobody else hears; an empty label takes it back.",
        scope=Scope.ADMIN,
        body=schemas.NewLabel,
        answer=schemas.LabelTaken,
    ),
    Route(
        method="GET",
        path="/api/v1/invite",
        handler=invite,
        summary="The link with which others become peers, and its QR code.",
        scope=Scope.ADMIN,
        answer=schemas.InviteLink,
        problems=("conflict",),
    ),
    Route(
        method="POST",
        path="/api/v1/pair",
        handler=meet,
        summary="The same as POST /api/v1/peers.",
        scope=Scope.ADMIN,
        body=schemas.NewPeer,
        answer=schemas.PeerTaken,
        status=202,
        problems=MEET,
    ),
    Route(
        method="GET",
        path="/api/v1/nearby",
        handler=nearby,
        summary="Peers found in the local network.",
        scope=Scope.READ,
        answer=schemas.Nearby,
    ),
    Route(
        method="GET",
        path="/api/v1/logs",
        handler=logs,
        summary="Logs that are replicated here, the largest first.",
        scope=Scope.READ,
        answer=schemas.Logs,
    ),
    Route(
        method="GET",
        path="/api/v1/traffic",
        handler=traffic,
        summary="What goes over the links, by type of message.",
        scope=Scope.READ,
        answer=schemas.Traffic,
    ),
)
