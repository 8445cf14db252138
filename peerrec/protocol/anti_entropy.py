"""Say when to compare frontiers over one link: often while there is news, else rarely.

A session between equal stores costs some 72 bytes: every 30 s that is 8.6 KB an hour. So
the wait doubles from `FIRST_S` to `LONGEST_S` with every session that found nothing, and
falls back as soon as there may be something: a segment that is new here, a push that was
dropped, a promise that was broken. Where gossip had brought all that the last sessions
looked for it falls back less far, to `CALM_S` at most.

Example:
    >>> import numpy as np
    >>> schedule = AntiEntropy(np.random.default_rng(0), dialled=True, now=0.0)
    >>> first = schedule.next_at
    >>> schedule.ended(now=first, converged=True, n_new=0)
    >>> 48.0 <= schedule.next_at - first <= 72.0
    True
"""

from __future__ import annotations

import numpy as np

from peerrec.protocol.alarm import Alarm
from peerrec.protocol.chance import uniform

__all__ = ["AntiEntropy"]

FIRST_S = 30.0
"""The wait while there is news; in it a lost push is made good."""

CALM_S = 120.0
"""The longest wait while there is news: on links over which sessions find nothing of it."""

LONGEST_S = 900.0
"""The longest wait: four sessions an hour, 300 bytes, on a link where nothing happens."""

BATTERY_FACTOR = 4.0
"""On battery waits are longer by this: two to twenty minutes wake a phone seldom enough."""

JITTER = 0.2
"""Share by which a wait is longer or shorter: nodes that began together drift apart."""

HURRY_S = (0.5, 2.0)
"""The wait, drawn between these, where a session brought much that others lack too."""

PATIENCE = 1.5
"""The side that was dialled waits longer by this, so that one side begins, not both."""

RETRY_S = 5.0
"""The wait after a session that was cut or has more to do; doubles without progress. It says
nothing of news: once one comes to its end, waits are as long as they were."""


class AntiEntropy:
    """When one link's next session is due.

    Args:
        rng: draws the jitter.
        dialled: whether we dialled: that side begins.
        battery: whether this node or the peer saves power.
        now: unix seconds; the first session is due at once for who dialled.
        alarm: set to every session that is planned; None for none.

    Attributes:
        next_at: unix seconds from which on a session should begin.
        wait_s: the present wait, without jitter.
    """

    __slots__ = ("_alarm", "_factor", "_retry_s", "_rng", "_with_news_s", "next_at", "wait_s")

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        dialled: bool,
        now: float,
        battery: bool = False,
        alarm: Alarm | None = None,
    ) -> None:
        self._rng = rng
        self._factor = (1.0 if dialled else PATIENCE) * (BATTERY_FACTOR if battery else 1.0)
        self._retry_s = 0.0
        self.wait_s = FIRST_S
        self._with_news_s = FIRST_S
        self._alarm = alarm or Alarm()
        self._plan(now if dialled else now + self._jittered(FIRST_S))

    def began(self, now: float) -> None:
        """Note that a session began, by whichever side: none is due while it runs."""
        self._plan(now + self._jittered(self.wait_s))

    def ended(self, now: float, *, converged: bool, n_new: int) -> None:
        """Note how a session ended, by whichever side it was begun.

        Args:
            now: unix seconds.
            converged: whether both summaries were equal in the end.
            n_new: segments that came or went in it.
        """
        if not converged:
            again = 2.0 * self._retry_s if self._retry_s and not n_new else RETRY_S
            self._retry_s = min(again, LONGEST_S)
        elif n_new:
            self.wait_s = self._with_news_s = FIRST_S
        else:
            self.wait_s = min(self.wait_s * 2.0, LONGEST_S)
            self._with_news_s = min(self._with_news_s * 2.0, CALM_S)
        if converged:
            self._retry_s = 0.0
        self._plan(now + self._jittered(self._retry_s or self.wait_s))

    def news(self, now: float) -> None:
        """Note a segment that is new here, or a push that may not have arrived."""
        if self._with_news_s < self.wait_s:
            self.wait_s = self._with_news_s
        if self.next_at - now > self.wait_s * self._factor:
            self._plan(min(self.next_at, now + self._jittered(self.wait_s)))

    def missed(self, now: float) -> None:
        """Note a segment that was pushed and not taken in: only a session brings it."""
        self._with_news_s = FIRST_S
        self.news(now)

    def hurry(self, now: float) -> None:
        """Note that much is new here which was not pushed: compare within seconds.

        After a session that failed this is no more than `news`.
        """
        self.news(now)
        if not self._retry_s:
            soon = now + uniform(self._rng, *HURRY_S) * self._factor
            self._plan(min(self.next_at, soon))

    def _plan(self, at: float) -> None:
        self.next_at = at
        self._alarm.set(at)

    def _jittered(self, wait_s: float) -> float:
        return wait_s * self._factor * uniform(self._rng, 1.0 - JITTER, 1.0 + JITTER)
