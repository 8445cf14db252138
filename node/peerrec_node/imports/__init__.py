r"""Read what people already have: their listens, ratings, books and subscriptions.

Each format is one module that turns an open file into rows; nothing is stored
here. Broken rows stop an import with their line number, or are counted.

Example:
    >>> import io
    >>> account = ImportAccount("plays.csv", now=1e9)
    >>> [row.item for row in FORMATS["csv"](io.BytesIO(b"item,plays\nx,2\n"), account)]
    ['x']
"""

from __future__ import annotations

from peerrec_node.imports.recognise import FORMATS, open_import, recognise
from peerrec_node.imports.rows import ImportAccount, ImportedRow
from peerrec_node.imports.table import ColumnMapping

__all__ = [
    "FORMATS",
    "ColumnMapping",
    "ImportAccount",
    "ImportedRow",
    "open_import",
    "recognise",
]
