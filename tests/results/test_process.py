from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from vsebench.results.folder.process import machine_id, start_time

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's /proc")


def test_identity_is_stable():
    assert machine_id() == machine_id() is not None
    assert start_time(os.getpid()) == start_time(os.getpid()) is not None


def test_a_later_process_has_another_start_time():
    time.sleep(0.02)  # two clock ticks
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert start_time(child.pid) is not None
    assert start_time(child.pid) != start_time(os.getpid())
    child.kill()
    child.communicate()
    assert start_time(child.pid) is None


def test_a_zombie_is_not_running():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, but not reaped
    assert start_time(child.pid) is None
    child.communicate()


def test_a_command_name_with_brackets_does_not_confuse(tmp_path):
    program = tmp_path / "a) Z (b"
    program.symlink_to("/bin/sleep")
    child = subprocess.Popen([program, "30"])
    try:
        assert start_time(child.pid).isdigit()
    finally:
        child.kill()
        child.wait()
