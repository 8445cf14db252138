"""What can be told of the dashboard without a browser: size, safety, completeness."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import pytest

import peerrec_node

WEB = Path(peerrec_node.__file__).parent / "web"
ROOT = Path(__file__).parents[3]

BYTES_MAX = 120 * 1024
"""Of everything a browser can load: all views, uncompressed."""

SERVED = {".html", ".js", ".css", ".svg"}
FILES = sorted(path for path in WEB.rglob("*") if path.is_file())
PAGE = [path for path in FILES if path.suffix in SERVED]
SCRIPTS = [path for path in PAGE if path.suffix == ".js"]
VIEWS = sorted((WEB / "views").glob("*.js"))

IMPORT = re.compile(
    r"""(?:^(?:import\b|export \*)[^;"']*|\bimport\()["']([^"']+)["']""", re.MULTILINE
)
COMMENT = re.compile(r"/\*.*?\*/|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)

SVG_NAMESPACE = "http://www.w3.org/2000/svg"

FORBIDDEN = {
    "markup made of data": r"\.(inner|outer)HTML\b|insertAdjacentHTML|document\.write|DOMParser",
    "code made of data": r"\beval\s*\(|\bnew\s+Function\b|set(Timeout|Interval)\(\s*[\"'`]",
    "inline style": r"setAttribute\(\s*[\"']style|[{,]\s*style\s*:|\.style\.|cssText",
    "inline handler": r"setAttribute\(\s*[\"']on",
    "script address": r"javascript:",
}


def named(path: Path) -> str:
    return path.relative_to(WEB).as_posix()


def code_of(path: Path) -> str:
    return COMMENT.sub("", path.read_text("utf-8"))


def imports_of(path: Path) -> Iterator[str]:
    yield from IMPORT.findall(code_of(path))


def resolved(path: Path, target: str) -> Path:
    return (path.parent / target).resolve()


class Markup(HTMLParser):
    """Gathers tags, inline scripts and styles of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag if tag in {"script", "style"} else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.inline += data.strip()


@pytest.fixture(scope="module")
def index() -> Markup:
    markup = Markup()
    markup.feed((WEB / "index.html").read_text("utf-8"))
    return markup


def test_whole_dashboard_fits_its_budget() -> None:
    sizes = {named(path): path.stat().st_size for path in PAGE}
    assert sum(sizes.values()) <= BYTES_MAX, sorted(sizes.items(), key=lambda each: -each[1])[:5]


def test_folder_holds_nothing_that_is_neither_served_nor_a_declaration() -> None:
    assert [named(path) for path in FILES if path.suffix not in SERVED | {".ts"}] == []


@pytest.mark.parametrize("path", FILES, ids=named)
def test_no_file_names_another_host(path: Path) -> None:
    text = path.read_text("utf-8").replace(SVG_NAMESPACE, "")
    assert re.findall(r"""(?:https?:|wss?:)?//[\w-]+\.[\w.-]+|@import|url\((?!#)""", text) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_script_does_what_the_policy_forbids(path: Path, what: str) -> None:
    assert re.findall(FORBIDDEN[what], code_of(path)) == []


def test_page_has_no_inline_script_style_or_handler(index: Markup) -> None:
    assert index.inline == ""
    for tag, attributes in index.tags:
        assert tag != "style"
        assert not {name for name in attributes if name == "style" or name.startswith("on")}


def test_page_loads_files_that_exist(index: Markup) -> None:
    loaded = [
        attributes.get("src") or attributes.get("href")
        for tag, attributes in index.tags
        if tag in {"script", "link"}
    ]
    assert "app.js" in loaded
    assert [each for each in loaded if each is None or not (WEB / each).is_file()] == []


def test_page_has_language_title_landmarks_and_live_regions(index: Markup) -> None:
    tags = [tag for tag, _ in index.tags]
    assert {"title", "header", "nav", "main", "footer"} <= set(tags)
    assert dict(index.tags)["html"]["lang"] == "en"
    assert any(attributes.get("aria-live") for _, attributes in index.tags)
    assert any(attributes.get("class") == "skip" for _, attributes in index.tags)


def test_every_part_that_scripts_look_up_is_in_the_page(index: Markup) -> None:
    ids = {attributes["id"] for _, attributes in index.tags if "id" in attributes}
    wanted = set(re.findall(r"""\bpart\("([\w-]+)"\)""", code_of(WEB / "app.js")))
    assert wanted
    assert wanted <= ids


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_every_imported_module_exists_within_the_folder(path: Path) -> None:
    for target in imports_of(path):
        assert target.startswith(("./", "../")), target
        module = resolved(path, target)
        assert module.is_file(), target
        assert module.is_relative_to(WEB)


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_every_imported_name_is_exported(path: Path) -> None:
    for names, target in re.findall(r"""import \{([^}]+)\} from "([^"]+)";""", code_of(path)):
        there = exported(resolved(path, target))
        assert {name.strip() for name in names.split(",") if name.strip()} <= there


def exported(module: Path) -> set[str]:
    text = code_of(module)
    names = set(re.findall(r"^export (?:async )?(?:const|function|class) (\w+)", text, re.M))
    for target in re.findall(r'^export \* from "([^"]+)"', text, re.M):
        names |= exported(resolved(module, target))
    return names


def test_no_module_is_left_over() -> None:
    reached = {WEB / "app.js", WEB / "theme.js"}
    waiting = [WEB / "app.js"]
    while waiting:
        path = waiting.pop()
        for target in imports_of(path):
            module = resolved(path, target)
            if module not in reached:
                reached.add(module)
                waiting.append(module)
    assert {named(path) for path in SCRIPTS} == {named(path) for path in reached}


@pytest.mark.parametrize("path", VIEWS, ids=named)
def test_every_view_has_a_heading_and_a_route(path: Path) -> None:
    text = code_of(path)
    assert re.search(r'^export const heading = "[A-Z][\w ]+";$', text, re.M)
    assert "pageHead(heading" in text
    assert "export function mount(root)" in text
    assert f'import("./views/{path.name}")' in code_of(WEB / "router.js")


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_every_exported_function_says_its_types(path: Path) -> None:
    text = path.read_text("utf-8")
    for export in re.finditer(r"^export (?:async )?function (\w+)\(([^)]*)", text, re.M):
        before = text[: export.start()].rstrip()
        assert before.endswith("*/"), export[1]
        comment = before[before.rfind("/**") :]
        assert not export[2].strip() or re.search(r"@(type|param)\b", comment), export[1]


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_every_module_begins_with_what_it_is_for(path: Path) -> None:
    assert re.match(r"// [A-Z].+\.?\n", path.read_text("utf-8"))


def test_every_number_in_a_table_is_explained() -> None:
    for path in VIEWS:
        for column in re.findall(r"\{ label: .*number: true", path.read_text("utf-8")):
            assert "why: " in column, (named(path), column)


# -- colours --------------------------------------------------------------------------------


def colours() -> dict[str, tuple[str, str]]:
    css = (WEB / "style.css").read_text("utf-8")
    pairs = re.findall(r"--([\w-]+):light-dark\((#\w+), (#\w+)\)", css)
    return {name: (light, dark) for name, light, dark in pairs}


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 has it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_on_white_is_what_the_standard_says() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["bg", "panel", "sunk"])
@pytest.mark.parametrize("ink", ["text", "muted", "accent", "good", "warn", "bad"])
def test_text_can_be_read_on_every_ground(ink: str, ground: str, theme: int) -> None:
    assert contrast(colours()[ink][theme], colours()[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        ("on-accent", "accent", 4.5),
        ("on-bad", "bad", 4.5),
        ("edge", "panel", 3.0),  # borders of inputs, lines of the map
        ("edge", "bg", 3.0),
    ],
)
def test_controls_can_be_seen(ink: str, ground: str, least: float, theme: int) -> None:
    assert contrast(colours()[ink][theme], colours()[ground][theme]) >= least


# -- packaging ------------------------------------------------------------------------------


def test_wheel_takes_the_folder_along() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        build = tomllib.load(file)["tool"]["hatch"]["build"]
    wheel = build["targets"]["wheel"]
    folder = PurePosixPath(WEB.relative_to(ROOT).as_posix())
    assert any(folder.is_relative_to(package) for package in wheel["packages"])
    for key in ("exclude", "only-include", "artifacts"):
        assert key not in build
        assert key not in wheel


def test_builder_lists_every_file_for_the_wheel() -> None:
    builders = pytest.importorskip("hatchling.builders.wheel")
    builder = builders.WheelBuilder(str(ROOT))
    taken = {each.distribution_path for each in builder.recurse_included_files()}
    wanted = {f"peerrec_node/web/{named(path)}" for path in FILES}
    assert wanted <= {PurePosixPath(path.replace("\\", "/")).as_posix() for path in taken}
