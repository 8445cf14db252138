"""Hold interactions out: by hash, by time, or as the source ships it.

A hash split needs no random numbers and no order: h is the first 4 bytes (big endian) of
SHA-256 of the text ``<salt>:<user>:<item>`` with raw names. Anybody gets the same split
from the same pairs, and it stays when rows or whole users are added.

* ``hash`` ("hash 80/20"): salt 1, test where h mod 5 = 0.
* ``hash-8:1:1``: salt 1, test where h mod 10 = 0, validation where h mod 10 = 1.
* ``time``: the newest 20 % of each user's interactions.

About 1 µs a pair.

Example:
    >>> from peerrec_sim.community import Interactions
    >>> plays = Interactions.of([0] * 8, range(8))
    >>> whole = Community("tiny", ("ann",), tuple("abcdefgh"), plays)
    >>> parts = split(whole, "hash")
    >>> [whole.items[i] for i in parts.test.item]
    ['b']
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError, DataError
from peerrec_sim.community import Community, Interactions

__all__ = ["HOLDOUT_SALT", "Kind", "ThreeParts", "hash_8_1_1", "hash_values", "holdout", "split"]

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]
UInt32s = npt.NDArray[np.uint32]

Kind = Literal["auto", "shipped", "hash", "hash-8:1:1", "time"]

_TEST_SALT = 1
HOLDOUT_SALT = 2
"""Of tuners: independent of the test split, which uses salt 1."""

_TIME_PART = 5
_HASH_RANGE = 2**32


@dataclass(frozen=True, slots=True)
class ThreeParts:
    """A community in three parts.

    Attributes:
        community: training part as interactions, test part as test.
        validation: what belongs to neither.
    """

    community: Community
    validation: Interactions


def hash_values(community: Community, part: Interactions, salt: int) -> UInt32s:
    """Return h of each row: uint32, uniform over the range."""
    hasher = hashlib.sha256
    prefixes = [f"{salt}:{user}:".encode() for user in community.users]
    suffixes = [item.encode() for item in community.items]
    pairs = zip(part.user.tolist(), part.item.tolist(), strict=True)
    digests = b"".join([hasher(prefixes[u] + suffixes[i]).digest()[:4] for u, i in pairs])
    return np.frombuffer(digests, ">u4").astype(np.uint32)


def split(community: Community, kind: Kind = "auto") -> Community:
    """Return the community with a test part.

    Args:
        community: whose interactions are split; a shipped test part is kept as it is
            under ``auto`` and ``shipped``, and put back before any other split.
        kind: ``auto`` takes the shipped split where there is one, else ``hash``. Of
            ``hash-8:1:1`` the validation part is left out; see :func:`hash_8_1_1`.

    Raises:
        ConfigError: the kind is not known.
        DataError: there is nothing to split, no shipped split, or no time.
    """
    if kind not in get_args(Kind):
        raise ConfigError("split", kind, f"use one of {', '.join(get_args(Kind))}")
    if kind == "auto":
        kind = "hash" if community.test is None else "shipped"
    if kind == "shipped":
        if community.test is None:
            raise DataError(f"{community.name}: the source ships no test part; use split hash")
        return community
    whole = _whole(community)
    if not len(whole.interactions):
        raise DataError(f"{community.name}: there is no interaction to split")
    if kind == "hash-8:1:1":
        return hash_8_1_1(whole).community
    held = _newest(whole) if kind == "time" else _hashed(whole) % 5 == 0
    return _parted(whole, held)


def hash_8_1_1(community: Community) -> ThreeParts:
    """Return training, validation and test part by "hash 8:1:1"."""
    whole = _whole(community)
    slot = _hashed(whole) % 10
    train = _parted(whole, slot == 0)
    validation = whole.interactions.take(slot == 1)
    kept = whole.interactions.take(slot > 1)
    return ThreeParts(dataclasses.replace(train, interactions=kept), validation)


def holdout(
    train: Community,
    share: float,
    salt: int = HOLDOUT_SALT,
    users: Sequence[int] | Int32s | None = None,
) -> Community:
    """Return a community whose test part is held out of the training part.

    Tuners measure on it without ever seeing the real test part, which is dropped. A user
    keeps at least one interaction: where the hash takes all, nothing of theirs is held
    out.

    Args:
        train: only its interactions are used.
        share: expected share of interactions to hold out, 0 < share < 1.
        salt: of the hash; another salt is another independent draw.
        users: hold out of these users only; None for all.

    Raises:
        ConfigError: the share is not inside (0, 1), or the salt is the test split's own.
    """
    if not 0 < share < 1:
        raise ConfigError("share", share, "hold out more than 0 and less than 1")
    if salt == _TEST_SALT:
        raise ConfigError("salt", salt, "1 is the salt of the test split; use another")
    part = train.interactions
    held = hash_values(train, part, salt) < share * _HASH_RANGE
    if users is not None:
        held &= np.isin(part.user, np.asarray(users, dtype=np.int32))
    kept = np.bincount(part.user[~held], minlength=train.n_users)
    held &= kept[part.user] > 0
    return _parted(dataclasses.replace(train, test=None), held)


def _hashed(community: Community) -> UInt32s:
    """Return h of each interaction with the test split's salt."""
    return hash_values(community, community.interactions, _TEST_SALT)


def _parted(community: Community, held: Bools) -> Community:
    """Return the community with the held rows as its test part."""
    part = community.interactions
    return dataclasses.replace(community, interactions=part.take(~held), test=part.take(held))


def _whole(community: Community) -> Community:
    """Return the community with a shipped test part put back, once per pair."""
    if community.test is None:
        return community
    first, second = community.interactions, community.test
    timed = first.time is not None and second.time is not None
    both = Interactions(
        np.concatenate([first.user, second.user]),
        np.concatenate([first.item, second.item]),
        np.concatenate([first.weight, second.weight]),
        np.concatenate([first.time, second.time]) if timed else None,
    )
    keys = both.user.astype(np.int64) * max(1, community.n_items) + both.item
    _, rows = np.unique(keys, return_index=True)
    return dataclasses.replace(community, interactions=both.take(np.sort(rows)), test=None)


def _newest(community: Community) -> Bools:
    """Mark the newest 20 % of each user's rows, rounded down; ties by item code.

    Among rows of one time the higher item code counts as newer, so that the split does
    not depend on the order of rows.
    """
    part = community.interactions
    if part.time is None:
        raise DataError(f"{community.name}: the interactions have no time; use split hash")
    order = np.lexsort((part.item, part.time, part.user))
    count = np.bincount(part.user, minlength=community.n_users)
    start = np.cumsum(count) - count
    owner = part.user[order]
    position = np.arange(len(part)) - start[owner]
    held = np.zeros(len(part), bool)
    held[order] = position >= count[owner] - count[owner] // _TIME_PART
    return held
