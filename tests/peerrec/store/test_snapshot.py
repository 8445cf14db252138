from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from peerrec.errors import StoreError
from peerrec.store import Cursor
from peerrec.store.snapshot import load_snapshot, remove_snapshot, write_snapshot

CURSOR = Cursor(2**61, 100, 7)
DTYPES = st.sampled_from([np.int32, np.float32, np.float64, np.int64, np.bool_, np.uint16])
SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "me.db-graph"


@SAME_FOLDER
@given(
    arrays=st.dictionaries(
        st.text(max_size=5),
        DTYPES.flatmap(lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_side=0))),
        max_size=4,
    )
)
def test_any_arrays_come_back_as_they_were(path: Path, arrays: dict[str, np.ndarray]):
    write_snapshot(path, arrays, CURSOR, tag="t")
    snapshot = load_snapshot(path, CURSOR, tag="t")
    assert snapshot is not None
    assert snapshot.cursor == CURSOR
    assert list(snapshot.arrays) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(snapshot.arrays[name], array)
        assert snapshot.arrays[name].dtype == array.dtype


@pytest.mark.parametrize(
    "expected",
    [CURSOR._replace(epoch=1), CURSOR._replace(interactions=99), CURSOR._replace(trust=8)],
)
def test_another_point_in_history_does_not_match(path: Path, expected: Cursor):
    write_snapshot(path, {"a": np.arange(3)}, CURSOR, tag="t")
    assert load_snapshot(path, expected, tag="t") is None


def test_a_store_that_went_on_and_another_tag(path: Path):
    write_snapshot(path, {"a": np.arange(3)}, CURSOR, tag="t")
    assert load_snapshot(path, CURSOR._replace(interactions=200), tag="t") is not None
    assert load_snapshot(path, CURSOR, tag="u") is None


def test_any_damage_is_no_snapshot(path: Path):
    write_snapshot(path, {"a": np.arange(50)}, CURSOR, tag="t")
    whole = path.read_bytes()
    for at in range(0, len(whole), 5):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :])
        assert load_snapshot(path, CURSOR, tag="t") is None
    for size in range(0, len(whole), 5):
        path.write_bytes(whole[:size])
        assert load_snapshot(path, CURSOR, tag="t") is None


def test_no_file_and_removal(path: Path):
    assert load_snapshot(path, CURSOR, tag="t") is None
    remove_snapshot(path)
    write_snapshot(path, {"a": np.arange(3)}, CURSOR, tag="t")
    remove_snapshot(path)
    assert os.listdir(path.parent) == []


def test_objects_are_refused_and_leave_the_old_one(path: Path):
    write_snapshot(path, {"a": np.arange(3)}, CURSOR, tag="t")
    with pytest.raises(TypeError, match="booleans and numbers"):
        write_snapshot(path, {"a": np.array([object()])}, CURSOR, tag="t")
    assert load_snapshot(path, CURSOR, tag="t") is not None


def test_a_folder_in_the_way_is_an_error_with_its_name(path: Path):
    path.mkdir()
    with pytest.raises(StoreError, match=r"me\.db-graph"):
        write_snapshot(path, {"a": np.arange(3)}, CURSOR, tag="t")
    assert os.listdir(path.parent) == [path.name]
