"""Measure how soon a daemon answers, and how much room it takes.

Example:
    >>> sizes = measure_installed()
    >>> 1.0 < sizes["installed_own_mb"] < sizes["installed_mb"]
    True
"""

from __future__ import annotations

import contextlib
import http.client
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from peerrec.errors import PeerrecError
from peerrec_node.api.static import pages
from peerrec_node.benchmarks.processes import (
    READY_S,
    command_of,
    cpu_s,
    end,
    environment,
    free_port,
)

__all__ = ["measure_cold_start", "measure_imports", "measure_installed", "measure_page"]

MIB: Final = float(1 << 20)
POLL_S: Final = 0.002

OWN_PACKAGES: Final = ("peerrec", "peerrec_node", "peerrec_sim")

IMPORTED: Final = """
import sys
from pathlib import Path
def rss():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))
bare = rss()
import peerrec
library = rss()
import peerrec_node.commands.running, peerrec_node.daemon, peerrec_node.api.server
print(bare, library, rss())
"""


def measure_cold_start(runs: int = 5) -> dict[str, float]:
    """Return how long ``peerrec run`` takes to its first answer over HTTP, seconds.

    Each run is a process of its own on a store that is not there yet: key, store and ports
    are made within the time.

    Returns:
        ``cold_start_s``: the median; ``cold_start_worst_s``: of these runs;
        ``cold_start_cpu_s``: processor time until then, the median, which says more where
        the machine is busy with something else.
    """
    with tempfile.TemporaryDirectory() as name:
        taken = [cold_start(Path(name) / f"{run}.db") for run in range(runs)]
    seconds, cpu = zip(*taken, strict=True)
    return {
        "cold_start_s": statistics.median(seconds),
        "cold_start_worst_s": max(seconds),
        "cold_start_cpu_s": statistics.median(cpu),
    }


def cold_start(store: Path) -> tuple[float, float]:
    """Return the seconds from starting a process to its first answer, and its own of them."""
    port = free_port()
    command = command_of(
        "run", "--store", str(store), "--listen", "127.0.0.1:0", "--http", f"127.0.0.1:{port}"
    )
    begun = time.perf_counter()
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=silent, stderr=silent, env=environment())
    try:
        while not answers(port):
            if process.poll() is not None or time.perf_counter() - begun > READY_S:
                raise PeerrecError(f"a daemon did not answer: {' '.join(command)}")
            time.sleep(POLL_S)
        return time.perf_counter() - begun, cpu_s(process.pid)
    finally:
        end(process)


def answers(port: int) -> bool:
    """Return whether the daemon at a port says that it is ready."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_S)
    with contextlib.closing(line), contextlib.suppress(OSError):
        line.request("GET", "/health/ready")
        return line.getresponse().status == http.client.OK
    return False


def measure_imports() -> dict[str, float]:
    """Return resident memory with everything imported that a daemon needs, MiB.

    Returns:
        ``import_rss_mb``: of that process; ``import_library_rss_mb``: of one that imports
        ``peerrec`` alone; ``import_bare_rss_mb``: of a bare interpreter.
    """
    command = [sys.executable, "-c", IMPORTED]
    done = subprocess.run(command, capture_output=True, check=True, env=environment())
    bare, library, whole = map(float, done.stdout.split())
    return {
        "import_rss_mb": whole,
        "import_library_rss_mb": library,
        "import_bare_rss_mb": bare,
    }


def measure_page() -> dict[str, float]:
    """Return ``page_kb``: what a browser loads for the dashboard, KiB, compressed or not."""
    bodies = {page.tag: len(page.body) for page in pages()}
    return {"page_kb": sum(bodies.values()) / 1024, "page_files": len(bodies)}


def measure_installed(extra: str = "node") -> dict[str, float]:
    """Return what an installation takes on disk, without compiled Python, MiB.

    Args:
        extra: of ``peerrec``.

    Returns:
        ``installed_mb``: with everything it needs; ``installed_own_mb``: its own files.
    """
    own = sum(map(package_bytes, OWN_PACKAGES))
    found = dict(needed("peerrec", frozenset({extra})))
    found.pop("peerrec", None)
    others = sum(map(distribution_bytes, found.values()))
    return {
        "installed_mb": (own + others) / MIB,
        "installed_own_mb": own / MIB,
        "installed_packages": len(found),
    }


def needed(
    name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]] | None = None
) -> Iterator[tuple[str, Distribution]]:
    """Yield an installed distribution and those that it needs, by name; some twice."""
    seen = set() if seen is None else seen
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return  # what another system or version of Python needs is not installed here
    yield name, found
    for requirement in found.requires or ():
        wanted = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", requirement)
        if wanted is not None and wanted[1] not in extras:
            continue
        parts = re.match(r"\s*([\w.-]+)\s*(?:\[([^\]]*)\])?", requirement)
        assert parts is not None
        more = frozenset(each.strip() for each in (parts[2] or "").split(",") if each.strip())
        yield from needed(re.sub(r"[-_.]+", "-", parts[1]).lower(), more, seen)


def distribution_bytes(found: Distribution) -> int:
    """Return the size of a distribution's files."""
    paths = (Path(str(found.locate_file(each))) for each in found.files or ())
    return sum(size(path) for path in paths)


def package_bytes(package: str) -> int:
    """Return the size of a package's files, wherever it was imported from."""
    spec = find_spec(package)
    folders = [] if spec is None else spec.submodule_search_locations or []
    return sum(size(path) for folder in folders for path in Path(folder).rglob("*"))


def size(path: Path) -> int:
    """Return a file's size; 0 for what is no file, or made when first imported."""
    return path.stat().st_size if path.suffix != ".pyc" and path.is_file() else 0
