"""Show five real daemons on loopback: four people, and one who wants to be heard."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from peerrec.ids import peer_text
from peerrec.protocol.key_file import load_or_create
from peerrec.recommender import Recommender
from peerrec_sim.community import Community
from peerrec_sim.daemons import RunningDaemon, daemon, until

__all__ = ["show_network"]

NETWORK = "demo"
N_PLAYS = 60
"""Interactions that each of them publishes at most: enough for a list."""

SPREAD_S = 60.0
"""How long the network gets to carry everything; two seconds on an idle machine."""

PROMOTED = "promoted:buy-this"


@dataclass(slots=True)
class Person:
    """One of the five.

    Attributes:
        name: for the table.
        items: what it publishes.
        trusts: names of others.
        store: its file.
        peer: its id, once it has one.
    """

    name: str
    items: list[str]
    trusts: tuple[str, ...]
    store: Path
    peer: bytes = b""


def show_network(console: Console, community: Community, ego: int) -> None:
    """Let five daemons exchange what they publish, and print what the first learned."""
    with tempfile.TemporaryDirectory(prefix="peerrec-demo-") as folder:
        people = cast(community, ego, Path(folder))
        for person in people:
            prepare(person, people, community)
        with contextlib.ExitStack() as stack:
            running: list[RunningDaemon] = []
            for person in people:
                invites = [each.invite for each in running[-2:]]
                running.append(
                    stack.enter_context(daemon(person.store, network=NETWORK, peers=invites))
                )
            expected = sum(len(person.items) for person in people[:-1])
            heard = until(lambda: stored(running[0]) >= expected, SPREAD_S)
            links = running[0].ask("peers")
            learned = stored(running[0])
            listed = running[0].ask("recommend", "--n", "8", "--explain")
        tell(console, people, learned, listed, in_time=heard, n_links=n_links(links))


def cast(community: Community, ego: int, folder: Path) -> list[Person]:
    """Choose the ego, two friends, a friend of the first friend, and an impostor."""
    friends = friends_of(community, ego)[:2]
    others = [
        peer
        for friend in friends
        for peer in friends_of(community, friend)
        if peer != ego and peer not in friends
    ]
    chosen = [ego, *friends, *others[:1]]
    names = ["you", "friend 1", "friend 2", "friend of friend 1"][: len(chosen)]
    people = [
        Person(name, items_of(community, user), (), folder / f"{number}.db")
        for number, (name, user) in enumerate(zip(names, chosen, strict=True))
    ]
    people[0].trusts = tuple(name for name in names if name in ("friend 1", "friend 2"))
    if len(people) == 4:
        people[1].trusts = ("friend of friend 1",)
    impostor = [*people[0].items, PROMOTED]
    return [*people, Person("impostor", impostor, ("you",), folder / "impostor.db")]


def friends_of(community: Community, user: int) -> list[int]:
    """Return whom a user trusts, with the longest histories first."""
    if community.trust is None:
        return []
    found = community.trust.target[community.trust.source == user]
    counts = np.bincount(community.interactions.user, minlength=community.n_users)
    return sorted(found.tolist(), key=lambda peer: (-int(counts[peer]), peer))


def items_of(community: Community, user: int) -> list[str]:
    """Return some of a user's items."""
    plays = community.interactions
    mine = plays.item[plays.user == user][:N_PLAYS]
    return [str(community.items[item]) for item in np.unique(mine).tolist()]


def prepare(person: Person, people: Sequence[Person], community: Community) -> None:
    """Fill a person's store: what was played, what it is called, who is trusted."""
    with Recommender.open(person.store) as me:
        for item in person.items:
            me.record(item, public=True)
            title = "Buy this!" if item == PROMOTED else community.titles.get(item, "")
            if title:
                me.describe(item, title=title)
    key = person.store.with_name(person.store.name + ".key")
    person.peer = load_or_create(key, passphrase=None, random_bytes=os.urandom(32)).peer
    known = {each.name: each.peer for each in people if each.peer}
    for other in people:
        with Recommender.open(other.store) as me:
            for name in other.trusts:
                if name == person.name or (other is person and name in known):
                    me.trust(known[name])


def stored(running: RunningDaemon) -> int:
    """Return how many interactions a daemon's store holds."""
    return int(running.ask("stats")["interactions"])


def n_links(answer: Any) -> int:
    """Return how many links `peerrec peers` told of."""
    return len(answer["links"])


def tell(
    console: Console,
    people: Sequence[Person],
    learned: int,
    listed: Any,
    *,
    in_time: bool,
    n_links: int,
) -> None:
    """Print what came of it."""
    console.print(
        f"[bold]Five daemons on 127.0.0.1[/], encrypted links, signed logs: {learned} "
        f"interactions reached your device over {n_links} links, "
        f"{len(people[0].items)} of them your own."
    )
    if not in_time:
        console.print(f"Not everything came within {SPREAD_S:.0f} s: the machine is busy.")
    table = Table(title="Your list, from what your peers published")
    table.add_column("#", justify="right")
    table.add_column("recommended", style="bold")
    table.add_column("because of")
    name_of = {peer_text(person.peer): person.name for person in people}
    items = [str(entry["item"]) for entry in listed["recommendations"]]
    for place, entry in enumerate(listed["recommendations"], 1):
        hubs = dict.fromkeys(name_of.get(str(each["hub"]), "you") for each in entry["reasons"])
        table.add_row(str(place), entry["title"], ", ".join(hubs))
    console.print(table)
    heard = "is on it" if PROMOTED in items else "is not on it"
    console.print(
        f"The impostor copied your taste and published “Buy this!” to the same network; it {heard}."
    )
