"""A table changes the order of what it speaks for, and nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from peerrec.ranking.blend import BlendParameters, blended
from peerrec.ranking.table_blend import ALIKE, dealt

N = 12
finite = st.floats(-8, 8, width=16)
columns = arrays.arrays(np.float32, N, elements=finite)
masses = arrays.arrays(np.float32, N, elements=st.sampled_from([0.0, 0.5, 3.0]))
masks = arrays.arrays(np.bool_, N)
mixtures = st.builds(
    BlendParameters, share=st.floats(0, 1), factor_discount=st.sampled_from([0.0, 0.2])
)


@given(columns, columns, masses, masks, mixtures)
def test_scores_are_only_dealt_out_anew_among_what_is_movable_and_heard(
    walk, factor, heard, movable, mixture
):
    after = dealt(walk, factor, heard, movable, mixture)
    moved = movable & (heard > 0)
    assert np.array_equal(after[~moved], walk[~moved])
    assert np.array_equal(np.sort(after[moved]), np.sort(walk[moved]))


@given(columns, columns, masses, masks)
def test_what_the_table_does_not_speak_for_keeps_its_place(walk, factor, heard, movable):
    after = dealt(walk, factor, heard, movable, BlendParameters(share=0.6))
    for item in np.flatnonzero(~movable):
        assert (after > after[item]).sum() == (walk > walk[item]).sum()


@given(columns, columns)
def test_what_may_move_stands_in_the_order_of_the_blend(walk, factor):
    heard, mixture = np.ones(N, np.float32), BlendParameters(share=0.5)
    after = dealt(walk, factor, heard, heard > 0, mixture)
    both = blended(walk[:, None], factor[:, None], heard[:, None], mixture)[:, 0]
    if factor.std() > ALIKE * factor.mean():
        assert (np.diff(after[np.argsort(-both, kind="stable")]) <= 0).all() or len(
            np.unique(both)
        ) < N


@given(columns, masses, masks, mixtures)
def test_a_table_without_an_opinion_changes_nothing(walk, heard, movable, mixture):
    assert dealt(walk, np.zeros(N, np.float32), heard, movable, mixture) is walk


@given(columns, columns, masses, masks)
def test_a_share_of_nothing_changes_nothing(walk, factor, heard, movable):
    assert dealt(walk, factor, heard, movable, BlendParameters(share=0.0)) is walk
