"""A person keeps their own store from the command line."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from peerrec.recommender import Recommender
from peerrec.store.sqlite import SqliteStore
from peerrec_node.cli import peerrec
from peerrec_node.commands import common, import_job

PLAYS = """song,plays,when,name,kind
a,3,2024-01-01T10:00,Feeling Good,jazz|soul
b,1,2024-01-02T11:00,Sinnerman,jazz
"""
FRIENDS = """user,item,weight,time
ann,a,1,1704067200
ann,z,5,1704067200
"""
BROKEN = "item,weight,time\na,1,2024-01-01\nb,lots,2024-01-01\nc,2,2024-01-01\n"
MAPPING = "item=song,weight=plays,time=when,title=name,tags=kind"
LISTEN = {
    "listened_at": 1704067200,
    "track_metadata": {"artist_name": "Nina Simone", "track_name": "Feeling Good"},
}
OPML = """<opml><body><outline text="News">
<outline text="Daily" xmlUrl="https://daily.example/feed"/></outline></body></opml>"""


@pytest.fixture
def store(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "me.db"
    monkeypatch.setenv("PEERREC_STORE", str(path))
    return path


def run(*args: object):
    return CliRunner().invoke(peerrec, [str(arg) for arg in args])


def said(*args: object) -> dict:
    """Return the JSON document of a command that succeeds."""
    result = run(*args, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def refused(code: int, *args: object) -> str:
    """Return the one line in which a command fails."""
    result = run(*args)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


def file(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content)
    return path


def items(**options: object) -> list[str]:
    flags = [part for key, value in options.items() for part in (f"--{key}", value)]
    return [each["item"] for each in said("recommend", *flags)["recommendations"]]


@pytest.fixture
def heard(store, tmp_path) -> Path:
    """A store with two own items and a trusted friend who has one of them and another."""
    said("import", file(tmp_path, "plays.csv", PLAYS), "--map", MAPPING)
    said("import", file(tmp_path, "friends.csv", FRIENDS))
    said("trust", "ann", "0.8")
    return store


# -- import -------------------------------------------------------------------------------


def test_a_mapped_table_becomes_interactions_and_descriptions(store, tmp_path):
    found = said("import", file(tmp_path, "plays.csv", PLAYS), "--map", MAPPING)
    assert (found["format"], found["recorded"], found["described"]) == ("csv", 2, 2)
    with Recommender.open(store) as me:
        lines = me.stats()
        me.export(tmp_path / "all.jsonl")
    assert (lines.own_interactions, lines.descriptions) == (2, 2)
    statements = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    first = next(each for each in statements if each["kind"] == "interaction")
    assert (first["author"], first["item"], first["weight"]) == ("me", "a", 3.0)
    assert not first["public"]
    described = next(each for each in statements if each["kind"] == "description")
    assert (described["title"], described["tags"]) == ("Feeling Good", ["jazz", "soul"])


@pytest.mark.parametrize(
    ("name", "content", "kind", "item"),
    [
        ("plays.tsv", "item\tplays\nx\t2\n", "tsv", "x"),
        ("plays.jsonl", '{"item": "x", "plays": 2}\n', "jsonl", "x"),
        ("listens.jsonl", json.dumps(LISTEN), "listenbrainz", "track:nina-simone/feeling-good"),
        ("feeds.opml", OPML, "opml", "https://daily.example/feed"),
        ("scrobbles.csv", "N,A,T,09 Sep 2001 01:46\n", "lastfm", "track:n/t"),
    ],
)
def test_a_file_is_recognised_by_its_content(store, tmp_path, name, content, kind, item):
    found = said("import", file(tmp_path, name, content))
    assert (found["format"], found["recorded"]) == (kind, 1)
    with Recommender.open(store) as me:
        assert me.explain(item).notes == ("You know it already.",)


def test_a_parquet_file_is_read_by_its_columns(store, tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "plays.parquet"
    parquet.write_table(arrow.table({"song": ["x", "y"], "n": [2, 3]}), path)
    found = said("import", path, "--map", "item=song,weight=n")
    assert (found["format"], found["recorded"]) == ("parquet", 2)


def test_a_packed_file_is_read_like_a_plain_one(store, tmp_path):
    path = tmp_path / "plays.csv.gz"
    path.write_bytes(gzip.compress(PLAYS.encode()))
    assert said("import", path, "--map", MAPPING)["recorded"] == 2


def test_a_file_that_ends_early_stores_nothing_and_says_so(store, tmp_path):
    path = tmp_path / "plays.csv.gz"
    packed = gzip.compress(
        ("item,n\n" + "".join(f"item-number-{n},1\n" for n in range(9_000))).encode()
    )
    path.write_bytes(packed[: len(packed) // 2])
    assert "is it whole?" in refused(2, "import", path)
    assert not store.exists()


def test_a_broken_row_stops_the_import_with_its_line_and_nothing_is_stored(store, tmp_path):
    path = file(tmp_path, "plays.csv", BROKEN)
    assert "plays.csv, line 3: weight 'lots' is no number" in refused(2, "import", path)
    assert not store.exists()


def test_broken_rows_are_skipped_and_counted_when_asked_for(store, tmp_path):
    found = said("import", file(tmp_path, "plays.csv", BROKEN), "--skip-broken")
    assert (found["recorded"], found["broken_rows"]) == (2, 1)
    assert "line 3" in found["broken_examples"][0]
    assert "1 broken rows skipped" in run("import", tmp_path / "plays.csv", "--skip-broken").stdout


def test_importing_a_longer_export_again_adds_only_what_is_new(store, tmp_path):
    row = "x,1,1704067200\n"
    path = file(tmp_path, "plays.csv", "item,plays,time\n" + row + row)
    assert said("import", path)["recorded"] == 2
    path.write_text("item,plays,time\n" + row + row + row + "y,1,1704067260\n")
    again = said("import", path)
    assert (again["recorded"], again["already_known"]) == (2, 2)
    assert said("stats")["interactions"] == 4


def test_rows_without_a_time_are_never_taken_for_known_ones(store, tmp_path):
    path = file(tmp_path, "plays.csv", "item,plays\nx,1\n")
    assert [said("import", path)["recorded"] for _ in range(2)] == [1, 1]


def test_movielens_titles_and_genres_are_found_beside_the_ratings(store, tmp_path):
    file(tmp_path, "movies.csv", "movieId,title,genres\n7,Sabrina (1995),Comedy|Romance\n")
    ratings = file(tmp_path, "ratings.csv", "userId,movieId,rating,timestamp\n1,7,4,1704067200\n")
    found = said("import", ratings, "--me", "1")
    assert (found["format"], found["described"], found["people"]) == ("movielens", 1, 0)
    assert said("stats")["own_interactions"] == 1


def test_rows_of_other_people_come_with_a_note_on_who_hears_them(store, tmp_path):
    found = said("import", file(tmp_path, "friends.csv", FRIENDS))
    assert found["people"] == 1
    assert "peerrec trust" in found["notes"][0]


def test_an_import_keeps_what_it_says_nothing_of(store, tmp_path):
    said("describe", "a", "--title", "Mine", "--link", "https://a.example")
    said("import", file(tmp_path, "plays.csv", "item,tags\na,jazz\n"))
    assert said("describe", "a", "--title", "Ours") == {
        "item": "a",
        "title": "Ours",
        "tags": ["jazz"],
        "link": "https://a.example",
    }


def test_long_imports_tell_how_far_they_are_in_plain_lines(store, tmp_path, monkeypatch):
    monkeypatch.setattr(import_job, "BATCH", 10)
    rows = "".join(f"i{n},t{n}\n" for n in range(25))
    result = run("import", file(tmp_path, "plays.csv", "item,title\n" + rows), "--json")
    assert "checking: 10" in result.stderr
    assert "recording: 25 of 25" in result.stderr
    assert json.loads(result.stdout)["recorded"] == 25
    assert said("stats")["interactions"] == 25


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--map", "weight=plays"], "item=COLUMN"),
        (["--map", "item=song,colour=x"], "the file has song, plays"),
        (["--map", "colour=x"], "write ROLE=COLUMN"),
        (["--map", "item=nope"], "item: 'nope' is not allowed; the file has song, plays"),
        (["--format", "opml", "--map", "item=song"], "leave --map out"),
        ([], "say which one is the item"),
    ],
)
def test_a_wrong_mapping_is_refused(store, tmp_path, args, message):
    path = file(tmp_path, "plays.csv", PLAYS)
    assert message in refused(2, "import", path, *args)
    assert not store.exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [("nope.csv", "No such file"), (".", "is no file"), ("noise", "is in no known format")],
)
def test_a_file_that_cannot_be_imported_is_refused(store, tmp_path, name, message):
    (tmp_path / "noise").write_bytes(bytes(range(256)))
    assert message in refused(2, "import", tmp_path / name)


# -- record, recommend, similar -----------------------------------------------------------


def test_a_recorded_interaction_changes_the_next_recommendation(heard):
    assert items() == ["z"]
    assert run("record", "z", "--weight", "2").stdout == "recorded z\n"
    assert items() == []


def test_reasons_are_in_words_and_use_titles(heard):
    result = run("recommend", "--explain")
    assert "because you have Feeling Good; so has ann, whom you trust," in result.stdout
    (entry,) = said("recommend", "--explain")["recommendations"]
    assert entry["reasons"][0]["hub"] == "ann"
    assert said("recommend")["recommendations"][0]["reasons"] == []


def test_an_empty_answer_says_why_and_leaves_no_file(store):
    result = run("recommend")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "There is no store" in result.stderr
    assert "nothing to recommend" in result.stderr
    assert said("recommend")["notes"]
    assert not store.exists()


def test_candidates_and_seen_items_are_ranked_as_asked(heard):
    assert items(candidates="b") == []
    assert items(candidates="z") == ["z"]
    assert "a" in [each["item"] for each in said("recommend", "--include-seen")["recommendations"]]
    assert items(explore="0.5") == ["z"]


def test_similar_items_are_found_through_who_is_heard(heard):
    assert [each["item"] for each in said("similar", "a")["recommendations"]] == ["z"]


def test_who_is_blocked_has_no_say_until_unblocked(heard):
    said("block", "ann")
    assert items() == []
    said("block", "ann", "--undo")
    assert items() == ["z"]
    assert "not blocked" in refused(2, "block", "ann", "--undo")


def test_what_is_muted_is_not_recommended_until_unmuted(heard):
    said("mute", "z")
    assert items() == []
    said("mute", "z", "--undo")
    assert items() == ["z"]
    said("mute", "--peer", "ann")
    assert said("stats")["muted_peers"] == 1


def test_distrust_is_written_as_a_negative_number(heard):
    assert said("trust", "ann", "-0.5") == {"peer": "ann", "weight": -0.5}
    assert items() == []


def test_tuning_answers_where_enough_is_known_and_says_so_where_not(heard, tmp_path):
    assert "Too little is known" in run("tune").stderr
    lines = ["user,item,time"]
    for user in ("me", "ann", "ben"):
        lines += [f"{user},i{n},{1704067200 + 60 * n}" for n in range(60)]
    said("import", file(tmp_path, "more.csv", "\n".join(lines)), "--me", "me")
    said("trust", "ben")
    assert said("tune")["answered"]
    assert said("stats")["tuned"]["interactions"] >= 60


def test_an_interrupted_import_is_completed_by_the_next(store, tmp_path, monkeypatch):
    monkeypatch.setattr(import_job, "BATCH", 10)
    rows = "".join(f"i{n},{1704067200 + 60 * n}\n" for n in range(25))
    path = file(tmp_path, "plays.csv", "item,time\n" + rows)
    batches = []

    def interrupt(*args: object) -> int:
        batches.append(args)
        if len(batches) == 2:
            raise KeyboardInterrupt
        return record_many(*args)

    record_many = Recommender.record_many
    with monkeypatch.context() as patched:
        patched.setattr(Recommender, "record_many", interrupt)
        assert run("import", path).exit_code == 130
    found = said("import", path)
    assert (found["recorded"], found["already_known"]) == (15, 10)


def test_strangers_do_not_decide_what_an_item_is_called(heard):
    with Recommender.open(heard) as me:
        me.describe("z", title="Buy this", author="eve")
    assert said("recommend")["recommendations"][0]["title"] == "z"
    with Recommender.open(heard) as me:
        me.describe("z", title="Four\x1b[31m Women", author="ann")
    assert said("recommend")["recommendations"][0]["title"] == "Four�[31m Women"
    said("trust", "ann", "-1")
    assert run("record", "z").stdout == "recorded z\n"


def test_a_bytes_id_is_shown_in_hex_and_in_json_as_an_export_has_it(heard):
    with Recommender.open(heard) as me:
        me.record(b"\x01\xff", author="ann")
    found = [each["item"] for each in said("recommend")["recommendations"]]
    assert {"bytes": "Af8="} in found
    assert "01ff" in run("recommend").stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["record", ""], "1 to 512 are allowed"),
        (["record", "x" * 513], "1 to 512 are allowed"),
        (["record", "x", "--weight", "nan"], "must be finite"),
        (["record", "x", "--weight", "-1"], "is not in (0,"),
        (["record", "x", "--time", "1960-01-01"], "before 1970"),
        (["record", "x", "--time", "2900-01-01"], "in the future"),
        (["record", "x", "--time", "2024"], "write 2024-01-31"),
        (["record", "x", "--time", "soon"], "write 2024-01-31"),
        (["recommend", "--n", "0"], "list length of 1 or more"),
        (["recommend", "--explore", "2"], "number from 0 to 1"),
        (["similar", "nope"], "'nope' is unknown here"),
        (["forget", "nope"], "nothing is known of item 'nope'"),
        (["forget", "--peer", "nope"], "nothing is known of peer 'nope'"),
        (["forget"], "Give one of"),
        (["forget", "a", "--peer", "ann"], "Give one of"),
        (["forget", "--everything"], "add --yes"),
        (["mute"], "Give an ITEM or --peer"),
        (["mute", "z", "--undo"], "not muted"),
        (["describe", "x"], "Give --title"),
        (["trust", "ann", "2"], "is not in [-1, 1]"),
        (["trust", "me"], "cannot trust itself"),
        (["block", "me"], "nobody can block themselves"),
    ],
)
def test_a_wrong_argument_is_one_line_and_changes_nothing(heard, args, message):
    before = said("stats")
    assert message in refused(2, *args)
    assert said("stats") == before


# -- stats, forget, export ----------------------------------------------------------------


def test_stats_tell_what_is_known_and_how_it_is_ranked(heard):
    found = said("stats")
    assert found["store"] == str(heard)
    assert (found["interactions"], found["own_interactions"], found["peers"]) == (4, 2, 2)
    assert {"items", "trust_edges", "size_bytes", "walk", "tuned", "heard_peers"} <= set(found)
    assert "own interactions" in run("stats").stdout


def test_what_is_forgotten_is_gone(heard):
    assert said("forget", "z")["interactions"] == 1
    assert items() == []
    assert said("forget", "--before", "2024-01-01T12:00")["interactions"] == 2
    assert said("stats")["interactions"] == 1
    assert said("forget", "--everything", "--yes")["interactions"] == 1
    found = said("stats")
    assert (found["interactions"], found["descriptions"], found["trust_edges"]) == (0, 0, 0)
    assert b"Sinnerman" not in heard.read_bytes()


def test_a_forgotten_peer_is_not_heard_any_more(heard):
    assert said("forget", "--peer", "ann")["interactions"] == 2
    assert items() == []
    assert said("stats")["trust_edges"] == 0


def test_an_export_imported_elsewhere_recommends_the_same(heard, tmp_path):
    said("mute", "b")
    path = tmp_path / "all.jsonl"
    assert said("export", path)["statements"] == 8
    other = tmp_path / "other.db"
    found = said("import", path, "--store", other)
    assert (found["format"], found["statements"]) == ("peerrec", 8)
    assert said("recommend", "--store", other) == said("recommend")
    same = ("interactions", "own_interactions", "items", "descriptions", "muted_items")
    mine, theirs = said("stats"), said("stats", "--store", other)
    assert [mine[key] for key in same] == [theirs[key] for key in same]
    assert "is there already" in refused(3, "export", path)


def test_a_damaged_export_stores_nothing(heard, tmp_path):
    path = tmp_path / "all.jsonl"
    said("export", path)
    path.write_text(path.read_text() + "{}\n")
    before = said("stats")
    assert "line 9" in refused(2, "import", path)
    assert said("stats") == before


# -- the store ----------------------------------------------------------------------------


def test_a_file_of_another_program_is_left_alone(tmp_path):
    path = file(tmp_path, "notes.txt", "not a store\n" * 100)
    for command in (["recommend"], ["record", "x"], ["forget", "--everything", "--yes"]):
        assert "no peerrec store" in refused(3, *command, "--store", path)
    assert path.read_text() == "not a store\n" * 100


def test_a_folder_is_no_store(tmp_path):
    assert "is a folder" in refused(3, "stats", "--store", tmp_path)


def test_a_store_that_is_open_elsewhere_is_refused(heard):
    with Recommender.open(heard):
        assert str(os.getpid()) in refused(3, "record", "x")


def test_the_default_store_is_in_the_data_folder_of_its_person(tmp_path, monkeypatch):
    monkeypatch.delenv("PEERREC_STORE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert run("record", "x").exit_code == 0
    assert (tmp_path / "data" / "peerrec" / "me.db").is_file()
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert common.default_store() == tmp_path / ".local" / "share" / "peerrec" / "me.db"


@pytest.mark.parametrize("public", [False, True])
def test_an_import_is_private_unless_asked_otherwise_and_others_rows_always_are(
    store, tmp_path, public
):
    path = file(tmp_path, "plays.csv", "user,item,plays\nann,x,1\nbob,y,1\n")
    said("import", path, "--me", "ann", *(["--public"] if public else []))
    with SqliteStore(store) as kept:
        columns, people = kept.interactions(), kept.peers()
        authors = [people.ids[at] for at in people.positions(columns.author).tolist()]
        assert dict(zip(authors, columns.public.tolist(), strict=True)) == {
            "me": public,
            "bob": False,
        }
