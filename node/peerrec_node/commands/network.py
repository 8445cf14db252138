"""``peerrec peers`` and ``invite``: who one is linked to, and how others join."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from peerrec.errors import ConfigError
from peerrec.ids import parse_peer, peer_text
from peerrec_node.commands.common import ME, Opened, answer, opened, say_notes, store_options
from peerrec_node.commands.running import passphrase_option

__all__ = ["invite", "peers"]

SHORT = 12
"""Letters of an id in a table: enough to tell peers apart, not to trust one."""


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also whom you trust or block.")
@store_options
def peers(everything: bool, store: Path | None, as_json: bool) -> None:
    """Show who is linked to the running daemon, and how it stands.

    Example: peerrec peers
    """
    with opened(store, make=False) as here:
        document = links_of(here)
        document["known"] = known_peers(here) if everything else []
        document["notes"] = notes_on(here)
    answer(document, as_json, lines(document))
    if not as_json:
        say_notes(document["notes"])


def links_of(here: Opened) -> dict[str, Any]:
    """Return the status of the node that runs; without one, no links."""
    if here.daemon is None:
        return {"running": False, "links": []}
    return {"running": True, **msgspec.to_builtins(here.daemon.status())}


def known_peers(here: Opened) -> list[dict[str, Any]]:
    """Return the peers with a key that the store's person trusts or has blocked."""
    from peerrec.store import Mark

    known: dict[bytes, dict[str, Any]] = {}
    for _, peer, weight, _ in here.store.trust_of(ME):
        if isinstance(peer, bytes):
            known[peer] = {"trust": weight, "blocked": False}
    for marked in here.store.marks():
        if marked.mark is Mark.BLOCK and isinstance(marked.subject, bytes):
            known.setdefault(marked.subject, {"trust": 0.0})["blocked"] = True
    return [{"peer": peer_text(peer), **what} for peer, what in sorted(known.items())]


def notes_on(here: Opened) -> list[str]:
    """Return what the reader should know."""
    return [*here.notes] if here.daemon else [*here.notes, "No daemon runs on this store."]


def lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each link, and for each known peer."""
    for link in document["links"]:
        way = "out" if link["dialled"] else "in"
        last = link["last_sync"]
        state = "–" if last is None else "in step" if last["converged"] else "behind"
        traffic = f"{link['bytes_in']:,} B in, {link['bytes_out']:,} B out"
        latency = link["latency_s"]
        speed = "–" if latency is None else f"{latency * 1_000:,.0f} ms"
        stand = f"{traffic}  {speed}  score {link['score']:.2f}"
        yield f"{link['peer'][:SHORT]}  {way:<3}  {link['address']:<24}  {state:<8}  {stand}"
    if found := document.get("factors"):
        exchanged = f"{found['exchanges']:,} tables exchanged, epoch {found['epoch']}"
        yield f"factors  {exchanged}, {found['rows']:,} rows, serving version {found['version']}"
    for known in document["known"]:
        what = "blocked" if known["blocked"] else f"trust {known['trust']:g}"
        yield f"{known['peer']}  {what}"


@click.command()
@click.option("--address", metavar="HOST:PORT/PATH", help="Where others reach you.")
@click.option("--qr", is_flag=True, help="Print it as a QR code, too.")
@passphrase_option
@store_options
def invite(
    address: str | None, qr: bool, passphrase_file: Path | None, store: Path | None, as_json: bool
) -> None:
    """Print the link with which somebody becomes your peer.

    Examples:
        peerrec invite
        peerrec invite --qr
    """
    # Imported here: where a daemon executes this, it is done there, and sooner.
    from peerrec.protocol.invite import Invite, parse_address
    from peerrec_node.identity import Remembered
    from peerrec_node.qr_code import qr_lines

    where = None if address is None else parse_address(address)
    with opened(store, make=True) as here:
        before = Remembered(here.store)
        if where is None:
            where = before.address
        else:
            before.keep_address(where)
        if where is None:
            raise ConfigError(
                "address", None, "say where others reach you, or begin with `peerrec run`"
            )
        link = Invite(own_id(here, passphrase_file), where, before.choose_network(None))
    document = {"invite": link.text(), "peer": peer_text(link.peer), "network": link.network}
    code = qr_lines(link.text()) if qr else ()
    answer(document, as_json, [link.text(), *code])


def own_id(here: Opened, passphrase_file: Path | None) -> bytes:
    """Return the id of the store's person."""
    if here.daemon is not None:
        return here.daemon.node.peer
    from peerrec_node.identity import load_signer, read_passphrase

    return load_signer(here.path, read_passphrase(passphrase_file)).peer


def author_named(here: Opened, text: str) -> bytes:
    """Return the key of an author as a person writes it; ``me`` is oneself.

    Raises:
        DataError: it is no id.
    """
    if text == ME:
        return own_id(here, None)
    return parse_peer(text)
