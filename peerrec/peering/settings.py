"""Say how a node takes part: what it publishes, what it replicates, how it listens."""

from __future__ import annotations

from dataclasses import dataclass

from peerrec.errors import ConfigError
from peerrec.limits import HALF_LIFE_S, STATEMENTS_MAX, WINDOW_S
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
