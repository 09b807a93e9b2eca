"""What several commands take in the same way, and data sets as the command line names them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.plugin.kinds import KINDS, kind_named
from vsebench.report.statistics.means import check_level

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Component


# What is printed


def format_option(*forms: str, instead: Mapping[str, str] | None = None) -> Any:
    """An option that takes one of these words, and refuses another before the command does
    anything.

    Args:
        *forms: the words.
        instead: what to write instead of words that people try.
    """

    def checked(form: str) -> str:
        if form not in forms:
            hint = (instead or {}).get(form) or did_you_mean(form, forms)
            raise SpecError(f"unknown format '{form}': {hint}")
        return form

    return typer.Option(
        "--format", metavar="|".join(forms), help="Output format.", callback=checked
    )


TableOrJson = Annotated[str, format_option("table", "json")]
Json = Annotated[bool, typer.Option("--json", help="Short for --format json.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
OutputFolder = Annotated[Path, typer.Option("--to", metavar="DIR", help="Output folder.")]

# Folders of runs

RUNS = Path("runs")
"""The folder of runs where none is named: that of `vsebench run`."""

Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder that 'vsebench run --out' wrote to.")
]
Folders = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[DIR]…",
        help="The folder that 'vsebench run --out' wrote to; several are merged. "
        f"[default: {RUNS}]",
    ),
]
FolderOrPack = Annotated[
    Path,
    typer.Argument(
        metavar="DIR", help="The folder that 'vsebench run --out' wrote to, or that of a pack."
    ),
]
Studies = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[DIR]…",
        help=f"Folders of runs, packs, or folders with such inside. [default: {RUNS}]",
    ),
]
KEEP = typer.Option(
    "--keep",
    metavar="best|none",
    help="Weights of finished runs to keep: those of the best model, or none.",
)

# Tables of runs

Level = Annotated[
    float,
    typer.Option(
        "--level", metavar="SHARE", help="Confidence level of the intervals.", callback=check_level
    ),
]
OnlyNewest = Annotated[
    bool, typer.Option("--only-newest", help="Leave out the rows of older versions of a component.")
]
SeparateTables = Annotated[
    bool,
    typer.Option(
        "--allow-mixed",
        help="Show runs with different protocols, data or devices, in separate tables.",
    ),
]
SeparateBoards = Annotated[
    bool,
    typer.Option(
        "--allow-mixed",
        help="Put rows that are not comparable on separate boards, and use the first of runs that "
        "were made twice.",
    ),
]
Width = Annotated[
    int | None,
    typer.Option(min=40, metavar="COLUMNS", help="Width of the table. [default: the terminal's]"),
]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="KEY,…",
        help="Columns to show, in this order, with intervals, by the keys of --format json: "
        "i2t_r1,t2i_r1,rsum,parameters.",
    ),
]
Caption = Annotated[
    str,
    typer.Option(
        metavar="LATEX",
        help="Caption of a LaTeX table, inserted as it is. [default: a description]",
    ),
]
Label = Annotated[
    str, typer.Option(metavar="KEY", help="Label of a LaTeX table, such as tab:results.")
]
ClaimsToJudge = Annotated[
    list[Path] | None,
    typer.Option(
        "--claims", metavar="FILE", help="Claims to judge by these runs on the page; repeatable."
    ),
]

# Models, embeddings and scores

ONE_DEVICE = "auto, cpu, cuda, or one CUDA device by number, such as cuda:1."

OneDevice = Annotated[str, typer.Option(help=ONE_DEVICE)]
SearchedRuns = Annotated[Path, typer.Option(metavar="DIR", help="Folder to search for the run.")]
Similarity = Annotated[
    Path | None,
    typer.Option(
        metavar="SIMS.npy",
        help="Scores instead of embeddings, images × captions or captions × images.",
    ),
]
Orientation = Annotated[
    Literal["images-captions", "captions-images"] | None,
    typer.Option(help="Orientation of a square --similarity."),
]
Normalise = Annotated[
    bool, typer.Option("--normalise", help="L2-normalise rows, so that scores are cosines.")
]
Evaluation = Annotated[
    str,
    typer.Option(
        metavar="full|1k-5fold",
        help="Rank among all items, or within folds of 1,000 images, averaged.",
    ),
]

# Data sets and plugins

DATA_ROOT = typer.Option(
    "--data-root",
    metavar="DIR",
    help="Folder to search for data sets before $VSEBENCH_DATA and ./data; repeatable.",
)
DataRoots = Annotated[list[Path] | None, DATA_ROOT]
VocabularyRoots = Annotated[
    list[Path] | None,
    typer.Option(
        "--data-root",
        metavar="DIR",
        help="Folder to search for the data set of a run that did not keep its vocabulary; "
        "repeatable.",
    ),
]
StrictData = Annotated[
    bool,
    typer.Option(
        "--strict-data", help="Refuse a data set whose sizes differ from the published ones."
    ),
]
PluginFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin", metavar="FILE", help="Python file that implements plugin hooks; repeatable."
    ),
]


def _checked_kind(kind: str | None) -> str | None:
    return None if kind is None else kind_named(kind).name


KindOption = Annotated[
    str | None,
    typer.Option(
        "--kind", help=f"Only this kind of component: {', '.join(KINDS)}.", callback=_checked_kind
    ),
]


def listed(text: str) -> list[str]:
    """The parts of a list with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def chosen(columns: str | None) -> list[str]:
    """The keys of `--columns`; none where it is not given. A list without a key names the column
    "", which no table has.
    """
    return [] if columns is None else listed(columns) or [""]


def datasets(plugin_files: tuple[str, ...] = ()) -> Iterator[tuple[Component, DatasetCard]]:
    """Every registered data set and its card."""
    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.host.loader import load_plugins

    for component in load_plugins(plugin_files).registry:
        if isinstance(component.card, DatasetCard):
            yield component, component.card


def find_dataset(
    text: str, plugin_files: tuple[str, ...] = (), data_roots: Sequence[Path] = ()
) -> tuple[Component, DatasetCard, dict[str, Scalar]]:
    """The data set that a spec names, registered or described under the data roots, its card, and
    its options with their values.
    """
    from vsebench.data.described import dataset_component
    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.plugin.specs import parse_spec

    name, given = parse_spec(text)
    component = dataset_component(load_plugins(plugin_files).registry, name, data_roots)
    assert isinstance(component.card, DatasetCard)
    return component, component.card, component.resolve(given)
