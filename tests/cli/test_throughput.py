from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.fixtures import Call


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsebench.annotation.throughput._SECONDS", 0.0)
    monkeypatch.setattr("vsebench.annotation.throughput._DRAWS", 500)


SMALL = ("--labels", "20,30", "--batch", "8,16", "--images", "40", "--dim", "4", "--device", "cpu")


def test_json_holds_every_figure(call: Call) -> None:
    found = json.loads(
        call(
            "throughput",
            "samplers",
            *SMALL,
            "--sampler",
            "uniform,vse-ens:lam=0.1",
            "--format",
            "json",
        )
    )
    assert (found["schema"], found["images"], found["dim"], found["threads"]) == (1, 40, 4, 1)
    assert [(row["labels"], row["sampler"]) for row in found["rows"]] == [
        (20, "uniform"),
        (20, "vse-ens:lam=0.1"),
        (30, "uniform"),
        (30, "vse-ens:lam=0.1"),
    ]
    for row in found["rows"]:
        assert set(row["draws_per_second"]) == {"8", "16"}
        assert 0 <= row["law_distance"] < 1


def test_the_table_has_a_line_per_sampler_and_number_of_labels(call: Call) -> None:
    lines = call("throughput", "samplers", *SMALL, "--sampler", "uniform,warp").splitlines()
    assert lines[0].split()[:2] == ["labels", "sampler"]
    assert [line.split()[:2] for line in lines[2:6]] == [
        ["20", "uniform"],
        ["20", "warp"],
        ["30", "uniform"],
        ["30", "warp"],
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sampler", "unifrm"), "unknown sampler 'unifrm': did you mean 'uniform'?"),
        (
            ("--labels", "300,many"),
            "--labels takes positive integers, comma-separated, such as 300,5000; got 'many'",
        ),
        (
            ("--labels", "99999999999999"),
            "--labels takes numbers up to 100,000,000, got 99999999999999",
        ),
        (("--labels", "300, 300"), "--labels names 300 twice: keep one"),
        (("--batch", "8,16,8"), "--batch names 8 twice: keep one"),
        (
            ("--batch", "0"),
            "--batch takes positive integers, comma-separated, such as 300,5000; got '0'",
        ),
        (("--format", "jsn"), "unknown format 'jsn': did you mean 'json'?"),
        (("--device", "gpu"), "unknown device 'gpu': did you mean 'cuda'?"),
    ],
)
def test_wrong_requests_are_one_line(call: Call, arguments: tuple[str, ...], message: str) -> None:
    assert call("throughput", "samplers", *arguments, code=2) == f"vsebench: error: {message}\n"


def test_what_does_not_fit_in_memory_is_one_line(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("vsebench.annotation.throughput.planted_state", full)
    message = "40 images and 20 labels of 4 factors do not fit in memory: ask for fewer"
    assert (
        call("throughput", "samplers", *SMALL, "--sampler", "uniform", code=2)
        == f"vsebench: error: {message}\n"
    )
