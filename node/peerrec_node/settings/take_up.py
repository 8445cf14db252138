"""Have a running daemon take up settings that have changed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from peerrec_node.settings import wiring
from peerrec_node.settings.keys import KEYS

if TYPE_CHECKING:
    from peerrec_node.daemon import Daemon

__all__ = ["take_up"]

log = logging.getLogger("peerrec.settings")


def take_up(daemon: Daemon, changed: Sequence[str]) -> None:
    """Let count what can count at once, and say what waits for the next start.

    Args:
        daemon: whose settings have changed.
        changed: paths of what did.
    """
    sections = {path.partition(".")[0] for path in changed if not KEYS[path].later}
    settings, driver, node = daemon.live.settings, daemon.driver, daemon.node
    if sections & {"node", "storage", "factors"}:
        driver.ask(node.change, wiring.node_settings(settings, node.settings))
    if "network" in sections:
        links = wiring.membership(settings)
        driver.ask(node.bound_links, links.dialled, links.incoming)
        driver.bound_links(wiring.link_limits(settings))
        driver.listener.admission.take_over(wiring.admission(settings))
    if "storage" in sections:
        daemon.bound_store()
    now = [path for path in changed if not KEYS[path].later]
    if now:
        log.info("changed: %s", ", ".join(now))
    for path in changed:
        if KEYS[path].later and path in daemon.live.pending:
            log.warning("%s takes effect at the next start", path)
