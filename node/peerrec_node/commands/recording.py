"""``peerrec record`` and ``peerrec describe``: say what one did, and what it was."""

from __future__ import annotations

from pathlib import Path

import click

from peerrec_node.commands.common import ME, answer, label, moment, opened, store_options

__all__ = ["describe", "record"]


@click.command()
@click.argument("item")
@click.option(
    "--weight", type=float, default=1.0, show_default=True, help="Plays, rating or share listened."
)
@click.option("--time", "when", help="When it was: a date, a time or unix seconds.  [default: now]")
@click.option("--public", is_flag=True, help="It may leave this device; otherwise it never does.")
@store_options
def record(
    item: str, weight: float, when: str | None, public: bool, store: Path | None, as_json: bool
) -> None:
    """Record that you played, read or liked an item.

    Example: peerrec record track:nina-simone/feeling-good --weight 3
    """
    time = None if when is None else moment(when, "time")
    with opened(store, make=True) as here:
        here.me.record(item, weight, time=time, public=public)
        document = {"item": item, "weight": weight, "time": time, "public": public}
        answer(document, as_json, [f"recorded {here.title(item)}"])


@click.command()
@click.argument("item")
@click.option("--title", help="What it is called.")
@click.option("--tag", "tags", multiple=True, help="What it is filed under; repeat it.")
@click.option("--link", help="Where it is found.")
@store_options
def describe(
    item: str,
    title: str | None,
    tags: tuple[str, ...],
    link: str | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Say what an item is; what you leave out stays as it was.

    Example: peerrec describe track:x --title "Feeling Good" --tag jazz --tag soul
    """
    if title is None and link is None and not tags:
        raise click.UsageError("Give --title, --tag or --link.")
    with opened(store, make=True) as here:
        before = [each for each in here.store.descriptions(item) if each.author == ME]
        said = {
            "title": (before[0].title if before else "") if title is None else title,
            "tags": tags or (before[0].tags if before else ()),
            "link": (before[0].link if before else "") if link is None else link,
        }
        here.me.describe(item, **said)  # type: ignore[arg-type]
        answer({"item": item, **said}, as_json, [f"described {label(item)}"])
