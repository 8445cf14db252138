"""Shape what the HTTP API takes and gives: the decoder is the validator and the document.

The OpenAPI description is made from these types, so what is not written here is neither
accepted nor answered. Times are unix seconds. A peer is written as its id, or by the name
under which it was imported. An item is written as it was recorded; an item of which only
the hash is known here as ``bytes:`` and its hash in hex.

Example:
    >>> import msgspec
    >>> msgspec.json.decode(b'{"item": "track:x"}', type=NewInteractions).weight
    1.0
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from peerrec.limits import API_LIST_MAX, API_ROWS_MAX, ID_BYTES_MAX, WEIGHT_MAX
from peerrec.peering.status import FactorStatus
from peerrec.protocol.sync_shelf import SyncResult
from peerrec_node.api.labels import LABEL_MAX
from peerrec_node.settings.schema import ProfileName

Item: TypeAlias = Annotated[str, Meta(min_length=1, max_length=ID_BYTES_MAX)]
Peer: TypeAlias = Annotated[str, Meta(min_length=1, max_length=ID_BYTES_MAX)]
Share: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Trust: TypeAlias = Annotated[float, Meta(ge=-1.0, le=1.0)]
Weight: TypeAlias = Annotated[float, Meta(gt=0.0, le=WEIGHT_MAX)]
Length: TypeAlias = Annotated[int, Meta(ge=1, le=API_LIST_MAX)]
InviteText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=2_048)]
Secret: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]


class Taken(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is taken from outside: an unknown key is refused."""


class Given(msgspec.Struct, kw_only=True):
    """What is answered."""


# -- the node -------------------------------------------------------------------------------


class Status(Given):
    """How the node stands; bytes and numbers are of this device."""

    peer: str
    network: str
    version: str
    uptime_s: float
    address: str | None
    listening: str
    links: int
    known_addresses: int
    followed: int
    strangers: int
    logs: int
    segments: int
    segment_bytes: int
    forks: int
    interactions: int
    items: int
    store_bytes: int
    profile: ProfileName
    factors: FactorStatus | None
    tuned: bool


class Health(Given):
    """Whether the daemon lives, or is ready."""

    status: Literal["alive", "ready"]


# -- lists ----------------------------------------------------------------------------------


class RecommendQuery(Taken):
    """Which list: how long and how adventurous (default: the settings), and for which item."""

    n: Length | msgspec.UnsetType = msgspec.UNSET
    explore: Share | msgspec.UnsetType = msgspec.UNSET
    context: Item | msgspec.UnsetType = msgspec.UNSET


class Reason(Given):
    """Why an item is in a list.

    ``kind`` says what led to it: a ``path`` over an item of one's own, ``trust`` alone, a
    ``description`` by a peer, or the ``table`` that the network averaged.
    """

    kind: Literal["path", "trust", "description", "table"]
    text: str
    item: str | None
    peer: str | None


class Recommended(Given):
    """One item of a list; the score is comparable within that list only."""

    item: str
    name: str | None
    score: float
    reasons: list[Reason]


class RecommendationList(Given):
    """A list, best first. ``version`` grows when what lists are made of has changed."""

    version: int
    items: list[Recommended]
    notes: list[str]
    cached: bool


class ExplainQuery(Taken):
    """Which item."""

    item: Item


class Path(Given):
    """How one reason leads to the item: over whom trust goes, and its share of the score."""

    peers: list[str]
    item: str | None
    share: float


class ItemExplanation(Given):
    """Why an item is recommended, or why it is not: then ``rank`` is null, ``notes`` say why."""

    item: str
    name: str | None
    score: float
    rank: int | None
    reasons: list[Reason]
    paths: list[Path]
    notes: list[str]


class SimilarQuery(Taken):
    """Which item, and how many others."""

    item: Item
    n: Length = 10


class SimilarItem(Given):
    """An item near to another."""

    item: str
    name: str | None
    score: float


class SimilarList(Given):
    """Items near to one, nearest first."""

    items: list[SimilarItem]
    notes: list[str]


# -- recording ------------------------------------------------------------------------------


class NewInteraction(Taken):
    """One interaction; without a time it is now. Only what is public may leave the device."""

    item: Item
    weight: Weight = 1.0
    time: float | None = None
    public: bool = False


class NewInteractions(Taken):
    """Either one interaction, by its own fields, or ``rows`` of them: all or none."""

    item: Item | None = None
    weight: Weight = 1.0
    time: float | None = None
    public: bool = False
    rows: Annotated[list[NewInteraction], Meta(max_length=API_ROWS_MAX)] | None = None


class Recorded(Given):
    """How many interactions were recorded."""

    recorded: int


class Feedback(Taken):
    """What to do with an item.

    ``more`` counts it as one's own, privately, and takes ``less`` and ``mute`` back; ``less``
    hides it and what is like it counts less; ``mute`` hides it; ``unmute`` takes that back.
    """

    item: Item
    action: Literal["more", "less", "mute", "unmute"]


class FeedbackTaken(Given):
    """What was done."""

    item: str
    action: Literal["more", "less", "mute", "unmute"]


class MutedItem(Given):
    """An item that is never shown."""

    item: str
    name: str | None


class Muted(Given):
    """What is never shown, the latest first."""

    items: list[MutedItem]


# -- people ---------------------------------------------------------------------------------


class TrustNode(Given):
    """One peer on the map of trust; the first is oneself.

    ``suspicion``: how much it looks like one of many that only one peer leads to; a proven
    fork is 1. ``score``: points for its conduct on a link; 0 without one. Blocked peers that
    nobody leads to stand beyond the last ring.
    """

    peer: str
    label: str | None
    hops: int
    merit: float
    score: float
    suspicion: Share
    linked: bool
    blocked: bool


class TrustStated(Given):
    """Who trusts whom, and how much; negative is distrust."""

    source: str = msgspec.field(name="from")
    target: str = msgspec.field(name="to")
    weight: float


class TrustMap(Given):
    """The neighbourhood of oneself in the graph of trust: those with most merit."""

    nodes: list[TrustNode]
    edges: list[TrustStated]


class NewTrust(Taken):
    """How much one trusts a peer; 0 takes it back."""

    peer: Peer
    weight: Trust = 1.0


class TrustTaken(Given):
    """What one says of a peer now."""

    peer: str
    weight: float


class NewBlock(Taken):
    """Whom to block."""

    peer: Peer


class BlockTaken(Given):
    """Whether a peer is blocked now."""

    peer: str
    blocked: bool


# -- the network ----------------------------------------------------------------------------


class EndedLink(Given):
    """A link that ended, in a word why, and when."""

    peer: str
    label: str | None
    reason: str
    at: float


class PeerLink(Given):
    """A link: to whom, and what the person calls them; bytes are before encryption.

    ``address`` is a host alone where the peer dialled. ``latency_s`` is null before the first
    ping, ``last_sync`` before the first session ended.
    """

    peer: str
    label: str | None
    dialled: bool
    address: str
    agent: str
    up_s: float
    latency_s: float | None
    merit: float
    score: float
    bytes_in: int
    bytes_out: int
    last_sync: SyncResult | None


class Peers(Given):
    """Present links, oldest first, and those that ended lately, newest first."""

    links: list[PeerLink]
    recently_ended: list[EndedLink]


class NewPeer(Taken):
    """An invite as ``peerrec invite`` prints it."""

    invite: InviteText


class PeerTaken(Given):
    """Who is being dialled, and where."""

    peer: str
    address: str


class PeerLeft(Given):
    """Whose link was ended."""

    peer: str


class NewLabel(Taken):
    """What to call a peer; nobody else hears it. An empty label takes it back."""

    label: Annotated[str, Meta(max_length=LABEL_MAX)]


class LabelTaken(Given):
    """What a peer is called now."""

    peer: str
    label: str | None


class InviteLink(Given):
    """The link with which somebody becomes one's peer, and its QR code as an SVG document."""

    link: str
    svg: str


class NearbyPeer(Given):
    """Somebody of one's network in the local network, and when it was last heard of."""

    peer: str
    address: str
    seen_at: float
    linked: bool


class Nearby(Given):
    """Peers found in the local network; ``enabled`` says whether anybody looks for them."""

    enabled: bool
    peers: list[NearbyPeer]


class Log(Given):
    """One log that is replicated here."""

    author: str
    epoch: int
    segments: int
    bytes: int
    first_seq: int
    last_seq: int
    followed: bool
    forked: bool


class Logs(Given):
    """Logs by what they take, the largest first.

    ``held_bytes`` is what the logs of others take, of ``budget_bytes`` that they may.
    """

    logs: list[Log]
    total: int
    budget_bytes: int
    held_bytes: int


class TrafficType(Given):
    """What went over all links since the daemon began, by type of message."""

    type: str
    messages_in: int
    messages_out: int
    bytes_in: int
    bytes_out: int


class Rate(Given):
    """Bytes a second over the last few seconds; 0 at the first question."""

    in_bytes_s: float
    out_bytes_s: float


class Traffic(Given):
    """What goes over the links, before encryption."""

    types: list[TrafficType]
    rate: Rate


# -- settings, sessions ---------------------------------------------------------------------


class Settings(Given):
    """What can be set from here.

    ``pending`` names what counts from the next start on, ``fixed`` what the file, the
    environment or the command line sets: where, by name. That cannot be changed here.
    """

    explore: float
    listens_public: bool
    profile: ProfileName
    follow_bytes_max: int
    exploration_share: float
    batch_delay_s: float
    publish_trust: bool
    pending: list[str]
    fixed: dict[str, str]


class SettingsPatch(Taken):
    """New values of some settings."""

    explore: Share | msgspec.UnsetType = msgspec.UNSET
    listens_public: bool | msgspec.UnsetType = msgspec.UNSET
    profile: ProfileName | msgspec.UnsetType = msgspec.UNSET
    follow_bytes_max: Annotated[int, Meta(ge=1 << 16, le=1 << 40)] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    exploration_share: Annotated[float, Meta(ge=0.0, le=0.5)] | msgspec.UnsetType = msgspec.UNSET
    batch_delay_s: Annotated[float, Meta(ge=0.0, le=86_400.0)] | msgspec.UnsetType = msgspec.UNSET
    publish_trust: bool | msgspec.UnsetType = msgspec.UNSET


class NewSession(Taken):
    """The one-time token of the dashboard's address."""

    token: Secret


class Session(Given):
    """What the session may do, and when it ends if nobody uses it."""

    scope: Literal["read", "record", "admin"]
    expires_at: float


# -- ListenBrainz ---------------------------------------------------------------------------


class TrackMetadata(msgspec.Struct):
    """What a player says of a track; more is welcome and kept by nobody."""

    artist_name: Annotated[str, Meta(min_length=1)]
    track_name: Annotated[str, Meta(min_length=1)]
    additional_info: dict[str, Any] = msgspec.field(default_factory=dict)


class Listen(msgspec.Struct):
    """One listen."""

    track_metadata: TrackMetadata
    listened_at: Annotated[int, Meta(ge=0)] | None = None


class SubmitListens(msgspec.Struct):
    """What players send: https://listenbrainz.readthedocs.io/en/latest/users/json.html."""

    listen_type: Literal["single", "playing_now", "import"]
    payload: Annotated[list[Listen], Meta(min_length=1, max_length=API_ROWS_MAX)]


class ListensTaken(Given):
    """They were recorded."""

    status: Literal["ok"] = "ok"


class ListensRefused(Given):
    """They were not, in ListenBrainz's own words for it."""

    code: int
    error: str


class TokenValidity(Given):
    """Whether a token may submit listens."""

    code: int
    message: str
    valid: bool
    user_name: str | None = None
