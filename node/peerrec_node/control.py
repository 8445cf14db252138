"""Let a running daemon execute commands on the store that it holds.

Beside the store stands ``<store>.sock``, a Unix socket that only the same person can
connect to. A command that finds the store held sends its own words there; the daemon
runs the very same command on its open store, between two messages of its peers, and
sends back what it printed and its exit code. Each way goes one message: four bytes of
length, most significant first, and that much JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from peerrec.errors import StoreError
from peerrec.limits import COMMAND_ANSWER_BYTES_MAX, COMMAND_BYTES_MAX

__all__ = ["Answer", "ControlServer", "ask_daemon", "captured", "socket_path"]

REQUEST_S: Final = 5.0
"""How long a whole request may take to arrive: it is sent at once by a program."""

ANSWER_S: Final = 120.0
"""How long an answer may take: recommending from the largest store takes seconds."""

PATH_BYTES_MAX: Final = 100
"""Longest path that every system takes for a Unix socket; Linux takes 107 bytes."""

LENGTH: Final = struct.Struct(">I")
ROOT: Final = 0
CREDENTIALS: Final = struct.Struct("3i")  # process, user, group: see unix(7)

Shape = TypeVar("Shape", bound=msgspec.Struct)


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """A command: its words, without the program's name."""

    argv: list[str]


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    """What a command printed, and its exit code."""

    out: str
    err: str
    code: int


def socket_path(store: Path) -> Path:
    """Return where the daemon that holds a store listens for commands."""
    return store.with_name(store.name + ".sock")


# -- the side of the command --------------------------------------------------------------


def ask_daemon(store: Path, argv: Sequence[str]) -> Answer | None:
    """Return what a daemon answers to a command, None where none listens.

    Raises:
        StoreError: it broke off or took too long.
    """
    path = socket_path(store.absolute())
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(ANSWER_S)
        try:
            with short_name(path) as name:
                line.connect(name)
        except OSError:
            return None
        try:
            line.sendall(packed(Request(list(argv))))
            (length,) = LENGTH.unpack(exactly(line, LENGTH.size))
            if length > COMMAND_ANSWER_BYTES_MAX:
                raise OSError(f"an answer of {length:,} bytes")
            return msgspec.json.decode(exactly(line, length), type=Answer)
        except (OSError, msgspec.MsgspecError) as error:
            raise StoreError(
                f"{store}: the daemon that has it open did not answer ({error}); try again, "
                "or stop the daemon first"
            ) from error


def exactly(line: socket.socket, length: int) -> bytes:
    """Return the next bytes of a connection; OSError where it ends before."""
    parts = bytearray()
    while len(parts) < length:
        part = line.recv(min(1 << 16, length - len(parts)))
        if not part:
            raise OSError("the connection ended")
        parts += part
    return bytes(parts)


def packed(message: msgspec.Struct) -> bytes:
    """Return a message with its length before it."""
    data = msgspec.json.encode(message)
    return LENGTH.pack(len(data)) + data


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """Yield a name for a socket that the system takes, however long its path is."""
    if len(os.fsencode(path)) <= PATH_BYTES_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


# -- the side of the daemon ---------------------------------------------------------------


class ControlServer:
    """Listens for commands beside a store.

    Args:
        store: the store's file, held by this process.
        execute: runs a command and returns its answer.
    """

    def __init__(self, store: Path, execute: Callable[[list[str]], Answer]) -> None:
        self.path = socket_path(store)
        self._execute = execute
        self._server: asyncio.Server | None = None
        self._inode = 0

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            StoreError: there can be no socket beside the store.
        """
        line = bound(self.path)
        self._inode = inode(self.path)
        self._server = await asyncio.start_unix_server(self._serve, sock=line)

    async def close(self) -> None:
        """Stop to listen and remove the socket."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(OSError):  # the folder may be gone, or read-only
                if inode(self.path) == self._inode:  # else it is that of another daemon
                    self.path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one command."""
        try:
            if not same_person(writer.get_extra_info("socket")):
                return
            async with asyncio.timeout(REQUEST_S):
                request = await read_request(reader)
            if request is not None:
                writer.write(packed(self._execute(request.argv)))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            pass  # who asked is gone
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Return a request, None where it is none."""
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > COMMAND_BYTES_MAX:
        return None
    try:
        return msgspec.json.decode(await reader.readexactly(length), type=Request)
    except msgspec.MsgspecError:
        return None


def bound(path: Path) -> socket.socket:
    """Return a socket at a path that nobody else may connect to from its first moment."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        # Whoever left one there is gone: this process holds the store.
        path.unlink(missing_ok=True)
        with short_name(path) as name:
            line.bind(name)
    except OSError as error:
        line.close()
        raise StoreError(
            f"{path}: no socket can be made beside the store ({error.strerror or error}); make "
            "room for it, or give write permission"
        ) from error
    finally:
        os.umask(before)
    return line


def inode(path: Path) -> int:
    """Return what tells a socket from another at the same path; 0 where there is none."""
    try:
        return path.lstat().st_ino
    except OSError:
        return 0


def same_person(line: socket.socket) -> bool:
    """Return whether the other side runs as the same user, or as root, where the system tells.

    Root can do as it likes anyhow, and the user of a hardened service has no shell.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:  # pragma: no cover - not Linux: the socket's mode decides alone
        return True
    credentials = line.getsockopt(socket.SOL_SOCKET, option, CREDENTIALS.size)
    _, user, _ = CREDENTIALS.unpack(credentials)
    return user in (ROOT, os.getuid())


def captured(command: Callable[[], int]) -> Answer:
    """Run a command that prints and returns an exit code, and return both.

    It finds nobody at its standard input: a question it would ask is answered by who
    called it elsewhere, with an option.
    """
    out, err = io.StringIO(), io.StringIO()
    before, sys.stdin = sys.stdin, io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = command()
    finally:
        sys.stdin = before
    return Answer(out.getvalue(), err.getvalue(), code)
