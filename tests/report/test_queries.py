from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tests.factories import make_annotation_spec, make_record, make_spec, save
from vsebench.cli.app import main
from vsebench.report.queries.tallies import hardest as hardest_of
from vsebench.report.queries.tallies import tallies
from vsebench.report.rows.runs import read_runs
from vsebench.report.rows.sections import split
from vsebench.results.folder.store import Store

MEAN, GPO = ("mean", "triplet"), ("gpo", "triplet")


def leave(out, pooling, seed, i2t, t2i):
    record = save(out, make_record(make_spec(pooling, seed=seed)))
    Store(out).directory_for(record.spec).write_ranks(
        np.array(i2t, np.int32), np.array(t2i, np.int32), np.arange(len(t2i)) % len(i2t)
    )


def found(out, hardest=0):
    (section,) = split(read_runs(out).ended)
    return {each.kind: each for each in tallies(section, MEAN, hardest)}


def by_hand(ours, theirs):
    """Wins, ties and losses, one query at a time; ranks [seeds][queries] from 0."""
    counts = [0, 0, 0]
    for query in range(len(ours[0])):
        one, two = (
            math.prod(ranks[query] + 1 for ranks in each) ** (1 / len(each))
            for each in (ours, theirs)
        )
        counts[1 if math.isclose(one, two, rel_tol=1e-9) else 0 if one < two else 2] += 1
    return tuple(counts)


@pytest.mark.parametrize("seed", range(5))
def test_queries_are_counted_as_by_hand(tmp_path, seed):
    rng = np.random.default_rng(seed)
    answers = {
        row: [(rng.integers(0, 4, 7), rng.integers(0, 4, 14)) for _ in range(3)]
        for row in ("mean", "gpo")
    }
    for row, runs in answers.items():
        for number, (i2t, t2i) in enumerate(runs):
            leave(tmp_path, row, number, i2t, t2i)
    for kind, side in (("i2t", 0), ("t2i", 1)):
        each = found(tmp_path)[kind]
        ours, theirs = ([run[side] for run in answers[row]] for row in ("gpo", "mean"))
        assert (each.wins, each.ties, each.losses) == by_hand(ours, theirs)
        assert each.seeds == (0, 1, 2)


def test_the_hardest_are_those_that_both_answer_worst(tmp_path):
    leave(tmp_path, "mean", 0, [0, 9, 4], [0, 0, 0])
    leave(tmp_path, "gpo", 0, [0, 3, 99], [0, 0, 0])
    hardest = found(tmp_path, 2)["i2t"].hardest
    assert [hard.index for hard in hardest] == [2, 1]
    assert (hardest[0].ours, hardest[0].theirs) == pytest.approx((100, 5))


def test_the_hardest_of_a_section_are_means_over_rows_that_name_the_best(tmp_path):
    leave(tmp_path, "mean", 0, [0, 9, 4], [0, 0, 0])
    leave(tmp_path, "mean", 1, [0, 9, 24], [0, 0, 0])
    leave(tmp_path, "gpo", 0, [0, 3, 99], [0, 0, 0])
    leave(tmp_path, "gpo", 1, [0, 3, 99], [0, 0, 0])
    (section,) = split(read_runs(tmp_path).ended)
    i2t = [each for each in hardest_of(section, 2) if each.kind == "i2t"]
    assert [each.index for each in i2t] == [2, 1]
    rank = math.sqrt(5 * 25)
    assert (i2t[0].score, i2t[0].best) == pytest.approx((math.sqrt(rank * 100), rank))
    assert (i2t[0].row, i2t[1].row) == (MEAN, GPO)


def test_a_section_whose_rows_answered_other_queries_has_none(tmp_path):
    leave(tmp_path, "mean", 0, [0, 1], [0, 1])
    leave(tmp_path, "gpo", 0, [0, 1, 2], [0, 1, 2])
    (section,) = split(read_runs(tmp_path).ended)
    assert hardest_of(section, 2) == []


def test_runs_that_stored_no_answers_are_left_out(tmp_path):
    leave(tmp_path, "mean", 0, [0, 1], [0, 1])
    save(tmp_path, make_record(make_spec("gpo")))
    assert found(tmp_path) == {}


def test_images_are_the_queries_of_the_annotation_task(tmp_path):
    for sampler, values in (("uniform", [0.1, 0.5, 0.3]), ("warp", [0.2, 0.5, 0.1])):
        record = save(tmp_path, make_record(make_annotation_spec(sampler), test={"map": 0.3}))
        directory = Store(tmp_path).directory_for(record.spec)
        directory.write_per_image({"map": np.array(values, np.float32)})
    (section,) = split(read_runs(tmp_path).ended)
    (each,) = tallies(section, ("uniform", "hinge"), 1)
    assert (each.kind, each.wins, each.ties, each.losses) == ("images", 1, 1, 1)
    assert each.hardest[0].index == 0
    assert each.hardest[0].ours == pytest.approx(0.2)


def test_the_command_shows_them_where_it_is_asked(tmp_path, capsys):
    for seed in range(2):
        leave(tmp_path, "mean", seed, [0, 9, 4], [0, 0, 7])
        leave(tmp_path, "gpo", seed, [0, 3, 9], [0, 0, 9])

    def said(*options):
        with pytest.raises(SystemExit):
            main(["compare", str(tmp_path), "--to", "mean,triplet", *options])
        return capsys.readouterr().out

    assert "wins" not in said()
    text = said("--queries", "1")
    hardest = "Hardest captions of gpo × triplet and mean × triplet, t2i:\n  caption 2: 10 and 8"
    assert hardest in text
    assert max(map(len, text.splitlines())) <= 100
    queries = json.loads(said("--queries", "1", "--format", "json"))["queries"]
    assert [(each["queries"], each["wins"], each["losses"]) for each in queries] == [
        ("i2t", 1, 1),
        ("t2i", 0, 1),
    ]
