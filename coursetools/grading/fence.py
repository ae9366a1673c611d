"""The fence around learners' code: bubblewrap with an allow-list of folders, where it serves."""

import functools
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# What any program needs; what does not exist is left out.
SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/alternatives",
)
INSIDE = "/grading"
FIRST_USER = 61_000  # real user ids that nobody has, one for each fork that root starts
_FLAGS = ("-s", "-B")  # no packages of the user's, no .pyc files
# What every fork does first. Some systems let bubblewrap make name spaces, but not a fork in it.
_TRIAL = f"""
import os, sys
sys.path.insert(0, "{INSIDE}")
import isolate
isolate.enter({FIRST_USER} if os.geteuid() == 0 else None)
if os.fork() == 0:
    isolate.mask("{INSIDE}/work")
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@dataclass(frozen=True)
class Fence:
    """How a server is started. `bwrap` is the program's path, or None for no fence at all."""

    bwrap: str | None
    reason: str = ""

    @property
    def work(self) -> str:
        """The folder that may be written to: in a fence, each fork has an empty one of its own."""
        return f"{INSIDE}/work"

    def command(self, server: Path, dlutils: Path) -> list[str]:
        """The start of a command line: append the server's arguments."""
        if self.bwrap is None:
            return [sys.executable, *_FLAGS, str(server)]
        options = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
        options += ["--die-with-parent", "--new-session"]
        if os.geteuid() == 0:  # root stays root until each fork becomes a user of its own
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_KILL"):
                options += ["--cap-add", capability]
        else:
            options += ["--unshare-user"]
        # The machine's own /proc: only where it is in sight may a fork mount a fresh one.
        options += ["--bind", "/proc", "/proc", "--dev", "/dev", "--perms", "0755", "--dir", "/tmp"]
        options += ["--remount-ro", "/dev"]  # it may belong to whom the forks are
        for path in _readable():
            options += _bind(path, path)
        options += _bind(server, f"{INSIDE}/server.py") + _bind(dlutils, f"{INSIDE}/dlutils")
        options += _bind(Path(__file__).with_name("isolate.py"), f"{INSIDE}/isolate.py")
        options += ["--tmpfs", self.work, "--remount-ro", "/", "--chdir", self.work]
        return [self.bwrap, *options, sys.executable, *_FLAGS, f"{INSIDE}/server.py"]


def _readable() -> list[str]:
    """System folders, and those of the Python that runs us."""
    prefixes = [sys.prefix, sys.base_prefix, os.path.dirname(os.path.realpath(sys.executable))]
    real = [os.path.realpath(path) for path in prefixes]
    paths = dict.fromkeys([*SYSTEM, *prefixes, *real])
    kept = [path for path in paths if os.path.exists(path)]
    return [p for p in kept if not any(p != q and p.startswith(q + "/") for q in kept)]


def _bind(source, target) -> list[str]:
    """A read-only mount; the folders on the way to it are listable but else empty."""
    parents = [str(p) for p in reversed(Path(target).parents) if str(p) != "/"]
    made = [word for p in parents for word in ("--perms", "0755", "--dir", p)]
    return [*made, "--ro-bind", str(source), str(target)]


@functools.cache
def find_fence() -> Fence:
    """The fence that works here, tried once; without one, `reason` says why."""
    found = shutil.which("bwrap")
    if sys.platform != "linux":
        return Fence(None, f"there is no bubblewrap on {sys.platform}")
    if found is None:
        return Fence(None, "bubblewrap is not installed")
    fence = Fence(found)
    here = Path(__file__)
    python = fence.command(here, here.parent)[:-1]
    tried = subprocess.run([*python, "-c", _TRIAL], capture_output=True, text=True, timeout=60)
    if tried.returncode:
        said = (tried.stderr.strip().splitlines() or ["no word from it"])[-1]
        return Fence(None, f"bubblewrap does not work here ({said[:200]})")
    return fence
