"""The daemon's log: lines for people or for machines, and no secrets in either."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from peerrec.errors import ConfigError
from peerrec_node import logs
from peerrec_node.settings.schema import LogSection

TOKEN = "bJ73BnsTyT7lCu3g3mMgl0tLlAjf1uld0lF4Doglpv4"


@pytest.fixture
def file(tmp_path) -> Iterator[Path]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield tmp_path / "peerrec.log"
    for each in [each for each in root.handlers if each not in handlers]:
        root.removeHandler(each)
        each.close()
    root.setLevel(level)


def begin(file: Path, **settings: Any) -> None:
    logs.begin(LogSection(file=str(file), **settings))


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_line_is_an_object_with_time_level_logger_event_and_what_was_added(file):
    begin(file, format="json", level="info")
    logging.getLogger("peerrec.x").info("%d\nlinks", 3, extra={"peer": "ann", "raw": b"\x00"})
    (row,) = rows(file)
    assert datetime.fromisoformat(row.pop("time")).tzinfo is not None
    assert row == {
        "level": "info", "logger": "peerrec.x", "event": "3\nlinks", "peer": "ann", "raw": "AA==",
    }  # fmt: skip


def test_an_exception_is_one_line_too(file):
    begin(file, format="json")
    try:
        raise ValueError("odd")
    except ValueError:
        logging.getLogger("peerrec.x").exception("it failed")
    (row,) = rows(file)
    assert row["error"].splitlines()[-1] == "ValueError: odd"


def test_only_what_is_heavy_enough_is_told(file):
    begin(file, level="error")
    logging.getLogger("peerrec").warning("light")
    logging.getLogger("peerrec").error("heavy")
    (line,) = file.read_text().splitlines()
    assert line.endswith("ERROR peerrec: heavy")


@pytest.mark.parametrize("kind", ["text", "json"])
@pytest.mark.parametrize(
    ("said", "args"),
    [
        (f"open http://127.0.0.1:7780/#token={TOKEN}", ()),
        ("open %s", (f"http://127.0.0.1:7780/#token={TOKEN}",)),
        ("headers: %r", ({"Authorization": f"Bearer {TOKEN}"},)),
        ("headers: %r", ({"Authorization": f"Token {TOKEN}"},)),
    ],
)
def test_tokens_are_blotted_out_whoever_logs_them(file, kind, said, args):
    begin(file, format=kind)
    logging.getLogger("aiohttp.access").warning(said, *args)
    try:
        raise ValueError(f"bearer {TOKEN}")
    except ValueError:
        logging.getLogger("peerrec").exception("failed")
    assert TOKEN not in file.read_text()


def test_a_file_is_opened_anew_so_that_it_can_be_rotated(file):
    begin(file)
    logging.getLogger("peerrec").warning("one")
    file.rename(file.with_suffix(".1"))
    begin(file)
    logging.getLogger("peerrec").warning("two")
    assert "one" in file.with_suffix(".1").read_text()
    assert "two" in file.read_text()
    assert "one" not in file.read_text()


def test_a_file_that_cannot_be_written_changes_nothing(file):
    begin(file)
    before = list(logging.getLogger().handlers)
    with pytest.raises(ConfigError, match=r"log\.file"):
        begin(file.parent)
    assert logging.getLogger().handlers == before
