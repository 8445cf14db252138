"""Print an evaluation as tables for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from peerrec_sim.evaluation import Evaluation

__all__ = ["print_table"]

_LEFT_OUT = ("parameters", "curve", "attack")


def print_table(result: Evaluation, console: Console | None = None) -> None:
    """Print the figures in peace, and the Sybil curve where there is one."""
    console = Console() if console is None else console
    table = Table("figure", "value", title=f"{result.ranker} on {result.dataset}")
    table.columns[1].justify = "right"
    for name, setting in result.parameters.items():
        table.add_row(f"set {name}", _text(setting))
    for name, value in result.as_dict().items():
        if name not in _LEFT_OUT:
            table.add_row(name, _text(value))
    console.print(table)
    if result.attack is not None:
        console.print(_curve(result))


def _curve(result: Evaluation) -> Table:
    """Return the Sybil curve as a table, a row per size."""
    n = result.n
    table = Table(title=f"under attack: {result.attack}")
    for name in (
        "attack edges",
        "sybils",
        f"target hit@{n}",
        "sybil merit",
        f"ndcg@{n}",
        "ndcg loss",
        "false flag rate",
    ):
        table.add_column(name, justify="right")
    for point in result.curve:
        figures = (
            point.attack_edges,
            point.sybils,
            point.target_hit,
            point.sybil_merit,
            point.ndcg,
            point.ndcg_loss,
            point.false_flag_rate,
        )
        table.add_row(*map(_text, figures))
    return table


def _text(value: object) -> str:
    """Return a figure as people read it."""
    if value is None:
        return "–"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
