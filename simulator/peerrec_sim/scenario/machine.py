"""Say what the machine has: cores and memory, limits of containers included.

Example:
    >>> free_memory_bytes() > 0, cores() >= 1
    (True, True)
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cores", "free_memory_bytes"]

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_memory_bytes() -> int:
    """Return how much memory can be had without swapping, in bytes."""
    return min(_machine_bytes(), _container_bytes())


def _machine_bytes() -> int:
    """Return what the kernel says is available, or all there is where it does not say."""
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        said = dict(line.split(":", 1) for line in lines if ":" in line)
        return int(said["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return int(os.sysconf("SC_PAGE_SIZE")) * int(os.sysconf("SC_PHYS_PAGES"))


def _container_bytes() -> int:
    """Return what a control group leaves, both versions; huge where there is none."""
    room = 1 << 62
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            most = int((CGROUP / limit).read_text(encoding="ascii"))
            now = int((CGROUP / used).read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        room = min(room, max(most - now, 0))
    return room
