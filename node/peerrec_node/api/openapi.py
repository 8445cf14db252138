"""Describe the API as OpenAPI 3.1, from the routes and the very types that check requests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from peerrec import __version__
from peerrec_node.api.problems import KINDS, MEDIA, Problem
from peerrec_node.api.routes import JSON, Nothing, Route
from peerrec_node.api.schemas import ListensRefused

__all__ = ["description"]

REF: Final = "#/components/schemas/{name}"

BROWSER: Final = ("token", "session")
"""How all but players show whose a request is."""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

SCHEMES: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "See `peerrec token create`."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "peerrec_7780",
        "description": "The dashboard's, named for its port; changes also need `X-Peerrec: 1`.",
    },
    "listenbrainz": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Token` and a token of this daemon.",
    },
}


def description(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI document of some routes."""
    types = list(dict.fromkeys(types_of(routes)))
    _, components = msgspec.json.schema_components(types, ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "peerrec",
            "version": __version__,
            "summary": "One person's recommender, on their own device.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": SCHEMES},
    }


def types_of(routes: Iterable[Route]) -> Iterable[type[Any]]:
    """Yield all types that the routes take and give."""
    yield Problem
    yield ListensRefused
    for route in routes:
        yield from (kind for kind in (route.query, route.body) if kind is not Nothing)
        if route.answer is not None:
            yield route.answer


def operation(route: Route) -> dict[str, Any]:
    """Return the operation of a route."""
    said: dict[str, Any] = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [tag(route)],
        "security": security(route),
        "responses": responses(route),
    }
    parameters = [*path_parameters(route), *query_parameters(route)]
    if parameters:
        said["parameters"] = parameters
    if route.takes_body:
        content = {JSON: {"schema": schema(route.body)}}
        said["requestBody"] = {"required": True, "content": content}
    return said


def operation_id(route: Route) -> str:
    """Return a route's name: its method and path in words."""
    words = re.findall(r"[a-z]+", route.path.removeprefix("/api/v1"))
    return "_".join([route.method.lower(), *words])


def tag(route: Route) -> str:
    """Return under which heading a route belongs."""
    if route.path.startswith("/api/v1/"):
        return "v1"
    return "listenbrainz" if route.old_style else "service"


def security(route: Route) -> list[dict[str, list[str]]]:
    """Return how a request shows whose it is; 3.1 names scopes for any scheme."""
    if route.scope is None:
        return []
    if route.old_style:
        return [{"listenbrainz": [route.scope.value]}]
    shown: list[dict[str, list[str]]] = [{each: [route.scope.value]} for each in BROWSER]
    return [{}, *shown] if route.local else shown


def responses(route: Route) -> dict[str, Any]:
    """Return every answer that a route gives."""
    content = {} if route.answer is None else {"schema": schema(route.answer)}
    if route.answer is None:
        content = {"schema": {"type": "string"}}
    found: dict[str, Any] = {
        str(route.status): {"description": "Done.", "content": {route.media: content}}
    }
    media, kind = (JSON, ListensRefused) if route.old_style else (MEDIA, Problem)
    for status, kinds in sorted(route.statuses().items()):
        found[str(status)] = {
            "description": "; ".join(KINDS[each].title for each in kinds) + ".",
            "content": {media: {"schema": schema(kind)}},
        }
    return found


def schema(kind: type[Any]) -> dict[str, Any]:
    """Return the schema of a type, by reference."""
    (found,), _ = msgspec.json.schema_components([kind], ref_template=REF)
    return found


def path_parameters(route: Route) -> list[dict[str, Any]]:
    """Return the named parts of a path."""
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in route.names
    ]


def query_parameters(route: Route) -> list[dict[str, Any]]:
    """Return the parameters of a query."""
    if route.query is Nothing:
        return []
    _, components = msgspec.json.schema_components([route.query], ref_template=REF)
    shape = components[route.query.__name__]
    required = shape.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": each}
        for name, each in shape["properties"].items()
    ]
