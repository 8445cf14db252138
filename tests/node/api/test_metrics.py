"""Metrics are what their documentation says, and so are routes, problems and limits."""

from __future__ import annotations

import re
from pathlib import Path

from peerrec.protocol.invite import Address
from peerrec_node.api.metrics import METRICS
from peerrec_node.api.options import HttpOptions
from peerrec_node.api.problems import KINDS
from peerrec_node.api.server import ROUTES

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "api.md"


def rows(heading: str) -> list[tuple[str, ...]]:
    """Return the rows of the table below a heading."""
    text = DOCUMENT.read_text().split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


def test_the_document_has_every_metric():
    assert rows("Metrics") == [
        (f"`{each.name}`", each.kind, " ".join(f"`{label}`" for label in each.labels), each.help)
        for each in METRICS
    ]


def test_the_document_has_every_problem():
    assert rows("Problems") == [
        (str(kind.status), f"`{name}`", kind.title) for name, kind in KINDS.items()
    ]


def test_the_document_has_every_route():
    assert rows("Routes") == [
        (f"`{each.method} {each.path}`", each.scope.value if each.scope else "–", each.summary)
        for each in ROUTES
    ]


def test_metrics_are_in_the_text_format_and_add_up(client):
    for _ in range(3):
        client.get("/api/v1/status")
    text = client.ask("GET", "/metrics", scope=None).body.decode()
    sample = re.compile(r'[a-z_]+(\{([a-z]+="([^"\\]|\\.)*",?)+\})? -?[0-9.e+-]+')
    for line in text.splitlines():
        assert line.startswith("# ") or sample.fullmatch(line), line
    names = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    assert names == [(each.name, each.kind) for each in METRICS]
    counted = 'peerrec_http_requests_total{method="GET",route="/api/v1/status",status="200"}'
    assert int(text.split(counted)[1].split()[0]) >= 3


def test_metrics_need_a_token_where_others_can_ask(tmp_path, serve):
    everywhere = HttpOptions(Address("0.0.0.0", 0))
    with serve(tmp_path / "me.db", everywhere) as other:
        assert other.client.ask("GET", "/metrics", scope=None).status == 401
        assert other.client.ask("GET", "/metrics", scope="read").status == 200
        assert other.client.ask("GET", "/health/live", scope=None).status == 200
