"""What sets nodes apart is drawn once, and who is private says nothing."""

from __future__ import annotations

import msgspec
import numpy as np

from peerrec_sim.scenario import Churn, NodeOptions, Population, Scenario, Workload
from peerrec_sim.simulation.loop import Shard
from peerrec_sim.simulation.traits import Traits
from peerrec_sim.simulation.world import START, World

CALM = Scenario(
    name="calm",
    length_s=60.0,
    population=Population(nodes=8, items=60, plays_per_node=8),
    churn=Churn(kind="exponential", share=0.5),
    node=NodeOptions(batch_delay_s=1.0),
)


def with_private(share: float) -> Scenario:
    work = Workload(private_share=share, before=1.0)
    return msgspec.structs.replace(CALM, workload=work)


def test_so_many_people_are_private_and_the_rest_is_drawn_as_without() -> None:
    none, some = (Traits.drawn(with_private(share), 8) for share in (0.0, 0.25))
    assert (int(none.private.sum()), int(some.private.sum())) == (0, 2)
    assert np.array_equal(none.comes_and_goes, some.comes_and_goes)


def test_nothing_of_private_people_is_published_and_others_publish_all() -> None:
    world = World(with_private(0.25))
    private = world.traits.private[world.plays.user]
    assert private.any()
    assert np.array_equal(world.plays.public, ~private)
    for index in range(8):
        settings = world.settings_of(index)
        assert settings.publish_trust == (not world.traits.private[index])


def test_nobody_hears_what_private_people_play_or_whom_they_trust() -> None:
    world = World(msgspec.structs.replace(with_private(0.5), churn=Churn()))
    people = list(world.populate(range(world.n)))
    Shard(world, people).run_until(START + 45.0)
    heard: set[object] = set()
    for person in people:
        assert person.store is not None
        plays, trust = person.store.interactions(), person.store.trust_edges()
        names = person.store.peers()
        said = np.unique(np.concatenate([plays.author, trust.source]))
        heard |= {names.ids[at] for at in names.positions(said).tolist()} - {"me"}
    public = {world.keys[at] for at in np.flatnonzero(~world.traits.private).tolist()}
    assert heard == public
