"""Draw what was measured: the Sybil curve.

Matplotlib is imported when something is drawn, and the same figures give the same bytes.

Example:
    >>> plot_format("curve.svg")
    'svg'
"""

from __future__ import annotations

from pathlib import Path

from peerrec.errors import ConfigError
from peerrec_sim.evaluation import AttackResult, Evaluation

__all__ = ["draw_sybil_curve", "plot_format"]

FORMATS = ("svg", "png")


def plot_format(path: str | Path) -> str:
    """Return the picture format that the file's name asks for.

    Raises:
        ConfigError: neither .svg nor .png, or the folder does not exist.
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise ConfigError("--plot", str(path), "use a file name that ends in .svg or .png")
    if not Path(path).absolute().parent.is_dir():
        raise ConfigError("--plot", str(path), "the folder does not exist")
    return suffix


def draw_sybil_curve(evaluation: Evaluation, path: str | Path) -> None:
    """Write a picture: target hits and NDCG over the number of identities.

    One line per number of attack edges; the axis of identities is logarithmic with a
    place for 0.

    Raises:
        ConfigError: the format is not known or matplotlib is not installed.
    """
    file_format = plot_format(path)
    try:
        import matplotlib
    except ModuleNotFoundError:
        hint = "drawing needs matplotlib; try: pip install 'peerrec[sim]'"
        raise ConfigError("--plot", str(path), hint) from None
    from matplotlib.figure import Figure

    # Fixed identifiers and no date, or every run would write another file.
    with matplotlib.rc_context({"svg.hashsalt": "peerrec", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9.0, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        for attack_edges in sorted({point.attack_edges for point in evaluation.curve}):
            points = _line(evaluation, attack_edges)
            label = f"{attack_edges} attack edge{'s' if attack_edges != 1 else ''}"
            sizes = [point.sybils for point in points]
            hits = [float("nan") if p.target_hit is None else p.target_hit for p in points]
            left.plot(sizes, hits, marker="o", label=label)
            right.plot(sizes, [point.ndcg for point in points], marker="o", label=label)
        n = evaluation.n
        left.set_ylabel(f"share of honest top-{n} lists with a target")
        left.set_ylim(-0.02, 1.02)
        right.set_ylabel(f"NDCG@{n} of honest users")
        right.axhline(evaluation.ndcg, color="grey", linestyle=":", label="in peace")
        right.set_ylim(bottom=0.0)
        for axes in (left, right):
            axes.set_xscale("symlog", linthresh=1.0)
            axes.set_xlim(left=0.0)
            axes.set_xlabel("invented identities")
            axes.grid(alpha=0.3)
        right.legend(fontsize="small")
        figure.suptitle(
            f"{evaluation.ranker} on {evaluation.dataset}, attack {evaluation.attack}, "
            f"trust: {evaluation.trust}"
        )
        metadata = {"Date": None} if file_format == "svg" else {"Software": None}
        figure.savefig(path, format=file_format, metadata=metadata, dpi=120)


def _line(evaluation: Evaluation, attack_edges: int) -> list[AttackResult]:
    """Return the points of one number of attack edges, fewest identities first."""
    points = [point for point in evaluation.curve if point.attack_edges == attack_edges]
    return sorted(points, key=lambda point: point.sybils)
