"""Keep a node's table of factors: begin from records, take others' in, serve, begin again.

The table is built when the first partner asks for it, from the records that the store has then;
`factor_local.EPOCH_EXCHANGES` completed ones end an epoch, `EPOCHS` epochs the averaging: the next
exchange begins from the records of that day. Nothing here looks at a clock.

What is served from is kept in the store, see `peerrec.store.served_table`: a node that starts
again serves at once. The first epochs of a later
round of averaging know less than the table before them, so that they do not replace it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np

from peerrec.errors import VerificationError
from peerrec.limits import SETTING_BYTES_MAX
from peerrec.peering.factor_people import gather_people
from peerrec.peering.settings import NodeSettings
from peerrec.protocol.table_offer import TableHeader
from peerrec.ranking.factor_codec import decode_table, encode_table
from peerrec.ranking.factor_local import LocalFactors
from peerrec.ranking.factor_solve import FactorSettings
from peerrec.ranking.factor_table import FactorTable, Keys
from peerrec.store import Cursor, RawId, Store
from peerrec.store.served_table import keep_served, served_version

__all__ = ["DIM", "FRAME", "FactorState", "read_table"]

FRAME: Final = 1
"""How first item vectors are made; another way would be another frame."""

SOLVES: Final = FactorSettings()
DIM: Final = SOLVES.dim

EPOCHS: Final = 3
"""Epochs after which averaging begins again from own records: poison ends there, too."""

SERVE_FROM: Final = 3
"""Epoch from which a table replaces the one from before averaging began again."""

_ROWS: Final = slice(4, 8)  # of an encoded table: how many rows were worth writing


class FactorState:
    """One node's table.

    Args:
        store: records, and what is served.
        me: raw id of its person.
        settings: how many people, how many rows, how much mixing.
        secret: of the node, never sent; decides what is said of a person who publishes nothing.

    Attributes:
        local: the averaging; None before it began.
        exchanges: completed since the node began.
        version: of what is served; 0 for nothing.
        contributes: whether the own person's records are in the table.
    """

    def __init__(
        self, store: Store, me: RawId, settings: NodeSettings, secret: bytes = b""
    ) -> None:
        self._store = store
        self._secret = secret
        self._me = me
        self._settings = settings
        self.local: LocalFactors | None = None
        self.contributes = False
        self.exchanges = 0
        self.version = served_version(store)
        self._served_before = self.version > 0
        self._barren: Cursor | None = None

    @property
    def epoch(self) -> int:
        """Epochs ended since averaging last began."""
        return 0 if self.local is None else self.local.epochs

    @property
    def rows(self) -> int:
        """Rows of the table that is averaged."""
        return 0 if self.local is None else len(self.local.table)

    def body(self, merit: Mapping[bytes, float]) -> tuple[bytes, int] | None:
        """Return the own table as it is sent, and its rows; None where there is nothing to say.

        Args:
            merit: of peers, for the records to begin with where averaging begins now.
        """
        if self.local is None and not self._begin(merit):
            return None
        assert self.local is not None
        body = encode_table(self.local.offer(self._settings.factor_rows_max))
        rows = int.from_bytes(body[_ROWS], "little")
        return (body, rows) if rows else None

    def _begin(self, merit: Mapping[bytes, float]) -> bool:
        cursor = self._store.cursor()
        if cursor == self._barren:
            return False
        people = gather_people(
            self._store,
            self._me,
            merit,
            people_max=self._settings.factor_people,
            mix_min=self._settings.factor_mix_min,
            secret=self._secret,
            kept=self._settings.factor_private_kept,
        )
        if people is None:
            self._barren = cursor
            return False
        self.contributes = people.contributes
        self.local = LocalFactors(people.keys, people.history, SOLVES)
        return True

    def take_in(self, theirs: FactorTable) -> bool:
        """Average with a peer's table: one completed exchange.

        Returns:
            Whether it was taken; else it does not agree with the own people's records.

        Raises:
            StoreError: what is served from could not be kept; the average was taken.
        """
        local = self.local
        assert local is not None  # an exchange began with it
        if not local.receive(theirs):
            return False
        local.table = kept_rows(local.table, local.keys, self._settings.factor_rows_max)
        self.exchanges += 1
        if local.epoch_is_full:
            self._end_epoch(local)
        return True

    def _end_epoch(self, local: LocalFactors) -> None:
        """Solve, serve from the average, and begin anew where it is time."""
        local.end_epoch()
        served, epochs = local.served, local.epochs
        if epochs >= EPOCHS:
            self.local = None
        if epochs >= SERVE_FROM or not self._served_before:
            self._served_before = self._served_before or epochs >= SERVE_FROM
            self._serve(served)

    def _serve(self, table: FactorTable) -> None:
        data = encode_table(table.largest(self._settings.factor_rows_max))
        if len(data) > SETTING_BYTES_MAX:
            return
        keep_served(self._store, data, self.version + 1)
        self.version += 1


def read_table(header: TableHeader, body: bytes) -> FactorTable:
    """Return the table in a body that its author signed.

    Raises:
        VerificationError: it is none, or not as long as the header says.
    """
    table = decode_table(body, dim=header.dim, rows_max=header.rows)
    if len(table) != header.rows:
        raise VerificationError(f"table of {len(table)} rows: its header says {header.rows}")
    return table


def kept_rows(table: FactorTable, own: Keys, rows_max: int) -> FactorTable:
    """Return the own rows, and of all others those with the largest shares, ``rows_max`` in all.

    Without the own ones no epoch could be ended; without a bound every stranger's table adds to
    what is held.
    """
    if len(table) <= rows_max:
        return table
    mine = np.isin(table.keys, own, assume_unique=True)
    order = np.lexsort((table.keys, -table.share, ~mine))
    kept = np.sort(order[: max(rows_max, int(mine.sum()))])
    return dataclasses.replace(
        table, keys=table.keys[kept], share=table.share[kept], mean=table.mean[kept]
    )
