r"""Find the line of a TOML file on which something is set: `tomllib` does not say.

Good for files that people write. What it does not find, such as a dotted key in quotes,
has no line, and messages name the file alone.

Example:
    >>> lines_of('# mine\n[log]\nlevel = "info"\\n')
    {'log': 2, 'log.level': 3}
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["lines_of"]

HEADER: Final = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$")
ASSIGNED: Final = re.compile(r"\s*([A-Za-z0-9_.\-\"' ]+?)\s*=")
MULTILINE: Final = ('"""', "'''")


def lines_of(text: str) -> dict[str, int]:
    """Return the line, from 1, of each section and each key by its path; the first counts."""
    found: dict[str, int] = {}
    section, inside = "", ""
    for number, line in enumerate(text.splitlines(), start=1):
        if inside:
            inside = "" if inside in line else inside
            continue
        header, assigned = HEADER.match(line), ASSIGNED.match(line)
        if header:
            section = plain(header.group(1))
            found.setdefault(section, number)
        elif assigned:
            name = plain(assigned.group(1))
            found.setdefault(f"{section}.{name}" if section else name, number)
        inside = next((mark for mark in MULTILINE if line.count(mark) % 2), "")
    return found


def plain(key: str) -> str:
    """Return a key without quotes and spaces around its parts."""
    return ".".join(part.strip(" \"'") for part in key.split("."))
