"""Measure what embedding the recommender costs an app: imports, opening, recording.

Whatever a fresh process is needed for runs in one: imports, and opening a store of a
million interactions for a first list, with that process's peak of memory.

Example:
    >>> sorted(import_ratios(repeats=1))
    ['import_over_numpy', 'import_package_over_numpy']
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import msgspec
import numpy as np

from peerrec.facade.engine import Engine
from peerrec.facade.lists import listed
from peerrec.facade.options import Options
from peerrec.facade.sight import EGO
from peerrec.limits import DAY_S
from peerrec.ranking.rank import Ranking, walk_of
from peerrec.recommender import Recommender
from peerrec.store import Interaction, TrustEdge
from peerrec.store.sqlite import SqliteStore
from peerrec_sim.benchmarks.store import (
    BATCH,
    INTERACTIONS,
    ITEMS,
    RECORDS,
    ROUNDS,
    START_S,
    TRUST_EDGES,
    random_plays,
    recorded,
)
from peerrec_sim.serving import Progress

__all__ = ["measure_embed"]

OWN_ITEMS = 300
FRIENDS = 30
LENGTH = 10
LIVE_ROUNDS = 200
"""Records, each followed by a list; p95 is then the tenth from above."""

NOW_S = START_S + 90 * DAY_S
IMPORT = """
import time
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""

OPEN = """
import json, sys, time
from peerrec import Options, Recommender
start = time.perf_counter()
options = Options(tune=False)
me = Recommender.open(sys.argv[1], clock=lambda: float(sys.argv[2]), options=options)
opened = time.perf_counter()
found = me.recommend(n=10)
end = time.perf_counter()
with open("/proc/self/status") as status:
    peak = next(line for line in status if line.startswith("VmHWM"))
print(json.dumps({
    "open_first_s": end - start,
    "open_only_s": opened - start,
    "peak_rss_mb": int(peak.split()[1]) / 1024,
    "n": len(found),
}))
"""


def measure_embed(seed: int, repeats: int, progress: Progress | None = None) -> dict[str, float]:
    """Return what an app pays; the store is that of `measure_store`, plus a user.

    The user has 300 items and trusts 30 of the 20,000 authors, who state 100,000 edges.
    Needs Linux (``/proc``) for the peak of memory.

    Returns:
        ``import_over_numpy``: ``from peerrec import Recommender`` ÷ ``import numpy``, each
        in fresh processes by turns, medians; ``import_package_over_numpy``: the same for
        ``import peerrec``;
        ``open_first_s``: in a fresh process, from a path to the first list of ten, scipy's
        import included; ``open_rebuilt_s``: the same without the graph file;
        ``peak_rss_mb``: that process's peak, MiB; ``peak_rebuilt_mb``;
        ``live_over_exact``: record and list ÷ walking and listing alone on an unchanged
        graph, by turns, p95 ÷ p95, so that a busy machine slows down both;
        ``live_median_over_exact``, the same of medians; ``live_ms``, ``exact_ms``, medians;
        ``bytes_per_interaction``: store and graph file ÷ interactions, without trust;
        ``store_bytes_per_interaction``: the store alone;
        ``record_over_sqlite``: see `measure_store`.
    """
    rng = np.random.default_rng(seed)
    say = progress or (lambda stage, done, total: None)
    say("imports", 0, 5)
    numbers = import_ratios(max(5, repeats))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "me.db"
        say("filling a store of a million interactions", 1, 5)
        plays = random_plays(INTERACTIONS, rng)
        numbers |= filled(path, plays, rng)
        say("opening it in fresh processes", 2, 5)
        numbers |= opened(path, repeats)
        say("recording and listing by turns", 3, 5)
        numbers |= lived(path, rng)
        say("recording alone", 4, 5)
        part = recorded(folder, path, plays[:: len(plays) // (ROUNDS * RECORDS)])
        numbers |= {key: part[key] for key in ("record_over_sqlite", "record_us")}
    return numbers


def import_ratios(repeats: int) -> dict[str, float]:
    """Return the median cost of our imports in units of numpy's."""
    statements = ("import numpy", "import peerrec", "from peerrec import Recommender")
    seconds = [
        [float(in_fresh_process(IMPORT.format(statement=each))) for each in statements]
        for _ in range(repeats)
    ]
    numpy_s, package_s, facade_s = (median(column) for column in zip(*seconds, strict=True))
    return {
        "import_over_numpy": facade_s / numpy_s,
        "import_package_over_numpy": package_s / numpy_s,
    }


def in_fresh_process(code: str, *arguments: str) -> str:
    """Return what a new interpreter prints."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def filled(path: Path, plays: list[Interaction], rng: np.random.Generator) -> dict[str, float]:
    """Fill a store as an app would; return its bytes for each interaction."""
    own = rng.choice(ITEMS // 10, OWN_ITEMS, replace=False).tolist()
    with Recommender.open(path, clock=lambda: NOW_S, options=Options(tune=False)) as me:
        for at in range(0, len(plays), BATCH):
            me.record_many(plays[at : at + BATCH])
        me.record_many([(title(item), 1.0, NOW_S - 60.0 * item) for item in own])
    store_bytes = path.stat().st_size
    graph_bytes = path.with_name(path.name + ".graph").stat().st_size
    with Recommender.open(path, clock=lambda: NOW_S, options=Options(tune=False)) as me:
        authors = sorted({play.author for play in plays})
        n = len(authors)
        pairs = ((k % n, (k + 1 + 7 * (k // n)) % n) for k in range(TRUST_EDGES))
        me.trust_many(TrustEdge(authors[a], authors[b], 1.0, NOW_S) for a, b in pairs)
        friends = rng.choice(n, FRIENDS, replace=False).tolist()
        me.trust_many(TrustEdge("me", authors[friend], 1.0, NOW_S) for friend in friends)
    n_interactions = len(plays) + OWN_ITEMS
    return {
        "bytes_per_interaction": (store_bytes + graph_bytes) / n_interactions,
        "store_bytes_per_interaction": store_bytes / n_interactions,
    }


def title(item: int) -> str:
    """Return the raw id that `random_plays` gives an item."""
    return f"track:artist-{item % 3_000}/title-{item}"


def opened(path: Path, repeats: int) -> dict[str, float]:
    """Return the median cost of opening and a first list, with and without the graph file."""
    graph = path.with_name(path.name + ".graph")
    whole, rebuilt = [], []
    for _ in range(repeats):
        whole.append(msgspec.json.decode(in_fresh_process(OPEN, str(path), str(NOW_S))))
        kept = graph.read_bytes()
        graph.unlink()
        rebuilt.append(msgspec.json.decode(in_fresh_process(OPEN, str(path), str(NOW_S))))
        graph.write_bytes(kept)
    if any(run["n"] != LENGTH for run in whole + rebuilt):
        raise RuntimeError("a list of the benchmark is too short: its graph is not what it was")
    return {
        "open_first_s": median(run["open_first_s"] for run in whole),
        "open_only_s": median(run["open_only_s"] for run in whole),
        "peak_rss_mb": max(run["peak_rss_mb"] for run in whole),
        "open_rebuilt_s": median(run["open_first_s"] for run in rebuilt),
        "peak_rebuilt_mb": max(run["peak_rss_mb"] for run in rebuilt),
    }


def lived(path: Path, rng: np.random.Generator) -> dict[str, float]:
    """Return what record-and-list costs in units of a list on an unchanged graph."""
    engine = Engine(SqliteStore(path), "me", Options(tune=False), NOW_S)
    items = rng.permutation(ITEMS)[: LIVE_ROUNDS + 1].tolist()
    list_now = partial(listed, engine.sight, NOW_S, LENGTH)
    live, exact = [], []
    for item in items:
        start = perf_counter()
        engine.store.record(Interaction("me", title(item), 1.0, NOW_S), now=NOW_S)
        engine.recorded(1, NOW_S)
        list_now()
        middle = perf_counter()
        exact_list(engine)
        live.append(middle - start)
        exact.append(perf_counter() - middle)
    engine.close()
    # The first round has the caches of an opening to fill.
    late, alone = (float(np.quantile(part[1:], 0.95)) for part in (live, exact))
    live_s, exact_s = median(live[1:]), median(exact[1:])
    return {
        "live_over_exact": late / alone,
        "live_median_over_exact": live_s / exact_s,
        "live_ms": live_s * 1e3,
        "exact_ms": exact_s * 1e3,
    }


def exact_list(engine: Engine) -> None:
    """Walk and list once more on the graph as it is, by the ranking's own functions."""
    sight = engine.sight
    view = sight.view(NOW_S)
    hearing, rng = sight.hearing(view), np.random.default_rng(0)
    walk = walk_of(view, EGO, hearing.gate, rng, sight.settings.walk)
    Ranking(view, sight.me, walk, hearing.merit, ()).recommend(LENGTH)
