"""Turn settings into what the parts of a daemon take.

Example:
    >>> from peerrec_node.settings.layers import Origin
    >>> battery = Origin(environment={"PEERREC_NODE__PROFILE": "battery"}).read().settings
    >>> node_settings(battery).profile.name, membership(battery).dialled
    ('BATTERY', 4)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from peerrec.peering.settings import NodeSettings
from peerrec.protocol.invite import Address, Invite, parse_address, parse_invite
from peerrec.protocol.membership_settings import MembershipSettings
from peerrec.protocol.messages import Profile
from peerrec_node.api.options import HttpOptions, parse_http
from peerrec_node.identity import parse_listen
from peerrec_node.link import LinkLimits
from peerrec_node.listener import Reception
from peerrec_node.pacing import Admission
from peerrec_node.settings.layers import Layer, Loaded
from peerrec_node.settings.schema import Settings

__all__ = [
    "OF_NODE",
    "admission",
    "http_options",
    "link_limits",
    "listen_at",
    "meets",
    "membership",
    "node_settings",
    "program_values",
    "public_at",
    "reception",
]

OF_NODE: Final = {
    "follow_bytes_max": "storage.follow_bytes_max",
    "exploration_share": "storage.exploration_share",
    "batch_delay_s": "node.batch_delay_s",
    "publish_trust": "node.publish_trust",
    "factors": "factors.exchange",
    "factor_every_s": "factors.every_s",
    "factor_rest_s": "factors.rest_s",
    "factor_rows_max": "factors.rows_max",
}
"""Where the attributes of `NodeSettings` that can be set stand in the file."""


def node_settings(settings: Settings, base: NodeSettings | None = None) -> NodeSettings:
    """Return the node's settings.

    Args:
        settings: of the file.
        base: has what the file does not; None for the defaults.
    """
    given: dict[str, Any] = {name: value_at(settings, path) for name, path in OF_NODE.items()}
    battery = settings.node.profile == "battery"
    given["profile"] = Profile.BATTERY if battery else Profile.DESKTOP
    return replace(base or NodeSettings(), **given)


def program_values(base: NodeSettings) -> dict[str, Any]:
    """Return what a program that embeds the daemon sets of a node, by path."""
    plain = NodeSettings()
    values = {
        path: getattr(base, name)
        for name, path in OF_NODE.items()
        if getattr(base, name) != getattr(plain, name)
    }
    return values if base.profile is Profile.DESKTOP else {"node.profile": "battery", **values}


def value_at(settings: Settings, path: str) -> Any:
    """Return the value of a key by its path."""
    section, _, name = path.partition(".")
    return getattr(getattr(settings, section), name)


def membership(settings: Settings, bootstrap: tuple[Address, ...] = ()) -> MembershipSettings:
    """Return how many links of which kind: of the dialled, three eighths walk, as many sample."""
    dialled = settings.network.dialled_max
    share = dialled * 3 // 8
    return MembershipSettings(
        dialled=dialled,
        walks=share,
        samples=share,
        incoming=settings.network.incoming_max,
        bootstrap=bootstrap,
    )


def reception(settings: Settings) -> Reception:
    """Return how connections are received."""
    return Reception(
        handshake_s=settings.network.handshake_s,
        proxies=frozenset(settings.node.proxies),
        accepts_s=settings.network.accepts_s,
    )


def admission(settings: Settings) -> Admission:
    """Return who may connect."""
    network = settings.network
    return Admission(
        half_open_max=network.half_open_max,
        half_open_per_host_max=network.half_open_per_host_max,
        attempts_per_host=network.attempts_per_host,
        attempts_per_host_s=network.attempts_per_host_s,
    )


def link_limits(settings: Settings) -> LinkLimits:
    """Return what one link may take."""
    network = settings.network
    return LinkLimits(
        queue_bytes_max=network.link_queue_bytes_max,
        write_stall_s=network.write_stall_s,
        cpu_share=network.link_cpu_share,
    )


def listen_at(settings: Settings) -> Address:
    """Return where peers connect."""
    return parse_listen(settings.node.listen)


def public_at(settings: Settings) -> Address | None:
    """Return where others reach this node, if elsewhere."""
    named = settings.node.public
    return None if named is None else parse_address(named)


def meets(settings: Settings) -> tuple[tuple[Invite, ...], tuple[Address, ...]]:
    """Return whom to meet, and where to begin."""
    node = settings.node
    return tuple(map(parse_invite, node.invites)), tuple(map(parse_address, node.bootstrap))


def http_options(loaded: Loaded) -> HttpOptions | None:
    """Return where the API is served; None for nowhere."""
    named = loaded.sources["http.listen"].layer > Layer.DEFAULT
    http = loaded.settings.http
    return parse_http(http.listen if named else None, http.names)
