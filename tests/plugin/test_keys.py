"""A stream of random numbers depends on its key and on nothing else."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np

from vsebench.plugin import Key


def draw(key: Key) -> list[int]:
    return key.generator().integers(2**62, size=4).tolist()


def test_a_stream_does_not_depend_on_what_was_drawn_before():
    keys = [
        Key(seed) / word / epoch
        for seed, word, epoch in itertools.product((0, 1), ("batches", "augment"), range(3))
    ]
    forwards = [draw(key) for key in keys]
    backwards = [draw(key) for key in reversed(keys)][::-1]
    assert forwards == backwards


def test_a_stream_is_the_same_in_another_process():
    code = (
        "from vsebench.plugin import Key; k = Key(7) / 'augment' / 3; "
        "print(k.generator().integers(2**62, size=4).tolist(), k.seed())"
    )
    key = Key(7) / "augment" / 3
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "5"},
    )
    assert done.stdout == f"{draw(key)} {key.seed()}\n"


def test_different_paths_have_different_streams():
    paths = [
        (),
        (0,),
        (0, 0),
        (0, 0, 0),
        ("0",),
        ("",),
        (1,),
        (2**32,),
        (0, 1),
        (1, 0),
        ("a",),
        ("a", 0),
        (0, "a"),
        ("a", "b"),
        ("ab",),
        (-1,),
        (2**70,),
    ]
    streams = {tuple(draw(Key(*path))) for path in paths}
    seeds = {Key(*path).seed() for path in paths}
    assert len(streams) == len(seeds) == len(paths)


def test_the_path_can_be_built_step_by_step_and_from_numpy_integers():
    assert Key(3) / "x" / 5 == Key(3, "x", 5) == Key(np.int64(3), "x", np.int32(5))


def test_seeds_suit_generators_that_take_one_integer():
    assert all(0 <= (Key(i) / "init").seed() < 2**63 for i in range(200))
