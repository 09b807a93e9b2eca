from __future__ import annotations

import pytest

from vsebench.cli.app import main
from vsebench.cli.shared.wrong_options import KEYS, OPTIONS
from vsebench.results.tasks import tasks


@pytest.fixture
def said(capsys):
    def call(*arguments, code=2):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        assert ended.value.code == code
        printed = capsys.readouterr()
        if code == 2:
            assert printed.err.count("\n") == 1
        return printed.err if code == 2 else printed.out

    return call


@pytest.mark.parametrize(
    ("option", "answer"),
    [
        ("--lr", "write --set lr=VALUE"),
        ("--batch-size", "write --set batch_size=VALUE"),
        ("--learning-rate", "write --set lr=VALUE"),
        ("--num-epochs", "write --epochs"),
        ("--gpu", "write --device cuda"),
        ("--margin", "--loss triplet:margin=0.2"),
        ("--poling", "did you mean '--pooling'?"),
    ],
)
def test_what_other_suites_call_it_is_translated(said, option, answer):
    assert answer in said("run", option, "1")


@pytest.mark.parametrize(
    ("option", "answer"),
    [("--out", "write --to DIR"), ("--runs", "write --results DIR")],
)
def test_a_folder_is_given_by_the_option_that_takes_it(said, option, answer):
    assert answer in said("export", option, "folder")


def test_a_command_without_a_protocol_is_asked_for_no_key(said):
    assert "--set" not in said("report", "runs", "--lr", "1")


def test_a_renamed_option_is_named(said):
    assert "it is --configurations now" in said("tune", "--trials", "6")


def test_every_translation_leads_somewhere(said):
    keys = {key for task in tasks() for key in task.protocol.model_fields} | {"epochs"}
    assert set(KEYS.values()) <= keys
    for option in OPTIONS:
        assert OPTIONS[option] in said("run", f"--{option.replace('_', '-')}", "1")


@pytest.mark.parametrize("command", [("verify", "gpo"), ("report",), ("runs",), ("audit",)])
def test_the_folder_of_runs_needs_no_option(said, command):
    assert "write it as it is, DIR" in said(*command, "--results", "runs")


@pytest.mark.parametrize("command", ["evaluate", "ensemble"])
def test_a_protocol_is_what_is_trained_under_alone(said, command):
    assert "it is --evaluation now" in said(command, "x", "--protocol", "1k-5fold")


def test_other_near_misses_say_what_is_meant(said):
    assert "write gpo,mean" in said("run", "--pooling", "gpo mean")
    assert "--data-root" in said("run", "--dataset", "./data/flickr8k")
    assert "write --html FILE" in said("report", "runs", "--format", "html")


def test_help_is_short_too(said):
    assert said("-h", code=0) == said("--help", code=0)
    assert said("report", "-h", code=0).startswith("Usage: vsebench report")


def test_presets_are_shown(said):
    text = said("show", "vse-infinity", code=0)
    assert "embed_dim" in text
    assert "1024" in text
    assert "did you mean 'vse-infinity'?" in said("show", "vse-infinty")
    assert '"preset": "quick"' in said("show", "quick", "--json", code=0)
