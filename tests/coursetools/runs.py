"""Grading runs in processes of their own, for tests that kill them."""

import contextlib
import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "coursetools", "grade"]
_PR_SET_CHILD_SUBREAPER = 36


def start(arguments, command=COMMAND, **options):
    """The command's process, leader of a group of its own."""
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    command = [*command, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, **quiet | options)


def kept(out):
    """How many results are on disk."""
    return len(list((out / "results").glob("*.json")))


def wait_until(condition, seconds=300.0, what="what was waited for"):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about in {seconds:g} s"
        time.sleep(0.02)


@contextlib.contextmanager
def orphans_counted():
    """A function that tells which processes begun meanwhile still live, their parents dead or not.

    Orphans become children of this process as long as it is their "subreaper" (Linux).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    own = psutil.Process()
    before = {child.pid for child in own.children(recursive=True)}

    def living():
        found = []
        for child in own.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.pid not in before and child.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join([str(child.pid), *child.cmdline()])[:200])
        return found

    try:
        yield living
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        _reap(before)


def _reap(before):
    for child in psutil.Process().children():
        if child.pid not in before and child.status() == psutil.STATUS_ZOMBIE:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child.pid, os.WNOHANG)
