"""What docs/plugins/trust.md says is so."""

from __future__ import annotations

import re
from pathlib import Path

from tests.catalogue.entries import index
from vsebench.catalogue.index import Entry, read_index
from vsebench.cli.new import FAMILIES
from vsebench.plugin.host.timebox import DEFAULT_SECONDS, GRACE_SECONDS
from vsebench.scaffold import LICENCES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins" / "trust.md").read_text(encoding="utf-8")


def test_the_entry_that_it_shows_is_valid(tmp_path: Path):
    (block,) = re.findall(r"```toml title=\"entry.toml\"\n(.*?)```", PAGE, re.DOTALL)
    (entry,) = read_index(index(tmp_path, "schema = 1\n" + block))
    assert entry.name == "vsebench-my-pool"
    assert all(f"`{field}`" in PAGE for field in Entry.model_fields)


def test_it_names_every_choice_of_the_scaffold():
    assert all(f"`{choice}`" in PAGE for choice in (*FAMILIES, *LICENCES))


def test_it_names_every_variable_of_the_loader():
    code = "".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "vsebench" / "plugin").rglob("*.py")
    )
    assert set(re.findall(r"VSEBENCH_[A-Z_]*PLUGIN[A-Z_]*", code)) == set(
        re.findall(r"VSEBENCH_[A-Z_]*PLUGIN[A-Z_]*", PAGE)
    )


def test_it_states_the_limits():
    assert f"VSEBENCH_PLUGIN_TIMEOUT={DEFAULT_SECONDS:g}" in PAGE
    assert f"interrupted after {DEFAULT_SECONDS:g} s" in PAGE
    assert f"with code 2 after {GRACE_SECONDS:g} s more" in PAGE
    assert f"ends it after {2 * GRACE_SECONDS:g} s with code 1 and a traceback" in PAGE
