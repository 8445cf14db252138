"""Draw a QR code in a terminal, two rows of it a line.

Example:
    >>> drawn = list(qr_lines("peerrec://…"))
    >>> len({len(line) for line in drawn}), len(drawn) == (len(drawn[0]) + 1) // 2
    (1, True)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = ["qr_lines"]

MARGIN: Final = 2
"""Light modules around the code: the standard wants four, readers are content with two."""

BLOCKS: Final = {(True, True): " ", (True, False): "▄", (False, True): "▀", (False, False): "█"}
"""What draws an upper and a lower module, dark or not, in light on dark."""

COLOURS: Final = "\x1b[97;40m", "\x1b[0m"
"""White on black, and back: readers want the same on a light terminal, too."""


def qr_lines(text: str, *, coloured: bool = False) -> Iterator[str]:
    """Yield the lines of a QR code.

    Args:
        text: what it says.
        coloured: whether the terminal understands colours.
    """
    # Imported here: it takes 30 ms that only whoever sees a code should wait for.
    import segno

    code = segno.make(text, error="l", micro=False)
    rows = [[bool(dark) for dark in row] for row in code.matrix_iter(border=MARGIN)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    before, after = COLOURS if coloured else ("", "")
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        drawn = "".join(BLOCKS[pair] for pair in zip(upper, lower, strict=True))
        yield f"{before}{drawn}{after}"
