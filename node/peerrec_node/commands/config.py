"""``peerrec config``: what is set, where, and what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from peerrec.errors import ConfigError
from peerrec_node.commands.common import answer, opened, say_notes, store_options
from peerrec_node.commands.running import config_option
from peerrec_node.exit_codes import EXIT_REFUSED
from peerrec_node.settings.dashboard import kept
from peerrec_node.settings.keys import KEYS, SECTIONS, suggestion
from peerrec_node.settings.layers import Layer, Loaded, Origin
from peerrec_node.settings.paths import settings_file
from peerrec_node.settings.template import make_file, template, toml_value

__all__ = ["config"]

STDOUT = "-"

WIDTH = 44
"""Columns of a setting; its source stands beside it."""


@click.group()
def config() -> None:
    """Look at the settings of `peerrec run`: what counts, and who says so.

    Examples:
        peerrec config show
        peerrec config check
    """


@config.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@config_option
@store_options
def check(file: Path | None, config: Path | None, store: Path | None, as_json: bool) -> None:
    """Say everything that is wrong in FILE, or in the file and the environment of `peerrec run`.

    Examples:
        peerrec config check
        peerrec config check peerrec.toml
    """
    where = file or settings_file(config, store)
    if file is not None and not file.exists():
        raise ConfigError("config", str(file), "there is no such file")
    environment = {} if file else dict(os.environ)
    _, problems = Origin(where, environment).examine()
    document = {
        "file": str(where),
        "exists": where.exists(),
        "problems": [
            {"key": each.key, "value": each.value, "allowed": each.allowed, "message": str(each)}
            for each in problems
        ],
    }
    if as_json:
        answer(document, as_json, [])
    elif problems:
        for each in problems:
            click.echo(f"Error: {each}", err=True)
    else:
        click.echo(f"{where}: {'good' if where.exists() else 'not there; the defaults hold'}")
    if problems:
        raise click.exceptions.Exit(EXIT_REFUSED)


@config.command()
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--set", "only_set", is_flag=True, help="Leave out what nobody has set.")
@config_option
@store_options
def show(
    keys: tuple[str, ...], only_set: bool, config: Path | None, store: Path | None, as_json: bool
) -> None:
    """Show what counts, and where each value comes from.

    Of a daemon that runs, what it runs with; otherwise what it would begin with.

    Examples:
        peerrec config show --set
        peerrec config show storage.follow_bytes_max
    """
    paths = chosen(keys)
    with opened(store, make=False) as here:
        if here.daemon is not None:
            live = here.daemon.live
            loaded, file, pending = live.loaded, live.file, live.pending
        else:
            where = settings_file(config, store)
            loaded = Origin(where, dict(os.environ)).read(kept(here.store))
            file, pending = str(where), []
        running = here.daemon is not None
    if only_set:
        paths = [path for path in paths if loaded.sources[path].layer > Layer.PROFILE]
    rows = {path: row(loaded, path, path in pending) for path in paths}
    document = {"file": file, "running": running, "settings": rows}
    answer(document, as_json, lines(rows))
    if not as_json:
        say_notes(notes(loaded, paths, pending))


@config.command()
@config_option
@store_options
def path(config: Path | None, store: Path | None, as_json: bool) -> None:
    """Print where the file of settings is, or would be.

    Example: peerrec config path
    """
    where = settings_file(config, store)
    answer({"file": str(where), "exists": where.exists()}, as_json, [str(where)])


@config.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), required=False)
@config_option
@store_options
def init(file: Path | None, config: Path | None, store: Path | None, as_json: bool) -> None:
    """Write the commented file of settings, never over another; - prints it.

    Examples:
        peerrec config init
        peerrec config init -
    """
    if str(file) == STDOUT:
        click.echo(template(), nl=False)
        return
    where = file or settings_file(config, store)
    if not make_file(where):
        raise ConfigError("config", str(where), "there is a file already, and it stays as it is")
    answer({"file": str(where)}, as_json, [f"made {where}"])


# -- what is shown ----------------------------------------------------------------------------


def chosen(keys: tuple[str, ...]) -> list[str]:
    """Return the paths of the keys that a person names: keys, or whole sections.

    Raises:
        ConfigError: there is no such key.
    """
    for each in keys:
        if each not in KEYS and each not in SECTIONS:
            near = suggestion(each)
            hint = f"did you mean {near}?" if near else "`peerrec config show` lists all"
            raise ConfigError("key", each, f"there is no such key; {hint}")
    named = [path for path in KEYS if path in keys or path.partition(".")[0] in keys]
    return named if keys else list(KEYS)


def row(loaded: Loaded, path: str, pending: bool) -> dict[str, Any]:
    """Return a key as JSON has it."""
    source = loaded.sources[path]
    return {
        "value": loaded.value(path),
        "source": source.layer.name.lower(),
        "from": source.text,
        "next_start": pending,
    }


def lines(rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each key: its value, and who says so."""
    for path, each in rows.items():
        value = each["value"]
        said = f"{path} = {'(not set)' if value is None else toml_value(value)}"
        yield f"{said:<{WIDTH}}  # {each['from']}{', at the next start' * each['next_start']}"


def notes(loaded: Loaded, paths: list[str], pending: list[str]) -> Iterator[str]:
    """Yield what a reader should know: who was overruled, and what waits."""
    for path, value in loaded.overruled.items():
        if path in paths and value != loaded.value(path):
            by = loaded.sources[path].text
            yield f"{path}: the dashboard's {toml_value(value)} does not count; {by} overrules it."
    if pending:
        yield "What is marked so takes effect at the next start."
