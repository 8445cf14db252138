"""A music player: one's own plays stay private, friends' public plays lead to new tracks.

Shows recording, trust, lists with reasons, a mute, and steering by ``explore``.

Run it: python docs/examples/music_player.py
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from peerrec import Interaction, Options, Recommender
from peerrec.store import RawId

NOW = 1_750_000_000.0
HOUR_S = 3_600.0

OWN_PLAYS = ["jazz/so-what", "jazz/naima", "jazz/blue-train", "folk/river-man"]
FRIENDS_PLAYS = {
    "ann": ["jazz/freddie", "ambient/an-ending", "ambient/1-1", "ambient/weightless"],
    "ben": ["jazz/all-blues", "folk/pink-moon", "folk/blackwaterside", "folk/fotheringay"],
}
FRIENDS_PLAYS["ann"] += ["jazz/so-what", "jazz/naima", "jazz/blue-train", "jazz/solar"]
FRIENDS_PLAYS["ben"] += ["jazz/so-what", "jazz/naima", "jazz/blue-train", "jazz/solar"]


class Session(NamedTuple):
    """What the player showed, list by list."""

    before_trust: tuple[str, ...]
    plain: list[RawId]
    reasons: list[str]
    muted: list[RawId]
    exploring: list[RawId]
    backup: Path


def main(path: Path | None = None) -> Session:
    """Play, trust, list, mute and explore in a folder; None for a temporary one."""
    if path is None:
        with TemporaryDirectory() as folder:
            return main(Path(folder))
    options = Options(tune=False)  # a short demonstration has nothing to tune on
    with Recommender.open(path / "player.db", options=options, clock=lambda: NOW) as player:
        for hours_ago, track in enumerate(OWN_PLAYS):
            player.record(track, time=NOW - hours_ago * HOUR_S)  # private: never leaves
        player.record("folk/northern-sky", time=NOW, public=True)  # shared on purpose
        player.record_many(
            Interaction(friend, track, time=NOW - HOUR_S, public=True)
            for friend, tracks in FRIENDS_PLAYS.items()
            for track in tracks
        )
        before_trust = player.recommend(n=5).notes  # nobody is heard yet, and it says so
        player.trust("ann", 1.0)
        player.trust("ben", 0.8)

        plain = player.recommend(n=6)
        sentences = [each.reasons[0].sentence(each.item) for each in plain]
        player.mute(plain[0].item)
        muted = player.recommend(n=5)
        exploring = player.recommend(n=5, explore=0.8)
        backup = path / "player.jsonl"
        player.export(backup)  # a backup for oneself: private plays are in it, marked so
    for sentence in sentences:
        print("because", sentence)
    print("without", plain[0].item, "→", ", ".join(map(str, muted.items)))
    print("exploring →", ", ".join(map(str, exploring.items)))
    return Session(before_trust, plain.items, sentences, muted.items, exploring.items, backup)


if __name__ == "__main__":
    main()
