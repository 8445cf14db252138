"""Pack what somebody needs to help: findings, versions, settings, status, recent log.

No key, token, passphrase or invite is in it, nobody's interactions, and of people and
addresses only numbers.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from peerrec.errors import StoreError
from peerrec_node.diagnosis.findings import Finding
from peerrec_node.diagnosis.installation import versions
from peerrec_node.diagnosis.patient import Patient
from peerrec_node.diagnosis.redaction import Redactor

__all__ = ["contents", "write_bundle"]

PLAIN: Final = ("node.profile", "log.level", "log.format")
"""Settings that are words, and say nothing of anybody."""

LISTENING: Final = ("node.listen", "http.listen")

OF_LINK: Final = (
    "dialled", "agent", "up_s", "latency_s", "merit", "score", "bytes_in", "bytes_out",
    "last_sync",
)  # fmt: skip

HIDDEN_STATUS: Final = ("log", "network", "address", "peer")

README: Final = """\
What `peerrec doctor --bundle` gathered, for somebody who helps you.

findings.json  what was checked, and what to do
versions.json  the program and what it is made of
settings.json  settings by name; names, addresses and files only as whether they are set
status.json    how store and daemon stand, in numbers
links.json     how links stand; peers have numbers instead of names
log.txt        the daemon's last lines, what was quoted or names somebody taken out

There is no key, token, passphrase or invite in it, and nothing of what anybody played, read
or liked. Look through it before you give it away.
"""


def contents(patient: Patient, findings: Sequence[Finding]) -> dict[str, str]:
    """Return the files of a bundle by name."""
    hide = Redactor(str(Path.home()))
    status = {key: said for key, said in (patient.status or {}).items() if key not in HIDDEN_STATUS}
    documents: dict[str, Any] = {
        "findings.json": hide.value([each.fields() for each in findings]),
        "versions.json": versions(),
        "settings.json": settings_of(patient, hide),
        "status.json": hide.value(status),
        "links.json": [link_of(link, hide) for link in patient.links],
    }
    written = {name: pretty(document) for name, document in documents.items()}
    log = (patient.status or {}).get("log", [])
    lines = "".join(f"{hide.text(line)}\n" for line in log)
    return {"README.txt": README, **written, "log.txt": lines}


def settings_of(patient: Patient, hide: Redactor) -> dict[str, Any]:
    """Return settings by path: numbers as they are, texts where they name nobody."""
    if patient.loaded is None:
        return {}
    found: dict[str, Any] = {}
    for path, source in patient.loaded.sources.items():
        value = patient.loaded.value(path)
        if path in LISTENING:
            value = hide.text(str(value))
        elif path not in PLAIN and not isinstance(value, int | float | None):
            value = "set" if value else None
        found[path] = {"value": value, "from": source.layer.name.lower()}
    return found


def link_of(link: dict[str, Any], hide: Redactor) -> dict[str, Any]:
    """Return how a link stands, whose it is only as a number."""
    said = {key: hide.value(link.get(key)) for key in OF_LINK}
    return {"peer": hide.name("peer", str(link["peer"])), **said}


def pretty(document: Any) -> str:
    """Return a document as people read it."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def write_bundle(path: Path, patient: Patient, findings: Sequence[Finding]) -> None:
    """Write a bundle to a new file that only its person may read.

    Raises:
        StoreError: there is a file already, or it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with (
            open(descriptor, "wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed,
        ):
            for name, text in contents(patient, findings).items():
                packed.writestr(name, text)
    except FileExistsError:
        raise StoreError(f"{path}: there is such a file already; name another") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
