"""Take listens from players that know ListenBrainz: two of its calls, in its own words.

Players send what they would send to listenbrainz.org; the token is one of this daemon's
with the scope ``record``. What is playing now is taken note of by nobody: it is no listen
yet. Errors are ``{"code", "error"}``, which these players show, and not problems.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from peerrec.errors import DataError
from peerrec.store.rows import Interaction
from peerrec_node.api import schemas
from peerrec_node.api.auth import Scope
from peerrec_node.api.context import Api
from peerrec_node.api.problems import ApiProblem
from peerrec_node.api.routes import Call, Nothing, Route
from peerrec_node.commands.common import ME

if TYPE_CHECKING:
    from peerrec_node.imports.rows import ImportedRow

__all__ = ["ROUTES", "rows_of"]


def rows_of(body: schemas.SubmitListens) -> list[ImportedRow]:
    """Return the listens of a request; none where something is only playing now.

    Raises:
        ApiProblem: their number or their times do not fit the type.
    """
    kind, listens = body.listen_type, body.payload
    if kind != "import" and len(listens) != 1:
        raise ApiProblem("bad-request", f"{kind}: send one listen, not {len(listens)}")
    if kind == "playing_now":
        if listens[0].listened_at is not None:
            raise ApiProblem("bad-request", "playing_now: leave listened_at out")
        return []
    if any(each.listened_at is None for each in listens):
        raise ApiProblem("bad-request", f"{kind}: each listen needs listened_at")
    # Imported here: readers of files are nothing that a daemon starts with.
    from peerrec_node.imports.listenbrainz import listen

    return [listen(msgspec.to_builtins(each)) for each in listens]


async def submit(api: Api, call: Call[Nothing, schemas.SubmitListens]) -> schemas.ListensTaken:
    """Record listens, all or none, and how their tracks are called."""
    rows = rows_of(call.body)
    public, me = api.settings.listens_public, api.here.me
    if rows:
        me.record_many(
            Interaction(ME, row.item, row.weight, row.time or 0.0, public) for row in rows
        )
        describe(api, rows)
        api.changed()
    return schemas.ListensTaken()


def describe(api: Api, rows: list[ImportedRow]) -> None:
    """Say what tracks are called, of which the person said nothing so far."""
    for row in {row.item: row for row in rows}.values():
        said = api.store.descriptions(row.item)
        if any(each.author == ME for each in said):
            continue
        try:
            api.here.me.describe(row.item, title=row.title, tags=row.tags, link=row.link)
        except DataError:  # what players say beside the names is not always fit to keep
            api.here.me.describe(row.item, title=row.title)


async def validate(api: Api, call: Call[Nothing, Nothing]) -> schemas.TokenValidity:
    """Answer whether the request's token may submit listens."""
    secret = call.request.headers.get("Authorization", "").partition(" ")[2].strip()
    scope = api.tokens.scope_of(secret) if secret else None
    if scope is None or not scope.allows(Scope.RECORD):
        return schemas.TokenValidity(code=200, message="Token invalid.", valid=False)
    return schemas.TokenValidity(code=200, message="Token valid.", valid=True, user_name=ME)


ROUTES: Final = (
    Route(
        method="POST",
        path="/1/submit-listens",
        handler=submit,
        summary="Submit listens, as to ListenBrainz.",
        scope=Scope.RECORD,
        body=schemas.SubmitListens,
        answer=schemas.ListensTaken,
        old_style=True,
    ),
    Route(
        method="GET",
        path="/1/validate-token",
        handler=validate,
        summary="Whether the token may submit listens, as of ListenBrainz.",
        scope=None,
        answer=schemas.TokenValidity,
        old_style=True,
        aside=True,
    ),
)
