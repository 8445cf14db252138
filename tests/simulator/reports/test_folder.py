from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pyarrow.parquet
import pytest
from made_runs import made_curve, made_run, made_scenario

from peerrec.errors import ConfigError, DataError
from peerrec_sim.measures.columns import NODES
from peerrec_sim.measures.result import RunResult
from peerrec_sim.reports import extras
from peerrec_sim.reports.folder import check_folder, read, store


def test_a_run_is_read_as_it_was_written(tmp_path):
    for name, run in (("network", made_run(3)), ("graph", made_curve())):
        store(run, tmp_path / name, {})
        found = read(tmp_path / name)
        assert found.as_dict() == run.as_dict()
        for table in ("nodes", "deliveries", "oracle", "curve"):
            for column, values in run.table(table).columns.items():
                np.testing.assert_array_equal(found.table(table)[column], values)
                assert found.table(table)[column].dtype == values.dtype


def test_the_parquet_file_documents_itself(tmp_path):
    store(made_run(), tmp_path / "run", {})
    schema = pyarrow.parquet.read_schema(tmp_path / "run" / "results.parquet")
    assert schema.metadata[b"meaning"].decode() == NODES.meaning
    for column in NODES.columns:
        assert schema.field(column.name).metadata[b"meaning"].decode() == column.meaning


def test_run_json_says_scenario_seed_versions_machine_hash_and_summary(tmp_path):
    run = made_run(5)
    store(run, tmp_path, {})
    facts = msgspec.json.decode((tmp_path / "run.json").read_bytes())
    assert msgspec.convert(facts["scenario"], type(run.scenario)) == run.scenario
    assert (facts["seed"], facts["trace_hash"], facts["complete"]) == (5, run.trace_hash, True)
    assert {"python", "numpy"} <= set(facts["versions"])
    assert {"cores", "system"} <= set(facts["machine"])
    assert facts["summary"]["ndcg"] == pytest.approx(run.summary()["ndcg"])
    assert facts["tables"]["nodes"] == {"file": "results.parquet", "rows": len(run.nodes)}


def test_a_number_that_is_none_is_null_and_the_file_is_json(tmp_path):
    run = dataclasses.replace(made_run(), figures={"endless": float("inf")})
    store(run, tmp_path, {})
    facts = msgspec.json.decode((tmp_path / "run.json").read_bytes())
    assert facts["summary"]["endless"] is None


def test_a_folder_with_another_run_is_refused_and_nothing_in_it_changes(tmp_path):
    store(made_run(1), tmp_path, {})
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    with pytest.raises(ConfigError, match=r"another run \(made-up, seed 1\)"):
        store(made_run(2), tmp_path, {"report.html": b"new"})
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(ConfigError, match="no run"):
        check_folder(tmp_path, made_scenario())
    with pytest.raises(ConfigError, match="it is a file"):
        check_folder(tmp_path / "diary.txt", made_scenario())


def test_an_empty_or_missing_folder_takes_a_run(tmp_path):
    check_folder(tmp_path, made_scenario())
    check_folder(tmp_path / "not" / "there", made_scenario())


def test_a_partial_result_is_valid_and_makes_room_for_the_complete_one(tmp_path):
    partial = dataclasses.replace(made_run(complete=False), virtual_s=60.0)
    store(partial, tmp_path, {"extra.txt": b"old"})
    assert not read(tmp_path).complete
    store(made_run(), tmp_path, {})
    assert read(tmp_path).complete
    assert not (tmp_path / "extra.txt").exists()


def test_a_partial_result_does_not_replace_the_complete_one(tmp_path):
    store(made_run(), tmp_path, {})
    with pytest.raises(ConfigError, match="complete"):
        store(made_run(complete=False), tmp_path, {})
    assert read(tmp_path).complete


def test_a_run_that_measured_nothing_is_valid(tmp_path):
    store(RunResult(made_scenario()), tmp_path, {})
    assert len(read(tmp_path).nodes) == 0


def test_no_half_written_file_is_left_behind(tmp_path):
    store(made_run(), tmp_path, {"pictures/a.png": b"x"})
    names = {each.name for each in tmp_path.iterdir()}
    assert names == {
        "run.json", "results.parquet", "deliveries.parquet", "oracle.parquet", "pictures",
    }  # fmt: skip


def test_damaged_folders_are_told_apart_from_runs(tmp_path):
    with pytest.raises(DataError, match="no run"):
        read(tmp_path)
    store(made_run(), tmp_path, {})
    (tmp_path / "results.parquet").write_bytes(b"rubbish")
    with pytest.raises(DataError, match=r"results\.parquet"):
        read(tmp_path)
    (tmp_path / "run.json").write_bytes(b"{")
    with pytest.raises(DataError, match=r"run\.json"):
        read(tmp_path)
    (tmp_path / "run.json").write_bytes(b'{"format": 99}')
    with pytest.raises(DataError, match="format 99"):
        read(tmp_path)


def test_a_missing_package_is_said_with_what_to_install(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(extras.importlib, "import_module", absent)
    with pytest.raises(ConfigError, match=r"pip install 'peerrec\[sim\]'"):
        extras.needed("pyarrow", "writing tables")
