from __future__ import annotations

import subprocess
import sys

import pytest
from made_runs import made_curve, made_experiment, made_run, made_scenario

from peerrec.errors import ConfigError
from peerrec_sim.measures.result import RunResult
from peerrec_sim.reports.pictures import PICTURES, draw, pictures_of
from peerrec_sim.reports.theme import png_of, svg_of
from peerrec_sim.reports.writing import write


def texts(figure) -> str:
    found = [each.get_text() for each in figure.texts]
    for axes in figure.axes:
        found += [axes.get_xlabel(), axes.get_ylabel()]
        legend = axes.get_legend()
        found += [] if legend is None else [each.get_text() for each in legend.get_texts()]
    return " | ".join(found)


def test_every_axis_is_named():
    for run in (made_run(), made_curve()):
        for picture in pictures_of(run):
            for axes in draw(run, picture.name).axes:
                assert axes.get_xlabel(), picture.name
                assert axes.get_ylabel() or picture.name == "bytes", picture.name


def test_every_kind_of_picture_is_drawn_by_one_run_or_another():
    drawn = {picture.name for run in (made_run(), made_curve()) for picture in pictures_of(run)}
    assert drawn == {picture.name for picture in PICTURES}


def test_a_notebook_gets_its_pictures_from_the_result():
    run = made_run()
    assert "with all data" in texts(run.plot_relevance())
    assert "99% within" in texts(run.plot_delivery())
    assert "who trusts a sybil" in texts(run.plot_merit())
    assert "KiB" in texts(run.plot_bytes())
    assert "lacks" in texts(run.plot_convergence())


def test_the_delivery_curve_ends_at_all_and_marks_the_quantiles():
    run = made_run()
    curve = run.plot_delivery().axes[0].lines[0]
    assert curve.get_ydata()[-1] == 1.0
    assert (curve.get_xdata()[:-1] <= curve.get_xdata()[1:]).all()


def test_gain_has_one_line_for_each_ranker():
    lines = made_curve().plot_merit().axes[0].lines
    assert sorted(line.get_label() for line in lines[1:]) == ["meritsalsa", "web3recommend"]


def test_many_attacks_have_a_panel_each_and_one_legend():
    figure = made_experiment().plot_merit()
    assert [axes.get_title() for axes in figure.axes] == [
        f"{shape}, {edges}"
        for shape in ("friend-cycle", "friend-parallel", "friend-serial")
        for edges in ("1 attack edge", "2 attack edges")
    ]
    for axes in figure.axes:
        labels = [line.get_label() for line in axes.lines[1:]]
        assert labels == ["ours", "theirs .1", "theirs .3"]
        assert axes.get_legend() is None
    (legend,) = figure.legends
    assert [each.get_text() for each in legend.get_texts()] == ["ours", "theirs .1", "theirs .3"]


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_every_picture_has_room_for_what_is_in_it():
    for run in (made_run(), made_curve(), made_experiment()):
        for picture in pictures_of(run):
            assert png_of(draw(run, picture.name))
            assert svg_of(draw(run, picture.name, "page"), picture.title)


def test_a_run_that_measured_nothing_of_it_says_so():
    run = RunResult(made_scenario())
    assert pictures_of(run) == []
    for picture in PICTURES:
        assert "measured nothing" in texts(draw(run, picture.name))


def test_an_unknown_picture_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match="relevance"):
        draw(made_run(), "nonsense")


def test_a_report_holds_page_tables_and_a_png_of_each_picture(tmp_path):
    run = made_curve(1)
    path = write(run, tmp_path / "run")
    assert path == tmp_path / "run" / "report.html"
    names = {each.stem for each in (tmp_path / "run" / "pictures").iterdir()}
    assert names == {picture.name for picture in pictures_of(run)}
    png = (tmp_path / "run" / "pictures" / "merit.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    assert png == png_of(run.plot_merit())
    with pytest.raises(ConfigError, match="another run"):
        made_run(2).write(tmp_path / "run")
    assert (tmp_path / "run" / "pictures" / "merit.png").read_bytes() == png


def test_measuring_loads_nothing_that_only_reports_need():
    script = (
        "import sys, peerrec_sim.measures.result, peerrec_sim.measures.snapshot, "
        "peerrec_sim.measures.oracle, peerrec_sim.reports.pictures, peerrec_sim.reports.comparing; "
        "print({'matplotlib', 'pyarrow', 'jinja2', 'networkx'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert found.stdout.strip() == "set()"
