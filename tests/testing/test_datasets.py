from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.data.files import write_precomp
from tests.testing import broken_datasets as made
from tests.testing.made import CARDS, broken, only, results, skipped, subject
from vsebench.data.precomp import Precomp
from vsebench.testing import checks
from vsebench.testing.datasets.files import damaged
from vsebench.testing.report import run

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.plugin import DatasetCard

CARD: DatasetCard = CARDS["dataset"]  # type: ignore[assignment]
COUNTED = replace(CARD, counts={"train": (6, 30), "dev": (3, 15), "test": (4, 20)})

MUTANTS: list[tuple[type, set[str]]] = [
    (made.SharesImages, {"splits_are_disjoint"}),
    (made.ShufflesCaptions, {"loading_again_gives_the_same"}),
    (made.WritesAStamp, {"its_fingerprint_is_stable", "a_truncated_file_is_named"}),
    (made.NamesNoMissingFile, {"a_missing_file_is_named"}),
    (made.LeavesErrorsToPython, {"a_missing_file_is_named"}),
    (made.NamesNoTruncatedFile, {"a_truncated_file_is_named"}),
    (made.TakesTruncatedCaptions, {"a_truncated_file_is_named"}),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_precomp(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("dataset", "promises"), MUTANTS, ids=[dataset.__name__ for dataset, _ in MUTANTS]
)
def test_what_breaks_a_promise_is_caught_by_its_check(
    dataset: type, promises: set[str], root: Path
) -> None:
    assert broken(subject("dataset", dataset, CARD, data_root=root)) == promises


@pytest.mark.parametrize(
    ("card", "promise"),
    [
        (replace(COUNTED, counts={"train": (7, 35)}), "has_the_declared_counts"),
        (replace(COUNTED, licence=""), "says_how_to_get_it"),
        (replace(COUNTED, task="annotation"), "it_can_be_opened"),
    ],
)
def test_a_card_is_held_to_what_it_says(card: DatasetCard, promise: str, root: Path) -> None:
    assert broken(subject("dataset", Precomp, card, data_root=root)) == {promise}


def test_a_sound_set_keeps_every_promise(root: Path) -> None:
    found = results(subject("dataset", Precomp, COUNTED, data_root=root))
    assert {result.outcome for result in found.values()} == {"passed"}


def test_a_failure_says_which_images_are_shared(root: Path) -> None:
    failure = only(
        subject("dataset", made.SharesImages, CARD, data_root=root), "splits_are_disjoint"
    ).failure
    assert failure.what == "'dev' and 'test' share images"
    assert failure.found == "4 images, such as image 0 of dev and 0 of test"
    assert failure.on == str(root)


def test_a_failure_says_which_error_was_expected_in_place_of_pythons(root: Path) -> None:
    failure = only(
        subject("dataset", made.LeavesErrorsToPython, CARD, data_root=root),
        "a_missing_file_is_named",
    ).failure
    assert failure.what.startswith("it raises FileNotFoundError")
    assert failure.expected.startswith("a DataError that names ")
    assert failure.expected.rpartition(" ")[2] in failure.on


def test_a_set_that_is_not_there_is_not_checked(tmp_path: Path) -> None:
    reasons = skipped(subject("dataset", Precomp, CARD, data_root=tmp_path))
    assert "is not in" in reasons["it_can_be_opened"]
    assert "says_how_to_get_it" not in reasons


@pytest.mark.parametrize("spec", ["scenes:images=20", "tags:images=60:labels=30:density=0.1"])
def test_generated_sets_are_checked_in_folders_of_their_own(spec: str) -> None:
    outcomes = {check.promise.name: run(check) for check in checks("dataset", spec)}
    assert {name: result.failure for name, result in outcomes.items() if result.failure} == {}
    assert outcomes["splits_are_disjoint"].outcome == "passed"


def test_a_damaged_copy_is_made_of_links(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name in ("a.txt", "deep/b.txt", "deep/er/c.txt"):
        (tmp_path / name).write_text("one\ntwo\n")
    victim = tmp_path / "deep" / "er" / "c.txt"
    with damaged(tmp_path, victim, truncated=True) as copy:
        assert (copy / "deep/er/c.txt").read_text() == "one"
        assert (copy / "a.txt").is_symlink()
        assert (copy / "deep/b.txt").read_text() == "one\ntwo\n"
    with damaged(tmp_path, victim, truncated=False) as copy:
        assert not (copy / "deep/er/c.txt").exists()
    assert victim.read_text() == "one\ntwo\n"
