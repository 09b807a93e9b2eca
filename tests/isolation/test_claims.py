"""A third party that claims the names of the suite's defaults takes nothing away from those who do
not ask for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite
from vsebench.plugin import SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLAIMED = {
    "pooling": ["gpo", "maxavg"],
    "similarity": ["dot"],
    "loss": ["triplet", "aoq", "sum-hinge", "hinge"],
    "sampler": ["uniform", "warp", "vse-ens"],
    "batch-plan": ["random"],
    "dataset": ["scenes"],
    "image-encoder": ["region"],
    "text-encoder": ["bigru"],
    "executor": ["local"],
}
CARDS = {"loss": "LossCard('theirs', task='annotation')", "dataset": "DatasetCard('theirs')"}


def code() -> str:
    lines = ["from vsebench.plugin import Card, DatasetCard, LossCard, hookimpl"]
    for hook in dict.fromkeys(KINDS[kind].hook for kind in CLAIMED):
        lines += ["@hookimpl", f"def {hook}(register):"]
        lines += [
            f"    register({name!r}, 'no_such_module:Theirs', {side}card={card})"
            for kind, names in CLAIMED.items()
            if KINDS[kind].hook == hook
            for side in [f"side={KINDS[kind].side!r}, " if KINDS[kind].side else ""]
            for card in [CARDS.get(kind, "Card('theirs')")]
            for name in names
        ]
    return "\n".join(lines)


@pytest.fixture
def claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "acme_claims_all.py").write_text(code())
    info = tmp_path / "acme_claims_all-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-claims-all\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[vsebench]\nall = acme_claims_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    load_plugins.cache_clear()
    yield
    load_plugins.cache_clear()


def run_ids(**options: object) -> list[str]:
    return [run.run_id for run in plan(make_suite(options)).runs]


@pytest.mark.usefixtures("claims")
@pytest.mark.parametrize(
    "options",
    [{"data_root": ["."]}, {"dataset": "tags:images=200:labels=50:density=0.1"}],
    ids=["retrieval", "annotation"],
)
def test_defaults_are_the_suites_own_and_runs_keep_their_identity(options: dict[str, object]):
    claimed = run_ids(**options)
    plugins = load_plugins()
    (info,) = plugins.with_problems
    assert info.status == "loaded"
    assert "pooling 'gpo' is provided by vsebench too" in info.error
    assert "acme-claims-all::gpo" in info.hint
    load_plugins.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VSEBENCH_PLUGINS", "")
        assert run_ids(**options) == claimed


@pytest.mark.usefixtures("claims")
@pytest.mark.parametrize(
    "options",
    [
        {"pooling": "gpo"},
        {"loss": "triplet"},
        {"set": {"batch_plan": "random"}},
        {"executor": "local"},
    ],
)
def test_a_person_has_to_say_which_is_meant(options: dict[str, object]):
    with pytest.raises(SpecError, match="is claimed by several distributions: write vsebench::"):
        plan(make_suite(options))
