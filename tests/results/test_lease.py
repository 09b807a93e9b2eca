from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import asdict, replace

import pytest

from vsebench.plugin.errors import VsebenchError
from vsebench.results.folder import lease as leases
from vsebench.results.folder.lease import (
    EXPIRY_SECONDS,
    HEARTBEAT_SECONDS,
    LOCAL_EXPIRY_SECONDS,
    Holder,
    Lease,
    holder,
    is_held,
)

HERE = Holder.current()
ELSEWHERE = replace(HERE, host="elsewhere", machine="another-boot/pid:[1]")


def leave(directory, left_by, *, age=0.0, number=1):
    """A lease as another process left it."""
    path = directory / f"lease-{number}.json"
    path.write_text(json.dumps(asdict(left_by)))
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def test_claim_names_its_holder_and_keeps_others_out(tmp_path):
    directory = tmp_path / "run"
    lease = Lease.claim(directory)
    assert lease is not None
    assert holder(directory) == HERE
    assert Lease.claim(directory) is None
    assert [p.name for p in directory.iterdir()] == ["lease-1.json"]


def test_release_lets_the_next_one_in(tmp_path):
    Lease.claim(tmp_path).release()
    assert holder(tmp_path) is None
    assert Lease.claim(tmp_path) is not None
    assert [p.name for p in tmp_path.iterdir()] == ["lease-2.json"]


@pytest.mark.skipif(
    HERE.machine is None, reason="processes of one machine are told apart by Linux's /proc"
)
def test_a_dead_process_of_this_machine_holds_nothing(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    leave(tmp_path, replace(HERE, pid=child.pid))
    assert Lease.claim(tmp_path) is not None


@pytest.mark.skipif(
    HERE.machine is None, reason="processes of one machine are told apart by Linux's /proc"
)
def test_a_recycled_pid_holds_nothing(tmp_path):
    leave(tmp_path, replace(HERE, started="1"))
    assert Lease.claim(tmp_path) is not None


@pytest.mark.skipif(
    HERE.machine is None, reason="processes of one machine are told apart by Linux's /proc"
)
@pytest.mark.parametrize(
    ("age", "claimed"), [(LOCAL_EXPIRY_SECONDS - 20, False), (LOCAL_EXPIRY_SECONDS + 1, True)]
)
def test_a_living_process_of_this_machine_needs_a_heartbeat_now_and_then(tmp_path, age, claimed):
    """One that was stopped, or hangs in native code, gives none."""
    leave(tmp_path, HERE, age=age)
    assert (Lease.claim(tmp_path) is not None) is claimed


@pytest.mark.skipif(
    HERE.machine is None, reason="processes of one machine are told apart by Linux's /proc"
)
@pytest.mark.parametrize(
    ("stall", "expiry"),
    [
        (300.0, 300 + HEARTBEAT_SECONDS),
        (1.0, EXPIRY_SECONDS),
        (0, EXPIRY_SECONDS),
        (LOCAL_EXPIRY_SECONDS, LOCAL_EXPIRY_SECONDS),
        (1e308, LOCAL_EXPIRY_SECONDS),
        (10**400, LOCAL_EXPIRY_SECONDS),
        (float("nan"), LOCAL_EXPIRY_SECONDS),
        (-1e308, EXPIRY_SECONDS),
        (None, LOCAL_EXPIRY_SECONDS),
    ],
)
def test_a_silent_process_holds_for_as_long_as_its_own_lease_says(tmp_path, stall, expiry):
    """Within bounds, whatever the limits of whoever claims it."""
    path = leave(tmp_path, replace(HERE, stall=stall), age=expiry - 20)
    assert is_held(tmp_path)
    assert Lease.claim(tmp_path, 1e6) is None
    os.utime(path, (time.time() - expiry - 1,) * 2)
    assert not is_held(tmp_path)
    assert Lease.claim(tmp_path, 1e6) is not None


@pytest.mark.parametrize("name", [f"lease-{10**26}.json", f"lease-{'9' * 200}.json"])
def test_the_number_of_a_lease_costs_nothing(tmp_path, name):
    (tmp_path / name).write_text('{"released": true}')
    (tmp_path / "lease-0.json").touch()
    assert Lease.claim(tmp_path) is not None
    assert not (tmp_path / name).exists()


def test_a_pipe_is_no_lease(tmp_path):
    path = tmp_path / "lease-1.json"
    os.mkfifo(path)
    assert Lease.claim(tmp_path) is None
    assert is_held(tmp_path)
    assert holder(tmp_path) is None
    os.utime(path, (1, 1))
    assert Lease.claim(tmp_path) is not None


@pytest.mark.parametrize(
    ("age", "claimed"), [(EXPIRY_SECONDS - 20, False), (EXPIRY_SECONDS + 1, True)]
)
def test_other_machines_hold_by_their_heartbeat(tmp_path, age, claimed):
    leave(tmp_path, ELSEWHERE, age=age)
    assert (Lease.claim(tmp_path) is not None) is claimed


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"host": "x"',
        "[]",
        '{"unknown": 1}',
        json.dumps(asdict(HERE) | {"stall": "long"}),
        "[" * 100_000,
    ],
)
def test_an_unfinished_lease_is_judged_by_its_age(tmp_path, content):
    path = tmp_path / "lease-1.json"
    path.write_text(content)
    assert Lease.claim(tmp_path) is None
    assert holder(tmp_path) is None
    os.utime(path, (1, 1))
    assert Lease.claim(tmp_path) is not None


@pytest.mark.parametrize(
    ("left_by", "age", "expected"),
    [
        (HERE, 4 * EXPIRY_SECONDS, True),
        (HERE, 10 * EXPIRY_SECONDS, False),
        (replace(HERE, started="1"), 0, False),
        (ELSEWHERE, EXPIRY_SECONDS - 20, True),
        (ELSEWHERE, EXPIRY_SECONDS + 1, False),
    ],
)
def test_reading_tells_what_a_claim_would_find(tmp_path, left_by, age, expected):
    if HERE.machine is None and left_by is not ELSEWHERE:
        pytest.skip("processes of one machine are told apart by Linux's /proc")
    path = leave(tmp_path, left_by, age=age)
    before = path.stat().st_mtime_ns
    assert is_held(tmp_path) is expected
    assert [(p.name, p.stat().st_mtime_ns) for p in tmp_path.iterdir()] == [(path.name, before)]
    assert (Lease.claim(tmp_path) is None) is expected


def test_nobody_holds_what_is_missing_untouched_or_released(tmp_path):
    assert not is_held(tmp_path / "missing")
    assert not is_held(tmp_path)
    lease = Lease.claim(tmp_path)
    assert is_held(tmp_path)
    lease.release()
    assert not is_held(tmp_path)


def test_heartbeat_renews(tmp_path):
    lease = Lease.claim(tmp_path)
    os.utime(lease.path, (1, 1))
    lease.heartbeat()
    assert time.time() - lease.path.stat().st_mtime < 60
    assert not lease.lost


def test_a_lease_that_another_took_is_lost_and_its_release_takes_nothing_back(tmp_path):
    lease = Lease.claim(tmp_path)
    lease.path.unlink()
    taken = leave(tmp_path, ELSEWHERE, number=2)
    lease.heartbeat()
    assert lease.lost
    lease.release()
    assert [p.name for p in tmp_path.iterdir()] == [taken.name]


def test_a_lease_whose_heartbeats_fail_for_long_is_lost(tmp_path, monkeypatch):
    lease = Lease.claim(tmp_path)

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuse)
    lease.heartbeat()
    assert not lease.lost
    lease._beaten -= EXPIRY_SECONDS
    lease.heartbeat()
    assert lease.lost


def test_hold_beats_then_releases(tmp_path, monkeypatch):
    beaten = threading.Event()
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.001)
    monkeypatch.setattr(Lease, "heartbeat", lambda self: beaten.set())

    def work():
        with Lease.claim(tmp_path).hold() as lease:
            assert beaten.wait(30)
            assert Lease.claim(tmp_path) is None
            assert not lease.lost
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert Lease.claim(tmp_path) is not None


@pytest.mark.parametrize(
    ("stall", "moves", "expected"),
    [
        (100.0, {}, [0, 1, 2]),
        (100.0, {2}, [0, 1, 2, 3, 4, 5]),
        (100.0, {6}, [0, 1, 2, 6, 7, 8, 9]),
        (1.0, {0, 1, 5}, [0, 1, 5]),  # less than from one heartbeat to the next
        (None, {}, list(range(12))),
    ],
)
def test_heartbeats_end_without_progress_and_return_with_it(
    tmp_path, monkeypatch, stall, moves, expected
):
    lease = Lease.claim(tmp_path, stall)
    beats = []

    class Stop:
        tick = -1

        def wait(self, seconds):
            self.tick += 1
            if self.tick in moves:
                lease.progress()
            return self.tick == 12

    stop = Stop()
    monkeypatch.setattr(Lease, "heartbeat", lambda self: beats.append(stop.tick))
    lease._beat(stop)
    assert beats == expected


def test_progress_after_a_silence_shows_it_at_once_or_that_the_lease_is_lost(tmp_path):
    lease = Lease.claim(tmp_path)
    os.utime(lease.path, (1, 1))
    lease.progress()
    assert lease.path.stat().st_mtime == 1  # not with every step
    lease._beaten -= EXPIRY_SECONDS
    lease.progress()
    assert not lease.lost
    assert time.time() - lease.path.stat().st_mtime < 60
    lease._beaten -= EXPIRY_SECONDS
    lease.path.unlink()
    leave(tmp_path, ELSEWHERE, number=2)
    lease.progress()
    assert lease.lost


def test_claiming_clears_what_a_killed_writer_left_and_nothing_else(tmp_path):
    (tmp_path / ".checkpoint.pt.0.tmp").write_bytes(b"half")
    (tmp_path / "curve.jsonl").write_text("")
    Lease.claim(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["curve.jsonl", "lease-1.json"]


def test_a_file_system_without_hard_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    assert Lease.claim(tmp_path) is not None
    assert holder(tmp_path) == HERE
    assert Lease.claim(tmp_path) is None


def test_a_claimer_that_was_held_up_does_not_take_a_newer_lease(tmp_path, monkeypatch):
    """It judged lease 1 dead; before it created lease 2, others had taken 2 and 3."""
    newer = leave(tmp_path, ELSEWHERE, number=3)
    largest = iter([1, 3])
    leave(tmp_path, ELSEWHERE, number=1, age=2 * EXPIRY_SECONDS)
    monkeypatch.setattr(leases, "_largest", lambda _: next(largest))
    assert Lease.claim(tmp_path) is None
    assert newer.exists()
    assert not (tmp_path / "lease-2.json").exists()


def test_unwritable_directory(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(VsebenchError, match="cannot write"):
        Lease.claim(tmp_path / "file" / "run")


RACER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from vsebench.results.folder.lease import Lease
    root, rounds = Path(sys.argv[1]), int(sys.argv[2])
    print("ready", flush=True)
    for r in range(rounds):
        go = root / f"go-{r}"
        while not go.exists():
            pass
        lease = Lease.claim(root / str(r))
        print(int(lease is not None), flush=True)
    sys.stdin.read()
""")


@pytest.mark.parametrize("start", ["fresh", "stale", "released"])
def test_of_racing_processes_exactly_one_wins(tmp_path, start):
    rounds = 25
    for r in range(rounds):
        (tmp_path / str(r)).mkdir()
        if start == "stale":
            leave(tmp_path / str(r), ELSEWHERE, age=2 * EXPIRY_SECONDS)
        if start == "released":
            Lease.claim(tmp_path / str(r)).release()
    command = [sys.executable, "-c", RACER, str(tmp_path), str(rounds)]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    try:
        for racer in racers:
            assert racer.stdout.readline() == "ready\n"
        for r in range(rounds):
            (tmp_path / f"go-{r}").touch()
            assert sum(int(racer.stdout.readline()) for racer in racers) == 1, f"round {r}"
            assert len(list((tmp_path / str(r)).glob("lease-*.json"))) == 1
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
