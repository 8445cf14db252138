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
