"""`vsebench.run`: from a suite to its results in one call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import vsebench
from tests.factories import make_curve, make_record, make_spec, save
from vsebench import api
from vsebench.grid.suite import make_suite

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.grid.suite import Suite


def test_run_runs_a_suite_file_and_reports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, make_record(make_spec("gpo")), make_curve([1, 2]))
    save(tmp_path, make_record(make_spec("max")), make_curve([1, 2]))
    (tmp_path / "suite.toml").write_text('pooling = ["gpo"]\nloss = ["triplet"]\n')
    suites: list[Suite] = []

    def run_suite(suite: Suite) -> SimpleNamespace:
        suites.append(suite)
        return SimpleNamespace(out=tmp_path, run_ids=(make_spec("gpo").run_id,))

    monkeypatch.setattr(api, "run_suite", run_suite)
    results = vsebench.run(tmp_path / "suite.toml")
    assert [suite.pooling for suite in suites] == [("gpo",)]
    assert [row["pooling"] for row in results.rows] == ["gpo"]
    assert vsebench.run(suites[0]).rows == results.rows


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Suite]:
    """The suites that are run; every one leaves the same run."""
    save(tmp_path / "runs", make_record(make_spec("gpo")), make_curve([1, 2]))
    suites: list[Suite] = []

    def run_suite(suite: Suite) -> SimpleNamespace:
        suites.append(suite)
        return SimpleNamespace(out=tmp_path / "runs", run_ids=(make_spec("gpo").run_id,))

    monkeypatch.setattr(api, "run_suite", run_suite)
    return suites


def test_keywords_are_a_suite(asked: list[Suite]) -> None:
    vsebench.run(dataset="scenes", pooling=["gpo", "maxavg"], loss="triplet", seeds=range(3))
    vsebench.run(pooling=[{"name": "kmax", "k": 5}], set={"embed_dim": 8}, seeds=1)
    one, other = asked
    assert one == make_suite(
        {"dataset": "scenes", "pooling": "gpo,maxavg", "loss": "triplet", "seeds": "0-2"}
    )
    assert (other.pooling, other.set, other.seeds) == (("kmax:k=5",), {"embed_dim": 8}, (1,))


def test_keywords_replace_what_a_suite_says(tmp_path: Path, asked: list[Suite]) -> None:
    file = tmp_path / "suite.toml"
    file.write_text('pooling = ["gpo"]\nloss = ["triplet"]\nset = { embed_dim = 8, lr = 0.1 }\n')
    vsebench.run(file, loss="aoq", set={"lr": 0.2})
    vsebench.run(asked[0], pooling="max")
    first, second = asked
    assert (first.pooling, first.loss) == (("gpo",), ("aoq",))
    assert first.set == second.set == {"embed_dim": 8, "lr": 0.2}
    assert (second.pooling, second.loss) == (("max",), ("aoq",))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a key": ({"poolings": "gpo"}, "unknown key 'poolings': did you mean 'pooling'?"),
    "a value": ({"epochs": -1}, "epochs must be greater than or equal to 0, got -1"),
    "a component": (
        {"pooling": [3]},
        "pooling: 3 is not a component spec: write a text such as kmax:k=5, or a table with a name",
    ),
    "no seeds": (
        {"seeds": []},
        "seeds: no seed is given: write a list or a range, such as 0,1,2 or 0-5",
    ),
}


@pytest.mark.parametrize(("options", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_is_an_exception_of_one_line(
    options: dict[str, Any], said: str, asked: list[Suite]
) -> None:
    for given in ((), (make_suite({}),)):
        with pytest.raises(vsebench.VsebenchError) as caught:
            vsebench.run(*given, **options)
        assert str(caught.value) == f"vsebench.run: {said}"
    assert asked == []


def test_what_only_planning_knows_is_the_same_line(tmp_path: Path) -> None:
    with pytest.raises(vsebench.VsebenchError, match="unknown pooling 'gop': did you mean 'gpo'"):
        vsebench.run(pooling="gop", out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
