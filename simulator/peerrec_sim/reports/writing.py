"""Write a run into a folder: tables, ``run.json``, pictures, and a page that tells it all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from peerrec_sim.reports.extras import needed
from peerrec_sim.reports.folder import check_folder, store
from peerrec_sim.reports.page import page
from peerrec_sim.reports.pictures import draw, pictures_of
from peerrec_sim.reports.theme import png_of

if TYPE_CHECKING:
    from peerrec_sim.measures.result import RunResult

__all__ = ["REPORT_FILE", "check_extras", "write"]

REPORT_FILE = "report.html"


def check_extras() -> None:
    """Refuse to start what could not be reported: the packages of the extra ``sim``.

    Raises:
        ConfigError: one is not installed.
    """
    for module in ("pyarrow", "matplotlib", "jinja2"):
        needed(module, "a report")


def write(result: RunResult, folder: Path) -> Path:
    """Write everything that is known of a run; return the path of the page.

    Raises:
        ConfigError: the folder holds another run, or a package is not installed.
    """
    check_folder(folder, result.scenario)
    check_extras()
    more = {REPORT_FILE: page(result).encode()}
    for picture in pictures_of(result):
        more[f"pictures/{picture.name}.png"] = png_of(draw(result, picture.name))
    store(result, folder, more)
    return folder / REPORT_FILE
