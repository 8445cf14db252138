"""Gather what all checks look at: settings, the store's place, what its daemon says.

Nothing is made or changed by looking.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from peerrec.errors import ConfigError, PeerrecError
from peerrec_node.control import ask_daemon
from peerrec_node.settings.layers import Loaded, Origin

__all__ = ["Patient", "examined"]

LOG_LINES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is looked at.

    Attributes:
        store: the store's file.
        config: the settings' file, be it there or not.
        loaded: settings as far as they are right; None where the file cannot be read.
        complaints: what is wrong with them.
        status: what `peerrec status` says in the daemon; None where none answers.
        links: what `peerrec peers` says there.
        silence: why a daemon that is there does not answer; empty where it does, or is not.
        answered_s: how long the daemon took.
        now: unix seconds.
    """

    store: Path
    config: Path
    loaded: Loaded | None
    complaints: tuple[ConfigError, ...]
    status: dict[str, Any] | None
    links: tuple[dict[str, Any], ...]
    silence: str
    answered_s: float
    now: float

    def value(self, path: str) -> Any:
        """Return a setting, None where the settings cannot be read."""
        return None if self.loaded is None else self.loaded.value(path)

    def is_set(self, path: str) -> bool:
        """Return whether a person named a setting."""
        return self.loaded is not None and self.loaded.is_fixed(path)


def examined(store: Path, config: Path) -> Patient:
    """Return what can be learnt of a store, its settings and its daemon."""
    loaded: Loaded | None = None
    try:
        loaded, found = Origin(file=config, environment=os.environ).examine()
        complaints = tuple(found)
    except ConfigError as error:
        complaints = (error,)
    begun, silence = time.monotonic(), ""
    status = links = None
    try:
        status = asked(store, "status", "--log", str(LOG_LINES))
        answered_s = time.monotonic() - begun
        links = None if status is None else asked(store, "peers")
    except PeerrecError as error:
        silence, answered_s = str(error), time.monotonic() - begun
    return Patient(
        store=store,
        config=config,
        loaded=loaded,
        complaints=complaints,
        status=status,
        links=tuple((links or {}).get("links", ())),
        silence=silence,
        answered_s=answered_s,
        now=time.time(),
    )


def asked(store: Path, *words: str) -> dict[str, Any] | None:
    """Return what a command says that the store's daemon executes; None where none is.

    Raises:
        StoreError: it breaks off, or takes too long.
    """
    answer = ask_daemon(store, [*words, "--json", "--store", str(store)])
    if answer is None:
        return None
    if answer.code:
        raise PeerrecError(f"the daemon failed: {answer.err.strip()}")
    return msgspec.json.decode(answer.out, type=dict[str, Any])
