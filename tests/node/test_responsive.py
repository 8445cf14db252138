"""The interpreter is changed while somebody answers, and then as it was."""

from __future__ import annotations

import gc
import sys

from peerrec_node.responsive import FULL_COLLECTION_EVERY, responsive


def stands() -> tuple[float, tuple[int, int, int]]:
    return sys.getswitchinterval(), gc.get_threshold()


def test_it_lasts_from_the_first_who_wants_it_to_the_last():
    before = stands()
    first, second = responsive(), responsive()
    first.__enter__()
    second.__enter__()
    changed = stands()
    assert changed[0] < before[0]
    assert changed[1] == (*before[1][:2], FULL_COLLECTION_EVERY)
    first.__exit__(None, None, None)
    assert stands() == changed
    second.__exit__(None, None, None)
    assert stands() == before
