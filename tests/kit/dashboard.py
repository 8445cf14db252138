"""Drive the dashboard in Debian's chromium, and note whatever a page must not do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright, expect
from real_daemon import RealDaemon

VIEWS = (
    "recommendations",
    "trust",
    "peers",
    "storage",
    "traffic",
    "health",
    "pairing",
    "settings",
)

PATIENCE_MS = 20_000
WIDE = (1280, 900)
PHONE = (360, 740)
SHOTS_PX_MAX = 4_000

expect.set_options(timeout=PATIENCE_MS)

ARTEFACTS = Path(__file__).resolve().parents[1] / "browser" / "artefacts"
"""Screenshots and measurements of the last run; git passes them over."""

IN_CI = bool(os.environ.get("CI"))

# Before any script of the page: what it must not do is noted from the beginning.
WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => {
    window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


def artefact(name: str) -> Path:
    """Return where to keep something for people to look at."""
    ARTEFACTS.mkdir(exist_ok=True)
    return ARTEFACTS / name


def measured(name: str, value: object) -> None:
    """Keep a measurement; figures of a shared machine are recorded, not judged."""
    path = artefact("measurements.json")
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, name: value}, indent=1, sort_keys=True) + "\n")


def chromium() -> str:
    """Return the browser's path; skip only where nothing can install it."""
    found = os.environ.get("PEERREC_CHROMIUM") or shutil.which("chromium")
    if found:
        return found
    if shutil.which("apt-get"):
        pytest.fail("chromium is missing: `make browser` installs it", pytrace=False)
    return pytest.skip("needs chromium, and there is no apt-get here to install it with")


def launched(playwright: Playwright) -> Browser:
    """Return a browser."""
    # Containers often run everything as root, for whom chromium has no sandbox.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return playwright.chromium.launch(
        executable_path=chromium(),
        args=["--disable-dev-shm-usage", *(["--no-sandbox"] if root else [])],
    )


class Dashboard:
    """One page of a daemon's dashboard.

    Args:
        page: where it is shown.
        daemon: whose it is.

    Attributes:
        requests: addresses that the page asked for.
        complaints: what the browser's console calls an error.
        failures: exceptions that no script caught.
    """

    def __init__(self, page: Page, daemon: RealDaemon) -> None:
        self.page, self.daemon = page, daemon
        self.origin = f"http://{daemon.netloc}"
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.failures: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(WATCH)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.failures.append(f"{error}"))

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def show(self, view: str) -> Locator:
        """Go to a view as a person does, by its link; return its content once it is there."""
        menu, link = self.page.locator("#menu"), self.page.locator(f'nav a[href="#/{view}"]')
        if menu.is_visible() and not link.is_visible():
            menu.click()
        link.click()
        expect(self.page.locator("main h1")).to_have_text(link.inner_text())
        return self.settled()

    def settled(self) -> Locator:
        """Wait until the view has been loaded; return it."""
        main = self.page.locator("main")
        main.locator("h1").first.wait_for()
        expect(main.locator(".loading")).to_have_count(0)
        return main

    def holds(self, expression: str, argument: object = None) -> None:
        """Wait until an expression is true; the page's policy forbids `wait_for_function`."""
        end = time.monotonic() + PATIENCE_MS / 1000
        while not self.page.evaluate(expression, argument):
            assert time.monotonic() < end, expression
            self.page.wait_for_timeout(50)

    def shot(self, name: str) -> None:
        """Keep a picture of the whole page, as far as anybody would scroll."""
        self.page.evaluate("scrollTo(0, 0)")
        height = self.page.evaluate("document.documentElement.scrollHeight")
        width = self.page.viewport_size["width"]  # type: ignore[index]
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, SHOTS_PX_MAX)}
        self.page.screenshot(
            path=artefact(f"{name}.png"), full_page=True, clip=clip, animations="disabled"
        )

    def unlike_a_good_page(self, *, refused: bool = False) -> list[str]:
        """Return what the page did that it must not.

        Args:
            refused: whether the daemon was meant to refuse something, or to be gone, which
                the console calls an error.
        """
        foreign = [
            url
            for url in self.requests
            if urlsplit(url).netloc != self.daemon.netloc and not url.startswith("data:")
        ]
        said = [
            text
            for text in self.complaints
            if not (refused and text.startswith("Failed to load resource"))
        ]
        return [*foreign, *said, *self.failures, *self.page.evaluate("window.violations")]


@contextmanager
def dashboard(
    browser: Browser,
    daemon: RealDaemon,
    *,
    size: tuple[int, int] = WIDE,
    dark: bool = False,
    refused: bool = False,
    at: str = "",
    **options: Any,
) -> Iterator[Dashboard]:
    """Open the dashboard in a browser of its own; at the end the page must have been good.

    Args:
        browser: makes the page.
        daemon: whose dashboard.
        size: of the window, in pixels.
        dark: whether the person's system prefers dark pages.
        refused: see `Dashboard.unlike_a_good_page`.
        at: where to go instead of an address with a new one-time token.
        options: of the browser's context.
    """
    scheme = "dark" if dark else "light"
    viewport = {"width": size[0], "height": size[1]}
    context = browser.new_context(viewport=viewport, color_scheme=scheme, **options)
    try:
        opened = Dashboard(context.new_page(), daemon)
        opened.page.goto(at or daemon.said("token", "dashboard")["dashboard"])
        yield opened
        assert opened.unlike_a_good_page(refused=refused) == []
    finally:
        context.close()


# -- accessibility --------------------------------------------------------------------------


AXE = "axe-core@4.14.1"
NPM_S = 120


def axe_script(folder: Path) -> str:
    """Return axe-core as the npm registry has it; skip only where that cannot be asked."""
    script = folder / f"{AXE}.js"
    if not script.exists():
        if shutil.which("npm") is None:
            missing("needs npm to fetch axe-core")
        with tempfile.TemporaryDirectory(dir=folder) as place:
            packed = subprocess.run(
                ["npm", "pack", AXE, "--silent"],
                cwd=place,
                capture_output=True,
                text=True,
                timeout=NPM_S,
            )
            if packed.returncode:
                missing(f"npm pack {AXE} failed: {packed.stderr[-300:]}")
            with tarfile.open(Path(place) / packed.stdout.split()[-1]) as archive:
                archive.extract("package/axe.min.js", place, filter="data")
            os.replace(Path(place) / "package" / "axe.min.js", script)
    return script.read_text("utf-8")


def missing(reason: str) -> None:
    """Skip for a reason, which in CI is a failure."""
    if IN_CI:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
