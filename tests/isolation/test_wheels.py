"""Installed plugins that are broken: each is named with its hint, and breaks no command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.isolation.broken import BROKEN
from tests.isolation.tiny import TINY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.isolation.wheels import Environment

HANGING = "acme-native,acme-alone"
SLOW = "acme-global,acme-mid-run"
"""They import torch, which may take longer than the second that is allowed here."""
QUICK = {"VSEBENCH_PLUGIN_TIMEOUT": "1", "VSEBENCH_DISABLE_PLUGINS": f"{HANGING},{SLOW}"}


@pytest.fixture(scope="module")
def listed(
    environment: Environment, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[dict[str, Any]], str]:
    """What `vsebench plugins --failed` says with all of them installed at once, and what it warns
    of.
    """
    done = environment.vsebench(
        "plugins", "--failed", "--format", "json", cwd=tmp_path_factory.mktemp("anywhere"), **QUICK
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["plugins"], done.stderr


@pytest.mark.parametrize("name", BROKEN)
def test_it_is_shown_with_its_cure(name: str, listed: tuple[list[dict[str, Any]], str]):
    broken = BROKEN[name]
    (info,) = [info for info in listed[0] if info["distribution"] == name]
    assert info["status"] == broken.status
    assert broken.error in info["error"]
    assert info["hint"].startswith(broken.hint)


def test_nothing_else_fails(listed: tuple[list[dict[str, Any]], str]):
    assert {info["distribution"] for info in listed[0]} == set(BROKEN)


def test_what_took_too_long_is_named_at_once(listed: tuple[list[dict[str, Any]], str]):
    warnings = [line for line in listed[1].splitlines() if line.startswith("vsebench: warning: ")]
    assert [line.partition(" failed: ")[0] for line in warnings] == [
        f"vsebench: warning: plugin '{name.replace('-', '_')}' ({name})"
        for name in ("acme-asleep", "acme-endless")
    ]
    assert all("set VSEBENCH_DISABLE_PLUGINS=" in line for line in warnings)


def test_the_sound_ones_work_beside_them(environment: Environment, tmp_path: Path):
    done = environment.vsebench(
        "plugins", "--format", "json", "--kind", "pooling", cwd=tmp_path, **QUICK
    )
    provided = {
        info["distribution"]: [c["name"] for c in info["components"]]
        for info in json.loads(done.stdout)["plugins"]
        if info["status"] == "loaded"
    }
    assert provided["acme-good"] == ["acme_good"]
    assert provided["acme-entries"] == ["acme_entries"]
    assert not provided.keys() & {
        name
        for name, broken in BROKEN.items()
        if broken.status == "failed" and name != "acme-entries"
    }


@pytest.mark.timeout(600)
def test_a_crash_inside_forward_loses_its_own_run_only(environment: Environment, tmp_path: Path):
    arguments = (
        "--pooling",
        "acme_forward,vsebench::mean",
        "--loss",
        "sum-hinge",
        "--quiet",
        *TINY,
    )
    done = environment.vsebench(
        "run", *arguments, cwd=tmp_path, VSEBENCH_PLUGINS="acme-forward,acme-claims"
    )
    assert done.returncode == 1
    assert "IndexError: acme_forward fell over" in done.stderr
    assert "Traceback" not in done.stderr
    rows = json.loads(
        environment.vsebench(
            "report", "runs", "--format", "json", cwd=tmp_path, VSEBENCH_PLUGINS=""
        ).stdout
    )["rows"]
    assert {row["pooling"]: row["rsum"] is None for row in rows} == {
        "acme_forward": True,
        "vsebench::mean": False,
    }


def test_native_code_that_hangs_is_named_by_the_end_of_the_process(
    environment: Environment, tmp_path: Path
):
    done = environment.vsebench(
        "plugins", cwd=tmp_path, VSEBENCH_PLUGINS="acme-native", VSEBENCH_PLUGIN_TIMEOUT="1"
    )
    assert done.returncode == 2
    assert done.stderr == (
        "vsebench: error: plugin 'acme_native' (acme-native) did not load within 1 s and cannot "
        "be interrupted: "
        "uninstall it, or set VSEBENCH_DISABLE_PLUGINS=acme-native\n"
    )


@pytest.mark.slow
def test_native_code_that_keeps_the_interpreter_to_itself_is_named_by_its_file(
    environment: Environment, tmp_path: Path
):
    done = environment.vsebench(
        "plugins", cwd=tmp_path, VSEBENCH_PLUGINS="acme-alone", VSEBENCH_PLUGIN_TIMEOUT="1"
    )
    assert done.returncode == 1
    assert "acme_alone.py" in done.stderr


COMMANDS: dict[str, Sequence[str]] = {
    "help": ["--help"],
    "plugins": ["plugins"],
    "show": ["show", "gpo"],
    "new": ["new", "loss", "acme_new"],
    "data": ["data", "info", "scenes"],
    "check": ["check", "--list"],
    "check a component": ["check", "random"],
    "dry run": ["run", "--dry-run", *TINY],
    "run": ["run", "--pooling", "max", "--loss", "sum-hinge", "--quiet", "--out", "out", *TINY],
    "report": ["report", "../run/out"],
    "run again": [
        "run",
        "--pooling",
        "max,first",
        "--loss",
        "sum-hinge",
        "--quiet",
        "--out",
        "../run/out",
        *TINY,
    ],
}


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("plugin", BROKEN)
def test_no_command_is_broken(plugin: str, environment: Environment, tmp_path: Path):
    wrong = {}
    for name, arguments in COMMANDS.items():
        (tmp_path / name).mkdir()
        done = environment.vsebench(
            *arguments, cwd=tmp_path / name, VSEBENCH_PLUGINS=plugin, VSEBENCH_PLUGIN_TIMEOUT="1"
        )
        if done.returncode != 0:
            wrong[name] = done.stderr
    assert wrong == {}
