"""List every key of a scenario: its path, what it may be, its default, what it means.

Made from the annotations of `peerrec_sim.scenario.schema`, for messages, for overrides
and for the table in the documents.

Example:
    >>> key = by_path()["topology.degree"]
    >>> key.allowed, key.default
    ('a whole number, 1 … 1,000', 8)
    >>> find("nodes").path
    'population.nodes'
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import NODEFAULT, inspect

from peerrec.errors import ConfigError
from peerrec_sim.scenario.schema import Scenario

__all__ = ["Key", "by_path", "closest", "find", "hint", "shown", "tables"]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a scenario.

    Attributes:
        path: table and name with a dot between, or the name alone.
        kind: ``text``, ``list``, ``bool``, ``int`` or ``float``.
        allowed: what it may be, in words.
        default: what it is where nobody says; None where it must be said.
        meaning: in words.
    """

    path: str
    kind: str
    allowed: str
    default: Any
    meaning: str

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]


@functools.cache
def by_path() -> Mapping[str, Key]:
    """Return every key by its path, in the order of the schema."""
    return {key.path: key for key in _walk(inspect.type_info(Scenario), "")}


@functools.cache
def tables() -> tuple[str, ...]:
    """Return the names of the tables."""
    return tuple(dict.fromkeys(path.split(".")[0] for path in by_path() if "." in path))


def find(written: str, origin: str = "--set") -> Key:
    """Return the key that a person means: its path, or its name where only one has it.

    Args:
        written: ``population.nodes`` or ``nodes``.
        origin: option or file that it was written in, for the message.

    Raises:
        ConfigError: there is no such key, or several; names the closest.
    """
    keys = by_path()
    if written in keys:
        return keys[written]
    same_name = [key for key in keys.values() if key.name == written]
    if len(same_name) == 1:
        return same_name[0]
    if same_name:
        paths = " or ".join(key.path for key in same_name)
        raise ConfigError(origin, written, f"several tables have this key; say {paths}")
    if written in tables():
        inside = ", ".join(path for path in keys if path.startswith(f"{written}."))
        raise ConfigError(origin, written, f"this is a table; its keys: {inside}")
    raise ConfigError(origin, written, f"there is no such key; {hint(written, list(keys))}")


def hint(written: str, known: Sequence[str]) -> str:
    """Return the closest of the known words as advice; all of them where none is close."""
    near = closest(written, known)
    if near is not None:
        return f"did you mean {near}?"
    if len(known) > 30:
        return "see `peerrec sim list --keys`"
    return f"known: {', '.join(known)}"


def closest(written: str, known: Sequence[str]) -> str | None:
    """Return the known word that resembles what was written most; None where none does.

    Of paths, the same name in another table comes first, and the name alone may resemble.
    """
    last = written.rpartition(".")[2]
    by_name = {word.rpartition(".")[2]: word for word in reversed(known)}
    if last in by_name:
        return by_name[last]
    candidates = by_name | {word: word for word in known}
    for text in (written, last):
        found = difflib.get_close_matches(text, list(candidates), n=1, cutoff=0.6)
        if found:
            return candidates[found[0]]
    return None


def _walk(table: inspect.Type, prefix: str) -> Iterator[Key]:
    """Yield the keys of a table and of the tables in it."""
    assert isinstance(table, inspect.StructType)
    for field in table.fields:
        path = f"{prefix}{field.encode_name}"
        if isinstance(field.type, inspect.StructType):
            yield from _walk(field.type, f"{path}.")
            continue
        kind, said = field.type, ""
        if isinstance(kind, inspect.Metadata):
            said = (kind.extra_json_schema or {}).get("description", "")
            kind = kind.type
        default = None if field.default is NODEFAULT else field.default
        if field.default_factory is not NODEFAULT:
            default = field.default_factory()
        name, allowed = _in_words(kind)
        yield Key(path, name, allowed, default, said)


def _in_words(kind: inspect.Type) -> tuple[str, str]:
    """Return the kind of a type, and what it allows in words."""
    if isinstance(kind, inspect.LiteralType):
        return "text", "one of " + ", ".join(str(value) for value in kind.values)
    if isinstance(kind, inspect.VarTupleType):
        return "list", "a list of names"
    if isinstance(kind, inspect.BoolType):
        return "bool", "true or false"
    if isinstance(kind, inspect.IntType):
        return "int", f"a whole number{_range(kind)}"
    if isinstance(kind, inspect.FloatType):
        return "float", f"a number{_range(kind)}"
    assert isinstance(kind, inspect.StrType), kind
    return "text", "text"


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    """Return the range of a number in words."""
    low = kind.ge if kind.ge is not None else kind.gt
    high = kind.le
    if low is None:
        return ""
    open_low = "above " if kind.ge is None else ""
    if high is None:
        return f", {open_low}{_number(low)}" if open_low else f" ≥ {_number(low)}"
    if open_low:
        return f", {open_low}{_number(low)}, at most {_number(high)}"
    return f", {_number(low)} … {_number(high)}"


def _number(value: float) -> str:
    """Return a number as a person writes it."""
    return f"{value:,.12g}"


def shown(value: object) -> str:
    """Return a default as a scenario file writes it; nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:_}" if isinstance(value, int) else repr(value)
    if isinstance(value, str):
        return f'"{value}"'
    assert isinstance(value, tuple), value
    return "[" + ", ".join(shown(each) for each in value) + "]"
