"""Blend the walk and the factors of one person into one list.

The two err differently: the walk follows few, personal paths exactly; the factors smooth
over everybody. Per ego, over the items that somebody heard has,

    s(j) = (1 − share) · z(walk(j)) + share · z(factor(j) · m(j)^−factor_discount)
    m(j) = Σ_u g(u) d(u)^−2user_exponent a(u, j)     what heard people give it, g(ego) = 0

with z the standardisation to mean 0 and deviation 1; m is the walk's m(i) up to a constant
and without damping. An item with m(j) = 0 gets 0, whatever the factors say: what nobody
trusted has never enters through a table that strangers helped to fill. All others get more
than 0, so that 0 means what it means in a walk; sizes compare within one list only.

Tried in place of z on hold-outs of the training parts of LastFM, ml-1m and Gowalla: unit length,
units of the 100th best, the logarithm. At the best share all are about as good. The logarithm
of the rank is better there, but steep: half a grid away from that share it loses more than it
gains. A `factor_discount` above 0 helps where the walk prefers the popular (Gowalla).

Share and discount are tuned on the device; see `peerrec.ranking.blend_tuning`.

Example:
    >>> walk = np.array([[3.0], [1.0], [0.0], [0.0]], np.float32)
    >>> factor = np.array([[0.1], [0.9], [0.2], [0.9]], np.float32)
    >>> heard = np.array([[2.0], [1.0], [1.0], [0.0]], np.float32)
    >>> both = blended(walk, factor, heard, BlendParameters(share=0.4))
    >>> both[:, 0].argsort().tolist(), float(both[3, 0])
    ([3, 2, 1, 0], 0.0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec.ranking.salsa import Salsa

__all__ = ["BLENDED", "BlendParameters", "blended", "heard_mass", "standardised"]

Float32s: TypeAlias = npt.NDArray[np.float32]

BLENDED: Mapping[str, Sequence[float]] = {
    "share": tuple(round(0.05 * step, 2) for step in range(21)),
    "factor_discount": (-0.1, 0.0, 0.1, 0.2, 0.3),
}
"""Settings that only combine scores: next to free."""

FLOOR: Final = np.float32(1e-6)
"""Of an item that is heard of, however badly it scores."""


class BlendParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How walk and factors are mixed.

    Attributes:
        share: 0 … 1, of the factors; 0 is the walk alone.
        factor_discount: −1 … 1, exponent of an item's heard mass that factors are divided by.
    """

    share: float = 0.4
    factor_discount: float = 0.0

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        for key, low in (("share", 0), ("factor_discount", -1)):
            if not low <= getattr(self, key) <= 1:
                raise ConfigError(key, getattr(self, key), f"give {low} to 1")


def heard_mass(salsa: Salsa, ego: int | None = None, gate: Float32s | None = None) -> Float32s:
    """Return what heard people give each item, shape (n_items,); 0 is no trusted evidence.

    Args:
        salsa: the walk whose `user_exponent` weighs people.
        ego: whose own items are no evidence; None to leave nobody out.
        gate: g(u) in [0, 1], shape (n_users,); None counts everyone alike.
    """
    if gate is None and ego is None:
        return salsa.open_mass[:, 0]
    weight = salsa.link_mass[:, 0] * (np.float32(1) if gate is None else gate)
    if ego is not None:
        weight = weight.copy()
        weight[ego] = 0
    return salsa.view.spread(weight, from_items=False)


def blended(
    walk: Float32s, factor: Float32s, heard: Float32s, parameters: BlendParameters
) -> Float32s:
    """Return the scores of both together, shape (n_items, b).

    Args:
        walk: scores of the walk, shape (n_items, b).
        factor: x_u·y_i, shape (n_items, b); 0 for items that no table knows.
        heard: mass of trusted evidence, shape (n_items, b), or (n_items, 1) for all alike.
        parameters: the mixture.
    """
    listed = heard > 0
    share = np.float32(parameters.share)
    total = standardised(walk, listed) * (1 - share)
    discounted = discounted_factors(factor, heard, parameters.factor_discount)
    total += standardised(discounted, listed) * share
    lowest = np.min(total, axis=0, where=listed, initial=np.inf)
    total -= np.where(np.isfinite(lowest), lowest, 0)
    return np.asarray(np.where(listed, total + FLOOR, 0), np.float32)


def discounted_factors(factor: Float32s, heard: Float32s, discount: float) -> Float32s:
    """Return factor scores over the heard mass to a power; 0 where nothing is heard."""
    if discount == 0:
        return np.asarray(factor * (heard > 0), np.float32)
    divisor = np.zeros_like(heard)
    np.power(heard, np.float32(-discount), out=divisor, where=heard > 0)
    return np.asarray(factor * divisor, np.float32)


def standardised(scores: Float32s, listed: npt.NDArray[np.bool_]) -> Float32s:
    """Return scores with mean 0 and deviation 1 over the listed items of every column."""
    n = np.maximum(np.broadcast_to(listed, scores.shape).sum(axis=0), 1).astype(np.float32)
    mean = np.sum(scores, axis=0, where=listed) / n
    centred = scores - mean
    deviation = np.sqrt(np.sum(np.square(centred), axis=0, where=listed) / n)
    usable = deviation > np.finfo(np.float32).tiny
    centred *= np.divide(1, deviation, out=np.zeros_like(deviation), where=usable)
    return np.asarray(centred, np.float32)
