"""A clock that jumps, a day asleep, a network that goes: links come back and nothing is lost."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from real_daemon import HOUR_S, RealDaemon, until

DAY_S = 24 * HOUR_S
ASLEEP_S = 61.0
"""More than a link's answer may take: who slept finds out at once that nobody answered."""


class Relay:
    """A relay of TCP that can lose its network.

    Args:
        port: where it leads.

    Attributes:
        port: where it listens.
    """

    def __init__(self, port: int) -> None:
        self._onward = port
        self._line = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._line.getsockname()[1])
        self._open: list[socket.socket] = []
        self._through = threading.Event()
        self._through.set()
        self._ending = False
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            here, _ = self._line.accept()
            if self._ending:
                here.close()
                return
            if not self._through.is_set():
                here.close()
                continue
            try:
                there = socket.create_connection(("127.0.0.1", self._onward), timeout=5)
            except OSError:
                here.close()
                continue
            self._open += [here, there]
            for source, target in ((here, there), (there, here)):
                threading.Thread(target=self._pipe, args=(source, target), daemon=True).start()

    def _pipe(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                self._through.wait()
                target.sendall(data)
        except OSError:
            pass
        for each in (source, target):
            each.close()

    def lose(self) -> None:
        """Let nothing through, and nobody in; those that are open stay open."""
        self._through.clear()

    def cut(self) -> None:
        """End what is open."""
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def restore(self) -> None:
        self._through.set()

    def end(self) -> None:
        self._ending = True
        self.restore()
        self.cut()
        with socket.create_connection(("127.0.0.1", self.port), timeout=5):
            self._thread.join(10)
        self._line.close()


@contextmanager
def relay(daemon: RealDaemon) -> Iterator[Relay]:
    made = Relay(int(daemon.facts["listens"].rpartition(":")[2]))
    try:
        yield made
    finally:
        made.end()


def through(daemon: RealDaemon, relay: Relay) -> str:
    """Return an invite that leads through a relay."""
    return daemon.invite.replace(daemon.facts["listens"], f"127.0.0.1:{relay.port}")


def nudged(daemon: RealDaemon) -> None:
    """Have a daemon look at its clock: it does so at each command, or each half minute."""
    daemon.said("peers")
    daemon.said("record", "private:nudge")


def have_each_others(one: RealDaemon, other: RealDaemon, n: int) -> None:
    """Play on both sides, and wait until both have both."""
    for each in (one, other):
        each.play(f"track:{each.peer[:6]}:{n}")
    for each, whose in ((one, other), (other, one)):
        until(lambda each=each, whose=whose: knows(each, whose, n), 60.0)


def knows(each: RealDaemon, whose: RealDaemon, n: int) -> bool:
    code, found = each.asked("GET", f"/api/v1/explain?item=track:{whose.peer[:6]}:{n}")
    assert code in (200, 404), found
    return code == 200


def check(*daemons: RealDaemon) -> None:
    """Check that no log forked, and end them."""
    for each in daemons:
        assert each.status()["forks"] == 0
        assert each.said("log", "verify")["broken"] == 0
    for each in daemons:
        assert each.stop() == 0
        assert not each.log.read_text().count("bug")


def test_a_clock_that_was_an_hour_ahead_and_is_set_back_stops_nothing(daemons):
    clock = daemons.clock()
    other = daemons.start("other.db")
    one = daemons.start("one.db", "--peer", other.invite, clock=clock)
    have_each_others(one, other, 0)
    clock.set(HOUR_S)
    one.play("track:from-the-future")  # taken by others when its time has come
    clock.set(0.0)
    nudged(one)
    until(one.is_linked)
    have_each_others(one, other, 1)
    clock.set(-HOUR_S)
    nudged(one)
    until(one.is_linked)
    clock.set(0.0)
    nudged(one)
    have_each_others(one, other, 2)
    check(one, other)


def test_a_day_asleep_and_a_network_that_was_gone_are_made_good(daemons):
    clock = daemons.clock()
    other = daemons.start("other.db")
    with relay(other) as line:
        one = daemons.start(
            "one.db", "--peer", through(other, line), "--public", "127.0.0.1:9", clock=clock
        )
        have_each_others(one, other, 0)

        line.lose()  # what is sent now is neither delivered nor refused
        one.play("track:while-the-network-was-gone")
        line.cut()
        until(lambda: not one.is_linked())
        line.restore()
        until(one.is_linked, 60.0)
        have_each_others(one, other, 1)
        assert other.asked("GET", "/api/v1/explain?item=track:while-the-network-was-gone")[0] == 200

        one.process.send_signal(signal.SIGSTOP)
        other.play("track:meanwhile")
        line.cut()  # no router remembers a connection for a day
        clock.set(DAY_S)
        one.process.send_signal(signal.SIGCONT)
        assert one.status()["interactions"] > 0
        clock.set(0.0)  # the others are still at yesterday
        nudged(one)
        until(one.is_linked, 60.0)
        have_each_others(one, other, 2)
        check(one, other)


@pytest.mark.slow
def test_a_machine_that_slept_a_day_finds_dead_links_out_and_goes_on(daemons):
    """Both clocks go on: they were a day apart from nobody but their links."""
    clocks = [daemons.clock("one-clock"), daemons.clock("other-clock")]
    other = daemons.start("other.db", clock=clocks[1])
    with relay(other) as line:
        one = daemons.start(
            "one.db", "--peer", through(other, line), "--public", "127.0.0.1:9", clock=clocks[0]
        )
        have_each_others(one, other, 0)
        one.process.send_signal(signal.SIGSTOP)
        line.lose()
        for clock in clocks:
            clock.set(DAY_S)
        other.play("track:meanwhile")
        one.process.send_signal(signal.SIGCONT)
        nudged(one)  # it pings, and nobody answers
        line.cut()
        line.restore()
        for clock in clocks:
            clock.set(DAY_S + ASLEEP_S)
        nudged(one)
        until(lambda: one.is_linked() and knows(one, other, 0), 60.0)
        have_each_others(one, other, 1)
        check(one, other)
