"""Name the outcome of a run by a hash over its tables.

Example:
    >>> from peerrec_sim.graph_level.curves import curve_table
    >>> digest(curve_table([])) == digest(curve_table([]))
    True
"""

from __future__ import annotations

import hashlib

import numpy as np

from peerrec_sim.measures.table import Table

__all__ = ["digest"]


def digest(*tables: Table) -> str:
    """Return a hash over tables, hexadecimal: equal for equal runs."""
    state = hashlib.blake2b(digest_size=32)
    for table in tables:
        for name, column in table.columns.items():
            state.update(name.encode())
            state.update(np.ascontiguousarray(column).tobytes())
    return state.hexdigest()
