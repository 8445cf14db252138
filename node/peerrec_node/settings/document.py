r"""Write the tables of settings into a page of the documentation, from the schema.

``python -m peerrec_node.settings.document PAGE`` renews what stands between the page's two
marks and leaves all else as it is.

Example:
    >>> renewed(f"# Settings\n{BEGIN}\nold\n{END}\n").splitlines()[3]
    '### `[node]`'
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from peerrec.errors import ConfigError
from peerrec_node.settings.dashboard import PATHS
from peerrec_node.settings.keys import KEYS, SECTIONS, Key
from peerrec_node.settings.profiles import PROFILES
from peerrec_node.settings.template import toml_value

__all__ = ["BEGIN", "END", "renewed", "tables"]

BEGIN: Final = "<!-- settings: made by `python -m peerrec_node.settings.document` -->"
END: Final = "<!-- settings: end -->"


def tables() -> Iterator[str]:
    """Yield a table for each section, and one of the profiles."""
    dashboard = frozenset(PATHS.values())
    for section, kind in SECTIONS.items():
        yield from (f"### `[{section}]`", "", (kind.__doc__ or "").strip(), "")
        yield from ("| key | what it is | allowed | default | counts |", "|---|---|---|---|---|")
        for key in KEYS.values():
            if key.section == section:
                yield row(key, key.path in dashboard)
        yield ""
    yield from profile_table()


def row(key: Key, in_dashboard: bool) -> str:
    """Return a key's row; a star says that the dashboard has it, too."""
    default = "–" if key.default is None else f"`{toml_value(key.default)}`"
    counts = "from the next start" if key.later else "at once"
    star = " \\*" if in_dashboard else ""
    return f"| `{key.name}`{star} | {key.description} | {key.allowed()} | {default} | {counts} |"


def profile_table() -> Iterator[str]:
    """Yield what the profiles set otherwise."""
    names = list(PROFILES)
    yield from ("### Profiles", "")
    yield "| key | " + " | ".join(names) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for path, key in KEYS.items():
        if any(path in each for each in PROFILES.values()):
            values: list[Any] = [PROFILES[name].get(path, key.default) for name in names]
            yield f"| `{path}` | " + " | ".join(f"`{toml_value(each)}`" for each in values) + " |"


def renewed(page: str) -> str:
    """Return a page with the tables of now.

    Raises:
        ConfigError: it has no place for them.
    """
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise ConfigError("page", page[:40], f"it needs the lines {BEGIN} and {END}")
    return "\n".join([before + BEGIN, "", *tables(), "", END + after])


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(renewed(Path(name).read_text(encoding="utf-8")), encoding="utf-8")
