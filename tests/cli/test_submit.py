from __future__ import annotations

from tests.report.test_submission import made
from tests.results.packed import stand, summed_again
from vsebench.report.rows.runs import read_runs
from vsebench.results.packs.packing import pack


def test_runs_are_packed_and_the_pack_is_checked_again(tmp_path, answer):
    for seed in range(3):
        made(tmp_path / "runs", seed)
    code, out, err = answer("submit", tmp_path / "runs", "--to", tmp_path / "mine")
    assert (code, err) == (0, "")
    assert "as results/mine/" in out
    assert len(read_runs(tmp_path / "mine").ended) == 3
    assert answer("submit", tmp_path / "mine")[0] == 0
    code, _, err = answer("submit", tmp_path / "runs", "--to", tmp_path / "mine")
    assert (code, err.count("\n")) == (2, 1)
    assert "exists already" in err


def test_what_to_do_next_is_wrapped_at_the_terminal(tmp_path, answer, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    for seed in range(3):
        made(tmp_path / "runs", seed)
    _, out, _ = answer("submit", tmp_path / "runs", "--to", tmp_path / "mine")
    said = out[out.index("Commit") :]
    assert all(len(line) <= 60 or " " not in line.strip() for line in said.splitlines())
    assert " ".join(said.split()).endswith("'vsebench submit results/mine' again.")


def test_what_cannot_stand_is_refused_and_not_packed(tmp_path, answer):
    made(tmp_path / "runs", 0, changes=lambda test: {"provenance": None})
    code, out, err = answer("submit", tmp_path / "runs", "--to", tmp_path / "mine")
    assert code == 3
    assert "no provenance" in out
    assert "refused: 2 of what" in err
    assert not (tmp_path / "mine").exists()


def test_a_pack_is_asked_for_every_file(tmp_path, answer):
    """Also where its line was summed again, which readers believe."""
    for seed in range(3):
        made(tmp_path / "runs", seed)
    pack(tmp_path / "runs", tmp_path / "mine")
    stand(tmp_path / "mine", lambda line: summed_again(line.replace(b"AMD EPYC", b"AMD EPIC")))
    code, out, _ = answer("submit", tmp_path / "mine")
    assert code == 3
    assert "record.json: checksum mismatch" in out
