"""Daemons as processes of their own, ended with the test that started them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from real_daemon import Network, network


@pytest.fixture
def daemons(tmp_path) -> Iterator[Network]:
    with network(tmp_path) as made:
        yield made
