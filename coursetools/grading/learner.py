"""The grader's end of the learner's processes: started, asked, timed, and never believed."""

import contextlib
import itertools
import json
import os
import select
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from coursetools.grading import server
from coursetools.grading.fence import FIRST_USER, Fence, find_fence
from coursetools.grading.limits import Limits, cause, one_line

LARGEST_REPLY = 64 * 2**20  # bytes
LARGEST_REPORT = 2**16  # bytes, of how a cell ended
SEAM = "dlutils.checks"
# By these JAX (the first two), TensorFlow, OpenMP and OpenBLAS learn how many threads to start.
_THREADS_OF = (
    "NPROC",
    "PJRT_NPROC",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)
LIBRARY = Path(__file__).resolve().parents[2] / "dlutils"
THREADS = 4  # most that a library starts: many cores would mean hundreds, with memory for each
_GONE = 5.0  # seconds for a process that has hung up to be gone: it may have much to free
_KILLED = 10.0  # seconds for one that was killed: much memory takes the kernel a while


class EndedError(Exception):
    """The learner's process came to an end, or was ended; the message says of what."""


class ServerEndedError(Exception):
    """Grading itself failed: no learner may lose points by that."""


@dataclass
class Server:
    """One fork server: the libraries imported once, then a fork for each notebook.

    imports: module names. library: the folder of the package that the lessons import, whose
    `checks` holds the learner's half of the seam. Use as a context manager. Raises EndedError
    where it does not start.
    """

    imports: tuple[str, ...]
    library: Path = LIBRARY
    limits: Limits = field(default_factory=Limits)
    fence: Fence = field(default_factory=find_fence)
    environment: dict[str, str] = field(default_factory=dict)

    def __enter__(self):
        self._numbers = itertools.count()
        self._as_root = False
        self._scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        os.chmod(self._scratch.name, 0o711)  # forks are other users where we are root
        self._ended: dict[int, int] = {}
        self._control, theirs = socket.socketpair()
        self._log = tempfile.TemporaryFile()
        command = self.fence.command(Path(server.__file__), self.library)
        self._process = subprocess.Popen(
            [*command, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            env=self._environment(),
            cwd=None if self._isolates else self._scratch.name,
        )
        theirs.close()
        user = self._user(0)
        job = {"imports": self.imports, "seam": SEAM, "work": self._work, "user": user}
        if fault := self._fault_at_start(job):
            self.__exit__()
            raise EndedError(f"the fork server did not start: {fault}")
        return self

    def __exit__(self, *error):
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        self._scratch.cleanup()

    @property
    def alive(self) -> bool:
        """Whether the server still runs."""
        return self._process.poll() is None

    def learner(self) -> "Learner":
        """A fresh fork: nothing of another notebook is in it.

        Raises ServerEndedError where there is no server any more.
        """
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        request = {
            "fork": number,
            "isolate": self._isolates,
            "user": self._user(number),
            "limits": self.limits.of_kernel(),
            "memory": self.limits.data,
            "processes": self.limits.processes,
        }
        if not self._isolates and request["user"] is None:
            del request["limits"]["NPROC"]  # would count all processes of this user
        with theirs:
            line = json.dumps(request).encode() + b"\n"
            try:
                socket.send_fds(self._control, [line], [theirs.fileno()])
            except OSError:
                raise ServerEndedError(
                    "the fork server has ended, by no notebook's doing"
                ) from None
        return Learner(self, number, ours, self.limits)

    def kill(self, number: int) -> int | None:
        """End a fork and all that it started; its wait status, None where none came."""
        if number not in self._ended:
            with contextlib.suppress(OSError):
                self._control.sendall(json.dumps({"kill": number}).encode() + b"\n")
        return self.status(number, _KILLED)

    @property
    def _isolates(self) -> bool:
        return self.fence.bwrap is not None

    @property
    def _work(self) -> str:
        return self.fence.work if self._isolates else self._scratch.name

    def _user(self, number: int) -> int | None:
        """Whom a fork becomes: a user of its own, where we may choose."""
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        return FIRST_USER + number % 1000 if root and not self._as_root else None

    def status(self, number: int, seconds: float) -> int | None:
        """The wait status of a fork, waited for at most so long."""
        deadline = time.monotonic() + seconds
        while number not in self._ended and _readable(self._control, deadline - time.monotonic()):
            message = server.receive(self._control)
            if message is None:
                break
            note = json.loads(message)
            self._ended[note["ended"]] = note["status"]
        return self._ended.get(number)

    def _fault_at_start(self, job) -> str:
        """Send the job; why the server is not ready after it, "" where it is."""
        try:
            server.send(self._control, json.dumps(job).encode())
            if not _readable(self._control, self.limits.start):
                return f"it took more than {self.limits.start:g} s to import the libraries"
            answer = server.receive(self._control)
        except OSError:
            answer = None
        if answer is None:
            return self._said()
        hidden = json.loads(answer)["hidden"]
        if hidden and not self._isolates:  # no fence to be had: then not this part of one either
            self._as_root, hidden = True, ""
        return hidden and (
            f"{hidden} can be read by root alone, and learners' code runs as other users; run "
            f"`chmod -R go+rX` on its folder, or grade as another user than root"
        )

    def _environment(self) -> dict[str, str]:
        """A short list: what the grader's environment holds is none of the learner's business."""
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "PATH") if name in os.environ}
        fixed = {
            "DLUTILS_PROFILE": "quick",
            "HOME": self._work,
            "MPLBACKEND": "agg",
            "PYTHONHASHSEED": "0",
            "TMPDIR": self._work,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **dict.fromkeys(_THREADS_OF, str(min(THREADS, os.cpu_count() or 1))),
        }
        if not self._isolates:  # in the fence it lies beside the server
            fixed["PYTHONPATH"] = str(self.library.parent)
        return kept | fixed | self.environment

    def _said(self) -> str:
        self._log.seek(0)
        text = self._log.read().decode(errors="replace").strip()
        return text.splitlines()[-1][:300] if text else "no word from it"


class Learner:
    """One notebook's process. Every method raises EndedError where it has died or been killed."""

    def __init__(self, owner: Server, number: int, connection: socket.socket, limits: Limits):
        self._owner, self._number = owner, number
        self._connection, self._limits = connection, limits
        self._left = {name: getattr(limits, name) for name in ("start", "cell", "answer")}
        self._open = True

    def run(self, source: str, kind: str = "cell") -> str | None:
        """Run a cell; the exception that ended it, in one line, or None.

        kind: which of the limits of time it counts against, "start" for what the course brings.
        """
        request = json.dumps({"run": source}).encode() + b"\n"
        reply = self._exchange(request, kind, "a cell", LARGEST_REPORT)
        try:
            error = json.loads(reply)["error"]
            return None if error is None else one_line(str(error))
        except (ValueError, KeyError, TypeError, RecursionError):
            return "its report could not be read"

    def ask(self, name: str, request: bytes) -> bytes:
        """The reply of the function called `name`; made by the learner, so to be decoded warily."""
        header = json.dumps({"ask": name}).encode() + b"\n"
        return self._exchange(header + request, "answer", name, LARGEST_REPLY)

    def close(self) -> None:
        """End the process and all that it started."""
        if self._open:
            self._open = False
            self._connection.close()
            self._owner.kill(self._number)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def _exchange(self, message: bytes, kind: str, doing: str, largest: int) -> bytes:
        begin = time.monotonic()
        deadline = begin + self._left[kind]
        try:
            self._connection.settimeout(max(self._left[kind], 1e-3))
            server.send(self._connection, message)
            return self._reply(deadline, doing, largest)
        except TimeoutError:
            self.close()
            seconds = getattr(self._limits, kind)
            raise EndedError(
                f"{doing} took more than {seconds:g} s, the time that grading allows"
            ) from None
        except (OSError, EOFError):
            status = self._owner.status(self._number, _GONE)
            self.close()
            raise EndedError(f"{doing} {cause(status, self._limits)}") from None
        finally:
            self._left[kind] -= time.monotonic() - begin

    def _reply(self, deadline: float, doing: str, largest: int) -> bytes:
        size = server.LENGTH.unpack(self._read(server.LENGTH.size, deadline))[0]
        if size > largest:
            self.close()
            raise EndedError(
                f"{doing} answered {size / 2**20:,.1f} MB, but grading allows {largest / 2**20:g}"
            )
        return self._read(size, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        """Exactly so many bytes before the deadline, however slowly they trickle in."""
        data = bytearray()
        while len(data) < size:
            self._connection.settimeout(max(deadline - time.monotonic(), 1e-3))
            piece = self._connection.recv(min(size - len(data), 1 << 20))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)


def _readable(connection: socket.socket, seconds: float) -> bool:
    try:
        return bool(select.select([connection], [], [], max(seconds, 0.0))[0])
    except (OSError, ValueError):  # closed meanwhile
        return False
