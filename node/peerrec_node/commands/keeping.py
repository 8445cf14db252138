"""``peerrec stats``, ``forget`` and ``export``: see, remove and take along what is kept."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from peerrec.errors import UnknownItem, UnknownPeer
from peerrec_node.commands.common import (
    Opened,
    answer,
    label,
    moment,
    opened,
    peer_label,
    peer_named,
    say_notes,
    store_options,
    table,
)
from peerrec_node.progress import shown, stage

if TYPE_CHECKING:
    from peerrec.store import RawId

__all__ = ["export", "forget", "stats"]


@click.command()
@store_options
def stats(store: Path | None, as_json: bool) -> None:
    """Show how much is known, how it is ranked, and what was tuned.

    Example: peerrec stats --json
    """
    with opened(store, make=False) as here:
        fields = {"store": str(here.path), **msgspec.to_builtins(here.me.stats())}
        answer({**fields, "notes": here.notes}, as_json, table(fields))
        if not as_json:
            say_notes(here.notes)


@click.command()
@click.argument("item", required=False)
@click.option("--peer", help="All that is known of and from a peer; a block of it stays.")
@click.option("--before", help="All interactions before a date, a time or unix seconds.")
@click.option("--everything", is_flag=True, help="All of it, with what was tuned.")
@click.option("--yes", is_flag=True, help="Do not ask before --everything.")
@store_options
def forget(
    item: str | None,
    peer: str | None,
    before: str | None,
    everything: bool,
    yes: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    """Remove for good an item, a peer, what is old, or everything.

    Example: peerrec forget --before 2024-01-01
    """
    given = [item is not None, peer is not None, before is not None, everything]
    if sum(given) != 1:
        raise click.UsageError("Give one of ITEM, --peer, --before and --everything.")
    time = None if before is None else moment(before, "before")
    if everything and not yes:
        agreed()
    who = None if peer is None else peer_named(peer)
    with opened(store, make=False) as here:
        refuse_unknown(here, item, who)
        gone = here.me.forget(item, peer=who, before=time, everything=everything)
    rest = "everything" if time is None else f"before {date(time)}"
    subject = label(item or rest) if who is None else peer_label(who)
    document = {"interactions": gone, "notes": here.notes}
    answer(document, as_json, [f"forgot {subject}: {gone:,} interactions"])
    if not as_json:
        say_notes(here.notes)


def agreed() -> None:
    """Ask before everything goes; UsageError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise click.UsageError("Forgetting everything cannot be undone: add --yes.")
    if not click.confirm("Forget everything? It cannot be undone.", err=True):
        raise click.ClickException("nothing was forgotten")


def refuse_unknown(here: Opened, item: str | None, peer: RawId | None) -> None:
    """Raise NotFoundError where there is nothing to forget: most likely a mistyped id."""
    if item is not None and item not in here.store.items().ids:
        raise UnknownItem(f"nothing is known of item {item!r:.80} in {here.path}")
    if peer is not None and peer not in here.store.peers().ids:
        raise UnknownPeer(f"nothing is known of peer {peer_label(peer)!r:.80} in {here.path}")


def date(time: float) -> str:
    """Return a time as a person reads it; the number where it is out of the calendar."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return f"{time:g}"


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@store_options
def export(file: Path, store: Path | None, as_json: bool) -> None:
    """Write everything but settings to a new file of JSON lines.

    `peerrec import FILE` reads it back.

    Example: peerrec export me.jsonl
    """
    with opened(store, make=False, alone=True) as here, shown(sys.stderr) as progress:
        n_lines = here.me.export(file, progress=stage(progress, "exporting"))
    document = {"file": str(file), "statements": n_lines - 1, "notes": here.notes}
    answer(document, as_json, [f"wrote {n_lines - 1:,} statements to {file}"])
    if not as_json:
        say_notes(here.notes)
