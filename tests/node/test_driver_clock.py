"""A clock that is set back makes a driver begin anew: nothing waits for the hour to come again."""

from __future__ import annotations

import time

from loopback import FakeNode, Station, bounded, connected, stations

from peerrec.errors import StoreError

HOUR_S = 3_600.0


@bounded
async def test_a_clock_set_back_parts_with_all_and_a_new_node_plans_from_now():
    ann, ben = Station(1), Station(2)
    async with stations(ann, ben):
        await connected(ann, ben)
        former, fresh = ann.node, FakeNode(ann.peer)
        ann.driver.renew = lambda: fresh
        ann.driver._clock = lambda: time.time() - HOUR_S
        assert not ann.driver.ask(former.publish)
        await ben.node.next("down")
        assert await fresh.next("timer") < time.time() - HOUR_S / 2
        assert ann.driver.node is fresh
        assert not ann.driver.links
        await former.next("goodbye")
        assert ann.driver.counts["clock set back"] == 1
        assert ann.driver.ask(fresh.publish)  # once


@bounded
async def test_a_clock_that_is_corrected_by_seconds_or_goes_ahead_changes_no_node():
    ann, ben = Station(1), Station(2)
    async with stations(ann, ben):
        await connected(ann, ben)
        ann.driver.renew = lambda: FakeNode(ann.peer)
        node = ann.driver.node
        for shift in (-5.0, HOUR_S, HOUR_S - 5.0):
            ann.driver._clock = lambda shift=shift: time.time() + shift
            assert ann.driver.ask(node.publish)
        assert ann.driver.node is node
        assert ann.driver.links


@bounded
async def test_where_no_new_node_can_be_made_the_old_one_goes_on():
    def renew():
        raise StoreError("me.db: no room left")

    ann = Station(1)
    async with stations(ann):
        node, ann.driver.renew = ann.driver.node, renew
        ann.driver._clock = lambda: time.time() - HOUR_S
        ann.driver.publish()
        assert ann.driver.node is node
        assert ann.driver.ask(node.publish)
