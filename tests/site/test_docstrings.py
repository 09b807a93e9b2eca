from __future__ import annotations

import sys

import pytest

from vsebench.site.docstrings import docstring_of


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "vsebench_told.py").write_text(
        'raise SystemExit("imported")\n'
        "class Told:\n"
        '    """One line.\n\n    y = w · x\n\n    Args:\n        w: weight.\n    """\n'
        "class Silent:\n    pass\n"
        'def told():\n    """A function."""\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "vsebench_told"


@pytest.mark.parametrize(
    ("name", "said"),
    [("Told", "One line.\n\ny = w · x"), ("Silent", ""), ("told", "A function."), ("absent", "")],
)
def test_the_source_is_read_and_not_imported(module, name, said):
    assert docstring_of(f"{module}:{name}") == said
    assert module not in sys.modules


def test_paragraphs_are_lines_and_what_is_laid_out_stays(tmp_path, monkeypatch):
    (tmp_path / "vsebench_laid_out.py").write_text(
        "class Told:\n"
        '    """One line.\n\n    Words that a source\n    breaks.\n\n'
        '        y = w · x\n        z = y²\n\n    - one\n    - two\n    """\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert docstring_of("vsebench_laid_out:Told") == (
        "One line.\n\nWords that a source breaks.\n\n    y = w · x\n    z = y²\n\n- one\n- two"
    )


def test_a_class_that_a_package_imports(tmp_path, monkeypatch):
    package = tmp_path / "vsebench_hands_on"
    package.mkdir()
    (package / "__init__.py").write_text("from .inside import Told as Ours\n")
    (package / "inside.py").write_text('class Told:\n    """Deep inside."""\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert docstring_of("vsebench_hands_on:Ours") == "Deep inside."
    assert docstring_of("vsebench_hands_on:Told") == ""


def test_modules_that_import_from_each_other_end(tmp_path, monkeypatch):
    (tmp_path / "vsebench_round.py").write_text("from vsebench_round import Told\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert docstring_of("vsebench_round:Told") == ""


def test_a_source_that_is_no_python_says_nothing(tmp_path, monkeypatch):
    (tmp_path / "vsebench_broken.py").write_text("class Told(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert docstring_of("vsebench_broken:Told") == ""


def test_what_has_no_source_says_nothing():
    assert docstring_of("vsebench_no_such_module.inside:Class") == ""
    assert docstring_of("math:sin") == ""
