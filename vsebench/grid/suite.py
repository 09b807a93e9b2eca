"""A suite: what to compare on what, as a TOML file or the same from command-line options.

`python -m vsebench.grid.suite > docs/suite.schema.json` writes the JSON schema of a suite file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    model_validator,
)

from vsebench.grid.suite_fields import (
    COMMAND_LINE,
    Changes,
    Count,
    DeviceNames,
    Folder,
    Minutes,
    NonNegative,
    Paths,
    Seeds,
    Specs,
    one_line,
)
from vsebench.grid.tuned import TunedRows
from vsebench.plugin.errors import DataError, MissingError, SpecError
from vsebench.results.folder.clean import Keep
from vsebench.text import parse_toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vsebench.plugin.params import Scalar


class Suite(BaseModel):
    """What to run: every combination of data set, pooling, similarity, loss and seed is one run.
    Paths are relative to the working directory.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", title="vsebench suite", use_attribute_docstrings=True
    )

    dataset: Specs = ("scenes",)
    """Data sets."""
    data_root: Paths = ()
    """Folders to search for data sets before $VSEBENCH_DATA and ./data."""
    pooling: Specs = ("gpo", "maxavg")
    """Poolings; `gpo/mean` sets image side / text side."""
    similarity: Specs = ("dot",)
    """Similarities between image and text embeddings."""
    loss: Specs = ("triplet", "aoq")
    """Losses."""
    sampler: Specs | None = None
    """Negative samplers: for annotation data sets, by default `uniform`, `warp` and `vse-ens` with
    the loss `hinge`; or for losses with global negatives.
    """
    seeds: Seeds = (0,)
    """Seeds, as a list or a range (`0-5`, both ends included); not a count."""
    epochs: NonNegative = None
    """Passes over the training captions, the protocol key of the same name; 0 evaluates pretrained
    encoders as they are, on retrieval data sets.
    """
    protocol: str | None = None
    """Preset of the protocol; by default the data set's own."""
    set: Changes = Field(default_factory=dict)
    """Protocol keys that differ from the preset."""
    tuned: TunedRows = ()
    """Tuned values of each row: either for all rows, over the same keys, or for none."""
    device: DeviceNames = "auto"
    """`auto` is CUDA if there is a device, otherwise the CPU; `cuda:0,cuda:1` distributes runs over
    two devices, and with `cuda:0/4` four runs share one.
    """
    workers: Count = None
    """Concurrent runs; by default one per physical core, or one per CUDA device or share of one."""
    executor: str = "local"
    """Where runs are executed, as a component spec."""
    max_runs: PositiveInt = 20_000
    """Most runs that the suite may have; a larger suite is refused before it is planned."""
    run_timeout: Minutes = 0
    """Time limit of a run in minutes, after which its process is ended and the run is recorded as
    failed; 0 for none.
    """
    stall_timeout: Minutes = 120
    """Minutes without progress (no step, evaluation or new phase) after which a run's process is
    ended and the run is recorded as failed; 0 for none.
    """
    out: Folder = "runs"
    """Output folder, with a directory per run."""
    plugin: Paths = ()
    """Python files that implement plugin hooks, for work that is not packaged."""
    keep: Keep = "best"
    """Weights of finished runs to keep: those of the best model, or none once no other run needs
    them.
    """
    strict_data: bool = False
    """Whether to refuse a data set whose sizes differ from the published ones, instead of a warning
    in the table.
    """

    @model_validator(mode="after")
    def _epochs_once(self) -> Suite:
        if self.epochs is not None and "epochs" in self.set:
            raise ValueError("epochs is given twice, by itself and as a protocol key: keep one")
        return self

    @property
    def changes(self) -> dict[str, Scalar]:
        """Every protocol key that the suite sets."""
        return self.set if self.epochs is None else {**self.set, "epochs": self.epochs}


def make_suite(values: Mapping[str, Any], where: str = "suite") -> Suite:
    """A validated suite.

    Args:
        values: values by key.
        where: begins an error's line, such as the path of the file.

    Raises:
        SpecError: an unknown key (with the nearest match) or a value that is not allowed.
    """
    try:
        return Suite.model_validate(dict(values))
    except ValidationError as error:
        raise one_line(error, where, Suite.model_fields) from None


def load_suite(
    path: Path | str, options: Mapping[str, Any] | None = None, where: str = COMMAND_LINE
) -> Suite:
    """The suite of a TOML file, in which `options` replace what they name; `set` is merged key by
    key. `where` begins an error about them.

    Raises:
        MissingError: there is no such file.
        SpecError: the file cannot be read, or it or the options are not valid.
    """
    values = _read(Path(path))
    suite = make_suite(values, str(path))
    return with_options(values, options, where) if options else suite


def with_options(values: Mapping[str, Any], options: Mapping[str, Any], where: str) -> Suite:
    """The suite of `values`, in which `options` replace what they name; `where` begins an error's
    line.

    Raises:
        SpecError: an unknown key or a value that is not allowed.
    """
    return make_suite(_overlay(values, options), where)


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path, f"suite file '{path}'")
    except FileNotFoundError as error:
        hint = (  # `--pooling gpo mean`, as other suites write it
            "" if path.suffix else "; join the values of an option with commas: --pooling gpo,mean"
        )
        raise MissingError(f"suite file '{path}' cannot be read: {error.strerror}{hint}") from None


def read_toml(path: Path, name: str) -> dict[str, Any]:
    """What a TOML file holds.

    Args:
        path: the file.
        name: how an error names it where it cannot be read.

    Raises:
        FileNotFoundError: there is no such file.
        SpecError: it cannot be read, or is not TOML.
    """
    try:
        return parse_toml(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SpecError(f"{name} cannot be read: {error.strerror}") from None
    except DataError as error:
        raise SpecError(str(error)) from None
    except ValueError as error:  # of tomllib, of a pipe, and of a number of thousands of digits
        raise SpecError(f"{path}: not valid TOML: {error}") from None


def _overlay(values: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with `options` on top; epochs may be given in two ways, and the option replaces
    either.
    """
    kept = {
        key: value
        for key, value in values.items()
        if key != "epochs" or "epochs" not in options.get("set", {})
    }
    changes = {
        key: value
        for key, value in values.get("set", {}).items()
        if key != "epochs" or "epochs" not in options
    }
    return {**kept, **options, "set": {**changes, **options.get("set", {})}}


def suite_text(suite: Suite, comment: str = "") -> str:
    """The keys that the suite was given, after a comment of one line."""
    values = {
        key: value
        for key, value in suite.model_dump(
            mode="json", exclude_defaults=True, exclude_none=True
        ).items()
        if key != "tuned"
    }
    lines = [f"# {comment}", ""] if comment else []
    lines += [f"{key} = {_toml(value)}" for key, value in values.items()]
    for entry in suite.tuned:
        lines += [
            "",
            "[[tuned]]",
            *(
                f"{key} = {_toml(value)}"
                for key, value in entry.model_dump(exclude_none=True).items()
            ),
        ]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """JSON's booleans, numbers and texts are TOML's, too."""
    if isinstance(value, dict):
        return _toml_table(value)
    return (
        _toml_array(value)
        if isinstance(value, list | tuple)
        else json.dumps(value, ensure_ascii=False)
    )


def _toml_table(values: Mapping[str, object]) -> str:
    return "{ " + ", ".join(f"{key} = {_toml(value)}" for key, value in values.items()) + " }"


def _toml_array(values: Sequence[object]) -> str:
    return f"[{', '.join(_toml(value) for value in values)}]"


def suite_schema() -> dict[str, Any]:
    """The JSON schema that editors check suite files against."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Suite.model_json_schema()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(suite_schema(), indent=2, ensure_ascii=False) + "\n")
