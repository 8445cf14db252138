r"""Read tables split by their authors: ``train.txt``, ``test.txt`` and ``trust.txt``.

Rows are ``user item``, ``user item count`` or ``user item count time``, with or without
a header. Counts of one pair are summed.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "train.txt").write_text("1\t8\t5\n1\t9\t1\n2\t9\t1\n")
    >>> _ = (folder / "trust.txt").write_text("1\t2\n")
    >>> community = Triples().load(Folder.of(folder), "tiny", None)
    >>> community.interactions.weight.tolist(), community.trust.target.tolist()
    ([5.0, 1.0, 1.0], [1])
"""

from __future__ import annotations

from pathlib import Path

from peerrec_sim.community import Community
from peerrec_sim.datasets.adjacency import holds_lists
from peerrec_sim.datasets.assembly import assemble
from peerrec_sim.datasets.layouts import recognise_layout
from peerrec_sim.datasets.reading import (
    find_trust,
    interaction_columns,
    read_interactions,
    read_trust,
)
from peerrec_sim.datasets.sources import Folder

__all__ = ["Path", "Triples"]


class Triples:
    """``train`` with or without ``test`` and ``trust``, as tables."""

    understands = "train.txt [+ test.txt, trust.txt] with rows `user item [count [time]]`"

    def recognises(self, folder: Folder) -> bool:
        """Whether the training part is a table of interactions."""
        train = folder.with_stem("train")
        if train is None:
            return False
        layout = recognise_layout(train.head())
        return not holds_lists(layout) and interaction_columns(layout) is not None

    def load(self, folder: Folder, name: str, now: float | None) -> Community:
        """Return the community; see :class:`peerrec_sim.datasets.formats.Format`."""
        train, test, trust = folder.with_stem("train"), folder.with_stem("test"), find_trust(folder)
        assert train is not None
        return assemble(
            name,
            read_interactions(train),
            merge="sum",
            test=None if test is None else read_interactions(test),
            trust=None if trust is None else read_trust(trust),
            now=now,
        )
