"""Take out of texts what is nobody's business: secrets, people, places, what one likes.

Names are replaced by numbers, the same one for the same name, so that it stays visible
what belongs together.

Example:
    >>> hide = Redactor("/home/ann")
    >>> hide.text("/home/ann/me.db: 203.0.113.7 and 203.0.113.8, again 203.0.113.7")
    '~/me.db: address-1 and address-2, again address-1'
    >>> hide.text("nothing is known of item 'track:x' at 127.0.0.1:7700")
    "nothing is known of item '…' at 127.0.0.1:7700"
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any, Final

__all__ = ["Redactor"]

QUOTED: Final = re.compile(r"(?<!\w)'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
SECRET: Final = re.compile(r"(?i)\b(peerrec_[\w-]+|(?<=token=)[^\s&]+|(?<=bearer )\S+)")
INVITE: Final = re.compile(r"(?i)peerrec:[^\s,;]+")
PEER: Final = re.compile(r"(?i)\b[a-z2-7]{56}\b")
SHORT_PEER: Final = re.compile(r"\b[a-z2-7]{8,55}(?=…|:\s)")
LONG: Final = re.compile(r"\b[0-9a-fA-F]{24,}\b|\b[A-Za-z0-9_-]{40,}\b")
V4: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
V6: Final = re.compile(r"(?i)(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])")


class Redactor:
    """Hides the same names behind the same numbers.

    Args:
        home: the person's home folder.
    """

    def __init__(self, home: str) -> None:
        self._home = home.rstrip("/")
        self._names: dict[tuple[str, str], str] = {}

    def text(self, text: str) -> str:
        """Return a text without secrets, quotations, peers, addresses and the home folder."""
        text = INVITE.sub("peerrec:…", SECRET.sub("…", text))
        text = PEER.sub(self._numbered("peer"), text)
        text = LONG.sub("…", text)
        text = QUOTED.sub(lambda found: found[0][0] + "…" + found[0][0], text)
        text = SHORT_PEER.sub(self._numbered("peer"), text)
        text = V6.sub(self._address, V4.sub(self._address, text))
        return text.replace(self._home, "~") if self._home else text

    def value(self, value: Any) -> Any:
        """Return a JSON value with its texts redacted; names of fields stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(each) for key, each in value.items()}
        return [self.value(each) for each in value] if isinstance(value, list | tuple) else value

    def name(self, kind: str, name: str) -> str:
        """Return the number behind which a name is hidden."""
        key = (kind, name.lower())
        if key not in self._names:
            n = sum(known == kind for known, _ in self._names) + 1
            self._names[key] = f"{kind}-{n}"
        return self._names[key]

    def _numbered(self, kind: str) -> Callable[[re.Match[str]], str]:
        return lambda found: self.name(kind, found[0])

    def _address(self, found: re.Match[str]) -> str:
        try:
            address = ipaddress.ip_address(found[0])
        except ValueError:
            return found[0]  # such as a time of day
        if address.is_loopback or address.is_unspecified:
            return found[0]
        return self.name("address", found[0])
