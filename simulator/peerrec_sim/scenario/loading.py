"""Load scenarios: shipped ones by name, anybody's by path, tables from Python.

Example:
    >>> scenario = load("quiet", ["nodes=50", "links.loss=0.05"])
    >>> scenario.name, scenario.population.nodes, scenario.links.loss
    ('quiet', 50, 0.05)
    >>> load("quiet", ["links.los=0.05"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    peerrec.errors.ConfigError: --set: 'links.los' is not allowed; there is no such key; did you ...
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from peerrec.errors import ConfigError, DataError
from peerrec_sim.scenario import keys
from peerrec_sim.scenario.consistency import check
from peerrec_sim.scenario.overrides import applied
from peerrec_sim.scenario.schema import Scenario

__all__ = ["checked", "from_tables", "load", "names", "shipped_folder", "to_tables"]

SCENARIO_BYTES_MAX = 1 << 20
"""Largest file that is read: a scenario is a page."""

_WHERE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)


def shipped_folder() -> Path:
    """Return the folder of the scenarios that come with the package."""
    return Path(__file__).resolve().parent.parent / "scenarios"


def names() -> list[str]:
    """Return the names of the shipped scenarios, sorted."""
    return sorted(path.stem for path in shipped_folder().glob("*.toml"))


def load(
    name_or_path: str | Path, overrides: Iterable[str] = (), *, seed: int | None = None
) -> Scenario:
    """Return a scenario.

    Args:
        name_or_path: a shipped one's name, or the path of a TOML file.
        overrides: ``key=value`` each; later ones win.
        seed: instead of the file's; None keeps that.

    Raises:
        ConfigError: there is no such scenario, a key is not known, a value is not
            allowed; names the key's path and what is allowed.
        DataError: the file cannot be read, or is no TOML.
    """
    path = _find(name_or_path)
    tables = applied(_read(path), overrides)
    tables.setdefault("name", _as_name(path.stem))
    if seed is not None:
        tables["seed"] = seed
    return from_tables(tables)


def from_tables(tables: Mapping[str, Any]) -> Scenario:
    """Return a scenario from what a TOML or JSON file says.

    Raises:
        ConfigError: a key is not known or a value not allowed.
    """
    _refuse_unknown(tables)
    try:
        scenario = msgspec.convert(tables, Scenario)
    except msgspec.ValidationError as error:
        raise _explained(error, tables) from None
    check(scenario)
    return scenario


def to_tables(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as plain tables, for TOML, JSON or `from_tables`."""
    tables: dict[str, Any] = msgspec.to_builtins(scenario)
    return tables


def checked(scenario: Scenario) -> Scenario:
    """Return a scenario that was made in Python, once every value is known to be allowed.

    Raises:
        ConfigError: one is not.
    """
    return from_tables(to_tables(scenario))


def _find(name_or_path: str | Path) -> Path:
    """Return the file of a scenario."""
    shipped = names()
    if isinstance(name_or_path, str) and name_or_path in shipped:
        return shipped_folder() / f"{name_or_path}.toml"
    path = Path(name_or_path)
    if path.suffix == ".toml" and path.is_file():
        return path
    if path.suffix == ".toml" or path.parent != Path("."):
        raise ConfigError("SCENARIO", str(name_or_path), "there is no such file (*.toml)")
    raise ConfigError(
        "SCENARIO", str(name_or_path), f"no scenario is called so; {keys.hint(str(path), shipped)}"
    )


def _read(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file."""
    try:
        with path.open("rb") as file:
            data = file.read(SCENARIO_BYTES_MAX + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > SCENARIO_BYTES_MAX:
        raise DataError(f"{path}: longer than {SCENARIO_BYTES_MAX:,} bytes; this is no scenario")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path}: no valid TOML: {error}") from error


def _as_name(stem: str) -> str:
    """Return a file's name as the name of a scenario."""
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-") or "scenario"


def _refuse_unknown(tables: Mapping[str, Any]) -> None:
    """Refuse keys that no table has, with the closest that one has."""
    known = list(keys.by_path())
    for name, value in tables.items():
        if name in keys.tables():
            if isinstance(value, Mapping):
                for inner in value:
                    _refuse_unknown_key(f"{name}.{inner}", value[inner], known)
        elif "." in name or name not in known:
            _refuse_unknown_key(name, value, known)


def _refuse_unknown_key(path: str, value: object, known: list[str]) -> None:
    if path in known:
        return
    candidates = [*known, *keys.tables()]
    shown = "{…}" if isinstance(value, Mapping) else value
    raise ConfigError(path, shown, f"there is no such key; {keys.hint(path, candidates)}")


def _explained(error: msgspec.ValidationError, tables: Mapping[str, Any]) -> ConfigError:
    """Return the decoder's objection with the key's path, its value and what is allowed."""
    found = _WHERE.match(str(error))
    where = (found["path"] or "") if found else ""
    path = re.sub(r"\[.*", "", where).strip(".")
    value: Any = tables
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if path in keys.tables():
        return ConfigError(path, value, f"write a table, [{path}], with keys of its own")
    if not path:
        return ConfigError("name", tables.get("name"), str(error))
    key = keys.by_path()[path]
    allowed = key.allowed
    if path == "name":
        allowed = "small letters, digits and hyphens, at most 64"
    elif key.kind == "text" and isinstance(value, str) and allowed == "text":
        allowed = "text that says something"
    elif key.kind == "text" and isinstance(value, str):
        near = keys.closest(value, allowed.removeprefix("one of ").split(", "))
        allowed += f"; did you mean {near}?" if near else ""
    return ConfigError(path, value, allowed)
