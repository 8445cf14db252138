"""Who is asked for the log of somebody followed anew, and whom news do not concern."""

from __future__ import annotations

from collections import Counter

from peerrec.limits import DAY_S
from peerrec.peering.replication import HOLDERS_ASKED
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.messages import Type
from peerrec.testing.node_pair import START, Participant, make_participant
from peerrec.testing.virtual_network import VirtualNetwork

NO_STRANGERS = NodeSettings(batch_count=1, batch_delay_s=1.0, exploration_share=0.0)


class Town:
    """An author, people around a hub who follow it, and the hub, which is not linked to it."""

    def __init__(self, n_followers: int) -> None:
        self.network = VirtualNetwork(1, latency_s=0.01, start=START)
        self.hub, self.author, *self.followers = (
            make_participant(self.network, number, settings=NO_STRANGERS)
            for number in range(1, n_followers + 3)
        )
        self.begun: Counter[bytes] = Counter()
        self.network.watch = self._watch
        for each in self.followers:
            each.trust(self.author)
            self.network.connect(self.author.peer, each.peer)
            self.network.connect(self.hub.peer, each.peer)
            each.publish()
        self.say("song:first")
        self.pass_(600.0)

    def say(self, item: str) -> None:
        self.author.play(item)
        self.pass_(5.0)
        self.author.publish()

    def pass_(self, seconds: float) -> None:
        self.begun.clear()
        self.network.run_for(seconds)

    def _watch(self, now: float, sender: bytes, receiver: bytes, data: bytes) -> None:
        if data[1] == Type.SUMMARY.value and self.hub.peer in (sender, receiver):
            self.begun[receiver if sender == self.hub.peer else sender] += 1

    def knows(self, who: Participant) -> set[str | bytes]:
        return who.items_of(self.author)


def test_a_few_who_hold_a_log_are_asked_as_soon_as_its_author_is_followed():
    town = Town(8)
    assert not town.knows(town.hub)
    town.hub.trust(town.author)
    town.hub.publish()
    town.pass_(4.0)
    assert len(town.knows(town.hub)) == 1
    assert 1 <= len(town.begun) <= HOLDERS_ASKED


def test_what_is_said_next_comes_over_every_link_once_they_have_heard_of_the_change():
    town = Town(8)
    town.hub.trust(town.author)
    town.hub.publish()
    town.pass_(200.0)
    assert len(town.begun) == len(town.followers)
    town.say("song:second")
    town.pass_(3.0)
    assert len(town.knows(town.hub)) == 2


def test_news_begin_no_session_with_who_wants_nothing_of_their_author():
    town = Town(3)
    town.pass_(DAY_S / 8)  # until sessions come at their rarest
    for n in range(6):
        town.say(f"song:{n}")
        town.pass_(25.0)
        assert len(town.begun) <= 1  # one in a quarter of an hour on each of three links
    assert all(len(town.knows(each)) == 7 for each in town.followers)
    assert not town.knows(town.hub)
