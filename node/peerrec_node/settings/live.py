"""Hold the settings of a running daemon, and read them anew when told to.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> live = LiveSettings(Origin(environment={"PEERREC_RANKING__N": "5"}), MemoryStore())
    >>> live.change({"explore": 0.25}), live.settings.ranking.explore, live.pending
    (['ranking.explore'], 0.25, [])
    >>> live.change({"profile": "battery"})[0], "node.profile" in live.pending
    ('node.profile', True)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peerrec.errors import ConfigError
from peerrec.store import Store
from peerrec_node.settings.dashboard import PATHS, keep, kept
from peerrec_node.settings.keys import KEYS
from peerrec_node.settings.layers import Origin
from peerrec_node.settings.schema import Settings

__all__ = ["LiveSettings"]


class LiveSettings:
    """What counts now, and where it came from.

    Args:
        origin: where settings may stand, beside the dashboard.
        store: keeps what is set from the dashboard.

    Attributes:
        loaded: what counts.

    Raises:
        ConfigError: something is not allowed; names it.
    """

    def __init__(self, origin: Origin, store: Store) -> None:
        self._origin, self._store = origin, store
        self.loaded = self._begun = origin.read(kept(store))

    @property
    def settings(self) -> Settings:
        """What counts; of what a running daemon does not take up, what will count."""
        return self.loaded.settings

    @property
    def begun(self) -> Settings:
        """What the daemon began with."""
        return self._begun.settings

    @property
    def file(self) -> str | None:
        """The file of settings; None where there is none."""
        file = self._origin.file
        return None if file is None else str(file)

    @property
    def pending(self) -> list[str]:
        """Paths of what takes effect at the next start."""
        return [
            path
            for path, key in KEYS.items()
            if key.later and self.loaded.value(path) != self._begun.value(path)
        ]

    def reread(self) -> list[str]:
        """Read everything anew; return the paths of what has changed.

        Raises:
            ConfigError: something is not allowed; what counted before goes on counting.
        """
        before, self.loaded = self.loaded, self._origin.read(kept(self._store))
        return [path for path in KEYS if self.loaded.value(path) != before.value(path)]

    def change(self, values: Mapping[str, Any]) -> list[str]:
        """Set something from the dashboard; return the paths of what has changed.

        Args:
            values: by the dashboard's names.

        Raises:
            ConfigError: something is fixed elsewhere, or not allowed; nothing was set.
        """
        for name, value in values.items():
            path = PATHS[name]
            if self.loaded.is_fixed(path) and value != self.loaded.value(path):
                where = self.loaded.sources[path].text
                raise ConfigError(path, value, f"it is set by {where}; change it there")
        self._origin.read({PATHS[name]: value for name, value in values.items()})
        keep(self._store, values)
        return self.reread()

    def fixed(self) -> dict[str, str]:
        """Return by the dashboard's names what it cannot change, and who set it."""
        return {
            name: self.loaded.sources[path].text
            for name, path in PATHS.items()
            if self.loaded.is_fixed(path)
        }
