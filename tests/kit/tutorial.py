"""Follow a tutorial as its reader would: type its commands, run its code, compare.

A page says what happens with a comment above a block of code:

* ``<!-- file: NAME -->``: the block is saved under that name;
* ``<!-- terminal: NAME -->``: its commands are typed into that terminal, not the first;
* ``<!-- stays -->``: its last command goes on running, as a daemon does;
* ``<!-- until -->``: its command is repeated until it says what stands there;
* ``<!-- exit: CODE -->``: its commands end with that code, not with 0.

Below ``$ command`` stands its output, where it is stated; ``…`` in it stands for anything
on a line, and a line of its own for any lines. In a command or in a text of Python, ``…``
is what was printed in that place before: an invite, a token. Ports 77xx become free ones.
"""

from __future__ import annotations

import contextlib
import io
import os
import queue
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

__all__ = ["Block", "Reader", "blocks", "fits"]

PATIENCE_S: Final = 300.0
"""After so long without a line a command hangs."""

PAUSE_S: Final = 0.1
"""Between two tries of a command that is repeated."""

BLOCK: Final = re.compile(
    r"((?:<!-- [^>]* -->\n)*)^```(\w+)\n(.*?)^```$(?:\s+prints\s+```(?:text)?\n(.*?)^```$)?",
    re.DOTALL | re.MULTILINE,
)
MARK: Final = re.compile(r"<!-- ([\w ]+?)(?:: (.*?))? -->")
PORT: Final = re.compile(r"\b77\d\d\b")
GAP: Final = re.compile(r"[^\s'\"]*…[^\s'\"]*")
"""A word that the reader has to fill in."""

DONE: Final = "tutorial-command-ended"


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code of a page, with what is said above and beneath it."""

    language: str
    text: str
    marks: dict[str, str]
    beneath: str


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page that have a language."""
    return [
        Block(language, text, dict(MARK.findall(above)), beneath)
        for above, language, text, beneath in BLOCK.findall(page)
    ]


def fits(stated: str, printed: str) -> bool:
    """Return whether an output is what a page states."""
    lines = [re.escape(line).replace("…", ".*") for line in stated.rstrip().splitlines()]
    pattern = "".join(r"(?:.*\n)*?" if line == ".*" else rf"{line}[ \t]*\n" for line in lines)
    said = "".join(f"{line}\n" for line in printed.rstrip().splitlines())
    return re.fullmatch(pattern, said) is not None


def commands(text: str) -> list[tuple[str, str]]:
    """Return each command of a console block with its stated output."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (f"{found[-1][0]}\n{line}", "")
        else:
            command, stated = found[-1]
            found[-1] = (command, f"{stated}{line}\n")
    return found


class Terminal:
    """A shell that remembers, as the reader's does."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._typed = folder.parent / f"typed-{self._shell.pid}.sh"
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._shell.stdout is not None
        for line in self._shell.stdout:
            self._lines.put(line)
        self._lines.put(f"{DONE} the shell ended\n")

    def type(self, command: str) -> None:
        """Begin a command."""
        assert self._shell.stdin is not None
        self._typed.write_text(f"{command}\n")
        typed = shlex.quote(str(self._typed))
        self._shell.stdin.write(f". {typed} </dev/null; echo {DONE} $?\n")
        self._shell.stdin.flush()

    def run(self, command: str) -> tuple[str, str]:
        """Return what a command prints, and its exit code."""
        self.type(command)
        printed = ""
        while True:
            line = self._line(command, printed)
            before, done, after = line.partition(DONE)
            printed += before
            if done:
                return printed, after.strip()

    def until(self, command: str, stated: str) -> str:
        """Begin a command that stays; return what it printed when all that is stated was."""
        self.type(command)
        printed = ""
        while not fits(stated, printed):
            line = self._line(command, printed)
            assert DONE not in line, f"{command}\nended, after it said\n{printed}{line}"
            printed += line
        return printed

    def _line(self, command: str, printed: str) -> str:
        try:
            return self._lines.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise AssertionError(f"{command}\nhangs, after it said\n{printed}") from None

    def close(self) -> None:
        """Press Ctrl-C, and close it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGINT)
        with contextlib.suppress(BrokenPipeError):
            self._shell.stdin.close()  # type: ignore[union-attr]
        try:
            self._shell.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._shell.pid, signal.SIGKILL)
            self._shell.wait()


@dataclass
class Reader:
    """Somebody who follows a page from the top, in a home and a folder of their own."""

    home: Path
    said: str = ""
    names: dict[str, object] = field(default_factory=lambda: {"__name__": "__main__"})
    ports: dict[str, str] = field(default_factory=dict)
    terminals: dict[str, Terminal] = field(default_factory=dict)

    def __enter__(self) -> Reader:
        (self.home / "here").mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        for terminal in self.terminals.values():
            terminal.close()

    @property
    def folder(self) -> Path:
        """Where the reader works."""
        return self.home / "here"

    def follow(self, page: str) -> None:
        """Do all that a page says, in its order."""
        for block in blocks(page):
            text = self.ported(block.text)
            if "file" in block.marks:
                (self.folder / block.marks["file"]).write_text(text, encoding="utf-8")
            elif block.language == "console":
                self.type(text, block.marks)
            elif block.language == "python":
                self.execute(text, self.ported(block.beneath))

    def type(self, text: str, marks: dict[str, str]) -> None:
        """Type the commands of a block."""
        terminal = self.terminal(marks.get("terminal", "first"))
        typed = commands(text)
        for at, (command, stated) in enumerate(typed):
            whole = self.filled(command)
            if "stays" in marks and at == len(typed) - 1:
                self.said += terminal.until(whole, stated)
                continue
            printed, code = terminal.run(whole)
            until = time.monotonic() + PATIENCE_S
            while "until" in marks and not fits(stated, printed) and time.monotonic() < until:
                time.sleep(PAUSE_S)
                printed, code = terminal.run(whole)
            if stated:
                assert fits(stated, printed), f"{whole}\nstated:\n{stated}\nprinted:\n{printed}"
            assert code == marks.get("exit", "0"), f"{whole}\nended with {code}:\n{printed}"
            self.said += printed

    def execute(self, code: str, beneath: str) -> None:
        """Execute a block of Python and compare what it prints."""
        beside = "".join(f"{line}\n" for line in re.findall(r"# prints (.*)", code))
        code = self.filled(re.sub(r"  # prints .*", "", code))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.chdir(self.folder):
            exec(compile(code, "tutorial", "exec"), self.names)
        stated, said = beneath + beside, printed.getvalue()
        assert fits(stated, said), f"{code}\nstated:\n{stated}\nprinted:\n{said}"
        self.said += said

    def terminal(self, name: str) -> Terminal:
        """Return a terminal, opened where there is none of this name."""
        if name not in self.terminals:
            self.terminals[name] = Terminal(self.folder, self.environment())
        return self.terminals[name]

    def environment(self) -> dict[str, str]:
        """Return an environment in which nothing of the tester's own is met."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PEERREC_")}
        return kept | {
            "HOME": str(self.home),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONUNBUFFERED": "1",
            "COLUMNS": "100",
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            # Where a page names no port: what is usual may be taken here.
            "PEERREC_NODE__LISTEN": f"127.0.0.1:{self.free('7700')}",
            "PEERREC_HTTP__LISTEN": f"127.0.0.1:{self.free('7780')}",
        }

    def filled(self, text: str) -> str:
        """Return a command or code with its gaps filled from what was printed before."""
        return GAP.sub(lambda gap: self.seen(gap[0]), text)

    def seen(self, gap: str) -> str:
        """Return the last word that was printed and fits a gap."""
        pattern = re.escape(gap).replace("…", r"[^\s'\"]+")
        found = re.findall(rf"(?<!\S){pattern}(?!\S)", self.said)
        assert found, f"nothing that was printed fits {gap}"
        return str(found[-1])

    def ported(self, text: str) -> str:
        """Return text with a free port in the place of each that it names."""
        return PORT.sub(lambda port: self.free(port[0]), text)

    def free(self, port: str) -> str:
        """Return a port that is free, the same one for the same port."""
        if port not in self.ports:
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                self.ports[port] = str(listener.getsockname()[1])
        return self.ports[port]
