"""Runs that hold training images out, and are counted on dev and test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from vsebench.cli.app import main
from vsebench.cli.compare import compare_command
from vsebench.plugin import DataError, SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.report.rows.combinations import make_block
from vsebench.report.rows.runs import read_runs
from vsebench.report.rows.sections import split
from vsebench.report.tables.layout import heading
from vsebench.results.folder.store import Store
from vsebench.results.reader import POSITIONS, RANKS, RETRIEVED
from vsebench.retrieval.shown import worst
from vsebench.retrieval.stored import embed_test, open_stored, open_trained, own_data
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.spec import RunSpec

    Plan = Callable[..., tuple[RunSpec, ...]]

BOTH = {"tune_images": 20, "evaluate_on": "dev+test", "epochs": 2}
CPU = torch.device("cpu")


def test_a_run_is_counted_on_both_each_ranked_by_itself(plan_runs: Plan, tmp_path: Path) -> None:
    (spec,) = plan_runs(set=BOTH, pooling="gpo")
    directory = Store(tmp_path).directory_for(spec)
    directory.write_spec(spec)
    record = train(spec, directory, lambda event: None)
    assert record.steps_per_epoch == 100 * 5 // 32

    stored = open_stored(directory)
    _, data = own_data(spec, load_plugins().registry, ())
    model = open_trained(stored, (), CPU, data=data)
    galleries = [model.embed(data.splits[name]).metrics for name in ("test", "dev")]
    for direction, queries in (("i2t", (40, 30)), ("t2i", (200, 150))):
        for depth in (1, 5, 10):
            key = f"{direction}_r{depth}"
            found = np.average([getattr(each, key) for each in galleries], weights=queries)
            assert record.test[key] == pytest.approx(found)
    assert record.test["rsum"] != pytest.approx(galleries[0].rsum)
    assert embed_test(stored, (), CPU).mismatch is None

    (run,) = read_runs(tmp_path).ended
    values = run.per_image["rsum"]
    assert (len(values), values.mean()) == (70, pytest.approx(record.test["rsum"]))
    assert values[:40].mean() == pytest.approx(galleries[0].rsum)
    kept = directory.read_arrays(RETRIEVED)
    ranks = directory.read_arrays(RANKS)
    owners = ranks["text_to_image"]
    for kind in ("i2t", "t2i"):
        assert kept[kind].tolist() == worst(ranks[kind]).tolist()
        known = 0
        for query, top in zip(kept[kind], kept[f"{kind}_top"], strict=True):
            images, wanted = (owners[top], query) if kind == "i2t" else (top, owners[query])
            assert ((images < 40) == (wanted < 40)).all()
            if ranks[kind][query] < len(top):  # ties count against the model: it may stand higher
                assert wanted in images[: ranks[kind][query] + 1]
                known += 1
        assert known
    weights = directory.read_arrays(POSITIONS)
    assert set(weights) == {"image", "text"}
    np.testing.assert_allclose(np.nansum(weights["image"], axis=1), 1, rtol=1e-5)

    (section,) = split([run])
    assert heading(make_block(section)) == "precomp · dev+test"


def test_evaluate_counts_what_the_record_does(
    plan_runs: Plan, tmp_path: Path, tiny_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (spec,) = plan_runs(set={**BOTH, "epochs": 1})
    directory = Store(tmp_path).directory_for(spec)
    directory.write_spec(spec)
    record = train(spec, directory, lambda event: None)

    def evaluate(*options: str) -> tuple[str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["evaluate", str(directory.path), "--data-root", str(tiny_root), *options])
        assert ended.value.code == 0
        printed = capsys.readouterr()
        return printed.out, printed.err

    out, err = evaluate("--json")
    found = json.loads(out)
    assert {key: found[key] for key in record.test} == record.test
    assert (found["images"], found["captions"], found["counted_on"]) == (70, 350, "dev+test")
    assert err == ""
    out, _ = evaluate()
    assert "70 images, 350 captions of dev+test, each split ranked by itself, as recorded" in out
    np.save(tmp_path / "attributes.npy", np.ones((40, 2), np.int8))
    out, err = evaluate("--attributes", str(tmp_path / "attributes.npy"), "--json")
    assert json.loads(out)["images"] == 40
    assert "of the test split alone; the record of the run is counted on dev+test" in err


def test_hard_queries_of_dev_are_shown_with_their_captions(
    plan_runs: Plan, tmp_path: Path, tiny_root: Path
) -> None:
    for spec in plan_runs(pooling="mean,max", set={**BOTH, "epochs": 1}):
        directory = Store(tmp_path).directory_for(spec)
        directory.write_spec(spec)
        train(spec, directory, lambda event: None)
    app = typer.Typer()
    app.command()(compare_command)
    wanted = [str(tmp_path), "--to", "mean,triplet", "--queries", "350", "--data-root"]
    ran = CliRunner().invoke(app, [*wanted, str(tiny_root)])
    assert ran.exit_code == 0, ran.output
    assert ran.output.startswith("precomp · dev+test\n")
    dev = (tiny_root / "precomp" / "dev_caps.txt").read_text().splitlines()
    shown = {line.split(":")[0].strip(): line for line in ran.output.splitlines()}
    for k, text in enumerate(dev):
        assert shown[f"caption {200 + k}"].endswith(f" {text}")


def test_runs_that_are_counted_on_test_have_the_same_model(plan_runs: Plan, tmp_path: Path) -> None:
    """What is counted changes nothing of what is trained; what is held out does."""
    records = []
    for changes in (BOTH, {**BOTH, "evaluate_on": "test"}, {"epochs": 2}):
        (spec,) = plan_runs(set=changes)
        directory = Store(tmp_path).directory_for(spec)
        directory.write_spec(spec)
        records.append(train(spec, directory, lambda event: None))
    both, test, whole = records
    assert both.best_dev == test.best_dev != whole.best_dev
    assert both.test != test.test
    assert len({record.run_id for record in records}) == 3


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"evaluate_on": "dev+test"}, SpecError, "counted only where it decides nothing"),
        ({"tune_images": 120}, DataError, "has 120 training images, of which 120 cannot be held"),
        ({"tune_images": 115}, DataError, "25 training captions, fewer than one batch of 32"),
    ],
)
def test_what_cannot_be_held_out_or_counted_is_refused(
    plan_runs: Plan, changes: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        plan_runs(set=changes)
