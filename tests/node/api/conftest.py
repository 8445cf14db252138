"""A daemon with its HTTP API, and a client that compares every answer with its description."""

from __future__ import annotations

import functools
import http.client
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from daemons import Running, running, said

from peerrec.protocol.invite import Address
from peerrec_node.api.openapi import description
from peerrec_node.api.options import HttpOptions
from peerrec_node.api.server import ROUTES

HTTP = HttpOptions(Address("127.0.0.1", 0), names=frozenset({"peerrec.example"}))
PATIENCE_S = 20.0


@functools.cache
def document() -> dict[str, Any]:
    return json.loads(json.dumps(description(ROUTES), default=list))


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """Return the description of what answers a request; None where nothing does."""
    for template, operations in document()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return operations.get(method.lower())
    return None


@dataclass
class Answered:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """Kind of the problem."""
        assert self.headers["content-type"].startswith("application/problem+json")
        assert self.json["status"] == self.status
        return self.json["type"].removeprefix("urn:peerrec:problem:")


class Client:
    """Asks one daemon; an answer that is not documented is a failure."""

    def __init__(self, port: int, tokens: dict[str, str]) -> None:
        self.port, self.tokens = port, tokens

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        scope: str | None = "admin",
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answered:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        given = {} if scope is None else {"Authorization": f"Bearer {self.tokens[scope]}"}
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
        if data is not None:
            given["Content-Type"] = "application/json"
        try:
            line.request(method, path, data, {**given, **(headers or {})})
            found = line.getresponse()
            names = {key.lower(): value for key, value in found.getheaders()}
            answered = Answered(found.status, names, found.read())
        finally:
            line.close()
        check(method, path.partition("?")[0], answered)
        return answered

    def get(self, path: str, **more: Any) -> Any:
        """Return the document of a good answer."""
        answered = self.ask("GET", path, **more)
        assert answered.status == 200, answered.body
        return answered.json

    def do(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answered = self.ask(method, path, body, **more)
        assert answered.status < 300, answered.body
        return answered.json

    def until(self, condition: Callable[[], Any]) -> Any:
        """Return what is true at last."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
        raise AssertionError("it never came true")


def check(method: str, path: str, answered: Answered) -> None:
    """Compare an answer with the description of the API."""
    assert answered.headers["content-security-policy"].startswith("default-src 'none'")
    operation = operation_of(method, path)
    if operation is None:
        return
    assert str(answered.status) in operation["responses"], (method, path, answered)
    content = operation["responses"][str(answered.status)]["content"]
    media = answered.headers["content-type"].partition(";")[0]
    assert media in content, (method, path, answered)
    if "json" in media:
        schema = {**content[media]["schema"], "components": document()["components"]}
        jsonschema.Draft202012Validator(schema).validate(answered.json)


class Served:
    """A daemon at work, and its client."""

    def __init__(self, of: Running, store: Path) -> None:
        self.of, self.store = of, store
        assert of.daemon.http is not None
        self.server = of.daemon.http
        made = {
            scope: said("token", "create", scope, "--scope", scope, "--store", store)["token"]
            for scope in ("read", "record", "admin")
        }
        self.client = Client(self.server.address.port, made)


@contextmanager
def serving(store: Path, http: HttpOptions = HTTP) -> Iterator[Served]:
    with running(store, http=http) as of:
        yield Served(of, store)


@pytest.fixture
def serve():
    """Runs another daemon with its API."""
    return serving


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("api") / "me.db") as found:
        yield found


@pytest.fixture
def client(served) -> Client:
    return served.client


@pytest.fixture(scope="module")
def friends(served) -> Served:
    """The daemon of somebody with a friend, who has the same and more."""
    said("trust", "ann", "0.9", "--store", served.store)
    for author, item in (("me", "a"), ("ann", "a"), ("ann", "b"), ("ann", "c"), ("bob", "c")):
        served.of.do(lambda daemon, row=(author, item): record(daemon, *row))
    said("describe", "b", "--title", "The second", "--store", served.store)
    return served


def record(daemon: Any, author: str, item: str) -> None:
    daemon._here.me.record(item, author=author)
    daemon.http.api.changed()
