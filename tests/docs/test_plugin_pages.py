"""Everything that the pages for plugin authors, and those about Python, results and trained models,
show works as they show it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import Reader, blocks
from vsebench.grid.local import LocalExecutor
from vsebench.plugin import Schedule, execute
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin import Job, Report
    from vsebench.plugin.kinds import Kind

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [
    *sorted((DOCS / "plugins").glob("*.md")),
    *sorted((DOCS / "tutorials").glob("*.md")),
    *(
        DOCS / f"{name}.md"
        for name in ("clusters", "python", "results", "site", "start", "tuning", "use")
    ),
]
PAGE_NAMES = {page.name for page in PAGES}
HOOKS_PAGE = (DOCS / "plugins" / "hooks.md").read_text(encoding="utf-8")
HOOKS = {
    name: hook.spec for name, hook in vars(load_plugins().manager.hook).items() if hook.has_spec()
}
REGISTRATION = {kind.hook for kind in KINDS.values()}


@pytest.fixture
def reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Reader:
    """Somebody who follows a page in an empty folder; runs are made in this process, which knows
    torch already.
    """

    def run_here(_: LocalExecutor, jobs: Sequence[Job], report: Report) -> None:
        schedule = Schedule(jobs, report)
        while schedule:
            (job,) = schedule.take(1)
            execute(job, lambda message: schedule.hear(json.loads(json.dumps(message))))
            schedule.end(job.run_id, "it said nothing")

    monkeypatch.setattr(LocalExecutor, "execute", run_here)
    monkeypatch.setenv("COLUMNS", "300")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def printed() -> str:
        captured = capfd.readouterr()
        return captured.out + captured.err

    return Reader(printed, lambda folder: monkeypatch.chdir(Path.cwd() / folder), tmp_path / "site")


LONG = (
    *("claim", "clusters", "coco", "dataset", "executor", "features"),
    *("publish", "results", "sampler", "start", "tuning"),
)
"""Pages whose examples check components or train several runs, each in a process of its own."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.stem, marks=[pytest.mark.slow] if page.stem in LONG else [])
        for page in PAGES
    ],
)
def test_a_page_works_as_it_says(page: Path, reader: Reader) -> None:
    with reader.installed:
        for block in blocks(page):
            reader.do(block)


def test_there_is_a_page_for_each_of_these() -> None:
    assert {page.stem for page in PAGES} >= {
        "pooling",
        "loss",
        "sampler",
        "dataset",
        "executor",
        "hooks",
        "publish",
    }


@pytest.mark.parametrize("hook", sorted(HOOKS.keys() - REGISTRATION))
def test_every_hook_is_documented(hook: str) -> None:
    spec = HOOKS[hook]
    assert (spec.function.__doc__ or "").strip().endswith((".", '".'))
    assert f"| `{hook}({', '.join(spec.argnames)})` |" in HOOKS_PAGE


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_is_documented(kind: Kind) -> None:
    page = f"[{kind.noun}]({kind.name}.md)" if f"{kind.name}.md" in PAGE_NAMES else kind.noun
    context = ", ".join(f"`{name}`" for name in sorted(kind.context))
    hook = f"`{kind.hook}(register)`" + (f', `side="{kind.side}"`' if kind.side else "")
    row = f"| {page} | {kind.summary} | {hook} | {context} | `{kind.option}` |"
    assert row in HOOKS_PAGE.splitlines(), row


def test_the_page_of_hooks_names_no_hook_that_does_not_exist() -> None:
    import re

    named = re.findall(
        r"\bvsebench_\w+", (DOCS / "plugins" / "hooks.md").read_text(encoding="utf-8")
    )
    assert set(named) - {"vsebench_tracker"} == set(HOOKS)  # which is no hook of a tracker's module
