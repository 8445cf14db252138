"""Give tests what every ranker must keep: inherit, say which ranker, done.

Example:
    >>> from peerrec_sim.rankers import by_name
    >>> class TestPopularity(RankerContract):
    ...     def make(self):
    ...         return by_name("popularity")
    >>> TestPopularity().test_scores_are_finite_float32_of_all_items()
"""

from __future__ import annotations

import dataclasses

import numpy as np

from peerrec.errors import ConfigError
from peerrec_sim.community import Community
from peerrec_sim.generator import generate
from peerrec_sim.rankers.base import AnyRanker, ExposesMerit, FlagsPeers, Float64s, Int32s

__all__ = ["RankerContract"]

QUIET = 3
"""The user whose history is taken away."""


class RankerContract:
    """Laws of a ranker; a test class inherits them and overrides ``make``."""

    def make(self) -> AnyRanker:
        """Return the ranker under test, unfitted, quick enough for many fits."""
        raise TypeError("a contract is inherited; override make()")

    def community(self) -> Community:
        """Return a small community with trust, one user of which has no history."""
        whole = generate(seed=1, users=60, items=90, interactions=700)
        kept = whole.interactions.take(whole.interactions.user != QUIET)
        return dataclasses.replace(whole, interactions=kept)

    def fitted(self, community: Community | None = None, seed: int = 0) -> AnyRanker:
        """Return the ranker fitted to the community."""
        ranker = self.make()
        ranker.fit(self.community() if community is None else community, seed)
        return ranker

    def test_scores_are_finite_float32_of_all_items(self) -> None:
        """Whoever asks for whom, the shape is (users, items)."""
        for size in (1, 7, 60):
            scores = self.fitted().score(_codes(range(size)))
            assert scores.shape == (size, 90)
            assert scores.dtype == np.float32
            assert np.isfinite(scores).all()

    def test_same_seed_gives_the_same_scores(self) -> None:
        """Two fits with one seed agree to the last bit."""
        users = _codes(range(20))
        first, second = self.fitted(seed=7).score(users), self.fitted(seed=7).score(users)
        assert np.array_equal(first, second)

    def test_scores_depend_neither_on_the_block_nor_on_its_order(self) -> None:
        """A user's scores are the same alone, among others, and in any order."""
        ranker = self.fitted()
        whole = ranker.score(_codes(range(20)))
        backwards = ranker.score(_codes(range(19, -1, -1)))[::-1]
        alone = np.concatenate([ranker.score(_codes([user])) for user in range(20)])
        # Products of other block sizes may add up in another order: equal to rounding.
        for other in (backwards, alone):
            np.testing.assert_allclose(other, whole, rtol=1e-4, atol=1e-6)

    def test_caller_may_overwrite_the_scores(self) -> None:
        """Nothing of the ranker hides behind the returned array."""
        ranker = self.fitted()
        users = _codes(range(5))
        before = ranker.score(users).copy()
        ranker.score(users)[:] = -np.inf
        assert np.array_equal(ranker.score(users), before)

    def test_user_without_history_gets_scores(self) -> None:
        """No history is no error; what the scores are is the ranker's own choice."""
        scores = self.fitted().score(_codes([QUIET]))
        assert scores.shape == (1, 90)
        assert np.isfinite(scores).all()

    def test_community_without_trust_is_ranked(self) -> None:
        """Trust may be absent."""
        alone = dataclasses.replace(self.community(), trust=None)
        assert np.isfinite(self.fitted(alone).score(_codes(range(5)))).all()

    def test_trust_changes_scores_only_where_it_is_said_to(self) -> None:
        """``uses_trust`` tells the truth."""
        users = _codes(range(20))
        with_trust = self.fitted().score(users)
        without = self.fitted(dataclasses.replace(self.community(), trust=None)).score(users)
        assert np.array_equal(with_trust, without) is not self.make().uses_trust

    def test_test_part_is_not_looked_at(self) -> None:
        """Scores are those of the training part alone."""
        community = self.community()
        peeking = dataclasses.replace(community, test=community.interactions)
        users = _codes(range(20))
        assert np.array_equal(
            self.fitted(community).score(users), self.fitted(peeking).score(users)
        )

    def test_every_value_of_the_grid_is_a_valid_setting(self) -> None:
        """The tuner can try all of it, and the order is rising."""
        ranker = self.make()
        for name, values in ranker.grid().items():
            assert values == sorted(values)
            for value in values:
                assert getattr(ranker.with_settings({name: value}).parameters, name) == value

    def test_settings_leave_the_ranker_as_it_was(self) -> None:
        """``with_settings`` returns another ranker."""
        ranker = self.make()
        before = ranker.parameters
        for name, values in ranker.grid().items():
            ranker.with_settings({name: str(values[0])})
        assert ranker.parameters is before

    def test_unknown_parameter_is_refused_by_name(self) -> None:
        """The message says which parameter and which ranker."""
        ranker = self.make()
        message = ""
        try:
            ranker.with_settings({"no_such_parameter": "1"})
        except ConfigError as error:
            message = str(error)
        assert "no_such_parameter" in message
        assert ranker.name in message

    def test_merit_and_flags_are_shares(self) -> None:
        """Where a ranker shows merit or flags, they are between 0 and 1 per user."""
        ranker = self.fitted()
        users, region, nothing = _codes(range(10)), _codes(range(40, 60)), _codes([])
        if isinstance(ranker, ExposesMerit):
            _check_shares(ranker.region_merit(users, region), len(users))
            assert not ranker.region_merit(users, nothing).any()
        if isinstance(ranker, FlagsPeers):
            _check_shares(ranker.false_flags(users, region, nothing), len(users))


def _codes(users: range | list[int]) -> Int32s:
    """Return user codes as rankers take them."""
    return np.array(users, np.int32)


def _check_shares(shares: Float64s, n: int) -> None:
    """Check one share per user."""
    assert shares.shape == (n,)
    assert ((shares >= 0) & (shares <= 1)).all()
