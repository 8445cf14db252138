"""What the documents say is true: their code runs, their links and commands exist."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import importlib.util
import io
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

import peerrec
import peerrec_node
import peerrec_sim
from peerrec_node.api.metrics import METRICS
from peerrec_node.cli import peerrec as command_line
from peerrec_node.exit_codes import EXIT_CODES
from peerrec_node.settings.keys import KEYS, SECTIONS
from peerrec_node.settings.layers import Origin

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = REPOSITORY / "docs"
GUIDES = sorted((DOCS / "how-to").glob("*.md"))
DOCUMENTS = [*REPOSITORY.glob("*.md"), *sorted(DOCS.rglob("*.md"))]

CALL = re.compile(r"(?:^|[`$/ ])peerrec (?!peerrec)((?:[a-z]+ ?){1,2})([^`\n#|&;]*)", re.MULTILINE)
"""A command as documents show it: one or two words, then what is given to it."""

SOMEWHERE_ELSE = re.compile(r"(?<![\w.}])/(?:work|tmp|root|opt/\w*pypi)\b|\bpypi\b|--index-url")
"""Places of one machine, and hosts of packages: of no use to a reader."""


def name_of(path: Path) -> str:
    """Return a document's name within the repository."""
    return path.relative_to(REPOSITORY).as_posix()


@pytest.fixture(scope="module")
def parts() -> ModuleType:
    """Return what writes the parts of the reference that come from the code."""
    spec = importlib.util.spec_from_file_location("from_code", DOCS / "from_code.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_of_the_readme_prints_what_it_says():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    code, expected = re.search(
        r"```python\n(.*?)```\s+prints\s+```\n(.*?)```", readme, re.DOTALL
    ).groups()
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    assert printed.getvalue() == expected


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_between_documents_lead_somewhere(document):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def code_of(text: str) -> str:
    """Return the code of a document, with commands that go over several lines on one."""
    fenced = re.findall(r"^```(\S*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    blocks = [code for language, code in fenced if language not in ("python", "{toctree}")]
    inline = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)
    return "\n".join([*blocks, *inline]).replace("\\\n", " ")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_the_commands_that_documents_name_exist_and_take_what_they_are_given(document):
    context = click.Context(command_line)
    for words, given in CALL.findall(code_of(document.read_text(encoding="utf-8"))):
        name, *following = words.split()
        command = command_line.get_command(context, name)
        assert command is not None, f"{document.name} names `peerrec {name}`"
        if isinstance(command, click.Group) and following:
            command = command.get_command(context, following[0])
            assert command is not None, f"{document.name} names `peerrec {words}`"
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
        for option in re.findall(r"(?<!\S)--[a-z][\w-]*", given):
            assert option in known | {"--help"}, f"{document.name}: peerrec {words} has no {option}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_documents_name_no_place_of_one_machine(document):
    assert not SOMEWHERE_ELSE.findall(document.read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", GUIDES, ids=name_of)
def test_the_settings_of_guides_are_good(document, tmp_path):
    text = document.read_text(encoding="utf-8")
    for at, block in enumerate(re.findall(r"^```toml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)):
        file = tmp_path / f"{at}.toml"
        file.write_text(block, encoding="utf-8")
        assert Origin(file).examine()[1] == []
    for path in re.findall(rf"`((?:{'|'.join(SECTIONS)})\.[a-z_]+)`", text):
        assert path in KEYS


def test_the_guide_to_monitoring_names_metrics_that_there_are():
    text = (DOCS / "how-to" / "monitor.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bpeerrec_[a-z_]+\b", text))
    assert len(named) >= 8
    assert named <= {metric.name for metric in METRICS}


def test_every_page_can_be_reached_from_the_first():
    named = set(re.findall(r"^([\w/-]+)$", (DOCS / "index.md").read_text(), re.MULTILINE))
    listed = (DOCS / "how-to" / "index.md").read_text()
    named |= {f"how-to/{each}" for each in re.findall(r"^([\w-]+)$", listed, re.MULTILINE)}
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    assert pages - named == {"index"}


def test_the_reference_has_every_command_option_and_exit_code(parts):
    text = parts.filled("<!-- from the code: commands --><!-- from the code: exit-codes -->")
    context = click.Context(command_line)
    for name in command_line.list_commands(context):
        command = command_line.get_command(context, name)
        section = text.partition(f"\n## peerrec {name}\n")[2].partition("\n## ")[0]
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[-1] in section, f"{name} {option.opts[-1]}"
    assert all(f"| {code} | {meaning} |" in text for code, meaning in EXIT_CODES)


def test_the_reference_has_every_route_parameter_and_type(parts):
    text = parts.filled("<!-- from the code: routes --><!-- from the code: schemas -->")
    for path, operations in parts.document()["paths"].items():
        for method, operation in operations.items():
            section = text.partition(f"## {method.upper()} {path}\n")[2].partition("\n## ")[0]
            for parameter in operation.get("parameters", []):
                assert f"| `{parameter['name']}` |" in section
            assert all(f"**{status}**" in section for status in operation["responses"])
    for schema in parts.document()["components"]["schemas"]:
        assert f"\n### {schema}\n" in text


@pytest.mark.slow
def test_the_pages_are_built_without_a_warning(tmp_path):
    pytest.importorskip("sphinx", reason="needs the group docs: make docs installs it")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    built = subprocess.run([*command, DOCS, tmp_path], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "peerrec run" in (tmp_path / "reference" / "commands.html").read_text()


def modules() -> list[str]:
    packages = (peerrec, peerrec_node, peerrec_sim)
    return [
        module.name
        for package in packages
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not module.name.endswith("__main__")
    ]


@pytest.mark.parametrize("name", modules())
def test_the_examples_in_docstrings_run(name):
    failures, _ = doctest.testmod(importlib.import_module(name))
    assert failures == 0
