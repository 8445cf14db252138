r"""Read MovieLens ratings: ``u.data``, ``ratings.dat`` or ``ratings.csv``, with titles.

Titles come from ``u.item``, ``movies.dat`` or ``movies.csv`` beside the ratings; the
older files are Latin-1. Of several ratings of one pair the newest stays.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "u.data").write_text("1\t7\t3\t881250949\n")
    >>> _ = (folder / "u.item").write_text("7|Twelve Monkeys (1995)|01-Jan-1995\n")
    >>> community = MovieLens().load(Folder.of(folder), "tiny", None)
    >>> community.title(0), community.interactions.time.tolist()
    ('Twelve Monkeys (1995)', [881250949.0])
"""

from __future__ import annotations

from pathlib import Path

from peerrec_sim.community import Community
from peerrec_sim.datasets.assembly import assemble
from peerrec_sim.datasets.layouts import recognise_layout
from peerrec_sim.datasets.reading import (
    find_trust,
    interaction_columns,
    read_interactions,
    read_titles,
    read_trust,
)
from peerrec_sim.datasets.sources import Folder, SourceFile
from peerrec_sim.datasets.table import quoted_rows

__all__ = ["MovieLens", "Path", "movie_titles"]


class MovieLens:
    """``u.data``, ``ratings.dat`` with ``::``, or ``ratings.csv`` with a header."""

    understands = "u.data [+ u.item], ratings.dat [+ movies.dat] or ratings.csv [+ movies.csv]"

    def recognises(self, folder: Folder) -> bool:
        """Whether there is a file of ratings by one of the names."""
        ratings = _ratings(folder)
        return (
            ratings is not None
            and interaction_columns(recognise_layout(ratings.head())) is not None
        )

    def load(self, folder: Folder, name: str, now: float | None) -> Community:
        """Return the community; see :class:`peerrec_sim.datasets.formats.Format`."""
        ratings, trust = _ratings(folder), find_trust(folder)
        assert ratings is not None
        return assemble(
            name,
            read_interactions(ratings),
            merge="last",
            trust=None if trust is None else read_trust(trust),
            titles=movie_titles(folder),
            now=now,
        )


def _ratings(folder: Folder) -> SourceFile | None:
    """Return the file of ratings."""
    return folder.first("u.data", "ratings.dat", "ratings.csv")


def movie_titles(folder: Folder) -> dict[str, str]:
    """Return raw item name → title, from whichever file of titles lies beside.

    Raises:
        DataError: a line has no title.
    """
    beside = folder.siblings
    if "movies.csv" in beside:
        return _csv_titles(beside["movies.csv"])
    if "movies.dat" in beside:
        return read_titles(beside["movies.dat"], "::")
    return read_titles(beside.get("u.item"), "|")


def _csv_titles(file: SourceFile) -> dict[str, str]:
    """Return titles of ``movieId,title,…``, where titles may be quoted."""
    source = file.read()
    titles = {}
    for number, fields in enumerate(quoted_rows(source, source.data, 1), start=1):
        if number == 1 or not fields:
            continue
        if len(fields) < 2:
            raise source.error(number, f"expected a name and a title, found {fields[0][:60]!r}")
        titles[fields[0].strip()] = fields[1].strip()
    return titles
