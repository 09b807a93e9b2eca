from __future__ import annotations

import re
from pathlib import Path

from vsebench.claims.file import load_claims

PAGE = Path(__file__).parents[2] / "docs/claims.md"


def test_the_example_of_the_page_is_a_claims_file(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "claims.toml").write_text(example)
    (tmp_path / "suite.toml").write_text(
        'pooling = "gpo,mean,maxavg"\nloss = "triplet"\nseeds = "100-107"\n'
    )
    held = load_claims(tmp_path / "claims.toml")
    assert [claim.kind for claim in held.claims.claim] == ["superiority", "non-inferiority"]
