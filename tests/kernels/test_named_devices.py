"""What `--device` names, and how runs are dealt out over it."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from vsebench.kernels.named_devices import (
    PATTERN,
    Devices,
    Entry,
    capacity,
    check_listed,
    one_device,
    parse,
    places,
)
from vsebench.plugin.errors import SpecError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", Devices("auto")),
        ("cpu", Devices("cpu")),
        ("cuda", Devices("cuda")),
        ("cuda:1", Devices("cuda", (Entry(1),))),
        ("cuda:0, cuda:1", Devices("cuda", (Entry(0), Entry(1)))),
        ("cuda/2", Devices("cuda", (Entry(None, 2),))),
        ("cuda:1/4,cuda:0", Devices("cuda", (Entry(1, 4), Entry(0)))),
    ],
)
def test_devices_are_read(text: str, expected: Devices) -> None:
    assert parse(text) == expected
    assert re.fullmatch(PATTERN, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gpu", "unknown device 'gpu': GPUs are named cuda: write auto, cpu, cuda, or devices"),
        ("cudaa:1", "unknown device 'cudaa:1': write auto"),
        ("", "unknown device ''"),
        ("cuda:", "unknown device 'cuda:'"),
        ("cuda:x", "unknown device 'cuda:x'"),
        ("cuda:-1", "unknown device 'cuda:-1'"),
        ("cpu:0", "only CUDA devices have numbers and shares"),
        ("cpu/2", "--workers says how many runs share it"),
        ("auto/2", "only CUDA devices have numbers and shares"),
        ("cuda:0/0", "a share is of 1 run at least"),
        ("cpu,cuda:0", "devices 'cpu' and 'cuda:0' cannot be mixed"),
        ("cuda:0,cpu", "devices 'cuda:0' and 'cpu' cannot be mixed"),
        ("auto,cuda:1", "devices 'auto' and 'cuda:1' cannot be mixed"),
        ("cuda:1,cuda:0,cuda:1", "device 'cuda:1' is given twice"),
        ("cuda:1,cuda:1/2", "device 'cuda:1' is given twice: several runs share one as cuda:0/2"),
        ("cpu,cpu", "device 'cpu' is given twice"),
        ("cuda,cuda:1", "'cuda' alone is every CUDA device"),
    ],
)
def test_what_is_no_list_of_devices_is_one_line(text: str, said: str) -> None:
    with pytest.raises(SpecError) as error:
        parse(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_device_that_a_machine_lacks_is_named() -> None:
    check_listed(parse("cuda:1,cuda:0").listed, 2)
    with pytest.raises(
        SpecError, match=r"there is no device 'cuda:7': this machine has cuda:0, cuda:1$"
    ):
        check_listed(parse("cuda:0,cuda:7").listed, 2)


@pytest.mark.parametrize(
    ("text", "known", "workers", "expected"),
    [
        ("cuda", 2, 5, [0, 1, 0, 1, 0]),
        ("cuda:3,cuda:1", 4, 3, [3, 1, 3]),
        ("cuda:0/4,cuda:1", 2, 5, [0, 1, 0, 0, 0]),
        ("cuda:0/4,cuda:1", 2, 2, [0, 1]),
        ("cuda/2", 2, 4, [0, 1, 0, 1]),
    ],
)
def test_runs_take_turns_among_the_devices(
    text: str, known: int, workers: int, expected: list[int]
) -> None:
    assert places(parse(text).entries, known, workers) == [(index,) for index in expected]


def test_shares_bound_the_runs_at_a_time() -> None:
    entries = parse("cuda:0/4,cuda:1").entries
    assert capacity(entries, 2) == 5
    with pytest.raises(SpecError, match="--workers 6 is more than the shares of --device"):
        places(entries, 2, 6)


def test_a_command_of_one_device_takes_it_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    found = [str(one_device(text)) for text in ("cpu", "auto", "cuda", "cuda:0", "cuda:1")]
    assert found == ["cpu", "cuda", "cuda", "cuda:0", "cuda:1"]
    with pytest.raises(SpecError, match="no device 'cuda:2': this machine has cuda:0, cuda:1"):
        one_device("cuda:2")
    for text in ("cuda:0,cuda:1", "cuda:0/2", "cuda/2"):
        with pytest.raises(SpecError, match=f"device '{text}': one is used here"):
            one_device(text)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert str(one_device("auto")) == "cpu"
    with pytest.raises(SpecError, match="device 'cuda' was asked for and PyTorch finds none"):
        one_device("cuda:1")


def test_a_run_may_have_several_whole_devices() -> None:
    entries = parse("cuda:0,cuda:2,cuda:3").entries
    assert capacity(entries, 4, each=2) == 1
    assert places(entries, 4, 2, each=2) == [(0, 2), (0, 2)]
    assert places((), 4, 2, each=2) == [(0, 1), (2, 3)]
    with pytest.raises(SpecError, match="devices=2 needs 2 CUDA devices, and there is cuda:1"):
        capacity(parse("cuda:1").entries, 4, each=2)
    with pytest.raises(SpecError, match="devices=2 gives a run whole devices"):
        capacity(parse("cuda:0/2,cuda:1").entries, 4, each=2)


@pytest.mark.parametrize("seed", range(60))
def test_no_device_has_more_runs_than_its_share_and_none_idles_for_another(seed: int) -> None:
    rng = random.Random(seed)
    shares = [rng.choice((None, None, 1, 2, 3, 5)) for _ in range(rng.randint(1, 4))]
    workers = rng.randint(1, 9)
    entries = [Entry(index, runs) for index, runs in enumerate(shares)]
    most = capacity(entries, len(entries))
    assert most == sum(runs or 1 for runs in shares)
    if any(shares) and workers > most:
        return
    dealt = Counter(index for (index,) in places(entries, len(entries), workers))
    assert dealt.total() == workers
    if any(shares):
        assert all(dealt[index] <= (runs or 1) for index, runs in enumerate(shares))
        assert len(dealt) == min(workers, len(shares))
    else:
        assert max(dealt.values()) - min(dealt[index] for index in range(len(shares))) <= 1


def test_every_device_shared_alike_is_a_share_for_any_executor() -> None:
    assert parse("cuda").share == 1
    assert parse("cuda/4").share == 0.25
    assert parse("cuda:0/2,cuda:1/2").share == 0.5
    assert parse("cuda:0/2,cuda:1").share == 1
