r"""Share what all commands on a store need: its options, opening it, printing answers.

Example:
    >>> label("track:x"), label(b"\x01\xff"), label("bell\a")
    ('track:x', '01ff', 'bell�')
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeGuard, TypeVar

import click
import msgspec

from peerrec.errors import ConfigError, DataError, StoreError, StoreLocked
from peerrec.ids import PEER_BYTES, parse_peer, peer_text
from peerrec_node.invocation import invocation
from peerrec_node.settings.paths import data_folder

if TYPE_CHECKING:
    from peerrec.recommender import Recommender
    from peerrec.store import RawId, Store
    from peerrec_node.daemon import Daemon

__all__ = [
    "ME",
    "Opened",
    "answer",
    "default_store",
    "json_id",
    "json_peer",
    "label",
    "moment",
    "opened",
    "peer_label",
    "peer_named",
    "say_notes",
    "store_options",
    "table",
]

ME: Final = "me"
"""Raw id of the store's person, as `Recommender` has it by default."""

ALONE: Final = (
    "`peerrec run` has it open, and this command needs it alone; stop the daemon (Ctrl-C where "
    "it runs), then try again"
)

Command = TypeVar("Command", bound=Callable[..., Any])


def default_store() -> Path:
    """Return where the store of whoever is logged in stands: below their data folder."""
    return data_folder() / "me.db"


def store_options(command: Command) -> Command:
    """Add ``--store`` and ``--json`` to a command, as ``store`` and ``as_json``."""
    store = click.option(
        "--store",
        type=click.Path(path_type=Path),
        envvar="PEERREC_STORE",
        help="The store's file; PEERREC_STORE names it too.  "
        "[default: $XDG_DATA_HOME or ~/.local/share, peerrec/me.db]",
    )
    json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    return store(json(command))


@dataclass(frozen=True, slots=True)
class Opened:
    """An open store and its recommender.

    Attributes:
        me: the recommender.
        store: what it keeps; not to be used from another thread.
        path: the store's file.
        notes: what its reader should know beforehand.
        daemon: which runs on it in this process; None where none does.
    """

    me: Recommender
    store: Store
    path: Path
    notes: tuple[str, ...]
    daemon: Daemon | None = None

    def with_daemon(self, daemon: Daemon) -> Opened:
        """Return the same store as commands see it that a daemon executes."""
        return replace(self, daemon=daemon)

    def title(self, item: RawId) -> str:
        """Return what an item is called here, its id where nobody who counts says."""
        said = {each.author: each.title for each in self.store.descriptions(item) if each.title}
        if ME in said:
            return label(said[ME])
        # What strangers call an item is theirs to invent: only direct friends are believed.
        believed = self._friends() if said else set()
        return label(next((said[author] for author in said if author in believed), item))

    def name(self, item: RawId) -> str:
        """Return an item's title with its id, or the id alone where there is no title."""
        title = self.title(item)
        return title if title == label(item) else f"{title}  [{label(item)}]"

    def _friends(self) -> set[RawId]:
        return {edge.target for edge in self.store.trust_of(ME) if edge.weight > 0}


@contextmanager
def opened(path: Path | None, *, make: bool, alone: bool = False) -> Iterator[Opened]:
    """Yield the store at a path, closed afterwards.

    Where a daemon holds it, the whole command is executed there and ends here.

    Args:
        path: the store's file; None for the default one.
        make: whether to make one where there is none; otherwise an empty one in memory
            takes its place, so that asking leaves nothing behind.
        alone: whether the command is too long, or of the wrong kind, for a daemon that has
            peers to answer meanwhile.

    Raises:
        StoreError: it cannot be opened; see `SqliteStore`.
    """
    called = invocation()
    if called.here is not None:
        if alone:
            raise StoreLocked(f"{called.here.path}: {ALONE}")
        yield called.here
        return
    where = default_store() if path is None else path
    if not alone:
        executed_by_daemon(where, called.argv)
    # Imported here: a command that a daemon executes needs none of it, and is done sooner.
    from peerrec.facade.options import Options
    from peerrec.recommender import Recommender
    from peerrec.store.memory import MemoryStore
    from peerrec.store.sqlite import SqliteStore
    from peerrec_node.identity import Remembered

    store: Store
    notes: tuple[str, ...] = ()
    if make or os.path.lexists(where):
        if path is None:
            make_folder(where.parent)
        try:
            store = SqliteStore(where)
        except StoreLocked as locked:
            if alone:
                refuse_beside_daemon(where, locked)
            executed_by_daemon(where, called.argv)  # it began just now
            raise
    else:
        store = MemoryStore()
        notes = (f"There is no store at {where} yet; `peerrec record` or `import` makes one.",)
    # A search for better parameters would be cut off with the command that began it.
    options = Options(tune=False, size_bytes_max=Remembered(store).size_bytes_max)
    with Recommender(store, me=ME, options=options) as me:
        yield Opened(me, store, where, notes)


def executed_by_daemon(store: Path, argv: tuple[str, ...]) -> None:
    """Have a command executed by the daemon that holds the store, and end as it did.

    Returns where no daemon answers.

    Raises:
        StoreError: it broke off.
        click.exceptions.Exit: with the exit code.
    """
    if not argv or not store.with_name(store.name + ".sock").exists():
        return
    # Imported here: only whoever finds a daemon needs sockets.
    from peerrec_node.control import ask_daemon

    answer = ask_daemon(store, argv)
    if answer is None:
        return
    click.echo(answer.out, nl=False)
    click.echo(answer.err, nl=False, err=True)
    raise click.exceptions.Exit(answer.code)


def refuse_beside_daemon(store: Path, locked: StoreLocked) -> NoReturn:
    """Say why a command that needs the store alone cannot have it."""
    from peerrec_node.control import socket_path

    if socket_path(store).exists():
        raise StoreLocked(f"{store}: {ALONE}") from locked
    raise locked


def make_folder(folder: Path) -> None:
    """Make the folder of the default store, for its person alone."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{folder}: the folder cannot be made: {error.strerror}; name a store with --store"
        ) from error


def moment(value: str, option: str) -> float:
    """Return unix seconds from what a person types: a date, a time or a number.

    Raises:
        ConfigError: it is none of them.
    """
    from peerrec_node.imports.rows import unix_seconds

    allowed = "write 2024-01-31, 2024-01-31T18:30+01:00 (UTC without a zone) or unix seconds"
    if re.fullmatch(r"\s*\d{1,4}\s*", value):  # a year, not an hour of 1970
        raise ConfigError(option, value, allowed)
    try:
        return unix_seconds(value, option)
    except (DataError, OverflowError):
        raise ConfigError(option, value, allowed) from None


def label(raw: RawId) -> str:
    """Return an id or a title fit for a terminal: bytes in hex, control codes replaced."""
    if isinstance(raw, bytes):
        return raw.hex()
    return raw if raw.isprintable() else "".join(c if c.isprintable() else "�" for c in raw)


def json_id(raw: RawId | None) -> str | dict[str, str] | None:
    """Return an id as an export writes it: text as it is, bytes as ``{"bytes": base64}``."""
    return {"bytes": base64.b64encode(raw).decode()} if isinstance(raw, bytes) else raw


def peer_named(text: str) -> RawId:
    """Return the raw id of a peer as a person writes it: a text id, or a plain name.

    Raises:
        DataError: it looks like a text id but has a letter wrong.
    """
    return parse_peer(text) if re.fullmatch(r"[A-Za-z2-7]{56}", text) else text


def peer_label(raw: RawId) -> str:
    """Return a peer's id fit for a terminal: a public key as its text, others as `label`."""
    return peer_text(raw) if is_key(raw) else label(raw)


def json_peer(raw: RawId | None) -> str | dict[str, str] | None:
    """Return a peer's id for JSON: a public key as its text, others as `json_id`."""
    return peer_text(raw) if is_key(raw) else json_id(raw)


def is_key(raw: RawId | None) -> TypeGuard[bytes]:
    """Return whether a raw id is a public key."""
    return isinstance(raw, bytes) and len(raw) == PEER_BYTES


def answer(document: Any, as_json: bool, lines: Iterable[str]) -> None:
    """Print an answer: one JSON document, or lines."""
    if as_json:
        click.echo(msgspec.json.encode(document).decode())
        return
    for line in lines:
        click.echo(line)


def say_notes(notes: Iterable[str]) -> None:
    """Print notes on stderr, where they are in nobody's way."""
    for note in notes:
        click.echo(label(note), err=True)


def table(fields: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Yield a line for each field, those of a field with fields below it."""
    for key, value in fields.items():
        name = f"{indent}{key.replace('_', ' ')}"
        if isinstance(value, dict):
            yield name
            yield from table(value, indent + "  ")
        else:
            whole = isinstance(value, int) and not isinstance(value, bool)
            text = f"{value:,}" if whole else "–" if value is None else str(value)
            yield f"{name:<26}{text}"
