from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from vsebench.grid.suite import Suite, load_suite, make_suite, suite_schema
from vsebench.plugin import MissingError, SpecError

ROOT = Path(__file__).parents[2]
SUITES = sorted((ROOT / "suites").rglob("*.toml"))


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "suite.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_bare_suite_is_the_main_job():
    suite = make_suite({})
    assert (suite.dataset, suite.pooling, suite.loss, suite.seeds) == (
        ("scenes",),
        ("gpo", "maxavg"),
        ("triplet", "aoq"),
        (0,),
    )
    assert (suite.out, suite.protocol, suite.changes) == ("runs", None, {})


def test_a_file_says_what_options_say(tmp_path: Path):
    path = write(
        tmp_path,
        """
        dataset = "flickr8k"
        data_root = ["/data", "more"]
        pooling = ["gpo/mean", "kmax:k=3"]
        similarity = "dot"
        loss = "triplet, aoq"
        seeds = "0-2"
        epochs = 8
        protocol = "vse-infinity"
        device = "cpu"
        workers = 2
        executor = "local"
        out = "results"
        plugin = "own.py"
        keep = "none"
        strict_data = true
        [set]
        embed_dim = 128
        warmup_loss = "sum-hinge"
        """,
    )
    options = {
        "dataset": "flickr8k",
        "data_root": ["/data", "more"],
        "pooling": "gpo/mean,kmax:k=3",
        "similarity": "dot",
        "loss": "triplet,aoq",
        "seeds": "0-2",
        "epochs": 8,
        "protocol": "vse-infinity",
        "device": "cpu",
        "workers": 2,
        "executor": "local",
        "out": "results",
        "plugin": ["own.py"],
        "keep": "none",
        "strict_data": True,
        "set": {"embed_dim": 128, "warmup_loss": "sum-hinge"},
    }
    assert load_suite(path) == make_suite(options)
    assert load_suite(path).changes == {"embed_dim": 128, "warmup_loss": "sum-hinge", "epochs": 8}


def test_a_table_in_a_file_holds_values_that_a_spec_would_have_to_encode(tmp_path: Path):
    path = write(
        tmp_path,
        'loss = [{name = "aoq", h = 20, clamp_weight = true}, {name = "other", text = "a,b:c"}]',
    )
    assert load_suite(path).loss == ("aoq:h=20:clamp_weight=true", "other:text=a%2Cb%3Ac")


def test_options_replace_what_a_file_says(tmp_path: Path):
    path = write(
        tmp_path, 'pooling = "mean"\nepochs = 8\nseeds = "0-2"\n[set]\nembed_dim = 128\nlr = 1e-3\n'
    )
    suite = load_suite(path, {"pooling": "gpo,max", "set": {"embed_dim": "64"}})
    assert suite.pooling == ("gpo", "max")
    assert suite.seeds == (0, 1, 2)
    assert suite.changes == {"embed_dim": "64", "lr": 1e-3, "epochs": 8}


def test_an_option_for_epochs_replaces_either_way_of_saying_it(tmp_path: Path):
    as_key, in_set = "epochs = 8\n[set]\nlr = 1e-3\n", "[set]\nepochs = 8\nlr = 1e-3\n"
    for text in (as_key, in_set):
        path = write(tmp_path, text)
        assert load_suite(path, {"epochs": 3}).changes == {"epochs": 3, "lr": 1e-3}
        assert load_suite(path, {"set": {"epochs": "3"}}).changes == {"epochs": "3", "lr": 1e-3}
        assert load_suite(path, {"loss": "aoq"}).changes == {"epochs": 8, "lr": 1e-3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('poling = "gpo"', "unknown key 'poling': did you mean 'pooling'?"),
        ('pooling = "gpo', "not valid TOML: "),
        ('pooling = "gpo,,max"', "pooling: 'gpo,,max' has an empty item"),
        (
            "pooling = 3",
            "pooling: write component specs, as a comma-separated text or as an array; got 3",
        ),
        ("pooling = []", "pooling: write component specs"),
        ('pooling = [""]', "pooling: '' is not a component spec"),
        (
            "pooling = [{k = 3}]",
            (
                "pooling: {'k': 3} is not a component spec: write a text such as kmax:k=5, or a "
                "table "
                "with a name"
            ),
        ),
        ('seeds = "5-0"', "seeds: the range of seeds '5-0' runs backwards"),
        ("seeds = []", "seeds: no seed is given"),
        ("epochs = -1", "epochs must be greater than or equal to 0, got -1"),
        ("epochs = true", "epochs: write an integer, got true"),
        ("workers = true", "workers: write an integer, got true"),
        (
            "seeds = true",
            (
                "seeds: seeds are a list or a range of integers from 0, such as 0,1,2 or 0-5; got "
                "'True'"
            ),
        ),
        ('epochs = "x"', "epochs must be a valid integer, got 'x'"),
        (
            "epochs = 3\n[set]\nepochs = 4",
            "epochs is given twice, by itself and as a protocol key: keep one",
        ),
        ('device = "gpu"', "device: unknown device 'gpu': GPUs are named cuda: write auto, cpu"),
        ("workers = 0", "workers must be greater than or equal to 1, got 0"),
        ('out = ""', "out: name a folder"),
        ("data_root = 3", "data_root: write a path or an array of paths; got 3"),
        ("set = 3", "set: write a table of protocol keys; got 3"),
        (
            "[set]\nlr = [1]",
            "set: protocol key 'lr' must be true or false, a number or a text; got [1]",
        ),
    ],
)
def test_a_bad_file_is_one_line_that_names_file_and_key(tmp_path: Path, text: str, message: str):
    path = write(tmp_path, text)
    with pytest.raises(SpecError) as caught:
        load_suite(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_option_is_not_blamed_on_the_file(tmp_path: Path):
    with pytest.raises(SpecError, match=r"^--device: unknown device 'gpu': GPUs are named cuda"):
        load_suite(write(tmp_path, 'device = "cpu"'), {"device": "gpu"})


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path):
    with pytest.raises(MissingError, match=r"'nowhere\.toml' cannot be read"):
        load_suite("nowhere.toml")
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        load_suite(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'out = "r\xe9sultats"')
    with pytest.raises(SpecError, match=r"line 1, is not UTF-8 \(byte 0xe9 at offset 8, 'é'"):
        load_suite(latin)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_file_of_any_editor_is_read(tmp_path: Path, encoding: str):
    suite = tmp_path / "suite.toml"
    suite.write_bytes('out = "résultats"\r\nseeds = [1]\r\n'.encode(encoding))
    assert load_suite(suite).out == "résultats"


def test_the_published_schema_is_current():
    published = json.loads((ROOT / "docs" / "suite.schema.json").read_text(encoding="utf-8"))
    assert published == suite_schema(), (
        "run: python -m vsebench.grid.suite > docs/suite.schema.json"
    )


def test_numbers_of_numpy_are_numbers() -> None:
    given = {"lr": np.float64(0.1), "embed_dim": np.int64(8), "sibling_mask": np.bool_(True)}
    suite = make_suite({"set": given, "seeds": np.arange(3), "epochs": np.int32(2)})
    assert suite.set == {"lr": 0.1, "embed_dim": 8, "sibling_mask": True}
    assert [type(value) for value in suite.set.values()] == [float, int, bool]
    assert (suite.seeds, suite.epochs) == ((0, 1, 2), 2)
    with pytest.raises(SpecError, match="'lr'"):
        make_suite({"set": {"lr": np.arange(2)}})


def test_every_example_is_found():
    assert {path.stem for path in SUITES} == {
        *("quick", "vse-infinity", "patterns"),
        *("headline", "poolings", "losses", "aoq", "ablations", "equal-compute"),
        *("bigru", "minilm", "minilm-frozen", "minilm-kept", "grids"),
        *(
            "global",
            "mirflickr",
            "mirflickr-weighted",
            "mirflickr-tuned",
            "mirflickr-logistic",
            "mirflickr-logistic-tuned",
            "flickr8k-aoq",
            "flickr8k-aoq-tuned",
            "flickr8k-aoq-equal-cost-tuned",
            "flickr8k-aoq-long",
            "flickr8k-aoq-long-tuned",
            "flickr8k-aoq-warm",
            "flickr8k-aoq-warm-tuned",
            "flickr8k-aoq-warm-long",
            "flickr8k-aoq-warm-long-tuned",
            "flickr8k-losses",
            "flickr8k-losses-tuned",
            "flickr8k-loss-baselines",
            "flickr8k-loss-baselines-tuned",
            "flickr8k-combinations",
            "flickr8k-combinations-tuned",
            "flickr8k-convergence",
            "flickr8k-convergence-tuned",
            "flickr8k-poolings",
            "flickr8k-poolings-tuned",
            "flickr8k-words",
            "flickr8k-words-weighted",
            "nuswide81",
            "nuswide81-weighted",
            "nuswide81-tuned",
            "warp-cap",
        ),
    }


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_examples_fit_the_schema_and_the_model(path: Path):
    jsonschema.validate(tomllib.loads(path.read_text(encoding="utf-8")), suite_schema())
    assert isinstance(load_suite(path), Suite)


@pytest.mark.parametrize(
    "values",
    [
        {"poling": "gpo"},
        {"pooling": 3},
        {"pooling": [{"k": 3}]},
        {"seeds": "0-"},
        {"seeds": -1},
        {"epochs": -1},
        {"epochs": True},
        {"workers": True},
        {"device": "gpu"},
        {"set": {"embed_dims": 3}},
        {"set": {"embed_dim": "big"}},
        {"workers": 0},
    ],
)
def test_the_schema_refuses_what_the_suite_refuses(values: dict[str, Any]):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, suite_schema())


def test_one_component_may_be_a_table():
    assert make_suite({"pooling": {"name": "kmax", "k": 3}}).pooling == ("kmax:k=3",)


def test_the_schema_takes_every_way_of_writing_a_list():
    kmax = {"name": "kmax", "k": 3}
    for pooling in ("gpo,max", ["gpo", "max"], kmax, [kmax, "max"]):
        for seeds in (0, "0,2", "0-5", [0, 1]):
            jsonschema.validate(
                {"pooling": pooling, "seeds": seeds, "data_root": ["a"], "set": {"lr": 1e-3}},
                suite_schema(),
            )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=" + "[" * 100_000, "it is nested too deeply"),
        ("epochs = " + "9" * 5000, "Exceeds the limit"),
    ],
)
def test_hostile_toml_is_one_error(tmp_path: Path, text: str, message: str):
    with pytest.raises(SpecError, match=f"not valid TOML: {message}"):
        load_suite(write(tmp_path, text))


def test_a_pipe_is_no_suite(tmp_path: Path):
    os.mkfifo(tmp_path / "suite.toml")
    with pytest.raises(SpecError, match="it is no regular file"):
        load_suite(tmp_path / "suite.toml")


def test_a_name_that_no_file_system_takes_is_refused():
    with pytest.raises(SpecError, match="has 300 bytes: file systems take 255"):
        make_suite({"out": "x" * 300})
