"""`vsebench data prepare`: from the files that people have to the suite's feature tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vsebench.cli.shared.messages import resumable, warn
from vsebench.cli.shared.options import OutputFolder, Quiet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def prepare_command(
    *,
    name: Annotated[
        str,
        typer.Argument(
            metavar="[flickr30k|coco|flickr8k]",
            help="The data set; omit it for your own, named with --as.",
        ),
    ] = "",
    origin: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="DIR|hf:NAME",
            help="Folder of your files; or hf:FOLDER with Parquet or Arrow tables of images and "
            "captions; or hf:OWNER/NAME of a data set on the Hugging Face hub.",
        ),
    ],
    target: OutputFolder,
    called: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="NAME",
            help="Name of the result for --dataset, written to dataset.toml beside it.",
        ),
    ] = "",
    captions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Karpathy's JSON. [default: dataset_NAME.json somewhere in --from, or its only "
            "JSON]",
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Folder or file of features. [default: --from]"),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT=NAME",
            help="Column of such tables that holds image, captions, id or split, if its name is "
            "not recognised; captions=NAME* for several of captions; repeatable.",
        ),
    ] = None,
    dtype: Annotated[
        Literal["float16", "float32"], typer.Option(help="Type of the stored features.")
    ] = "float16",
    quiet: Quiet = False,
) -> None:
    """Convert captions (Karpathy's JSON, or files beside precomputed features) and features
    (tables, .npy, .npz, HDF5, .tsv) or images, or a Hugging Face data set, into the precomp layout.
    A killed command resumes.
    """
    from vsebench.cli.shared.counting import counting
    from vsebench.data.described import check_name
    from vsebench.data.prepare.gather import Request
    from vsebench.data.prepare.hub import PREFIX, table_folder
    from vsebench.data.prepare.karpathy import SETS
    from vsebench.data.prepare.prepare import prepare
    from vsebench.plugin import SpecError
    from vsebench.plugin.host.loader import load_plugins

    if called:
        check_name(called, load_plugins().registry)
    elif not name:
        raise SpecError(
            f"name the data set ({', '.join(SETS)}), or say with --as NAME what yours is to be "
            "called"
        )
    tables = origin.startswith(PREFIX)
    request = Request(
        name,
        table_folder(origin.removeprefix(PREFIX)) if tables else Path(origin),
        target,
        captions,
        features,
        dtype,
        called,
        tables,
        _columns(column or (), tables=tables),
    )
    if tables and (captions or features):
        raise SpecError(
            f"--from {origin} has captions and images: leave --captions and --features out"
        )
    with resumable(), counting("images", quiet=quiet) as report:
        manifest = prepare(request, report)
    for note in manifest.get("notes", ()):
        warn(note)
    typer.echo("\n".join(_result(target, manifest, called or request.entry.opens_as)))


def _columns(given: Sequence[str], *, tables: bool) -> dict[str, str]:
    """What `--column` says.

    Raises:
        SpecError: it is not WHAT=NAME, or there are no tables.
    """
    from vsebench.data.prepare.table_rows import COLUMNS
    from vsebench.plugin import SpecError
    from vsebench.plugin.errors import did_you_mean

    columns = {}
    for text in given:
        what, equals, name = text.partition("=")
        if not equals or not name:
            raise SpecError(f"--column takes WHAT=NAME, such as captions=alt_text; got '{text}'")
        if what not in COLUMNS:
            raise SpecError(f"--column has no '{what}': {did_you_mean(what, COLUMNS)}")
        columns[what] = name
    if columns and not tables:
        raise SpecError("--column is about tables: name them with --from hf:FOLDER")
    return columns


def _result(target: Path, manifest: dict[str, Any], opens_as: str) -> Iterator[str]:
    from vsebench.report.listing import tabled

    precision = manifest["features"]
    yield f"{manifest['dataset']}: prepared in {target}"
    rows = [
        (
            stem,
            about["images"],
            about["captions"],
            " × ".join(map(str, about.get("shape", ["none"]))),
            about.get("shortest", ""),
            about.get("longest", ""),
        )
        for stem, about in manifest["splits"].items()
    ]
    yield tabled(("split", "images", "captions", "features", "shortest", "longest"), rows, "l" * 6)
    if precision is None and "images" in manifest:
        packed = target / manifest["images"]
        yield f"the images are in {packed}"
        yield (
            f"next: vsebench data check {target}; then vsebench data extract --images {packed} "
            f"--model MODEL --out TABLE; then vsebench run --dataset {opens_as}:features=TABLE "
            f"--data-root {target} --set image_encoder=grid"
        )
        return
    if precision is None:
        yield (
            f"no features yet; {target}/id_mapping.json says which file each image is: use "
            f"{opens_as}:images=DIR, or extract a feature table from them"
        )
        return
    yield (
        f"stored as {precision['dtype']}: values of more digits are off by at most "
        f"{precision['relative_error']:.2g} of themselves, {precision['largest_error']:.2g} for "
        f"the largest ({precision['largest']:.4g})"
    )
    yield (
        f"next: vsebench data check {target}; then vsebench run --dataset {opens_as} --data-root "
        f"{target}"
    )
