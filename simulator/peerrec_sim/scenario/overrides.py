"""Read ``key=value`` as people write it on a command line.

A value is TOML where it can be (``0.5``, ``"text"``, ``["a", "b"]``), a number as Python
reads it (``.5``, ``1e6``) where that fails, else a bare word. Lists may leave brackets and
quotation marks out: ``attackers.kinds=clone,flood``.

Example:
    >>> applied({"links": {"loss": 0.0}}, ["loss=.05", "attackers.kinds=clone,flood"])
    {'links': {'loss': 0.05}, 'attackers': {'kinds': ['clone', 'flood']}}
    >>> [variant.text for variant in variants("merit.transitivity_decay=.1,.3")]
    ['.1', '.3']
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from peerrec.errors import ConfigError
from peerrec_sim.scenario import keys
from peerrec_sim.scenario.keys import Key

__all__ = ["Variant", "applied", "variants"]


@dataclass(frozen=True, slots=True)
class Variant:
    """One value of a sweep.

    Attributes:
        path: of the key.
        text: the value as written.
        value: the value.
    """

    path: str
    text: str
    value: Any

    @property
    def override(self) -> str:
        """As an override of `applied`."""
        return f"{self.path}={self.text}"


def applied(tables: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """Return the tables with some values replaced; the tables given stay as they are.

    Raises:
        ConfigError: an override is no ``key=value``, or its key is not known.
    """
    changed = copy.deepcopy(dict(tables))
    for text in overrides:
        key, written = _key_of(text, "--set")
        _put(changed, key.path, _value(key, written))
    return changed


def variants(text: str) -> list[Variant]:
    """Return the values of ``key=value,value,…``, in order.

    Of a key that is a list, each value is a list of one name; brackets hold several:
    ``attackers.kinds=clone,[clone,flood]``.

    Raises:
        ConfigError: it is no ``key=value``, the key is not known, or a value is given twice.
    """
    key, written = _key_of(text, "--over")
    parts = [part.strip() for part in re.findall(r"(?:\[[^\]]*\]|\"[^\"]*\"|[^,])+", written)]
    if not parts or len(set(parts)) < len(parts):
        raise ConfigError(f"--over {key.path}", written, "give different values, with commas")
    return [Variant(key.path, part, _value(key, part)) for part in parts]


def _key_of(text: str, origin: str) -> tuple[Key, str]:
    """Return the key of an override, and what is behind the equals sign."""
    name, equals, written = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(origin, text, "write key=value")
    return keys.find(name.strip(), origin), written.strip()


def _value(key: Key, written: str) -> Any:
    """Return the value that was written for a key."""
    if key.kind == "list":
        return _list(written)
    value = _scalar(written)
    if key.kind == "text" and not isinstance(value, str):
        return written
    if key.kind == "int" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _list(written: str) -> list[Any]:
    """Return a list, with or without brackets and quotation marks."""
    inner = written.strip()
    if inner.startswith("[") and inner.endswith("]"):
        inner = inner[1:-1]
    return [_scalar(part.strip()) for part in inner.split(",") if part.strip()]


def _scalar(written: str) -> Any:
    """Return a TOML value, a number, or the text itself."""
    try:
        found = tomllib.loads(f"value = {written}")
        if list(found) == ["value"]:
            return found["value"]
    except tomllib.TOMLDecodeError:
        pass
    for kind in (int, float):
        try:
            return kind(written)
        except ValueError:
            continue
    return written


def _put(tables: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a path."""
    table, dot, name = path.rpartition(".")
    if not dot:
        tables[name] = value
        return
    inner = tables.get(table)
    tables[table] = {**inner, name: value} if isinstance(inner, Mapping) else {name: value}
