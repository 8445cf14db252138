"""Look at the program and its settings."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, Final

from peerrec import __version__
from peerrec_node.diagnosis.findings import Finding, Level
from peerrec_node.diagnosis.patient import Patient
from peerrec_node.exit_codes import EXIT_REFUSED

__all__ = ["settings_findings", "version_findings", "versions"]

PACKAGES: Final = (
    "aiohttp", "click", "cryptography", "msgpack", "msgspec", "noiseprotocol", "numpy",
    "platformdirs", "rich", "scipy", "segno", "zeroconf",
)  # fmt: skip


def versions() -> dict[str, Any]:
    """Return which versions are at work; None for a package that is not installed."""
    found: dict[str, Any] = {
        "peerrec": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
    }
    for name in PACKAGES:
        try:
            found[name] = distribution(name).version
        except PackageNotFoundError:
            found[name] = None
    return found


def version_findings(patient: Patient) -> Iterator[Finding]:
    """Yield which versions run, and whether daemon and command differ."""
    text = f"peerrec {__version__}, Python {platform.python_version()}, SQLite "
    yield Finding("version", Level.OK, text + sqlite3.sqlite_version)
    running = (patient.status or {}).get("version", __version__)
    if running != __version__:
        yield Finding(
            "version",
            Level.WARNING,
            f"the daemon is peerrec {running}, this command {__version__}; start the daemon anew",
        )


def settings_findings(patient: Patient) -> Iterator[Finding]:
    """Yield what is wrong with the settings, a line for each."""
    for complaint in patient.complaints:
        yield Finding("settings", Level.ERROR, str(complaint), EXIT_REFUSED)
    if not patient.complaints:
        where = patient.config if patient.config.exists() else f"no file at {patient.config}"
        yield Finding("settings", Level.OK, f"{where}: nothing to complain of")
