"""Bound everything in one place: each limit with its reason.

A limit that is not written here does not exist; nothing grows without one.
"""

from __future__ import annotations

from typing import Final

DAY_S: Final = 86_400.0
"""Seconds in a day; durations in the library are seconds unless named otherwise."""

MINUTE_S: Final = 60.0
"""Resolution of every stored time: nobody's listening needs finer, and it packs into 16 bits."""

CLOCK_SKEW_S: Final = 600.0
"""How far ahead of `now` a time may be: ten minutes is what ordinary clocks are off by."""

WEIGHT_MAX: Final = 1e9
"""Largest weight of one interaction. Saturation makes more pointless, float32 still holds it."""

ID_BYTES_MAX: Final = 512
"""Longest raw id, in UTF-8 bytes: room for a long URL, not for a document."""

SEGMENT_SPAN_S: Final = 30 * DAY_S
"""Default width of one time partition. Minutes within it must fit 16 bits: 45 days at most."""

SEGMENT_SPAN_MAX_S: Final = 45 * DAY_S
"""Widest partition whose minutes still fit 16 bits (65,535 minutes are 45.5 days)."""

WINDOW_S: Final = 90 * DAY_S
"""Default age at which interactions stop to count."""

HALF_LIFE_S: Final = 30 * DAY_S
"""Default half-life of an interaction within the window (epoch_decay)."""

HEAD_EDGES_MAX: Final = 4_096
"""Edges in the mutable head before it is folded in: small enough to re-sort at every snapshot."""

TIME_MAX_S: Final = 253_402_300_800.0
"""End of the year 9999: a later time is milliseconds mistaken for seconds."""

TRUST_MAX: Final = 1.0
"""Largest trust in a peer; its negative is full distrust."""

TITLE_BYTES_MAX: Final = 512
"""Longest title of an item, in UTF-8 bytes: a line to show, not an abstract."""

LINK_BYTES_MAX: Final = 2_048
"""Longest link or uri of an item: what browsers and servers pass on without harm."""

TAG_BYTES_MAX: Final = 64
"""Longest tag, in UTF-8 bytes: a genre or a keyword."""

TAGS_MAX: Final = 32
"""Most tags of one description: more would let one publisher sit in every neighbourhood."""

SETTING_BYTES_MAX: Final = 1 << 20
"""Largest stored setting: tuned parameters with their evidence, not a model."""

STORE_BYTES_MAX: Final = 256 << 20
"""Default bound of a person's store: years of listening, and no burden to a phone."""

STORE_BYTES_MIN: Final = 256 << 10
"""Smallest size a store can be held to: its empty tables and indexes take a third of it."""

# -- protocol: what a peer can make us read, hold and do --------------------------------

FRAME_BYTES_MAX: Final = 64 << 10
"""Largest message on a link: every WebSocket proxy passes it, and nobody must buffer more."""

SEGMENT_BYTES_MAX: Final = 24 << 10
"""Largest segment frame: header and signature (some 200 B) around the largest payload."""

PAYLOAD_BYTES_MAX: Final = 16 << 10
"""Largest payload of a segment: 256 descriptions do not fit and need not."""

STATEMENTS_MAX: Final = 256
"""Statements under one signature: at 256 a byte more per statement no longer matters."""

TTL_DAYS_MAX: Final = 90
"""Longest life of a segment: the window, beyond which nothing counts anywhere."""

BUNDLE_BYTES_MAX: Final = 256 << 10
"""What a pushed bundle may inflate to: bounds a compression bomb to four frames."""

EPOCHS_MAX: Final = 128
"""Logs of one author that are replicated: one new one a day for the window, and some."""

SYMBOLS_MAX: Final = 4_096
"""Coded symbols of one session: some 3,000 differences, beyond which lists are cheaper."""

LIST_MAX: Final = 8_192
"""Entries of one list on the wire: 8 bytes each fill a frame."""

TAGS_BYTES: Final = 8
"""Bytes of a tag on one link: 2^32 segments before two are confused by chance."""

IHAVE_MAX: Final = 512
"""Tags of one announcement: what one author of a flood can make us look up."""

ADDRESSES_MAX: Final = 8
"""Addresses of one reply: few enough that nobody fills a table with one message."""

HOST_BYTES_MAX: Final = 255
"""Longest host name that DNS allows."""

PATH_BYTES_MAX: Final = 255
"""Longest path behind a reverse proxy."""

AGENT_BYTES_MAX: Final = 64
"""Longest name and version of a peer's program."""

TEXT_BYTES_MAX: Final = 200
"""Longest explanation in a GOAWAY: a line of a log."""

CREDIT_BYTES: Final = 256 << 10
"""Bulk bytes a peer may have on the way: four frames, so that a slow reader holds little."""

CREDIT_MAX_BYTES: Final = 1 << 20
"""Largest credit that is honoured, whatever a peer grants."""

# -- protocol: links, before and after it is known who is there -------------------------

HANDSHAKE_BYTES_MAX: Final = 2 << 10
"""Longest message of a handshake: keys, a signature and a padded HELLO take half of it."""

HANDSHAKE_S: Final = 10.0
"""From connecting to a finished handshake: a dozen round trips over the slowest line."""

HALF_OPEN_MAX: Final = 64
"""Connections of whom nothing is known yet: each costs 50 KB for `HANDSHAKE_S` at most."""

HALF_OPEN_PER_HOST_MAX: Final = 8
"""Of them from one address: a household behind one router, not a flood."""

ATTEMPTS_PER_HOST: Final = 30
"""Connections that one address may begin at once; more only as `ATTEMPTS_PER_HOST_S` allows."""

ATTEMPTS_PER_HOST_S: Final = 1.0
"""Connections a second from one address in the long run: 1 ms of handshakes a second."""

HOSTS_REMEMBERED: Final = 4_096
"""Addresses whose attempts are counted; whoever was quiet longest is forgotten first."""

LINK_QUEUE_BYTES_MAX: Final = 2 << 20
"""Bytes that may wait for one slow link before it is hung up on: twice the largest credit."""

WRITE_STALL_S: Final = 30.0
"""How long a peer may leave one message unread before it counts as gone."""

CONTROL_FRAMES_S: Final = 1.0
"""WebSocket pings a second that are answered: proxies send one a minute."""

LINK_CPU_SHARE: Final = 0.06
"""Share of a core for one peer's messages that bring nothing new; more are read more slowly."""

LINK_CPU_BURST_S: Final = 0.5
"""Core seconds of such messages at once: sketches and lists of a long session."""

PARSE_CPU_SHARE: Final = 0.03
"""Share of a core for one connection's frames, before they are messages: some 20 MB a second."""

PARSE_CPU_BURST_S: Final = 0.05
"""Core seconds of frames at once: a few megabytes."""

COMMAND_BYTES_MAX: Final = 1 << 20
"""Longest command line handed to a running daemon."""

COMMAND_ANSWER_BYTES_MAX: Final = 64 << 20
"""Longest answer to it: the list of everything there is."""

SEQ_MAX: Final = (1 << 53) - 1
"""Largest number of a segment: every language's numbers hold it, and nobody counts so far."""

PORT_MAX: Final = (1 << 16) - 1
"""Largest TCP port."""

NETWORK_NAME_BYTES_MAX: Final = 64
"""Longest name of a network: a word for people to agree on."""

KEYS_CACHED_MAX: Final = 4_096
"""Parsed public keys that are remembered: more authors than most follow, in two megabytes."""

# -- protocol: gossip, links and whom to follow ------------------------------------------

OUTBOX_BYTES_MAX: Final = 1 << 20
"""Bytes waiting for one link: a reader who is a megabyte behind is served by sessions."""

SEEN_MAX: Final = 4_096
"""Segment ids remembered as seen: two minutes of 34 segments a second, some 0.6 MB."""

SEEN_S: Final = 120.0
"""How long a seen segment is remembered: announcements of it are long over by then."""

ANNOUNCED_MAX: Final = 1_024
"""Announced segments a link may still ask for: two full announcements."""

PENDING_MAX: Final = 512
"""Segments waiting to be announced on a link: one announcement, older ones go to sessions."""

PROMISES_MAX: Final = 512
"""Segments asked of one link and not there yet: one announcement."""

QUOTA_AUTHORS_MAX: Final = 1_024
"""Authors whose rate is remembered: only wanted authors are counted, sessions serve the rest."""

SCORED_PEERS_MAX: Final = 1_024
"""Peers with a score: every link of days, 100 KB at most."""

ADDRESS_BOOK_MAX: Final = 768
"""Known addresses: enough to find a network again after weeks away, 150 KB at most."""

ADDRESSES_OF_PEER_MAX: Final = 4
"""Addresses of one peer: at home, at work, over a proxy, and one that is out of date."""

ANCHORS_MAX: Final = 2
"""Links kept across restarts: who isolates a restarting node must first outlive these."""

BOOTSTRAP_MAX: Final = 64
"""Configured addresses to begin with: a list to maintain by hand."""

STATE_BYTES_MAX: Final = SETTING_BYTES_MAX
"""Largest stored state of membership or following: what a setting may hold."""

FOLLOWED_MAX: Final = 65_536
"""Authors followed at once by merit: beyond, each gets too few bytes to matter."""

EXPLORATION_PLACES: Final = 64
"""Strangers replicated at once: with a tenth of the bytes, each gets room for its taste."""

NUMBER_MAX: Final = (1 << 63) - 1
"""Largest sequence or arrival number on the wire: what a signed 64-bit column of a store holds."""

COUNT_MAX: Final = (1 << 32) - 1
"""Largest request, count or credit on the wire: none of them comes near it honestly."""

ADDRESS_FRAME_BYTES_MAX: Final = 1 << 10
"""Largest signed address: host and path at their longest, and a segment's header around them."""

PROOF_BYTES_MAX: Final = 1 << 10
"""Largest proof of a fork: two headers and two signatures are some 350 bytes."""

PAD_BYTES_MIN: Final = 16
"""Smallest padded message: a ping then looks like any other short answer."""

RUNS_MAX: Final = 2_048
"""Numbers in the runs of one log: a thousand gaps; beyond them the log is asked for whole."""

FLOORS_MAX: Final = 2_048
"""Logs a peer may say it does not want, and we to it: 100 KB a peer; more are told again."""

SESSION_ROUNDS_MAX: Final = 8
"""Sketches of one session: one decodes, the rest are for what arrived in the meantime."""

SESSION_WORK_MAX: Final = 65_536
"""Work a peer may cause at once, in units of some 10 us: twice what a cold start asks for."""

SESSION_WORK_RATE: Final = 2_000.0
"""Units of work a second in the long run: 2 % of a core for each peer that asks all it may."""

SESSION_SILENCE_S: Final = 60.0
"""A session in which nothing moves for so long is over."""

SESSION_EVERY_S: Final = 10.0
"""Seconds between sketches for one peer in the long run: each costs some 20 ms."""

SESSION_BURST: Final = 8
"""Sketches for one peer at once: a session with all its rounds."""

SESSION_REFUSALS_MAX: Final = 16
"""Sessions begun in spite of BUSY, one after the other, before that is an offence."""

KEY_FILE_BYTES_MAX: Final = 8 << 10
"""Largest key file that is read: an encrypted key in PEM has 300 bytes."""

PEEL_ROUNDS_MAX: Final = 256
"""Rounds of recovery on new symbols: honest sets take up to 60, a crafted chain thousands."""

MESSAGE_BYTES_MAX: Final = FRAME_BYTES_MAX - 17
"""Largest message with its padding: Noise seals at most 65,535 bytes, 16 of them its own."""

CARDS_MAX: Final = 512
"""Signed addresses kept to be passed on: some 130 KB, and more than a lifetime of dialling."""

ACCEPTS_S: Final = 100.0
"""Connections a second that are looked at, whoever makes them: 2 % of a core for a flood."""

ACCEPTS_BURST: Final = 200.0
"""Connections that may come at once: all peers, when the network is back."""

# -- protocol: tables of factors ----------------------------------------------------------

TABLE_ROWS_MAX: Final = 1 << 15
"""Rows of a table that a peer may send: half a megabyte, and two once it is read."""

TABLE_BYTES_MAX: Final = 1 << 20
"""Longest body of a table: what a setting may hold, for it is served from there."""

TABLE_PART_BYTES: Final = 16 << 10
"""Bytes of every part of a table but the last: segments wait 16 KB at most behind one."""

TABLE_OFFER_BYTES_MAX: Final = 256
"""Longest signed header of a table: two keys' worth of hashes, a signature, some numbers."""

TABLE_AGE_S: Final = 1_800.0
"""Age beyond which a table is a replay: clocks that differ by 10 minutes, and a slow line."""

TABLE_IN_RATE: Final = 4_096.0
"""Bytes of tables a second from one peer in the long run: two of the largest in 10 minutes."""

TABLE_IN_BURST: Final = float(4 << 20)
"""Bytes of tables from one peer at once: four of the largest."""

TABLE_OFFERS_RATE: Final = 0.1
"""Tables offered a second by one peer in the long run: each costs a signature to check."""

TABLE_OFFERS_BURST: Final = 8.0
"""Tables offered by one peer at once."""

# -- the daemon's HTTP API ----------------------------------------------------------------

API_BODY_BYTES_MAX: Final = 2 << 20
"""Largest body of a request: a thousand listens with all that players say of them."""

API_ROWS_MAX: Final = 1_000
"""Interactions or listens of one request: more would keep the peers waiting."""

API_LIST_MAX: Final = 1_000
"""Longest list: more than anybody scrolls through."""

API_LISTS_CACHED_MAX: Final = 32
"""Lists that are kept: one for each place of the explore slider, and some."""

API_TOKENS_MAX: Final = 64
"""Tokens at once: one for each app, and a forgotten few."""

API_SESSIONS_MAX: Final = 32
"""Browsers with a session, or with an address to begin one."""

API_STREAMS_MAX: Final = 16
"""Streams of events at once: each open page holds one."""

API_CONNECTIONS_MAX: Final = 256
"""Connections at once: all streams, and browsers that keep a few; a quarter of the open files
that a process usually may have."""

API_BACKLOG: Final = 64
"""Connections that may wait to be let in."""

API_LET_IN_AT_ONCE: Final = 8
"""Connections let in by one turn of the loop: each has many turns before as many more could take
its place, and those on their way in and out are few beside those that are in."""

API_HEAD_S: Final = 10.0
"""Until a connection's first request says what it wants: programs say it at once."""

API_BODY_S: Final = 20.0
"""Until a request's body is there: the largest at a tenth of a megabyte a second."""

API_WAITING_MAX: Final = 64
"""Requests that may wait for the node at once: all streams' pages, each with a few."""

API_MAP_PEERS_MAX: Final = 200
"""Peers on the map of trust: more cannot be told apart on a screen."""

API_LOGS_MAX: Final = 1_000
"""Logs in one answer: those that take most."""
