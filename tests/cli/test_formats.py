from __future__ import annotations

import pytest

from vsebench.cli.app import main


@pytest.mark.parametrize(
    "command",
    [
        ("plugins",),
        ("plugins", "--available"),
        ("show", "gpo"),
        ("evaluate", "absent.npy", "absent.npy"),
        ("compare", "absent", "--to", "mean,triplet"),
        ("speedup", "absent"),
        ("verify", "gpo", "--results", "absent"),
        ("ensemble", "absent", "absent"),
        ("check", "gpo"),
        ("throughput", "samplers"),
    ],
    ids=" ".join,
)
def test_every_command_spells_json_alike_and_refuses_a_misspelt_form_first(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--format", "jsn"])
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert printed.err == "vsebench: error: unknown format 'jsn': did you mean 'json'?\n"


@pytest.mark.parametrize(
    "command", [("plugins",), ("plugins", "--available"), ("show", "gpo")], ids=" ".join
)
def test_json_is_short_for_the_format(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    printed = []
    for option in (["--json"], ["--format", "json"]):
        with pytest.raises(SystemExit) as ended:
            main([*command, *option])
        assert ended.value.code == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert printed[0].startswith("{")
