from __future__ import annotations

import csv
import io
import json
import shutil
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from tests.factories import make_curve, make_external, make_record, make_spec, metrics, save
from tests.site.made import pages
from vsebench.cli.app import main
from vsebench.report.leaderboard.board import boards, groups_of
from vsebench.report.leaderboard.text import frame
from vsebench.report.results import load_results
from vsebench.report.rows.external import external_of
from vsebench.report.rows.gather import gather
from vsebench.results import external
from vsebench.results.external import read_external, write_external
from vsebench.results.folder.store import Store
from vsebench.results.packs.packing import pack
from vsebench.results.record import Column

FLAT = [90.0, *[100.0] * 7]
NOISE = [0.0, 1.0, -1.0, 0.5]
WOBBLES = {
    "mean": [0.0] * 4,
    "gpo": [0.4, -0.3, 0.2, -0.3],
    "maxavg": [-0.2, 0.4, -0.4, 0.3],
}
MEANS = {"mean": 240.0, "gpo": 250.0, "maxavg": 249.9}


def leave(out, pooling, values, *, first=0, **changes):
    for seed, value in enumerate(values, start=first):
        spec = make_spec(pooling, seed=seed, **changes)
        save(out, make_record(spec, test=metrics(value)), make_curve(FLAT))


@pytest.fixture
def study(tmp_path):
    for pooling, mean in MEANS.items():
        own = WOBBLES[pooling]
        values = [mean + noise + wobble for noise, wobble in zip(NOISE, own, strict=True)]
        leave(tmp_path / "one", pooling, values)
    return tmp_path / "one"


@pytest.fixture
def said(capsys):
    def call(*arguments, code=0):
        with pytest.raises(SystemExit) as ended:
            main(["leaderboard", *map(str, arguments)])
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err
        return printed.err if code else printed.out

    return call


@pytest.mark.parametrize("seed", range(40))
def test_rows_share_a_letter_exactly_where_they_cannot_be_told_apart(seed):
    rng = np.random.default_rng(seed)
    rows = [(f"row {i}", "loss") for i in range(int(rng.integers(0, 8)))]
    upper = np.triu(rng.random((len(rows), len(rows))) < rng.choice([0.1, 0.6]), 1)
    told = upper | upper.T
    letters = groups_of(rows, told)
    for i, j in combinations(range(len(rows)), 2):
        shared = set(letters[rows[i]].split()) & set(letters[rows[j]].split())
        assert bool(shared) == (not told[i, j])
    assert all(letters[row] for row in rows)
    groups = [{row for row in rows if letter in letters[row].split()} for letter in "abcdefgh"]
    held = [group for group in groups if group]
    assert not any(one < other for one in held for other in held)


def test_rows_stand_from_the_best_down_with_their_groups(study):
    (board,) = boards(gather([study]).ended)
    found = [(s.rank, s.groups, s.entry.row["pooling"]) for s in board.standings]
    assert [(rank, groups) for rank, groups, _ in found] == [(1, "a"), (2, "a"), (3, "b")]
    assert found[2][2] == "mean"
    assert board.block.entries[0].row["pooling"] == found[0][2]


def test_rows_that_are_no_evidence_have_no_rank_and_stand_last(study):
    for seed in range(4):
        spec = make_spec("max", seed=seed)
        save(study, make_record(spec, test=metrics(399.0), warmup_steps=60), make_curve(FLAT))
    (board,) = boards(gather([study]).ended)
    last = board.standings[-1]
    assert (last.rank, last.groups, last.entry.row["pooling"]) == (None, "", "max")
    assert [standing.rank for standing in board.standings[:-1]] == [1, 2, 3]


def test_seeds_of_one_row_from_two_machines_are_one_row(study, tmp_path):
    leave(tmp_path / "two", "gpo", [250.0, 251.0], first=4)
    (board,) = boards(gather([study, tmp_path / "two"]).ended)
    rows = {
        standing.entry.row["pooling"]: standing.entry.row["seeds"] for standing in board.standings
    }
    assert rows == {"mean": 4, "gpo": 6, "maxavg": 4}


def test_copies_count_once_and_runs_made_twice_are_refused(study, tmp_path, said):
    shutil.copytree(study, tmp_path / "copy")
    assert gather([study, tmp_path / "copy"]).copies == 12
    assert "12 runs lay in two places with equal results" in said(study, tmp_path / "copy")
    leave(tmp_path / "again", "gpo", [260.0])
    error = said(study, tmp_path / "again", code=2)
    assert "scenes · gpo · triplet · seed 0" in error
    assert "it is one run, not two seeds" in error
    text = " ".join(said(study, tmp_path / "again", "--allow-mixed").split())
    assert "Made twice: scenes · gpo · triplet · seed 0" in text
    assert "250.1" in text or "250" in text


def test_single_runs_and_records_are_places_too(study):
    spec = make_spec("gpo", seed=1)
    folder = Store(study).directory_for(spec).path
    for place in (folder, folder / "record.json"):
        (run,) = gather([place]).ended
        assert run.record.spec.seed == 1


def test_a_pattern_that_matches_files_too_is_told_how_to_match_folders(study, tmp_path, said):
    (tmp_path / "README.md").write_text("about them")
    error = said(study, tmp_path / "README.md", code=2)
    assert f"{tmp_path}/README.md is a file: " in error
    assert f"{tmp_path}/*/ matches the folders" in error


def test_each_protocol_has_a_board_and_devices_are_not_mixed_in_one(study, tmp_path, said):
    protocol = make_spec().protocol.model_copy(update={"epochs": 9})
    leave(
        tmp_path / "long", "gpo", [251.0, 252.0], protocol=protocol, protocol_changes={"epochs": 9}
    )
    long = boards(gather([study, tmp_path / "long"]).ended)
    assert [board.block.section.apart for board in long] == [("epochs=4",), ("epochs=9",)]
    text = said(study, tmp_path / "long")
    assert "scenes · test · epochs=9 · leaderboard\n" in text
    table = pd.read_csv(io.StringIO(said(study, tmp_path / "long", "--format", "csv")))
    assert [*table["protocol"]] == ["quick"] * 3 + ["quick:epochs=9"]
    (alone,) = boards(gather([study]).ended)
    assert alone.block.section.apart == ()
    leave(tmp_path / "cuda", "gpo", [251.0, 252.0], device="cuda")
    assert "differ in device (cpu and cuda)" in said(study, tmp_path / "cuda", code=2)
    assert len(boards(gather([study, tmp_path / "cuda"]).ended, allow_mixed=True)) == 2


def test_every_format_is_written(study, tmp_path, said):
    table = said(study)
    assert max(map(len, table.splitlines())) <= 100
    assert "rows that share a letter cannot be told apart" in table
    assert said(study, "--format", "md").startswith("### scenes · test · leaderboard")
    assert r"\toprule" in said(study, "--format", "latex")
    rows = json.loads(said(study, "--format", "json"))["boards"][0]["rows"]
    assert [(row["rank"], row["groups"]) for row in rows] == [(1, ["a"]), (2, ["a"]), (3, ["b"])]
    assert rows[0]["providers"]
    assert said(study, "--format", "csv").splitlines()[0].startswith("rank,groups,dataset")
    assert "writes a file" in said(study, "--format", "html", code=2)
    said(study, "--format", "html", "--out", tmp_path / "board.html")
    assert (tmp_path / "board.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("columns", [(), ("--columns", "rsum,i2t_r1,t2i_r1,parameters")])
def test_a_board_wider_than_the_terminal_is_split(study, said, columns):
    assert "R@1" in said(study, *columns).splitlines()[4]
    text = said(study, *columns, "--width", "60")
    assert max(map(len, text.splitlines())) <= 60
    assert text.count("1     a       gpo") == text.count("rank  groups  pooling") >= 2
    whole = " ".join(said(study, *columns, "--width", "200").split("\n\n")[1].split())
    assert set(whole.split()) <= set(text.split())


def test_external_rows_stand_below_and_have_no_rank(study, tmp_path, said):
    write_external(study, make_external(rsum=399.0), (np.arange(20), np.arange(100)))
    write_external(study, make_external("elsewhere", dataset="f30k"), (np.arange(2), np.arange(9)))
    pack(study, tmp_path / "pack")
    for places in ((tmp_path / "pack",), (study, tmp_path / "pack")):
        (board,) = boards(gather(places).ended, external_of(places))
        assert [standing.rank for standing in board.standings] == [1, 2, 3]
        assert [row.name for row in board.block.external] == ["CLIP"]
        text = said(*places, "--width", "120")
        (line,) = [line.split() for line in text.splitlines() if "CLIP § " in line]
        assert line[:4] == ["–", "–", "CLIP", "§"]
        assert "399.0" in line
        assert "§ External: vsebench measured what was made elsewhere" in " ".join(text.split())
        for form in ("md", "latex"):
            assert ("CLIP §" if form == "md" else r"CLIP \S{}") in said(*places, "--format", form)
        lines = pd.read_csv(io.StringIO(said(*places, "--format", "csv")))
        assert lines["external"].tolist() == [False, False, False, True]
        assert lines["pooling"].tolist()[-1] == "CLIP"
        assert lines[["rank", "groups", "seeds", "providers"]].iloc[-1].isna().all()
        assert lines["rsum"].tolist()[-1] == 399.0
        (found,) = json.loads(said(*places, "--format", "json"))["boards"]
        assert [row["name"] for row in found["external"]] == ["CLIP"]
        assert len(found["rows"]) == 3
    leave(tmp_path / "other", "gpo", [251.0, 252.0], dataset="f8k")
    mixed = frame(boards(gather([study, tmp_path / "other"]).ended, read_external(study)))
    assert mixed["external"].tolist() == [False, False, False, True, False]
    read = pd.read_csv(io.StringIO(load_results(tmp_path / "pack").table("csv")))
    assert read["external"].tolist() == [False, False, False, True]
    assert "external" not in load_results(tmp_path / "pack").frame()


def test_an_external_row_of_two_folders_is_read_from_each_and_shown_once(
    study, tmp_path, monkeypatch
):
    write_external(study, make_external(rsum=399.0), (np.arange(20), np.arange(100)))
    pack(study, tmp_path / "pack")
    read = []
    monkeypatch.setattr(
        external, "external_row", lambda row, of=external.external_row: read.append(row) or of(row)
    )
    results = load_results([study, tmp_path / "pack"])
    assert len(read) == 2
    assert results.table().count("CLIP §") == 1


def test_a_parquet_file_holds_the_frame(study, tmp_path, said):
    pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'vsebench[parquet]'")
    said(study, "--format", "parquet", "--out", tmp_path / "board.parquet")
    frame = pd.read_parquet(tmp_path / "board.parquet")
    assert frame["rank"].tolist() == [1, 2, 3]


def test_a_cell_that_a_spreadsheet_would_run_is_quoted(tmp_path, said):
    spec = make_spec("mean")
    evil = spec.loss.model_copy(update={"spec": "=HYPERLINK(1)"})
    columns = {"@SUM": Column(value=-2.0, source="third 1.0")}
    record = make_record(spec.model_copy(update={"loss": evil}), columns=columns)
    save(tmp_path, record, make_curve(FLAT))
    on_site = next(text for name, text in pages(tmp_path).items() if name.endswith(".csv"))
    board = said(tmp_path, "--format", "csv")
    for text in (board, load_results(tmp_path).table("csv"), on_site):
        (row,) = csv.DictReader(io.StringIO(text))
        assert row["loss"] == "'=HYPERLINK(1)"
        assert row["'@SUM"] == "-2.0"
        assert not [cell for cell in (*row, *row.values()) if cell.startswith(("=", "+", "@"))]


def test_report_takes_several_folders_and_names_those_inside_a_parent(study, tmp_path, capsys):
    leave(tmp_path / "two", "max", [230.0])

    def report(*arguments):
        with pytest.raises(SystemExit):
            main(["report", *map(str, arguments)])
        return capsys.readouterr()

    assert "max" in report(study, tmp_path / "two", "--format", "csv").out
    assert len(load_results([study, tmp_path / "two"]).rows) == 4
    assert "but one, two inside it do" in report(tmp_path).err
