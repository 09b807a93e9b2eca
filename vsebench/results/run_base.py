"""What the runs of every task are: resolved components, a protocol and an identity."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from functools import cached_property, lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from vsebench.plugin.kinds import KINDS
from vsebench.results.components import ComponentRef, ComponentSlot, slots_of
from vsebench.results.protocol import NEVER, AnyProtocol, Frozen, Sparse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from vsebench.plugin.registry import Registry

Device = Literal["cpu", "cuda"]

METRIC_VERSION = "1"
"""Raised when a metric's definition changes; rows of different versions never share a table."""


_IDENTITY = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class Environment(Sparse):
    """Where a run is executed; no part of its identity."""

    sparse: ClassVar[tuple[str, ...]] = ("watchers",)

    data_path: str = Field("", description="the folder that the data set was found in")
    data_warnings: tuple[str, ...] = Field((), description="what opening the data set warned of")
    plugin_files: tuple[str, ...] = ()
    concurrency: int = Field(
        1,
        description="runs that the command had at a time, at most; what else the machine did, "
        "other commands included, is not known",
    )
    watchers: tuple[str, ...] = Field(
        (), description="plugins that watch the run, as 'distribution:entry point'; often none"
    )


class WarmUp(NamedTuple):
    """The beginning of a run that trains with another loss.

    Attributes:
        loss: its canonical spec.
        epochs: epochs for how long.
    """

    loss: str
    epochs: float


class Cell(NamedTuple):
    """A cell of a suite's grid, which its seeds train: canonical specs, None where the task has no
    such axis or the method needs none.
    """

    dataset: str
    loss: str
    pooling: str | None = None
    similarity: str | None = None
    sampler: str | None = None

    @property
    def label(self) -> str:
        """How errors and tables of trials name it."""
        similarity = None if self.similarity == "dot" else self.similarity
        parts = (self.dataset, self.pooling, similarity, self.sampler, self.loss)
        return " × ".join(part for part in parts if part is not None)


class Tuning(Frozen):
    """How the tuned values of a row were chosen; no part of a run's identity."""

    study: int = Field(0, ge=0, description="which of several independent searches chose them")
    configurations: int | None = Field(
        None, ge=1, description="points of the space that were tried; None where it is not known"
    )
    seconds: float | None = Field(
        None, ge=0, description="training seconds of all trials, with first rounds and mining"
    )
    tuned_at_edge: tuple[str, ...] = Field(
        (), description="keys whose value lies at an end of the range that was searched"
    )


class RunBase(Sparse, ABC):
    """What the runs of every task have: one point of the grid, fully resolved."""

    sparse: ClassVar[tuple[str, ...]] = ("tuning", "claims")

    dataset: Annotated[ComponentRef, ComponentSlot("dataset")]
    data_fingerprint: str
    loss: Annotated[ComponentRef, ComponentSlot("loss")]
    stop: Annotated[
        ComponentRef | None, ComponentSlot("stopping-rule", held_equal=True, absent=NEVER)
    ] = Field(None, description="the stopping rule; None where every epoch is trained")
    protocol_changes: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="keys that differ from the preset"
    )
    seed: int = Field(ge=0)
    device: Device = "cpu"
    depends_on: tuple[str, ...] = Field(
        (),
        description="run ids; the first is the first round of a loss that needs offline negatives",
    )
    environment: Environment = Environment()
    tuning: Tuning | None = Field(None, description="how the values of `tuned` were chosen")
    claims: str = Field("", description="digest of the claims that the run was made under, if any")

    if TYPE_CHECKING:  # fields of a base come first, and a record's order of keys is kept

        @property
        def task(self) -> str: ...

        @property
        def protocol(self) -> AnyProtocol: ...

    @model_validator(mode="before")
    @classmethod
    def _without_role(cls, values: Any) -> Any:
        """Drops what older releases wrote; which runs are rows is the folder's to say (`Noted`)."""
        if isinstance(values, dict):
            values = {key: value for key, value in values.items() if key != "role"}
        return values

    @property
    @abstractmethod
    def combination(self) -> tuple[str, str]:
        """What a row compares: canonical specs of the task's component and of the loss, without
        what was tuned.
        """

    @property
    @abstractmethod
    def axes(self) -> dict[str, str | None]:
        """The components that rows of the task's tables name, by axis; None where a run has
        none.
        """

    @property
    def cell(self) -> Cell:
        """The cell of the grid that it is a run of, whatever was tuned for it."""
        return Cell(**{"dataset": self.dataset.spec, **self.axes})  # type: ignore[arg-type]

    @property
    def set_apart(self) -> tuple[str, ...]:
        """What gives a run another table than others on its data set have, in words."""
        return ()

    @property
    def setting(self) -> tuple[str, ...]:
        """What else than `context` decides what the run asks of its components."""
        return ()

    @property
    def warmup(self) -> WarmUp | None:
        """How it begins; None where it trains with its own loss from the start."""
        return None

    @property
    def tuned_keys(self) -> tuple[str, ...]:
        """What was tuned for the run's row alone: protocol keys, and parameters of components as
        `loss.margin`. `pooling.k` is a parameter of both sides, `image_pooling.k` of one.
        """
        return ()

    def tuned_value(self, key: str) -> bool | int | float | str | None:
        """The value of a key that may be tuned; None where the run has no such parameter."""
        place, dot, param = key.partition(".")
        if not dot:
            value: bool | int | float | str = getattr(self.protocol, key)
            return value
        refs = (getattr(self, field) for field in self.fields_of(place))
        return next((ref.params.get(param) for ref in refs if ref is not None), None)

    def row_ref(self, field: str, keys: Collection[str] | None = None) -> Any:
        """The component of a field as its row names it: without the parameters that are tuned.

        Args:
            field: field of the spec.
            keys: keys that count as tuned; the run's own when None.
        """
        ref: ComponentRef | None = getattr(self, field)
        keys = self.tuned_keys if keys is None else keys
        if ref is None or not keys:
            return ref
        parts = (key.partition(".") for key in keys)
        params = {param for place, dot, param in parts if dot and field in self.fields_of(place)}
        return ref.without(params) if params else ref

    def held_protocol(self, *, exclude_defaults: bool = False) -> dict[str, Any]:
        """The protocol without its name and what was tuned for the row alone, by key."""
        values = self.protocol.model_dump(exclude={"name", *self.tuned_keys})
        values |= {
            slot.field: ref.spec
            for slot in self.slots()
            if slot.held_equal and (ref := self.row_ref(slot.field)) != getattr(self, slot.field)
        }
        fields = type(self.protocol).model_fields
        return {
            key: value
            for key, value in values.items()
            if not exclude_defaults or value != fields[key].default
        }

    @classmethod
    def holds_equal(cls, key: str) -> bool:
        """Whether rows of one table share the value of a key where it was not tuned: not so the
        parameter of a component that rows compare.
        """
        place, dot, _ = key.partition(".")
        return not dot or any(slot.field == place and slot.held_equal for slot in cls.slots())

    @classmethod
    def fields_of(cls, place: str) -> tuple[str, ...]:
        """The fields of what a key's first part names: a field, or all that rows compare of a
        kind.
        """
        slots = cls.slots()
        own = tuple(slot.field for slot in slots if slot.field == place)
        return own or tuple(
            slot.field for slot in slots if slot.kind == place and not slot.held_equal
        )

    @property
    def devices(self) -> int:
        """Devices that it is split over."""
        return 1

    @property
    def counted_on(self) -> str:
        """The splits that the finished run's metrics are of."""
        return "test"

    @property
    def caveat(self) -> str:
        """What of the protocol every reader of a table should know; may be empty."""
        return ""

    @property
    def conditions(self) -> dict[str, str]:
        """What else is equal for all runs of a table and worth saying, by name."""
        return {}

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What the run id hashes: everything that decides the result, and nothing else."""

    @property
    @abstractmethod
    def context(self) -> dict[str, int]:
        """What the protocol says that a component may be told when it is created."""

    @classmethod
    def slots(cls) -> tuple[ComponentSlot, ...]:
        """The places of components in runs of this task."""
        return slots_of(cls)

    def components(self) -> Iterator[tuple[ComponentSlot, ComponentRef]]:
        """The components that the run has, each with its slot."""
        for slot in self.slots():
            if (ref := getattr(self, slot.field)) is not None:
                yield slot, ref

    def _identity(self, task: str, protocol: AnyProtocol, **own: Any) -> dict[str, Any]:
        """What every task's identity has, and the task's `own`. Neither slots that are empty nor
        keys at their defaults are in it: runs keep their ids when a protocol gains a key, or the
        task a component that they do without. The defaults themselves therefore never change (a
        test holds them).
        """
        named = {slot.field for slot in self.slots() if slot.held_equal}
        claims = {"claims": self.claims} if self.claims else {}
        return {
            "task": task,
            "data": self.data_fingerprint,
            "protocol": _changed(protocol, frozenset(named)),
            "seed": self.seed,
            "device": self.device,
            "metric": METRIC_VERSION,
            **own,
            **claims,
            **{slot.field: ref.identity() for slot, ref in self.components()},
        }

    @cached_property
    def run_id(self) -> str:
        """16 hexadecimal digits."""
        return hashlib.sha256(_IDENTITY.encode(self.identity()).encode()).hexdigest()[:16]

    def model_copy(self, **how: Any) -> Self:
        """As of every model; a copy with changes is another run."""
        copied = super().model_copy(**how)
        vars(copied).pop("run_id", None)
        return copied

    def published(self) -> Self:
        """Without paths of the machine: what a record says, which is meant to be shared."""
        files = tuple(PurePath(file).name for file in self.environment.plugin_files)
        return self.model_copy(
            update={
                "environment": self.environment.model_copy(
                    update={"data_path": "", "plugin_files": files}
                )
            }
        )

    @property
    def label(self) -> str:
        """How progress and errors name the run."""
        return f"{self.dataset.spec} · {self.method}"

    @property
    def method(self) -> str:
        """How it is named among runs on the same data set."""
        return " · ".join([*self.combination, f"seed {self.seed}"])


@lru_cache(maxsize=256)
def _changed(protocol: AnyProtocol, named: frozenset[str]) -> dict[str, Any]:
    """A protocol's keys that are not at their defaults, without its name and those of components.
    Made once: the runs of a study share their protocol.
    """
    return protocol.model_dump(exclude={"name", *named}, exclude_defaults=True)


def make(run: RunBase, field: str, registry: Registry, **found: object) -> Any:
    """The component of a run's field, made anew; None where the run has none.

    Args:
        run: the run.
        field: the field of the spec.
        registry: where the component is registered.
        **found: what its data say that a component may be told, beside what the protocol says.

    Raises:
        SpecError: the component refuses its parameters or what it is told.
        PluginError: its class cannot be imported.
    """
    ref: ComponentRef | None = getattr(run, field)
    if ref is None:
        return None
    kind = next(slot.kind for slot in run.slots() if slot.field == field)
    told = {**run.context, **found}
    return registry.get(kind, ref.name).create(
        ref.params, **{name: told[name] for name in KINDS[kind].context & told.keys()}
    )
