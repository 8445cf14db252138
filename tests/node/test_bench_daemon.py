"""`peerrec bench daemon` measures what it says, with and without wrk."""

from __future__ import annotations

import json
import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from daemons import refused, run

from peerrec.errors import PeerrecError
from peerrec.store.memory import MemoryStore
from peerrec_node.benchmarks.footprint import measure_installed, measure_page
from peerrec_node.benchmarks.load import loaded, read_report
from peerrec_node.benchmarks.recommending import fill

REPORT = """Running 10s test @ http://127.0.0.1:1/
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.07ms    1.02ms  20.11ms   91.45%
    Req/Sec     3.99k   312.44     4.40k    82.00%
  Latency Distribution
     50%    1.84ms
     75%  980.00us
     90%    2.95ms
     99%    1.01s
  39710 requests in 10.01s, 88.56MB read
{extra}Requests/sec:   3967.02
Transfer/sec:      8.85MB
"""


def test_a_report_of_wrk_is_read():
    found = read_report(REPORT.format(extra=""))
    assert (found.per_s, found.n, found.n_failed) == (3967.02, 39710, 0)
    assert (found.p50_ms, found.p99_ms) == (1.84, 1010.0)


def test_failures_in_a_report_are_counted():
    extra = (
        "  Socket errors: connect 1, read 20, write 0, timeout 3\n  Non-2xx or 3xx responses: 7\n"
    )
    assert read_report(REPORT.format(extra=extra)).n_failed == 31


def test_what_is_no_report_is_refused():
    with pytest.raises(PeerrecError, match="unable to connect"):
        read_report("unable to connect to 127.0.0.1:1 Connection refused\n")


class Answering(BaseHTTPRequestHandler):
    """Answers whoever has the token."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        good = self.headers["Authorization"] == "Bearer yes" and self.path == "/x?n=1"
        self.send_response(200 if good else 403)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/x?n=1"
    server.shutdown()
    server.server_close()
    thread.join()


def test_without_wrk_threads_ask(url):
    found = loaded(url, "yes", 0.2, own=True)
    assert found.n > 8
    assert (found.tool, found.n_failed) == ("own", 0)
    assert 0 < found.p50_ms <= found.p99_ms


def test_answers_that_are_no_success_do_not_count(url):
    found = loaded(url, "no", 0.1, own=True)
    assert (found.per_s, found.n_failed == found.n > 0) == (0.0, True)
    assert math.isnan(found.p99_ms)


def test_the_same_seed_makes_the_same_graph():
    def made(seed: int):
        store = MemoryStore()
        fill(store, edges=500, rng=np.random.default_rng(seed))
        rows = store.interactions()
        return rows.author.tolist(), rows.item.tolist(), rows.time.tolist(), store.items().ids

    assert made(1) == made(1) != made(2)
    assert len(made(3)[0]) == 500


def test_the_page_and_the_installation_have_a_size():
    assert 10 < measure_page()["page_kb"] < 1_000
    sizes = measure_installed()
    assert sizes["installed_mb"] > sizes["installed_own_mb"] > 0.5
    assert measure_installed("no-such-extra")["installed_packages"] < sizes["installed_packages"]


def test_parts_can_be_chosen_and_a_table_is_shown():
    document = json.loads(run("bench", "daemon", "--only", "page", "--json").stdout)
    assert set(document) == {"page_kb", "page_files"}
    assert "the dashboard's files" in run("bench", "daemon", "--only", "page").stdout
    assert "'all' is not one of" in refused(2, "bench", "daemon", "--only", "all")


@pytest.mark.slow
def test_the_whole_benchmark_runs_in_small():
    document = json.loads(run("bench", "daemon", "--quick", "--json").stdout)
    assert document["recommend_failed"] == 0
    assert document["recommend_per_s"] > 0
    assert document["cold_start_s"] > 0
    assert document["import_rss_mb"] > document["import_library_rss_mb"]
    assert document["idle_links"] == 1
