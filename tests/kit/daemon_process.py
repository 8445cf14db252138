"""What tests of real processes share: their environment, and patience."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 30.0

Found = TypeVar("Found")


def until(condition: Callable[[], Found], patience_s: float = PATIENCE_S) -> Found:
    """Return what a condition gives once it is true."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"it was not so within {patience_s:g} s")


def environment() -> dict[str, str]:
    """Return variables with which a process finds the packages that this one has."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
