r"""Read adjacency lists: ``train.txt`` and ``test.txt`` of the LightGCN and NGCF family.

One user a line, ``user item item …``; a line may hold no items. Every interaction has
weight 1. A file of trust beside them is read, too.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "train.txt").write_text("0 0 1\n1 1\n2\n")
    >>> community = AdjacencyLists().load(Folder.of(folder), "tiny", None)
    >>> community.n_users, community.interactions.item.tolist()
    (3, [0, 1, 1])
"""

from __future__ import annotations

from pathlib import Path

from peerrec_sim.community import Community
from peerrec_sim.datasets.assembly import assemble
from peerrec_sim.datasets.layouts import WHITESPACE, Layout, recognise_layout
from peerrec_sim.datasets.reading import find_trust, read_adjacency, read_trust
from peerrec_sim.datasets.sources import Folder, SourceFile

__all__ = ["AdjacencyLists", "Path", "holds_lists"]


def holds_lists(layout: Layout) -> bool:
    """Whether these lines are lists rather than the rows of a table.

    A table names a user again and again, in rows of one length; a list names it once.
    Where both readings fit, tabs and few columns speak for a table.
    """
    if layout.separator != WHITESPACE or layout.roles is not None or not layout.rows:
        return False
    # Half, not all: one broken row does not make a table a pile of lists.
    usual = sum(len(row) == layout.n_columns for row in layout.rows)
    like_table = 2 <= layout.n_columns <= 4 and 2 * usual >= len(layout.rows)
    owners = {row[0] for row in layout.rows}
    return not like_table or (len(owners) == len(layout.rows) and not layout.has_tabs)


class AdjacencyLists:
    """``train.txt`` with or without ``test.txt``, or one file of lists."""

    understands = "train.txt [+ test.txt] with lists `user item item …`, one user a line"

    def recognises(self, folder: Folder) -> bool:
        """Whether the training part holds lists."""
        train = _train(folder)
        return train is not None and holds_lists(recognise_layout(train.head()))

    def load(self, folder: Folder, name: str, now: float | None) -> Community:
        """Return the community; see :class:`peerrec_sim.datasets.formats.Format`."""
        train, test, trust = _train(folder), folder.with_stem("test"), find_trust(folder)
        assert train is not None
        return assemble(
            name,
            read_adjacency(train),
            merge="last",
            test=None if test is None or test == train else read_adjacency(test),
            trust=None if trust is None else read_trust(trust),
            now=now,
        )


def _train(folder: Folder) -> SourceFile | None:
    """Return the training part, or the one file that was asked for."""
    if folder.is_single:
        only = next(iter(folder.files.values()))
        return only if only.stem in ("train", "test") else None
    return folder.with_stem("train")
