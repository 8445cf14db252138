r"""Read trust alone: signed and timed lists, KONECT's ``out.*``, plain edge lists.

The community has no interactions then. Rows are ``from to [weight [time]]``. Two bare
columns are an undirected graph, unless a comment or the header says otherwise (KONECT's
``% asym``, SNAP's ``# Directed graph``, ``source,target``); its edges are trust in both
directions.

Example:
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "votes.csv"
    >>> _ = file.write_text("6,2,4,1289241912\n6,5,-10,1289241942\n")
    >>> trust = TrustLists().load(Folder.of(file), "tiny", None).trust
    >>> trust.weight.tolist(), trust.time.tolist()
    ([0.4000000059604645, -1.0], [1289241912.0, 1289241942.0])
"""

from __future__ import annotations

import re
from pathlib import Path

from peerrec_sim.community import Community
from peerrec_sim.datasets.assembly import assemble
from peerrec_sim.datasets.layouts import Layout, recognise_layout
from peerrec_sim.datasets.reading import read_trust, trust_columns
from peerrec_sim.datasets.sources import Folder, SourceFile

__all__ = ["Path", "TrustLists"]

_TABLES = (".txt", ".csv", ".tsv", ".edges", ".edgelist", ".dat", ".data", ".net", "")
_NOT_DATA = re.compile(r"^(readme|license|copying|meta|ent|sha\d*sums|changelog|\.)", re.I)


class TrustLists:
    """One list of who trusts whom."""

    understands = "out.* (KONECT), or one list with rows `from to [weight [time]]`"

    def recognises(self, folder: Folder) -> bool:
        """Whether there is one list of edges."""
        return _list(folder) is not None

    def load(self, folder: Folder, name: str, now: float | None) -> Community:
        """Return the community; see :class:`peerrec_sim.datasets.formats.Format`."""
        edges = _list(folder)
        assert edges is not None
        undirected = is_undirected(recognise_layout(edges.head()))
        trust = read_trust(edges)
        return assemble(name, None, merge="last", trust=trust, undirected=undirected, now=now)


def is_undirected(layout: Layout) -> bool:
    """Whether each row stands for both directions."""
    said = " ".join(layout.comments)
    if "asym" in said or "bip" in said:
        return False
    if "undirected" in said or re.search(r"%\s*sym", said):
        return True
    if "directed" in said or "fromnodeid" in said or layout.n_columns != 2:
        return False
    return layout.roles is None or "end" in layout.roles


def _list(folder: Folder) -> SourceFile | None:
    """Return the list of edges: KONECT's, else the only table that can be one."""
    named = [file for name, file in folder.files.items() if name.startswith("out.")]
    others = [
        file
        for name, file in folder.files.items()
        if Path(name).suffix in _TABLES and not _NOT_DATA.match(name)
    ]
    for files in (named, others):
        found = [file for file in files if _is_trust(recognise_layout(file.head()))]
        if len(found) == 1:
            return found[0]
    return None


def _is_trust(layout: Layout) -> bool:
    """Whether a table can be a list of edges."""
    return trust_columns(layout) is not None and _numbers_follow(layout)


def _numbers_follow(layout: Layout) -> bool:
    """Whether the first row has numbers behind the two ends."""
    if not layout.rows:
        return False
    columns = trust_columns(layout)
    assert columns is not None
    row = layout.rows[0]
    asked = [at for at in (columns.weight, columns.time) if at is not None]
    return all(at < len(row) and re.fullmatch(r"[-+.\deE]+", row[at]) for at in asked)
