"""Read settings from where they may stand, and say of each where it came from.

Who wins, from the weakest: the schema's default, the profile's, what a program that
embeds the daemon gives, the dashboard, the file, the environment, the command line.
What the file or anything after it names is *fixed*: the dashboard cannot change it, and
says so. Thus a line in the file always counts, and no two places disagree in silence.

Example:
    >>> origin = Origin(environment={"PEERREC_LOG__LEVEL": "debug"})
    >>> loaded = origin.read({"log.level": "error", "ranking.explore": 0.5})
    >>> loaded.settings.log.level, loaded.sources["log.level"].text
    ('debug', 'PEERREC_LOG__LEVEL')
    >>> loaded.settings.ranking.explore, loaded.is_fixed("ranking.explore")
    (0.5, False)
"""

from __future__ import annotations

import enum
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from peerrec.errors import ConfigError
from peerrec_node.settings.checks import complaint
from peerrec_node.settings.keys import KEYS, SECTIONS, SEPARATOR, VARIABLES, Key, suggestion
from peerrec_node.settings.lines import lines_of
from peerrec_node.settings.profiles import PROFILES
from peerrec_node.settings.schema import Settings

__all__ = ["Layer", "Loaded", "Origin", "Source"]

VARIABLE: Final = re.compile(rf"PEERREC_[A-Z0-9]+{SEPARATOR}")

FILE_BYTES_MAX: Final = 1 << 20
"""Largest file that is read: the generated one has a hundredth."""

PROFILE: Final = "node.profile"


class Layer(enum.IntEnum):
    """Kinds of places, the weakest first."""

    DEFAULT = 0
    PROFILE = 1
    PROGRAM = 2
    DASHBOARD = 3
    FILE = 4
    ENVIRONMENT = 5
    FLAG = 6


class Source(NamedTuple):
    """Where a value came from: the kind of place, and which one, in words."""

    layer: Layer
    text: str


class Said(NamedTuple):
    """A value, and who says it."""

    value: Any
    source: Source


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where each came from.

    Attributes:
        settings: what counts.
        sources: by the key's path.
        overruled: what the dashboard said and something stronger overruled, by path.
    """

    settings: Settings
    sources: Mapping[str, Source]
    overruled: Mapping[str, Any]

    def value(self, path: str) -> Any:
        """Return the value of a key by its path."""
        section, _, name = path.partition(".")
        return getattr(getattr(self.settings, section), name)

    def is_fixed(self, path: str) -> bool:
        """Return whether the dashboard cannot change a key: something stronger names it."""
        return self.sources[path].layer > Layer.DASHBOARD


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the settings of one daemon may stand.

    Attributes:
        file: the TOML file; None for none. Where it is not there, it says nothing.
        environment: variables by name.
        flags: options of the command line: the option's name and its value, by path.
        program: what a program gives that embeds the daemon, by path.
    """

    file: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    program: Mapping[str, Any] = field(default_factory=dict)

    def read(self, dashboard: Mapping[str, Any] | None = None) -> Loaded:
        """Return what counts.

        Args:
            dashboard: what was set there, by path.

        Raises:
            ConfigError: names the first key that is unknown or has an impossible value.
        """
        loaded, problems = self.examine(dashboard)
        if problems:
            raise problems[0]
        return loaded

    def examine(
        self, dashboard: Mapping[str, Any] | None = None
    ) -> tuple[Loaded, list[ConfigError]]:
        """Return what counts of what is right, and everything that is wrong.

        Raises:
            ConfigError: the file cannot be read, or is no TOML.
        """
        problems: list[ConfigError] = []
        from_file = dict(file_layer(self.file, problems)) if self.file else {}
        layers: list[dict[str, Said]] = [
            plain(self.program, Source(Layer.PROGRAM, "this program")),
            plain(dashboard or {}, Source(Layer.DASHBOARD, "dashboard")),
            from_file,
            dict(environment_layer(self.environment, problems)),
            {
                path: Said(value, Source(Layer.FLAG, name))
                for path, (name, value) in self.flags.items()
            },
        ]
        right = [dict(checked(layer, problems)) for layer in layers]
        return merged(right), problems


def plain(values: Mapping[str, Any], source: Source) -> dict[str, Said]:
    """Return values that all come from one place."""
    return {path: Said(value, source) for path, value in values.items()}


def merged(layers: list[dict[str, Said]]) -> Loaded:
    """Return what counts where several say something."""
    named: dict[str, Said] = {}
    for layer in layers:
        named |= layer
    profile = named[PROFILE].value if PROFILE in named else KEYS[PROFILE].default
    of_profile = Source(Layer.PROFILE, f"profile {profile}")
    said = {path: Said(key.default, Source(Layer.DEFAULT, "default")) for path, key in KEYS.items()}
    said |= plain(PROFILES[profile], of_profile) | named
    nested: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for path, each in said.items():
        section, _, name = path.partition(".")
        nested[section][name] = each.value
    dashboard = layers[Layer.DASHBOARD - Layer.PROGRAM]
    return Loaded(
        msgspec.convert(nested, Settings),
        {path: each.source for path, each in said.items()},
        {
            path: each.value
            for path, each in dashboard.items()
            if said[path].source.layer > Layer.DASHBOARD
        },
    )


# -- the places -----------------------------------------------------------------------------


def file_layer(file: Path, problems: list[ConfigError]) -> Iterator[tuple[str, Said]]:
    """Yield what a file says, keys that there are not among the problems.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    text = text_of(file)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("config", str(file), f"it is not TOML: {error}") from None
    lines = lines_of(text)

    def place(path: str) -> str:
        return f"{file}:{lines[path]}" if path in lines else str(file)

    for section, content in document.items():
        if section not in SECTIONS or not isinstance(content, dict):
            problems.append(unknown(section, content, place(section)))
            continue
        for name, value in content.items():
            path = f"{section}.{name}"
            if path in KEYS:
                yield path, Said(value, Source(Layer.FILE, place(path)))
            else:
                problems.append(unknown(path, value, place(path)))


def text_of(file: Path) -> str:
    """Return what stands in a file; nothing where there is none.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(FILE_BYTES_MAX + 1)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise ConfigError("config", str(file), f"it cannot be read: {error.strerror}") from error
    if len(data) > FILE_BYTES_MAX:
        raise ConfigError("config", str(file), f"it has more than {FILE_BYTES_MAX:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError("config", str(file), "it is not UTF-8") from None


def unknown(path: str, value: Any, place: str) -> ConfigError:
    """Return the complaint about a key that there is not."""
    near = suggestion(path)
    if path in SECTIONS:
        what = f"it is a section: write [{path}] and its keys below"
    elif near is None:
        what = "there is no such key; `peerrec config init -` prints all"
    elif "." in near and "." not in path:
        what = (
            f"there is no such key; did you mean {near.split('.')[1]} below [{near.split('.')[0]}]?"
        )
    else:
        what = f"there is no such key; did you mean {near}?"
    return ConfigError(f"{place}: {path}", short(value), what)


def short(value: Any) -> Any:
    """Return a value fit for one line."""
    return "…" if isinstance(value, dict | list) else value


def environment_layer(
    variables: Mapping[str, str], problems: list[ConfigError]
) -> Iterator[tuple[str, Said]]:
    """Yield what variables say: PEERREC_SECTION__KEY, lists with commas."""
    for name in sorted(variables):
        if not VARIABLE.match(name):
            continue
        key = VARIABLES.get(name)
        source = Source(Layer.ENVIRONMENT, name)
        if key is None:
            problems.append(unknown_variable(name, variables[name]))
        else:
            yield key.path, Said(from_text(key, variables[name]), source)


def unknown_variable(name: str, value: str) -> ConfigError:
    """Return the complaint about a variable that sets nothing."""
    near = suggestion(name.partition("_")[2].replace(SEPARATOR, ".").lower())
    meant = None if near is None else KEYS.get(near)
    hint = f"did you mean {meant.variable}?" if meant else "`peerrec config show` lists all keys"
    return ConfigError(name, value, f"no setting has this variable; {hint}")


def from_text(key: Key, text: str) -> Any:
    """Return a value from a variable; text that does not fit stays, to be complained about."""
    if key.is_list:
        return [part.strip() for part in text.split(",") if part.strip()]
    if key.is_text:
        return text
    try:
        return msgspec.convert(text.strip().lower(), key.type, strict=False)
    except msgspec.ValidationError:
        return text


def checked(layer: Mapping[str, Said], problems: list[ConfigError]) -> Iterator[tuple[str, Said]]:
    """Yield what is right of a layer; the rest goes to the problems."""
    for path, said in layer.items():
        key, wrong = KEYS[path], None
        try:
            value = msgspec.convert(said.value, key.type)
        except msgspec.ValidationError:
            value, wrong = None, f"give {key.allowed()}"
        wrong = wrong or complaint(path, value)
        if wrong is None:
            yield path, Said(value, said.source)
        else:
            problems.append(ConfigError(named(path, said.source), said.value, wrong))


def named(path: str, source: Source) -> str:
    """Return how messages call a key: where it stands, and its path."""
    if source.layer in (Layer.FLAG, Layer.ENVIRONMENT):
        return f"{source.text} ({path})"
    return f"{source.text}: {path}" if source.layer is Layer.FILE else path
