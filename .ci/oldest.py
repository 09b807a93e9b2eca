"""The lowest versions that pyproject.toml allows, as constraints for pip: `.ci/oldest.py EXTRA`.

torch stays that of constraints.txt: older builds for the CPU are on an index of their own.
"""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
asked = [
    *project["dependencies"],
    *(each for extra in sys.argv[1:] for each in project["optional-dependencies"][extra]),
]
for requirement in map(Requirement, asked):
    lowest = [part.version for part in requirement.specifier if part.operator == ">="]
    if requirement.name != "torch" and lowest:
        print(f"{requirement.name}=={lowest[0]}")  # noqa: T201
pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
print(next(pin for pin in pins if pin.startswith("torch==")))  # noqa: T201
