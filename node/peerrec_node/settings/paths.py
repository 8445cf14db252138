"""Say where a person's files are: data and settings in the places their system has for them.

Example:
    >>> settings_file(None, Path("/data/me.db")).as_posix()
    '/data/me.db.toml'
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["config_folder", "data_folder", "settings_file"]

NAME: Final = "peerrec"


def data_folder() -> Path:
    """Return the folder of stores: ``~/.local/share/peerrec`` on Linux."""
    import platformdirs

    return absolute(platformdirs.user_data_path(NAME, appauthor=False), ".local", "share", NAME)


def config_folder() -> Path:
    """Return the folder of settings: ``~/.config/peerrec`` on Linux."""
    import platformdirs

    return absolute(platformdirs.user_config_path(NAME, appauthor=False), ".config", NAME)


def absolute(path: Path, *below_home: str) -> Path:
    """Return a path, or another one where the environment gave a relative one.

    The XDG base directory specification says that relative paths are to be ignored.
    """
    return path if path.is_absolute() else Path.home().joinpath(*below_home)


def settings_file(named: Path | None, store: Path | None) -> Path:
    """Return where the settings of a store's daemon stand.

    Args:
        named: what a person says; wins.
        store: the store's file as a person names it, whose settings stand beside it as its
            key does; None for the default store.
    """
    if named is not None:
        return named
    if store is None:
        return config_folder() / "peerrec.toml"
    return store.with_name(store.name + ".toml")
