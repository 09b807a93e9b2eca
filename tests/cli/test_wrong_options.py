from __future__ import annotations

import pytest

from vsebench.cli.shared.wrong_options import KEYS, OPTIONS
from vsebench.results.tasks import tasks


@pytest.mark.parametrize(
    ("option", "hint"),
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
def test_what_other_suites_call_it_is_translated(refusal, option, hint):
    assert hint in refusal("run", option, "1")


@pytest.mark.parametrize(
    ("option", "hint"),
    [("--out", "write --to DIR"), ("--runs", "write --results DIR")],
)
def test_a_folder_is_given_by_the_option_that_takes_it(refusal, option, hint):
    assert hint in refusal("export", option, "folder")


def test_a_command_without_a_protocol_is_asked_for_no_key(refusal):
    assert "--set" not in refusal("report", "runs", "--lr", "1")


@pytest.mark.parametrize(
    ("command", "option"), [("report", "--lr"), ("site", "--html"), ("run", "--lr-update")]
)
def test_an_option_that_is_like_none_lists_them(refusal, command, option):
    text = refusal(command, option, "1")
    assert "did you mean" not in text
    assert "known: " in text


def test_the_row_of_a_comparison_is_named_by_the_commands_own_option(refusal):
    assert "write --baseline" in refusal("speedup", "--to", "mean,triplet")
    assert "write --to" in refusal("compare", "--baseline", "mean,triplet")


def test_a_renamed_option_is_named(refusal):
    assert "it is --configurations now" in refusal("tune", "--trials", "6")


def test_every_translation_leads_somewhere(refusal):
    keys = {key for task in tasks() for key in task.protocol.model_fields} | {"epochs"}
    assert set(KEYS.values()) <= keys
    for option in OPTIONS:
        assert OPTIONS[option] in refusal("run", f"--{option.replace('_', '-')}", "1")


@pytest.mark.parametrize("command", [("verify", "gpo"), ("report",), ("runs",), ("audit",)])
def test_the_folder_of_runs_needs_no_option(refusal, command):
    assert "write it as it is, DIR" in refusal(*command, "--results", "runs")


@pytest.mark.parametrize("command", ["evaluate", "ensemble"])
def test_a_protocol_is_what_is_trained_under_alone(refusal, command):
    assert "it is --evaluation now" in refusal(command, "x", "--protocol", "1k-5fold")


def test_other_near_misses_say_what_is_meant(refusal):
    assert "write gpo,mean" in refusal("run", "--pooling", "gpo mean")
    assert "--data-root" in refusal("run", "--dataset", "./data/flickr8k")
    assert "write --html FILE" in refusal("report", "runs", "--format", "html")


def test_help_is_short_too(call):
    assert call("-h") == call("--help")
    assert call("report", "-h").startswith("Usage: vsebench report")


def test_presets_are_shown(refusal, call):
    text = call("show", "vse-infinity")
    assert "embed_dim" in text
    assert "1024" in text
    assert "did you mean 'vse-infinity'?" in refusal("show", "vse-infinty")
    assert '"preset": "quick"' in call("show", "quick", "--json")
