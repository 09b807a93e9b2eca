"""The workflows and the action say what GitHub can read, and run the scripts of this repository."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / "action.yml"

STEP = {
    "type": "object",
    "oneOf": [{"required": ["run"]}, {"required": ["uses"]}],
    "properties": {
        "name": {"type": "string"},
        "id": {"type": "string"},
        "if": {"type": ["string", "boolean"]},
        "run": {"type": "string"},
        "uses": {"type": "string", "pattern": r"^(\./\S*|[\w-]+/[\w./-]+@v?\d+(\.\d+)*)$"},
        "with": {"type": "object"},
        "env": {"type": "object"},
        "shell": {"enum": ["bash"]},
        "working-directory": {"type": "string"},
    },
    "additionalProperties": False,
}
STEPS = {"type": "array", "items": STEP, "minItems": 1}
JOB = {
    "type": "object",
    "required": ["runs-on", "timeout-minutes", "steps"],
    "properties": {
        "runs-on": {"type": "string"},
        "timeout-minutes": {"type": "integer"},
        "strategy": {"type": "object"},
        "if": {"type": "string"},
        "needs": {"type": "string"},
        "environment": {"type": "object", "required": ["name"]},
        "permissions": {"type": "object"},
        "steps": STEPS,
    },
    "additionalProperties": False,
}
WORKFLOW = {
    "type": "object",
    "required": ["name", "on", "permissions", "jobs"],
    "properties": {
        "name": {"type": "string"},
        "on": {"type": "object"},
        "permissions": {"type": "object"},
        "concurrency": {"type": "object"},
        "jobs": {"type": "object", "additionalProperties": JOB, "minProperties": 1},
    },
    "additionalProperties": False,
}
COMPOSITE = {
    "type": "object",
    "required": ["name", "description", "inputs", "runs"],
    "properties": {
        "runs": {
            "type": "object",
            "required": ["using", "steps"],
            "properties": {"using": {"const": "composite"}, "steps": STEPS},
        },
    },
}


def read(path: Path):
    """A YAML file; its key `on`, which YAML 1.1 takes for true, by its name."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {("on" if key is True else key): value for key, value in found.items()}


def steps(path: Path):
    found = read(path)
    jobs = found["jobs"].values() if "jobs" in found else [found["runs"]]
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_they_have_the_form_that_github_reads(path):
    jsonschema.validate(read(path), COMPOSITE if path == ACTION else WORKFLOW)
    if path == ACTION:
        assert all("shell" in step for step in steps(path) if "run" in step)


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_they_have_the_form_of_the_published_schema(path):
    if find_spec("check_jsonschema") is None:
        pytest.skip("needs check-jsonschema, which holds GitHub's schemas")
    schema = "vendor.github-actions" if path == ACTION else "vendor.github-workflows"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_what_they_run_exists_and_can_be_run(path):
    for step in steps(path):
        for script in re.findall(r"(?<![\w/])\.ci/\w+", step.get("run", "")):
            assert (ROOT / script).stat().st_mode & 0o111, script


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_what_others_write_is_never_pasted_into_a_shell(path):
    for step in steps(path):
        assert "${{" not in step.get("run", ""), "pass it through env"


def test_the_site_is_published_from_main_alone():
    found = read(ROOT / ".github" / "workflows" / "leaderboard.yml")
    build, publish = found["jobs"]["leaderboard"], found["jobs"]["publish"]
    (given,) = (step for step in build["steps"] if "pages-artifact" in step.get("uses", ""))
    script = (ROOT / ".ci" / "leaderboard").read_text(encoding="utf-8")
    assert "vsebench site results" in script
    assert f"--out {given['with']['path']}\n" in script
    assert publish["needs"] == "leaderboard"
    assert publish["if"].startswith("github.ref == 'refs/heads/main'")
    assert found["permissions"] == {"contents": "read"}, "more only where it is published"


def test_packages_and_pages_link_to_where_they_are_built():
    (run,) = (each for each in steps(WORKFLOWS[0]) if each.get("run") == ".ci/run")
    address = "${{ github.server_url }}/${{ github.repository }}"
    assert run["env"] == {"VSEBENCH_REPOSITORY": address}


def test_what_is_asked_for_is_given():
    known = read(ACTION)["inputs"]
    for path in WORKFLOWS:
        for step in steps(path):
            if step.get("uses") == "./vsebench":
                assert step["with"].keys() <= known.keys()
    given = re.findall(r"inputs\.([\w-]+)", ACTION.read_text(encoding="utf-8"))
    assert set(given) == set(known)


@pytest.mark.parametrize(
    "script", sorted((ROOT / ".ci").glob("[a-z]*")), ids=lambda path: path.name
)
def test_scripts_are_valid(script):
    if script.suffix == ".py":
        compile(script.read_text(encoding="utf-8"), script.name, "exec")
    else:
        subprocess.run(["bash", "-n", script], check=True)
