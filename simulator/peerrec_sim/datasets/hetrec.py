r"""Read the HetRec 2011 layout: ``user_artists.dat``, ``user_friends.dat``, ``artists.dat``.

Tab-separated with a header. Plays of one pair are summed; in files whose header says
``rating`` the newest rating stays. Friends are trusted, in the directions that the file
lists.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "user_artists.dat").write_text("userID\tartistID\tweight\n2\t51\t9\n")
    >>> _ = (folder / "artists.dat").write_text("id\tname\turl\n51\tDuran Duran\thttp\n")
    >>> HetRec().load(Folder.of(folder), "tiny", None).title(0)
    'Duran Duran'
"""

from __future__ import annotations

from pathlib import Path

from peerrec_sim.community import Community
from peerrec_sim.datasets.assembly import assemble
from peerrec_sim.datasets.layouts import recognise_layout
from peerrec_sim.datasets.reading import (
    interaction_columns,
    read_interactions,
    read_titles,
    read_trust,
    trust_columns,
)
from peerrec_sim.datasets.sources import Folder, SourceFile

__all__ = ["HetRec", "Path"]

_TITLE_WORDS = ("name", "title", "value")


class HetRec:
    """``user_*.dat`` with a header, friends and names beside it."""

    understands = "user_artists.dat [+ user_friends.dat, artists.dat], tab-separated, with header"

    def recognises(self, folder: Folder) -> bool:
        """Whether a ``user_*.dat`` has a header with user and item."""
        return _interactions(folder) is not None

    def load(self, folder: Folder, name: str, now: float | None) -> Community:
        """Return the community; see :class:`peerrec_sim.datasets.formats.Format`."""
        interactions, friends = _interactions(folder), _friends(folder)
        assert interactions is not None
        is_rating = b"rating" in interactions.head().data.split(b"\n", 1)[0].lower()
        return assemble(
            name,
            read_interactions(interactions),
            merge="last" if is_rating else "sum",
            trust=None if friends is None else read_trust(friends),
            titles=_titles(folder, interactions),
            now=now,
        )


def _interactions(folder: Folder) -> SourceFile | None:
    """Return the first table of users and items that has a weight."""
    for file in _user_tables(folder):
        layout = recognise_layout(file.head())
        columns = interaction_columns(layout)
        if layout.roles is not None and columns is not None and columns.weight is not None:
            return file
    return None


def _friends(folder: Folder) -> SourceFile | None:
    """Return the first table of users and users."""
    for file in _user_tables(folder):
        layout = recognise_layout(file.head())
        if layout.roles is not None and trust_columns(layout) is not None:
            return file
    return None


def _user_tables(folder: Folder) -> list[SourceFile]:
    """Return the files about users, the ones with times in one column first."""
    names = [name for name in folder.files if name.startswith("user_") and name.endswith(".dat")]
    return [folder.file(name) for name in sorted(names, key=lambda n: ("timestamp" not in n, n))]


def _titles(folder: Folder, interactions: SourceFile) -> dict[str, str]:
    """Return titles from the file that the item column is named after."""
    header = interactions.head().data.split(b"\n", 1)[0].decode("latin-1").split("\t")
    layout = recognise_layout(interactions.head())
    assert layout.roles is not None
    kind = header[layout.roles.index("item")].strip().lower().removesuffix("id")
    file = folder.siblings.get(f"{kind}s.dat")
    if file is None:
        return {}
    words = file.head().data.split(b"\n", 1)[0].decode("latin-1").strip().lower().split("\t")
    column = next((words.index(word) for word in _TITLE_WORDS if word in words), 1)
    return read_titles(file, "\t", title=column, header=True)
