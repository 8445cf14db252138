from __future__ import annotations

import hashlib
import html
import re
import subprocess
import sys
from html.parser import HTMLParser

import msgspec
import pytest
from made_runs import made_curve, made_run, made_scenario

from peerrec_sim.measures.result import RunResult
from peerrec_sim.reports.page import page
from peerrec_sim.reports.pictures import pictures_of

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Checked(HTMLParser):
    """Notes identifiers and references, and that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.open: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            elif name in ("src", "href", "xlink:href", "action", "srcset", "data"):
                self.references.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def checked(text: str) -> Checked:
    parser = Checked()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


@pytest.fixture(name="text", scope="module")
def make_text() -> str:
    return page(made_run())


def test_the_page_asks_nobody_for_anything(text):
    found = checked(text)
    assert all(each.startswith("#") for each in found.references)
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert not re.search(r"@import|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_identifiers_are_unique_and_references_lead_to_them(text):
    found = checked(text)
    assert len(found.ids) == len(set(found.ids))
    assert {each[1:] for each in found.references} <= set(found.ids)


def test_every_picture_has_a_title_a_label_and_says_what_it_shows(text):
    run = made_run()
    for picture in pictures_of(run):
        assert f"<h3>{picture.title}</h3>" in text
        assert f'aria-label="{picture.title}"' in text
        assert picture.shows in html.unescape(text)
    assert text.count("<svg ") == text.count("<figcaption>") == len(pictures_of(run))


def test_pictures_take_the_colour_of_the_text_around_them(text):
    pictures = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert "currentColor" in pictures
    assert not re.search(r"#000000|#ffffff|black|white", pictures)
    assert "prefers-color-scheme: dark" in text


def test_every_number_of_the_summary_stands_on_the_page(text):
    for name in made_run().summary():
        assert f"<code>{name}</code>" in text


def test_the_page_says_what_was_run(text):
    assert "attackers.sybils" in text
    assert "<strong>serial</strong></td>" in text  # not the default
    assert made_run().trace_hash in text


def test_a_partial_result_says_so_first(text):
    partial = page(RunResult(made_scenario(), virtual_s=60.0))
    assert "This is a partial result" in partial
    assert "after\n60 of 180 virtual seconds" in partial
    assert "partial result" not in text


def test_what_a_person_wrote_is_text_and_never_markup():
    scenario = msgspec.structs.replace(made_scenario(), description="<script>a</script>")
    run = RunResult(scenario, notes=("<script>b</script>",))
    assert "<script>" not in page(run)
    assert "<script>b</script>" in html.unescape(page(run))


def test_graph_mode_has_its_own_pictures():
    text = page(made_curve())
    checked(text)
    assert "gain: merit" in text
    assert "How long news takes" not in text


def test_a_run_without_measurements_has_a_page():
    checked(page(RunResult(made_scenario())))


def test_the_same_run_gives_the_same_page_in_another_process(tmp_path):
    script = (
        "import hashlib; from made_runs import made_curve; "
        "from peerrec_sim.reports.page import page; "
        "print(hashlib.sha256(page(made_curve()).encode()).hexdigest())"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "1", "HOME": str(tmp_path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert found.stdout.strip() == hashlib.sha256(page(made_curve()).encode()).hexdigest()
