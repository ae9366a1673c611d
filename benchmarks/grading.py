"""Time the grading of a class's hand-ins of lesson 05 beside nbgrader and otter, on two cores.

    python benchmarks/grading.py                        # 30 hand-ins; 2 of them by nbgrader
    python benchmarks/grading.py --submissions 3 --nbgrader 1 --otter 3

prints seconds a notebook and memory of each, and appends them to benchmarks/grading.jsonl as a JSON
line. A third of the hand-ins is solved, a third blank, a third mixes right and wrong answers;
whether each got its points is counted too. All start-up is included.

- `coursetools grade` with two workers, fence and fork server as always.
- `nbgrader autograde`, one process as it is made, on a subset (`--nbgrader`), and scaled: it runs
  the teaching cells too, about a minute and a half a notebook.
- otter's fastest mode: `otter.api.grade_submission` (`otter run` without its program's start, no
  container), two processes side by side. The hand-ins that it gets hold the setup, exercise and
  harness cells alone, since it runs whatever stands in a notebook; its tests are our check cells.

Peers live in environments of their own, so that they change nothing here:

    python3 -m venv ../envs/nbgrader; ../envs/nbgrader/bin/pip install nbgrader -r requirements.txt
    python3 -m venv ../envs/otter; ../envs/otter/bin/pip install otter-grader -r requirements.txt

(`--envs` for another folder than ../envs). One that is not there is left out.
"""

import argparse
import copy
import importlib.util
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import nbformat
import psutil

from coursetools.run import versions

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("grading.jsonl")
LESSON = "05_cnns"
CORES = 2
KINDS = ("solved", "blank", "mixed")
OTTER_TEST = """\
from otter.test_files import test_case

OK_FORMAT = False
name = "{name}"
points = {points}
CHECK = {check!r}


@test_case(points={points}, hidden=False)
def test_{name}(env):
    exec(CHECK, {{**env}})
"""
OTTER_WORKER = """\
import json, sys
from concurrent.futures import ProcessPoolExecutor
from otter.api import grade_submission

def points(path):
    return path, grade_submission(path, sys.argv[1], quiet=True).total

if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        print(json.dumps(dict(pool.map(points, sys.argv[2:]))), file=sys.stderr)
"""
NBGRADER_POINTS = """\
import json, sys
from nbgrader.api import Gradebook

with Gradebook("sqlite:///gradebook.db") as book:
    print(json.dumps({s.student.id: s.score for s in book.assignment_submissions(sys.argv[1])}))
"""


def notebook(folder):
    return nbformat.read(ROOT / folder / f"{LESSON}.ipynb", 4)


def graded_cells(one, role):
    """The cells of a role by exercise."""
    own = [cell for cell in one.cells if cell.metadata.get("course", {}).get("role") == role]
    return {cell.metadata.course.get("exercise"): cell for cell in own}


def hand_ins(count, seed=0):
    """{student: (notebook, points deserved)}; mixed ones answer each exercise right or wrong."""
    solved, blank, draw = notebook("solutions"), notebook("notebooks"), random.Random(seed)
    points = {name: c.metadata.course.points for name, c in graded_cells(solved, "check").items()}
    wrong = wrong_answers()
    made = {}
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        deserved, one = {"solved": 10, "blank": 0}.get(kind, 0), None
        if kind == "mixed":
            one = copy.deepcopy(solved)
            for name, cell in graded_cells(one, "exercise").items():
                if draw.random() < 0.5:
                    cell.source = f"# Exercise: {name}\n{draw.choice(wrong[name])}"
                else:
                    deserved += points[name]
        made[f"{kind}{number:04}"] = (one or (solved if kind == "solved" else blank), deserved)
    return made


def wrong_answers():
    """Answers that the tests know to be wrong, by exercise; none that ends a process."""
    path = ROOT / "tests" / "lessons" / "answers" / f"{LESSON}.py"
    spec = importlib.util.spec_from_file_location("answers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {}
    for exercise, name, verdict, code in module.CASES:
        if verdict not in ("right", "not yet") and "Python" not in name:
            found.setdefault(exercise, []).append(code)
    return found


class Watch:
    """Seconds of a command, and the most memory that it and all below it took at one time."""

    def __init__(self, command, **settings):
        self.peak = 0
        begin = time.perf_counter()
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            process = subprocess.Popen(command, stdout=out, stderr=err, **settings)
            watcher = threading.Thread(target=self._watch, args=(process,), daemon=True)
            watcher.start()
            self.code = process.wait()
            self.seconds = time.perf_counter() - begin
            watcher.join()
            self.out, self.err = (file.seek(0) or file.read() for file in (out, err))
        if self.code:
            raise RuntimeError(
                f"{command[:4]} ended with exit code {self.code}:\n{self.err[-3000:]}"
            )

    def _watch(self, process):
        while process.poll() is None:
            self.peak = max(self.peak, memory(process.pid))
            time.sleep(0.5)

    def found(self, graded, right, **more):
        """What is recorded: of how many notebooks, how many of them with the points deserved."""
        return {
            "notebooks": graded,
            "seconds": round(self.seconds, 1),
            "seconds_each": round(self.seconds / graded, 2),
            "peak_mb": round(self.peak / 1e6),
            "points_right": right,
            **more,
        }


def memory(pid):
    """Bytes that a process and all below it take: pages that several share count once."""
    total = 0
    try:
        processes = [psutil.Process(pid)]
        processes += processes[0].children(recursive=True)
    except psutil.Error:
        return 0
    for one in processes:
        try:
            total += one.memory_full_info().pss
        except (psutil.Error, AttributeError):
            try:
                total += one.memory_info().rss
            except psutil.Error:
                continue
    return total


def by_coursetools(made, folder):
    submitted, out = folder / "submitted", folder / "out"
    submitted.mkdir()
    for student, (one, _) in made.items():
        nbformat.write(one, submitted / f"{student}_{LESSON}.ipynb")
    command = [sys.executable, "-m", "coursetools", "grade", str(submitted), "--out", str(out)]
    watch = Watch([*command, "--workers", str(CORES)], cwd=ROOT, env=environment())
    results = [json.loads(path.read_text()) for path in (out / "results").glob("*.json")]
    points = {found["student"]: found["points"] for found in results}
    return watch.found(len(made), right(made, points), versions=versions())


def by_nbgrader(python, made, folder):
    def run(*words):
        return Watch([python, "-m", "nbgrader", *words], cwd=folder, env=environment(python))

    (folder / "source" / LESSON).mkdir(parents=True)
    shutil.copy(ROOT / "solutions" / f"{LESSON}.ipynb", folder / "source" / LESSON)
    run("generate_assignment", LESSON)
    for student, (one, _) in made.items():
        place = folder / "submitted" / student / LESSON
        place.mkdir(parents=True)
        nbformat.write(one, place / f"{LESSON}.ipynb")
    watch = run("autograde", LESSON, "--Execute.timeout=900")
    words = [python, "-c", NBGRADER_POINTS, LESSON]
    points = json.loads(subprocess.run(words, cwd=folder, capture_output=True, check=True).stdout)
    return watch.found(len(made), right(made, points), version=version(python, "nbgrader"))


def by_otter(python, made, folder):
    solved = notebook("solutions")
    with zipfile.ZipFile(folder / "autograder.zip", "w") as archive:
        archive.writestr("otter_config.json", json.dumps({"pdf": False, "print_summary": False}))
        for name, cell in graded_cells(solved, "check").items():
            text = OTTER_TEST.format(
                name=name, points=cell.metadata.course.points, check=cell.source
            )
            archive.writestr(f"tests/{name}.py", text)
    paths = {student: folder / f"{student}.ipynb" for student in made}
    for student, (one, _) in made.items():
        kept = copy.deepcopy(one)
        kept.cells = [
            c for c in one.cells if c.metadata.get("course", {}).get("role", "check") != "check"
        ]
        nbformat.write(kept, paths[student])
    (folder / "worker.py").write_text(OTTER_WORKER)
    command = [python, "worker.py", "autograder.zip", *map(str, paths.values())]
    watch = Watch(command, cwd=folder, env=environment(python))
    totals = json.loads(watch.err.strip().splitlines()[-1])
    points = {student: totals[str(path)] for student, path in paths.items()}
    return watch.found(len(made), right(made, points), version=version(python, "otter-grader"))


def right(made, points):
    return sum(points.get(student) == deserved for student, (_, deserved) in made.items())


def environment(python=sys.executable):
    own = {"PYTHONPATH": str(ROOT), "DLUTILS_PROFILE": "quick", "TF_CPP_MIN_LOG_LEVEL": "3"}
    path = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, **own, "PATH": path, "MPLBACKEND": "agg"}


def version(python, package):
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


def peer(envs, name, package):
    """The Python that has a peer, or None with a word about how to get it."""
    python = envs / name / "bin" / "python"
    if python.is_file() and version(python, package):
        return str(python)
    print(
        f"{name} is left out: it is not installed in {envs / name}; see this file's first lines.",
        flush=True,
    )
    return None


def timed(name, function, *args):
    print(f"{name} …", flush=True)
    with tempfile.TemporaryDirectory(prefix=f"grading-{name}-") as folder:
        found = function(*args, Path(folder))
    print(f"{name}: {found}", flush=True)
    return found


def options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--submissions", type=int, default=30)
    parser.add_argument("--nbgrader", type=int, default=2, help="how many of them; 0: none")
    parser.add_argument("--otter", type=int, default=30, help="how many of them; 0: none")
    parser.add_argument("--envs", type=Path, default=ROOT.parent / "envs")
    return parser.parse_args()


def first(made, count):
    return dict(list(made.items())[:count])


def main():
    given = options()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    made = hand_ins(given.submissions)
    found = {
        "run": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
        "lesson": LESSON,
        "submissions": len(made),
        "cores": CORES,
        "machine": platform.machine(),
        "load_before": round(os.getloadavg()[0], 1),
        "coursetools": timed("coursetools", by_coursetools, made),
    }
    peers = (("nbgrader", "nbgrader", by_nbgrader), ("otter", "otter-grader", by_otter))
    for name, package, function in peers:
        some = first(made, getattr(given, name))
        if some and (python := peer(given.envs, name, package)):
            found[name] = timed(name, function, python, some)
            ratio = found[name]["seconds_each"] / found["coursetools"]["seconds_each"]
            found[f"times_{name}"] = round(ratio, 1)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")
    print(f"a notebook: {found['coursetools']['seconds_each']} s")
    for name in ("nbgrader", "otter"):
        if name in found:
            print(f"throughput against {name}: {found[f'times_{name}']} times")


if __name__ == "__main__":
    main()
