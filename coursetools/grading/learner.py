"""The grader's end of the learner's processes: started, asked, timed, and never believed."""

import contextlib
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from coursetools.grading import server
from coursetools.grading.fence import Fence, find_fence

LARGEST_REPLY = 64 * 2**20  # bytes
SEAM = "dlutils.checks"
LIBRARY = Path(__file__).resolve().parents[2] / "dlutils"
FIRST_USER = 61_000  # real user ids that nobody has, one for each fork that root starts


@dataclass(frozen=True)
class Limits:
    """What a learner's process may use: bytes, processes, seconds.

    `data` is counted above what the libraries take; `file` is the largest file it may write.
    """

    data: int = 1536 * 2**20
    processes: int = 128
    file: int = 64 * 2**20
    cell: float = 30.0
    answer: float = 20.0
    start: float = 60.0

    def of_kernel(self) -> dict[str, int]:
        """The limits that the kernel keeps, by the names of the resource module."""
        return {"DATA": self.data, "NPROC": self.processes, "FSIZE": self.file, "CORE": 0}


class EndedError(Exception):
    """The learner's process came to an end, or was ended; the message says of what."""


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
        )
        theirs.close()
        job = {"imports": self.imports, "seam": SEAM, "work": self.fence.work}
        server.send(self._control, json.dumps(job).encode())
        if not self._started():
            self.__exit__()
            raise EndedError(f"the fork server did not start: {self._said()}")
        return self

    def __exit__(self, *error):
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def learner(self) -> "Learner":
        """A fresh fork: nothing of another notebook is in it."""
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        isolate = self.fence.bwrap is not None
        root = isolate and os.geteuid() == 0
        request = {
            "fork": number,
            "isolate": isolate,
            "user": FIRST_USER + number % 1000 if root else None,
            "limits": self.limits.of_kernel(),
        }
        if not isolate:
            del request["limits"]["NPROC"]  # would count all processes of this user
        with theirs:
            socket.send_fds(self._control, [json.dumps(request).encode()], [theirs.fileno()])
        return Learner(self, number, ours, self.limits)

    def kill(self, number: int) -> int | None:
        """End a fork and all that it started; its wait status, None where none came."""
        if number not in self._ended:
            with contextlib.suppress(OSError):
                self._control.sendall(json.dumps({"kill": number}).encode())
        return self.status(number, 5.0)

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

    def _started(self) -> bool:
        try:
            started = _readable(self._control, self.limits.start)
            return started and server.receive(self._control) is not None
        except OSError:
            return False

    def _environment(self) -> dict[str, str]:
        """A short list: what the grader's environment holds is none of the learner's business."""
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "PATH") if name in os.environ}
        fixed = {
            "DLUTILS_PROFILE": "quick",
            "HOME": self.fence.work,
            "MPLBACKEND": "agg",
            "PYTHONHASHSEED": "0",
            "TMPDIR": self.fence.work,
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
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

    def run(self, source: str) -> str | None:
        """Run a cell; the exception that ended it, in one line, or None."""
        request = json.dumps({"run": source}).encode() + b"\n"
        reply = self._exchange(request, self._limits.cell, "a cell")
        try:
            error = json.loads(reply)["error"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return "its report could not be read"
        return None if error is None else str(error)[:500]

    def ask(self, name: str, request: bytes) -> bytes:
        """The reply of the function called `name`; made by the learner, so to be decoded warily."""
        header = json.dumps({"ask": name}).encode() + b"\n"
        return self._exchange(header + request, self._limits.answer, name)

    def close(self) -> None:
        """End the process and all that it started."""
        self._connection.close()
        self._owner.kill(self._number)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def _exchange(self, message: bytes, seconds: float, doing: str) -> bytes:
        deadline = time.monotonic() + seconds
        try:
            self._connection.settimeout(seconds)
            server.send(self._connection, message)
            return self._reply(deadline)
        except TimeoutError:
            self.close()
            raise EndedError(f"{doing} took more than {seconds:g} s") from None
        except (OSError, EOFError):
            status = self._owner.status(self._number, 5.0)
            self.close()
            raise EndedError(f"{doing} ended the process ({_cause(status)})") from None

    def _reply(self, deadline: float) -> bytes:
        size = server.LENGTH.unpack(self._read(server.LENGTH.size, deadline))[0]
        if size > LARGEST_REPLY:
            self.close()
            raise EndedError(
                f"an answer had {size / 2**20:,.0f} MB, more than {LARGEST_REPLY >> 20}"
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


def _cause(status: int | None) -> str:
    if status is None:
        return "no status"
    if os.WIFSIGNALED(status):
        return f"signal {signal.Signals(os.WTERMSIG(status)).name}"
    code = os.waitstatus_to_exitcode(status)
    try:  # 128 + signal: what the first process of its name space says of it
        return f"signal {signal.Signals(code - 128).name}"
    except ValueError:
        return f"exit code {code}"
