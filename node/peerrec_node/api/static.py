"""Serve the dashboard: the files of one folder, read once, and nothing else.

Example:
    >>> from pathlib import PurePosixPath
    >>> media_of(PurePosixPath("views/peers.js"))
    'text/javascript; charset=utf-8'
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path, PurePath
from typing import Final, NamedTuple

from aiohttp import web

__all__ = ["HEADERS", "WEB", "Page", "page_handler", "pages"]

WEB: Final = Path(__file__).resolve().parent.parent / "web"

MEDIA: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".txt": "text/plain; charset=utf-8",
}
"""Kinds of files that are served; others are not."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
"""Headers of every answer, whatever it is."""


class Page(NamedTuple):
    """A file that is served."""

    path: str
    body: bytes
    media: str
    tag: str


def media_of(path: PurePath) -> str | None:
    """Return a file's type; None where it is not served."""
    return MEDIA.get(path.suffix)


def pages(folder: Path = WEB) -> Iterator[Page]:
    """Yield what a folder holds, its index also at ``/``."""
    for file in sorted(folder.rglob("*")):
        media = media_of(file)
        if media is None or not file.is_file():
            continue
        body = file.read_bytes()
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        path = "/" + file.relative_to(folder).as_posix()
        yield Page(path, body, media, tag)
        if path == "/index.html":
            yield Page("/", body, media, tag)


def page_handler(page: Page) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what answers a page, or that the browser has it already."""
    # After an upgrade old and new modules must not meet: browsers ask each time.
    headers = {"ETag": page.tag, "Cache-Control": "no-cache"}

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == page.tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=page.body, headers={**headers, "Content-Type": page.media})

    return answer
