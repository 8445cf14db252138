"""Bundles that come again are known by their bytes, and only the last ones."""

from __future__ import annotations

from peerrec.peering.echoes import Echoes


def test_a_bundle_that_was_read_is_known_again():
    echoes = Echoes()
    echoes.keep(b"bundle", [(b"id", b"author")])
    assert echoes.of(b"bundle") == [(b"id", b"author")]
    assert echoes.of(b"bundlE") is None


def test_the_oldest_is_forgotten_first():
    echoes = Echoes(n_max=2)
    for each in (b"1", b"2", b"3"):
        echoes.keep(each, [])
    assert [echoes.of(each) is None for each in (b"1", b"2", b"3")] == [True, False, False]
