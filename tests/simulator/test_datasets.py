"""Data sets: every format is read, plain and compressed, and every broken row is named."""

from __future__ import annotations

import contextlib
import gzip
import lzma
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerrec.errors import ConfigError, DataError
from peerrec_sim.community import Community
from peerrec_sim.datasets import load, names
from peerrec_sim.datasets.layouts import WHITESPACE
from peerrec_sim.datasets.sources import Source
from peerrec_sim.datasets.table import read_columns, read_lists

PACKERS = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}


def write(folder: Path, packing: str = "", encoding: str = "utf-8", **files: str) -> Path:
    """Write files; a double underscore in a name stands for the dot."""
    for name, text in files.items():
        path = folder / (name.replace("__", ".") + packing)
        path.write_bytes(PACKERS[packing](text.encode(encoding)))
    return folder


def rows(community: Community) -> list[tuple[str, str, float]]:
    part = community.interactions
    return [
        (community.users[u], community.items[i], float(w))
        for u, i, w in zip(part.user, part.item, part.weight, strict=True)
    ]


def trust_rows(community: Community) -> list[tuple[str, str, float]]:
    trust = community.trust
    assert trust is not None
    return [
        (community.users[s], community.users[t], round(float(w), 6))
        for s, t, w in zip(trust.source, trust.target, trust.weight, strict=True)
    ]


EXAMPLES = {
    "adjacency": (
        {"train__txt": "0 10 20\n1 20\n2\n", "test__txt": "0 30\n1 10 30\n"},
        [("0", "10", 1), ("0", "20", 1), ("1", "20", 1)],
    ),
    "triples": (
        {"train__txt": "5\t8\t3\n5\t9\t1\n6\t9\t2\n", "trust__txt": "5\t6\n"},
        [("5", "8", 3), ("5", "9", 1), ("6", "9", 2)],
    ),
    "hetrec": (
        {
            "user_artists__dat": "userID\tartistID\tweight\r\n2\t51\t13\r\n3\t51\t4\r\n",
            "user_friends__dat": "userID\tfriendID\r\n2\t3\r\n3\t2\r\n",
            "artists__dat": "id\tname\turl\tpictureURL\n51\tDuran\u2028Duran\thttp\tpng\n",
            "tags__dat": "tagID\ttagValue\n1\tmetal\n",
            "user_taggedartists__dat": "userID\tartistID\ttagID\tday\n2\t51\t1\t1\n",
        },
        [("2", "51", 13), ("3", "51", 4)],
    ),
    "u.data": (
        {"u__data": "196\t242\t3\t881250949\n22\t377\t1\t878887116\n", "u__user": "1|24|M|x|1\n"},
        [("196", "242", 3), ("22", "377", 1)],
    ),
    "ratings.csv": (
        {
            "ratings__csv": "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n",
            "movies__csv": 'movieId,title,genres\n31,"Minds, Dangerous (1995)",Drama\n',
            "tags__csv": "userId,movieId,tag,timestamp\n15,339,x,1138537770\n",
        },
        [("1", "31", 2.5)],
    ),
    "ratings.dat": (
        {"ratings__dat": "1::1193::5::978300760\n2::661::3::978302109\n", "users__dat": "1::F\n"},
        [("1", "1193", 5), ("2", "661", 3)],
    ),
    "pairs.csv": (
        {"pairs__csv": "user,movie\n1,1193\n1,661\n"},
        [("1", "1193", 1), ("1", "661", 1)],
    ),
    "filmtrust": (
        {"ratings__txt": "1 1 2\n1 2 3.5\n", "trust__txt": "2 966 1\n", "readme__txt": "hello\n"},
        [("1", "1", 2), ("1", "2", 3.5)],
    ),
}


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("example", EXAMPLES)
def test_every_format_is_recognised_and_read(example: str, packing: str, tmp_path: Path):
    files, expected = EXAMPLES[example]
    assert rows(load(write(tmp_path, packing, **files))) == expected


def test_the_name_of_the_folder_does_not_matter(tmp_path: Path):
    folder = tmp_path / "ml-1m"
    folder.mkdir()
    community = load(write(folder, ".gz", **EXAMPLES["hetrec"][0]))
    assert community.name == "ml-1m"
    assert rows(community) == EXAMPLES["hetrec"][1]


def test_adjacency_keeps_users_without_items_and_shares_codes_with_the_test_part(tmp_path: Path):
    community = load(write(tmp_path, **EXAMPLES["adjacency"][0]))
    assert (community.users, community.items) == (("0", "1", "2"), ("10", "20", "30"))
    assert community.test is not None
    assert community.test.user.tolist() == [0, 1, 1]
    assert community.test.item.tolist() == [2, 0, 2]


def test_users_known_from_trust_alone_have_codes(tmp_path: Path):
    community = load(write(tmp_path, **EXAMPLES["filmtrust"][0]))
    assert community.users == ("1", "2", "966")
    assert trust_rows(community) == [("2", "966", 1)]


def test_titles_hold_other_line_breaks(tmp_path: Path):
    assert load(write(tmp_path, **EXAMPLES["hetrec"][0])).title(0) == "Duran\u2028Duran"


def test_latin_1_titles_are_read(tmp_path: Path):
    write(tmp_path, u__data="1\t7\t3\t881250949\n1\t8\t3\t881250949\n")
    write(tmp_path, ".gz", "latin-1", u__item="7|Misérables, Les (1995)|x\n")
    community = load(tmp_path)
    assert [community.title(0), community.title(1)] == ["Misérables, Les (1995)", "8"]


def test_quoted_titles_and_times_of_csv_are_read(tmp_path: Path):
    community = load(write(tmp_path, **EXAMPLES["ratings.csv"][0]))
    assert community.title(0) == "Minds, Dangerous (1995)"
    assert community.interactions.time is not None
    assert community.interactions.time.tolist() == [1260759144]


def test_quoted_rows_are_read(tmp_path: Path):
    text = '"User-ID";"ISBN";"Book-Rating"\n"7";"034545104X";"3"\n"7";"0155061224";"5"\n'
    community = load(write(tmp_path, ratings__csv=text))
    assert rows(community) == [("7", "034545104X", 3), ("7", "0155061224", 5)]


def test_columns_are_found_by_name(tmp_path: Path):
    text = "timestamp,itemId,playcount,userId\n5,a,3,x\n6,b,4,y\n"
    assert rows(load(write(tmp_path, plays__csv=text))) == [("x", "a", 3), ("y", "b", 4)]


def test_types_in_a_header_are_passed_over(tmp_path: Path):
    text = "user_id:token\titem_id:token\trating:float\n1\t2\t3\n"
    assert rows(load(write(tmp_path, x__inter=text))) == [("1", "2", 3)]


def test_a_single_file_is_read_alone_with_titles_beside(tmp_path: Path):
    write(tmp_path, **EXAMPLES["hetrec"][0])
    community = load(tmp_path / "user_artists.dat")
    assert community.trust is None
    assert community.title(0).startswith("Duran")


def test_raw_names_stay_exactly_as_written(tmp_path: Path):
    community = load(write(tmp_path, ratings__csv="user,item,rating\n007,x 1,3\n7,Ω,4\n"))
    assert rows(community) == [("007", "x 1", 3), ("7", "Ω", 4)]


def test_codes_follow_names_and_not_the_order_of_rows(tmp_path: Path):
    community = load(write(tmp_path, ratings__csv="user,item,rating\n10,b,3\n9,a,4\n9,b,1\n"))
    assert (community.users, community.items) == (("9", "10"), ("a", "b"))


# --- repetitions, zeros -------------------------------------------------------------


def test_plays_of_one_pair_are_summed_where_the_first_row_stood(tmp_path: Path):
    community = load(write(tmp_path, train__txt="1\t8\t3\n2\t8\t1\n1\t8\t4\n"))
    assert rows(community) == [("1", "8", 7), ("2", "8", 1)]


def test_the_newest_rating_of_a_pair_stays(tmp_path: Path):
    community = load(write(tmp_path, u__data="1\t8\t3\t200\n1\t8\t5\t300\n1\t8\t1\t100\n"))
    assert rows(community) == [("1", "8", 5)]
    assert community.interactions.time is not None
    assert community.interactions.time.tolist() == [300]


def test_the_last_rating_stays_where_there_are_no_times(tmp_path: Path):
    assert rows(load(write(tmp_path, ratings__txt="1 8 3\n1 9 3\n1 8 2\n"))) == [
        ("1", "8", 2),
        ("1", "9", 3),
    ]


def test_a_list_that_names_an_item_twice_counts_it_once(tmp_path: Path):
    assert rows(load(write(tmp_path, train__txt="0 5 6 5 7 9\n1 5\n")))[0] == ("0", "5", 1)


def test_weight_zero_is_no_interaction(tmp_path: Path):
    assert rows(load(write(tmp_path, ratings__txt="1 8 0\n1 9 3\n"))) == [("1", "9", 3)]


# --- trust --------------------------------------------------------------------------


@pytest.mark.parametrize("packing", PACKERS)
def test_signed_and_timed_trust_is_scaled(packing: str, tmp_path: Path):
    text = "6,2,4,1289241911.72836\n6,5,-10,1289241942\n1,15,0,1289243140\n"
    community = load(write(tmp_path, packing, soc_sign__csv=text))
    assert trust_rows(community) == [("6", "2", 0.4), ("6", "5", -1)]
    assert community.trust is not None
    assert community.trust.time is not None
    assert community.trust.time.tolist() == [1289241911.72836, 1289241942]
    assert not len(community.interactions)
    assert community.n_items == 0


def test_konect_files_are_read_without_self_trust(tmp_path: Path):
    text = "source_id target_id trust_value\n1 1 .8\n1 2 1\n2 1 .6\n"
    write(tmp_path, out__net=text, ent__net__user__name="user_name\nx\ny\n")
    assert trust_rows(load(tmp_path)) == [("1", "2", 1), ("2", "1", 0.6)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 1\n0 2\n", [("0", "1"), ("0", "2"), ("1", "0"), ("2", "0")]),
        ("% sym unweighted\n0 1\n", [("0", "1"), ("1", "0")]),
        ("% asym unweighted\n0 1\n", [("0", "1")]),
        ("# Directed graph\n# FromNodeId\tToNodeId\n0\t1\n", [("0", "1")]),
        ("# Undirected graph\n# FromNodeId\tToNodeId\n0\t1\n", [("0", "1"), ("1", "0")]),
        ("source,target\n0,1\n", [("0", "1")]),
        ("node_1,node_2\n0,1\n", [("0", "1"), ("1", "0")]),
        ("0 1\n1 0\n", [("0", "1"), ("1", "0")]),
    ],
)
def test_bare_edge_lists_are_undirected_unless_they_say_otherwise(
    text: str, expected: list[tuple[str, str]], tmp_path: Path
):
    edges = trust_rows(load(write(tmp_path, edges__txt=text)))
    assert [edge[:2] for edge in edges] == expected


def test_the_newest_trust_of_a_pair_stays(tmp_path: Path):
    community = load(write(tmp_path, votes__csv="1,2,1,50\n1,2,-1,90\n1,2,1,70\n"))
    assert trust_rows(community) == [("1", "2", -1)]


# --- broken input -------------------------------------------------------------------

BROKEN = {
    "word as weight": ({"u__data": "1\t2\t3\t4\n1\t3\tx\t4\n"}, 2, "weight is 'x'"),
    "word as time": ({"u__data": "1\t2\t3\t4\n\n1\t3\t3\tsoon\n"}, 3, "time is 'soon'"),
    "column missing": ({"u__data": "1\t2\t3\t4\n1\t3\t5\n1\t2\t3\t4\n"}, 2, "expected 4 columns"),
    "column too many": ({"ratings__dat": "1::2::3::4\n1::3::5::6::7\n"}, 2, "found 5"),
    "negative": ({"ratings__txt": "1 1 2\n1 2 -1\n"}, 2, "weight is -1"),
    "infinite": ({"ratings__txt": "1 1 2\n1 2 inf\n"}, 2, "weight is 'inf'"),
    "not a number": ({"ratings__txt": "1 1 2\n1 2 nan\n"}, 2, "weight is 'nan'"),
    "overflow": ({"ratings__txt": "1 1 2\n1 2 1e39\n"}, 2, "weight is 1e+39"),
    "empty name": ({"pairs__csv": "user,movie\n1,5\n,7\n"}, 3, "a name is empty"),
    "empty last": ({"pairs__csv": "user,movie\n1,5\n1,\n"}, 3, "a name is empty"),
    "below header": ({"ratings__csv": "userId,movieId,rating\n1,5,1\n1,6,bad\n"}, 3, "'bad'"),
    "quoted": ({"ratings__csv": 'userId,movieId,rating\n"1",5,1\n1,6,"bad"\n'}, 3, "'bad'"),
    "stray return": ({"ratings__csv": 'userId,movieId,rating\n1,5,1\n1,"6"\r,2\n'}, 3, "row"),
    "word among integers": ({"ratings__txt": "1 1 2\n2 2 3\n3 oops 4\n"}, 3, "'oops'"),
    "word in a list": ({"train__txt": "0 5 6 7 8\n1 5 x\n"}, 2, "'x'"),
    "negative in a list": ({"train__txt": "0 5 6 7 8\n1 5 -3\n"}, 2, "'-3'"),
    "test part": ({"train__txt": "1\t2\t3\n", "test__txt": "1\t3\t1\n1\t4\t-2\n"}, 2, "is -2"),
    "short triple": ({"train__txt": "1\t2\t3\n1\t3\n2\t2\t5\n"}, 2, "found 2"),
    "trust": ({"ratings__txt": "1 1 2\n", "trust__txt": "1 2 1\n2 3 x\n"}, 2, "weight is 'x'"),
    "trust list": ({"soc__csv": "1,2,3,4\n1,3,nan,4\n"}, 2, "weight is 'nan'"),
    "titles": ({"u__data": "1\t2\t3\t4\n", "u__item": "2|x|y\n3\n"}, 2, "a name and a title"),
}


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_row_is_named_by_file_and_line(case: str, packing: str, tmp_path: Path):
    files, line, message = BROKEN[case]
    write(tmp_path, packing, **files)
    with pytest.raises(
        DataError, match=rf"{packing}, line {line}: .*{re.escape(message)}"
    ) as error:
        load(tmp_path)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


def test_the_line_is_right_far_behind_the_first_block():
    lines = [f"{i} 1234567 1" for i in range(500_000)]
    lines[412_345] = "7 1234567 1e"
    source = Source(Path("big.txt"), ("\n".join(lines) + "\n").encode())
    with pytest.raises(DataError, match=r"big.txt, line 412346: the weight is '1e'"):
        read_columns(source, WHITESPACE, 0, 3, ids=[0, 1], numbers=[2])


def test_times_in_the_future_are_refused(tmp_path: Path):
    write(tmp_path, u__data="1\t2\t3\t100\n1\t3\t3\t201\n")
    assert len(load(tmp_path, now=201.0).interactions) == 2
    with pytest.raises(DataError, match=r"u.data, line 2: the time 201 lies in the future"):
        load(tmp_path, now=200.0)


def test_trust_from_the_future_is_refused(tmp_path: Path):
    write(tmp_path, soc__csv="1,2,3,100\n1,3,3,201\n")
    with pytest.raises(DataError, match=r"soc.csv, line 2: the time 201"):
        load(tmp_path, now=200.0)


@pytest.mark.parametrize(
    "files",
    [
        {"train__txt": ""},
        {"train__txt": "\n\n"},
        {"train__txt": "0\n1\n"},
        {"ratings__csv": "userId,movieId,rating\n"},
        {"u__data": "1\t2\t0\t4\n"},
        {"edges__txt": "4 4\n"},
        {},
    ],
)
def test_an_empty_data_set_is_refused(files: dict[str, str], tmp_path: Path):
    with pytest.raises(DataError):
        load(write(tmp_path, **files))


def test_an_unknown_format_lists_what_was_found_and_what_is_understood(tmp_path: Path):
    write(tmp_path, notes__md="# notes\n", image__bin="\x00\x01")
    with pytest.raises(DataError, match=r"found image.bin, notes.md.*train.txt.*u.data.*out\.\*"):
        load(tmp_path)


@pytest.mark.parametrize("packing", [".gz", ".xz"])
def test_a_damaged_archive_is_refused(packing: str, tmp_path: Path):
    packed = PACKERS[packing](b"1\t2\t3\t4\n" * 100_000)
    (tmp_path / f"u.data{packing}").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match="cannot be read"):
        load(tmp_path)
    (tmp_path / f"u.data{packing}").write_bytes(b"not packed at all")
    with pytest.raises(DataError, match="cannot be read"):
        load(tmp_path)


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    write(tmp_path / "mine", u__data="1\t2\t3\t4\n")
    assert load("mine", tmp_path).name == "mine"
    with pytest.raises(ConfigError, match="known names: mine"):
        load("yours", tmp_path)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="nowhere"):
        load(tmp_path / "nowhere")


# --- laws ---------------------------------------------------------------------------

NAMES = st.one_of(
    st.integers(0, 10**20).map(str),
    st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=6),
)


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, NAMES, st.floats(0, 1e9)), max_size=30), st.booleans())
def test_any_table_comes_back_as_it_was_written(table: list[tuple[str, str, float]], windows: bool):
    ending = "\r\n" if windows else "\n"
    text = "".join(f"{left} {right} {weight!r}{ending}" for left, right, weight in table)
    source = Source(Path("t"), text.encode())
    (left, right), (weight,), lines = read_columns(
        source, WHITESPACE, 0, 3, ids=[0, 1], numbers=[2]
    )
    assert [str(name) for name in left] == [row[0] for row in table]
    assert [str(name) for name in right] == [row[1] for row in table]
    assert weight.tolist() == [row[2] for row in table]
    assert lines.tolist() == list(range(1, len(table) + 1))


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, st.lists(NAMES, max_size=5)), max_size=20))
def test_any_lists_come_back_as_they_were_written(lists: list[tuple[str, list[str]]]):
    text = "".join(" ".join([user, *items]) + "\n" for user, items in lists)
    source = Source(Path("t"), text.encode())
    users, items, lines, everybody = read_lists(source, 0, integers_only=False)
    pairs = [
        (user, item, line) for line, (user, owned) in enumerate(lists, start=1) for item in owned
    ]
    assert [str(name) for name in everybody] == [user for user, _ in lists]
    found = zip(map(str, users), map(str, items), lines.tolist(), strict=True)
    assert list(found) == pairs


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([WHITESPACE, b",", b"::"]))
def test_any_bytes_are_read_or_refused(data: bytes, separator: bytes):
    ending = b"" if not data or data.endswith(b"\n") else b"\n"
    source = Source(Path("t"), data + ending)
    # Nothing but a DataError may come out.
    with contextlib.suppress(DataError):
        read_columns(source, separator, 0, 3, ids=[0, 1], numbers=[2])


# --- the real sets ------------------------------------------------------------------

COUNTS = {
    # name: users, items, train, test, trust edges, negative trust, titles
    "ml-100k": (943, 1682, 100_000, 0, 0, 0, 1682),
    "ml-1m": (6022, 3043, 796_244, 99_455, 0, 0, 0),
    "ml-1m/split_ultragcn": (6022, 3043, 796_244, 99_455, 0, 0, 0),
    "ml-1m/pairs": (6040, 3706, 1_000_209, 0, 0, 0, 3706),
    "ml-latest-small-2016": (671, 9066, 100_004, 0, 0, 0, 9066),
    "lastfm-2k": (1892, 17_632, 92_834, 0, 25_434, 0, 17_632),
    "lastfm-2k/split_lightgcn": (1892, 4489, 42_135, 10_533, 25_434, 0, 0),
    "gowalla": (29_858, 40_981, 810_128, 217_242, 0, 0, 0),
    # 1,508 users rate; 134 more are known from trust alone.
    "filmtrust": (1642, 2071, 35_494, 0, 1853, 0, 0),
    "bitcoin-otc": (5881, 0, 0, 0, 35_592, 3563, 0),
    # 51,127 certifications, 3,992 of them of oneself.
    "advogato": (6539, 0, 0, 0, 47_135, 0, 0),
    # 88,234 undirected edges.
    "facebook-ego": (4039, 0, 0, 0, 176_468, 0, 0),
}


@pytest.mark.data
@pytest.mark.parametrize("name", COUNTS)
def test_the_real_sets_have_their_published_counts(name: str, data_folder: Path):
    community = load(name, data_folder)
    trust, test = community.trust, community.test
    assert community.name == name
    assert COUNTS[name] == (
        community.n_users,
        community.n_items,
        community.n_interactions,
        0 if test is None else len(test),
        0 if trust is None else len(trust),
        0 if trust is None else int((trust.weight < 0).sum()),
        len(community.titles),
    )


@pytest.mark.data
def test_every_name_of_the_data_folder_is_understood(data_folder: Path):
    assert set(names(data_folder)) <= COUNTS.keys()


@pytest.mark.data
def test_lastfm_plays_add_up_and_artists_have_names(data_folder: Path):
    community = load("lastfm-2k", data_folder)
    assert round(float(community.interactions.weight.sum(dtype=np.float64)) / 1e6, 1) == 69.2
    assert community.title(community.items.index("51")) == "Duran Duran"


@pytest.mark.data
def test_a_file_of_the_data_folder_can_be_named(data_folder: Path):
    head = load("ml-1m/ratings_head.dat", data_folder)
    assert (head.n_users, head.n_interactions) == (2999, 487_650)
    assert head.interactions.time is not None
