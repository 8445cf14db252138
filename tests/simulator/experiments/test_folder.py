"""A folder of results appears whole or not at all, and never in the place of another."""

from __future__ import annotations

import pytest

from peerrec.errors import ConfigError, DataError
from peerrec_sim.experiments.folder import refuse_taken, reserved


def write(place) -> None:
    with reserved(place) as folder:
        (folder / "run.json").write_text("{}")


def test_results_appear_at_the_place_once_they_are_complete(tmp_path):
    place = tmp_path / "deep" / "run"
    with reserved(place) as folder:
        (folder / "run.json").write_text("{}")
        assert not place.exists()
    assert (place / "run.json").exists()
    assert [path.name for path in place.parent.iterdir()] == ["run"]


def test_an_empty_folder_may_be_there(tmp_path):
    place = tmp_path / "run"
    place.mkdir()
    write(place)
    assert (place / "run.json").exists()


def test_a_place_that_holds_another_run_is_refused_and_left_alone(tmp_path):
    place = tmp_path / "run"
    write(place)
    with pytest.raises(ConfigError, match="another run"):
        write(place)
    assert (place / "run.json").read_text() == "{}"


def test_a_place_that_holds_anything_else_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_text("")
    with pytest.raises(ConfigError, match="there is a file"):
        refuse_taken(tmp_path / "file")
    with pytest.raises(ConfigError, match="not empty"):
        refuse_taken(tmp_path / "photos")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_no_trace(tmp_path, error):
    place = tmp_path / "run"

    def fail() -> None:
        with reserved(place) as folder:
            (folder / "half").write_text("")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_two_runs_never_write_to_one_place(tmp_path):
    place = tmp_path / "run"
    with reserved(place) as folder:
        with pytest.raises(ConfigError, match=r"being written.*run\.partial"):
            write(place)
        (folder / "run.json").write_text("first")
    assert (place / "run.json").read_text() == "first"


def test_what_came_to_the_place_meanwhile_is_kept(tmp_path):
    place = tmp_path / "run"

    def be_late() -> None:
        with reserved(place):
            place.mkdir()
            (place / "mine").write_text("kept")

    with pytest.raises(ConfigError, match="not empty"):
        be_late()
    assert (place / "mine").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_place_where_nothing_can_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="no folder can be made"):
        write(tmp_path / "file" / "run")
