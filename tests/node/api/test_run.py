"""`peerrec run` says where the dashboard is, and finds a port for it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from daemons import refused

from peerrec.errors import ConfigError
from peerrec.protocol.invite import Address
from peerrec_node.api.options import HttpOptions, parse_http
from peerrec_node.api.server import bound, is_loopback

PATIENCE_S = 30.0


def test_the_printed_address_opens_the_dashboard_once(tmp_path):
    command = [sys.executable, "-m", "peerrec_node", "run", "--listen", "127.0.0.1:0", "--json"]
    where = ["--http", "127.0.0.1:0", "--store", str(tmp_path / "me.db")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [*command, *where], stdout=subprocess.PIPE, env=environment, text=True
    ) as daemon:
        assert daemon.stdout is not None
        url = urlsplit(json.loads(daemon.stdout.readline())["dashboard"])
        line = http.client.HTTPConnection(url.netloc, timeout=PATIENCE_S)
        body = json.dumps({"token": url.fragment.removeprefix("token=")})
        line.request("POST", "/api/v1/session", body, {"Content-Type": "application/json"})
        assert line.getresponse().status == 200
        line.close()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=PATIENCE_S) == 0


def test_the_next_free_port_will_do_unless_one_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with bound(HttpOptions(Address("127.0.0.1", port), any_port=True)) as found:
            assert found.getsockname()[1] > port
        with pytest.raises(ConfigError, match="http"):
            bound(HttpOptions(Address("127.0.0.1", port)))


def test_a_taken_port_is_told_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        line = refused(
            2, "run", "--listen", "127.0.0.1:0", "--http", where, "--store", tmp_path / "me.db"
        )
    assert where in line
    assert "choose another" in line


def test_where_to_serve_is_read():
    assert parse_http("off") is None
    assert parse_http("[::1]:0", ["a.example"]) == HttpOptions(
        Address("::1", 0), names=frozenset({"a.example"})
    )
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "x")] == [
        True,
        True,
        True,
        False,
        False,
    ]
