"""Say what went wrong: every error that peerrec raises on purpose.

Messages are written for the person who reads them: what happened, with which
value, and what to do about it. Programming errors (a wrong type from our own
code) stay ordinary Python exceptions and are never caught inside the library.
"""

from __future__ import annotations

__all__ = [
    "Cancelled",
    "ConfigError",
    "DataError",
    "LocalProtocolError",
    "NotFoundError",
    "PeerrecError",
    "ProtocolError",
    "RemoteProtocolError",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "StoreLocked",
    "StoreReadOnly",
    "StoreTooNew",
    "UnknownItem",
    "UnknownPeer",
    "VerificationError",
]


class PeerrecError(Exception):
    """Base of everything raised on purpose; the message is for the user."""


class Cancelled(PeerrecError):
    """Long work ended because its caller said so: says how far it came."""


class ConfigError(PeerrecError):
    """A setting, option or argument is not allowed: names key, value and what is.

    Attributes:
        key: path of the setting, as the user wrote it (``merit.walks``).
        value: the refused value.
        allowed: what would have been accepted, in words.
    """

    def __init__(self, key: str, value: object, allowed: str) -> None:
        super().__init__(f"{key}: {value!r} is not allowed; {allowed}")
        self.key = key
        self.value = value
        self.allowed = allowed

    def __reduce__(self) -> tuple[type, tuple[str, object, str]]:
        return (type(self), (self.key, self.value, self.allowed))


class DataError(PeerrecError):
    """Input data is broken: names the source, the row where known, and the reason."""


class NotFoundError(PeerrecError, LookupError):
    """Something was asked for that is not known here."""


class UnknownPeer(NotFoundError):
    """No interaction, trust or descriptor of this peer is known on this node."""


class UnknownItem(NotFoundError):
    """No interaction with this item is known on this node."""


class StoreError(PeerrecError):
    """The store on disk cannot be used as asked: names the file and what to do."""


class StoreLocked(StoreError):
    """Another opener holds the store: names the process where it can be known."""


class StoreTooNew(StoreError):
    """The store was written by a newer version; this one refuses to touch it."""


class StoreCorrupt(StoreError):
    """The store's content does not check out; nothing of it was handed out."""


class StoreFull(StoreError):
    """There was no room to write; the call did nothing, what was stored is intact."""


class StoreReadOnly(StoreError):
    """The store may be read but not written."""


class ProtocolError(PeerrecError):
    """The rules between peers were broken, by us or by them."""


class LocalProtocolError(ProtocolError):
    """Our caller used the protocol wrongly: a bug, never caught inside."""


class RemoteProtocolError(ProtocolError):
    """A peer broke the rules; whoever drives the link scores it and goes on.

    Attributes:
        violation: which rule, one of `peerrec.protocol.violations.Violation`.
    """

    def __init__(self, violation: str, message: str) -> None:
        super().__init__(message)
        self.violation = violation

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return (type(self), (self.violation, str(self)))


class VerificationError(PeerrecError):
    """A segment, table or proof does not check out: says what of it."""
