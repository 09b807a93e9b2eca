"""`vsebench data check`: whether a data set is sound, and whether it is the published one."""

from __future__ import annotations

from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsebench.cli.shared.messages import SOME_FAILED
from vsebench.cli.shared.options import DataRoots, PluginFiles, StrictData, datasets, find_dataset
from vsebench.patterns.data import PatternsData
from vsebench.plugin import AnnotationData, DataError, ImageSource, RetrievalData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.data.open import OpenedDataset
    from vsebench.data.prepare.audit import Finding
    from vsebench.plugin import AnnotationSplit, FeatureArray, RetrievalSplit
    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Component


def check_command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|DIR",
            help="A data set, with options if any, or a folder in the precomp layout.",
        ),
    ],
    data_root: DataRoots = None,
    captions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Karpathy's JSON, to check captions and their order."),
    ] = None,
    strict_data: StrictData = False,
    text_encoder: Annotated[
        str,
        typer.Option(
            metavar="SPEC", help="Text encoder to check the captions with, such as bert:model=NAME."
        ),
    ] = "",
    plugin: PluginFiles = None,
) -> None:
    """Check and hash a data set, and compare it with the published one. Exit code 0: it is as
    published; 1: it differs; 2: it cannot be used.
    """
    from vsebench.cli.data.check_captions import caption_findings
    from vsebench.data.open import open_dataset
    from vsebench.plugin.host.loader import load_plugins

    files = tuple(plugin or ())
    roots = list(data_root or ())
    folder = _folder(name, files, roots)
    spec, roots = (name, roots) if folder is None else (_set_in(folder), [folder])
    component, card, params = find_dataset(spec, files, roots)
    opened = open_dataset(
        component, params, data_roots=roots, strict=strict_data, elsewhere=folder is None
    )
    typer.echo("\n".join(_table(component.canonical(params), opened)))
    findings = [
        *_findings(component, card, params, opened, captions),
        *caption_findings(opened.data, component, text_encoder, load_plugins(files).registry),
    ]
    typer.echo("\n".join(_verdict(findings)))
    raise typer.Exit(SOME_FAILED if any(finding.verdict == "FAIL" for finding in findings) else 0)


def _folder(name: str, plugin_files: tuple[str, ...], roots: list[Path]) -> Path | None:
    """The folder that is meant, where no data set is.

    Raises:
        DataError: it is no folder.
    """
    from vsebench.data.described import described

    known = {component.name for component, _ in datasets(plugin_files)}
    if name.partition(":")[0] in known | {found.name for _, found in described(roots)}:
        return None
    if Path(name).is_dir():
        return Path(name)
    if Path(name).is_file():
        raise DataError(f"{name} is a file: name a data set, or the folder that holds its files")
    return None


def _set_in(folder: Path) -> str:
    """The data set that a folder holds: what its descriptor or its manifest says, else `coco` where
    it has COCO's test files, else `precomp`.
    """
    from vsebench.data.described import DESCRIPTOR, read_descriptor
    from vsebench.data.prepare.karpathy import published
    from vsebench.data.prepare.manifest import read_manifest

    manifest, descriptor = read_manifest(folder), folder / DESCRIPTOR
    if descriptor.is_file():
        spec = read_descriptor(descriptor).name
    elif manifest is not None:
        spec = published(manifest["dataset"]).opens_as
    else:
        spec = "coco" if (folder / "testall_ims.npy").is_file() else "precomp"
    if manifest is not None and "images" in manifest:
        return f"{spec}:images={manifest['images']}"
    if manifest is not None and manifest["features"] is None:
        raise DataError(
            f"{folder} has captions and ids but no features: check it with its images, 'vsebench "
            f"data check {spec}:images=DIR --data-root {folder}'"
        )
    return spec


def _table(spec: str, opened: OpenedDataset) -> Iterator[str]:
    from vsebench.report.listing import tabled

    yield f"{spec}: sound, in {opened.path}, fingerprint {opened.fingerprint}"
    headers, rows = split_rows(opened.data)
    yield tabled(headers, rows, "l" * len(headers))


def _findings(
    component: Component,
    card: DatasetCard,
    params: dict[str, Scalar],
    opened: OpenedDataset,
    captions: Path | None,
) -> Iterator[Finding]:
    from vsebench.data.precomp import Precomp
    from vsebench.data.prepare.audit import audit, audit_features, entry_for

    tables = isinstance(component.create(params), Precomp)
    entry = entry_for(component.name, opened.path) if tables else None
    counts = card.published_for(params)
    yield from audit(opened, published_counts=bool(counts) and entry is None)
    if tables:
        yield from audit_features(
            opened.path, ("train", "dev", str(params.get("test", "test"))), entry, captions
        )
    elif captions is not None:
        raise DataError(
            f"{captions} cannot be compared with '{component.name}': expected a data set in the "
            "precomp layout"
        )


def _verdict(findings: list[Finding]) -> Iterator[str]:
    from vsebench.report.listing import filled, terminal_width

    yield ""
    width = terminal_width()
    yield from (filled(f"{each.verdict:4}  {each.text}", width, " " * 6) for each in findings)
    failed = sum(finding.verdict == "FAIL" for finding in findings)
    passed = sum(finding.verdict == "ok" for finding in findings)
    if failed:
        yield f"verdict: {failed} of {failed + passed} checks failed"
    else:
        yield f"verdict: all {passed} checks passed"


Row = tuple[object, ...]


@singledispatch
def split_rows(data: Any) -> tuple[tuple[str, ...], list[Row]]:
    """Headers, and a row for each split, of any task's data."""
    return ("split",), [(name,) for name in data.splits]


@split_rows.register(RetrievalData)
def _(data: RetrievalData) -> tuple[tuple[str, ...], list[Row]]:
    headers = ("split", "images", "captions", "features", "type", "shortest", "longest")
    return headers, [_retrieval(name, split) for name, split in data.splits.items()]


@split_rows.register(AnnotationData)
def _(data: AnnotationData) -> tuple[tuple[str, ...], list[Row]]:
    return (
        "split",
        "images",
        "without labels",
        "labels",
        "pairs",
        "most of an image",
        "features",
    ), [_annotation(n, s) for n, s in data.splits.items()]


@split_rows.register(PatternsData)
def _(data: PatternsData) -> tuple[tuple[str, ...], list[Row]]:
    headers = ("split", "sets", "size", "smallest", "largest", "RMSE of a constant")
    return headers, [row for name in data.splits for row in _patterns(name, data)]


def _patterns(name: str, data: PatternsData) -> list[Row]:
    """A row for each range of sizes."""
    from vsebench.patterns.errors import constants

    split = data.splits[name]
    constant = {} if split.sets is None else constants(data, name)
    return [
        (
            f"{name}, {sizes}",
            "new at each step" if split.sets is None else split.sets,
            data.dim,
            min(of),
            max(of),
            f"{constant[sizes]:.4f}" if constant else "–",
        )
        for sizes, of in split.ranges.items()
    ]


def _retrieval(name: str, split: RetrievalSplit) -> Row:
    features, lengths = split.features, split.lengths
    shape, dtype = (
        ("raw images", "files")
        if isinstance(features, ImageSource)
        else (_shape(features), str(features.dtype))
    )
    return (
        name,
        len(lengths),
        len(split.captions),
        shape,
        dtype,
        int(lengths.min()),
        int(lengths.max()),
    )


def _annotation(name: str, split: AnnotationSplit) -> Row:
    positives, features = split.positives, split.features
    counts = positives.counts
    return (
        name,
        len(counts),
        int((counts == 0).sum()),
        positives.n_labels,
        positives.n_pairs,
        int(counts.max()),
        "none" if features is None else _shape(features),
    )


def _shape(features: FeatureArray) -> str:
    return " × ".join(map(str, features.shape))
