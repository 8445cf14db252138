"""Say where the HTTP API is served; here, so that a daemon without one imports none.

Example:
    >>> parse_http(None).listen.text(), parse_http("off") is None
    ('127.0.0.1:7780', True)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from peerrec.protocol.invite import Address
from peerrec_node.identity import parse_listen

__all__ = ["HttpOptions", "parse_http"]

DEFAULT: Final = Address("127.0.0.1", 7780)


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Where the API is served.

    Attributes:
        listen: address; port 0 takes a free one.
        any_port: whether the next free port will do where that one is taken.
        names: hosts by which it is known, beside those of the loopback.
    """

    listen: Address
    any_port: bool = False
    names: frozenset[str] = frozenset()


def parse_http(text: str | None, names: Iterable[str] = ()) -> HttpOptions | None:
    """Return where to serve the API as a person says it; None for nowhere.

    Args:
        text: HOST:PORT, ``off``, or None for the default, or the next port that is free.
        names: hosts by which it is known.

    Raises:
        DataError: it is no address.
    """
    if text == "off":
        return None
    listen = DEFAULT if text is None else parse_listen(text)
    return HttpOptions(listen, any_port=text is None, names=frozenset(names))
