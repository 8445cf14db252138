"""Give tests what every attack must keep: inherit, name the attack, done.

Example:
    >>> class TestClone(AttackContract):
    ...     attack_name = "clone"
    >>> TestClone().test_no_identities_change_nothing()
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from peerrec.errors import ConfigError
from peerrec_sim.attacks import Attack, AttackedCommunity, by_name
from peerrec_sim.community import Community, Interactions
from peerrec_sim.generator import generate

__all__ = ["AttackContract"]


class AttackContract:
    """Claims that hold for every attack; needs no fixture of a test runner.

    Attributes:
        attack_name: the attack under test.
    """

    attack_name: ClassVar[str]

    def attack(self) -> Attack:
        """Return the attack under test."""
        return by_name(self.attack_name)

    def community(self) -> Community:
        """Return what is attacked: with trust, times, and one user without history."""
        community = generate(3, 60, 150, interactions=900, now=1e9)
        part = community.interactions
        return dataclasses.replace(community, interactions=part.take(part.user != 5))

    def applied(
        self, n_sybils: int = 40, attack_edges: int = 4, seed: int = 1
    ) -> AttackedCommunity:
        """Return the community under the attack."""
        rng = np.random.default_rng(seed)
        return self.attack().apply(self.community(), n_sybils, attack_edges, rng)

    def test_no_identities_change_nothing(self) -> None:
        """N = 0 is peace."""
        community = self.community()
        attacked = self.attack().apply(community, 0, 3, np.random.default_rng(0))
        assert attacked.community is community
        assert not len(attacked.sybils)
        assert not len(attacked.targets)
        assert not len(attacked.trusting)

    def test_the_honest_keep_codes_names_and_everything_they_did(self) -> None:
        """Honest rows stand first and unchanged."""
        before, after = self.community(), self.applied().community
        assert tuple(after.users[: before.n_users]) == tuple(before.users)
        assert tuple(after.items[: before.n_items]) == tuple(before.items)
        assert after.test is before.test
        assert _same(after.interactions, before.interactions)
        assert before.trust is not None
        assert after.trust is not None
        assert _same(after.trust, before.trust)

    def test_identities_and_targets_are_appended(self) -> None:
        """New codes follow the old ones, under names that nobody had."""
        before, attacked = self.community(), self.applied()
        after = attacked.community
        assert attacked.sybils.tolist() == list(range(before.n_users, before.n_users + 40))
        assert after.n_users == before.n_users + 40
        n_targets = self.attack().n_targets if self.attack().pushes_targets else 0
        assert attacked.targets.tolist() == list(range(before.n_items, before.n_items + n_targets))
        assert len(set(after.users)) == after.n_users
        assert len(set(after.items)) == after.n_items

    def test_every_identity_plays_every_target(self) -> None:
        """Targets are played by all identities and by nobody else."""
        attacked = self.applied()
        part = attacked.community.interactions
        for target in attacked.targets:
            players = part.user[part.item == target]
            assert sorted(players.tolist()) == attacked.sybils.tolist()

    def test_new_rows_are_valid(self) -> None:
        """No repetition, no weight that is not positive and finite, no broken code."""
        before, after = self.community(), self.applied().community
        part = after.interactions
        keys = part.user.astype(np.int64) * after.n_items + part.item
        assert len(np.unique(keys)) == len(keys)
        assert part.item.max() < after.n_items
        assert np.isfinite(part.weight).all()
        assert part.weight.min() > 0
        assert part.weight.max() <= before.interactions.weight.max()
        trust = after.trust
        assert trust is not None
        keys = trust.source.astype(np.int64) * after.n_users + trust.target
        assert len(np.unique(keys)) == len(keys)
        assert (trust.source != trust.target).all()
        assert np.abs(trust.weight).max() <= 1
        for codes in (part.user, part.item, trust.source, trust.target):
            assert codes.dtype == np.int32
        for weights in (part.weight, trust.weight):
            assert weights.dtype == np.float32

    def test_k_honest_users_trust_an_identity_and_no_other_does(self) -> None:
        """Attack edges are exactly k, from distinct honest users, of weight 1."""
        attacked = self.applied(attack_edges=4)
        trust = attacked.community.trust
        assert trust is not None
        n_honest = self.community().n_users
        crossing = (trust.source < n_honest) & (trust.target >= n_honest)
        assert sorted(trust.source[crossing].tolist()) == sorted(attacked.trusting.tolist())
        assert len(set(attacked.trusting.tolist())) == 4
        assert (trust.weight[crossing] == 1).all()

    def test_every_identity_is_reached_through_trust(self) -> None:
        """The attacker wastes nobody."""
        attacked = self.applied()
        trust = attacked.community.trust
        assert trust is not None
        trusted = trust.weight > 0
        reached = set(attacked.trusting.tolist())
        edges = list(
            zip(trust.source[trusted].tolist(), trust.target[trusted].tolist(), strict=True)
        )
        grown = -1
        while grown != len(reached):
            grown = len(reached)
            reached |= {target for source, target in edges if source in reached}
        assert reached >= set(attacked.sybils.tolist())

    def test_the_same_honest_users_fall_whatever_the_number_of_identities(self) -> None:
        """Curves over N compare like with like, and a smaller k is a part of a larger."""
        first = self.applied(1).trusting.tolist()
        assert self.applied(33).trusting.tolist() == first
        assert self.applied(33, attack_edges=9).trusting.tolist()[:4] == first

    def test_the_same_dice_give_the_same_attack(self) -> None:
        """Nothing but the generator decides."""
        first, second = self.applied().community, self.applied().community
        assert first.users == second.users
        assert _same(first.interactions, second.interactions)
        assert first.trust is not None
        assert second.trust is not None
        assert _same(first.trust, second.trust)

    def test_one_identity_and_one_edge_are_enough(self) -> None:
        """N = 1 works, also with more edges than identities."""
        assert len(self.applied(1, 1).sybils) == 1
        assert len(set(self.applied(1, 7).trusting.tolist())) == 7

    def test_new_rows_carry_the_newest_time(self) -> None:
        """The attacker looks fresh, yet never comes from the future."""
        before, after = self.community(), self.applied().community
        old, new = before.interactions, after.interactions
        assert old.time is not None
        assert new.time is not None
        assert (new.time[len(old) :] == old.time.max()).all()

    def test_sizes_out_of_range_are_refused(self) -> None:
        """More attack edges than honest users, and negative sizes."""
        community = self.community()
        for n_sybils, attack_edges in ((5, community.n_users + 1), (5, -1), (-1, 1)):
            try:
                self.attack().apply(community, n_sybils, attack_edges, np.random.default_rng(0))
            except ConfigError:
                continue
            raise AssertionError(f"{n_sybils} identities, {attack_edges} edges were accepted")

    def test_a_community_without_trust_stays_without(self) -> None:
        """Then profiles are all there is."""
        alone = dataclasses.replace(self.community(), trust=None)
        attacked = self.attack().apply(alone, 6, 3, np.random.default_rng(0))
        assert attacked.community.trust is None
        assert not len(attacked.trusting)
        assert len(attacked.sybils) == 6

    def test_a_community_without_interactions_can_be_attacked(self) -> None:
        """Lists of trust have no item to copy."""
        nothing = np.zeros(0, np.int32)
        bare = dataclasses.replace(
            self.community(), items=(), interactions=Interactions.of(nothing, nothing), titles={}
        )
        attacked = self.attack().apply(bare, 6, 3, np.random.default_rng(0))
        assert len(attacked.community.interactions) == 6 * len(attacked.targets)


def _same(whole: object, part: object) -> bool:
    """Whether all columns of the whole begin with those of the part."""
    for field in dataclasses.fields(part):  # type: ignore[arg-type]
        old: npt.NDArray[np.float64] | None = getattr(part, field.name)
        new: npt.NDArray[np.float64] | None = getattr(whole, field.name)
        if old is None or new is None:
            if old is not new:
                return False
        elif not np.array_equal(new[: len(old)], old):
            return False
    return True
