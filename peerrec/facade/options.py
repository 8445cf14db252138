"""Say how a recommender keeps and ranks; one place for all defaults.

Example:
    >>> Options(window_s=30 * 86_400.0).tune
    True
    >>> Options(tune_s=-1.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    peerrec.errors.ConfigError: tune_s: -1.0 is not allowed; give a positive number of seconds
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peerrec.errors import ConfigError
from peerrec.limits import HALF_LIFE_S, STORE_BYTES_MAX, STORE_BYTES_MIN
from peerrec.store.rows import RawId

if TYPE_CHECKING:
    from peerrec.ranking.rank import RankSettings

__all__ = ["Options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a recommender keeps and ranks; the defaults suit one person's device.

    Attributes:
        settings: shape of the ranking; None for the defaults.
        bootstrap: raw ids of peers to borrow eyes from while own friends are few.
        use_trust: False counts every author alike: strangers then decide what is
            recommended. For experiments.
        factors: whether a factor table that a node of the same store serves is mixed into
            lists; without such a table it makes no difference.
        half_life_s: seconds in which an interaction's weight halves; ``inf`` for never.
        window_s: age at which interactions are removed; None keeps them.
        size_bytes_max: size of the store at which the oldest are removed; 256 MiB, some
            14 million interactions, by default; None for no bound. The graph file beside a
            large store takes about two thirds as much.
        tune: whether to search for better parameters in the background, once there are
            enough own interactions.
        tune_s: time budget of such a search, in seconds.
        seed: of the walkers; the same content and seed give the same list.

    Raises:
        ConfigError: a number is out of its range; names it.
    """

    settings: RankSettings | None = None
    bootstrap: tuple[RawId, ...] = ()
    use_trust: bool = True
    factors: bool = True
    half_life_s: float = HALF_LIFE_S
    window_s: float | None = None
    size_bytes_max: int | None = STORE_BYTES_MAX
    tune: bool = True
    tune_s: float = 20.0
    seed: int = 0

    def __post_init__(self) -> None:
        for key in ("half_life_s", "window_s", "tune_s"):
            value = getattr(self, key)
            # written so that a NaN counts as refused
            if value is not None and not value > 0:
                raise ConfigError(key, value, "give a positive number of seconds")
        if self.size_bytes_max is not None and self.size_bytes_max < STORE_BYTES_MIN:
            raise ConfigError(
                "size_bytes_max", self.size_bytes_max, f"give at least {STORE_BYTES_MIN} bytes"
            )
        if self.seed < 0:
            raise ConfigError("seed", self.seed, "give an integer ≥ 0")
