"""Commands that read many runs leave the garbage collector off, and as they found it."""

from __future__ import annotations

import gc

import pytest

from vsebench.cli.shared.uncollected import uncollected


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_the_collector_is_off_for_as_long_as_a_command_runs(enabled: bool, fails: bool) -> None:
    before, seen = gc.isenabled(), []

    @uncollected()
    def command() -> None:
        seen.append(gc.isenabled())
        if fails:
            raise ValueError("failed")

    try:
        (gc.enable if enabled else gc.disable)()
        for _ in range(2):
            if fails:
                with pytest.raises(ValueError, match="failed"):
                    command()
            else:
                command()
            assert gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()
    assert seen == [False, False]
