r"""Read one table of interactions: ``ratings.txt`` with ``trust.txt``, ``pairs.csv``, and such.

FilmTrust, Epinions and Ciao come as ``ratings.txt`` (``user item rating``) and
``trust.txt`` (``user user [1]``). A folder that holds one table whose header names a user
and an item, and any single file of that kind, is read as well. Of several ratings of one
pair the newest stays; where the header says plays or counts they are summed.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "ratings.txt").write_text("1 1 2\n1 2 3.5\n2 2 4\n")
    >>> _ = (folder / "trust.txt").write_text("2 1 1\n")
    >>> community = RatingTable().load(Folder.of(folder), "tiny", None)
    >>> community.interactions.weight.tolist(), community.trust.source.tolist()
    ([2.0, 3.5, 4.0], [1])
"""

from __future__ import annotations

from pathlib import Path

from peerrec_sim.community import Community
from peerrec_sim.datasets.assembly import assemble
from peerrec_sim.datasets.layouts import Layout, recognise_layout
from peerrec_sim.datasets.movielens import movie_titles
from peerrec_sim.datasets.reading import (
    find_trust,
    interaction_columns,
    read_interactions,
    read_trust,
)
from peerrec_sim.datasets.sources import Folder, SourceFile

__all__ = ["Path", "RatingTable"]

_STEMS = ("ratings", "rating", "ratings_data", "pairs", "interactions", "plays")
_NAME_HINTS = ("rating", "interaction", "pairs", "plays", "purchases", "clicks")
_COUNT_WORDS = (b"count", b"plays", b"weight")
_TABLES = (".txt", ".csv", ".tsv", ".dat", ".data", ".inter")


class RatingTable:
    """One table ``user item [weight [time]]``, trust beside it."""

    understands = (
        "ratings.txt [+ trust.txt], pairs.csv, or one table with rows `user item [weight [time]]`"
    )

    def recognises(self, folder: Folder) -> bool:
        """Whether there is one table of interactions."""
        return _table(folder) is not None

    def load(self, folder: Folder, name: str, now: float | None) -> Community:
        """Return the community; see :class:`peerrec_sim.datasets.formats.Format`."""
        table, trust = _table(folder), find_trust(folder)
        assert table is not None
        header = table.head().data.split(b"\n", 1)[0].lower()
        counted = any(word in header for word in _COUNT_WORDS)
        return assemble(
            name,
            read_interactions(table),
            merge="sum" if counted else "last",
            trust=None if trust is None else read_trust(trust),
            titles=movie_titles(folder),
            now=now,
        )


def _table(folder: Folder) -> SourceFile | None:
    """Return the table by its name, else the only one that looks like interactions."""
    named = folder.with_stem(*_STEMS)
    if named is not None and interaction_columns(recognise_layout(named.head())) is not None:
        return named
    tables = [file for file in folder.files.values() if Path(file.name).suffix in _TABLES]
    found = [file for file in tables if _is_interactions(file, recognise_layout(file.head()))]
    return found[0] if len(found) == 1 else None


def _is_interactions(file: SourceFile, layout: Layout) -> bool:
    """Whether a table of any name holds users and items."""
    if interaction_columns(layout) is None or not layout.rows:
        return False
    if layout.roles is not None:
        return True
    # Without a header nothing but the name tells users and items from users and users.
    return any(hint in file.name.lower() for hint in _NAME_HINTS) or layout.separator == b"::"
