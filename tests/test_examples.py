"""The examples do what they say, and the guide to embedding holds true, line by line."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

import peerrec.errors
from peerrec import limits

DOCS = Path(__file__).resolve().parent.parent / "docs"
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
GUIDE = DOCS / "embedding.md"


def example(name: str) -> ModuleType:
    """Return an example as a module; it is no part of any package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed_by(code: str, name: str, namespace: dict[str, object]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, name, "exec"), namespace)
    return printed.getvalue()


def genres(tracks: list[str]) -> set[str]:
    return {track.partition("/")[0] for track in tracks}


def test_the_music_player_hears_nobody_before_it_trusts_somebody(tmp_path: Path) -> None:
    shown = example("music_player").main(tmp_path)
    assert "No trust given yet" in shown.before_trust[0]
    assert len(shown.plain) == 6


def test_the_music_player_lists_what_friends_play_and_names_them(tmp_path: Path) -> None:
    player = example("music_player")
    shown = player.main(tmp_path)
    assert shown.plain[0] == "jazz/solar"  # the only new track that both friends play
    assert not set(shown.plain) & set(player.OWN_PLAYS)
    for track, reason in zip(shown.plain, shown.reasons, strict=True):
        friend = re.findall(r"so has (\w+), whom you trust", reason)[0]
        assert track in player.FRIENDS_PLAYS[friend]
        assert reason.endswith(f"also has {track}")


def test_in_the_music_player_a_muted_track_is_gone_and_the_next_move_up(tmp_path: Path) -> None:
    shown = example("music_player").main(tmp_path)
    assert shown.muted == shown.plain[1:]


def test_in_the_music_player_exploring_reaches_another_genre(tmp_path: Path) -> None:
    shown = example("music_player").main(tmp_path)
    assert len(shown.exploring) == len(shown.muted)
    assert genres(shown.exploring) > genres(shown.muted)
    assert shown.plain[0] not in shown.exploring


def test_the_music_player_shares_only_the_play_that_it_said_to_share(tmp_path: Path) -> None:
    backup = example("music_player").main(tmp_path).backup
    rows = [msgspec.json.decode(line) for line in backup.read_bytes().splitlines()]
    plays = [row for row in rows if row["kind"] == "interaction"]
    assert [row["item"] for row in plays if row["author"] == "me" and row["public"]] == [
        "folk/northern-sky"
    ]
    assert sum(row["author"] == "me" for row in plays) == 5
    assert all(row["public"] for row in plays if row["author"] != "me")


def test_the_feed_reader_lists_an_article_nobody_has_read_and_trusted_words_alone(
    tmp_path: Path,
) -> None:
    reader = example("feed_reader")
    fresh = reader.main(tmp_path).fresh
    read = {article for articles in reader.FRIENDS_READS.values() for article in articles}
    unread = [article for article in fresh if article not in read]
    assert unread[0] == "garden/bees"  # the topic that was read most
    assert fresh["garden/bees"] > fresh["space/orbit"] > 0
    assert "spam/pills" not in fresh


def test_in_the_feed_reader_less_like_lowers_the_neighbours_and_hides_the_article(
    tmp_path: Path,
) -> None:
    shown = example("feed_reader").main(tmp_path)
    assert "rust/traits" in shown.fresh
    assert "rust/traits" not in shown.after_less_like
    kept = {item: score / shown.fresh[item] for item, score in shown.after_less_like.items()}
    assert kept["rust/async"] < 0.3  # its readers are those of the disliked article
    assert kept["garden/compost"] == pytest.approx(1, rel=0.01)  # its reader is another
    assert next(iter(shown.fresh)) == "rust/async" != next(iter(shown.after_less_like))


def test_the_batch_evaluation_beats_the_most_popular_items_by_far(tmp_path: Path) -> None:
    evaluation = example("batch_evaluation")
    figures = evaluation.main(tmp_path)
    assert figures.recall > 2 * figures.recall_popular > 0
    assert figures.lists.items.shape == (evaluation.N_USERS, evaluation.N_LIST)
    assert figures.lists.users[0] == "user:0"


def test_the_batch_evaluation_lists_nothing_known_no_other_taste_and_no_advertisement(
    tmp_path: Path,
) -> None:
    evaluation = example("batch_evaluation")
    items = evaluation.main(tmp_path).lists.items
    has = evaluation.drawn(evaluation.np.random.default_rng(1))
    for user, (listed, known) in enumerate(zip(items, has[:, : evaluation.N_KNOWN], strict=True)):
        assert not set(listed) & set(known)
        tastes = {item.partition(".")[0] for item in listed if item is not None}
        assert tastes == {f"item:{user % evaluation.N_TASTES}"}


def test_recall_counts_the_share_of_held_out_items_listed() -> None:
    evaluation = example("batch_evaluation")
    lists = evaluation.np.array([["a", "b"], ["c", None]], object)
    held_out = evaluation.np.array([["b", "x", "y", "z"], ["c", "x", "y", "z"]], object)
    assert evaluation.recall(lists, held_out) == 0.25


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_short_and_print_the_same_each_time(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 80
    module = example(path.stem)
    assert module.__doc__
    module.main()  # in a folder of its own
    first = capsys.readouterr().out
    module.main(tmp_path)
    assert capsys.readouterr().out == first
    assert first.count("\n") >= 2


def test_the_code_of_the_guide_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = GUIDE.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```(?:\s+prints\s+```\n(.*?)```)?", text, re.DOTALL)
    assert len(blocks) == text.count("```python") > 0
    namespace: dict[str, object] = {}
    for code, beneath in blocks:
        beside = "".join(f"{line}\n" for line in re.findall(r"# prints (.*)", code))
        assert printed_by(code, GUIDE.name, namespace) == beneath + beside, code


def test_the_guide_names_every_error_and_no_other() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    section = text.partition("## Errors")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(?:peerrec\.errors\.)?([A-Z]\w+)`", section))
    assert named == set(peerrec.errors.__all__)


def test_the_limits_in_the_guide_are_those_in_force() -> None:
    stated = re.findall(r"`([A-Z_]+)` = ([\d,]+)", GUIDE.read_text(encoding="utf-8"))
    assert len(stated) >= 9
    for name, value in stated:
        assert getattr(limits, name) == int(value.replace(",", "")), name
