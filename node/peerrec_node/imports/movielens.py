r"""Read MovieLens ratings: ``ratings.csv``, ``ratings.dat`` and ``u.data``.

A file of many people's ratings: each row names its author. The rating is the
weight. Titles and genres are in a second file, ``movies.csv``, ``movies.dat`` or
``u.item``; give what `read_movies` returns of it.

Example:
    >>> import io
    >>> account = ImportAccount("u.data", now=1e9)
    >>> row = next(read_movielens(io.BytesIO(b"196\t242\t3\t881250949\n"), account))
    >>> row.author, row.item, row.weight, row.time
    ('196', 'movielens:242', 3.0, 881250949.0)
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from functools import partial
from typing import BinaryIO, Final, NamedTuple

from peerrec.errors import DataError
from peerrec_node.imports.rows import (
    ImportAccount,
    ImportedRow,
    number_of,
    read_records,
    unix_seconds,
)
from peerrec_node.imports.text import Lines, csv_rows

__all__ = ["Movie", "read_movielens", "read_movies"]

NO_GENRE: Final = "(no genres listed)"
# The columns of u.item after the fifth are flags of these, in this order.
U_ITEM_GENRES: Final = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery"),
    *("Romance", "Sci-Fi", "Thriller", "War", "Western"),
)


class Movie(NamedTuple):
    """What a movie is called and filed under."""

    title: str
    genres: tuple[str, ...]


def read_movielens(
    stream: BinaryIO, account: ImportAccount, movies: Mapping[str, Movie] | None = None
) -> Iterator[ImportedRow]:
    """Yield the ratings of a MovieLens file of any generation."""
    yield from read_records(cells_of(stream, account), partial(rating, movies or {}), account)


def rating(movies: Mapping[str, Movie], cells: list[str]) -> ImportedRow | None:
    """Return the row of (user, movie, rating, timestamp); None for the line of names."""
    if cells[:2] == ["userId", "movieId"]:
        return None
    if len(cells) != 4:
        raise DataError(f"has {len(cells)} columns; user, movie, rating and time are expected")
    user, movie, stars, time = (cell.strip() for cell in cells)
    if not movie.isdigit():
        raise DataError(f"movie {movie!r:.40} is no number")
    title, genres = movies.get(movie, Movie("", ()))
    return ImportedRow(
        f"movielens:{movie}",
        number_of(stars, "rating"),
        unix_seconds(time),
        title,
        genres,
        f"https://movielens.org/movies/{movie}",
        author=user,
    )


def cells_of(stream: BinaryIO, account: ImportAccount) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) whatever separates them: tab, ``::``, | or comma."""
    lines = Lines(stream, account)
    for text in lines:
        line = text.rstrip("\r\n")
        if not line:
            continue
        separator = next((mark for mark in ("::", "\t", "|") if mark in line), ",")
        yield lines.number, line.split(separator)


def read_movies(stream: BinaryIO, account: ImportAccount) -> dict[str, Movie]:
    """Return title and genres of each movie of ``movies.csv``, ``movies.dat`` or ``u.item``.

    The two older files are Latin-1, and are read as such.
    """
    first = stream.readline()
    rest = stream.read()
    if first.lstrip(b"\xef\xbb\xbf").startswith(b"movieId,"):
        return {
            cells[0]: Movie(cells[1], genres_of(cells[2]))
            for _, cells in csv_rows(io.BytesIO(rest), account)
            if len(cells) == 3
        }
    movies = {}
    for number, line in enumerate((first + rest).decode("latin-1").splitlines(), 1):
        cells = line.split("::") if "::" in line else line.split("|")
        if len(cells) == 3:
            movies[cells[0]] = Movie(cells[1], genres_of(cells[2]))
        elif len(cells) == 5 + len(U_ITEM_GENRES):
            flags = zip(U_ITEM_GENRES, cells[5:], strict=True)
            movies[cells[0]] = Movie(cells[1], tuple(name for name, flag in flags if flag == "1"))
        elif line:
            account.broken(number, f"has {len(cells)} columns; id, title and genres are expected")
    return movies


def genres_of(text: str) -> tuple[str, ...]:
    """Return genres separated by |."""
    return () if text == NO_GENRE else tuple(text.split("|"))
