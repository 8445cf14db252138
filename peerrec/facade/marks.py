"""Read a person's marks: who is blocked or muted, what is not to be shown again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from peerrec.errors import ConfigError
from peerrec.store.rows import Mark, Marked, RawId

__all__ = ["Marks", "muted"]


@dataclass(frozen=True, slots=True)
class Marks:
    """All marks in force, by kind, oldest first.

    Attributes:
        own_blocks: peers that the person blocked.
        muted_peers: peers that recommend nothing; trust still leads through them.
        muted_items: items never recommended.
        less_liked: items never recommended whose neighbourhood counts less.
        forked: peers proven to have told two stories; nobody here decided that.
    """

    own_blocks: tuple[RawId, ...] = ()
    muted_peers: tuple[RawId, ...] = ()
    muted_items: tuple[RawId, ...] = ()
    less_liked: tuple[RawId, ...] = ()
    forked: tuple[RawId, ...] = ()

    @classmethod
    def of(cls, marked: Iterable[Marked]) -> Marks:
        """Sort a store's marks by kind."""
        rows = list(marked)

        def subjects(mark: Mark) -> tuple[RawId, ...]:
            return tuple(row.subject for row in rows if row.mark is mark)

        return cls(
            subjects(Mark.BLOCK),
            subjects(Mark.MUTE_PEER),
            subjects(Mark.MUTE_ITEM),
            subjects(Mark.LESS_LIKE),
            subjects(Mark.FORKED),
        )

    @property
    def blocked(self) -> tuple[RawId, ...]:
        """Peers that get no merit and let no walk pass, whatever the reason."""
        return tuple(dict.fromkeys(self.own_blocks + self.forked))

    @property
    def hidden_items(self) -> tuple[RawId, ...]:
        """Items never recommended."""
        return self.muted_items + self.less_liked


def muted(item: RawId | None, peer: RawId | None) -> tuple[Mark, RawId]:
    """Return the mark that muting makes; ConfigError unless just one is given."""
    if item is not None and peer is None:
        return Mark.MUTE_ITEM, item
    if peer is not None and item is None:
        return Mark.MUTE_PEER, peer
    raise ConfigError("mute", (item, peer), "give an item or a peer")
