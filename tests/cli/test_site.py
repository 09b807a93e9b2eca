from __future__ import annotations

import json

from tests.claims.made import claims, leave
from tests.claims.test_judge import MEAN, ahead
from tests.report.figures.test_weights import TABLE, keep
from tests.site.made import study


def test_a_site_is_written_and_written_again(tmp_path, call):
    held = claims(tmp_path)
    leave(held, tmp_path / "runs" / "claimed", "mean,triplet", MEAN)
    leave(held, tmp_path / "runs" / "claimed", "gpo,triplet", ahead(9))
    study(tmp_path / "runs" / "two", {"gpo": 300.0, "mean": 250.0})
    out = tmp_path / "site"
    said = call(
        "site",
        tmp_path / "runs",
        "--out",
        out,
        "--claims",
        tmp_path / "claims.toml",
        "--title",
        "My studies",
    )
    assert said.startswith(f"{out / 'index.html'}: 2 studies")
    assert "<h1>My studies</h1>" in (out / "index.html").read_text()
    assert "confirmed" in (out / "claims" / "claims.html").read_text()
    assert "GPO, the Generalized" not in (out / "methods" / "pooling-gpo.html").read_text()
    assert (
        "Learning the Best Pooling Strategy" in (out / "methods" / "pooling-gpo.html").read_text()
    )
    call("site", tmp_path / "runs" / "two", "--out", out)
    assert not (out / "claims" / "claims.html").exists()
    assert "studies/two.html" in json.loads((out / "site.json").read_text())["files"]


def test_wrong_requests_are_one_line(tmp_path, call):
    runs = study(tmp_path / "runs", {"mean": 250.0})
    for arguments, said in (
        ((tmp_path / "absent",), "there is no folder"),
        ((runs, "--out", runs), "which are kept"),
        ((runs, "--claims", tmp_path / "absent.toml"), "there is no claims file"),
        ((runs, "--data-root", tmp_path / "absent"), "is not a folder"),
        ((runs, "--data-root", tmp_path, "--images", tmp_path / "absent"), "no such folder"),
        ((runs, "--images", tmp_path), "name --data-root DIR"),
    ):
        out = () if "--out" in arguments else ("--out", tmp_path / "site")
        error = call("site", *arguments, *out, code=2)
        assert said in error
        assert error.count("\n") == 1
    assert not (tmp_path / "site").exists()


def test_figures_are_files(tmp_path, call):
    runs = study(tmp_path / "runs", {"gpo": 300.0, "mean": 250.0})
    out = tmp_path / "figures"
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    for form, start in starts.items():
        said = call("plot", runs, "--out", out, "--format", form)
        paths = [
            out / f"runs-{key}.{form}"
            for key in ("updates", "wall", "forwards", "cost", "differences")
        ]
        assert said.split() == list(map(str, paths))
        assert all(path.read_bytes().startswith(start) for path in paths)
    assert call("plot", runs, "--out", out, "--only", "cost").split() == [
        str(out / "runs-cost.png")
    ]


def test_weights_are_a_figure_a_side(tmp_path, call):
    keep(study(tmp_path / "runs"), {0: {"image": TABLE, "text": TABLE}})
    said = call("plot", tmp_path / "runs", "--out", tmp_path / "out", "--only", "weights")
    assert said.split() == [
        str(tmp_path / "out" / f"runs-weights-{side}.png") for side in ("image", "text")
    ]


def test_wrong_figures_are_one_line(tmp_path, call):
    runs = study(tmp_path / "runs", {"mean": 250.0})
    (tmp_path / "file").write_text("")
    for arguments, said in (
        (("--only", "costs"), "did you mean 'cost'"),
        (("--format", "gif"), "unknown format"),
        (("--out", tmp_path / "file"), "is a file"),
    ):
        error = call("plot", runs, *arguments, code=2)
        assert said in error
        assert error.count("\n") == 1
