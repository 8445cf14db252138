"""Write the commented ``peerrec.toml`` of a first run, from the schema.

Every key stands there, commented out, with its sentence, its range and its default: what
is not set stays open to the dashboard and to better defaults of later versions.

Example:
    >>> text = template({"node.listen": "127.0.0.1:7701"})
    >>> 'listen = "127.0.0.1:7701"' in text.splitlines(), "# lan = false" in text.splitlines()
    (True, True)
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from peerrec.errors import ConfigError
from peerrec_node.settings.keys import KEYS, SECTIONS, SEPARATOR, Key
from peerrec_node.settings.profiles import PROFILES, SUMMARIES

__all__ = ["make_file", "template", "toml_value"]

WIDTH: Final = 92

HEAD: Final = f"""\
Settings of `peerrec run`, read when it begins and again on SIGHUP. What stands here wins over
the dashboard, which cannot change it then; variables such as PEERREC_LOG{SEPARATOR}LEVEL and
options of the command line win over this. `peerrec config show` says what counts and why,
`peerrec config check` what is wrong. Take the # away before what you want to set."""


def template(values: Mapping[str, Any] | None = None) -> str:
    """Return the file.

    Args:
        values: what is set in it, by path; all else is commented out.
    """
    return "\n".join(lines_of_file(values or {})) + "\n"


def lines_of_file(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield its lines."""
    yield from (f"# {line}" for line in HEAD.splitlines())
    for section, kind in SECTIONS.items():
        yield ""
        yield f"# {(kind.__doc__ or '').strip()}"
        yield f"[{section}]"
        for key in KEYS.values():
            if key.section == section:
                yield ""
                yield from commented(about(key))
                yield assignment(key, values)


def about(key: Key) -> str:
    """Return what is to be known of a key: its sentence, and what is allowed if numbers are."""
    allowed = key.allowed()
    told = "number" in allowed or "one of" in allowed
    text = f"{key.description} Allowed: {allowed}." if told else key.description
    others = [
        f"{name} {toml_value(defaults[key.path])}"
        for name, defaults in PROFILES.items()
        if key.path in defaults
    ]
    if key.path == "node.profile":
        text += " " + "; ".join(f"{name}: {what}" for name, what in SUMMARIES.items()) + "."
    return f"{text} Profiles: {', '.join(others)}." if others else text


def commented(text: str) -> Iterator[str]:
    """Yield a text as lines of comment."""
    yield from textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ")


def assignment(key: Key, values: Mapping[str, Any]) -> str:
    """Return the line that sets a key, commented out unless it is to be set."""
    if key.path in values:
        return f"{key.name} = {toml_value(values[key.path])}"
    shown = key.example if key.default in (None, ()) else key.default
    return f"# {key.name} = {toml_value(shown)}"


def toml_value(value: Any) -> str:
    """Return a value as TOML has it.

    Example:
        >>> toml_value(True), toml_value(("a", "b")), toml_value(67108864), toml_value(0.5)
        ('true', '["a", "b"]', '67_108_864', '0.5')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{int(value):_}" if value == int(value) else repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(each) for each in value) + "]"
    # A JSON string is a TOML string where control codes are escaped, and they are.
    return msgspec.json.encode(str(value)).decode().replace("\x7f", "\\u007f")


def make_file(path: Path, values: Mapping[str, Any] | None = None) -> bool:
    """Write the file for its person alone; return False where there is one already.

    Raises:
        ConfigError: it cannot be written.
    """
    data = template(values).encode()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.path.lexists(path):
            return False
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            try:
                stream.write(data)
                stream.flush()
            except OSError:
                path.unlink()  # half a file would be taken for all of it
                raise
    except OSError as error:
        raise ConfigError("config", str(path), f"it cannot be written: {error.strerror}") from error
    return True
