"""Draw so that a picture is readable in print, on white and on black.

For a page, lines of axes and text take the colour of the text around the picture; data
has colours that stand out from both white and black, and a mark or dash of its own for
who does not see colours apart.

Example:
    >>> COLOURS[0] != COLOURS[1], set(MARKS) >= {"o", "s"}
    (True, True)
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, Literal

from peerrec_sim.reports.extras import needed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "DASHES", "MARKS", "Style", "png_of", "settings", "svg_of"]

Style = Literal["paper", "page"]

COLOURS = ("#2f86d1", "#d9730d", "#16a37a", "#c2549d", "#8577d6", "#9a8423")
"""At least 3 : 1 against white and against the page's black."""

DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
MARKS = ("o", "s", "^", "D", "v", "P")

_TEXT = "#010203"
"""Stands for the colour of the page's text; no colour of data is this."""

_FIXED = {"svg.hashsalt": "peerrec", "svg.fonttype": "none", "font.size": 10.0}
"""No random identifiers, or every run would write another file; text stays text."""


def settings(style: Style) -> dict[str, Any]:
    """Return matplotlib's settings for a style."""
    if style == "paper":
        return dict(_FIXED)
    coloured = (
        "text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color",
        "grid.color", "hatch.color",
    )  # fmt: skip
    clear = ("figure.facecolor", "axes.facecolor", "savefig.facecolor", "legend.facecolor")
    return (
        _FIXED
        | dict.fromkeys(coloured, _TEXT)
        | dict.fromkeys(clear, "none")
        | {"legend.edgecolor": _TEXT, "legend.framealpha": 0.0, "font.family": "sans-serif"}
    )


def svg_of(figure: Figure, label: str) -> str:
    """Return a figure drawn for the page as an SVG element, to stand inside HTML.

    Args:
        figure: drawn with the settings of the page.
        label: what is read to who does not see it; another one for each picture of a page.
    """
    buffer = io.StringIO()
    # What was true while it was drawn must be true again while it is written.
    with needed("matplotlib", "drawing").rc_context(settings("page")):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = text.replace(_TEXT, "currentColor")
    text = re.sub(r"font-family: [^;\"]*; ", "", text)  # the page's own
    text = _renamed(text, re.sub(r"\W+", "-", label.lower()))
    said = label.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return text.replace("<svg ", f'<svg role="img" aria-label="{said}" ', 1)


def _renamed(text: str, prefix: str) -> str:
    """Return SVG whose identifiers are its own, also beside others on one page."""
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    return text.replace('href="#', f'href="#{prefix}-').replace("url(#", f"url(#{prefix}-")


def png_of(figure: Figure) -> bytes:
    """Return a figure drawn for paper as the content of a PNG file."""
    buffer = io.BytesIO()
    with needed("matplotlib", "drawing").rc_context(settings("paper")):
        figure.savefig(buffer, format="png", metadata={"Software": None}, dpi=200)
    return buffer.getvalue()
