"""``peerrec recommend``, ``similar`` and ``tune``: lists of items, with reasons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from peerrec_node.commands.common import (
    Opened,
    answer,
    json_id,
    json_peer,
    opened,
    peer_label,
    say_notes,
    store_options,
    table,
)

if TYPE_CHECKING:
    from peerrec.facade.results import Recommendations
    from peerrec.ranking.reasons import Reason
    from peerrec.store import RawId

__all__ = ["recommend", "similar", "tune"]

REASONS = 2
"""Reasons of each item where they are asked for: the strongest say most of it."""


@click.command()
@click.option("--n", default=10, show_default=True, help="Length of the list.")
@click.option("--explain", is_flag=True, help="Say why, and through whom.")
@click.option(
    "--explore",
    type=float,
    default=0.0,
    show_default=True,
    help="0 to 1: how much of the list comes from rarely visited neighbourhoods.",
)
@click.option("--candidates", multiple=True, metavar="ITEM", help="Rank only these; repeat it.")
@click.option("--include-seen", is_flag=True, help="Rank what you know already, too.")
@click.option("--no-factors", is_flag=True, help="Leave out what the network's table adds.")
@store_options
def recommend(
    n: int,
    explain: bool,
    explore: float,
    candidates: tuple[str, ...],
    include_seen: bool,
    no_factors: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    """Recommend items, best first.

    Example: peerrec recommend --n 5 --explain
    """
    with opened(store, make=False) as here:
        found = here.me.recommend(
            n,
            exclude_seen=not include_seen,
            candidates=candidates or None,
            explore=explore,
            reasons=REASONS if explain else 0,
            factors=not no_factors,
        )
        show(here, found, as_json=as_json)


@click.command()
@click.argument("item")
@click.option("--n", default=10, show_default=True, help="Length of the list.")
@store_options
def similar(item: str, n: int, store: Path | None, as_json: bool) -> None:
    """List the items nearest to one, by the people you hear.

    Example: peerrec similar track:nina-simone/feeling-good
    """
    with opened(store, make=False) as here:
        say_notes(here.notes)
        show(here, here.me.similar(item, n), as_json=as_json)


@click.command()
@store_options
def tune(store: Path | None, as_json: bool) -> None:
    """Search for ranking parameters that suit you, for some 20 seconds.

    They are tried on your own last interactions and those of the peers you trust; where a node
    keeps a factor table, so is its share in your lists. An app does this in the background; a
    command ends too soon.

    Example: peerrec tune
    """
    with opened(store, make=False, alone=True) as here:
        answered = here.me.tune()
        tuned = msgspec.to_builtins(here.me.stats().tuned)
        notes = [*here.notes]
    if not answered:
        notes.append("Too little is known to choose by: record or import more, and trust someone.")
    document = {"answered": answered, "tuned": tuned, "notes": notes}
    answer(document, as_json, table(tuned) if answered and tuned else ())
    if not as_json:
        say_notes(notes)


def show(here: Opened, found: Recommendations, *, as_json: bool) -> None:
    """Print a list; its notes on stderr, or within the JSON document."""
    notes = [*here.notes, *found.notes]
    entries: list[dict[str, Any]] = [
        {
            "item": json_id(each.item),
            "title": here.title(each.item),
            "score": each.score,
            "reasons": [reason_fields(here, each.item, reason) for reason in each.reasons],
        }
        for each in found
    ]
    answer({"recommendations": entries, "notes": notes}, as_json, lines(here, found))
    if not as_json:
        say_notes(notes)


def lines(here: Opened, found: Recommendations) -> Iterator[str]:
    """Yield a line for each item and, below it, one for each reason."""
    for place, each in enumerate(found, 1):
        yield f"{place:>3}  {each.score:.4g}  {here.name(each.item)}"
        for reason in each.reasons:
            yield f"       because {reason.sentence(each.item, here.title, peer_label)}"


def reason_fields(here: Opened, item: RawId, reason: Reason) -> dict[str, Any]:
    """Return a reason as JSON has it."""
    through = reason.through
    return {
        "own_item": json_id(reason.own_item),
        "hub": json_peer(reason.hub),
        "through": None if through is None else [json_peer(peer) for peer in through],
        "share": reason.share,
        "sentence": reason.sentence(item, here.title, peer_label),
    }
