"""Hand-ins that fight with their process: loops, bombs, crashes, floods, what they leave behind."""

import textwrap

from corpus.making import Case, answering, code, solution, source, with_body, written

RIGHT = textwrap.dedent(source("trace").rpartition('"""')[2])
TIME = r"trace: (a cell|trace) took more than [0-9]+ s, the time that grading allows"
MEMORY = "grading allows 1.5 GB of memory"
# Which limit a bomb meets first depends on how fast the host forks and fills pages.
# The watch looks ten times a second; a fast machine meets the kernel's limit between two looks.
KERNEL = r"trace: .*raised BlockingIOError: (?s:.*)\(grading allows 64 processes\)"
MANY = rf"trace: (a cell|trace) started too many processes: grading allows 64|{KERNEL}|{TIME}"
TOGETHER = rf"{MEMORY}|{TIME}"
_FORKS = "import os, time\nfor _ in range(600):\n    if os.fork() == 0:\n        time.sleep(60)\n"


def before(name, text, report, points=8, **more):
    """A cell that does this before it defines a right answer."""
    return Case(
        name, points, report, written(answering(trace=f"{text}\n{source('trace')}")), **more
    )


def raising(name, text, report="", **more):
    """A cell that raises before it defines a right answer, which is right all the same."""
    return before(name, text, report, points=10, **more)


def harmless(name, text, **more):
    """A cell that does this and still deserves its points."""
    return before(name, text, "", points=10, **more)


def inside(name, text, report, points=8, **more):
    """A right answer that does this first, whenever it is asked."""
    body = with_body("trace", f"{text}\n{RIGHT}")
    return Case(name, points, report, written(answering(trace=body)), **more)


def in_a_cell_of_its_own(name, text):
    """What no exercise names is not run."""
    notebook = solution()
    return Case(name, 10, "", written({**notebook, "cells": [code(text), *notebook["cells"]]}))


def _helpers():
    """Three cells of helpers, each of them slow, none of them slower than the limit."""
    notebook = answering(trace=with_body("trace", f"(first, second, third)\n{RIGHT}"))
    cells = [
        code(f"import time\n{name} = time.sleep(5)\n") for name in ("first", "second", "third")
    ]
    return {**notebook, "cells": [*cells, *notebook["cells"]]}


STUBBORN = """\
import signal
for number in (signal.SIGINT, signal.SIGALRM, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)
while True:
    try:
        while True:
            pass
    except BaseException:
        pass"""

CASES = [
    in_a_cell_of_its_own("loop_beside", "while True:\n    pass"),
    in_a_cell_of_its_own("bomb_beside", _FORKS),
    before("loop_stubborn", STUBBORN, TIME),
    inside("loop_in_the_answer", "while True:\n    pass", TIME),
    inside("loop_in_c", "import re\nre.match('(a+)+$', 'a' * 64 + 'b')", TIME),
    inside("slow_answers", "import time\ntime.sleep(2)", TIME),
    Case("slow_helpers", 8, TIME, written(_helpers())),
    before("sleep_long", "import time\ntime.sleep(600)", TIME),
    before("stop_itself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", TIME),
    before("fork_bomb", _FORKS, MANY, fence=True),
    inside(
        "process_bomb",
        "import subprocess\nfor _ in range(600):\n    subprocess.Popen(['sleep', '60'])",
        MANY,
        fence=True,
    ),
    before(
        "bomb_of_bombs",
        "import os, time\nfor _ in range(9):\n    os.fork()\ntime.sleep(60)",  # 512 of them
        MANY,
        fence=True,
    ),
    raising("memory_bomb", "hoard = bytearray(2 << 30)", MEMORY),
    inside("memory_bomb_numpy", "hoard = np.ones(3 << 27)", MEMORY),
    raising(
        "memory_piecemeal",
        "hoard = []\nwhile len(hoard) < 4096:\n    hoard.append(bytearray(1 << 20))",
        MEMORY,
    ),
    before(
        "memory_shared",
        "import mmap\nhoard = mmap.mmap(-1, 2 << 30)\n"
        "for place in range(0, 2 << 30, 4096):\n    hoard[place] = 1",
        TOGETHER,
        fence=True,
    ),
    before(
        "memory_of_many",
        "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n"
        "        hoard = bytearray(b'x') * (400 << 20)\n        time.sleep(60)\ntime.sleep(60)",
        TOGETHER,
        fence=True,
    ),
    raising(
        "memory_in_files",
        "for number in range(40):\n    with open(str(number), 'wb') as file:\n"
        "        file.write(bytes(50 << 20))",
        "grading allows 512 MB of files",
        fence=True,
    ),
    before("exit_at_once", "import os\nos._exit(0)", r"trace: a cell ended the process \(exit cod"),
    inside(
        "exit_in_the_answer", "import os\nos._exit(0)", r"trace ended the process \(exit code 0"
    ),
    inside("exit_like_a_limit", "import os\nos._exit(250)", r"\(exit code 249\)", fence=True),
    raising("sys_exit", "import sys\nsys.exit(0)"),
    inside("sys_exit_in_the_answer", "raise SystemExit(0)", "trace raised SystemExit: 0"),
    before(
        "segfault", "import ctypes\nctypes.string_at(0)", r"ended the process \(SIGSEGV: it cra"
    ),
    inside("abort", "import os\nos.abort()", r"ended the process \(SIGABRT: a library gave up"),
    before(
        "kill_itself",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        r"ended the process \(SIGKILL",
    ),
    before("become_another", "import os\nos.execv('/bin/true', ['true'])", r"\(exit code 0\)"),
    harmless(
        "flood",
        "import os, sys\nfor _ in range(500):\n    print('x' * 10**6)\n"
        "    print('y' * 10**6, file=sys.stderr)\n    os.write(1, b'z' * 10**6)",
    ),
    inside("flood_without_end", "while True:\n    print('x' * 10**6)", TIME),
    harmless(
        "threads",
        "import threading, time\nfor number in range(20):\n"
        "    threading.Thread(target=time.sleep, args=(600,), daemon=bool(number % 2)).start()",
    ),
    harmless(
        "orphans",
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        time.sleep(60)\n    os._exit(0)\nos.wait()",
        fence=True,
    ),
    before(
        "orphan_holds_the_line",
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\nos._exit(0)",
        r"\(exit code 0\)",
        fence=True,
    ),
    inside("input_asked", "name = input('Who are you? ')", "trace raised (EOF|StdinNotImpl)"),
    inside(
        "standard_input_closed",
        "import sys\nif not sys.stdin.read():\n    raise EOFError('nothing')",
        "trace raised EOFError",
    ),
    inside("recursion", "return trace(size, stack)", "trace raised RecursionError"),
    inside(
        "recursion_to_death",
        "import sys\nsys.setrecursionlimit(10**9)\nnested = []\nfor _ in range(200_000):\n"
        "    nested = [nested]\nrepr(nested)",
        "SIGSEGV|" + MEMORY,
    ),
    inside("huge_answer", "return np.zeros(20 << 20)", "returned an array that exceeds 64 MB"),
    inside("endless_answer", "return iter(int, 1)", "trace returned a callable_iterator"),
    inside("many_answers", "return [0] * 2_000_000", "more than 1,000,000 values one by one"),
    inside("long_integer", "return 1 << 100_000, 1", "of more than 10000 bits"),
    raising(
        "huge_file",
        "with open('big', 'wb') as file:\n    for _ in range(2000):\n"
        "        file.write(bytes(1 << 20))",
        "grading allows files of 64 MB",
    ),
    raising(
        "all_descriptors",
        "held = []\nwhile len(held) < 30_000:\n    held.append(open('/dev/null'))",
        "grading allows 1024 open files",
    ),
    inside(
        "huge_pickle",
        "import pickle\nreturn pickle.dumps(list(range(10**6)))",
        "trace returned a bytes",
    ),
    before("close_all", "import os\nos.closerange(0, 1000)", r"trace: a cell (closed|ended)"),
    before(
        "hang_up_and_stay",
        "import os, time\nos.closerange(0, 1000)\ntime.sleep(60)",
        "trace: a cell closed its connection to the grader",
    ),
    before(
        "shout_down_the_line",
        "import os\nos.write(3, b'\\xff' * 4)",
        "a cell answered 4,096.0 MB, but grading allows",
    ),
    before(
        "half_a_message",
        "import os\nos.write(3, b'\\x00\\x00')\nos._exit(0)",
        r"\(exit code 0\)",
    ),
    harmless(
        "exit_handlers",
        "import atexit, threading, weakref\n\n\ndef forever():\n    while True:\n        pass\n\n\n"
        "atexit.register(forever)\nthreading._register_atexit(forever)\n"
        "weakref.finalize(forever, forever)\n",
    ),
    harmless(
        "collector",
        "import gc\ngc.freeze()\ngc.disable()\ngc.set_threshold(0)\ngc.callbacks.append(print)\n",
    ),
    harmless(
        "signal_handlers",
        "import os, signal\nfor number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT):\n"
        "    signal.signal(number, lambda *_: os._exit(1))\nsignal.siginterrupt(17, True)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 30))\n",
    ),
    before(
        "less_time",
        "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True:\n    pass",
        r"ended the process \((SIGXCPU|SIGKILL)",
    ),
    harmless("nice", "import os\nos.nice(19)\n"),
]
