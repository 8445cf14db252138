"""Say how a node takes part: what it publishes, what it replicates, how it listens."""

from __future__ import annotations

from dataclasses import dataclass

from peerrec.errors import ConfigError
from peerrec.limits import DAY_S, HALF_LIFE_S, STATEMENTS_MAX, TABLE_ROWS_MAX, WINDOW_S
from peerrec.protocol.invite import Address
from peerrec.protocol.messages import Profile
from peerrec.ranking.merit import MeritParameters

__all__ = ["NodeSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """How a node takes part; the defaults suit one person's computer.

    Attributes:
        profile: whether peers may push at any time (DESKTOP) or wait to be asked (BATTERY).
        follow_bytes_max: bytes of other people's segments that are kept.
        exploration_share: part of those for strangers whom nobody here trusts yet, 0 … .5.
        batch_count: public interactions that make a segment at once.
        batch_delay_s: seconds after which fewer make one, too. Longer hides better when one
            listens, and costs fewer bytes.
        publish_trust: whether trust in peers is published; blocks and mutes never are.
        address: where others can reach this node; None if they cannot.
        window_s: age beyond which nothing is kept or offered; the same in a whole network, or
            sessions between nodes that differ never converge. Shorter ones are for experiments.
        half_life_s: of trust, as the ranking has it.
        merit_walks: random walks that measure whom to follow.
        merit_transitivity_decay: probability that one of them ends before each hop, as the
            ranking has it.
        merit_connectivity_decay: part of its merit that a peer behind one bridge loses, as the
            ranking has it.
        factors: whether tables of factors are exchanged with peers.
        factor_people: K, trusted peers whose records the own table begins with.
        factor_every_s: mean time between exchanges that the node begins, three times as long
            on battery; it answers as many.
        factor_rest_s: how long a node that averaged to the end begins none: tastes last
            longer. It answers those who do; else newcomers would find nobody.
        factor_rows_max: rows of a table that are sent and kept, those with most users.
        factor_mix_min: trusted peers whose records must be in the table before a person who
            publishes nothing is; with fewer, the table is the trusted peers' alone.
        factor_private_kept: probability with which a table says an item of a person who
            publishes nothing, among as many decoys; 1 says all as it is.
        agent: name and version of the program, shown to peers.

    Raises:
        ConfigError: a value is out of its range; names it.
    """

    profile: Profile = Profile.DESKTOP
    follow_bytes_max: int = 64 << 20
    exploration_share: float = 0.1
    batch_count: int = 32
    batch_delay_s: float = 60.0
    publish_trust: bool = True
    address: Address | None = None
    window_s: float = WINDOW_S
    half_life_s: float = HALF_LIFE_S
    merit_walks: int = 2_000
    merit_transitivity_decay: float = 0.3
    merit_connectivity_decay: float = 0.5
    factors: bool = True
    factor_people: int = 50
    factor_every_s: float = 600.0
    factor_rest_s: float = DAY_S
    factor_rows_max: int = 16_384
    factor_mix_min: int = 50
    factor_private_kept: float = 0.25
    agent: str = "peerrec"

    def __post_init__(self) -> None:
        allowed = {
            "follow_bytes_max": (self.follow_bytes_max >= 1 << 16, "at least 65,536 bytes"),
            "exploration_share": (0.0 <= self.exploration_share <= 0.5, "a share in 0 … .5"),
            "batch_count": (1 <= self.batch_count <= STATEMENTS_MAX, f"1 … {STATEMENTS_MAX}"),
            "batch_delay_s": (0.0 <= self.batch_delay_s <= 86_400.0, "0 … 86,400 seconds"),
            "window_s": (3_600.0 <= self.window_s <= WINDOW_S, f"3,600 … {WINDOW_S:.0f} seconds"),
            "half_life_s": (self.half_life_s > 0.0, "a positive number of seconds"),
            "merit_walks": (100 <= self.merit_walks <= 100_000, "100 … 100,000"),
            "merit_transitivity_decay": (
                0.0 < self.merit_transitivity_decay <= 1.0,
                "a probability in (0, 1]",
            ),
            "merit_connectivity_decay": (
                0.0 <= self.merit_connectivity_decay <= 1.0,
                "a share in 0 … 1",
            ),
            "factor_people": (1 <= self.factor_people <= 1_000, "1 … 1,000"),
            "factor_every_s": (1.0 <= self.factor_every_s <= 864_000.0, "1 … 864,000 seconds"),
            "factor_rest_s": (0.0 <= self.factor_rest_s <= 8_640_000.0, "0 … 8,640,000 seconds"),
            "factor_rows_max": (
                1 <= self.factor_rows_max <= TABLE_ROWS_MAX,
                f"1 … {TABLE_ROWS_MAX}",
            ),
            "factor_mix_min": (self.factor_mix_min >= 1, "at least 1"),
            "factor_private_kept": (
                0.0 < self.factor_private_kept <= 1.0,
                "a probability in (0, 1]",
            ),
        }
        for key, (good, what) in allowed.items():
            if not good:
                raise ConfigError(f"node.{key}", getattr(self, key), what)

    @property
    def merit(self) -> MeritParameters:
        """How merit is measured for replication."""
        return MeritParameters(
            walks=self.merit_walks,
            transitivity_decay=self.merit_transitivity_decay,
            connectivity_decay=self.merit_connectivity_decay,
        )
