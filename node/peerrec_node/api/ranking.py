"""Answer lists: recommendations, explanations, look-alikes; the ranking is elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from peerrec.facade.results import Recommendations
from peerrec.ranking.reasons import Reason
from peerrec_node.api import schemas
from peerrec_node.api.auth import Scope
from peerrec_node.api.context import Api, item_named, item_text
from peerrec_node.api.lists import ListQuestion, Write
from peerrec_node.api.names import Names, peer_said
from peerrec_node.api.problems import ApiProblem
from peerrec_node.api.routes import Call, Nothing, Route
from peerrec_node.commands.common import Opened

__all__ = ["ROUTES", "answers_of"]

FRESH_S: Final = 2.0
"""How long is waited for a new list where there is an old one."""


def kind_of(reason: Reason) -> Literal["path", "trust", "description", "table"]:
    """Return what led to an item, in a word."""
    if reason.hub is None:
        return "table"
    if reason.tags:
        return "description"
    return "trust" if reason.own_item is None else "path"


def reason_said(names: Names, item: str | bytes, reason: Reason) -> schemas.Reason:
    """Return a reason as the API writes it."""
    return schemas.Reason(
        kind=kind_of(reason),
        text=reason.sentence(item, names.title, names.peer),
        item=None if reason.own_item is None else item_text(reason.own_item),
        peer=None if reason.hub is None else peer_said(reason.hub),
    )


def path_said(reason: Reason) -> schemas.Path:
    """Return the way over which a reason leads."""
    peers = [*(reason.through or ()), *(() if reason.hub is None else (reason.hub,))]
    return schemas.Path(
        peers=[peer_said(peer) for peer in peers],
        item=None if reason.own_item is None else item_text(reason.own_item),
        share=reason.share,
    )


def recommended(names: Names, found: Recommendations) -> list[schemas.Recommended]:
    """Return a list as the API writes it."""
    return [
        schemas.Recommended(
            item=item_text(each.item),
            name=names.of(each.item),
            score=each.score,
            reasons=[reason_said(names, each.item, reason) for reason in each.reasons],
        )
        for each in found
    ]


def answers_of(here: Opened) -> Write:
    """Return what writes the answer of a list."""

    def write(found: Recommendations, version: int, cached: bool) -> bytes:
        items = recommended(Names(here), found)
        return msgspec.json.encode(
            schemas.RecommendationList(
                version=version, items=items, notes=list(found.notes), cached=cached
            )
        )

    return write


async def recommendations(api: Api, call: Call[schemas.RecommendQuery, Nothing]) -> bytes:
    """Answer a list, mostly from memory, where this waits for nobody."""
    query = call.query
    explore = api.settings.explore if query.explore is msgspec.UNSET else query.explore
    context = None if query.context is msgspec.UNSET else item_named(query.context)
    n = api.settings.n if query.n is msgspec.UNSET else query.n
    question = ListQuestion(n, explore, context)
    answer = api.lists.at_once(question)
    if answer is not None:
        return answer
    last, key = api.lists.last(question), (question, api.lists.own)
    if last is None:
        return await api.calls.share(key, api.lists.get, question)
    try:
        async with asyncio.timeout(FRESH_S):
            return await api.calls.share(key, api.lists.get, question)
    except (TimeoutError, ApiProblem):
        return last  # old, but all there is while the node has so much to do


async def explain(api: Api, call: Call[schemas.ExplainQuery, Nothing]) -> schemas.ItemExplanation:
    """Answer why an item is recommended or not."""
    item = item_named(call.query.item)
    found = await api.lists.compute(lambda still: still.explain(item))
    names = Names(api.here)
    return schemas.ItemExplanation(
        item=item_text(item),
        name=names.of(item),
        score=found.score,
        rank=found.rank,
        reasons=[reason_said(names, item, reason) for reason in found.reasons],
        paths=[path_said(reason) for reason in found.reasons],
        notes=list(found.notes),
    )


async def similar(api: Api, call: Call[schemas.SimilarQuery, Nothing]) -> schemas.SimilarList:
    """Answer what is near to an item."""
    item, n = item_named(call.query.item), call.query.n
    found = await api.lists.compute(lambda still: still.similar(item, n))
    names = Names(api.here)
    items = [
        schemas.SimilarItem(item=item_text(each.item), name=names.of(each.item), score=each.score)
        for each in found
    ]
    return schemas.SimilarList(items=items, notes=list(found.notes))


ROUTES: Final[Sequence[Route]] = (
    Route(
        method="GET",
        path="/api/v1/recommendations",
        handler=recommendations,
        summary="What to look at next, best first; with context, only what goes with an item.",
        scope=Scope.READ,
        query=schemas.RecommendQuery,
        answer=schemas.RecommendationList,
        problems=("unknown", "not-allowed"),
        aside=True,
    ),
    Route(
        method="GET",
        path="/api/v1/explain",
        handler=explain,
        summary="Why an item is recommended, or why it is not.",
        scope=Scope.READ,
        query=schemas.ExplainQuery,
        answer=schemas.ItemExplanation,
        problems=("unknown", "not-allowed"),
    ),
    Route(
        method="GET",
        path="/api/v1/similar",
        handler=similar,
        summary="Items near to one, by the people who are heard and have both.",
        scope=Scope.READ,
        query=schemas.SimilarQuery,
        answer=schemas.SimilarList,
        problems=("unknown", "not-allowed"),
    ),
)
