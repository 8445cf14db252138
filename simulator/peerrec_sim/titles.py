"""Make up titles for generated items: two words, related inside a genre.

Example:
    >>> title(0, 0), title(0, 1), title(1, 0)
    ('Amber Tide', 'Hollow Shoal', 'Second Lantern')
"""

from __future__ import annotations

__all__ = ["FAMILIES", "title"]


def _words(text: str) -> tuple[str, ...]:
    """Return the words of a text."""
    return tuple(text.split())


_FIRST = _words(
    """
    Amber Hollow Northern Silver Quiet Second Paper Distant Golden Early Broken Hidden Copper
    Winter Gentle Open Crimson Slow Hundred Velvet Drifting Little Endless Pale Wild Borrowed
    Blue Patient Restless Scarlet Last Sunken Bright Woven Midnight Simple Rising Faded Tall
    Ivory Secret
    """
)

FAMILIES = tuple(
    _words(words)
    for words in (
        "Tide Shoal Harbour Lagoon Current Estuary Anchor",
        "Lantern Candle Beacon Ember Torch Glow Flame",
        "Forest Cedar Thicket Willow Grove Fern Maple",
        "Engine Piston Turbine Gear Dynamo Lever Flywheel",
        "Comet Orbit Eclipse Meteor Nebula Aurora Zenith",
        "Garden Orchard Meadow Clover Thistle Ivy Blossom",
        "Street Corner Avenue Plaza Bridge Alley Station",
        "Summit Ridge Canyon Glacier Valley Cliff Plateau",
        "Letter Chapter Margin Envelope Stanza Preface Ledger",
        "Sparrow Heron Falcon Lark Raven Wren Swallow",
        "Thunder Drizzle Monsoon Breeze Hail Fog Squall",
        "Mirror Window Prism Lens Crystal Glass Facet",
        "Carousel Parade Circus Festival Lottery Puzzle Kite",
        "Signal Circuit Antenna Static Pixel Relay Echo",
        "Kettle Biscuit Pepper Honey Saffron Cider Almond",
        "Desert Dune Oasis Mirage Caravan Cactus Mesa",
    )
)
"""Second words, one family a genre; no word is in two families."""


def title(genre: int, nth: int) -> str:
    """Return the title of a genre's nth item; different for every argument."""
    family = FAMILIES[genre]
    # 41 first and 7 second words share no divisor, so both change from item to item.
    # Shifted by genre, or every genre's most popular item would begin with the same word.
    first, second = _FIRST[(nth + 5 * genre) % len(_FIRST)], family[nth % len(family)]
    edition = nth // (len(_FIRST) * len(family))
    return f"{first} {second}" if edition == 0 else f"{first} {second} {edition + 1}"
