"""Write parts of the reference from the code: commands, exit codes, the HTTP API.

A page keeps a place with ``<!-- from the code: NAME -->``; `filled` puts the part there
while the pages are built, so that it cannot be out of date.

Example:
    >>> "## peerrec record" in filled("<!-- from the code: commands -->")
    True
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import click

from peerrec_node.api.openapi import description
from peerrec_node.cli import peerrec
from peerrec_node.exit_codes import EXIT_CODES
from peerrec_node.help_pages import examples_of, with_examples

__all__ = ["PARTS", "filled"]

PLACE: Final = re.compile(r"<!-- from the code: ([\w-]+) -->")
"""Where a page wants a part."""

Operation = dict[str, Any]


def filled(page: str) -> str:
    """Return a page with its parts in their places.

    Raises:
        KeyError: there is no such part.
    """
    return PLACE.sub(lambda found: "\n".join(PARTS[found[1]]()), page)


# -- commands -----------------------------------------------------------------------------


def commands() -> Iterator[str]:
    """Yield a section for each command there is, alphabetically."""
    root = click.Context(peerrec, info_name="peerrec")
    for name in peerrec.list_commands(root):
        command = peerrec.get_command(root, name)
        assert command is not None
        yield from section(command, click.Context(command, info_name=name, parent=root), 2)


def section(command: click.Command, context: click.Context, depth: int) -> Iterator[str]:
    """Yield what a command is for, how it is called, its options, and those below it."""
    yield f"{'#' * depth} {context.command_path}"
    yield ""
    usage = " ".join(piece for piece in command.collect_usage_pieces(context) if piece)
    yield from ("```text", f"{context.command_path} {usage}", "```", "")
    text, examples = told(with_examples(command))
    yield from text
    rows = [option for option in command.params if isinstance(option, click.Option)]
    if rows:
        yield from ("| option | meaning |", "|---|---|")
        yield from (row(option, context) for option in rows if not option.hidden)
        yield ""
    if examples:
        yield from ("```console", *(f"$ {line}" for line in examples), "```", "")
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            inner = click.Context(below, info_name=name, parent=context)
            yield from section(below, inner, depth + 1)


def told(command: click.Command) -> tuple[list[str], list[str]]:
    """Return a command's help in paragraphs with a line between, and its examples."""
    paragraphs = re.split(r"\n\s*\n", (command.help or "").strip())
    words = (" ".join(each.replace("\b", "").split()) for each in paragraphs)
    return [line for text in words for line in (escaped(text), "")], examples_of(command)


def row(option: click.Option, context: click.Context) -> str:
    """Return an option's row of the table."""
    names, meaning = option.get_help_record(context) or (", ".join(option.opts), option.help or "")
    return f"| `{cell(names)}` | {escaped(cell(meaning))} |"


def cell(text: str) -> str:
    """Return text that fits into a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def escaped(text: str) -> str:
    """Return text in which nothing is markup but code between backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else re.sub(r"([*_<>\[\]])", r"\\\1", p) for p in parts)


def exit_codes() -> Iterator[str]:
    """Yield the table of exit codes."""
    yield from ("| code | meaning |", "|---|---|")
    yield from (f"| {code} | {meaning} |" for code, meaning in EXIT_CODES)


# -- the HTTP API -------------------------------------------------------------------------


def document() -> dict[str, Any]:
    """Return the OpenAPI document of all routes, as a daemon serves it."""
    from peerrec_node.api.server import ROUTES

    return description(ROUTES)


def routes() -> Iterator[str]:
    """Yield a section for each route: who may call it, with what, and what comes back."""
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            yield from (f"## {method.upper()} {path}", "", operation["summary"], "")
            yield from operation_lines(operation)


def operation_lines(operation: Operation) -> Iterator[str]:
    """Yield what a route takes and gives."""
    scopes = sorted({scope for each in operation["security"] for s in each.values() for scope in s})
    yield f"Scope: {', '.join(f'`{each}`' for each in scopes) or 'none'}."
    yield ""
    parameters = operation.get("parameters", [])
    if parameters:
        yield from ("| parameter | in | type | |", "|---|---|---|---|")
        for each in parameters:
            kind = type_of(each["schema"])
            said = "required" if each["required"] else default_of(each["schema"])
            yield f"| `{each['name']}` | {each['in']} | {kind} | {said} |"
        yield ""
    body = operation.get("requestBody")
    if body:
        yield f"Body: {', '.join(type_of(each['schema']) for each in body['content'].values())}."
        yield ""
    yield from (f"* {each}" for each in answers(operation["responses"]))
    yield ""


def answers(responses: dict[str, Any]) -> Iterator[str]:
    """Yield each good answer with its type, then all others in one line."""
    refusals = []
    for status, response in responses.items():
        if status >= "400":
            refusals.append(f"**{status}** {response['description'].rstrip('.')}")
            continue
        for media, content in response["content"].items():
            yield f"**{status}**: {type_of(content.get('schema', {}))}, `{media}`"
    if refusals:
        yield f"{'. '.join(refusals)}."


def schemas() -> Iterator[str]:
    """Yield a section for each type of the API: its fields and what they may be."""
    for name, shape in document()["components"]["schemas"].items():
        yield from (f"({anchor(name)})=", f"### {name}", "")
        if shape.get("description"):
            yield from (escaped(shape["description"].split("\n\n")[0].replace("\n", " ")), "")
        if "enum" in shape:
            yield from (f"One of {', '.join(f'`{each}`' for each in shape['enum'])}.", "")
        required = shape.get("required", ())
        if shape.get("properties"):
            yield from ("| field | type | |", "|---|---|---|")
            for field, each in shape["properties"].items():
                said = "required" if field in required else default_of(each)
                yield f"| `{field}` | {type_of(each)} | {said} |"
            yield ""


def type_of(schema: dict[str, Any]) -> str:
    """Return a schema in words, with a link to each type of its own."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{anchor(name)})"
    if "anyOf" in schema:
        return " or ".join(type_of(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}{bounds(schema, 'Items')}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_of(schema['additionalProperties'])}"
    return f"{kind}{bounds(schema)}{bounds(schema, 'Length')}"


def bounds(schema: dict[str, Any], of: str = "") -> str:
    """Return in which bounds a value, a length or a number of items must be."""
    low = schema.get(f"min{of}", schema.get("minimum") if not of else None)
    high = schema.get(f"max{of}", schema.get("maximum") if not of else None)
    above = schema.get("exclusiveMinimum") if not of else None
    said = [f"> {above}"] * (above is not None)
    said += [f"≥ {low}"] * (low is not None) + [f"≤ {high}"] * (high is not None)
    unit = {"": "", "Length": " characters", "Items": " of them"}[of]
    return f" ({', '.join(said)}{unit})" if said else ""


def default_of(schema: dict[str, Any]) -> str:
    """Return what is taken where nothing is given."""
    return f"default `{schema['default']}`" if schema.get("default") is not None else ""


def anchor(name: str) -> str:
    """Return the label of a type's section."""
    return f"schema-{re.sub(r'[^a-z0-9]+', '-', name.lower())}"


PARTS: Final[dict[str, Callable[[], Iterator[str]]]] = {
    "commands": commands,
    "exit-codes": exit_codes,
    "routes": routes,
    "schemas": schemas,
}
"""What a page can ask for."""
