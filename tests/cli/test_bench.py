from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from vsebench.bench import figures
from vsebench.bench.figure import Figure, Setting, Work
from vsebench.cli import bench as bench_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.fixtures import Call, Prints


def broken(setting: Setting) -> Work:
    raise RuntimeError("no such kernel")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """One figure of the real ones, and one that fails."""
    for name in bench_module.THREADS:  # which the command sets
        monkeypatch.setenv(name, "1")
    real = next(each for each in figures.FIGURES if each.name == "loss/triplet")
    monkeypatch.setattr(figures, "FIGURES", (Figure("made/broken", broken), real))


def test_the_table_names_what_failed_and_holds_the_others(prints: Prints) -> None:
    printed = prints("bench", "--size", "tiny", code=1)
    lines = printed.out.splitlines()
    assert [part.strip() for part in lines[0].split("|")[1:-1]] == [
        "figure",
        "ours",
        "ratio",
        "plain version",
        "share",
        "floor",
    ]
    assert lines[2].split("|")[2].strip() == "failed"
    assert lines[3].startswith("| loss/triplet")
    assert "failed: made/broken: RuntimeError: no such kernel" in lines
    assert printed.err.splitlines() == ["1 of 2: made/broken", "2 of 2: loss/triplet"]


def test_json_holds_machine_versions_and_every_figure(prints: Prints, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    found = json.loads(
        prints("bench", "--size", "tiny", "--format", "json", "--out", str(out), code=1).out
    )
    assert (found["schema"], found["size"], found["device"]) == (1, "tiny", "cpu")
    assert {"cpu", "cores", "libraries", "load"} <= set(found["machine"])
    assert [(row["figure"], row["status"]) for row in found["rows"]] == [
        ("made/broken", "failed"),
        ("loss/triplet", "done"),
    ]
    assert "in broken" in found["rows"][0]["trace"]
    assert json.loads(out.read_text()) == found


def test_a_ratio_far_below_an_earlier_one_fails_the_gate(prints: Prints, tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    only = ("--only", "loss", "--against", str(path))
    found = json.loads(prints("bench", "--size", "tiny", "--only", "loss", "--format", "json").out)

    def before(ratio: float) -> None:
        path.write_text(json.dumps({**found, "rows": [{**found["rows"][0], "ratio": ratio}]}))

    before(1e-6)
    prints("bench", "--size", "tiny", *only)
    before(1e6)
    printed = prints("bench", "--size", "tiny", *only, code=3)
    assert "loss/triplet: ratio " in printed.err
    assert "expected at least 400000 (0.4 of 1000000)" in printed.err
    prints("bench", "--size", "tiny", *only, "--keep", "0")
    path.write_text(json.dumps({**found, "rows": [{"figure": "loss/gone", "ratio": 2.0}]}))
    assert "loss/gone: not measured" in prints("bench", "--size", "tiny", *only, code=3).err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--size", "huge"), "invalid value for '--size': 'huge' is not one of"),
        (("--only", "los"), "no figure is called 'los': did you mean 'loss'?"),
        (("--against", "nowhere.json"), "nowhere.json does not exist: expected figures"),
        (("--device", "cudda"), "unknown device 'cudda': did you mean 'cuda'?"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_measured(
    prints: Prints, arguments: tuple[str, ...], said: str
) -> None:
    printed = prints("bench", "--size", "tiny", *arguments, code=2)
    assert printed.err.startswith(f"vsebench: error: {said}")
    assert printed.err.count("\n") == 1


AFTERWARDS = """
import sys
from vsebench.cli.app import main
try:
    main(["bench", "--size", "tiny", "--only", "loss/triplet", "--format", "json"])
except SystemExit as end:
    assert end.code == 0
import numba, threadpoolctl
pools = {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
print(numba.config.NUMBA_NUM_THREADS, pools, file=sys.stderr)
"""


def test_libraries_load_with_one_thread() -> None:
    """Each reads its own variable, once: what a process of its own finds afterwards."""
    done = subprocess.run(
        [sys.executable, "-c", AFTERWARDS],
        env={name: text for name, text in os.environ.items() if name not in bench_module.THREADS},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "1 {1}"


def test_what_is_no_document_of_figures_is_refused(prints: Prints, tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    path.write_text("[]")
    assert (
        "holds no figures" in prints("bench", "--size", "tiny", "--against", str(path), code=2).err
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found.pop("machine"), "machine: Field required"),
        (lambda found: found["machine"].update(libraries=[]), "machine.libraries: "),
        (lambda found: found["rows"][0].pop("figure"), "rows.0.figure: Field required"),
        (lambda found: found["rows"][0].update(ratio="2"), "rows.0.ratio: "),
        (lambda found: found["rows"][0].update(ratio=float("nan")), "rows.0.ratio: "),
        (lambda found: found["rows"][0].update(ratio=-5), "rows.0.ratio: "),
        (lambda found: found.update(rows={}), "rows: "),
    ],
)
def test_a_changed_file_of_figures_is_refused(
    refusal: Call, kept: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    found = json.loads(kept.read_text())
    change(found)
    kept.write_text(json.dumps(found))
    for option in ("--from", "--against"):
        error = refusal("bench", option, str(kept))
        assert f"{kept} holds no figures ({said}" in error


@pytest.fixture
def kept(prints: Prints, tmp_path: Path) -> Path:
    """What a measurement has left, of which one figure failed."""
    path = tmp_path / "figures.json"
    prints("bench", "--size", "tiny", "--out", str(path), code=1)
    return path


def test_what_was_kept_is_shown_again_without_measuring(
    prints: Prints, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "FIGURES", ())
    printed = prints("bench", "--from", kept)
    found = json.loads(prints("bench", "--from", kept, "--format", "json").out)
    assert found == json.loads(kept.read_text())
    lines = printed.out.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:4]] == ["made/broken", "loss/triplet"]
    assert "failed: made/broken: RuntimeError: no such kernel" in lines
    assert max(map(len, lines[4:])) <= 100
    assert printed.err == ""
    only = json.loads(prints("bench", "--from", kept, "--only", "loss", "--format", "json").out)
    assert [row["figure"] for row in only["rows"]] == ["loss/triplet"]
    assert "loss/triplet: not measured" in (
        prints("bench", "--from", kept, "--only", "made", "--against", kept, code=3).err
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--quick",), "take out --quick: --from"),
        (("--size", "tiny"), "take out --size: --from"),
        (("--device", "cuda"), "take out --device: --from"),
        (("--out", "other.json"), "take out --out: --from"),
        (("--only", "los"), "no figure is called 'los': did you mean 'loss'?"),
    ],
)
def test_what_measures_does_not_go_with_what_was_kept(
    prints: Prints, kept: Path, options: tuple[str, ...], said: str
) -> None:
    printed = prints("bench", "--from", kept, *options, code=2)
    assert printed.err.startswith(f"vsebench: error: {said}")
    assert "does not exist" in prints("bench", "--from", "nowhere.json", code=2).err
