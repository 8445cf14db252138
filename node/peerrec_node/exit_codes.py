"""Say what the exit codes of ``peerrec`` mean: the one place where they stand.

Example:
    >>> [code for code, _ in EXIT_CODES]
    [0, 1, 2, 3, 130]
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "EXIT_CODES",
    "EXIT_INTERRUPTED",
    "EXIT_OTHER",
    "EXIT_REFUSED",
    "EXIT_STORE",
    "epilog",
]

EXIT_OTHER: Final = 1
EXIT_REFUSED: Final = 2
EXIT_STORE: Final = 3
EXIT_INTERRUPTED: Final = 130
"""128 + SIGINT, as shells report Ctrl-C."""

EXIT_CODES: Final = (
    (0, "Done."),
    (EXIT_OTHER, "Not as hoped: behind, no daemon, a finding, or our own fault."),
    (EXIT_REFUSED, "An option, a setting, an id or a file is not as it has to be."),
    (EXIT_STORE, "The store, or the key beside it, cannot be used as asked."),
    (EXIT_INTERRUPTED, "Interrupted with Ctrl-C."),
)
"""Each exit code with what it means."""


def epilog() -> str:
    """Return the table of exit codes as click shows it below a command's options."""
    rows = [f"{code:>5}  {meaning}" for code, meaning in EXIT_CODES]
    return "\n".join(["\b", "Exit codes:", *rows])
