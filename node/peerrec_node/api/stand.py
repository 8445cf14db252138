"""Answer how the daemon stands: status, health, settings, sessions, the description."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from peerrec import __version__
from peerrec.errors import ConfigError
from peerrec.facade.self_tuning import SETTING as TUNED
from peerrec_node.api import schemas
from peerrec_node.api.auth import SESSION_S, Scope
from peerrec_node.api.context import Api
from peerrec_node.api.problems import ApiProblem
from peerrec_node.api.routes import Call, Nothing, Route

__all__ = ["ROUTES", "cookie_name", "status_of"]


def status_of(api: Api) -> schemas.Status:
    """Return how the daemon stands now."""
    daemon, node, size = api.daemon, api.daemon.status(), api.store.size()
    return schemas.Status(
        peer=node.peer,
        network=daemon.network,
        version=__version__,
        uptime_s=round(max(api.clock() - api.started_at, 0.0), 1),
        address=None if daemon.address is None else daemon.address.text(),
        listening=daemon.listens.text(),
        links=len(node.links),
        known_addresses=node.known_addresses,
        followed=node.followed,
        strangers=node.strangers,
        logs=node.logs,
        segments=node.segments,
        segment_bytes=node.segment_bytes,
        forks=node.forks,
        interactions=size.interactions,
        items=size.items,
        store_bytes=size.size_bytes,
        profile=api.settings.profile,
        factors=node.factors,
        tuned=api.store.setting(TUNED) is not None,
    )


async def status(api: Api, call: Call[Nothing, Nothing]) -> schemas.Status:
    """Answer how the daemon stands."""
    return status_of(api)


async def live(api: Api, call: Call[Nothing, Nothing]) -> schemas.Health:
    """Answer that the node's event loop turns."""
    return schemas.Health(status="alive")


async def ready(api: Api, call: Call[Nothing, Nothing]) -> schemas.Health:
    """Answer that the daemon takes part, and its store can be read."""
    if not api.ready:
        raise ApiProblem("not-ready", "The daemon is beginning, or ending")
    api.store.cursor()
    return schemas.Health(status="ready")


async def settings(api: Api, call: Call[Nothing, Nothing]) -> schemas.Settings:
    """Answer what is set."""
    return api.settings.answer()


async def change_settings(api: Api, call: Call[Nothing, schemas.SettingsPatch]) -> schemas.Settings:
    """Set what is given."""
    values = {
        name: value
        for name, value in msgspec.structs.asdict(call.body).items()
        if value is not msgspec.UNSET
    }
    try:
        api.settings.change(values)
    except ConfigError as error:  # the schema was kept to: the file or a flag stands against it
        raise ApiProblem("conflict", str(error)) from None
    api.changed()
    return api.settings.answer()


def cookie_name(request: web.Request) -> str:
    """Return the session's cookie: browsers send a host's cookies to all of its ports."""
    transport = request.transport
    here = None if transport is None else transport.get_extra_info("sockname")
    return f"peerrec_{here[1] if here else 0}"


async def open_session(api: Api, call: Call[Nothing, schemas.NewSession]) -> web.Response:
    """Exchange a one-time token for a cookie that scripts cannot read."""
    secret = api.sessions.exchange(call.body.token)
    if secret is None:
        raise ApiProblem(
            "no-token",
            "This token was used already or is too old; `peerrec token dashboard` prints another",
        )
    said = schemas.Session(scope="admin", expires_at=api.clock() + SESSION_S)
    response = web.Response(body=msgspec.json.encode(said), content_type="application/json")
    name = cookie_name(call.request)
    response.set_cookie(
        name, secret, path="/", httponly=True, samesite="Strict", max_age=int(SESSION_S)
    )
    return response


ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/status",
        handler=status,
        summary="How the node stands.",
        scope=Scope.READ,
        answer=schemas.Status,
    ),
    Route(
        method="GET",
        path="/api/v1/settings",
        handler=settings,
        summary="What can be set from here.",
        scope=Scope.READ,
        answer=schemas.Settings,
    ),
    Route(
        method="PATCH",
        path="/api/v1/settings",
        handler=change_settings,
        summary="Set something; what is left out stays.",
        scope=Scope.ADMIN,
        body=schemas.SettingsPatch,
        answer=schemas.Settings,
        problems=("conflict",),
    ),
    Route(
        method="POST",
        path="/api/v1/session",
        handler=open_session,
        summary="Exchange the dashboard's one-time token for a cookie.",
        scope=None,
        body=schemas.NewSession,
        answer=schemas.Session,
        problems=("no-token",),
        aside=True,
    ),
    Route(
        method="GET",
        path="/health/live",
        handler=live,
        summary="Whether the daemon answers at all.",
        scope=None,
        answer=schemas.Health,
        problems=("busy", "not-ready"),
    ),
    Route(
        method="GET",
        path="/health/ready",
        handler=ready,
        summary="Whether the daemon takes part in its network and can read its store.",
        scope=None,
        answer=schemas.Health,
        problems=("busy", "not-ready", "store"),
    ),
)
