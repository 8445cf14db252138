"""End politely when told to: SIGINT and SIGTERM, once; the second time at once.

SIGHUP, where a system has it, has settings read anew.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["signals"]

ENDING: Final = (signal.SIGINT, signal.SIGTERM)

HANG_UP: Final = getattr(signal, "SIGHUP", None)
"""Means nothing to a daemon that has no terminal, and so asks it to read its settings."""


@contextmanager
def signals(stop: Callable[[], None], reload: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first signal to end, within the block; later ones end us at once.

    Args:
        stop: ends politely.
        reload: is called at each SIGHUP.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # whoever runs us in a thread ends us otherwise
        return
    loop = asyncio.get_running_loop()

    def once() -> None:
        release()
        stop()

    def release() -> None:
        for number in ENDING:
            loop.remove_signal_handler(number)

    if HANG_UP is not None:
        loop.add_signal_handler(HANG_UP, reload)
    for number in ENDING:
        loop.add_signal_handler(number, once)
    try:
        yield
    finally:
        release()
        # Not before the process ends: a late SIGHUP would kill it while it says goodbye.
