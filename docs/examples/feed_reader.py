"""A feed reader: articles nobody has read yet are found by what a trusted feed says of them.

Shows descriptions with tags and links, cold items, and ``less_like``.

Run it: python docs/examples/feed_reader.py
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from peerrec import Interaction, Options, Recommender
from peerrec.store import RawId

NOW = 1_750_000_000.0

TAGS = {
    "garden": ("garden", "outdoors"),
    "rust": ("programming", "rust"),
    "space": ("science", "space"),
}
PUBLISHED = [f"garden/{name}" for name in ("seeds", "soil", "prune", "compost", "bees")]
PUBLISHED += ["rust/borrow", "rust/async", "rust/traits", "space/probe", "space/orbit"]
OWN_READS = ["garden/seeds", "garden/soil", "rust/borrow"]
FRIENDS_READS = {
    "ann": ["garden/seeds", "garden/soil", "garden/prune", "garden/compost", "rust/async"],
    "ben": ["garden/soil", "rust/borrow", "rust/async", "rust/traits", "space/probe"],
    "cleo": ["garden/seeds", "rust/borrow", "rust/async", "rust/traits", "garden/prune"],
}


class Session(NamedTuple):
    """What the reader showed: item and score, list by list."""

    fresh: dict[RawId, float]
    after_less_like: dict[RawId, float]
    links: dict[str, str]


def main(path: Path | None = None) -> Session:
    """Follow a feed, list and steer in a folder; None for a temporary one."""
    if path is None:
        with TemporaryDirectory() as folder:
            return main(Path(folder))
    links = {article: f"https://feed.example/{article}" for article in PUBLISHED}
    options = Options(tune=False)  # a short demonstration has nothing to tune on
    with Recommender.open(path / "reader.db", options=options, clock=lambda: NOW) as reader:
        reader.record_many(OWN_READS)
        reader.record_many(
            Interaction(friend, article, time=NOW, public=True)
            for friend, articles in FRIENDS_READS.items()
            for article in articles
        )
        for peer in (*FRIENDS_READS, "feed"):
            reader.trust(peer)
        for article, link in links.items():
            tags = TAGS[article.partition("/")[0]]
            reader.describe(article, title=article, tags=tags, link=link, author="feed")
        # Whom nobody trusts may describe what they like: it is not read.
        reader.describe("spam/pills", tags=TAGS["garden"], author="stranger")

        fresh = reader.recommend(n=10)
        reader.less_like("rust/traits")
        later = reader.recommend(n=10)
    for each in fresh:
        # An article that nobody has read has a score, but no reader to name as its reason.
        why = each.reasons[0].sentence(each.item) if each.reasons else "new, by its tags"
        print(f"{each.score:.3f}  {links[str(each.item)]}  {why}")
    print("less like rust/traits →", ", ".join(map(str, later.items)))
    return Session(
        {each.item: each.score for each in fresh}, {each.item: each.score for each in later}, links
    )


if __name__ == "__main__":
    main()
