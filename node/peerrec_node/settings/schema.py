"""Describe ``peerrec.toml``: each section a Struct, each key with its type and its sentence.

This is the one place where a key, its range, its default and its explanation stand. The
file of a first run, ``peerrec config check`` and the table in the documentation are made
from it.

Example:
    >>> Settings().node.listen, Settings().storage.follow_bytes_max >> 20
    ('127.0.0.1:7700', 64)
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from peerrec.limits import (
    ACCEPTS_S,
    API_LIST_MAX,
    ATTEMPTS_PER_HOST,
    ATTEMPTS_PER_HOST_S,
    DAY_S,
    HALF_OPEN_MAX,
    HALF_OPEN_PER_HOST_MAX,
    HANDSHAKE_S,
    LINK_CPU_SHARE,
    LINK_QUEUE_BYTES_MAX,
    STORE_BYTES_MAX,
    STORE_BYTES_MIN,
    TABLE_ROWS_MAX,
    WRITE_STALL_S,
)

__all__ = ["ProfileName", "Settings"]

ProfileName: TypeAlias = Literal["desktop", "server", "battery"]

Texts: TypeAlias = tuple[str, ...]


def said(text: str, example: Any = None, *, later: bool = False, **bounds: Any) -> Meta:
    """Return what is known of a key beside its type.

    Args:
        text: what it is.
        example: a value to show where there is no default.
        later: whether a change takes effect at the next start only.
        bounds: its range.
    """
    examples = None if example is None else [example]
    return Meta(description=text, examples=examples, extra={"later": later}, **bounds)


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of the file."""


class NodeSection(Section, frozen=True):
    """Who this node is, where it listens, and whom it meets."""

    profile: Annotated[
        ProfileName,
        said(
            "Defaults that suit a kind of machine. What is set here by name wins over them.",
            later=True,
        ),
    ] = "desktop"
    network: Annotated[
        str | None,
        said(
            "Name of the network. A store stays in the network of its first run.",
            "main",
            later=True,
        ),
    ] = None
    listen: Annotated[
        str, said("Where peers connect, HOST:PORT; port 0 takes a free one.", later=True)
    ] = "127.0.0.1:7700"
    public: Annotated[
        str | None,
        said(
            "Where others reach this node, if elsewhere: behind a router or a proxy.",
            "peer.example:443/peerrec",
            later=True,
        ),
    ] = None
    invites: Annotated[
        Texts, said("Invites of peers to meet at every start.", ["peerrec://…"], later=True)
    ] = ()
    bootstrap: Annotated[
        Texts,
        said("Addresses to begin with while nobody is known.", ["peer.example:7700"], later=True),
    ] = ()
    proxies: Annotated[
        Texts,
        said(
            "Addresses of reverse proxies that are believed to say who connects.",
            ["127.0.0.1"],
            later=True,
        ),
    ] = ()
    lan: Annotated[
        bool, said("Whether to find peers in the local network, and be found.", later=True)
    ] = False
    passphrase_file: Annotated[
        str | None,
        said(
            "File whose first line opens the key beside the store.",
            "/etc/peerrec/words",
            later=True,
        ),
    ] = None
    publish_trust: Annotated[
        bool, said("Whether others may see whom one trusts; blocks and mutes never leave.")
    ] = True
    batch_delay_s: Annotated[
        float,
        said(
            "Seconds to gather what is public before it leaves; longer hides better when.",
            ge=0.0,
            le=DAY_S,
        ),
    ] = 60.0


class HttpSection(Section, frozen=True):
    """The dashboard and the API."""

    listen: Annotated[
        str,
        said(
            "Where they are served, HOST:PORT, or off. Where this says nothing and the port is "
            "taken, the next free one. Beyond 127.0.0.1 every request needs a token.",
            later=True,
        ),
    ] = "127.0.0.1:7780"
    names: Annotated[
        Texts,
        said(
            "Host names by which they are known, such as a proxy's.", ["peer.example"], later=True
        ),
    ] = ()
    listens_public: Annotated[
        bool, said("Whether what music players submit is public, and so may leave the device.")
    ] = False


class StorageSection(Section, frozen=True):
    """What may be kept."""

    follow_bytes_max: Annotated[
        int, said("Bytes of other people's logs that are kept.", ge=1 << 16, le=1 << 40)
    ] = 64 << 20
    exploration_share: Annotated[
        float, said("Part of them for strangers whom nobody here trusts yet.", ge=0.0, le=0.5)
    ] = 0.1
    store_bytes_max: Annotated[
        int,
        said(
            "Size of the store in bytes at which the oldest interactions are removed.",
            ge=STORE_BYTES_MIN,
            le=1 << 44,
        ),
    ] = STORE_BYTES_MAX


class NetworkSection(Section, frozen=True):
    """How many links, and what each may take."""

    dialled_max: Annotated[int, said("Links that this node dials.", ge=1, le=64)] = 8
    incoming_max: Annotated[int, said("Links that others may dial.", ge=0, le=1_024)] = 32
    half_open_max: Annotated[
        int, said("Connections of whom nothing is known yet.", ge=1, le=4_096)
    ] = HALF_OPEN_MAX
    half_open_per_host_max: Annotated[
        int, said("Of them from one address, or one IPv6 /64.", ge=1, le=4_096)
    ] = HALF_OPEN_PER_HOST_MAX
    attempts_per_host: Annotated[
        int, said("Connections that one address may begin at once.", ge=1, le=10_000)
    ] = ATTEMPTS_PER_HOST
    attempts_per_host_s: Annotated[
        float, said("Connections a second from one address in the long run.", gt=0.0, le=1_000.0)
    ] = ATTEMPTS_PER_HOST_S
    accepts_s: Annotated[
        float,
        said(
            "Connections a second that are looked at, whoever makes them.",
            gt=0.0,
            le=1e4,
            later=True,
        ),
    ] = ACCEPTS_S
    handshake_s: Annotated[
        float,
        said("Seconds from connecting to the end of the handshake.", ge=1.0, le=120.0, later=True),
    ] = HANDSHAKE_S
    link_queue_bytes_max: Annotated[
        int, said("Bytes that may wait for one slow peer.", ge=256 << 10, le=1 << 30)
    ] = LINK_QUEUE_BYTES_MAX
    write_stall_s: Annotated[
        float,
        said("Seconds after which a peer that reads nothing counts as gone.", ge=1.0, le=600.0),
    ] = WRITE_STALL_S
    link_cpu_share: Annotated[
        float,
        said("Part of a core for one peer's messages that bring nothing new.", ge=0.001, le=1.0),
    ] = LINK_CPU_SHARE


class RankingSection(Section, frozen=True):
    """How lists are made."""

    explore: Annotated[
        float,
        said(
            "How adventurous lists of the dashboard and the API are where nobody says.",
            ge=0.0,
            le=1.0,
        ),
    ] = 0.0
    n: Annotated[
        int, said("Length of lists of the API where nobody says.", ge=1, le=API_LIST_MAX)
    ] = 20
    auto_tune: Annotated[
        bool, said("Whether to search for better parameters in the background, once a day.")
    ] = True
    tune_s: Annotated[float, said("Seconds that such a search takes.", gt=0.0, le=3_600.0)] = 20.0


class FactorsSection(Section, frozen=True):
    """Tables of taste, averaged over many people."""

    exchange: Annotated[bool, said("Whether they are exchanged with peers.", later=True)] = True
    every_s: Annotated[
        float,
        said(
            "Mean seconds between exchanges; three times as long on battery.",
            ge=1.0,
            le=864_000.0,
            later=True,
        ),
    ] = 600.0
    rest_s: Annotated[
        float,
        said(
            "Seconds without exchanges of one's own after a full average.", ge=0.0, le=8_640_000.0
        ),
    ] = DAY_S
    rows_max: Annotated[int, said("Rows of a table.", ge=1, le=TABLE_ROWS_MAX, later=True)] = 16_384


class LogSection(Section, frozen=True):
    """What is told of the daemon's doings; never a token, a key or a passphrase."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], said("From which weight on events are told.")
    ] = "warning"
    format: Annotated[
        Literal["text", "json"], said("Lines for people, or one JSON object a line.")
    ] = "text"
    file: Annotated[
        str | None,
        said(
            "File to append to instead of stderr; opened anew on SIGHUP.",
            "/var/log/peerrec.log",
        ),
    ] = None


class Settings(Section, frozen=True):
    """All of the file."""

    node: NodeSection = NodeSection()
    http: HttpSection = HttpSection()
    storage: StorageSection = StorageSection()
    network: NetworkSection = NetworkSection()
    ranking: RankingSection = RankingSection()
    factors: FactorsSection = FactorsSection()
    log: LogSection = LogSection()
