"""A node goes on with other budgets and waits, without a new start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peerrec.errors import ConfigError
from peerrec.limits import STATEMENTS_MAX
from peerrec.node import CHANGEABLE
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.messages import Profile
from peerrec.testing.node_pair import NodePair


def held_bytes(pair: NodePair) -> int:
    held = pair.b.node.library.held_bytes()
    return held.get(pair.a.peer, 0)


def test_a_smaller_budget_is_kept_at_once_and_goes_on_to_be():
    pair = NodePair(settings=NodeSettings(batch_count=1, batch_delay_s=1.0))
    pair.b.trust(pair.a)
    for number in range(3 * STATEMENTS_MAX):
        pair.a.play(f"song:{number:0200}")
    pair.settle()
    before = held_bytes(pair)
    assert before > 1 << 16
    other = replace(pair.b.node.settings, follow_bytes_max=1 << 16)
    pair.network.act(pair.b.peer, pair.b.node.change(other, pair.now))
    assert held_bytes(pair) <= 1 << 16
    pair.settle()
    assert held_bytes(pair) <= 1 << 16


def test_what_is_public_is_gathered_as_long_as_is_said_now():
    pair = NodePair(settings=NodeSettings(batch_delay_s=3_600.0))
    pair.b.trust(pair.a)
    pair.a.play("song:one")
    pair.network.run_for(300.0)
    assert held_bytes(pair) == 0
    soon = replace(pair.a.node.settings, batch_delay_s=1.0)
    pair.network.act(pair.a.peer, pair.a.node.change(soon, pair.now))
    pair.network.run_for(300.0)
    assert held_bytes(pair) > 0


def test_what_handshakes_told_and_networks_share_stays():
    pair = NodePair()
    before = pair.a.node.settings
    other = NodeSettings(
        profile=Profile.BATTERY, window_s=3_600.0, factors=False, agent="x", batch_count=5
    )
    pair.a.node.change(other, pair.now)
    assert pair.a.node.settings == replace(before, batch_count=5, batch_delay_s=60.0)
    assert "profile" not in CHANGEABLE


def test_a_budget_out_of_range_is_refused():
    with pytest.raises(ConfigError):
        replace(NodeSettings(), follow_bytes_max=1)
