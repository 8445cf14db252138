"""Look at what is on the disk: store, key, room."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from peerrec.errors import PeerrecError, StoreReadOnly
from peerrec_node.diagnosis.findings import Finding, Level
from peerrec_node.diagnosis.patient import Patient
from peerrec_node.exit_codes import EXIT_STORE

__all__ = ["disk_findings", "identity_findings", "store_findings"]

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
MIB: Final = 1 << 20

FREE_MIN: Final = 64 * MIB
"""Below it a few days of a lively network fill the disk."""


def store_findings(patient: Patient, *, deep: bool) -> Iterator[Finding]:
    """Yield whether the store opens, and whether all in it checks out.

    Args:
        patient: whose store.
        deep: whether to read and check everything: seconds for a large store.
    """
    path = patient.store
    if not os.path.lexists(path):
        text = f"there is none at {path} yet; `peerrec run` or `record` makes one"
        yield Finding("store", Level.NOTE, text)
        return
    if patient.status is not None:
        held = f"{path}: the daemon has it open, {patient.status['interactions']:,} interactions"
        yield Finding("store", Level.OK, held)
    else:
        yield opened_finding(path, deep=deep)
    yield from exposed(path)


def opened_finding(path: Path, *, deep: bool) -> Finding:
    """Return whether a store opens that no daemon answers for; it is only read."""
    # Imported here: it brings NumPy with it, which a broken installation may lack.
    from peerrec.store.sqlite import SqliteStore

    try:
        with SqliteStore(path, read_only=True) as store:
            if deep:
                store.check()
            size = store.size()
    except StoreReadOnly as error:  # killed, or of an older version: opening it mends that
        return Finding("store", Level.NOTE, f"{error}, with `peerrec stats`")
    except PeerrecError as error:
        return Finding("store", Level.ERROR, str(error), EXIT_STORE)
    checked = "all checks out" if deep else "it opens"
    held = f"{size.interactions:,} interactions, {size.size_bytes / MIB:,.1f} MB"
    return Finding("store", Level.OK, f"{path}: {held}; {checked}")


def exposed(path: Path) -> Iterator[Finding]:
    """Yield that other people of this machine can read a store, where they can."""
    reach = stat.S_IMODE(path.parent.stat().st_mode) & (stat.S_IXGRP | stat.S_IXOTH)
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
    if os.name == "posix" and reach and mode & (stat.S_IRGRP | stat.S_IROTH):
        text = (
            f"other users of this machine can read {path} (mode {mode:04o}); run: chmod 600 {path}"
        )
        yield Finding("store", Level.WARNING, text)


def identity_findings(patient: Patient) -> Iterator[Finding]:
    """Yield whether the key beside the store is one, and for its person alone."""
    from peerrec_node.identity import key_path, load_signer, read_passphrase

    path = key_path(patient.store)
    if not os.path.lexists(path):
        text = f"there is no key at {path} yet; `peerrec run` makes one"
        yield Finding("identity", Level.NOTE, text)
        return
    words = patient.value("node.passphrase_file")
    try:
        encrypted = b"ENCRYPTED" in path.read_bytes()[:64]
        if encrypted and words is None:
            text = f"{path}: a key with a passphrase, which is not known here"
            yield Finding("identity", Level.OK if not mode_of(path) & OTHERS else Level.ERROR, text)
            return
        load_signer(patient.store, read_passphrase(None if words is None else Path(words)))
    except OSError as error:
        text = f"{path}: {error.strerror}; it has to be readable for you"
        yield Finding("identity", Level.ERROR, text, EXIT_STORE)
    except PeerrecError as error:
        yield Finding("identity", Level.ERROR, str(error), EXIT_STORE)
    else:
        yield Finding("identity", Level.OK, f"{path}: a key, for you alone")


def mode_of(path: Path) -> int:
    """Return who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


def disk_findings(patient: Patient) -> Iterator[Finding]:
    """Yield whether there is room for what comes, and to pack the store anew."""
    folder = patient.store.parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    size = patient.store.stat().st_size if patient.store.exists() else 0
    text = f"{free / MIB:,.0f} MB are free in {folder}"
    if free < FREE_MIN:
        yield Finding("disk", Level.ERROR, f"{text}; make room, or nothing more can be stored")
    elif free < size:
        yield Finding(
            "disk", Level.WARNING, f"{text}; packing the store needs {size / MIB:,.0f} MB"
        )
    else:
        yield Finding("disk", Level.OK, text)
