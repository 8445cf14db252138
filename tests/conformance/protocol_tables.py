"""Write the tables and examples of docs/protocol.md, which are made from the code and the vectors.

    python tests/conformance/protocol_tables.py          writes the document anew
    python tests/conformance/protocol_tables.py --check  says whether it would change

What stands between ``<!-- generated: NAME -->`` and ``<!-- end -->`` is replaced by what
the function of that name below returns; the rest of the document is written by hand.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from peerrec import limits
from peerrec.peering.settings import NodeSettings
from peerrec.protocol import messages
from peerrec.protocol.bundle_columns import Columns
from peerrec.protocol.membership_settings import MembershipSettings
from peerrec.protocol.segment import Header, Kind
from peerrec.protocol.sync_states import LEGAL, State
from peerrec.protocol.table_offer import TableHeader
from peerrec.protocol.violations import PENALTY, Violation
from peerrec.protocol.wire import Field, field_rules, field_table

FOLDER: Final = Path(__file__).resolve().parent
DOCUMENT: Final = FOLDER.parent.parent / "docs" / "protocol.md"
BLOCK: Final = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
WIDTH: Final = 96

LIMITS: Final = (
    "CLOCK_SKEW_S", "WINDOW_S", "WEIGHT_MAX", "ID_BYTES_MAX", "TITLE_BYTES_MAX", "TAG_BYTES_MAX",
    "TAGS_MAX", "TIME_MAX_S",
)  # fmt: skip
"""Limits of the wire that the library had before it had a wire."""

NO_LIMITS: Final = ("COMMAND_BYTES_MAX", "COMMAND_ANSWER_BYTES_MAX", "KEY_FILE_BYTES_MAX")
"""Limits of the program that stand among those of the wire."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in lines
    )


def number(value: float) -> str:
    """Return a number with its thousands apart; very large ones as a power of two."""
    if isinstance(value, int) and value >= 1 << 31 and (value + 1) & value == 0:
        return f"2^{value.bit_length()} − 1"
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:g}"


MEANINGS: Final = {
    "Ranges.purpose": "see `Purpose`",
    "Ranges.entries": "one for each log",
    "Want.kind": "see `WantKind`",
    "Want.start": "by kind: of symbols, log elements, names or offers; an arrival number",
    "Want.count": "by kind: symbols asked for; CHOSEN still to come",
    "Want.data": "by kind: elements, tags or bits",
    "Gone.tags": "8 bytes each: elements of a session, gossip tags where request is 0",
    "Status.code": "see `StatusCode`",
    "Status.value": "by code, else 0",
    "Ihave.tags": "8 bytes each: elements of a session, gossip tags where request is 0",
    "Iwant.tags": "gossip tags, 8 bytes each; none asks what is new",
    "Table.step": "see `TableStep`",
    "Table.value": "by step: an offset, a number of bytes or seconds; 0 in OFFER",
    "Table.data": "by step: a signed header or a part of a body; else empty",
    "SketchFacts.n_segments": "elements that the sketch covers",
    "SketchFacts.n_logs": "logs that the sketch covers",
    "Run.runs": "see [filling](#filling-it)",
    "Kind.ADDRESS": "where its node listens; lives for a day",
    "Header.kind": "see below; 64–127 are left to later versions",
}
"""What the document says where a docstring or comment is silent or too short for it."""

LINKS: Final = {
    "peerrec.protocol.bundle": "[bundles](#bundles)",
    "peerrec.protocol.fork": "[forks](#forks)",
    "peerrec.protocol.riblt": "[coded symbols](#coded-symbols)",
    "peerrec.limits": "[limits](#limits)",
}
"""What the document has in place of a module."""


def linked(text: str) -> str:
    """Return a text with places of the document instead of modules."""
    text = re.sub(r"`(peerrec\.[\w.]+)`", lambda found: LINKS[found[1]], text)
    return re.sub(r"\bNone\b", "nil", text)


def shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(shown(each) for each in value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    if isinstance(value, frozenset):
        return ", ".join(sorted(str(each) for each in value))
    return str(value)


def form_of(text: str) -> str:
    """Return a form with readable numbers."""
    return re.sub(r"\d{4,}", lambda found: number(int(found[0])), text)


# -- what docstrings and comments say ------------------------------------------------------


def attributes(kind: type) -> dict[str, str]:
    """Return what the docstring of a class says of each attribute."""
    found: dict[str, str] = {}
    text = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2]
    for names, said in re.findall(
        r"^    ([\w, ]+): ((?:.*\n?)(?:     +.*\n?)*)", text, re.MULTILINE
    ):
        for name in names.split(", "):
            found[name] = linked(" ".join(said.replace("``", "`").split()).rstrip("."))
    return found | stated(kind)


def comments(kind: type[enum.Enum]) -> dict[str, str]:
    """Return what the comment beside each member says."""
    rows = re.findall(r"^    (\w+) = [^#\n]*?(?:  # (.*))?$", inspect.getsource(kind), re.MULTILINE)
    return {name: linked(said.replace("``", "`")) for name, said in rows} | stated(kind)


def stated(kind: type) -> dict[str, str]:
    """Return what `MEANINGS` says of the fields or members of a class."""
    start = f"{kind.__name__}."
    return {name[len(start) :]: said for name, said in MEANINGS.items() if name.startswith(start)}


def documented(path: Path) -> dict[str, str]:
    """Return the names of a module that a string below explains, and that string."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    found: dict[str, str] = {}
    for node, below in pairwise(body):
        if isinstance(node, ast.AnnAssign):
            target: ast.expr = node.target
        elif isinstance(node, ast.Assign):
            target = node.targets[0]
        else:
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            assert isinstance(target, ast.Name)
            found[target.id] = " ".join(str(below.value.value).replace("``", "`").split())
    return found


def constants(*modules: str) -> str:
    """Return the documented constants of some modules."""
    rows = []
    for name in modules:
        module = importlib.import_module(name)
        for each, said in documented(Path(str(module.__file__))).items():
            if each.isupper() and isinstance(
                getattr(module, each), int | float | tuple | frozenset
            ):
                rows.append((f"`{each.lstrip('_')}`", shown(getattr(module, each)), said))
    return table(("constant", "value", "why"), rows)


# -- the blocks of the document ------------------------------------------------------------


def types() -> str:
    rows = []
    for kind in sorted(get_args(messages.Message), key=lambda each: int(each.TYPE)):
        first = linked(inspect.cleandoc(kind.__doc__ or "").split("\n")[0])
        critical = "critical" if kind.TYPE < messages.CRITICAL_BELOW else "may be ignored"
        rows.append((int(kind.TYPE), kind.TYPE.name, critical, first))
    return table(("type", "name", "unknown", "what it says"), rows)


def fields() -> str:
    by_message: dict[str, list[Field]] = {}
    for row in field_table():
        by_message.setdefault(row.message, []).append(row)
    rules = dict(field_rules())
    order = sorted(by_message.items(), key=lambda pair: (pair[1][0].type is None, pair[1][0].type))
    parts = []
    for name, rows in order:
        said = attributes(getattr(messages, name))
        title = f"**{name}**" if rows[0].type is None else f"**{name.upper()}** = {rows[0].type}"
        cells = [
            (
                row.position,
                f"`{row.name}`",
                form_of(row.form),
                said.get(row.name, default(row.name)),
            )
            for row in rows
        ]
        rule = rules.get(name.upper())
        parts += [title, "", table(("place", "field", "form", "meaning"), cells), ""]
        parts += [f"Rule: {rule}", ""] if rule else []
    return "\n".join(parts).rstrip()


def default(name: str) -> str:
    return "see [requests](#request-numbers)" if name == "request" else ""


def codes() -> str:
    parts = []
    for kind in (
        messages.Feature, messages.Profile, messages.Level, messages.Purpose, messages.WantKind,
        messages.StatusCode, messages.GoawayCode, messages.TableStep,
    ):  # fmt: skip
        said = comments(kind)
        rows = [(each.value, each.name, said.get(each.name, "")) for each in kind]
        parts += [f"**{kind.__name__}**", "", table(("value", "name", "meaning"), rows), ""]
    return "\n".join(parts).rstrip()


def violations() -> str:
    said = comments(Violation)
    rows = [(f"`{each.value}`", number(PENALTY[each]), said[each.name]) for each in Violation]
    return table(("violation", "points", "meaning"), rows)


def states() -> str:
    said = comments(State)
    meaning = table(
        ("state", "meaning"), [(f"`{each}`", said.get(each.name, "")) for each in State]
    )
    columns = [each for each in State if LEGAL[each]]
    kinds = sorted(set().union(*LEGAL.values()))
    rows = [[kind, *("yes" if kind in LEGAL[each] else "" for each in columns)] for kind in kinds]
    head = ["may come while", *(f"`{each}`" for each in columns)]
    return f"{meaning}\n\n{table(head, rows)}"


def kinds() -> str:
    said = comments(Kind)
    return table(("kind", "name", "what it holds"), [(int(k), k.name, said[k.name]) for k in Kind])


def header() -> str:
    said = attributes(Header)
    rows: list[Sequence[object]] = [(0, "`version`", "int 1", "of the segment format")]
    for place, field in enumerate(msgspec.inspect.type_info(Header).fields, 1):  # type: ignore[attr-defined]
        rows.append((place, f"`{field.name}`", kind_in_words(field.type), said[field.name]))
    return table(("place", "field", "form", "meaning"), rows)


def table_header() -> str:
    said = attributes(TableHeader)
    rows = [
        (place, f"`{field.name}`", kind_in_words(field.type), said[field.name])
        for place, field in enumerate(msgspec.inspect.type_info(TableHeader).fields)  # type: ignore[attr-defined]
    ]
    return table(("place", "field", "form", "meaning"), rows)


def columns() -> str:
    said = attributes(Columns)
    rows = [
        (place, f"`{field.name}`", kind_in_words(field.type), said[field.name])
        for place, field in enumerate(msgspec.inspect.type_info(Columns).fields)  # type: ignore[attr-defined]
    ]
    return table(("place", "column", "form", "meaning"), rows)


def kind_in_words(kind: Any) -> str:
    """Return a type of msgspec in the words of the document."""
    match kind:
        case msgspec.inspect.IntType():
            low = kind.ge if kind.ge is not None else None if kind.gt is None else kind.gt + 1
            high = kind.le if kind.le is not None else None if kind.lt is None else kind.lt - 1
            if low is None or high is None:
                return "int"
            return f"int {signed(low)}–{signed(high)}"
        case msgspec.inspect.BytesType():
            low, high = kind.min_length or 0, kind.max_length
            if high is None:
                return "bin"
            return f"bin {low}" if low == high else f"bin {low}–{number(high)}"
        case msgspec.inspect.ListType():
            return f"array of 0–{number(kind.max_length or 0)}: {kind_in_words(kind.item_type)}"
        case msgspec.inspect.UnionType():
            return " or ".join(f"({kind_in_words(each)})" for each in kind.types)
    raise TypeError(f"no words for {kind}")


def signed(value: int) -> str:
    return f"−({number(-value)})" if value < 0 else number(value)


def settings() -> str:
    rows = []
    for kind in (NodeSettings, MembershipSettings):
        said = attributes(kind)
        for field in dataclasses.fields(kind):
            value = shown(field.default) if field.default not in (None, ()) else "none"
            rows.append((f"`{field.name}`", value, said[field.name]))
    return table(("setting", "default", "meaning"), rows)


def wire_limits() -> str:
    text = Path(str(limits.__file__)).read_text(encoding="utf-8")
    said = documented(Path(str(limits.__file__)))
    after = text.index("# -- protocol")
    names = [
        name
        for name in said
        if name in LIMITS or (text.index(f"\n{name}: ") > after and name not in NO_LIMITS)
    ]
    rows = [(f"`{name}`", shown(getattr(limits, name)), said[name]) for name in names]
    return table(("limit", "value", "why"), rows)


# -- examples ------------------------------------------------------------------------------


def vectors(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def code(lines: Iterable[str]) -> str:
    return "\n".join(["```", *lines, "```"])


def wrapped(name: str, text: str, indent: int = 10) -> list[str]:
    """Return a name and its bytes, on as many lines as they need."""
    width = WIDTH - indent
    rows = [text[at : at + width] for at in range(0, len(text), width)] or [""]
    return [f"{name if not n else '':<{indent}}{row}" for n, row in enumerate(rows)]


def example_ids() -> str:
    ids = vectors("ids")
    lines = []
    for row in ids["peers"][:1]:
        lines += wrapped("seed", row["seed"]) + wrapped("peer", row["peer"])
        lines += wrapped("text", row["text"])
    for row in ids["networks"]:
        lines += [f"{'network':<10}{row['name']!r} is {row['id']}"]
    for row in ids["items"]:
        raw = repr(row["text"]) if "text" in row else f"bytes {row['bytes']}"
        lines += [f"{'item':<10}{raw} is {row['hash']}"]
    return code(lines)


def example_segment() -> str:
    row = vectors("segments")["segments"][0]
    names = ("header", "signed", "signature", "payload", "id", "frame")
    return code(line for name in names for line in wrapped(name, row[name]))


def example_statements() -> str:
    lines: list[str] = []
    for row in vectors("statements")["statements"]:
        if len(row["payload"]) <= 400:
            lines += [f"kind {row['kind']}, minute {row['minute']}: {row['name']}"]
            lines += wrapped("", row["payload"], 4)
            lines += [f"    {json.dumps(each, ensure_ascii=False)}" for each in row["statements"]]
    return code(lines)


def example_bundle() -> str:
    row = next(each for each in vectors("bundles")["bundles"] if len(each["packed"]) == 1)
    names = {"frame": row["packed"][0], "columns": row["columns"], "random": row["random"],
             "bundle": row["bundle_without_compression"]}  # fmt: skip
    return code(line for name, data in names.items() for line in wrapped(name, data))


def example_table() -> str:
    tables = vectors("tables")
    row = tables["tables"][0]
    lines = []
    for each in tables["items"]:
        signs = "".join("+" if sign > 0 else "-" for sign in each["signs"])
        lines += [f"{'key':<10}{each['key']} of {each['hash']}, signs {signs}"]
    lines += wrapped("offer", row["offer"]) + wrapped("body", row["body"])
    shown_mean = ", ".join(f"{x:.4f}" for x in row["mean"][0])
    lines += [f"{'row':<10}key {row['keys'][0]}, share {row['share'][0]:g}"]
    return code(lines + wrapped("mean", shown_mean))


def example_fork() -> str:
    row = vectors("forks")["forks"][0]
    lines = [f"{'log':<10}{row['author']}, epoch {row['epoch']}"]
    lines += [f"{'number':<10}{row['seq']}, minute {row['minute']}"]
    return code(lines + wrapped("evidence", row["evidence"]))


def example_messages() -> str:
    lines: list[str] = []
    for row in vectors("messages")["messages"]:
        if len(row["bytes"]) <= 200:
            lines += [f"{row['message'].upper()}, {row['name']}; padded to {row['padded_to']}"]
            lines += wrapped("", row["bytes"], 4)
    return code(lines)


def example_link() -> str:
    link = vectors("links")
    lines: list[str] = []
    for name, value in link["keys"].items():
        lines += wrapped(name, value, 16)
    lines.append("")
    for row in link["frontier"]:
        lines += wrapped("id", row["id"], 16)
        lines += [f"{'element':<16}{row['element']}", f"{'gossip tag':<16}{row['gossip_tag']}"]
    lines.append("")
    for row in link["roots"]:
        lines += [f"{row['root']}  {row['name']}"]
    return code(lines)


def example_handshake() -> str:
    shake = vectors("links")["handshake"]
    return code(line for name, value in shake.items() for line in wrapped(name, value, 20))


def example_sketch() -> str:
    sketch = vectors("sketches")
    one = sketch["keyed_hash"][0]
    lines = [f"{'H':<12}key {one['key']}, block {one['block']}: {one['hash']}"]
    lines += [f"{'elements':<12}i · 9e3779b97f4a7c15 mod 2^64 for i = 1 … 40; the same key"]
    lines += [f"{'symbol ' + str(i):<12}{sketch['sketch']['symbols'][i]}" for i in range(4)]
    return code(lines)


def padding() -> str:
    rows = [row for row in vectors("messages")["padding"] if row[0]]
    return table(
        ("bytes", *(number(n) for n, _ in rows)), [("sent", *(number(m) for _, m in rows))]
    )


def module_constants(*names: str) -> Callable[[], str]:
    return lambda: constants(*names)


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "types": types,
    "fields": fields,
    "codes": codes,
    "violations": violations,
    "states": states,
    "kinds": kinds,
    "header": header,
    "columns": columns,
    "limits": wire_limits,
    "padding": padding,
    "example-ids": example_ids,
    "example-segment": example_segment,
    "example-statements": example_statements,
    "example-bundle": example_bundle,
    "example-fork": example_fork,
    "example-messages": example_messages,
    "example-sketch": example_sketch,
    "example-link": example_link,
    "example-handshake": example_handshake,
    "constants-session": module_constants(
        "peerrec.protocol.sync_asking", "peerrec.protocol.sync_exchange",
        "peerrec.protocol.sync_initiator", "peerrec.protocol.sync_responder",
    ),
    "constants-anti-entropy": module_constants("peerrec.protocol.anti_entropy"),
    "constants-gossip": module_constants(
        "peerrec.protocol.gossip", "peerrec.protocol.gossip_link", "peerrec.peering.circulation"
    ),
    "constants-link": module_constants(
        "peerrec.peering.link", "peerrec.peering.reception", "peerrec.node"
    ),
    "constants-membership": module_constants(
        "peerrec.protocol.membership", "peerrec.protocol.dialling", "peerrec.protocol.link_table"
    ),
    "constants-addresses": module_constants("peerrec.protocol.addresses"),
    "constants-scoring": module_constants("peerrec.protocol.scoring"),
    "constants-inbound": module_constants("peerrec.protocol.inbound"),
    "constants-following": module_constants("peerrec.protocol.following"),
    "constants-publishing": module_constants(
        "peerrec.peering.publisher", "peerrec.peering.own_log"
    ),
    "table-header": table_header,
    "example-table": example_table,
    "constants-tables": module_constants(
        "peerrec.protocol.exchange", "peerrec.peering.factor_state", "peerrec.ranking.factor_local",
        "peerrec.peering.factor_partners", "peerrec.peering.factor_disguise",
        "peerrec.peering.factoring",
    ),
    "settings": settings,
}  # fmt: skip


def renewed(text: str) -> str:
    """Return the document with every block as the code has it now."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]]()}\n\n{found[3]}", text)


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    new = renewed(text)
    if "--check" in sys.argv[1:]:
        sys.exit(0 if new == text else f"{DOCUMENT.name} is out of date")
    DOCUMENT.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
