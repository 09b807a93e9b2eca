"""What a run of the pattern task is, and what its comparisons hold equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from vsebench.results.components import ComponentRef, ComponentSlot
from vsebench.results.protocol import MOST_THREADS, NEVER, AnyProtocol
from vsebench.results.run_base import RunBase

if TYPE_CHECKING:
    from collections.abc import Mapping


class PatternsProtocol(AnyProtocol):
    """Everything held equal in a comparison on the pattern task: Adam, with a rate that falls to 0
    as a cosine; the model is the last one. The paper gives none of these values.
    """

    name: str = Field(
        "vse-infinity-patterns", description="the preset that these values started from"
    )
    epochs: int = Field(8, ge=1, description="rounds of steps_per_epoch steps; each ends with dev")
    steps_per_epoch: int = Field(50, ge=1, description="steps of a round")
    batch_size: int = Field(32, ge=1, description="new sets per step")
    lr: float = Field(0.01, gt=0, description="first learning rate")
    stop: str = Field(
        NEVER,
        description="component spec of the stopping rule, which ends a run before its last epoch; "
        "never: none",
    )
    threads: int = Field(
        1, ge=1, le=MOST_THREADS, description="CPU threads of a run; part of its identity"
    )


PATTERN_PRESETS: Mapping[str, PatternsProtocol] = {
    preset.name: preset for preset in (PatternsProtocol(),)
}
"""By name."""


class PatternsSpec(RunBase):
    """A run of the pattern task."""

    task: Literal["patterns"] = "patterns"
    pooling: Annotated[ComponentRef, ComponentSlot("pooling", in_model=True)]
    protocol: PatternsProtocol
    tuned: tuple[str, ...] = Field(
        (),
        description="protocol keys, and parameters of components such as pooling.k, whose values "
        "were tuned for this row: it may differ in them from the rows beside it",
    )

    @property
    def combination(self) -> tuple[str, str]:
        return self.row_ref("pooling").spec, self.row_ref("loss").spec

    @property
    def axes(self) -> dict[str, str | None]:
        return {axis: self.row_ref(axis).spec for axis in ("pooling", "loss")}

    @property
    def tuned_keys(self) -> tuple[str, ...]:
        return self.tuned

    @property
    def context(self) -> dict[str, int]:
        return {"dim": int(self.dataset.params["dim"]), "batch_size": self.protocol.batch_size}

    def identity(self) -> dict[str, Any]:
        tuned = {"tuned": list(self.tuned)} if self.tuned else {}
        return self._identity(self.task, self.protocol, **tuned)
