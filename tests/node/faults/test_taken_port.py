"""The default port being taken is no reason not to begin, nor to move with every start."""

from __future__ import annotations

import contextlib
import json
import socket

from daemons import said
from real_daemon import spawned

PORT = 7700


def listens(store) -> int:
    """Start a daemon as a person does, end it, and return the port of its invites."""
    command = ("run", "--http", "127.0.0.1:0", "--network", "music", "--json", "--store", store)
    with spawned(*command) as daemon:
        assert daemon.stdout is not None
        facts = json.loads(daemon.stdout.readline())
        daemon.terminate()
        assert daemon.wait(30) == 0
    assert facts["invite"] == said("invite", "--store", store)["invite"]
    return int(facts["listens"].rpartition(":")[2])


def test_the_next_free_port_is_taken_at_the_first_run_and_kept(tmp_path):
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # or somebody else has it already
            held.enter_context(socket.create_server(("127.0.0.1", PORT)))
        first = listens(tmp_path / "me.db")
        assert PORT < first < PORT + 20
    assert listens(tmp_path / "me.db") == first
