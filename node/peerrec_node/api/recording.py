"""Take what the person did: interactions, and what they think of an item; list what is muted."""

from __future__ import annotations

from typing import Final

from peerrec.store.rows import Interaction, Mark
from peerrec_node.api import schemas
from peerrec_node.api.auth import Scope
from peerrec_node.api.context import Api, item_named, item_text
from peerrec_node.api.names import Names
from peerrec_node.api.problems import ApiProblem
from peerrec_node.api.routes import Call, Nothing, Route
from peerrec_node.commands.common import ME

__all__ = ["ROUTES"]


def rows_of(body: schemas.NewInteractions) -> list[schemas.NewInteraction]:
    """Return the rows of a request, whichever of its two forms it has.

    Raises:
        ApiProblem: it has both forms, or none.
    """
    if (body.item is None) == (body.rows is None):
        raise ApiProblem("bad-request", "Body: give either `item` or `rows`")
    if body.rows is not None:
        return body.rows
    row = schemas.NewInteraction(
        item=body.item or "", weight=body.weight, time=body.time, public=body.public
    )
    return [row]


async def record(api: Api, call: Call[Nothing, schemas.NewInteractions]) -> schemas.Recorded:
    """Record all or none."""
    now = api.clock()
    rows = [
        Interaction(ME, item_named(row.item), row.weight, now if row.time is None else row.time,
                    row.public)
        for row in rows_of(call.body)
    ]  # fmt: skip
    recorded = api.here.me.record_many(rows)
    api.changed()
    return schemas.Recorded(recorded=recorded)


async def feedback(api: Api, call: Call[Nothing, schemas.Feedback]) -> schemas.FeedbackTaken:
    """Steer what is recommended."""
    item, action, me = item_named(call.body.item), call.body.action, api.here.me
    if action == "more":
        me.undo_less_like(item)
        me.unmute(item)
        me.record(item)
    elif action == "less":
        me.less_like(item)
    elif action == "mute":
        me.mute(item)
    else:
        me.unmute(item)
    api.changed()
    return schemas.FeedbackTaken(item=item_text(item), action=action)


async def muted(api: Api, call: Call[Nothing, Nothing]) -> schemas.Muted:
    """Answer what is never shown."""
    names = Names(api.here)
    found = [each.subject for each in api.store.marks() if each.mark is Mark.MUTE_ITEM]
    return schemas.Muted(
        items=[
            schemas.MutedItem(item=item_text(item), name=names.of(item)) for item in reversed(found)
        ]
    )


ROUTES: Final = (
    Route(
        method="POST",
        path="/api/v1/interactions",
        handler=record,
        summary="Record one interaction, or up to a thousand: all or none.",
        scope=Scope.RECORD,
        body=schemas.NewInteractions,
        answer=schemas.Recorded,
    ),
    Route(
        method="POST",
        path="/api/v1/feedback",
        handler=feedback,
        summary="Steer: more like an item, less like it, never show it, show it again.",
        scope=Scope.RECORD,
        body=schemas.Feedback,
        answer=schemas.FeedbackTaken,
    ),
    Route(
        method="GET",
        path="/api/v1/muted",
        handler=muted,
        summary="Items that are never shown, the latest muted first.",
        scope=Scope.READ,
        answer=schemas.Muted,
    ),
)
