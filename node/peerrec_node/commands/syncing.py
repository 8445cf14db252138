"""``peerrec sync``: meet one peer, agree with it, and end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from peerrec.errors import ConfigError
from peerrec.facade.bootstrap_list import remember_bootstrap
from peerrec.ids import parse_peer
from peerrec.protocol.invite import Address, Invite, parse_address, parse_invite
from peerrec.protocol.segment import Kind
from peerrec_node.commands.common import Opened, answer, opened, store_options
from peerrec_node.commands.logs import decoded, held, said_in
from peerrec_node.commands.running import passphrase_option
from peerrec_node.identity import Remembered, load_signer, read_passphrase
from peerrec_node.one_sync import Target, synced

__all__ = ["sync"]

EXIT_BEHIND = 1
"""The peer was met, but something is outstanding still."""


@click.command()
@click.argument("peer")
@click.option("--network", help="Name of the network.  [default: that of the store or the invite]")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds after which to give up.")
@passphrase_option
@store_options
def sync(
    peer: str,
    network: str | None,
    timeout: float,
    passphrase_file: Path | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Meet one peer, agree with it on what both want, and end.

    PEER is an invite, an address, or the id of a peer whose address is known. A running
    daemon does this by itself.

    Example: peerrec sync 127.0.0.1:7700
    """
    passphrase = read_passphrase(passphrase_file)
    invite = parse_invite(peer) if peer.strip().lower().startswith("peerrec:") else None
    with opened(store, make=True, alone=True) as here:
        name = Remembered(here.store).choose_network(network, () if invite is None else (invite,))
        target = target_of(here, peer, invite)
        if invite is not None:
            remember_bootstrap(here.store, invite.peer)
        signer = load_signer(here.path, passphrase)
        found = asyncio.run(synced(here.store, signer, name, target, seconds=timeout))
    document = msgspec.to_builtins(found)
    answer(document, as_json, lines(document))
    if not found.converged:
        raise click.exceptions.Exit(EXIT_BEHIND)


def target_of(here: Opened, text: str, invite: Invite | None) -> Target:
    """Return whom a person means.

    Raises:
        ConfigError: an id whose address is not known.
        DataError: it is neither an invite, an id nor an address.
    """
    if invite is not None:
        return Target(invite.address, invite.peer)
    if ":" in text:
        return Target(parse_address(text))
    peer = parse_peer(text)
    address = stated_address(here, peer)
    if address is None:
        raise ConfigError("peer", text, "its address is not known here; give an invite")
    return Target(address, peer)


def stated_address(here: Opened, peer: bytes) -> Address | None:
    """Return where a peer said last that it listens."""
    rows = [row for row in held(here) if row.author == peer and row.kind == Kind.ADDRESS]
    if not rows:
        return None
    newest = max(rows, key=lambda row: (row.minute, row.seq))
    said = said_in(decoded(here, newest))
    return Address(said[-1].host, said[-1].port, said[-1].path) if said else None


def lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield the outcome in words."""
    state = "in step" if document["converged"] else f"{document['outstanding']:,} outstanding"
    yield f"{state} with {document['peer']}"
    yield (
        f"  {document['segments_in']:,} segments in, {document['segments_out']:,} out; "
        f"{document['bytes_in']:,} bytes in, {document['bytes_out']:,} out"
    )
    yield (
        f"  {document['rounds']} round trips in {document['sessions']} sessions, "
        f"{document['seconds']:.2f} s"
    )
