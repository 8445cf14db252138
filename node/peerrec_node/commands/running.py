"""``peerrec run``: take part in the network until told to end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from peerrec.errors import ConfigError
from peerrec.ids import peer_text
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.invite import Address, Invite, parse_address, parse_invite
from peerrec.protocol.messages import Profile
from peerrec_node.api.options import parse_http
from peerrec_node.api.saved_settings import as_saved
from peerrec_node.commands.common import Opened, answer, opened, store_options
from peerrec_node.daemon import Daemon, DaemonOptions
from peerrec_node.identity import Remembered, load_signer, parse_listen, read_passphrase

__all__ = ["passphrase_option", "run"]

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)

passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    envvar="PEERREC_PASSPHRASE_FILE",
    help="File whose first line opens the key beside the store; the key is made with it.",
)


@click.command()
@click.option("--listen", default="127.0.0.1:7700", show_default=True, metavar="HOST:PORT")
@click.option("--public", metavar="HOST:PORT/PATH", help="Where others reach it, if elsewhere.")
@click.option(
    "--peer", "peers", multiple=True, metavar="INVITE", help="An invite, or HOST:PORT; repeat it."
)
@click.option("--network", help="Name of the network.  [default: that of the invites, or main]")
@click.option("--proxy", "proxies", multiple=True, metavar="IP", help="Reverse proxy to believe.")
@click.option("--lan", is_flag=True, help="Find peers in the local network, and be found there.")
@click.option("--battery", is_flag=True, help="Save power: fetch now and then, push nothing.")
@click.option(
    "--no-factors", is_flag=True, help="Exchange no tables of taste averaged over many people."
)
@click.option(
    "--delay",
    type=float,
    help="Seconds to gather what is public before it leaves.  "
    f"[default: {NodeSettings().batch_delay_s:g}, or as set in the dashboard]",
)
@click.option(
    "--http",
    metavar="HOST:PORT",
    help="Where the dashboard and the API are; off for nowhere.  "
    "[default: 127.0.0.1:7780, or the next free port]",
)
@click.option(
    "--http-name", "http_names", multiple=True, metavar="HOST", help="Name of it; repeat it."
)
@click.option("-v", "--verbose", count=True, help="Say more in the log on stderr; repeat it.")
@passphrase_option
@store_options
def run(
    listen: str,
    public: str | None,
    peers: tuple[str, ...],
    network: str | None,
    proxies: tuple[str, ...],
    lan: bool,
    battery: bool,
    no_factors: bool,
    delay: float | None,
    http: str | None,
    http_names: tuple[str, ...],
    verbose: int,
    passphrase_file: Path | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Take part in the network, until Ctrl-C.

    Other commands on the same store work meanwhile. Only what was recorded with --public,
    and trust in peers that have an id, ever leaves this device by name. Who publishes nothing
    is counted in averages over 50 trusted peers or more; --no-factors keeps out of these too.

    Example: peerrec run --listen 127.0.0.1:7700
    """
    level = LEVELS[min(verbose, len(LEVELS) - 1)]
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    invites, bootstrap = split_peers(peers)
    listens, known_as = parse_listen(listen), None if public is None else parse_address(public)
    if lan and find_spec("zeroconf") is None:
        raise ConfigError("lan", True, "it needs zeroconf: pip install 'peerrec[lan]'")
    given: dict[str, Any] = {} if delay is None else {"batch_delay_s": delay}
    if battery:
        given["profile"] = Profile.BATTERY
    if no_factors:
        given["factors"] = False
    settings, serves = NodeSettings(**given), parse_http(http, http_names)
    passphrase = read_passphrase(passphrase_file)
    with opened(store, make=True, alone=True) as here:
        options = DaemonOptions(
            network=Remembered(here.store).choose_network(network, invites),
            listen=listens,
            public=known_as,
            invites=invites,
            bootstrap=bootstrap,
            proxies=frozenset(proxies),
            lan=lan,
            settings=as_saved(here.store, settings, frozenset(given)),
            http=serves,
        )
        asyncio.run(serve(here, options, passphrase, as_json=as_json))


async def serve(
    here: Opened, options: DaemonOptions, passphrase: bytes | None, *, as_json: bool
) -> None:
    """Run a daemon and say where it is."""
    daemon = Daemon(here, load_signer(here.path, passphrase), options)

    def ready(daemon: Daemon) -> None:
        document = facts(daemon)
        answer(document, as_json, lines(document))

    await daemon.run(ready)


def split_peers(texts: tuple[str, ...]) -> tuple[tuple[Invite, ...], tuple[Address, ...]]:
    """Return the invites and the plain addresses among what a person gave."""
    invites = [text for text in texts if text.strip().lower().startswith("peerrec:")]
    addresses = [text for text in texts if text not in invites]
    return tuple(map(parse_invite, invites)), tuple(map(parse_address, addresses))


def facts(daemon: Daemon) -> dict[str, Any]:
    """Return what one should know of a daemon that runs."""
    return {
        "peer": peer_text(daemon.node.peer),
        "network": daemon.network,
        "listens": daemon.listens.text(),
        "invite": None if daemon.invite is None else daemon.invite.text(),
        "dashboard": None if daemon.http is None else daemon.http.dashboard_url(),
    }


def lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield them in words."""
    absent = {"invite": "nobody can reach it; see --public", "dashboard": "off; see --http"}
    for key, value in document.items():
        yield f"{key:<9} {value or f'– ({absent[key]})'}"
