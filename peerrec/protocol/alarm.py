"""Remember when to look next, without looking at everything after every message.

Whoever plans something sets the alarm to it; what is put off leaves it as it is. So it may
ring early, never late, and is set anew, exactly, by whoever looks.

Example:
    >>> alarm = Alarm()
    >>> alarm.set(30.0), alarm.set(60.0), alarm.at
    (None, None, 30.0)
"""

from __future__ import annotations

import math

__all__ = ["Alarm"]


class Alarm:
    """The earliest of many times.

    Attributes:
        at: unix seconds, nothing is due before; infinity where nothing ever is.
    """

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at = math.inf

    def set(self, at: float) -> None:
        """Ring at this time too."""
        if at < self.at:
            self.at = at
