"""A clock that was ahead, and is set back, keeps nobody from being dialled."""

from __future__ import annotations

import numpy as np

from peerrec.protocol.addresses import RETRY_MAX_S, AddressBook
from peerrec.protocol.invite import Address

ANN, HERE = b"a" * 32, Address("198.51.100.7", 7700)
NOW, HOUR_S = 1e9, 3_600.0


def kept_under_a_clock_ahead(*, answers: bool) -> AddressBook:
    book = AddressBook(np.random.default_rng(1))
    book.answered(ANN, HERE, now=NOW + HOUR_S)
    if not answers:
        for _ in range(16):
            book.failed(ANN, HERE, now=NOW + HOUR_S)
    return AddressBook.decode(book.encode(), np.random.default_rng(2), NOW)


def test_who_answered_then_may_be_dialled_at_once():
    assert kept_under_a_clock_ahead(answers=True).to_dial(ANN, NOW) is not None


def test_who_failed_then_is_waited_for_no_longer_than_ever():
    book = kept_under_a_clock_ahead(answers=False)
    assert book.to_dial(ANN, NOW) is None
    assert book.to_dial(ANN, NOW + RETRY_MAX_S) is not None
