"""Import SciPy when it is first used: it takes as long as all the rest of a daemon's start.

Modules write ``from peerrec.late import sparse`` and use it as ``scipy.sparse`` itself.

Example:
    >>> sparse.eye_array(2).nnz
    2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["sparse"]


class Late:
    """A module that is imported when something of it is asked for.

    Args:
        name: of the module.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(import_module(self._name), name)
        setattr(self, name, found)  # the next time without a detour
        return found


if TYPE_CHECKING:
    from scipy import sparse
else:
    sparse = Late("scipy.sparse")
