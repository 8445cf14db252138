"""Read rows of interactions or of trust from one file, whatever its layout.

With a header the columns are found by name, without one by position: ``user item
[weight [time]]`` or ``from to [weight [time]]``.

Example:
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "ratings.dat"
    >>> _ = file.write_text("1::1193::5::978300760")
    >>> rows = read_interactions(SourceFile.of(file))
    >>> rows.left.tolist(), rows.weight.tolist(), rows.time.tolist()
    ([1], [5.0], [978300760.0])
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from peerrec.errors import DataError
from peerrec_sim.datasets.assembly import Rows
from peerrec_sim.datasets.layouts import Layout, recognise_layout
from peerrec_sim.datasets.sources import Folder, Source, SourceFile, decode
from peerrec_sim.datasets.table import read_columns, read_lists

__all__ = [
    "Path",
    "find_trust",
    "interaction_columns",
    "read_adjacency",
    "read_interactions",
    "read_titles",
    "read_trust",
    "trust_columns",
]

_TRUST_STEMS = ("trust", "trusts", "trust_data", "trustnetwork", "social", "friends")


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions of what is read; None where the table has no such column."""

    left: int
    right: int
    weight: int | None
    time: int | None


def interaction_columns(layout: Layout) -> Columns | None:
    """Return where user, item, weight and time are; None where they are not."""
    if layout.roles is None:
        return _by_position(layout)
    return _by_role(layout.roles, "user", "item", "weight")


def trust_columns(layout: Layout) -> Columns | None:
    """Return where the two ends, weight and time are; None where they are not."""
    roles = layout.roles
    if roles is None:
        return _by_position(layout)
    return (
        _by_role(roles, "source", "target", "weight", "trust")
        or _by_role(roles, "user", "target", "weight", "trust")
        or _twice(roles, "end")
        or _twice(roles, "user")
    )


def _by_position(layout: Layout) -> Columns | None:
    """Return the columns of a table without header."""
    n = layout.n_columns
    if not 2 <= n <= 4:
        return None
    return Columns(0, 1, 2 if n > 2 else None, 3 if n > 3 else None)


def _by_role(roles: tuple[str, ...], left: str, right: str, *weights: str) -> Columns | None:
    """Return the columns that a header names."""
    if left not in roles or right not in roles:
        return None
    weight = next((roles.index(role) for role in weights if role in roles), None)
    time = roles.index("time") if "time" in roles else None
    return Columns(roles.index(left), roles.index(right), weight, time)


def _twice(roles: tuple[str, ...], end: str) -> Columns | None:
    """Return the columns where both ends have the same role."""
    at = [column for column, role in enumerate(roles) if role == end]
    if len(at) != 2:
        return None
    weight = next((roles.index(role) for role in ("weight", "trust") if role in roles), None)
    return Columns(at[0], at[1], weight, roles.index("time") if "time" in roles else None)


def read_interactions(file: SourceFile) -> Rows:
    """Return the rows of a table of interactions.

    Raises:
        DataError: the file is empty, no such table, or a row is broken.
    """
    source = file.read()
    layout = recognise_layout(source)
    expected = "`user item`, `user item weight` or `user item weight time`"
    return _rows(source, layout, interaction_columns(layout), expected)


def read_trust(file: SourceFile) -> Rows:
    """Return the rows of a table of trust.

    Raises:
        DataError: the file is empty, no such table, or a row is broken.
    """
    source = file.read()
    layout = recognise_layout(source)
    expected = "`from to`, `from to weight` or `from to weight time`"
    return _rows(source, layout, trust_columns(layout), expected)


def _rows(source: Source, layout: Layout, columns: Columns | None, expected: str) -> Rows:
    """Parse the rows of a table whose columns are known."""
    if not layout.rows:
        raise DataError(f"{source.path}: the file holds no row")
    if columns is None:
        header = " ".join(layout.roles or ())
        found = f"the header {header!r}" if header else f"{layout.n_columns} columns"
        raise source.error(layout.skip_lines or 1, f"expected {expected}, found {found}")
    asked = [at for at in (columns.weight, columns.time) if at is not None]
    meanings = ["weight", "time"] if columns.weight is not None else ["time"]
    (left, right), numbers, lines = read_columns(
        source,
        layout.separator,
        layout.skip_lines,
        len(layout.roles) if layout.roles is not None else layout.n_columns,
        ids=[columns.left, columns.right],
        numbers=asked,
        what=meanings,
        integers_only=[layout.names_are_integers(at) for at in (columns.left, columns.right)],
    )
    weight = numbers[0] if columns.weight is not None else None
    time = numbers[-1] if columns.time is not None else None
    return Rows.of(source.path, left, right, weight, time, lines)


def read_adjacency(file: SourceFile) -> Rows:
    """Return the rows of lists ``user item item …``, one user a line.

    Raises:
        DataError: the file cannot be read, or one name among integers is text.
    """
    source = file.read()
    layout = recognise_layout(source)
    plain = layout.names_are_integers(0) and all(map(_is_digits, layout.rows[0]))
    left, right, lines, users = read_lists(source, layout.skip_lines, plain)
    return Rows.of(source.path, left, right, None, None, lines, users)


def _is_digits(name: str) -> bool:
    """Whether a name is made of digits."""
    return name.isascii() and name.isdigit()


def find_trust(folder: Folder) -> SourceFile | None:
    """Return the list of trust that lies beside interactions, if any."""
    return folder.with_stem(*_TRUST_STEMS)


def read_titles(
    file: SourceFile | None, separator: str, *, name: int = 0, title: int = 1, header: bool = False
) -> dict[str, str]:
    """Return raw item name → title; nothing without a file.

    Lines end at a newline only: a few titles hold other line-break characters.

    Raises:
        DataError: a line has no title column; names file and line.
    """
    if file is None:
        return {}
    source = file.read()
    titles = {}
    for number, line in enumerate(decode(source.data).split("\n"), start=1):
        if (header and number == 1) or not line.strip():
            continue
        fields = line.rstrip("\r").split(separator)
        if len(fields) <= max(name, title):
            raise source.error(number, f"expected a name and a title, found {line[:60]!r}")
        titles[fields[name].strip()] = fields[title].strip()
    return titles
