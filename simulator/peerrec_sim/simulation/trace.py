"""Name a whole run by what everybody went through.

Example:
    >>> trace_hash([(1, b"b"), (0, b"a")]) == trace_hash([(0, b"a"), (1, b"b")])
    True
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

__all__ = ["trace_hash"]


def trace_hash(traces: Iterable[tuple[int, bytes]]) -> str:
    """Return the hash of a whole run: of everybody's events, in order of participants."""
    digests = [digest for _, digest in sorted(traces)]
    return hashlib.blake2b(b"".join(digests), digest_size=16).hexdigest()
