"""Name the defaults that go together on one kind of machine.

A profile is nothing but other defaults: whatever is set by name wins. ``battery`` says so
to the peers, too, who then push nothing and wait longer between sessions; the waits of
`peerrec.protocol.anti_entropy` and the exchange of factors stretch by themselves.

Example:
    >>> sorted(PROFILES), PROFILES["desktop"]
    (['battery', 'desktop', 'server'], {})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from peerrec.limits import DAY_S

__all__ = ["PROFILES", "SUMMARIES"]

SUMMARIES: Final[Mapping[str, str]] = {
    "desktop": "one person's computer, on while they are at it",
    "server": "always on and on mains: room for more people's logs, links for newcomers",
    "battery": "a phone or a laptop away from mains: small budgets, few links, rare timers",
}
"""What each is for."""

PROFILES: Final[Mapping[str, Mapping[str, Any]]] = {
    "desktop": {},
    "server": {
        "storage.follow_bytes_max": 512 << 20,
        "storage.store_bytes_max": 2 << 30,
        "network.dialled_max": 12,
        "network.incoming_max": 128,
        "network.half_open_max": 256,
        # Who rests a day serves newcomers the longest; a server can afford to mix more often.
        "factors.rest_s": DAY_S / 4,
    },
    "battery": {
        "node.batch_delay_s": 900.0,
        "storage.follow_bytes_max": 16 << 20,
        "network.dialled_max": 4,
        "network.incoming_max": 8,
        "ranking.auto_tune": False,
        "factors.rest_s": 3 * DAY_S,
        "factors.rows_max": 8_192,
    },
}
"""Defaults of each that differ from the schema's, by the key's path."""
