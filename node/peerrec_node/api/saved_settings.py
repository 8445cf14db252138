"""Keep what a person sets while the daemon runs, in its store.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> saved = SavedSettings(MemoryStore(), NodeSettings())
    >>> saved.change({"explore": 0.25, "profile": "battery"})
    >>> saved.explore, saved.answer().pending
    (0.25, ['profile'])
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import msgspec

from peerrec.peering.settings import NodeSettings
from peerrec.protocol.messages import Profile
from peerrec.store import Store
from peerrec_node.api.schemas import Settings

__all__ = ["SavedSettings", "as_saved", "profile_name"]

SETTING: Final = "api.settings"

OF_NODE: Final = (
    "profile",
    "follow_bytes_max",
    "exploration_share",
    "batch_delay_s",
    "publish_trust",
)
"""Settings of the node, which it reads when it begins."""


class Saved(msgspec.Struct, omit_defaults=True):
    """What was set; None where the default holds."""

    explore: float | None = None
    listens_public: bool | None = None
    profile: str | None = None
    follow_bytes_max: int | None = None
    exploration_share: float | None = None
    batch_delay_s: float | None = None
    publish_trust: bool | None = None


def saved_in(store: Store) -> Saved:
    """Return what a store remembers."""
    packed = store.setting(SETTING)
    return Saved() if packed is None else msgspec.json.decode(packed, type=Saved)


def as_saved(store: Store, settings: NodeSettings, given: frozenset[str]) -> NodeSettings:
    """Return a node's settings with what was set from the dashboard.

    Args:
        store: which remembers it.
        settings: as the command line has them.
        given: those that the command line names, which win.
    """
    saved = saved_in(store)
    chosen = {name: getattr(saved, name) for name in OF_NODE if name not in given}
    found = {name: value for name, value in chosen.items() if value is not None}
    if "profile" in found:
        found["profile"] = Profile[found["profile"].upper()]
    return replace(settings, **found)


def profile_name(profile: Profile) -> Any:
    """Return a profile in a word."""
    return profile.name.lower()


class SavedSettings:
    """The settings of one daemon, as the API shows and changes them.

    Args:
        store: keeps them.
        running: those that the node runs with.
    """

    def __init__(self, store: Store, running: NodeSettings) -> None:
        self._store = store
        self._running = running
        self._saved = saved_in(store)

    @property
    def explore(self) -> float:
        """How adventurous lists are where nobody says."""
        return self._saved.explore or 0.0

    @property
    def listens_public(self) -> bool:
        """Whether what players submit may leave the device."""
        return bool(self._saved.listens_public)

    def change(self, values: dict[str, Any]) -> None:
        """Set what is given, durably."""
        after = msgspec.structs.replace(self._saved, **values)
        self._store.set_setting(SETTING, msgspec.json.encode(after))
        self._saved = after

    def answer(self) -> Settings:
        """Return all settings as they will be, and which of them wait for the next start."""
        now = {name: getattr(self._running, name) for name in OF_NODE}
        now["profile"] = profile_name(self._running.profile)
        wanted = {name: getattr(self._saved, name) for name in OF_NODE}
        later = {name: value for name, value in wanted.items() if value is not None}
        pending = [name for name, value in later.items() if value != now[name]]
        return Settings(
            explore=self.explore,
            listens_public=self.listens_public,
            pending=pending,
            **{**now, **later},
        )
