"""Decide who may ask what: tokens with scopes, sessions of the dashboard, Host and Origin.

Tokens and session cookies are 256 random bits; only their SHA-256 is kept, which for
secrets of that kind is as good as any slow hash. A browser sends cookies by itself, so
what a cookie may change also needs a header that no foreign page can set.

Example:
    >>> from peerrec.store.memory import MemoryStore
    >>> tokens = Tokens(MemoryStore())
    >>> secret, row = tokens.create("player", Scope.RECORD, now=60.0)
    >>> tokens.scope_of(secret).allows(Scope.READ), tokens.scope_of("guess")
    (True, None)
"""

from __future__ import annotations

import enum
import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import msgspec

from peerrec.errors import DataError, NotFoundError
from peerrec.limits import API_SESSIONS_MAX, API_TOKENS_MAX, DAY_S
from peerrec.store import Store
from peerrec_node.api.problems import ApiProblem

__all__ = ["Hosts", "Scope", "Sessions", "TokenRow", "Tokens"]

SETTING: Final = "api.tokens"
PREFIX: Final = "peerrec_"

ONE_TIME_S: Final = 3_600.0
"""How long the token of a dashboard's address waits to be used."""

SESSION_S: Final = 30 * DAY_S
"""How long a session lasts that nobody uses."""

NAME_MAX: Final = 64

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Scope(enum.Enum):
    """What a token may do; each includes those before it."""

    READ = "read"
    RECORD = "record"
    ADMIN = "admin"

    def allows(self, needed: Scope) -> bool:
        """Return whether who has this scope may do what needs another."""
        order = list(Scope)
        return order.index(self) >= order.index(needed)


def digest(secret: str) -> str:
    """Return under which name a secret is kept."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def new_secret() -> str:
    """Return a secret that nobody can guess."""
    return PREFIX + secrets.token_urlsafe(32)


# -- tokens ---------------------------------------------------------------------------------


class TokenRow(msgspec.Struct, frozen=True):
    """A token as the store has it: what it is for, but not the token."""

    id: str
    name: str
    scope: Scope
    digest: str
    created_at: float


class Tokens:
    """The tokens of one store.

    Args:
        store: keeps them among its settings; used by all methods but `scope_of`, which may
            be called from any thread.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._packed: bytes | None = None
        self._rows: dict[str, TokenRow] = {}
        self.refresh()

    def rows(self) -> list[TokenRow]:
        """Return all tokens, oldest first."""
        self.refresh()
        return list(self._rows.values())

    def refresh(self) -> None:
        """Read what somebody else may have changed, such as a command."""
        packed = self._store.setting(SETTING)
        if packed != self._packed:
            rows = [] if packed is None else msgspec.json.decode(packed, type=list[TokenRow])
            # Replaced whole: who looks from another thread sees all of it or nothing.
            self._packed, self._rows = packed, {row.digest: row for row in rows}

    def create(self, name: str, scope: Scope, now: float) -> tuple[str, TokenRow]:
        """Return a new token, which is told only now, and its row.

        Raises:
            DataError: the name is empty, too long or not printable, or there are too many.
        """
        if not name.isprintable() or not 0 < len(name) <= NAME_MAX:
            raise DataError(f"token name {name!r:.80}: give 1 to {NAME_MAX} printable characters")
        rows = self.rows()
        if len(rows) >= API_TOKENS_MAX:
            raise DataError(f"there are {len(rows)} tokens: revoke one first")
        secret = new_secret()
        row = TokenRow(secrets.token_hex(4), name, scope, digest(secret), now)
        self._write([*rows, row])
        return secret, row

    def revoke(self, id: str) -> TokenRow:
        """Take a token back; return what it was.

        Raises:
            NotFoundError: there is none with this id.
        """
        rows = self.rows()
        gone = next((row for row in rows if row.id == id), None)
        if gone is None:
            raise NotFoundError(f"no token has the id {id!r:.80}; see `peerrec token list`")
        self._write([row for row in rows if row is not gone])
        return gone

    def scope_of(self, secret: str) -> Scope | None:
        """Return what a token may do, as of the last refresh; None where it is none of these."""
        row = self._rows.get(digest(secret))
        return None if row is None else row.scope

    def _write(self, rows: list[TokenRow]) -> None:
        self._store.set_setting(SETTING, msgspec.json.encode(rows) if rows else None)
        self.refresh()


# -- sessions -------------------------------------------------------------------------------


class Sessions:
    """Sessions of browsers, which end with the daemon; for any thread.

    Args:
        clock: returns unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._one_time: OrderedDict[str, float] = OrderedDict()
        self._used_at: OrderedDict[str, float] = OrderedDict()

    def one_time_token(self) -> str:
        """Return a token that one browser can exchange for a session, once."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            self._one_time[digest(secret)] = self._clock()
            while len(self._one_time) > API_SESSIONS_MAX:
                self._one_time.popitem(last=False)
        return secret

    def exchange(self, token: str) -> str | None:
        """Return the secret of a new session for a one-time token; None where it is none."""
        with self._lock:
            made_at = self._one_time.pop(digest(token), None)
            if made_at is None or not 0 <= self._clock() - made_at < ONE_TIME_S:
                return None
            secret = secrets.token_urlsafe(32)
            self._used_at[digest(secret)] = self._clock()
            while len(self._used_at) > API_SESSIONS_MAX:
                self._used_at.popitem(last=False)
            return secret

    def is_open(self, secret: str) -> bool:
        """Return whether a cookie belongs to a session, which lasts longer for being used."""
        name, now = digest(secret), self._clock()
        with self._lock:
            used_at = self._used_at.pop(name, None)
            if used_at is None or now - used_at >= SESSION_S:
                return False
            self._used_at[name] = now
            return True


# -- where a request comes from --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hosts:
    """Refuses requests that another site had a browser make.

    A name that somebody else can point at this machine (DNS rebinding) would let their
    pages in; so only names that are known to be ours count.

    Attributes:
        names: hosts by which the daemon is known, beside those of the loopback.
    """

    names: frozenset[str] = frozenset()

    def check(self, host: str, origin: str | None, came_to: str) -> None:
        """Refuse a request that was meant for, or made by, another site.

        Args:
            host: its Host header.
            origin: its Origin header, if it has one.
            came_to: address of this machine that it came to.

        Raises:
            ApiProblem: says which of the two is foreign.
        """
        name = host_name(host)
        known = name in LOOPBACK or name in self.names or (name == came_to and name)
        if not known:
            raise ApiProblem(
                "foreign-host",
                f"Host {host!r:.120} is not a name of this daemon; add it with --http-name",
            )
        if origin is not None and netloc(origin) != host.lower():
            raise ApiProblem("foreign-origin", f"Origin {origin!r:.120} is another site")


def host_name(host: str) -> str:
    """Return the name in a Host header, without its port; empty where there is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def netloc(origin: str) -> str | None:
    """Return host and port of an Origin; None where it is none of a web page's."""
    scheme, separator, rest = origin.lower().partition("://")
    return rest if separator and scheme in ("http", "https") else None
