"""Look at the network, the daemon and the clock."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final
from urllib.parse import urlsplit

from peerrec.errors import ConfigError, PeerrecError
from peerrec.protocol.invite import Address, parse_address
from peerrec_node.diagnosis.findings import Finding, Level
from peerrec_node.diagnosis.patient import Patient
from peerrec_node.exit_codes import EXIT_REFUSED

__all__ = ["clock_findings", "daemon_findings", "link_findings", "port_findings"]

CONNECT_S: Final = 3.0
SLOW_S: Final = 5.0
NEW_S: Final = 600.0
"""How long a daemon may be without a link before that is told."""

EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Hosts that one listens at, and where one connects to them from here."""

RELEASED: Final = 1_763_856_000.0
"""When this was written, 2025-11-23: a clock that shows less is wrong."""

AHEAD_S: Final = 120.0


# -- the daemon -----------------------------------------------------------------------------


def daemon_findings(patient: Patient) -> Iterator[Finding]:
    """Yield whether a daemon runs on the store, and answers."""
    left = patient.store.with_name(patient.store.name + ".sock")
    if patient.silence:
        yield Finding("daemon", Level.ERROR, f"{patient.silence}; start it anew if that stays so")
    elif patient.status is None:
        text = "none runs on this store; `peerrec run` starts one"
        if left.exists():
            text += f"; {left.name} is left of one that was killed, and goes then"
        yield Finding("daemon", Level.NOTE, text)
    else:
        up = f"it answers after {patient.answered_s:.2f} s, and is up for "
        text = up + f"{patient.status['uptime_s'] / 3_600:,.1f} h"
        slow = "; it is busy, see `peerrec status --log 20`"
        busy = patient.answered_s > SLOW_S
        yield Finding("daemon", Level.WARNING if busy else Level.OK, text + slow * busy)


def link_findings(patient: Patient) -> Iterator[Finding]:
    """Yield whether there are links, and agreement over them."""
    if patient.status is None:
        return
    n, young = len(patient.links), patient.status["uptime_s"] < NEW_S
    if not n:
        text = "none; give `peerrec run --peer` an invite, or `peerrec invite` to somebody"
        yield Finding("links", Level.NOTE if young else Level.WARNING, text)
        return
    dialled = sum(link["dialled"] for link in patient.links)
    yield Finding("links", Level.OK, f"{n}, of which this node dialled {dialled}")
    synced = [link["last_sync"] for link in patient.links if link["last_sync"] is not None]
    agreed = sum(each["converged"] for each in synced)
    text = f"{agreed} of {n} links are in step, {n - len(synced)} have not synced yet"
    stuck = not agreed and not young
    hint = "; see `peerrec peers` and `peerrec status --log 20`"
    yield Finding("sync", Level.WARNING if stuck else Level.OK, text + hint * stuck)


# -- ports ----------------------------------------------------------------------------------


def port_findings(patient: Patient) -> Iterator[Finding]:
    """Yield whether ports are free or, where the daemon listens, answer."""
    if patient.status is not None:
        yield from answering(patient, patient.status)
        return
    if patient.loaded is None:
        return
    yield port_finding("peers", patient.value("node.listen"), "--listen", must=True)
    where = patient.value("http.listen")
    if where != "off":
        must = patient.is_set("http.listen")
        yield port_finding("dashboard", where, "--http", must=must)


def port_finding(who: str, where: str, option: str, *, must: bool) -> Finding:
    """Return whether an address can be listened at.

    Args:
        who: it is for.
        where: HOST:PORT.
        option: with which another is named.
        must: whether no other will do.
    """
    from peerrec_node.identity import parse_listen
    from peerrec_node.listener import listening

    try:
        listening(parse_listen(where)).close()
    except ConfigError as error:
        text = f"{where}, for {who}: {error.allowed}"
        if must:
            return Finding("port", Level.ERROR, f"{text}; {option} names another", EXIT_REFUSED)
        return Finding(
            "port", Level.NOTE, f"{where}, for {who}, is taken; the next free one will do"
        )
    except PeerrecError as error:
        return Finding("port", Level.ERROR, str(error), EXIT_REFUSED)
    return Finding("port", Level.OK, f"{where}, for {who}, is free")


def answering(patient: Patient, status: dict[str, Any]) -> Iterator[Finding]:
    """Yield whether a daemon answers where it says that it listens."""
    listening = parse_address(status["listening"])
    at = EVERYWHERE.get(listening.host, listening.host)
    if connects(at, listening.port):
        yield Finding("port", Level.OK, f"{listening.text()}, for peers, answers")
    else:
        text = f"{listening.text()}, for peers, does not answer; is a firewall before it?"
        yield Finding("port", Level.ERROR, text)
    if status.get("dashboard"):
        yield dashboard_finding(status["dashboard"])
    yield from public_findings(status, listening)


def dashboard_finding(url: str) -> Finding:
    """Return whether the HTTP API answers."""
    parts = urlsplit(url)
    host = EVERYWHERE.get(parts.hostname or "", parts.hostname or "")
    line = http.client.HTTPConnection(host, parts.port, timeout=CONNECT_S)
    try:
        with closing(line):
            line.request("GET", "/health/ready")
            answered = line.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        text = f"{url} does not answer ({error}); see `peerrec status --log 20`"
        return Finding("port", Level.ERROR, text)
    if answered != http.client.OK:
        return Finding("port", Level.WARNING, f"{url} answers that it is not ready ({answered})")
    return Finding("port", Level.OK, f"{url} answers")


def public_findings(status: dict[str, Any], listening: Address) -> Iterator[Finding]:
    """Yield what is known of the address that others are told."""
    told = status.get("address")
    if told is None:
        text = "nobody is told one: this node dials, but is not dialled; see `run --public`"
        yield Finding("address", Level.NOTE, text)
        return
    address = parse_address(told)
    if (address.host, address.port) == (listening.host, listening.port):
        return
    if connects(address.host, address.port):
        yield Finding("address", Level.OK, f"{told}, as others are told, answers")
    else:
        text = (
            f"{told}, as others are told, does not answer from here; if it does not from outside "
            "either, let the router pass its port on, or set node.public"
        )
        yield Finding("address", Level.WARNING, text)


def connects(host: str, port: int) -> bool:
    """Return whether somebody listens at an address."""
    try:
        socket.create_connection((host, port), timeout=CONNECT_S).close()
    except OSError:
        return False
    return True


# -- the clock ------------------------------------------------------------------------------


def clock_findings(patient: Patient) -> Iterator[Finding]:
    """Yield whether the clock can be right: what is signed carries its time."""
    if patient.now < RELEASED:
        text = "it shows a time before this program was made; set it, or let NTP do so"
        yield Finding("clock", Level.ERROR, text)
        return
    ahead = patient.store.stat().st_mtime - patient.now if patient.store.exists() else 0.0
    if ahead > AHEAD_S:
        text = (
            f"the store was written {ahead / 3_600:,.1f} h from now: the clock was ahead, or is "
            "behind; compare it with another one"
        )
        yield Finding("clock", Level.WARNING, text)
    else:
        yield Finding("clock", Level.OK, "its time is possible")
