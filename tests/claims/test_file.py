from __future__ import annotations

import os

import pytest

from tests.claims.made import SUITE, claims, write
from vsebench.claims.file import load_claims
from vsebench.grid.suite import load_suite
from vsebench.plugin import SpecError
from vsebench.plugin.errors import MissingError
from vsebench.plugin.host.loader import load_plugins

REGISTRY = load_plugins().registry


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"marginn": "2.0"}, "claim 'gpo-better': unknown key 'marginn': did you mean 'margin'"),
        ({"kind": '"superior"'}, "claim 'gpo-better': kind must be"),
        ({"kind": '"speed"'}, "a claim on speed needs a target"),
        ({"target": "100.0"}, "a target is for claims on speed"),
        ({"ratio": "2.0"}, "a claim on superiority has no ratio"),
        ({"unit": '"seconds"'}, "a claim on superiority has no unit"),
        (
            {"kind": '"speed"', "target": "80.0", "margin": "0.0"},
            "a claim on speed has no margin",
        ),
        ({"kind": '"non-inferiority"'}, "non-inferiority needs a margin above 0"),
        ({"kind": '"equivalence"'}, "equivalence needs a margin above 0"),
        ({"margin": "nan"}, "margin must be"),
        ({"margin": "-1.0"}, "margin must be"),
        ({"family": '"pooling"'}, "unknown family 'pooling': did you mean 'poolings'"),
        ({"seeds": '"0-12"'}, "suite suite.toml has no seed 10"),
        ({"minimum_seeds": "7"}, "7 seeds are needed and 6 given"),
        ({"dataset": '"coco"'}, "has no data set 'coco'"),
        ({"statement": None}, "claim 'gpo-better': statement"),
        ({"contrast": '{ row = "gpo,triplet" }'}, "claim 'gpo-better': contrast: reference"),
        (
            {"contrast": '{ row = "a", reference = { best = ["b"] } }'},
            "claim 'gpo-better': reference: unknown key 'best': did you mean 'best_of'",
        ),
        ({"invalid_if": '["colapsed"]'}, "claim 'gpo-better': invalid_if must be"),
    ],
    ids=str,
)
def test_what_is_not_allowed_is_one_line_that_names_the_claim(tmp_path, changes, said):
    path = write(tmp_path, changes)
    with pytest.raises(SpecError) as caught:
        load_claims(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_claims_are_refused(tmp_path):
    with pytest.raises(MissingError, match=r"there is no claims file .*absent\.toml"):
        load_claims(tmp_path / "absent.toml")
    path = write(tmp_path)
    text = path.read_text()
    for broken, said in (
        (text.replace("schema = 1", ""), "schema = 1"),
        (text.replace("[[claim]]", "[[claims]]"), "unknown key 'claims'"),
        ("schema = 1\n", "family"),
        ("schema =", "not valid TOML"),
        (text + "\n" + text.partition("[[claim]]")[1] + text.partition("[[claim]]")[2], "twice"),
    ):
        path.write_text(broken)
        with pytest.raises(SpecError) as caught:
            load_claims(path)
        assert said in str(caught.value)
    path.write_text(text)
    (tmp_path / "suite.toml").unlink()
    with pytest.raises(MissingError, match=r"suite\.toml"):
        load_claims(path)


def test_the_digest_follows_the_claims_and_what_the_suite_runs_and_nothing_else(tmp_path):
    def digest():
        return load_claims(path).digest("suite.toml")

    path = write(tmp_path)
    first = digest()
    path.write_text("# a comment\n\n" + path.read_text())
    (tmp_path / "suite.toml").write_text(SUITE.replace('"runs"', '"elsewhere"') + "workers = 1\n")
    assert digest() == first
    path.write_text(path.read_text().replace("superiority", "superiority") + "margin = 0.5\n")
    second = digest()
    (tmp_path / "suite.toml").write_text(SUITE + "epochs = 3\n")
    assert len({first, second, digest()}) == 3


def test_a_suite_runs_as_it_stands_in_its_file(tmp_path):
    held = claims(tmp_path)
    file = tmp_path / "suite.toml"
    assert held.digest_for(file, load_suite(file, {"workers": 1})) == held.digest("suite.toml")
    with pytest.raises(SpecError, match="drop the options that change what is run"):
        held.digest_for(file, load_suite(file, {"epochs": 1}))
    (tmp_path / "other.toml").write_text(SUITE)
    with pytest.raises(SpecError, match=r"no claim names the suite .*other\.toml"):
        held.digest_for(tmp_path / "other.toml", load_suite(tmp_path / "other.toml"))


def test_the_suite_of_a_reference_is_part_of_the_claims(tmp_path):
    reference = '{ row = "gpo,triplet", reference = "mean,triplet", reference_suite = "long.toml" }'
    with pytest.raises(MissingError, match=r"long\.toml"):
        claims(tmp_path, {"contrast": reference})
    (tmp_path / "long.toml").write_text(SUITE.replace("0-9", "0-4"))
    with pytest.raises(SpecError, match=r"suite long\.toml has no seed 5"):
        claims(tmp_path, {"contrast": reference})
    (tmp_path / "long.toml").write_text(SUITE + "epochs = 30\n")
    held = claims(tmp_path, {"contrast": reference})
    assert [*held.suites] == ["suite.toml", "long.toml"]
    file = tmp_path / "long.toml"
    digest = held.digest_for(file, load_suite(file))
    assert digest != held.digest("suite.toml")
    held.check_rows(digest, REGISTRY)
    (tmp_path / "long.toml").write_text(SUITE.replace('"mean", ', ""))
    held = claims(tmp_path, {"contrast": reference})
    with pytest.raises(SpecError, match=r"suite long\.toml has no pooling 'mean'"):
        held.check_rows(held.digest("long.toml"), REGISTRY)


def test_files_without_a_second_suite_keep_their_digest(tmp_path):
    held = claims(tmp_path)
    assert "reference_suite" not in held.claims.model_dump_json()


def test_rows_are_those_of_the_suite_however_they_are_spelled(tmp_path):
    def row(text):
        held = claims(tmp_path, {"contrast": f'{{ row = "{text}", reference = "mean,triplet" }}'})
        return held.rows(*held.claims.claim, REGISTRY)[0]

    assert row("vsebench::gpo, triplet") == ("suite.toml", ("gpo", "triplet"))
    for text, said in (
        ("max,triplet", "suite suite.toml has no pooling 'max'"),
        ("gpo,aoq", "suite suite.toml has no loss 'aoq'"),
        ("gpo", "'gpo' is no row: write POOLING,LOSS"),
        ("gpoo,triplet", "did you mean 'gpo'"),
    ):
        with pytest.raises(SpecError) as caught:
            row(text)
        assert said in str(caught.value)


def test_claims_that_are_nested_too_deeply_are_one_error(tmp_path):
    path = tmp_path / "claims.toml"
    path.write_text("a=" + "[" * 100_000, encoding="utf-8")
    with pytest.raises(SpecError, match="not valid TOML: it is nested too deeply"):
        load_claims(path)


def test_a_pipe_is_no_claims_file(tmp_path):
    os.mkfifo(tmp_path / "claims.toml")
    with pytest.raises(SpecError, match="it is no regular file"):
        load_claims(tmp_path / "claims.toml")


def test_rows_are_checked_before_anything_runs(tmp_path):
    contrast = '{ row = "max,triplet", reference = "mean,triplet" }'
    held = claims(tmp_path, {"contrast": contrast})
    with pytest.raises(SpecError, match=r"suite suite\.toml has no pooling 'max'"):
        held.check_rows(held.digest("suite.toml"), REGISTRY)
    same = '{ row = "gpo,triplet", reference = "vsebench::gpo,triplet" }'
    held = claims(tmp_path, {"contrast": same})
    with pytest.raises(SpecError, match="compares gpo,triplet with itself"):
        held.check_rows(held.digest("suite.toml"), REGISTRY)
