"""Memory and time of `coursetools grade` with 10, 100 and 300 hand-ins of lesson 05.

    python benchmarks/grading_scale.py [COUNT ...]

prints both and appends them to benchmarks/grading_scale.jsonl as a JSON line. Memory is the
largest sum over the whole tree of processes, of proportional shares (PSS) where Linux tells them,
which counts a page that forks share once; and the largest resident size of each kind of process:
that must not grow with the number of hand-ins. A third of the hand-ins is solved, a third blank,
and a third wrong, each with a cell of its own.
"""

import contextlib
import copy
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil

ROOT = Path(__file__).parents[1]
LESSON = "05_cnns"
RESULTS = Path(__file__).with_name("grading_scale.jsonl")
COUNTS, WORKERS = (10, 100, 300), 2
PAUSE = 0.5  # seconds between two looks at memory


def hand_ins(folder, count):
    """Write so many hand-ins: solved, blank and wrong in turn."""
    solved, blank = (
        nbformat.read(ROOT / name / f"{LESSON}.ipynb", 4) for name in ("solutions", "notebooks")
    )
    wrong = "def trace(size, stack):\n    return size, size"
    for number in range(count):
        notebook = copy.deepcopy(blank if number % 3 == 1 else solved)
        notebook.cells.append(nbformat.v4.new_code_cell(f"mine = {number}"))
        if number % 3 == 2:
            (cell,) = [cell for cell in notebook.cells if cell.id == "exercise-trace"]
            cell.source = wrong
        nbformat.write(notebook, folder / f"student{number:04d}_{LESSON}.ipynb")


def measure(count):
    """Seconds, megabytes and points of one run, in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        handed = Path(scratch) / "handed"
        handed.mkdir()
        hand_ins(handed, count)
        out = Path(scratch) / "out"
        command = [sys.executable, "-m", "coursetools", "grade", handed, "--out", out]
        begin = time.perf_counter()
        with subprocess.Popen([*command, "--workers", str(WORKERS)], cwd=ROOT, stdout=-3) as run:
            memory = watch(psutil.Process(run.pid), run)
        seconds = time.perf_counter() - begin
        assert run.returncode == 0
        grades = json.loads((out / "grades.json").read_text())
    points = sum(grade["points"] for grade in grades)
    return {"hand_ins": count, "seconds": round(seconds, 1), "points": points, **memory}


def watch(process, run):
    """The largest of each figure, in MB, until the process has ended."""
    most = {}
    while run.poll() is None:
        now = {"all_mb": 0.0}
        for one in (process, *children(process)):
            with contextlib.suppress(psutil.Error):
                kind, resident, share = kind_of(one, process), one.memory_info().rss, shared(one)
                now["all_mb"] += share / 1e6
                now[kind] = max(now.get(kind, 0.0), resident / 1e6)
        most = {name: max(most.get(name, 0.0), now.get(name, 0.0)) for name in most | now}
        time.sleep(PAUSE)
    return {name: round(value) for name, value in most.items()}


def children(process):
    with contextlib.suppress(psutil.Error):
        return process.children(recursive=True)
    return []


def shared(process):
    """A process's share of memory in bytes; its resident size where that is not told."""
    try:
        return process.memory_full_info().pss
    except (psutil.AccessDenied, AttributeError):
        return process.memory_info().rss


def kind_of(process, controller):
    """controller_mb, worker_mb, server_mb (a fork server or one of its forks) or other_mb."""
    words = " ".join(process.cmdline())
    if process == controller:
        return "controller_mb"
    if "server.py" in words:
        return "server_mb"
    return "worker_mb" if "spawn_main" in words else "other_mb"


def main():
    counts = [int(word) for word in sys.argv[1:]] or COUNTS
    found = {
        "lesson": LESSON,
        "workers": WORKERS,
        "run": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
        "machine": platform.machine(),
        "load": round(psutil.getloadavg()[0], 1),
        "runs": [],
    }
    for count in counts:
        one = measure(count)
        found["runs"].append(one)
        print(f"{count} hand-ins: {one['seconds']} s, {one['seconds'] / count:.2f} s each; {one}")
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
