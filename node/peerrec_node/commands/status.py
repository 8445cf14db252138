"""``peerrec status``: how the daemon stands, or the store where none runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peerrec import __version__
from peerrec_node.commands.common import answer, opened, say_notes, store_options, table
from peerrec_node.exit_codes import EXIT_OTHER

if TYPE_CHECKING:
    from peerrec_node.commands.common import Opened
    from peerrec_node.daemon import Daemon

__all__ = ["status"]


@click.command()
@click.option("--running", "must_run", is_flag=True, help="Fail where no daemon runs: code 1.")
@click.option(
    "--log",
    "log_lines",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Also the last N lines of the daemon's log.",
)
@store_options
def status(must_run: bool, log_lines: int, store: Path | None, as_json: bool) -> None:
    """Show how the running daemon stands, or the store where none runs.

    Exit code 3 where the store cannot be opened, or its daemon does not answer.

    Examples:
        peerrec status
        peerrec status --running --json
        peerrec status --log 20
    """  # fmt: skip
    with opened(store, make=False) as here:
        document = found(here, log_lines)
    answer(document, as_json, lines(document))
    if not as_json:
        say_notes(document["notes"])
    if must_run and not document["running"]:
        raise click.exceptions.Exit(EXIT_OTHER)


def found(here: Opened, log_lines: int = 0) -> dict[str, Any]:
    """Return how a store and its daemon stand."""
    # Imported here: where a daemon executes this, it is done there, and sooner.
    from peerrec_node.identity import Remembered

    size, before = here.store.size(), Remembered(here.store)
    document: dict[str, Any] = {
        "running": here.daemon is not None,
        "version": __version__,
        "store": str(here.path),
        "network": before.network,
        "address": None if before.address is None else before.address.text(),
    }
    if here.daemon is not None:
        document |= of_daemon(here.daemon)
    document |= {
        "segments": size.segments,
        "interactions": size.interactions,
        "items": size.items,
        "store_bytes": size.size_bytes,
    }
    if here.daemon is not None and log_lines:
        document["log"] = here.daemon.recent.lines(log_lines)
    idle = [] if here.daemon else ["No daemon runs on this store; `peerrec run` starts one."]
    document["notes"] = [*here.notes, *idle]
    return document


def of_daemon(daemon: Daemon) -> dict[str, Any]:
    """Return how a daemon stands."""
    node = daemon.status()
    synced = [link.last_sync for link in node.links if link.last_sync is not None]
    http = daemon.http
    return {
        "peer": node.peer,
        "uptime_s": round(daemon.uptime_s, 1),
        "listening": daemon.listens.text(),
        "dashboard": None if http is None else f"http://{http.address.text()}",
        "links": len(node.links),
        "links_dialled": sum(link.dialled for link in node.links),
        "links_in_step": sum(each.converged for each in synced),
        "known_addresses": node.known_addresses,
        "followed": node.followed,
        "strangers": node.strangers,
        "logs": node.logs,
        "forks": node.forks,
    }


def lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield the document in words."""
    yield from table({key: said for key, said in document.items() if key not in ("notes", "log")})
    yield from document.get("log", ())
