"""Browsers and daemons for the tests of the dashboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import neighbourhood
import pytest
from daemon_process import until
from dashboard import Dashboard, dashboard, launched
from playwright.sync_api import Browser, sync_playwright
from real_daemon import Network, RealDaemon, network

LIFE_S = 240


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the whole session: tests of other folders run event loops in this thread.
    with sync_playwright() as playwright:
        made = launched(playwright)
        yield made
        made.close()


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Network]:
    """Starts daemons that end with the test."""
    with network(tmp_path) as made:
        yield made


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Dashboard]]:
    """Opens dashboards, each in a browser of its own, which must have been good pages."""
    with ExitStack() as stack:
        yield lambda daemon, **how: stack.enter_context(dashboard(browser, daemon, **how))


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDaemon]:
    """The daemon of somebody with friends and Sybils in the store, linked to somebody's."""
    folder = tmp_path_factory.mktemp("lively")
    neighbourhood.fill(folder / "me.db")
    with network(folder) as made:
        friend = made.start("friend.db", life_s=LIFE_S)
        friend.play("track:sinnerman", "track:naima", "track:equinox")
        me = made.start("me.db", "--peer", friend.invite, life_s=LIFE_S)
        me.said("trust", friend.peer, "0.9")
        until(lambda: heard(me, "track:equinox"))
        yield me


def heard(daemon: RealDaemon, item: str) -> bool:
    """Return whether an item is among what a daemon recommends."""
    status, listed = daemon.asked("GET", "/api/v1/recommendations?n=50")
    assert status == 200, listed
    return item in names(listed)


def names(listed: Any) -> list[str]:
    return [each["item"] for each in listed["items"]]
