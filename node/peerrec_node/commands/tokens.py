"""``peerrec token``: let apps in, and see and end what they may do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from peerrec.errors import StoreError
from peerrec_node.api.auth import Scope, TokenRow, Tokens
from peerrec_node.commands.common import answer, opened, say_notes, store_options
from peerrec_node.commands.keeping import date

__all__ = ["token"]

SCOPES = [scope.value for scope in Scope]


@click.group()
def token() -> None:
    """Make and revoke tokens with which apps use the HTTP API.

    Example: peerrec token create player --scope record
    """


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(SCOPES),
    default=Scope.READ.value,
    show_default=True,
    help="What it may do; each includes those before it.",
)
@store_options
def create(name: str, scope: str, store: Path | None, as_json: bool) -> None:
    """Make a token and print it, which is never done again.

    Example: peerrec token create player --scope record
    """
    with opened(store, make=True) as here:
        secret, row = Tokens(here.store).create(name, Scope(scope), time.time())
    answer({**fields(row), "token": secret}, as_json, [secret])


@token.command("list")
@store_options
def list_(store: Path | None, as_json: bool) -> None:
    """List tokens: what they are for and may do, not the tokens themselves.

    Example: peerrec token list
    """
    with opened(store, make=False) as here:
        rows, notes = Tokens(here.store).rows(), here.notes
    answer({"tokens": [fields(row) for row in rows], "notes": notes}, as_json, lines(rows))
    if not as_json:
        say_notes(notes)


@token.command()
@click.argument("id")
@store_options
def revoke(id: str, store: Path | None, as_json: bool) -> None:
    """Take a token back; who has it is let in no more.

    Example: peerrec token revoke 1a2b3c4d
    """
    with opened(store, make=False) as here:
        row = Tokens(here.store).revoke(id)
    answer({**fields(row), "revoked": True}, as_json, [f"revoked {row.id}  {row.name}"])


@token.command()
@store_options
def dashboard(store: Path | None, as_json: bool) -> None:
    """Print another address of the running daemon's dashboard, good for one browser.

    Example: peerrec token dashboard
    """
    with opened(store, make=False) as here:
        daemon = here.daemon
        if daemon is None or daemon.http is None:
            raise StoreError(f"{here.path}: no daemon with a dashboard runs; try `peerrec run`")
        url = daemon.http.dashboard_url()
    answer({"dashboard": url}, as_json, [url])


def fields(row: TokenRow) -> dict[str, Any]:
    """Return a token as JSON has it."""
    return {"id": row.id, "name": row.name, "scope": row.scope.value, "created_at": row.created_at}


def lines(rows: list[TokenRow]) -> Iterator[str]:
    """Yield a line for each token."""
    for row in rows:
        yield f"{row.id}  {row.scope.value:<6}  {date(row.created_at)}  {row.name}"
