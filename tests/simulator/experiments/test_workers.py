"""Every way to run many points gives the same files; a worker that dies is named."""

from __future__ import annotations

import os
import signal
import sys
import types

import msgspec
import pytest

from peerrec.errors import ConfigError, DataError
from peerrec_sim.experiments.engine import execute
from peerrec_sim.experiments.workers import (
    BACKENDS,
    WorkerDied,
    by_name,
    read_files,
    run_tables,
    write_files,
)
from peerrec_sim.scenario import from_tables, load, to_tables

TINY = to_tables(
    load("giga", ["nodes=40", "items=200", "egos=3", "edges=2", "attackers.share=.2", "walks=200"])
)


def echo(tables: dict) -> dict[str, bytes]:
    return {"said": repr(tables).encode()}


def refuse(tables: dict) -> dict[str, bytes]:
    raise DataError(f"no such thing: {tables}")


@pytest.fixture
def ray(monkeypatch):
    """A stand-in for Ray that runs everything at once, here."""
    fake = types.ModuleType("ray")
    started: list[dict] = []
    fake.is_initialized = lambda: bool(started)
    fake.init = lambda **options: started.append(options)
    fake.exceptions = types.SimpleNamespace(RayError=type("RayError", (Exception,), {}))

    class Remote:
        def __init__(self, function):
            self.function = function

        def remote(self, *args):
            return (self.function, args)

    fake.remote = lambda **options: Remote
    fake.wait = lambda busy: ([next(iter(busy))], list(busy)[1:])

    def get(reference):
        function, (run, tables) = reference[0], reference[1]
        if "dies" in tables:
            raise fake.exceptions.RayError
        return function(run, dict(tables))

    class Tables(dict):
        def __hash__(self):
            return id(self)

    fake.get = get
    fake.Tables = Tables
    monkeypatch.setitem(sys.modules, "ray", fake)
    return fake


def test_a_process_finds_what_is_found_here_and_sends_it_back_as_files():
    done = next(by_name("processes", 2)([("a", TINY)], run_tables))
    assert done.name == "a"
    assert set(done.files) >= {"run.json", "results.parquet", "report.html"}
    said = msgspec.json.decode(done.files["run.json"])
    assert said["trace_hash"] == execute(from_tables(TINY)).trace_hash


def test_an_error_of_a_run_comes_back_as_it_was_raised():
    bad = TINY | {"population": {**TINY["population"], "source": "dataset", "dataset": "none"}}
    with pytest.raises(ConfigError, match="none"):
        list(by_name("processes", 1)([("bad", bad)], run_tables))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_process_that_is_killed_is_named_and_the_finished_ones_are_kept():
    jobs = [("lives", {"code": 0}), ("dies", {"code": 9})]
    results = by_name("processes", 1)(jobs, _kill_where_nine)
    assert next(results).name == "lives"
    with pytest.raises(WorkerDied, match=r"dies died \(killed.*--resume"):
        next(results)


class _KillWhereNine:
    """Sent as its source, so that a spawned process needs no module of the tests."""

    def __reduce__(self):
        pid = "__import__('os').getpid()"
        return (eval, (f"lambda tables: __import__('os').kill({pid}, tables['code']) or {{}}",))


_kill_where_nine = _KillWhereNine()


def test_ray_runs_the_same_jobs(ray):
    jobs = [("a", ray.Tables(x=1)), ("b", ray.Tables(x=2)), ("c", ray.Tables(x=3))]
    found = {done.name: done.files for done in by_name("ray", 2)(jobs, echo)}
    assert found == {name: echo(dict(tables)) for name, tables in jobs}


def test_ray_names_the_point_whose_worker_died(ray):
    with pytest.raises(WorkerDied, match="b died"):
        list(by_name("ray", 1)([("a", ray.Tables()), ("b", ray.Tables(dies=1))], echo))


def test_ray_hands_errors_of_a_run_on(ray):
    with pytest.raises(DataError, match="no such thing"):
        list(by_name("ray", 1)([("a", ray.Tables())], refuse))


def test_without_ray_the_way_to_get_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'peerrec\[ray\]'"):
        list(by_name("ray", 1)([("a", {})], echo))


def test_an_unknown_backend_is_refused():
    with pytest.raises(ConfigError, match=", ".join(BACKENDS)):
        by_name("cloud", 1)


def test_files_survive_the_way_there_and_back(tmp_path):
    files = {"run.json": b"{}", "pictures/one.png": os.urandom(99)}
    write_files(files, tmp_path)
    assert read_files(tmp_path) == files
