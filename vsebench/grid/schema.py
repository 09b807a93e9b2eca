"""`python -m vsebench.grid.schema > docs/suite.schema.json` writes the JSON schema of a suite
file.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from vsebench.grid.suite import Suite


def suite_schema() -> dict[str, Any]:
    """The JSON schema that editors check suite files against."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Suite.model_json_schema()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(suite_schema(), indent=2, ensure_ascii=False) + "\n")
