from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest

from peerrec.errors import DataError
from peerrec_node.imports import open_import, recognise

SAMPLES = {
    "csv": b"item,plays\nx,1\n",
    "tsv": b"item\tplays\nx\t1\n",
    "jsonl": b'{"item": "x"}\n',
    "parquet": b"PAR1\x15\x04",
    "movielens": b"196\t242\t3\t881250949\n",
    "listenbrainz": b'\n{"listened_at": 1, "track_metadata": {}}\n',
    "lastfm": b"Nina Simone,A,Feeling Good,13 Mar 2020 22:10\n",
    "goodreads": b"Book Id,Title,Author,Exclusive Shelf\n",
    "opml": b'\xef\xbb\xbf<?xml version="1.0"?>\n<opml version="1.0">',
}
MORE = [
    ("movielens", b"1::1193::5::978300760\n"),
    ("movielens", b"userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n"),
    ("lastfm", b'"uts","utc_time","artist","artist_mbid","album","album_mbid","track"\n'),
]


@pytest.mark.parametrize(("name", "content"), [*SAMPLES.items(), *MORE])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_a_format_is_told_from_the_content_packed_or_not(
    tmp_path: Path, name: str, content: bytes, pack: type[bytes]
):
    path = tmp_path / "file"
    path.write_bytes(pack(content))
    assert recognise(path) == name
    with open_import(path) as file:
        assert file.read() == content


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"\x89PNG\r\n\x1a\n\0\0", b"<html></html>", b"{broken\n"]
)
def test_an_unknown_format_says_how_to_name_it(tmp_path: Path, content: bytes):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match="--format: csv, tsv"):
        recognise(path)


def test_a_character_cut_by_the_sample_is_no_fault(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"item,plays\n" + "é,1\n".encode() * 20_000)
    assert recognise(path) == "csv"


def test_what_cannot_be_opened_or_unpacked_is_named(tmp_path: Path):
    with pytest.raises(DataError, match="is the path right"):
        recognise(tmp_path / "absent")
    with pytest.raises(DataError, match="directory"):
        recognise(tmp_path)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"item,plays\n" * 99)[:20])
    with pytest.raises(DataError, match="cannot be unpacked"):
        recognise(tmp_path / "cut.gz")
