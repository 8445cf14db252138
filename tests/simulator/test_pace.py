"""Progress of long work tells its rate and the time left, from the recent past."""

from __future__ import annotations

import io

from peerrec_sim.pace import LINE_EVERY_S, Pace, duration, paced


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_time_left_follows_the_recent_rate():
    pace = Pace(0.0, 0)
    for second in range(1, 101):
        pace.report(float(second), second)
    for second in range(101, 201):
        pace.report(float(second), 100 + 10 * (second - 100))
    assert pace.rate == 10.0
    assert pace.text(1_100, 2_000) == "10/s, 1 min 30 s left"


def test_nothing_is_promised_while_nothing_has_moved():
    pace = Pace(0.0, 0)
    assert pace.text(0, 10) == ""
    pace.report(5.0, 0)
    assert pace.text(0, 10) == ""


def test_a_file_gets_few_lines_and_always_the_last():
    times = iter([0.0] + [i * LINE_EVERY_S / 100 for i in range(1, 1_000)])
    lines = io.StringIO()
    with paced(lines, clock=lambda: next(times)) as progress:
        for done in range(500):
            progress("work", done, 499)
    shown = lines.getvalue().splitlines()
    assert 4 <= len(shown) <= 7
    assert shown[0] == "work: 0 of 499"
    assert shown[-1].startswith("work: 499 of 499")
    assert shown[-1].endswith("done")


def test_a_terminal_gets_a_bar_with_the_time_left():
    times = iter(float(i) for i in range(1_000))
    terminal = Terminal()
    with paced(terminal, clock=lambda: next(times)) as progress:
        progress("work", 0, 100)
        progress("work", 50, 100)
    assert "50/s, 1 s left" in terminal.getvalue()


def test_time_spans_have_two_units_at_most():
    assert [duration(s) for s in (0, 59.4, 60, 3_599, 3_600, 90_000)] == [
        "0 s", "59 s", "1 min 00 s", "59 min 59 s", "1 h 00 min", "25 h 00 min",
    ]  # fmt: skip
