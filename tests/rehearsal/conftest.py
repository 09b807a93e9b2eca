"""The tiny set of the retrieval tests, rehearsed on the pretended device."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.rehearsal.pretended_cuda import pretended_cuda
from tests.rehearsal.rehearsing import SMALL, prepared
from tests.retrieval.conftest import plan_runs, tiny_root
from tests.tiny_vision import write_image_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.rehearsal.pretended_cuda import PretendedCuda
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.training.session import Session

__all__ = ("cuda", "made_ready", "plan_runs", "tiny_root")


@pytest.fixture(autouse=True)
def _plain_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be launched on a device that computes nothing."""
    monkeypatch.setattr("vsebench.kernels.compiled.triton_works", lambda device: False)


@pytest.fixture
def cuda() -> Iterator[PretendedCuda]:
    with pretended_cuda() as watching:
        yield watching


@pytest.fixture
def made_ready(
    cuda: PretendedCuda, plan_runs: Callable[..., tuple[RunSpec, ...]], tmp_path: Path
) -> Callable[..., Session]:
    """Makes a run of the tiny set ready; keyword arguments are suite values, `set` adds protocol
    keys. Nothing is counted yet.
    """

    def make_ready(**values: object) -> Session:
        changes = {**SMALL, **values.pop("set", {})}  # type: ignore[dict-item]
        session = prepared(
            plan_runs(device="cuda", **values, set=changes)[-1], tmp_path / "runs", cuda
        )
        cuda.waits.clear()
        return session

    return make_ready


@pytest.fixture(scope="session")
def image_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_image_set(tmp_path_factory.mktemp("files") / "precomp", (24, 10, 10)).parent


@pytest.fixture
def raw_images(made_ready: Callable[..., Session], image_files: Path) -> Callable[..., Session]:
    """As `made_ready`, of a set of raw images."""
    return partial(made_ready, dataset="precomp:images=images", data_root=str(image_files))
