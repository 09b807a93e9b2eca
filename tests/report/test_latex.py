"""LaTeX tables go through a TeX as they are printed, whatever their rows are called."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.factories import make_curve, make_external, make_record, make_spec, metrics, save
from vsebench.cli.app import main
from vsebench.report.tables import latex
from vsebench.results.external import write_external

if TYPE_CHECKING:
    from pathlib import Path

PDFLATEX = shutil.which("pdflatex")
NAMES = (
    r"50 % of_gpo & #1 ~ {λ ± 0.2} \ $x^2$ <b>|</b>",
    "“Ünïcödé” naïve – Łódź × 3 … ‘q’",
    "日本語 Ω μ → ≤ ≥ 🙂 ﬁ \u0301\u200b\t\x07 Đặng ąę €",
    "".join(latex._WRITTEN),
)
PAGE = r"""\documentclass{article}
\usepackage[a2paper]{geometry}
\usepackage{booktabs}
\begin{document}
%s
\end{document}
"""


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of rows with adversarial names, one of them external."""
    out = tmp_path_factory.mktemp("named")
    for i, (pooling, name) in enumerate(zip(("mean", "gpo", "max", "kmax"), NAMES, strict=True)):
        for seed in (0, 1):
            spec = make_spec(pooling, seed=seed)
            loss = spec.loss.model_copy(update={"spec": name})
            spec = spec.model_copy(update={"loss": loss})
            record = make_record(spec, test=metrics(250.0 + i + seed), warnings=(name,))
            save(out, record, make_curve([90.0, *[100.0] * 7]))
    write_external(out, make_external(NAMES[0]), (np.arange(20), np.arange(100)))
    return out


@pytest.mark.skipif(
    PDFLATEX is None,
    reason="needs pdflatex: apt-get install texlive-latex-base texlive-latex-recommended",
)
@pytest.mark.parametrize("command", ["report", "leaderboard"])
def test_it_compiles(
    named: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, str(named), "--format", "latex"])
    printed = capsys.readouterr()
    assert ended.value.code == 0, printed.err
    (tmp_path / "page.tex").write_text(PAGE % printed.out, encoding="utf-8")
    ran = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = ran.stdout.decode(errors="replace")
    assert ran.returncode == 0, said[-2000:]
    assert "Missing character" not in said
    assert (tmp_path / "page.pdf").stat().st_size > 1000


def test_what_comes_out_is_ascii_on_one_line() -> None:
    every = "".join(map(chr, (*range(0x3000), *range(0xFB00, 0xFFFF), 0x1F642)))
    written = latex.escape(every)
    assert written.isascii()
    assert written.isprintable()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a_b & 5 %", r"a\_b \& 5 \%"),
        ("Łódź, façade", r"\L{}\'{o}d\'{z}, fa\c{c}ade"),
        ("e\u0301", r"\'{e}"),
        ("λ = 2 µm", r"$\lambda$ = 2 $\mu$m"),
        ("日 one\ntwo", "U+65E5 one two"),
    ],
)
def test_as_it_is_written(text: str, written: str) -> None:
    assert latex.escape(text) == written
