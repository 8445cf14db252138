"""What tests of running daemons share: one in a thread, and commands as a person types them."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from peerrec.peering.settings import NodeSettings
from peerrec.protocol.invite import Address
from peerrec_node.cli import peerrec
from peerrec_node.commands.common import opened
from peerrec_node.daemon import Daemon, DaemonOptions
from peerrec_node.identity import Remembered, load_signer

PATIENCE_S = 30.0


def run(*args: object):
    """Run a command as a person types it."""
    return CliRunner().invoke(peerrec, [str(arg) for arg in args])


def said(*args: object) -> dict[str, Any]:
    """Return the JSON document of a command that succeeds."""
    result = run(*args, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(code: int, *args: object) -> str:
    """Return the one line in which a command fails."""
    result = run(*args)
    assert result.exit_code == code, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


class Running:
    """A daemon in a thread of its own."""

    def __init__(self, daemon: Daemon, loop: asyncio.AbstractEventLoop) -> None:
        self.daemon, self.loop = daemon, loop

    @property
    def invite(self) -> str:
        assert self.daemon.invite is not None
        return self.daemon.invite.text()

    def until(self, condition: Callable[[Daemon], bool]) -> None:
        """Wait until something is so."""
        waiting = self.daemon.driver.until(lambda: condition(self.daemon))
        asyncio.run_coroutine_threadsafe(waiting, self.loop).result(PATIENCE_S)

    def do(self, what: Callable[[Daemon], Any]) -> Any:
        """Do something on the daemon's own thread and return what comes of it."""

        async def done() -> Any:
            return what(self.daemon)

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(PATIENCE_S)


@contextmanager
def running(store: Path, *, network: str = "music", **options: Any) -> Iterator[Running]:
    """Run a daemon on a store until the block ends."""
    started: queue.Queue[Running | BaseException] = queue.Queue()
    settings = NodeSettings(batch_delay_s=0.0)

    def work() -> None:
        try:
            with opened(store, make=True, alone=True) as here:
                asyncio.run(serve(here))
        except BaseException as error:
            started.put(error)

    async def serve(here) -> None:
        name = Remembered(here.store).choose_network(network)
        given = {"network": name, "listen": Address("127.0.0.1", 0), "settings": settings}
        daemon = Daemon(here, load_signer(here.path), DaemonOptions(**{**given, **options}))
        loop = asyncio.get_running_loop()
        await daemon.run(lambda daemon: started.put(Running(daemon, loop)))

    thread = threading.Thread(target=work)
    thread.start()
    found = started.get(timeout=PATIENCE_S)
    if isinstance(found, BaseException):
        thread.join()
        raise found
    try:
        yield found
    finally:
        found.loop.call_soon_threadsafe(found.daemon.stop)
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
