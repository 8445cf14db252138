"""Show and change the daemon's settings as the API has them.

What a person sets here is kept in the store. The file, the environment and the command
line win over it: what they name is fixed, and to change it here is refused.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> from peerrec_node.settings.layers import Origin
    >>> saved = SavedSettings(LiveSettings(Origin(), MemoryStore()), lambda changed: None)
    >>> saved.change({"explore": 0.25, "profile": "battery"})
    >>> saved.explore, saved.answer().pending, saved.answer().follow_bytes_max >> 20
    (0.25, ['profile'], 16)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peerrec_node.api.schemas import Settings
from peerrec_node.settings.dashboard import PATHS
from peerrec_node.settings.live import LiveSettings

__all__ = ["SavedSettings"]


class SavedSettings:
    """The settings of one daemon, as the API shows and changes them.

    Args:
        live: what counts.
        take_up: told the paths of what has changed.
    """

    def __init__(self, live: LiveSettings, take_up: Callable[[list[str]], None]) -> None:
        self._live = live
        self._take_up = take_up

    @property
    def explore(self) -> float:
        """How adventurous lists are where nobody says."""
        return self._live.settings.ranking.explore

    @property
    def n(self) -> int:
        """How long lists are where nobody says."""
        return self._live.settings.ranking.n

    @property
    def profile(self) -> Any:
        """Name of the profile that the daemon runs with."""
        return self._live.begun.node.profile

    @property
    def listens_public(self) -> bool:
        """Whether what players submit may leave the device."""
        return self._live.settings.http.listens_public

    def change(self, values: dict[str, Any]) -> None:
        """Set what is given, durably, and have it count.

        Raises:
            ConfigError: something of it is fixed elsewhere; nothing was set.
        """
        self._take_up(self._live.change(values))

    def answer(self) -> Settings:
        """Return all settings as they are or will be, and which of them wait or are fixed."""
        loaded, pending = self._live.loaded, self._live.pending
        return Settings(
            pending=[name for name, path in PATHS.items() if path in pending],
            fixed=self._live.fixed(),
            **{name: loaded.value(path) for name, path in PATHS.items()},
        )
