"""``peerrec service``: let the system keep the daemon running.

Example:
    >>> argument("/opt/peer rec/bin/peerrec"), argument("/usr/bin/peerrec")
    ('"/opt/peer rec/bin/peerrec"', '/usr/bin/peerrec')
"""

from __future__ import annotations

import os
import sys
from importlib.resources import files
from pathlib import Path
from typing import Final

import click

from peerrec.errors import ConfigError, StoreError

__all__ = ["argument", "filled", "service"]

TEMPLATES: Final = {
    "user": "peerrec-user.service",
    "system": "peerrec.service",
    "container": "Containerfile",
}
"""Files that come with the package, by what they are for."""

UNIT: Final = "peerrec.service"
PLACEHOLDER: Final = "@PEERREC@"
SYSTEM_UNITS: Final = Path("/etc/systemd/system")

SYSTEM_STORE: Final = "/var/lib/peerrec/me.db"

HIDDEN: Final = ("/home/", "/root/", "/tmp/", "/var/tmp/")
"""What the hardened unit hides from its program."""

MODE: Final = 0o644


@click.group()
def service() -> None:
    """Let systemd or a container keep the daemon running.

    Examples:
        peerrec service install --user
        peerrec service print container > Containerfile
    """


@service.command("print")
@click.argument("kind", type=click.Choice(list(TEMPLATES)))
def print_(kind: str) -> None:
    """Print a unit of systemd, or the file from which an image is built.

    Examples:
        peerrec service print user
        peerrec service print system
        peerrec service print container > Containerfile
    """
    click.echo(filled(kind), nl=False)


@service.command()
@click.option("--user/--system", "own", default=True, help="For you alone, or the whole machine.")
@click.option("--force", is_flag=True, help="Replace a unit that says something else.")
def install(own: bool, force: bool) -> None:
    """Put the unit of systemd in place, and say how to start it.

    --user is the default. With --system the daemon runs under a user of its own, with a
    store of its own, and may do next to nothing else.

    Examples:
        peerrec service install --user
        sudo peerrec service install --system
    """
    kind = "user" if own else "system"
    path = (user_units() if own else SYSTEM_UNITS) / UNIT
    put(path, filled(kind), force=force)
    click.echo(f"wrote {path}")
    control = "systemctl --user" if own else "systemctl"
    click.echo(
        f"start it, now and always: {control} daemon-reload && {control} enable --now peerrec"
    )
    if own:
        click.echo("keep it when you log out: loginctl enable-linger")
        return
    click.echo(f"ask it, as root: peerrec status --store {SYSTEM_STORE}")
    if any(place in program() for place in HIDDEN):
        click.echo(
            f"{program()} is hidden from the unit: install peerrec elsewhere, such as /opt",
            err=True,
        )


def filled(kind: str) -> str:
    """Return a file that comes with the package, with this installation's program in it."""
    template = files("peerrec_node") / "packaging" / TEMPLATES[kind]
    return template.read_text(encoding="utf-8").replace(PLACEHOLDER, program())


def program() -> str:
    """Return how systemd runs this installation's ``peerrec``."""
    script = Path(sys.executable).with_name("peerrec")  # not where a link leads: a venv ends there
    if script.is_file():
        return argument(str(script))
    return f"{argument(sys.executable)} -m peerrec_node"


def argument(text: str) -> str:
    """Return a path as a word in a unit of systemd, see systemd.service(5)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(each in text for each in " '\"\\;") else escaped


def user_units() -> Path:
    """Return the folder of a person's own units."""
    named = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(named) if os.path.isabs(named) else Path.home() / ".config"
    return folder / "systemd" / "user"


def put(path: Path, text: str, *, force: bool) -> None:
    """Write a file, unless another one stands there.

    Raises:
        ConfigError: another one does, and nobody forces us.
        StoreError: it cannot be written.
    """
    if not force and path.exists() and path.read_text(encoding="utf-8", errors="replace") != text:
        raise ConfigError(
            "install", str(path), "there is another unit of this name; --force replaces it"
        )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.chmod(MODE)
        draft.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
