r"""Write what Prometheus reads: every metric is in one table, and the documentation is, too.

Example:
    >>> sample("peerrec_links", {"direction": 'in"'}, 2.0)
    'peerrec_links{direction="in\\""} 2'
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from aiohttp import web

from peerrec import __version__
from peerrec_node.api.auth import Scope
from peerrec_node.api.context import Api
from peerrec_node.api.network import traffic_of
from peerrec_node.api.routes import Call, Nothing, Route
from peerrec_node.api.schemas import Status
from peerrec_node.api.stand import status_of

__all__ = ["METRICS", "ROUTES", "Metric", "written"]

MEDIA: Final = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[dict[str, str], float]


class Metric(NamedTuple):
    """One metric.

    Attributes:
        name: ends in ``_total`` where it only grows.
        kind: ``gauge`` or ``counter``.
        help: what it tells.
        labels: names of its labels.
        read: yields labels and values.
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[Api, Status], Iterable[Sample]]


def plain(read: Callable[[Api, Status], float]) -> Callable[[Api, Status], Iterable[Sample]]:
    """Return what reads a metric without labels."""
    return lambda api, status: [({}, read(api, status))]


def directions(api: Api, status: Status) -> Iterator[Sample]:
    """Yield links by who dialled."""
    links = api.daemon.status().links
    n_out = sum(link.dialled for link in links)
    yield {"direction": "in"}, len(links) - n_out
    yield {"direction": "out"}, n_out


def link_bytes(api: Api, status: Status) -> Iterator[Sample]:
    """Yield bytes by type and direction."""
    for each in traffic_of(api).types:
        yield {"type": each.type, "direction": "in"}, each.bytes_in
        yield {"type": each.type, "direction": "out"}, each.bytes_out


def link_messages(api: Api, status: Status) -> Iterator[Sample]:
    """Yield messages by type and direction."""
    for each in traffic_of(api).types:
        yield {"type": each.type, "direction": "in"}, each.messages_in
        yield {"type": each.type, "direction": "out"}, each.messages_out


def node_events(api: Api, status: Status) -> Iterator[Sample]:
    """Yield what the node ignored, refused and dropped."""
    for event, count in api.daemon.status().counters.items():
        yield {"event": event}, count


def driver_events(api: Api, status: Status) -> Iterator[Sample]:
    """Yield what went wrong with sockets."""
    for event, count in sorted(api.daemon.driver.counts.items()):
        yield {"event": event}, count


def http_requests(api: Api, status: Status) -> Iterator[Sample]:
    """Yield answered requests."""
    for (method, route, code), count in sorted(api.tally.requests().items()):
        yield {"method": method, "route": route, "status": str(code)}, count


def http_seconds(api: Api, status: Status) -> Iterator[Sample]:
    """Yield the time that requests took."""
    for (method, route), seconds in sorted(api.tally.seconds().items()):
        yield {"method": method, "route": route}, seconds


def resident_bytes() -> float:
    """Return the memory of this process, its greatest so far where only that is known."""
    try:
        with open("/proc/self/statm", encoding="ascii") as stream:
            return float(int(stream.read().split()[1]) * resource.getpagesize())
    except OSError:  # pragma: no cover - not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


GAUGE, COUNTER = "gauge", "counter"

METRICS: Final[tuple[Metric, ...]] = (
    Metric("peerrec_info", GAUGE, "Version of the program; always 1.", ("version",),
           lambda api, status: [({"version": __version__}, 1.0)]),
    Metric("peerrec_uptime_seconds", GAUGE, "Seconds since the daemon began.", (),
           plain(lambda api, status: status.uptime_s)),
    Metric("peerrec_links", GAUGE, "Present links, by who dialled.", ("direction",), directions),
    Metric("peerrec_known_addresses", GAUGE, "Peers in the address book.", (),
           plain(lambda api, status: status.known_addresses)),
    Metric("peerrec_followed_authors", GAUGE, "Authors replicated for their merit.", (),
           plain(lambda api, status: status.followed)),
    Metric("peerrec_stranger_authors", GAUGE, "Authors replicated for exploration.", (),
           plain(lambda api, status: status.strangers)),
    Metric("peerrec_logs", GAUGE, "Logs that are held.", (),
           plain(lambda api, status: status.logs)),
    Metric("peerrec_segments", GAUGE, "Segments that are held.", (),
           plain(lambda api, status: status.segments)),
    Metric("peerrec_segment_bytes", GAUGE, "Bytes of those segments.", (),
           plain(lambda api, status: status.segment_bytes)),
    Metric("peerrec_forked_logs", GAUGE, "Logs that are known to have forked.", (),
           plain(lambda api, status: status.forks)),
    Metric("peerrec_interactions", GAUGE, "Interactions in the store, of everybody.", (),
           plain(lambda api, status: status.interactions)),
    Metric("peerrec_items", GAUGE, "Items in the store.", (),
           plain(lambda api, status: status.items)),
    Metric("peerrec_store_bytes", GAUGE, "Bytes of the store and its log.", (),
           plain(lambda api, status: status.store_bytes)),
    Metric("peerrec_node_events_total", COUNTER,
           "What the node ignored, refused and dropped, and how links ended.", ("event",),
           node_events),
    Metric("peerrec_driver_events_total", COUNTER,
           "Dials and links that came to nothing; `bug` counts errors of the program.",
           ("event",), driver_events),
    Metric("peerrec_link_bytes_total", COUNTER, "Bytes of messages, before encryption.",
           ("type", "direction"), link_bytes),
    Metric("peerrec_link_messages_total", COUNTER, "Messages over links.",
           ("type", "direction"), link_messages),
    Metric("peerrec_http_requests_total", COUNTER, "Answered requests.",
           ("method", "route", "status"), http_requests),
    Metric("peerrec_http_request_seconds_total", COUNTER, "Seconds spent on them, streams apart.",
           ("method", "route"), http_seconds),
    Metric("peerrec_http_refused_total", COUNTER,
           "Requests that found the node busy for too long, or too many before them.", (),
           plain(lambda api, status: api.calls.refused)),
    Metric("peerrec_event_streams", GAUGE, "Open streams of events.", (),
           plain(lambda api, status: len(api.events))),
    Metric("peerrec_rankings_total", COUNTER, "Lists, explanations and maps that were computed.",
           (), plain(lambda api, status: api.lists.computed)),
    Metric("peerrec_ranking_seconds_total", COUNTER, "Seconds spent on computing them.", (),
           plain(lambda api, status: api.lists.compute_s)),
    Metric("peerrec_ranking_cache_hits_total", COUNTER, "Lists answered from memory.", (),
           plain(lambda api, status: api.lists.hits)),
    Metric("process_resident_memory_bytes", GAUGE, "Memory of the process.", (),
           plain(lambda api, status: resident_bytes())),
    Metric("process_cpu_seconds_total", COUNTER, "Processor time of the process.", (),
           plain(lambda api, status: time.process_time())),
)  # fmt: skip
"""Every metric; the documentation has the same table, and a test compares them."""


def sample(name: str, labels: dict[str, str], value: float) -> str:
    """Return one line of the text format."""
    said = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
    number = int(value) if float(value).is_integer() else value
    return f"{name}{{{said}}} {number}" if said else f"{name} {number}"


def escaped(text: str) -> str:
    """Return a label's value as the text format wants it."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def written(api: Api) -> Iterator[str]:
    """Yield the lines of all metrics."""
    status = status_of(api)
    for metric in METRICS:
        yield f"# HELP {metric.name} {metric.help}"
        yield f"# TYPE {metric.name} {metric.kind}"
        for labels, value in metric.read(api, status):
            yield sample(metric.name, labels, value)


async def metrics(api: Api, call: Call[Nothing, Nothing]) -> web.Response:
    """Answer all metrics."""
    text = "\n".join(written(api)) + "\n"
    return web.Response(body=text.encode(), headers={"Content-Type": MEDIA})


ROUTES: Final = (
    Route(
        method="GET",
        path="/metrics",
        handler=metrics,
        summary="Metrics in the text format of Prometheus; on the loopback no token is needed.",
        scope=Scope.READ,
        media="text/plain",
        local=True,
        problems=("busy", "not-ready", "store"),
    ),
)
