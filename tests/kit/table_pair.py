"""Join two exchanges of tables by a line that a test can cut at any message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peerrec.protocol.exchange import Exchange
from peerrec.protocol.identity import KeyedHashSigner, KeyedHashVerifier
from peerrec.protocol.messages import Table, TableStep
from peerrec.protocol.sync_shelf import Outgoing
from peerrec.protocol.sync_transfer import Credit
from peerrec.protocol.table_offer import (
    SignedTable,
    TableHeader,
    TableRules,
    open_offer,
    sign_table,
)

NOW = 1_700_000_000.0
NETWORK = bytes(range(16))
RULES = TableRules(NETWORK, KeyedHashVerifier(), frame=1, dim=16)
SIGNERS = [KeyedHashSigner(bytes([n]) * 32) for n in (1, 2)]

Lost = Callable[[int, int, Table], bool]
"""From the number of a message, its sender (0 or 1) and itself to whether it is lost."""


def signed(body: bytes, side: int = 0, *, rows: int = 1, minute: int | None = None) -> SignedTable:
    made = int(NOW // 60) if minute is None else minute
    return sign_table(SIGNERS[side], NETWORK, body, frame=1, dim=16, rows=rows, minute=made)


def plainly(header: TableHeader, body: bytes) -> bytes:
    return body


class TablePair:
    """Two sides of one exchange; side 0 begins."""

    def __init__(
        self,
        bodies: tuple[bytes, bytes],
        read: Callable[[TableHeader, bytes], Any] = plainly,
        credit: int = 1 << 20,
    ) -> None:
        self.sides = [
            Exchange(SIGNERS[1 - side].peer, signed(bodies[side], side), read, request=1, now=NOW)
            for side in (0, 1)
        ]
        self.credits = [Credit(credit), Credit(credit)]
        self.n = 0
        self.completed = [False, False]
        self.sent: list[tuple[int, Table]] = []

    def begin(self, lost: Lost = lambda n, side, message: False) -> None:
        """Let side 0 offer and everything that follows arrive, but for what is lost."""
        self.carry([(0, each) for each in self.messages(self.sides[0].offer())], lost)

    def resume(self, request: int, lost: Lost = lambda n, side, message: False) -> None:
        """Let both go on over a new line."""
        self.sides[0].over(request, NOW)
        self.begin(lost)

    def carry(self, line: list[tuple[int, Table]], lost: Lost) -> None:
        while line:
            sender, message = line.pop(0)
            self.n += 1
            self.sent.append((sender, message))
            if not lost(self.n, sender, message):
                receiver = 1 - sender
                out = self.messages(self.take(receiver, message))
                line += [(receiver, each) for each in out]
                self.completed[receiver] = self.completed[receiver] or self.sides[receiver].done

    def take(self, side: int, message: Table) -> Outgoing:
        """Let one side take a message, as a node would."""
        exchange = self.sides[side]
        if message.step != TableStep.OFFER:
            return exchange.receive(message, self.credits[side], NOW)
        header = open_offer(message.data, RULES, peer=SIGNERS[1 - side].peer, now=NOW)
        if side == 0:
            return exchange.meet(header, NOW)
        exchange.over(message.request, NOW)
        return exchange.offer() + exchange.meet(header, NOW)

    @staticmethod
    def messages(out: Outgoing) -> list[Table]:
        """Return messages in the order in which a link sends them."""
        ranked = sorted(out, key=lambda pair: pair[0])
        return [message for _, message in ranked if isinstance(message, Table)]
