"""Find who and where one is: the key beside the store, the network, the address.

What a daemon was started with last is remembered in its store, so that other commands,
and the next start, need not be told again.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

from peerrec.errors import ConfigError, DataError
from peerrec.limits import STORE_BYTES_MAX
from peerrec.protocol.identity import Ed25519Signer
from peerrec.protocol.invite import Address, Invite, check_address, parse_address
from peerrec.protocol.key_file import load_or_create
from peerrec.store import Store

__all__ = [
    "Remembered",
    "key_path",
    "load_signer",
    "parse_listen",
    "reachable",
    "read_passphrase",
]

DEFAULT_NETWORK: Final = "main"
"""Name of the network of whoever names none."""

NETWORK: Final = "daemon.network"
ADDRESS: Final = "daemon.address"
SIZE: Final = "daemon.store-bytes-max"

EVERYWHERE: Final = ("0.0.0.0", "::")
"""Hosts that stand for all of a machine's addresses: nobody can dial them."""

SOMEWHERE: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses for documentation: nothing is sent there, but the system says from where it would."""

SEED_BYTES: Final = 32
PASSPHRASE_BYTES_MAX: Final = 1_024


def key_path(store: Path) -> Path:
    """Return where the key of a store's person stands."""
    return store.with_name(store.name + ".key")


def load_signer(store: Path, passphrase: bytes | None = None) -> Ed25519Signer:
    """Return the identity of a store's person, making one where there is none.

    Raises:
        StoreError: the key cannot be read, or not with this passphrase.
    """
    path = key_path(store)
    return load_or_create(path, passphrase=passphrase, random_bytes=os.urandom(SEED_BYTES))


def read_passphrase(file: Path | None) -> bytes | None:
    """Return the first line of a file; None without a file.

    Raises:
        ConfigError: it cannot be read or its first line is empty.
    """
    if file is None:
        return None
    try:
        with file.open("rb") as stream:
            line = stream.readline(PASSPHRASE_BYTES_MAX).rstrip(b"\r\n")
    except OSError as error:
        raise ConfigError("passphrase-file", str(file), f"{error.strerror}") from error
    if not line:
        raise ConfigError("passphrase-file", str(file), "its first line must be the passphrase")
    return line


class Remembered:
    """What a store remembers of the last time a daemon ran on it.

    Args:
        store: whose settings they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def network(self) -> str | None:
        """Name of the network that the store's person is in; None before the first run."""
        return self._text(NETWORK)

    @property
    def address(self) -> Address | None:
        """Where the daemon could be reached; None if it could not."""
        text = self._text(ADDRESS)
        return parse_address(text) if text else None

    def choose_network(self, named: str | None, invites: tuple[Invite, ...] = ()) -> str:
        """Return the network to take part in, and remember it.

        Args:
            named: by the person; None takes the remembered one or that of the invites.
            invites: into which network.

        Raises:
            ConfigError: they contradict each other: what one signed for one network is
                worth nothing in another.
        """
        before = self.network
        wishes = [each for each in (named, *(invite.network for invite in invites)) if each]
        chosen = before or (wishes[0] if wishes else DEFAULT_NETWORK)
        for wish in wishes:
            if wish != chosen:
                origin = "this store" if before else "the others say it"
                raise ConfigError(
                    "network", wish, f"{origin} is for {chosen!r}; use another --store for another"
                )
        if before is None:
            self._store.set_setting(NETWORK, chosen.encode())
        return chosen

    def keep_address(self, address: Address | None) -> None:
        """Remember where the daemon can be reached."""
        text = b"" if address is None else address.text().encode()
        if self._store.setting(ADDRESS) != text:
            self._store.set_setting(ADDRESS, text)

    @property
    def size_bytes_max(self) -> int:
        """Size of the store in bytes at which the oldest interactions are removed."""
        text = self._text(SIZE)
        return int(text) if text else STORE_BYTES_MAX

    def keep_size_bytes_max(self, size_bytes_max: int) -> None:
        """Remember it, so that no other command removes what the daemon would keep."""
        if self.size_bytes_max != size_bytes_max:
            self._store.set_setting(SIZE, str(size_bytes_max).encode())

    def _text(self, key: str) -> str | None:
        packed = self._store.setting(key)
        return packed.decode() if packed else None


def parse_listen(text: str) -> Address:
    """Return where to listen; port 0 takes a free one.

    Example:
        >>> parse_listen("127.0.0.1:0"), parse_listen("[::]:7700").host
        (Address(host='127.0.0.1', port=0, path=''), '::')

    Raises:
        DataError: says which part is wrong.
    """
    head, _, port = text.rpartition(":")
    free = port == "0"  # which nobody could dial
    address = Address(parse_address(f"{head}:1").host, 0) if free else parse_address(text)
    if address.path:
        raise DataError(f"address {text!r} has a path: peers find it at any; use --public for it")
    return address


def reachable(listen: Address, port: int, public: Address | None) -> Address | None:
    """Return where others can reach a daemon, None where that cannot be known.

    Args:
        listen: where it was told to listen.
        port: where it does.
        public: what it was told to be known as; wins.
    """
    if public is not None:
        check_address(public)
        return public
    if listen.host not in EVERYWHERE:
        return Address(listen.host, port)
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((SOMEWHERE[family], port))
            return Address(str(probe.getsockname()[0]), port)
        except OSError:
            return None
