"""``peerrec demo``: one person's list, then the same list while strangers attack."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from peerrec.errors import ConfigError, DataError
from peerrec.ranking.graph import Graph, GraphSnapshot
from peerrec.ranking.interning import Coded, RawId
from peerrec.ranking.rank import Ranking, rank
from peerrec.ranking.recommend import Recommendation
from peerrec_sim import attacks, datasets
from peerrec_sim.bootstrap import with_bootstrap
from peerrec_sim.commands.demo_network import show_network
from peerrec_sim.community import Community
from peerrec_sim.generator import generate

__all__ = ["demo"]

ATTACK = "clone"

FAVOURITE = "lastfm-2k"
"""Taken when PEERREC_DATA names a folder of data sets: music and friends."""
WITNESSES = 100
"""Other honest people whose lists are counted, with and without trust."""

HISTORY_MIN, FRIENDS_MIN = 15, 4
"""Whom the demo ranks for by default: somebody with a usual history and some friends."""


@click.command(context_settings={"show_default": True})
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="A data set with trust instead of the generated community, e.g. …/lastfm-2k "
    "[default: what PEERREC_DATA names, else generated]",
)
@click.option("--user", help="Whose list; by default somebody with friends and a history.")
@click.option("--n", default=10, help="Length of the list.")
@click.option("--sybils", default=1000, help="Invented identities that attack.")
@click.option("--attack-edges", default=5, help="Honest people who trust one of them.")
@click.option("--seed", default=7, help="Of the community, the attack and the walks.")
@click.option("--network/--no-network", default=True, help="Begin with five daemons on 127.0.0.1.")
def demo(
    data: Path | None,
    user: str | None,
    n: int,
    sybils: int,
    attack_edges: int,
    seed: int,
    network: bool,
) -> None:
    """Let five daemons meet, rank for one person, then let invented identities attack.

    Example: peerrec demo --data path/to/lastfm-2k --sybils 10000
    """
    if n < 1:
        raise ConfigError("n", n, "a list has at least 1 item")
    console = Console(highlight=False)
    community = with_bootstrap(_community(data, seed), seed)
    ego = _ego(community, user)
    peace = _Listener(community, ego, seed)
    console.print(
        f"[bold]{community.name}[/]: {community.n_users:,} people, {community.n_items:,} items, "
        f"{community.n_interactions:,} interactions, "
        f"{0 if community.trust is None else len(community.trust):,} trust edges"
    )
    if network:
        show_network(console, community, ego)
    ranking = peace.rank(use_trust=True)
    console.print(_reasons_table(peace, ranking.recommend(n)))
    for note in ranking.notes:
        console.print(note)
    if sybils:
        _show_attack(console, community, peace, n, sybils, attack_edges, seed)


@dataclasses.dataclass(slots=True)
class _Listener:
    """One person of a community, on a device that holds the whole community."""

    community: Community
    ego: int
    seed: int
    view: GraphSnapshot = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.view = _snapshot(self.community)

    def rank(self, *, use_trust: bool, ego: int | None = None) -> Ranking:
        """Return the ranking of the ego, or of somebody else."""
        who = self.ego if ego is None else ego
        return rank(
            self.view,
            self.community.users[who],
            np.random.default_rng([self.seed, who]),
            bootstrap=[self.community.users[peer] for peer in self.community.bootstrap],
            use_trust=use_trust,
        )

    def title(self, raw: RawId) -> str:
        """Return what a person would call an item."""
        return self.community.titles.get(str(raw), str(raw))

    @staticmethod
    def name(raw: RawId) -> str:
        """Return what to call a user: data sets know only numbers."""
        return f"user {raw!s}" if str(raw).isdecimal() else str(raw)


def _community(data: Path | None, seed: int) -> Community:
    """Return the asked data set, the one that PEERREC_DATA names, or a generated one."""
    if data is None and (named := os.environ.get("PEERREC_DATA")):
        folder = Path(named)
        data = folder / FAVOURITE if (folder / FAVOURITE).is_dir() else folder
    return generate(seed) if data is None else datasets.load(data)


def _snapshot(community: Community) -> GraphSnapshot:
    plays, trust = community.interactions, community.trust
    graph = Graph(half_life_s=float("inf"))
    graph.users.codes(community.users)
    graph.extend(
        Coded(community.users, plays.user), Coded(community.items, plays.item), plays.weight, 0.0
    )
    if trust is not None:
        graph.extend_trust(
            Coded(community.users, trust.source), Coded(community.users, trust.target), trust.weight
        )
    return graph.snapshot(now=0.0)


def _ego(community: Community, user: str | None) -> int:
    """Return the code of the asked user, or of the first usual one."""
    if user is not None:
        if user not in community.users:
            raise DataError(f"{community.name} has no user {user!r}; try {community.users[0]!r}")
        return list(community.users).index(user)
    history = np.bincount(community.interactions.user, minlength=community.n_users)
    friends = np.zeros(community.n_users, np.int64)
    if community.trust is not None:
        friends = np.bincount(community.trust.source, minlength=community.n_users)
    usual = np.flatnonzero((history >= HISTORY_MIN) & (friends >= FRIENDS_MIN))
    return int(usual[0]) if len(usual) else int(history.argmax())


def _reasons_table(listener: _Listener, recommended: list[Recommendation]) -> Table:
    table = Table(title=f"For {listener.name(listener.community.users[listener.ego])}")
    table.add_column("#", justify="right")
    table.add_column("recommended", style="bold")
    table.add_column("because")
    for place, entry in enumerate(recommended, 1):
        why = "\n".join(
            reason.sentence(entry.item, lambda raw: f"“{listener.title(raw)}”", listener.name)
            for reason in entry.reasons[:1]
        )
        table.add_row(str(place), listener.title(entry.item), why)
    return table


def _show_attack(
    console: Console,
    community: Community,
    peace: _Listener,
    n: int,
    sybils: int,
    attack_edges: int,
    seed: int,
) -> None:
    """Print the list under attack, without and with trust, and how others fare."""
    rng = np.random.default_rng(seed)
    attacked = attacks.by_name(ATTACK).apply(community, sybils, attack_edges, rng)
    listener = _Listener(attacked.community, peace.ego, seed)
    target = {attacked.community.items[item] for item in attacked.targets}
    console.print(
        f"\n[bold]{sybils:,} invented identities attack[/]: each copies an honest profile and adds "
        f"one item to promote; {attack_edges} honest people trust one of them."
    )
    lists = [listener.rank(use_trust=trust).recommend(n, reasons=0) for trust in (False, True)]
    table = Table(title="The same list under attack")
    table.add_column("#", justify="right")
    table.add_column("everybody counts alike")
    table.add_column("walked through trust")
    for place in range(n):
        row = [_cell(listener, entries[place : place + 1], target) for entries in lists]
        table.add_row(str(place + 1), *row)
    console.print(table)
    alike, trusted = (_hit_share(listener, attacked, n, trust) for trust in (False, True))
    console.print(
        f"Of {WITNESSES} other people, {alike:.0%} have the promoted item in their {n} "
        f"without trust, {trusted:.0%} with."
    )


def _cell(listener: _Listener, entry: list[Recommendation], target: set[str]) -> str:
    if not entry:
        return ""
    title = listener.title(entry[0].item)
    return f"[red bold]{title}  ← promoted[/]" if entry[0].item in target else title


def _hit_share(
    listener: _Listener, attacked: attacks.AttackedCommunity, n: int, use_trust: bool
) -> float:
    """Return the share of some honest people whose list holds a target."""
    target = {attacked.community.items[item] for item in attacked.targets}
    honest = np.setdiff1d(np.arange(attacked.sybils.min()), attacked.trusting)
    chosen = np.random.default_rng(listener.seed).choice(
        honest, min(WITNESSES, len(honest)), replace=False
    )
    hits = [
        any(
            e.item in target
            for e in listener.rank(use_trust=use_trust, ego=ego).recommend(n, reasons=0)
        )
        for ego in chosen.tolist()
    ]
    return float(np.mean(hits))
