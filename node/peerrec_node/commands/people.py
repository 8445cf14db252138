"""``peerrec trust``, ``block`` and ``mute``: decide who and what is heard."""

from __future__ import annotations

from pathlib import Path

import click

from peerrec.errors import NotFoundError
from peerrec_node.commands.common import (
    answer,
    json_peer,
    label,
    opened,
    peer_label,
    peer_named,
    store_options,
)

__all__ = ["block", "mute", "trust"]


# A negative number looks like an option: unknown ones are taken for the weight.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("peer")
@click.argument("weight", type=float, default=1.0)
@store_options
def trust(peer: str, weight: float, store: Path | None, as_json: bool) -> None:
    """Say how much you trust a peer, from -1 to 1; 0 takes it back.

    PEER is an id as `peerrec run` prints it, or the name of somebody imported.

    Example: peerrec trust ann 0.8
    """
    who = peer_named(peer)
    with opened(store, make=True) as here:
        here.me.trust(who, weight)
    document = {"peer": json_peer(who), "weight": weight}
    answer(document, as_json, [f"trust in {peer_label(who)}: {weight:g}"])


@click.command()
@click.argument("peer")
@click.option("--undo", is_flag=True, help="Take the block back.")
@store_options
def block(peer: str, undo: bool, store: Path | None, as_json: bool) -> None:
    """Give a peer no say, nor those whom only it leads to.

    Example: peerrec block eve
    """
    who = peer_named(peer)
    with opened(store, make=not undo) as here:
        if not undo:
            here.me.block(who)
        elif not here.me.unblock(who):
            raise NotFoundError(f"peer {peer!r} is not blocked; see `peerrec stats`")
    document = {"peer": json_peer(who), "blocked": not undo}
    answer(document, as_json, [f"{'unblocked' if undo else 'blocked'} {peer_label(who)}"])


@click.command()
@click.argument("item", required=False)
@click.option("--peer", help="Recommend nothing because of this peer, instead of an item.")
@click.option("--undo", is_flag=True, help="Take the mute back.")
@store_options
def mute(item: str | None, peer: str | None, undo: bool, store: Path | None, as_json: bool) -> None:
    """Never recommend an item, or nothing because of a peer.

    Example: peerrec mute track:earworm
    """
    if (item is None) == (peer is None):
        raise click.UsageError("Give an ITEM or --peer PEER.")
    who = None if peer is None else peer_named(peer)
    with opened(store, make=not undo) as here:
        if not undo:
            here.me.mute(item, peer=who)
        elif not here.me.unmute(item, peer=who):
            raise NotFoundError(f"{item or peer!r} is not muted; see `peerrec stats`")
    document = {"item": item, "peer": json_peer(who), "muted": not undo}
    subject = label(item or "") if who is None else peer_label(who)
    answer(document, as_json, [f"{'unmuted' if undo else 'muted'} {subject}"])
