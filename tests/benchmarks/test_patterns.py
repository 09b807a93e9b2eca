from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close
from typer.testing import CliRunner

from benchmarks.patterns import __main__ as main_module
from benchmarks.patterns.__main__ import LINE_UP, app, run
from benchmarks.patterns.report import load, tables, to_json
from benchmarks.patterns.task import PATTERNS, SEEN, UNSEEN, Sets, draw, target
from benchmarks.patterns.trial import CONSTANT, Recipe, Trial, attempt
from vsebench.plugin import SpecError

RESULTS = Path(__file__).parents[2] / "results" / "patterns"
TINY = Recipe(dim=4, batch=16, steps=40, lr=0.03, test=50)


def expected(pattern: str, values: list[float]) -> float:
    top = sorted(values, reverse=True)
    n = len(top)
    if pattern == "linear decay":
        return sum((n - k) * value for k, value in enumerate(top)) / (n * (n + 1) / 2)
    kept = top[: {"avg": n, "max-1": 1, "max-10": 10, "top-50%": -(-n // 2)}[pattern]]
    return sum(kept) / len(kept)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_targets_equal_a_loop(pattern: str) -> None:
    sets = draw(8, (*UNSEEN, 25), 3, torch.Generator().manual_seed(0))
    loop = [
        [expected(pattern, item[:n, d].tolist()) for d in range(3)]
        for item, n in zip(sets.features, sets.lengths.tolist(), strict=True)
    ]
    assert_close(target(pattern, sets), torch.tensor(loop), rtol=1e-5, atol=1e-6)


def test_targets_do_not_read_padding() -> None:
    features, lengths = draw(3, (4, 9), 2, torch.Generator().manual_seed(2))
    poisoned = features.clone()
    poisoned[torch.arange(features.shape[1]) >= lengths[:, None]] = 100
    for pattern in PATTERNS:
        assert torch.equal(
            target(pattern, Sets(poisoned, lengths)), target(pattern, Sets(features, lengths))
        )


def test_sizes_are_the_papers() -> None:
    assert sorted({*SEEN, *UNSEEN}) == list(range(10, 121))
    assert not set(SEEN) & set(UNSEEN)
    lengths = draw(500, SEEN, 1, torch.Generator().manual_seed(0)).lengths
    assert lengths.min() < 25
    assert lengths.max() > 95
    assert set(lengths.tolist()) <= set(SEEN)


@pytest.mark.parametrize(
    ("pooling", "pattern"), [("mean", "avg"), ("max", "max-1"), ("kmax:k=10", "max-10")]
)
def test_a_pooling_that_is_the_pattern_makes_no_error(pooling: str, pattern: str) -> None:
    trial = attempt(pooling, pattern, 0, TINY)
    assert trial.seen < 1e-6
    assert trial.unseen < 1e-6


@pytest.mark.parametrize("pattern", ["avg", "max-1"])
def test_gpo_learns_and_a_fixed_pooling_does_not(pattern: str) -> None:
    gpo, other, constant = (
        attempt(pooling, pattern, 0, TINY).seen for pooling in ("gpo", "kmax:k=10", CONSTANT)
    )
    assert gpo < 0.5 * constant
    assert other > constant


def test_a_seed_gives_the_same_trial_and_another_another() -> None:
    first, again, other = (attempt("gem", "avg", seed, TINY) for seed in (1, 1, 2))
    assert first == again
    assert first.seen != other.seen


def test_trials_are_kept_in_a_file_and_not_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trials.json"
    first = run(["mean"], (0,), TINY, path)
    assert load(path, TINY) == first
    made = f"mean · {first[0].pattern} · 0: 0.0000\n"
    assert capsys.readouterr().err.startswith(made)
    both = run(["max", "mean"], (0,), TINY, path)
    assert both[len(PATTERNS) :] == first
    assert "mean" not in capsys.readouterr().err
    assert set(load(path, TINY)) == set(both)


def test_an_interrupted_run_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(pooling: str, pattern: str, seed: int, recipe: Recipe) -> Trial:
        if pattern == "max-10":
            raise KeyboardInterrupt
        return Trial(pooling, pattern, seed, 0.0, 0.0)

    monkeypatch.setattr(main_module, "attempt", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(["mean"], (0,), TINY, tmp_path / "trials.json")
    assert [t.pattern for t in load(tmp_path / "trials.json", TINY)] == ["avg", "max-1"]


def test_trials_of_another_recipe_are_not_mixed_in(tmp_path: Path) -> None:
    (tmp_path / "trials.json").write_text(to_json(TINY, []))
    with pytest.raises(SpecError, match=r"'steps': 40.* not .*'steps': 400\b"):
        run(["mean"], (0,), Recipe(), tmp_path / "trials.json")


def test_cells_are_means_with_intervals_over_seeds() -> None:
    trials = [
        Trial("gem", pattern, seed, 0.1 + 0.01 * seed, 0.2)
        for pattern in PATTERNS
        for seed in (0, 1)
    ]
    seen, unseen = tables(trials).split("Other sizes")
    # t(1) = 12.706 times the standard error 0.005
    assert "| gem            | 0.1050 ± 0.0635 |" in seen
    assert "published: gpo" in seen
    assert "0.2000 |" in unseen
    assert "±" not in unseen  # seeds that agree
    assert "–" not in seen
    assert "–" in tables(trials[:-2])


def test_a_bad_spec_stops_before_any_training() -> None:
    with pytest.raises(SpecError, match="did you mean 'gpo'"):
        run(["gpo", "gppo"], (0,), Recipe(steps=10**9))


def test_the_command(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app,
        [
            "--pooling",
            "mean,gem",
            "--seeds",
            "3",
            "--steps",
            "1",
            "--out",
            str(tmp_path / "trials.json"),
        ],
    )
    assert done.exit_code == 0
    assert done.stdout.startswith("Sizes seen in training (20 to 100):\n\n| pooling ")
    trials = json.loads((tmp_path / "trials.json").read_text())["trials"]
    assert {(t["pooling"], t["seed"]) for t in trials} == {(CONSTANT, 3), ("mean", 3), ("gem", 3)}
    assert len(trials) == 3 * len(PATTERNS)


def test_a_mistake_is_one_line() -> None:
    done = CliRunner().invoke(app, ["--pooling", "gppo"])
    assert done.exit_code == 2
    assert (
        done.stderr == "benchmarks.patterns: error: unknown pooling 'gppo': did you mean 'gpo'?\n"
    )


def test_the_committed_tables_are_remade_from_the_committed_trials() -> None:
    trials = load(RESULTS / "trials.json", Recipe())
    order = [CONSTANT, *LINE_UP.split(",")]
    assert {t.pooling for t in trials} <= set(order)
    trials.sort(key=lambda t: order.index(t.pooling))
    assert tables(trials) in (RESULTS / "README.md").read_text(encoding="utf-8")
