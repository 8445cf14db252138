"""Rank items for one person: personalised SALSA, gated by merit, corrected by ridge.

Walks in the spirit of SALSA (Lempel & Moran 2001), GraphJet (Sharma et al. 2016) and
P3α/RP3β (Cooper 2014, Paudel 2016) go ego → item → hub → item. Here, with

    w(u, i)   affinity of hub u to item i, Σ_i w(u, i) = W(u)       x(i) = w(ego, i)
    g(u)      gate of hub u in [0, 1]: capped merit; 1 for all without trust; g(ego) = 0
    m(i)      = Σ_u g(u) w(u, i) / W(u) + damp · c                  damped trusted mass
    c         = mean trusted mass of the ego's own items
    R(u, i)   = √g(u) · w(u, i) · W(u)^−user_exponent · m(i)^−item_exponent

the plain walk is r = R (x · m^−entry_discount), s = Rᵀ r. It over-counts hubs that
resemble each other; the ridge walk undoes that by solving, over hubs,

    (R Rᵀ + λ I) y = r,     s = Rᵀ y · m^−popularity_discount

with `rounds` steps of conjugate gradients, λ = ridge · |Rᵀ r|² / |r|². One round is the plain
walk; every further round adds walks two steps longer, with the signs and sizes that
explain the ego's own items best. An item enters only through hubs with g > 0.

Why each ingredient: *gate* — strangers without merit weigh nothing; *cap* — a few close
friends cannot dominate; *damp* — without it, clones of honest profiles own rare items
outright and are handed the walk. Damping and discounting use trusted mass, never raw
degree, so that nobody starves an item by piling identities on it.

Cost: `rounds` products with R and `rounds` with Rᵀ; the first starts from the ego's
items only.

Example:
    >>> from peerrec.ranking.interactions import InteractionGraph
    >>> graph = InteractionGraph()
    >>> graph.extend([0, 0, 1, 1, 1], [0, 1, 0, 1, 2], 1.0, 0.0)
    >>> walk = Salsa(graph.snapshot()).walk(0)
    >>> int(walk.scores.argmax()), int(walk.hubs.argmax())
    (2, 1)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec.ranking.snapshot import InteractionSnapshot

__all__ = ["Salsa", "SalsaParameters", "Steps", "Walk", "gates", "ridge_solution"]

Int32s: TypeAlias = npt.NDArray[np.int32]
Float32s: TypeAlias = npt.NDArray[np.float32]

# Below this a squared norm is noise: no trusted hub shares anything with the ego.
TINY = np.float32(1e-30)


class SalsaParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What shapes the walk; the defaults are the same for every data set.

    Attributes:
        user_exponent: 0 … 1, how much of a hub's strength is divided out.
        item_exponent: 0 … 1, how much of an item's trusted mass is, in every step.
        entry_discount: −1 … 1, further exponent on the ego's own items.
        popularity_discount: −1 … 1, further exponent on the ranked items; negative
            values favour the popular.
        ridge: > 0, size of λ against the energy of the plain walk; large ones keep to it.
        rounds: 1 … 10, conjugate-gradient rounds; 1 is the plain three-step walk.
        damp: ≥ 0, damping of the trusted mass; used only where a gate is given.
    """

    user_exponent: float = 0.4
    item_exponent: float = 0.25
    entry_discount: float = 0.3
    popularity_discount: float = -0.1
    ridge: float = 0.5
    rounds: int = 2
    damp: float = 0.1

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        allowed = {
            "user_exponent": (0, 1),
            "item_exponent": (0, 1),
            "entry_discount": (-1, 1),
            "popularity_discount": (-1, 1),
            "ridge": (1e-6, 1e6),
            "rounds": (1, 10),
            "damp": (0, 1e6),
        }
        for key, (low, high) in allowed.items():
            value = getattr(self, key)
            if not low <= value <= high:
                raise ConfigError(key, value, f"give {low} to {high}")


def gates(merit: npt.NDArray[np.floating], cap: float, exponent: float) -> Float32s:
    """Return what each hub may contribute: ``(min(merit, cap) / cap) ^ exponent``.

    Args:
        merit: share of walks per user, any shape.
        cap: > 0, merit beyond which a hub counts no more.
        exponent: ≥ 0; below 1 lifts the distant, 0 is a plain gate (reached or not).
    """
    capped = np.minimum(merit, cap) / cap
    gate = np.where(merit > 0, capped**exponent, 0.0)
    return gate.astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Where the walks of a block of b egos went.

    Attributes:
        scores: float32, shape (n_items, b); 0 where no walk leads.
        hubs: float32, shape (n_users, b); contribution of each hub per unit of its
            affinity, signed from the second round on.
        entries: float32, shape (n_items, b); what each own item sends to a hub per unit
            of the hub's affinity to it.
    """

    scores: Float32s
    hubs: Float32s
    entries: Float32s


class Salsa:
    """Walks over one snapshot; reusable for many egos.

    Args:
        view: the interactions to walk on.
        parameters: the walk's shape.
    """

    def __init__(
        self, view: InteractionSnapshot, parameters: SalsaParameters | None = None
    ) -> None:
        self.view = view
        self.parameters = parameters or SalsaParameters()

    @cached_property
    def _inverse_strength(self) -> Float32s:
        strength = self.view.strength
        return _power(strength, -1.0)

    @cached_property
    def _user_scale(self) -> Float32s:
        """W(u)^−user_exponent, shape (n_users, 1)."""
        return _power(self.view.strength, -self.parameters.user_exponent)[:, None]

    @cached_property
    def _open_mass(self) -> Float32s:
        """Mass of every item when all users count alike, shape (n_items, 1)."""
        everyone = np.arange(self.view.n_users, dtype=np.int32)
        return self.view.to_items(everyone, self._inverse_strength)[:, None]

    def walk(
        self,
        ego: int,
        gate: Float32s | None = None,
        profile: tuple[Int32s, Float32s] | None = None,
    ) -> Walk:
        """Return the exact walk of one ego.

        Args:
            ego: its user code; never a hub of its own.
            gate: g(u) in [0, 1], shape (n_users,); None counts everyone alike.
            profile: items and affinities to start from instead of the ego's own.
        """
        return self.walk_block(np.array([ego]), self.start(ego, profile), _column(gate))

    def start(self, ego: int, profile: tuple[Int32s, Float32s] | None = None) -> Float32s:
        """Return where one ego's walks start: its affinities, shape (n_items, 1)."""
        items, affinities = self.view.items_of(ego) if profile is None else profile
        start = np.zeros((self.view.n_items, 1), np.float32)
        start[items, 0] = affinities
        return start

    def walk_block(
        self, egos: npt.NDArray[np.integer], start: Float32s, gate: Float32s | None = None
    ) -> Walk:
        """Return the exact walks of b egos at once.

        Args:
            egos: user codes, shape (b,).
            start: affinities each ego starts from, shape (n_items, b).
            gate: g(u) in [0, 1], shape (n_users, b); None counts everyone alike.
        """
        steps = Steps(self, np.asarray(egos), start, gate)
        target = steps.to_hubs(steps.entries)
        hubs, items = ridge_solution(steps, target, self.parameters)
        items *= steps.discount
        hubs *= steps.user_scale
        return Walk(items, hubs, steps.entries * steps.item_scale)


class Steps:
    """R and Rᵀ of the module docstring, for one block of egos.

    Attributes:
        mass: m(i), shape (n_items, b), or (n_items, 1) without a gate.
        user_scale: what R multiplies the affinities of each hub with, (n_users, b or 1).
        item_scale: what R multiplies the affinities to each item with, like `mass`.
        entries: x · m^−entry_discount, shape (n_items, b).
        discount: m^−popularity_discount, like `mass`.
    """

    def __init__(
        self, salsa: Salsa, egos: npt.NDArray[np.integer], start: Float32s, gate: Float32s | None
    ) -> None:
        self._view = salsa.view
        self._egos = (egos, np.arange(len(egos)))
        self.user_scale = salsa._user_scale
        if gate is None:
            self.mass = salsa._open_mass
        else:
            gate = gate.copy()
            gate[self._egos] = 0
            self.user_scale = self.user_scale * np.sqrt(gate)
            mass = self._multiply_to_items(gate * salsa._inverse_strength[:, None])
            own = start > 0
            c = (mass * own).sum(axis=0) / np.maximum(own.sum(axis=0), 1)
            self.mass = mass + salsa.parameters.damp * c
        options = salsa.parameters
        self.item_scale = _power(self.mass, -options.item_exponent)
        self.entries = start * _power(self.mass, -options.entry_discount)
        self.discount = _power(self.mass, -options.popularity_discount)

    def to_hubs(self, at_items: Float32s) -> Float32s:
        """Return R · at_items, shape (n_users, b); no ego reaches itself."""
        hubs = self._multiply_to_users(at_items * self.item_scale)
        hubs *= self.user_scale
        hubs[self._egos] = 0
        return hubs

    def to_items(self, at_hubs: Float32s) -> Float32s:
        """Return Rᵀ · at_hubs, shape (n_items, b)."""
        items = self._multiply_to_items(at_hubs * self.user_scale)
        items *= self.item_scale
        return items

    def _multiply_to_users(self, values: Float32s) -> Float32s:
        if values.shape[1] > 1:
            return np.asarray(self._view.matrix @ values)
        rows = np.flatnonzero(values).astype(np.int32)
        return self._view.to_users(rows, values[rows, 0])[:, None]

    def _multiply_to_items(self, values: Float32s) -> Float32s:
        if values.shape[1] > 1:
            return np.asarray(self._view.transposed @ values)
        rows = np.flatnonzero(values).astype(np.int32)
        return self._view.to_items(rows, values[rows, 0])[:, None]


class Operator(Protocol):
    """A matrix R between items and hubs, by its two products."""

    def to_hubs(self, at_items: Float32s) -> Float32s:
        """Return R · at_items."""
        ...

    def to_items(self, at_hubs: Float32s) -> Float32s:
        """Return Rᵀ · at_hubs."""
        ...


def ridge_solution(
    step: Operator, target: Float32s, options: SalsaParameters
) -> tuple[Float32s, Float32s]:
    """Return y of (R Rᵀ + λ I) y = target after some conjugate-gradient rounds, and Rᵀ y.

    Hestenes & Stiefel (1952), all egos of the block side by side, from y = 0. λ is relative
    to the Rayleigh quotient of the target, so that it means the same for every ego.
    """
    residual = direction = target
    energy = _squares(residual)
    at_items = step.to_items(direction)
    spread = _squares(at_items)
    penalty = np.float32(options.ridge) * _ratio(spread, energy)
    length = _ratio(energy, spread + penalty * energy)
    solution, items = direction * length, at_items * length
    for _ in range(options.rounds - 1):
        residual = residual - length * (step.to_hubs(at_items) + penalty * direction)
        previous, energy = energy, _squares(residual)
        direction = residual + direction * _ratio(energy, previous)
        at_items = step.to_items(direction)
        length = _ratio(energy, _squares(at_items) + penalty * _squares(direction))
        solution += direction * length
        items += at_items * length
    return solution, items


def _column(gate: Float32s | None) -> Float32s | None:
    return None if gate is None else gate[:, None]


def _ratio(above: Float32s, below: Float32s) -> Float32s:
    return np.asarray(above / np.maximum(below, TINY), np.float32)


def _squares(columns: Float32s) -> Float32s:
    """Return the squared norm of every column, shape (b,)."""
    return np.asarray(np.einsum("ij,ij->j", columns, columns), np.float32)


def _power(base: Float32s, exponent: float) -> Float32s:
    """Return base^exponent, and 0 where the base is 0."""
    if exponent == 0:
        return np.ones_like(base)
    out = np.zeros_like(base)
    np.power(base, np.float32(exponent), out=out, where=base > 0)
    return out
