"""List the keys of the schema, and say of each what is allowed.

Example:
    >>> key = KEYS["storage.exploration_share"]
    >>> key.allowed(), key.variable
    ('a number from 0 to 0.5', 'PEERREC_STORAGE__EXPLORATION_SHARE')
    >>> suggestion("exploration-share")
    'storage.exploration_share'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_type_hints

import msgspec
from msgspec import inspect

from peerrec_node.settings.schema import Section, Settings

__all__ = ["KEYS", "SECTIONS", "SEPARATOR", "VARIABLES", "Key", "suggestion"]

PREFIX: Final = "PEERREC_"

SEPARATOR: Final = "__"
"""Stands between section and key in a variable's name: keys have single underscores."""

CUTOFF: Final = 0.6
"""How alike a suggestion must be, as `difflib` measures it."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file.

    Attributes:
        section, name: where it stands.
        type: as annotated, with its range.
        info: the same, as msgspec sees it.
        default: without a profile; None where there is none.
        description: what it is, in a sentence or two.
        example: a value to show where there is no default.
        later: whether a change takes effect at the next start only.
    """

    section: str
    name: str
    type: Any
    info: inspect.Type
    default: Any
    description: str
    example: Any
    later: bool

    @property
    def path(self) -> str:
        """Its name with its section's, as messages have it."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"{PREFIX}{self.section}{SEPARATOR}{self.name}".upper()

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return isinstance(self.info, inspect.VarTupleType)

    @property
    def is_text(self) -> bool:
        """Whether every text is of its type."""
        return isinstance(bare(self.info), inspect.StrType)

    def allowed(self) -> str:
        """Return in words what it takes."""
        return words_of(self.info)


def bare(info: inspect.Type) -> inspect.Type:
    """Return a type without what msgspec keeps beside it, and without None."""
    if isinstance(info, inspect.Metadata):
        return bare(info.type)
    if isinstance(info, inspect.UnionType):
        return bare(next(each for each in info.types if not isinstance(each, inspect.NoneType)))
    return info


def words_of(info: inspect.Type) -> str:
    """Return in words what values a type has."""
    info = bare(info)
    if isinstance(info, inspect.LiteralType):
        return "one of " + ", ".join(map(str, info.values))
    if isinstance(info, inspect.BoolType):
        return "true or false"
    if isinstance(info, inspect.VarTupleType):
        return "a list of texts"
    if isinstance(info, inspect.IntType):
        return "a whole number" + range_of(info)
    if isinstance(info, inspect.FloatType):
        return "a number" + range_of(info)
    return "a text"


def range_of(info: inspect.IntType | inspect.FloatType) -> str:
    """Return in words how large a number may be; all in the schema have an end."""
    if info.ge is not None:
        return f" from {info.ge:,} to {info.le:,}".replace(".0 ", " ").removesuffix(".0")
    return f" above {info.gt:,g}, to {info.le:,g}"


def keys_of(name: str, section: type[Section]) -> list[Key]:
    """Return the keys of a section."""
    hints = get_type_hints(section, include_extras=True)
    keys = []
    for field in msgspec.structs.fields(section):
        info = inspect.type_info(hints[field.name])
        assert isinstance(info, inspect.Metadata)  # every key has its sentence
        about = info.extra_json_schema or {}
        keys.append(
            Key(
                name,
                field.name,
                hints[field.name],
                info.type,
                field.default,
                about["description"],
                next(iter(about.get("examples", ())), None),
                (info.extra or {})["later"],
            )
        )
    return keys


SECTIONS: Final[Mapping[str, type[Section]]] = {
    field.name: type(field.default) for field in msgspec.structs.fields(Settings)
}
"""The sections, in their order."""

KEYS: Final[Mapping[str, Key]] = {
    key.path: key for name, section in SECTIONS.items() for key in keys_of(name, section)
}
"""The keys by their path, in their order."""

VARIABLES: Final[Mapping[str, Key]] = {key.variable: key for key in KEYS.values()}
"""The keys by the environment variable that sets them."""


def suggestion(path: str) -> str | None:
    """Return the key that somebody may have meant; None where none is like it."""
    # Imported here: only mistakes need it.
    from difflib import get_close_matches

    meant = path.replace("-", "_").lower()
    section, _, name = meant.rpartition(".")
    if not section:
        near = get_close_matches(name, SECTIONS, 1, CUTOFF)
        if near:
            return near[0]
    home = next(iter(get_close_matches(section, SECTIONS, 1, CUTOFF)), "")
    by_name = {key.name: key.path for key in KEYS.values()}
    own = [key.name for key in KEYS.values() if key.section == home]
    near = get_close_matches(name, own, 1, CUTOFF)
    if near:
        return f"{home}.{near[0]}"
    near = get_close_matches(name, by_name, 1, CUTOFF)
    return by_name[near[0]] if near else None
