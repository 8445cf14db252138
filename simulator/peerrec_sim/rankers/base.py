"""Say what a ranker is: typed parameters, a fit to a community, scores for users.

Example:
    >>> from peerrec_sim.rankers import by_name
    >>> by_name("p3alpha").with_settings({"transition_exponent": "1.2"}).parameters
    P3AlphaParameters(transition_exponent=1.2)
"""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, runtime_checkable

import msgspec
import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec_sim.community import Community

__all__ = [
    "AnyRanker",
    "ExposesMerit",
    "FlagsPeers",
    "Float32s",
    "Float64s",
    "Int32s",
    "Parameters",
    "Ranker",
]

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what a ranker can be told; constraints are in the field types."""


P = TypeVar("P", bound=Parameters)


class Ranker(ABC, Generic[P]):
    """Score items for users of one community.

    A ranker is fitted once and then only read: scoring from forked processes and in
    any order of blocks gives the same scores. What draws at random derives one
    generator per user from the seed of the fit.

    Attributes:
        name: what the command line calls it.
        uses_trust: whether trust edges of the community change the scores.
        parameters: the settings in force.
    """

    name: ClassVar[str]
    uses_trust: ClassVar[bool] = False
    parameters_type: type[P]

    def __init__(self, parameters: P | None = None) -> None:
        self.parameters: P = self.parameters_type() if parameters is None else parameters

    @abstractmethod
    def fit(self, community: Community, seed: int = 0) -> None:
        """Learn from ``community.interactions`` and, where used, its trust.

        A community without trust (``trust=None``) is ranked without it. The test
        part is never looked at.

        Raises:
            ConfigError: the community is too large for the allowed memory.
        """

    @abstractmethod
    def score(self, users: Int32s) -> Float32s:
        """Return scores of all items, float32, shape (b, n_items), never NaN.

        Items a user has already are scored like all others: the caller excludes
        them. The array belongs to the caller, who may overwrite it.

        Args:
            users: int32 codes, shape (b,).
        """

    def grid(self) -> dict[str, list[float]]:
        """Return, per tunable parameter, its candidate values in rising order."""
        return {}

    def with_settings(self, settings: Mapping[str, object]) -> Self:
        """Return an unfitted ranker with some parameters changed.

        Args:
            settings: parameter → value; text is parsed, as ``--set`` gives it.

        Raises:
            ConfigError: an unknown parameter or an impossible value.
        """
        changed = {key: self._parse(key, value) for key, value in settings.items()}
        return type(self)(msgspec.structs.replace(self.parameters, **changed))

    def _parse(self, key: str, value: object) -> Any:
        """Return the value in the parameter's own type."""
        types = {field.name: field.type for field in msgspec.structs.fields(self.parameters_type)}
        if key not in types:
            raise ConfigError(f"{self.name}.{key}", value, _known(self.name, sorted(types)))
        try:
            parsed = msgspec.convert(_number(value), types[key], strict=False)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{self.name}.{key}", value, _lower_first(str(error))) from None
        if isinstance(parsed, float) and not math.isfinite(parsed):
            raise ConfigError(f"{self.name}.{key}", value, "expected a finite number")
        return parsed


AnyRanker = Ranker[Any]


@runtime_checkable
class ExposesMerit(Protocol):
    """A ranker that can say how much merit reaches a region of users."""

    def region_merit(self, users: Int32s, region: Int32s) -> Float64s:
        """Return the share of each user's merit inside the region, 0 … 1, shape (b,)."""
        ...


@runtime_checkable
class FlagsPeers(Protocol):
    """A ranker whose connectivity decay flags users or items."""

    def false_flags(self, users: Int32s, sybils: Int32s, targets: Int32s) -> Float64s:
        """Return the share of honest users and items seen that each user flags, shape (b,).

        Args:
            users: int32 codes of those who rank, shape (b,).
            sybils: user codes that deserve a flag.
            targets: item codes that deserve a flag.
        """
        ...


def _known(ranker: str, names: Sequence[str]) -> str:
    """Return a sentence that lists the parameters there are."""
    if not names:
        return f"{ranker} has no parameters"
    return f"{ranker} has the parameters {', '.join(names)}"


def _number(value: object) -> object:
    """Return text like ``.5`` as the number it means; everything else as it is."""
    if isinstance(value, str) and value.strip().lstrip("+-").startswith("."):
        with contextlib.suppress(ValueError):
            return float(value)
    return value


def _lower_first(text: str) -> str:
    """Return the text as the second half of a sentence."""
    return text[:1].lower() + text[1:]
