"""Say what to install where a report needs a package that is not there.

Example:
    >>> needed("math", "a test").pi > 3
    True
"""

from __future__ import annotations

import importlib
from typing import Any

from peerrec.errors import ConfigError

__all__ = ["needed"]


def needed(module: str, what_for: str) -> Any:
    """Return a module of the extra ``sim``.

    Args:
        module: dotted name.
        what_for: what cannot be done without it.

    Raises:
        ConfigError: it is not installed; says what to do.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or module).partition(".")[0]
        hint = f"{what_for} needs {package}; try: pip install 'peerrec[sim]'"
        raise ConfigError("extra", package, hint) from None
