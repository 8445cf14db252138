"""Each format: what its rows become, in files as their services write them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from peerrec.errors import ConfigError, DataError
from peerrec_node.imports import FORMATS, ColumnMapping, ImportAccount, ImportedRow
from peerrec_node.imports.goodreads import read_goodreads
from peerrec_node.imports.lastfm import read_lastfm
from peerrec_node.imports.listenbrainz import read_listenbrainz
from peerrec_node.imports.movielens import Movie, read_movielens, read_movies
from peerrec_node.imports.opml import read_opml
from peerrec_node.imports.rows import track_id, unix_seconds
from peerrec_node.imports.table import read_csv, read_jsonl, read_parquet, read_tsv

NOW = 1_700_000_000.0
Reader = Callable[..., Iterator[ImportedRow]]


def account(*, skip_broken: bool = False) -> ImportAccount:
    return ImportAccount("file", now=NOW, skip_broken=skip_broken)


def rows(reader: Reader, text: str | bytes, *more: Any) -> list[ImportedRow]:
    content = text.encode() if isinstance(text, str) else text
    return list(reader(io.BytesIO(content), account(), *more))


def test_csv_columns_are_guessed_from_common_names():
    text = (
        "\ufeffTrack_ID,Play-Count,Played_At,Name,Genres,User\nx,3,2001-09-09T01:46:40Z,X,a|b,mia\n"
    )
    assert rows(read_csv, text) == [
        ImportedRow("x", 3.0, 1e9, "X", ("a", "b"), "", "mia"),
    ]


def test_csv_cells_may_hold_quotes_commas_and_line_breaks():
    text = 'item,title\nx,"a ""b"", c\nd"\ny,plain\n'
    assert [(row.item, row.title) for row in rows(read_csv, text)] == [
        ("x", 'a "b", c\nd'),
        ("y", "plain"),
    ]


def test_a_mapping_names_the_columns():
    mapping = ColumnMapping(item="b", weight="a", tags="c")
    found = rows(read_tsv, "a\tb\tc\n2\tx\tsoul; jazz\n\ty\t\n", mapping)
    assert found == [
        ImportedRow("x", 2.0, NOW, "", ("soul", "jazz")),
        ImportedRow("y", 1.0, NOW),
    ]


def test_a_mapping_that_does_not_fit_is_refused_with_the_columns():
    with pytest.raises(ConfigError, match="the file has a, b"):
        rows(read_csv, "a,b\n1,2\n", ColumnMapping(item="c"))
    with pytest.raises(ConfigError, match="item=COLUMN"):
        rows(read_csv, "foo,bar\n1,2\n")


def test_json_lines():
    text = '{"item": 5, "weight": 2, "ts": 1000000000000, "tags": ["a", "b"]}\n\n{"item": "y"}\n'
    assert rows(read_jsonl, text) == [
        ImportedRow("5", 2.0, 1e9, "", ("a", "b")),
        ImportedRow("y", 1.0, NOW),
    ]


def test_parquet():
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = arrow.table({"item": ["x", "y"], "plays": [1, 2], "date": [10.0, None]})
    file = io.BytesIO()
    parquet.write_table(table, file)
    assert rows(read_parquet, file.getvalue()) == [
        ImportedRow("x", 1.0, 10.0),
        ImportedRow("y", 2.0, NOW),
    ]
    with pytest.raises(DataError, match="Parquet"):
        rows(read_parquet, b"PAR1 and nothing else")


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match="pip install"):
        rows(read_parquet, b"PAR1")


@pytest.mark.parametrize(
    "text",
    [
        "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n",
        "1::31::2.5::1260759144\n",
        "1\t31\t2.5\t1260759144\r\n",
    ],
)
def test_movielens_of_every_generation(text: str):
    movies = {"31": Movie("Dangerous Minds (1995)", ("Drama",))}
    link = "https://movielens.org/movies/31"
    title, tags = movies["31"]
    assert rows(read_movielens, text, movies) == [
        ImportedRow("movielens:31", 2.5, 1260759144.0, title, tags, link, "1")
    ]


@pytest.mark.parametrize(
    "text",
    [
        (
            'movieId,title,genres\n2,"Léon, The (1994)",Action|Drama\n3,X,(no genres listed)\n'
        ).encode(),
        "2::Léon, The (1994)::Action|Drama\n3::X::(no genres listed)\n".encode("latin-1"),
        (
            "2|Léon, The (1994)|01-Jan-1994||http://x|0|1|0|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0\n"
            "3|X|||http://x|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
        ).encode("latin-1"),
    ],
)
def test_movie_titles_of_every_generation(text: bytes):
    assert read_movies(io.BytesIO(text), account()) == {
        "2": Movie("Léon, The (1994)", ("Action", "Drama")),
        "3": Movie("X", ()),
    }


LISTEN = """{"listened_at": 1476285365, "recording_msid": "m", "user_name": "u", "track_metadata":
{"artist_name": "Nina Simone", "track_name": "Feeling Good", "release_name": "R",
"additional_info": {"tags": ["jazz"], "recording_mbid": "other"},
"mbid_mapping": {"recording_mbid": "abc"}}}""".replace("\n", " ")


def test_listenbrainz():
    assert rows(read_listenbrainz, LISTEN + "\n") == [
        ImportedRow(
            "track:nina-simone/feeling-good",
            1.0,
            1476285365.0,
            "Nina Simone – Feeling Good",
            ("jazz",),
            "https://musicbrainz.org/recording/abc",
        )
    ]


def test_lastfm_with_and_without_a_line_of_names():
    named = (
        '"uts","utc_time","artist","artist_mbid","album","album_mbid","track","track_mbid"\n'
        '"1476285360","12 Oct 2016, 15:16","Nina Simone","","A","","Feeling Good","abc"\n'
    )
    plain = "Nina Simone,A,Feeling Good,12 Oct 2016 15:16\nNina Simone,A,Now Playing,\n"
    (first,), (second,) = rows(read_lastfm, named), rows(read_lastfm, plain)
    assert (first.item, first.time) == (second.item, second.time)
    assert first.time == 1476285360.0
    assert first.link.endswith("/abc")


def test_one_track_is_one_item_whoever_tells():
    assert rows(read_listenbrainz, LISTEN)[0].item == track_id("NINA SIMONE ", "Feeling good!")
    assert track_id("!!!", "Ö / ß") == "track:!!!/ö-ss"
    assert track_id("椎名林檎", "丸ノ内") == "track:椎名林檎/丸ノ内"


BOOKS = '''\
Book Id,Title,Author,ISBN13,My Rating,Date Read,Date Added,Bookshelves,Exclusive Shelf
1,Emma,Jane Austen,"=""9780141439587""",5,2001/09/09,2000/01/01,"classics, read",read
2,Persuasion,Jane Austen,"=""""",0,,2001/09/09,,currently-reading
3,Ulysses,James Joyce,"=""""",0,,2001/09/09,to-read,to-read
'''


def test_goodreads_takes_what_was_read_and_not_what_is_wished_for():
    found = account()
    emma, persuasion = read_goodreads(io.BytesIO(BOOKS.encode()), found)
    assert emma == ImportedRow(
        "isbn:9780141439587",
        5.0,
        999993600.0,
        "Jane Austen: Emma",
        ("classics",),
        "https://www.goodreads.com/book/show/1",
    )
    assert (persuasion.item, persuasion.weight) == ("goodreads:2", 3.0)
    assert (found.rows, found.ignored_rows) == (2, 1)


FEEDS = """<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0"><head><title>x</title></head><body>
<outline text="Science &amp; more"><outline text="Space">
<outline type="rss" text="Orbit" title="In Orbit" xmlUrl="https://o.example/rss"
 htmlUrl="https://o.example" category="/Tech/Space,news" created="Sun, 09 Sep 2001 01:46:40 GMT"/>
</outline></outline>
<outline type="rss" text="Plain" xmlUrl="https://p.example/rss"/>
</body></opml>"""


def test_opml_feeds_carry_their_folders_as_tags():
    assert rows(read_opml, FEEDS) == [
        ImportedRow(
            "https://o.example/rss",
            1.0,
            1e9,
            "In Orbit",
            ("Science & more", "Space", "Tech/Space", "news"),
            "https://o.example",
        ),
        ImportedRow("https://p.example/rss", 1.0, NOW, "Plain"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<html><body/></html>", "no OPML: it begins with <html>"),
        ("<opml><body>", r"line 1: is no XML"),
        ('<!DOCTYPE x [<!ENTITY a "aaa">]><opml>&a;</opml>', "DOCTYPE"),
        ("<opml>" + "<outline>" * 40 + "</outline>" * 40 + "</opml>", "32 folders"),
    ],
)
def test_what_is_no_opml_is_refused(text: str, reason: str):
    with pytest.raises(DataError, match=reason):
        rows(read_opml, text)


BROKEN: list[tuple[str, str, int, str]] = [
    ("csv", "item,plays\nx,1\ny,many\nz,2\n", 3, "weight 'many' is no number"),
    ("csv", "item,plays\nx,1\ny,-1\nz,2\n", 3, "weight -1.0 is not in"),
    ("csv", "item,plays\nx,1\ny,nan\nz,2\n", 3, "finite"),
    ("csv", "item,plays\nx,1\ny\nz,2\n", 3, "has 1 columns"),
    ("csv", "item,plays\nx,1\n,2\nz,2\n", 3, "'item' is empty"),
    ("csv", f"item,plays\nx,1\n{'y' * 600},2\nz,2\n", 3, "600 bytes"),
    ("tsv", "item\ttime\nx\t1\ny\tsoon\nz\t2\n", 3, "neither unix seconds nor ISO 8601"),
    ("csv", "item,time\nx,1\ny,99999999999\nz,2\n", 3, "future"),
    ("jsonl", '{"item": "x"}\n{"item"\n{"item": "z"}\n', 2, "no JSON"),
    ("jsonl", '{"item": "x"}\n[1]\n{"item": "z"}\n', 2, "no JSON object but list"),
    ("movielens", "1\t2\t3\t4\n1\t2\t3\n1\t2\t3\t4\n", 2, "has 3 columns"),
    ("movielens", "1\t2\t3\t4\n1\tx\t3\t4\n1\t2\t3\t4\n", 2, "movie 'x'"),
    ("listenbrainz", f'{LISTEN}\n{{"listened_at": 1}}\n{LISTEN}\n', 2, "no track_metadata"),
    ("listenbrainz", f"{LISTEN}\n{LISTEN.replace('1476285365', 'null')}\n{LISTEN}", 2, "None"),
    ("lastfm", "a,b,c,12 Oct 2016 15:16\na,b,c,soon\na,b,c,12 Oct 2016 15:16\n", 2, "'soon'"),
    ("lastfm", "a,b,c,12 Oct 2016 15:16\na,b,,1\na,b,c,12 Oct 2016 15:16\n", 2, "'track' is empty"),
    ("goodreads", BOOKS.replace(",0,,2001", ",9,,2001", 1), 3, "My Rating 9"),
    ("opml", FEEDS.replace(' xmlUrl="https://o.example/rss"', ""), 4, "no xmlUrl"),
]


@pytest.mark.parametrize(("name", "text", "line", "reason"), BROKEN)
def test_a_broken_row_stops_with_its_line_or_is_counted(
    name: str, text: str, line: int, reason: str
):
    with pytest.raises(DataError, match=rf"file, line {line}: .*{reason}.*--skip-broken"):
        rows(FORMATS[name], text)
    skipping = account(skip_broken=True)
    good = list(FORMATS[name](io.BytesIO(text.encode()), skipping))
    assert skipping.broken_rows == 1
    assert skipping.rows == len(good) >= 1
    assert f"line {line}" in skipping.examples[0]


def test_bytes_that_are_no_utf8_name_their_line():
    with pytest.raises(DataError, match="line 3: is not UTF-8 at byte 1"):
        rows(read_csv, b"item,plays\nx,1\ny\xff,1\n")


def test_an_endless_line_is_refused_without_being_read_whole():
    with pytest.raises(DataError, match="line 2: is longer than"):
        rows(read_csv, b"item,plays\n" + b"x" * (3 << 20))
    skipping = account(skip_broken=True)
    text = b"item,plays\n" + b"x" * (3 << 20) + b"\ny,1\n"
    assert [row.item for row in read_csv(io.BytesIO(text), skipping)] == ["y"]


def test_texts_are_cut_to_what_a_store_takes():
    (row,) = rows(read_csv, f"item,title,tags\nx,{'é' * 400},{'t' * 99}|u|u| |\n")
    assert len(row.title.encode()) == 512
    assert row.tags == ("t" * 64, "u")


@pytest.mark.parametrize("text", ["1000000000", "1000000000000", "2001-09-09 01:46:40+00:00"])
def test_times_in_seconds_milliseconds_and_words(text: str):
    assert unix_seconds(text) == 1e9


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_an_empty_file_has_no_rows_or_is_refused(name: str):
    try:
        found = rows(FORMATS[name], "")
    except (DataError, ConfigError):
        found = []
    assert found == []


@pytest.mark.data
def test_real_movielens_files_come_in_whole(data_folder: Path):
    from peerrec_node.imports import open_import, recognise

    folder = data_folder / "ml-latest-small-2016"
    ratings, titles = folder / "ratings.csv.gz", folder / "movies.csv.gz"
    assert recognise(ratings) == "movielens"
    movies = read_movies(open_import(titles), account())
    found = list(read_movielens(open_import(ratings), account(), movies))
    assert len(found) == 100_004
    assert len(movies) == 9_125
    assert all(row.title for row in found)
