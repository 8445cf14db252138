"""``peerrec run``: take part in the network until told to end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from peerrec.errors import ConfigError
from peerrec_node.commands.common import Opened, answer, opened, store_options

if TYPE_CHECKING:
    from peerrec_node.daemon import Daemon, DaemonOptions
    from peerrec_node.settings.layers import Loaded, Origin

__all__ = ["config_option", "passphrase_option", "run"]

LEVELS: Final = ("info", "debug")
"""Of the log, for one -v and for more."""

PORTS_TRIED: Final = 50
"""Ports after the usual one that a first run looks at."""

log = logging.getLogger("peerrec.run")

passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    envvar="PEERREC_PASSPHRASE_FILE",
    help="File whose first line opens the key beside the store; the key is made with it.",
)

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="PEERREC_CONFIG",
    help="The file of settings; PEERREC_CONFIG names it too.  [default: peerrec.toml in "
    "$XDG_CONFIG_HOME or ~/.config, peerrec; for a store with a name of its own STORE.toml]",
)


@click.command()
@click.option(
    "--listen", metavar="HOST:PORT", help="Where peers connect.  [default: 127.0.0.1:7700]"
)
@click.option("--public", metavar="HOST:PORT/PATH", help="Where others reach it, if elsewhere.")
@click.option(
    "--peer", "peers", multiple=True, metavar="INVITE", help="An invite, or HOST:PORT; repeat it."
)
@click.option("--network", help="Name of the network.  [default: that of the invites, or main]")
@click.option("--proxy", "proxies", multiple=True, metavar="IP", help="Reverse proxy to believe.")
@click.option(
    "--lan",
    is_flag=True,
    default=None,
    help="Find peers in the local network, and be found there.",
)
@click.option(
    "--profile",
    type=click.Choice(["desktop", "server", "battery"]),
    help="Defaults for a kind of machine.",
)
@click.option("--battery", is_flag=True, help="Short for --profile battery.")
@click.option(
    "--no-factors", is_flag=True, help="Exchange no tables of taste averaged over many people."
)
@click.option("--delay", type=float, help="Seconds to gather what is public before it leaves.")
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
@click.option(
    "--qr/--no-qr", default=None, help="Print the invite as a QR code.  [default: in a terminal]"
)
@config_option
@passphrase_option
@store_options
def run(
    config: Path | None, store: Path | None, as_json: bool, qr: bool | None, **given: Any
) -> None:
    """Take part in the network, until Ctrl-C.

    The first run makes an identity, a store and a file of settings, which every option here
    overrules; `peerrec config show` says what counts.

    Other commands on the same store work meanwhile. Only what was recorded with --public,
    and trust in peers that have an id, ever leaves this device by name. Who publishes nothing
    is counted in averages over 50 trusted peers or more; --no-factors keeps out of these too.

    Examples:
        peerrec run
        peerrec run --listen 0.0.0.0:7700 --profile server
    """
    # Imported here: `peerrec invite` shares an option with this, and needs no daemon.
    from peerrec_node.settings.layers import Origin
    from peerrec_node.settings.paths import settings_file

    with uncollected() as begun:
        origin = Origin(settings_file(config, store), dict(os.environ), flags_of(given))
        loaded = origin.read()
        check_lan(loaded)
        passphrase = passphrase_of(loaded)
        # In this order: within a daemon that runs already, its log is nothing to us.
        with opened(store, make=True, alone=True) as here, logged(loaded):
            made = first_run(origin, loaded)
            options = daemon_options(here, origin)
            show = sys.stdout.isatty() and not as_json if qr is None else qr

            def ready(daemon: Daemon) -> None:
                document = {**facts(daemon), "first_run": made}
                answer(document, as_json, lines(document, qr=show))
                begun()

            asyncio.run(serve(here, options, passphrase, ready))


@contextmanager
def uncollected() -> Iterator[Callable[[], None]]:
    """Look for no garbage within the block until what is yielded is called.

    A beginning makes next to none, and looking for it took an eighth of its CPU time. What
    is there at its end stays, and is never looked through again: later searches are shorter.
    """
    is_on = gc.isenabled()  # a daemon that this is called in may have it otherwise

    def begun() -> None:
        gc.freeze()
        gc.enable()

    gc.disable()
    try:
        yield begun
    finally:
        if is_on:
            gc.enable()


# -- from settings to a daemon ----------------------------------------------------------------


def flags_of(given: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """Return what the options set, by the path of the key: the option's name, the value."""
    invites, addresses = split_peers(given["peers"])
    file = given["passphrase_file"]
    wanted = {
        "node.listen": ("--listen", given["listen"]),
        "node.public": ("--public", given["public"]),
        "node.invites": ("--peer", invites or None),
        "node.bootstrap": ("--peer", addresses or None),
        "node.network": ("--network", given["network"]),
        "node.proxies": ("--proxy", given["proxies"] or None),
        "node.lan": ("--lan", given["lan"]),
        "node.profile": ("--profile", given["profile"]),
        "node.batch_delay_s": ("--delay", given["delay"]),
        "node.passphrase_file": ("--passphrase-file", None if file is None else str(file)),
        "factors.exchange": ("--no-factors", False if given["no_factors"] else None),
        "http.listen": ("--http", given["http"]),
        "http.names": ("--http-name", given["http_names"] or None),
    }
    if given["battery"]:
        wanted["node.profile"] = ("--battery", "battery")
    if given["verbose"]:
        level = LEVELS[min(given["verbose"], len(LEVELS)) - 1]
        wanted["log.level"] = ("--verbose", level)
    return {path: flag for path, flag in wanted.items() if flag[1] is not None}


def split_peers(texts: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the invites and the plain addresses among what a person gave."""
    invites = tuple(text for text in texts if text.strip().lower().startswith("peerrec:"))
    return invites, tuple(text for text in texts if text not in invites)


def check_lan(loaded: Loaded) -> None:
    """Refuse to look around without the package for it.

    Raises:
        ConfigError: it is not installed.
    """
    from importlib.util import find_spec

    if loaded.settings.node.lan and find_spec("zeroconf") is None:
        raise ConfigError("lan", True, "it needs zeroconf: pip install 'peerrec[lan]'")


@contextmanager
def logged(loaded: Loaded) -> Iterator[None]:
    """Log as the settings say within the block."""
    from peerrec_node import logs

    logs.begin(loaded.settings.log)
    try:
        yield
    finally:
        logs.end()


def passphrase_of(loaded: Loaded) -> bytes | None:
    """Return what opens the key; None where nothing is needed."""
    from peerrec_node.identity import read_passphrase

    named = loaded.settings.node.passphrase_file
    return read_passphrase(None if named is None else Path(named).expanduser())


def first_run(origin: Origin, loaded: Loaded) -> bool:
    """Make the file of settings where there is none, with a free port; return whether it was."""
    from peerrec_node.settings.layers import Layer
    from peerrec_node.settings.template import make_file

    file = origin.file
    if file is None or os.path.lexists(file):
        return False
    listen = loaded.settings.node.listen
    free = listen
    if loaded.sources["node.listen"].layer is Layer.DEFAULT:
        free = free_address(listen)
    # Invites name the port: where another one is taken once, it has to stay.
    values = {} if free == listen else {"node.listen": free}
    try:
        return make_file(file, values)
    except ConfigError as error:  # such as a folder that may only be read: defaults will do
        log.warning("%s; the defaults hold", error)
        return False


def free_address(text: str) -> str:
    """Return an address with the first port from its own on that is free."""
    from dataclasses import replace

    from peerrec_node.identity import parse_listen
    from peerrec_node.listener import listening

    address = parse_listen(text)
    for port in range(address.port, address.port + PORTS_TRIED):
        at = replace(address, port=port)
        try:
            listening(at).close()
        except ConfigError:
            continue
        return at.text()
    return text


def daemon_options(here: Opened, origin: Origin) -> DaemonOptions:
    """Return how the daemon of a store runs."""
    from peerrec_node import logs
    from peerrec_node.daemon import DaemonOptions
    from peerrec_node.identity import Remembered
    from peerrec_node.settings import wiring
    from peerrec_node.settings.dashboard import kept

    loaded = origin.read(kept(here.store))
    settings = loaded.settings
    invites, bootstrap = wiring.meets(settings)
    return DaemonOptions(
        network=Remembered(here.store).choose_network(settings.node.network, invites),
        listen=wiring.listen_at(settings),
        public=wiring.public_at(settings),
        invites=invites,
        bootstrap=bootstrap,
        proxies=frozenset(settings.node.proxies),
        lan=settings.node.lan,
        http=wiring.http_options(loaded),
        origin=origin,
        reloaded=lambda changed: logs.begin(changed.log),
    )


async def serve(
    here: Opened,
    options: DaemonOptions,
    passphrase: bytes | None,
    ready: Callable[[Daemon], None],
) -> None:
    """Run a daemon until it is told to end."""
    from peerrec_node.daemon import Daemon
    from peerrec_node.identity import load_signer

    await Daemon(here, load_signer(here.path, passphrase), options).run(ready)


# -- what is said of it -----------------------------------------------------------------------


def facts(daemon: Daemon) -> dict[str, Any]:
    """Return what one should know of a daemon that runs."""
    from peerrec.ids import peer_text

    return {
        "peer": peer_text(daemon.node.peer),
        "network": daemon.network,
        "listens": daemon.listens.text(),
        "invite": None if daemon.invite is None else daemon.invite.text(),
        "dashboard": None if daemon.http is None else daemon.http.dashboard_url(),
        "settings": daemon.live.file,
    }


def lines(document: dict[str, Any], *, qr: bool) -> Iterator[str]:
    """Yield them in words, and the invite as a QR code where that is wanted."""
    absent = {
        "invite": "nobody can reach it; see --public",
        "dashboard": "off; see --http",
        "settings": "none",
    }
    new = " (new)" if document.pop("first_run") else ""
    for key, value in document.items():
        more = new if key == "settings" else ""
        yield f"{key:<9} {value or f'– ({absent[key]})'}{more}"
    if qr and document["invite"]:
        from peerrec_node.qr_code import qr_lines

        yield ""
        yield from qr_lines(document["invite"], coloured=sys.stdout.isatty())
