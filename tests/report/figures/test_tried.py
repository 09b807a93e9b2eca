from __future__ import annotations

from itertools import combinations
from statistics import fmean

import pytest

from tests.factories import make_annotation_spec, make_record, save
from tests.site.made import pages, studies, study
from vsebench.plugin.errors import DataError
from vsebench.report.figures.tried import read_tried, study_sketches

HEAD = "dataset,pooling,loss,study,configuration,rung,share,lr,dev_rsum,seconds,run_ids\n"
POINTS = {"gpo": (200.0, 260.0, 0.0, 240.0), "mean": (180.0, 150.0, 190.0)}


def trials(folder, points=POINTS):
    lines = [
        f"scenes,{row},triplet,0,{i},{rung},0.1,0.01,{value + 100 * rung or ''},1.0,abc\n"
        for row, values in points.items()
        for rung in (0, 1)
        for i, value in enumerate(values)
    ]
    folder.mkdir(exist_ok=True)
    (folder / "trials.csv").write_text(HEAD + "".join(lines))


def test_the_first_rungs_of_all_files_are_read_and_divergence_counts_as_nothing(tmp_path):
    trials(tmp_path)
    trials(tmp_path / "tuning", {"max": (99.0,)})
    found = read_tried(tmp_path, "rsum")
    assert found == {
        ("scenes", ("gpo", "triplet")): [200.0, 260.0, 0.0, 240.0],
        ("scenes", ("mean", "triplet")): [180.0, 150.0, 190.0],
        ("scenes", ("max", "triplet")): [99.0],
    }


def test_a_table_without_rungs_and_of_samplers(tmp_path):
    (tmp_path / "trials-x.csv").write_text(
        "dataset,sampler,loss,lr,dev_map,run_ids\nmirflickr,warp,hinge,0.1,0.25,a\n"
    )
    assert read_tried(tmp_path, "map") == {("mirflickr", ("warp", "hinge")): [0.25]}
    for seed in range(2):
        spec = make_annotation_spec("warp", seed=seed)
        save(tmp_path, make_record(spec, test={"map": 0.2}, best_dev={"map": 0.1}))
    ((board,),) = [each.boards for each in studies(tmp_path)]
    assert [sketch.key for sketch in study_sketches(board, tmp_path)][-1] == "tuning"


def test_the_curve_is_the_mean_best_of_all_subsets(tmp_path):
    trials(study(tmp_path / "runs"))
    ((board,),) = [each.boards for each in studies(tmp_path / "runs")]
    sketch = study_sketches(board, tmp_path / "runs")[-1]
    rows = [standing.entry.row["pooling"] for standing in board.standings]
    assert {rows[i] for i in sketch.titles} == {"gpo", "mean"}
    (title,) = [title for i, title in sketch.titles.items() if rows[i] == "gpo"]
    assert title == "gpo: dev 260.0, 4 points"
    from matplotlib.figure import Figure

    panel = Figure().subplots()
    sketch.draw(panel)
    (line,) = [line for line in panel.lines if line.get_gid() == f"row-{rows.index('gpo')}"]
    assert list(line.get_ydata()) == pytest.approx(
        [fmean(map(max, combinations(POINTS["gpo"], k))) for k in range(1, 5)]
    )


def test_it_is_on_the_page_of_the_study_alone(tmp_path):
    trials(study(tmp_path / "tuned"))
    study(tmp_path / "other")
    made = pages(tmp_path / "tuned", tmp_path / "other")
    assert 'data-key="tuning"' in made["studies/tuned.html"]
    assert 'data-key="tuning"' not in made["studies/other.html"]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", HEAD.replace("dev_rsum", "dev_map")])
def test_another_table_is_named(tmp_path, text):
    (tmp_path / "trials.csv").write_text(text)
    with pytest.raises(DataError, match=r"trials\.csv is no table of trials: .* dev_rsum"):
        read_tried(tmp_path, "rsum")


@pytest.mark.parametrize("value", ["a", "nan", "-5", "inf", "1e999"])
def test_a_quality_that_is_none_is_refused(tmp_path, value):
    trials(tmp_path)
    path = tmp_path / "trials.csv"
    path.write_text(path.read_text().replace("260.0", value))
    with pytest.raises(DataError, match="has the dev quality"):
        read_tried(tmp_path, "rsum")
