"""State what a format is: a thing that recognises its files and loads them.

Example:
    >>> from peerrec_sim.datasets.registry import FORMATS
    >>> all(isinstance(format_, Format) for format_ in FORMATS)
    True
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from peerrec_sim.community import Community
from peerrec_sim.datasets.sources import Folder

__all__ = ["Format"]


@runtime_checkable
class Format(Protocol):
    """One family of files; it never looks at the name of the data set."""

    @property
    def understands(self) -> str:
        """What files it reads, for the reader of an error message."""
        ...

    def recognises(self, folder: Folder) -> bool:
        """Whether the folder holds this format; looks at names and first lines."""
        ...

    def load(self, folder: Folder, name: str, now: float | None) -> Community:
        """Return the community under a name; times after now are refused.

        Raises:
            DataError: something in the files is broken.
        """
        ...
