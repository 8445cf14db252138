"""What an app sees when it gives the facade nonsense, and that nothing is lost by it."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys

import pytest

from peerrec import Interaction, Options, Recommender, TrustEdge
from peerrec.errors import (
    ConfigError,
    DataError,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreTooNew,
)
from peerrec.limits import CLOCK_SKEW_S, ID_BYTES_MAX

NOW = 1_700_000_040.0


@pytest.fixture
def path(tmp_path):
    return tmp_path / "me.db"


def opened(path):
    return Recommender.open(path, options=Options(tune=False), clock=lambda: NOW)


@pytest.fixture
def me(path):
    """A recommender that has acknowledged three interactions and one friend."""
    with opened(path) as me:
        me.record_many(["a", "b", "c"])
        me.trust("ann", 0.5)
        yield me
    with opened(path) as again:
        stats = again.stats()
        assert (stats.interactions, stats.trust_edges) == (3, 1)


BAD_IDS = [
    ("", "of 0 bytes: 1 to 512 are allowed"),
    (b"", "of 0 bytes"),
    ("x" * (ID_BYTES_MAX + 1), "of 513 bytes: 1 to 512 are allowed"),
    ("é" * 400, "of 800 bytes"),
    ("\ud800", "no valid text"),
    (7, "must be str or bytes, not int"),
    (None, "must be str or bytes, not NoneType"),
    (["a"], "must be str or bytes, not list"),
]


@pytest.mark.parametrize(("bad", "message"), BAD_IDS)
def test_an_id_that_is_none_is_refused_wherever_it_is_given(me, bad, message):
    asks = [
        lambda: me.record(bad),
        lambda: me.trust(bad),
        lambda: me.record_many([Interaction("ann", bad, 1.0, NOW)]),
        lambda: me.trust_many([TrustEdge("ann", bad, 1.0, NOW)]),
        lambda: me.block(bad),
        lambda: me.less_like(bad),
        lambda: me.describe(bad),
        lambda: me.explain(bad),
        lambda: me.similar(bad),
    ]
    for ask in asks:
        with pytest.raises(DataError, match=message):
            ask()


@pytest.mark.parametrize("bad", [bad for bad, _ in BAD_IDS if bad is not None])
def test_an_id_that_is_none_is_refused_where_it_is_optional(me, bad):
    asks = [
        lambda: me.record("a", author=bad),
        lambda: me.trust("ann", source=bad),
        lambda: me.mute(bad),
        lambda: me.mute(peer=bad),
        lambda: me.forget(bad),
        lambda: me.forget(peer=bad),
    ]
    for ask in asks:
        with pytest.raises(DataError):
            ask()


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (math.nan, "must be finite"),
        (math.inf, "must be finite"),
        (0.0, r"not in \(0, 1e\+09\]"),
        (-1.0, "to undo, forget"),
        (2e9, r"not in \(0, 1e\+09\]"),
        ("1", "must be a number, not str"),
        (True, "must be a number, not bool"),
        (None, "must be a number, not NoneType"),
    ],
)
def test_a_weight_out_of_range_is_refused(me, weight, message):
    with pytest.raises(DataError, match=message):
        me.record("d", weight)
    with pytest.raises(DataError, match=message):
        me.record_many(["fine", ("d", weight)])


@pytest.mark.parametrize("weight", [math.nan, 1.01, -1.01, "1", None])
def test_trust_out_of_range_is_refused(me, weight):
    with pytest.raises(DataError, match="trust"):
        me.trust("bob", weight)


@pytest.mark.parametrize(
    ("time", "message"),
    [
        (-1.0, "before 1970; give unix seconds"),
        (NOW + CLOCK_SKEW_S + 1, "in the future .* is a clock wrong"),
        (NOW * 1000, "seconds, not milliseconds"),
        (math.nan, "must be finite"),
        ("today", "must be a number, not str"),
    ],
)
def test_a_time_before_1970_or_in_the_future_is_refused(me, time, message):
    with pytest.raises(DataError, match=message):
        me.record("d", time=time)
    with pytest.raises(DataError, match=message):
        me.record_many([("d", 1.0, time)])
    with pytest.raises(DataError, match=message):
        me.trust("bob", time=time)


@pytest.mark.parametrize("row", [7, None, (), ("d", 1.0, NOW, True, "more"), {"item": "d"}])
def test_a_row_of_another_shape_is_named_and_nothing_of_its_batch_is_stored(me, row):
    with pytest.raises(DataError, match=r"row 1: .* is no interaction"):
        me.record_many(["fine", row])


@pytest.mark.parametrize("n", [0, -1, 1.5, "10", None, True, math.nan])
def test_a_length_that_is_none_is_refused(me, n):
    for ask in (me.recommend, lambda n: me.similar("a", n), lambda n: me.recommend_many(["me"], n)):
        with pytest.raises(ConfigError, match=r"n: .* give a list length of 1 or more"):
            ask(n)


@pytest.mark.parametrize("explore", [-0.1, 1.1, math.nan, "1", None, True])
def test_an_explore_out_of_range_is_refused(me, explore):
    with pytest.raises(ConfigError, match="explore"):
        me.recommend(5, explore=explore)


def test_one_id_where_several_were_meant_is_refused(me):
    with pytest.raises(ConfigError, match="candidates: 'abc' is not allowed; give a list of ids"):
        me.recommend(5, candidates="abc")
    with pytest.raises(ConfigError, match="users"):
        me.recommend_many("me")


@pytest.mark.parametrize("before", [math.nan, "yesterday", True])
def test_a_time_to_forget_before_that_is_none_is_refused(me, before):
    with pytest.raises(DataError, match="before must be"):
        me.forget(before=before)


def test_nobody_blocks_or_trusts_themselves(me):
    with pytest.raises(ConfigError, match="block themselves"):
        me.block("me")
    with pytest.raises(DataError, match="cannot trust itself"):
        me.trust("me")
    with pytest.raises(ConfigError, match="an item or a peer"):
        me.mute("a", peer="ann")
    with pytest.raises(ConfigError, match="an item or a peer"):
        me.mute()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"title": "x" * 513}, "title of 513 bytes: at most 512"),
        ({"tags": "jazz"}, "sequence of str, not one str"),
        ({"tags": ["x"] * 33}, "33 tags: at most 32"),
        ({"tags": [7]}, "tag must be str"),
        ({"link": "x" * 3_000}, "link of 3000 bytes"),
    ],
)
def test_a_description_out_of_bounds_is_refused(me, said, message):
    with pytest.raises(DataError, match=message):
        me.describe("a", **said)


@pytest.mark.parametrize(
    "options",
    [
        {"half_life_s": 0.0},
        {"half_life_s": math.nan},
        {"window_s": -1.0},
        {"size_bytes_max": 100},
        {"tune_s": 0.0},
        {"seed": -1},
    ],
)
def test_an_option_out_of_range_is_named(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        Options(**options)


@pytest.mark.parametrize("me", ["", 7, "x" * 513])
def test_a_name_of_oneself_that_is_none_is_refused_and_the_file_is_free_again(path, me):
    with pytest.raises(DataError, match="me "):
        Recommender.open(path, me=me)
    with opened(path) as again:
        again.record("a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "line 2: "),
        (b'{"kind":"song"}', "line 2: .*song"),
        (b'{"kind":"interaction","author":"me","item":"a"}', "missing required field `weight`"),
        (b'{"kind":"interaction","author":"me","item":"","weight":1,"time":0}', "of 0 bytes"),
        (b'{"kind":"interaction","author":"me","item":"a","weight":-1,"time":0}', "weight"),
        (b'{"kind":"interaction","author":"me","item":"a","weight":1,"time":9e9}', "future"),
        (b'{"kind":"mark","mark":"love","subject":"a","time":0}', "mark 'love' is unknown"),
        (b'{"kind":"export","version":2,"me":"me"}', "version 2; 1 can be read"),
        (b"\xff\xfe", "line 2: "),
    ],
)
def test_a_bad_line_of_an_export_is_named_and_nothing_of_the_file_is_stored(
    me, tmp_path, content, message
):
    file = tmp_path / "in.jsonl"
    good = b'{"kind":"interaction","author":"me","item":"a","weight":1,"time":0}\n'
    file.write_bytes(good + content + b"\n")
    with pytest.raises(DataError, match=message) as caught:
        me.import_(file)
    assert str(file) in str(caught.value)


def test_an_export_that_is_not_there_is_named(me, tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.jsonl: .* cannot be read"):
        me.import_(tmp_path / "nowhere.jsonl")
    with pytest.raises(StoreError, match="could not be written"):
        me.export(tmp_path / "no" / "folder.jsonl")


# -- the file -------------------------------------------------------------------------------


def test_a_folder_where_a_file_was_meant_is_named(tmp_path):
    with pytest.raises(StoreError, match=str(tmp_path)):
        opened(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_program_is_refused_and_untouched(path):
    path.write_bytes(b"GIF89a" + bytes(5_000))
    with pytest.raises(StoreError, match=r"me\.db"):
        opened(path)
    assert path.read_bytes() == b"GIF89a" + bytes(5_000)
    path.unlink()
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE notes (text)")
    theirs.close()
    with pytest.raises(StoreError, match="another program"):
        opened(path)


def test_a_store_of_a_newer_version_is_refused_and_intact(path):
    with opened(path) as me:
        me.record("a")
    content = sqlite3.connect(path)
    tables = [row[0] for row in content.execute("SELECT name FROM sqlite_master")]
    table = next(name for name in tables if "version" in name or "migration" in name)
    column = content.execute(f"PRAGMA table_info({table})").fetchone()[1]
    content.execute(f"UPDATE {table} SET {column} = {column} + 98")
    content.commit()
    content.close()
    with pytest.raises(StoreTooNew):
        opened(path)
    content = sqlite3.connect(path)
    content.execute(f"UPDATE {table} SET {column} = {column} - 98")
    content.commit()
    content.close()
    with opened(path) as me:
        assert me.stats().interactions == 1


def test_a_damaged_store_is_refused_with_advice(path):
    with opened(path) as me:
        me.record_many([f"i{k}" for k in range(9_000)])
    path.with_name("me.db.graph").unlink(missing_ok=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 4 :] = bytes(len(content) - len(content) // 4)
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt, match="restore a backup"):
        opened(path)
    assert not path.with_name("me.db.lock").exists()


def run(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


SECOND = """
import sys
from peerrec import Recommender
from peerrec.errors import StoreLocked
try:
    Recommender.open(sys.argv[1])
except StoreLocked as error:
    print(error)
"""


def test_another_process_is_told_which_one_has_it_open(path):
    with opened(path) as me:
        me.record("a")
        found = run(SECOND, path)
        assert f"process {os.getpid()}" in found.stdout
        assert "close it there first" in found.stdout
        with pytest.raises(StoreLocked, match="this very process"):
            opened(path)
        me.record("b")
    with opened(path) as me:
        assert me.stats().interactions == 2


FULL = """
import resource, signal, sys
from peerrec import Options, Recommender
from peerrec.errors import StoreFull
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
me = Recommender.open(sys.argv[1], options=Options(tune=False))
_, ceiling = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, ceiling))
acknowledged = 0
try:
    for k in range(100_000):
        me.record(f"item {k} of quite some length, so that the disk fills up soon")
        acknowledged += 1
except StoreFull as error:
    print(error)
me.recommend(n=3)
resource.setrlimit(resource.RLIMIT_FSIZE, (ceiling, ceiling))
me.record("there is room again")
print(acknowledged + 1)
me.close()
"""


def test_a_full_disk_loses_nothing_acknowledged_and_the_app_goes_on(path):
    found = run(FULL, path)
    assert found.stderr == ""
    message, acknowledged = found.stdout.splitlines()
    assert "free some space and try again" in message
    assert str(path) in message
    with opened(path) as me:
        assert me.stats().interactions == int(acknowledged)


CANNOT_SAVE = """
import resource, signal, sys
from peerrec import Options, Recommender
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
me = Recommender.open(sys.argv[1], options=Options(tune=False))
me.record_many([f"item {k}" for k in range(12_000)])
me.recommend(n=3)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
me.close()
"""


def test_a_disk_too_full_for_the_graph_file_costs_only_the_next_opening(path):
    found = run(CANNOT_SAVE, path)
    assert found.returncode == 0, found.stderr
    assert "could not be written" in found.stderr
    assert not list(path.parent.glob("*.part"))
    with opened(path) as me:
        assert me.stats().interactions == 12_000


def test_a_full_disk_while_exporting_is_named_and_leaves_nothing(me, tmp_path):
    full = "/dev/full"
    if not os.path.exists(full):
        pytest.skip("needs /dev/full")
    (tmp_path / "out.jsonl.part").symlink_to(full)
    with pytest.raises(StoreFull, match=r"out\.jsonl: the export could not be written"):
        me.export(tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
