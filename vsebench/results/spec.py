"""What a run of each task is, and how one is read as its task's own."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError
from pydantic_core import from_json, to_json

from vsebench.results.components import ComponentRef, ComponentSlot, pooling_pair
from vsebench.results.protocol import AnnotationProtocol, Frozen, Protocol
from vsebench.results.run_base import Cell, Environment, RunBase, WarmUp
from vsebench.results.tasks import TASKS, task_named

if TYPE_CHECKING:
    from collections.abc import Mapping


class RunSpec(RunBase):
    """A run of the retrieval task."""

    sparse: ClassVar[tuple[str, ...]] = (*RunBase.sparse, "tuned")

    task: Literal["retrieval"] = "retrieval"
    image_pooling: Annotated[ComponentRef, ComponentSlot("pooling", in_model=True)]
    text_pooling: Annotated[ComponentRef, ComponentSlot("pooling", in_model=True)]
    similarity: Annotated[ComponentRef, ComponentSlot("similarity", in_model=True)]
    image_encoder: Annotated[
        ComponentRef, ComponentSlot("image-encoder", held_equal=True, in_model=True)
    ]
    text_encoder: Annotated[
        ComponentRef, ComponentSlot("text-encoder", held_equal=True, in_model=True)
    ]
    batch_plan: Annotated[ComponentRef, ComponentSlot("batch-plan", held_equal=True)]
    warmup_loss: Annotated[ComponentRef, ComponentSlot("loss", held_equal=True)]
    sampler: Annotated[ComponentRef | None, ComponentSlot("sampler")] = Field(
        None, description="of global negatives, for a loss that needs them"
    )
    protocol: Protocol
    tuned: tuple[str, ...] = Field(
        (),
        description="protocol keys, and parameters of components such as loss.margin, whose values "
        "were tuned for this row: it may differ in them from the rows beside it",
    )

    @property
    def tuned_keys(self) -> tuple[str, ...]:
        return self.tuned

    @property
    def cell(self) -> Cell:
        return super().cell._replace(similarity=self.similarity.spec)

    @property
    def pooling(self) -> str:
        """The canonical pooling spec; an equal text side is left out."""
        return pooling_pair(self.image_pooling, self.text_pooling)

    @property
    def combination(self) -> tuple[str, str]:
        pooling, loss, sampler = self.axes.values()
        return f"{pooling}", f"{loss}" if sampler is None else f"{loss},{sampler}"

    @property
    def axes(self) -> dict[str, str | None]:
        return {
            "pooling": pooling_pair(self.row_ref("image_pooling"), self.row_ref("text_pooling")),
            "loss": self.row_ref("loss").spec,
            "sampler": None if self.sampler is None else self.row_ref("sampler").spec,
        }

    @property
    def set_apart(self) -> tuple[str, ...]:
        return () if self.similarity.spec == "dot" else (f"similarity {self.similarity.spec}",)

    @property
    def devices(self) -> int:
        return self.protocol.devices

    @property
    def counted_on(self) -> str:
        return self.protocol.evaluate_on

    @property
    def warmup(self) -> WarmUp | None:
        return WarmUp(self.warmup_loss.spec, self.protocol.warmup_epochs)

    @property
    def conditions(self) -> dict[str, str]:
        return {
            "Encoders": ", ".join(
                self.row_ref(field).spec for field in ("image_encoder", "text_encoder")
            ),
            "Siblings": self.caveat,
        }

    @property
    def caveat(self) -> str:
        siblings = (
            "kept out of the negatives" if self.protocol.sibling_mask else "used as negatives"
        )
        return (
            f"sibling_mask={str(self.protocol.sibling_mask).lower()}: other captions of an image "
            f"are {siblings}"
        )

    @property
    def context(self) -> dict[str, int]:
        protocol = self.protocol
        return {
            "dim": protocol.embed_dim,
            "word_dim": protocol.word_dim,
            "batch_size": protocol.batch_size,
        }

    def identity(self) -> dict[str, Any]:
        tuned = {"tuned": list(self.tuned)} if self.tuned else {}
        return self._identity(self.task, self.protocol, depends_on=list(self.depends_on), **tuned)


class AnnotationSpec(RunBase):
    """A run of the annotation task."""

    task: Literal["annotation"] = "annotation"
    sampler: Annotated[ComponentRef, ComponentSlot("sampler")]
    protocol: AnnotationProtocol
    tuned: tuple[str, ...] = Field(
        (),
        description="protocol keys, and parameters of components such as loss.margin, whose values "
        "were tuned for this row: it may differ in them from the rows beside it",
    )

    @property
    def combination(self) -> tuple[str, str]:
        return self.row_ref("sampler").spec, self.row_ref("loss").spec

    @property
    def axes(self) -> dict[str, str | None]:
        return {axis: self.row_ref(axis).spec for axis in ("sampler", "loss")}

    @property
    def setting(self) -> tuple[str, ...]:
        return (self.protocol.engine,)

    @property
    def tuned_keys(self) -> tuple[str, ...]:
        return self.tuned

    @property
    def context(self) -> dict[str, int]:
        return {"dim": self.protocol.embed_dim, "batch_size": self.protocol.batch_size}

    def identity(self) -> dict[str, Any]:
        # A finished run's spec says which table it may stand in
        tuned = {"tuned": list(self.tuned)} if self.tuned else {}
        return self._identity(self.task, self.protocol, **tuned)


def read_spec(text: str | bytes) -> RunBase:
    """A run spec from its JSON.

    Raises:
        ValueError: it is not one.
    """
    return _of_its_task(from_json(text))


def _of_its_task(values: Any) -> RunBase:
    """A run as its task's own spec."""
    if isinstance(values, RunBase):
        return values
    name = values.get("task") if isinstance(values, dict) else None
    if name not in TASKS:
        raise ValueError(f"a run of one of the tasks {', '.join(TASKS)} was expected")
    task = task_named(name)
    held = {field: values[field] for field in _parts(name) if isinstance(values.get(field), dict)}
    shared = _shared(name, to_json(held, inf_nan_mode="constants"))
    return task.spec.model_validate({**values, **shared})


@cache
def _parts(name: str) -> Mapping[str, type[Frozen]]:
    """What the runs of a task have in common with others, by field."""
    task = task_named(name)
    components = {slot.field: ComponentRef for slot in task.spec.slots()}
    return {"protocol": task.protocol, "environment": Environment, **components}


@lru_cache(maxsize=1024)
def _shared(task: str, content: bytes) -> Mapping[str, Frozen]:
    """The parts of a run that many have alike: they are read once and are one object. One that is
    damaged is left out, as the run then says of itself.
    """
    parts = _parts(task)
    return {
        field: part
        for field, held in from_json(content).items()
        if (part := _part(parts[field], to_json(held, inf_nan_mode="constants"))) is not None
    }


@lru_cache(maxsize=4096)
def _part(model: type[Frozen], content: bytes) -> Frozen | None:
    try:
        return model.model_validate_json(content)
    except ValidationError:
        return None


AnySpec = Annotated[SerializeAsAny[RunBase], BeforeValidator(_of_its_task)]
"""The task tells which."""
