"""The `README.md` of an exported model: facts, test metrics, usage and licence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabulate import tabulate

from vsebench.plugin.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.exported.about import About


def card(about: About, record: RunRecord, name: str) -> str:
    """The page, in Markdown.

    Args:
        about: the model's inputs and outputs.
        record: the run that trained it.
        name: name of its folder, in the examples.
    """
    return "\n".join(_lines(about, record, name)) + "\n"


def _lines(about: About, record: RunRecord, name: str) -> Iterator[str]:
    spec = record.retrieval
    yield f"# {spec.label}"
    yield ""
    yield (
        f"An image–text retrieval model: the best on dev of run `{about.run_id}` (step "
        f"{about.step:,}), trained by vsebench."
    )
    yield ""
    yield tabulate(_facts(about, spec), ("", ""), tablefmt="github", disable_numparse=True)
    yield ""
    yield "## Test metrics"
    yield ""
    shown = [metric for metric in METRICS["retrieval"] if metric.key in record.test]
    rows = [(metric.name, metric.text(record.test[metric.key])) for metric in shown]
    yield tabulate(rows, ("metric", spec.counted_on), tablefmt="github", disable_numparse=True)
    yield ""
    yield (
        f"Measured once, on {spec.counted_on} of the data set above; R@K counts a query when any "
        "match is among the first K, and ties count against the model."
    )
    yield ""
    yield "## Use"
    yield ""
    images = "--images DIR" if about.raw_images else "--features TABLE"
    yield f"    vsebench embed {name} {images} --out images.npy"
    yield f'    vsebench search {name} --index images.npy "a dog on a beach"'
    yield ""
    yield f'    vsebench.load_model("{name}").encode_texts(["a dog on a beach"])  # Python'
    yield ""
    yield "## Licence"
    yield ""
    yield (
        f"Trained on {about.data.name}. Its licence: {about.data.licence or 'not known here'}. "
        "Whether weights fall under it is for you to judge."
    )
    if about.data.citation:
        yield ""
        yield f"To be cited: {about.data.citation}"
    if about.pretrained:
        yield ""
        yield (
            "Weights of pretrained encoders are part of this model, under their own licences: "
            + ", ".join(getattr(spec, field).spec for field in about.pretrained)
            + "."
        )


def _facts(about: About, spec: RunSpec) -> Iterator[tuple[str, str]]:
    yield "data set", f"`{about.data.name}`, fingerprint `{about.data.fingerprint}`"
    yield "image encoder", f"`{spec.image_encoder.spec}`"
    yield "text encoder", f"`{spec.text_encoder.spec}`, {about.vocabulary:,} token ids"
    yield "pooling", f"`{spec.pooling}`"
    yield "loss", f"`{spec.loss.spec}`"
    yield "protocol", f"`{spec.protocol.name}`{_changes(spec)}"
    yield "reads", _reads(about)
    yield (
        "gives",
        f"vectors of {about.dim:,} float32, L2-normalised; scored by `{about.similarity}`",
    )
    yield "needs", ", ".join(f"{name} {version}" for name, version in about.packages.items())


def _reads(about: About) -> str:
    if about.raw_images:
        return f"raw images, stretched to {about.pixels['size']} × {about.pixels['size']} pixels"
    return f"features of width {about.in_dim:,}"


def _changes(spec: RunSpec) -> str:
    changed = ", ".join(f"{key}={value}" for key, value in spec.protocol_changes.items())
    return f" with {changed}" if changed else ""
