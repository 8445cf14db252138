"""Know a pushed bundle again: gossip brings the same one over several links.

Example:
    >>> echoes = Echoes(n_max=1)
    >>> echoes.keep(b"bundle", [(b"id", b"author")])
    >>> echoes.of(b"bundle"), echoes.of(b"another")
    ([(b'id', b'author')], None)
"""

from __future__ import annotations

from typing import Final, TypeAlias

__all__ = ["Echoes", "Name"]

Name: TypeAlias = tuple[bytes, bytes]
"""Id and author of a segment."""

_KEPT: Final = 16  # bundles of some 300 bytes: what is pushed again is pushed within seconds


class Echoes:
    """The bundles read last, by their bytes, and what segments are in them.

    Args:
        n_max: how many are kept; the oldest go first.
    """

    __slots__ = ("_n_max", "_names")

    def __init__(self, n_max: int = _KEPT) -> None:
        self._names: dict[bytes, list[Name]] = {}
        self._n_max = n_max

    def of(self, bundle: bytes) -> list[Name] | None:
        """Return what is in a bundle that was read before; None if it was not."""
        return self._names.get(bundle)

    def keep(self, bundle: bytes, names: list[Name]) -> None:
        """Remember what is in a bundle."""
        self._names[bundle] = names
        if len(self._names) > self._n_max:
            del self._names[next(iter(self._names))]
