"""What a learner's process may use, and how it is told which limit it met."""

import os
import signal
from dataclasses import dataclass

from coursetools.grading.isolate import MEMORY, PROCESSES

_SIGNALS = {
    "SIGABRT": ": a library gave up, as many do when memory runs out",
    "SIGSEGV": ": it crashed in code that is not Python, or called itself too often",
    "SIGKILL": ": it was killed, by itself or by a machine out of memory",
}


@dataclass(frozen=True)
class Limits:
    """What a learner's process may use: bytes, processes, seconds.

    `data` is counted above what the libraries take; `file` is the largest file it may write.
    `cell` is for all cells of one exercise, `answer` for all its answers.
    """

    data: int = 1536 * 2**20
    processes: int = 64
    file: int = 64 * 2**20
    cell: float = 30.0
    answer: float = 20.0
    start: float = 60.0

    def of_kernel(self) -> dict[str, int]:
        """The limits that the kernel keeps, by the names of the resource module."""
        # The kernel counts threads, of which libraries start some for each of the machine's cores.
        threads = self.processes + 64 + 16 * (os.cpu_count() or 1)
        most = {"DATA": self.data, "NPROC": threads, "FSIZE": self.file}
        return {**most, "CORE": 0, "NOFILE": 1024}

    def explain(self, text: str) -> str:
        """What a learner is told of an exception, and which limit it means, where it means one."""
        meanings = {
            "MemoryError": self.of_memory(),
            "Unable to allocate": self.of_memory(),
            "BlockingIOError: [Errno 11]": self.of_processes(),
            "can't start new thread": self.of_processes(),
            "OSError: [Errno 27]": f"files of {self.file / 2**20:g} MB",
            "OSError: [Errno 28]": "512 MB of files",
            "OSError: [Errno 24]": f"{self.of_kernel()['NOFILE']} open files",
        }
        met = next((limit for mark, limit in meanings.items() if mark in text), None)
        return f"{text} (grading allows {met})" if met else text

    def of_memory(self) -> str:
        """How much memory is allowed, in words."""
        return f"{self.data / 2**30:g} GB of memory"

    def of_processes(self) -> str:
        """How many processes are allowed, in words."""
        return f"{self.processes} processes"


def cause(status: int | None, limits: Limits) -> str:
    """How a process came to its end, from its wait status: what follows its name in a sentence."""
    if status is None:
        return "closed its connection to the grader"
    code = os.waitstatus_to_exitcode(status)
    if code == MEMORY:
        return f"took too much: grading allows {limits.of_memory()}"
    if code == PROCESSES:
        return f"started too many processes: grading allows {limits.processes}"
    number = -code if code < 0 else code - 128  # so does a process below another tell a signal
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"ended the process (exit code {code})"
    return f"ended the process ({name}{_SIGNALS.get(name, '')})"


def one_line(text: str) -> str:
    """What a learner made, without line breaks and control characters, and of bounded length."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:500]).split())
