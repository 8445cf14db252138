"""Keep what is set from the dashboard, in the store: the weakest of what people say.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> store = MemoryStore()
    >>> keep(store, {"explore": 0.25})
    >>> kept(store)
    {'ranking.explore': 0.25}
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from peerrec.store import Store
from peerrec_node.settings.layers import Origin

__all__ = ["PATHS", "keep", "kept"]

SETTING: Final = "api.settings"

PATHS: Final = {
    "explore": "ranking.explore",
    "listens_public": "http.listens_public",
    "profile": "node.profile",
    "follow_bytes_max": "storage.follow_bytes_max",
    "exploration_share": "storage.exploration_share",
    "batch_delay_s": "node.batch_delay_s",
    "publish_trust": "node.publish_trust",
}
"""What can be set from the dashboard: the name there, and the key's path."""

log = logging.getLogger("peerrec.settings")


def stored(store: Store) -> dict[str, Any]:
    """Return what a store remembers, by name; nothing where it is unreadable."""
    packed = store.setting(SETTING)
    try:
        return {} if packed is None else msgspec.json.decode(packed, type=dict[str, Any])
    except msgspec.MsgspecError:
        log.warning("what was set in the dashboard is unreadable and does not count")
        return {}


def kept(store: Store) -> dict[str, Any]:
    """Return what was set, by path; values of another version that are not allowed do not count."""
    values = stored(store)
    found = {PATHS[name]: value for name, value in values.items() if name in PATHS}
    wrong = [path for path in found if Origin().examine({path: found[path]})[1]]
    for path in wrong:
        log.warning("%s: %r from the dashboard is not allowed any more", path, found.pop(path))
    return found


def keep(store: Store, values: Mapping[str, Any]) -> None:
    """Set what is given, by name, durably; what is left out stays."""
    store.set_setting(SETTING, msgspec.json.encode({**stored(store), **values}))
