"""Put parsed columns together into a community: one code space, no duplicates.

What every format has in common:

* Users of the training part, the test part and the trust list share one code space,
  so do items. Codes follow the raw names: integers by value, then text by code point.
* A row with weight 0 says that there was no interaction, and is left out.
* Rows of one (user, item) pair become one row where the first of them stood: plays are
  summed, of ratings the newest (without times: the last in the file) stays, and the
  time is the newest.
* Of several trust rows for one pair the newest stays; trust in oneself is left out;
  weights are divided by the largest magnitude where that exceeds 1.

Example:
    >>> from pathlib import Path
    >>> rows = Rows.of(Path("x"), np.array([7, 7]), np.array([1, 1]), [3.0, 4.0])
    >>> community = assemble("tiny", rows, merge="sum")
    >>> community.users, community.interactions.weight.tolist()
    (('7',), [7.0])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from peerrec.errors import DataError
from peerrec_sim.community import Community, Interactions, TrustEdges
from peerrec_sim.datasets.table import Ids

__all__ = ["Merge", "Rows", "assemble", "check_weights"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

Merge = Literal["sum", "last"]
"""How the weights of one (user, item) pair become one."""

WEIGHT_MAX = 1e30
"""Sums of this many plays still fit into float32."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Parsed rows of one file, still with raw names.

    Attributes:
        path: the file, for messages.
        left: raw names of users, or of who trusts.
        right: raw names of items, or of who is trusted.
        weight: plays, rating or trust.
        time: unix seconds, or None.
        line: line of each row.
        extra: raw names on the left side that have no row.
    """

    path: Path
    left: Ids
    right: Ids
    weight: Float64s
    time: Float64s | None
    line: Int32s
    extra: Ids

    @classmethod
    def of(
        cls,
        path: Path,
        left: Ids,
        right: Ids,
        weight: npt.ArrayLike | None = None,
        time: Float64s | None = None,
        line: Int32s | None = None,
        extra: Ids | None = None,
    ) -> Rows:
        """Build rows; weights default to 1, lines to 1, 2, 3 and so on."""
        return cls(
            path,
            left,
            right,
            np.ones(len(left)) if weight is None else np.asarray(weight, np.float64),
            time,
            np.arange(1, len(left) + 1, dtype=np.int32) if line is None else line,
            np.zeros(0, np.int64) if extra is None else extra,
        )


def check_weights(rows: Rows) -> None:
    """Refuse interactions that count less than nothing, or more than fits.

    Raises:
        DataError: a weight is negative or above WEIGHT_MAX; names file and line.
    """
    broken = np.flatnonzero((rows.weight < 0) | (rows.weight > WEIGHT_MAX))
    if len(broken):
        at = broken[0]
        message = f"the weight is {rows.weight[at]:g}; it must be in 0 … {WEIGHT_MAX:g}"
        raise DataError(f"{rows.path}, line {rows.line[at]}: {message}")


def check_times(rows: Rows, now: float | None) -> None:
    """Refuse rows from the future.

    Raises:
        DataError: a time is later than now; names file and line.
    """
    if rows.time is None or now is None:
        return
    future = np.flatnonzero(rows.time > now)
    if len(future):
        at = future[0]
        message = f"the time {rows.time[at]:.0f} lies in the future (now is {now:.0f})"
        raise DataError(f"{rows.path}, line {rows.line[at]}: {message}")


def assemble(
    name: str,
    train: Rows | None,
    *,
    merge: Merge,
    test: Rows | None = None,
    trust: Rows | None = None,
    undirected: bool = False,
    titles: Mapping[str, str] | None = None,
    now: float | None = None,
) -> Community:
    """Return the community that the rows describe.

    Args:
        name: of the community.
        train: interactions, or None where the source has trust only.
        merge: what becomes of several rows of one pair.
        test: the held-out part, where the source ships one.
        trust: who trusts whom.
        undirected: trust rows count in both directions.
        titles: raw item name → title; those of unknown items are left out.
        now: refuse times after this; None to accept all.

    Raises:
        DataError: a weight is negative or huge, a time lies in the future, or there is
            nothing at all.
    """
    interactions = [rows for rows in (train, test) if rows is not None]
    for rows in interactions:
        check_weights(rows)
    for rows in [*interactions, *([trust] if trust is not None else [])]:
        check_times(rows, now)
    sides = [ids for rows in interactions for ids in (rows.left, rows.extra)]
    circle = [] if trust is None else [trust.left, trust.right, trust.extra]
    users, user_codes = _coded([*sides, *circle])
    items, item_codes = _coded([rows.right for rows in interactions])
    parts = [
        _merged(rows, user_codes[2 * at], item_codes[at], len(items), merge)
        for at, rows in enumerate(interactions)
    ]
    edges = None
    if trust is not None:
        source, target = user_codes[len(sides) : len(sides) + 2]
        edges = _edges(trust, source, target, len(users), undirected)
    if not any(len(part) for part in parts) and not (edges is not None and len(edges)):
        where = train or trust
        assert where is not None
        raise DataError(f"{where.path}: there is no interaction and no trust in it")
    return Community(
        name,
        users,
        items,
        parts[0] if train is not None else _nothing(),
        edges,
        parts[-1] if test is not None else None,
        {} if titles is None else {item: titles[item] for item in items if item in titles},
    )


def _nothing() -> Interactions:
    """Return no interactions."""
    return Interactions.of(np.zeros(0, np.int32), np.zeros(0, np.int32))


def _coded(columns: list[Ids]) -> tuple[tuple[str, ...], list[Int32s]]:
    """Return the raw names in order of their codes, and each column as codes."""
    if not columns:
        return (), []
    ends = np.cumsum([len(column) for column in columns])
    if all(column.dtype == np.int64 for column in columns):
        names, codes = _coded_integers(np.concatenate(columns).astype(np.int64))
    else:
        names, codes = _coded_text([str(name) for column in columns for name in column.tolist()])
    return names, np.split(codes, ends[:-1])


def _coded_integers(values: Int64s) -> tuple[tuple[str, ...], Int32s]:
    """Return integer names by value, and codes."""
    largest = int(values.max(initial=0))
    if largest > 8 * len(values) + 1000:
        unique, codes = np.unique(values, return_inverse=True)
        return tuple(map(str, unique.tolist())), codes.astype(np.int32)
    # Dense names, the usual case: a table of flags is many times faster than sorting.
    seen = np.zeros(largest + 1, bool)
    seen[values] = True
    names = tuple(map(str, np.flatnonzero(seen).tolist()))
    return names, (np.cumsum(seen, dtype=np.int32) - 1)[values].astype(np.int32)


def _coded_text(values: list[str]) -> tuple[tuple[str, ...], Int32s]:
    """Return names: plain integers by value, then the others by code point; and codes."""
    names = sorted(set(values), key=_name_order)
    code_of = {name: code for code, name in enumerate(names)}
    return tuple(names), np.fromiter((code_of[name] for name in values), np.int32, len(values))


def _name_order(name: str) -> tuple[bool, int, str]:
    """Return what names are ordered by."""
    plain = name.isascii() and name.isdigit() and len(name) <= 18
    return (not plain, int(name) if plain else 0, name)


def _merged(rows: Rows, user: Int32s, item: Int32s, n_items: int, merge: Merge) -> Interactions:
    """Return one row per (user, item) pair, in file order, without zero weights."""
    keys = user.astype(np.int64) * max(1, n_items) + item
    kept = _newest_first_place(keys, rows.time)
    weight, time = rows.weight, rows.time
    if kept is None:
        found = Interactions.of(user, item, weight, time)
    else:
        first, newest, group = kept
        merged = weight[newest] if merge == "last" else np.bincount(group, weight)
        newest_time = None if time is None else time[newest]
        found = Interactions.of(user[first], item[first], merged, newest_time)
    return found if found.weight.all() else found.take(found.weight > 0)


def _newest_first_place(
    keys: Int64s, time: Float64s | None
) -> tuple[Int64s, Int64s, Int64s] | None:
    """Return per distinct key its first row and its newest row, then the group of each row.

    Groups are numbered by first row. None where all keys are distinct.
    """
    by_key = np.sort(keys)
    if not (by_key[1:] == by_key[:-1]).any():
        return None
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    group = rank[group]
    rows = np.arange(len(keys))
    order = rows if time is None else np.lexsort((rows, time))
    newest = np.empty(len(first), np.int64)
    # Assigned in order of time: the last assignment of a group wins.
    newest[group[order]] = order
    return np.sort(first), newest, group


def _edges(
    rows: Rows, source: Int32s, target: Int32s, n_users: int, undirected: bool
) -> TrustEdges:
    """Return one trust edge per pair, scaled into [−1, 1]."""
    weight, time = rows.weight, rows.time
    if undirected:
        source, target = np.concatenate([source, target]), np.concatenate([target, source])
        weight = np.concatenate([weight, weight])
        time = None if time is None else np.concatenate([time, time])
    kept = _newest_first_place(source.astype(np.int64) * n_users + target, time)
    newest = np.arange(len(source)) if kept is None else kept[1]
    newest = newest[(source[newest] != target[newest]) & (weight[newest] != 0)]
    weight = weight[newest]
    scale = max(1.0, float(np.abs(weight).max(initial=0)))
    scaled = (weight / scale).astype(np.float32)
    return TrustEdges(
        source[newest], target[newest], scaled, None if time is None else time[newest]
    )
