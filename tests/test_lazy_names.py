from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

PACKAGES = ("vsebench", "vsebench.annotation", "vsebench.retrieval", "vsebench.testing")


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_there_and_completed(name: str) -> None:
    package = import_module(name)
    assert set(package.__all__) <= set(dir(package))
    assert all(hasattr(package, public) for public in package.__all__)
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'nothing'"):
        _ = package.nothing


@pytest.mark.parametrize("name", PACKAGES)
def test_completion_imports_no_torch(name: str) -> None:
    program = f"import sys, {name}; dir({name}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
