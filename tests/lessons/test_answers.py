"""Each lesson's checks, asked about answers that learners write: right, wrong and blank ones.

`answers/LESSON.py` holds `CASES`: (exercise, name, verdict, code). The verdict is "right", "not
yet", or a regular expression that the refusal's hint must contain. All cases of a lesson run in one
process a backend, against its setup and harness cells alone.
"""

import collections
import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("jupytext")

from coursetools.course import Course
from coursetools.execute import environment
from coursetools.source import read_lesson

HERE = Path(__file__).resolve().parent
COURSE = Course(HERE.parent.parent)
LESSONS = {path.stem: path for path in COURSE.lesson_paths()}
BACKENDS = ["tensorflow", pytest.param("jax", marks=pytest.mark.jax)]
REPEATS = 20
SECONDS = 2
SEEDS = (0, 1)  # the draws that each answer meets


def cases_of(lesson):
    path = HERE / "answers" / f"{lesson}.py"
    if not path.is_file():
        return []
    spec = importlib.util.spec_from_file_location(f"answers_{lesson}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CASES


CASES = {
    (lesson, exercise, name): (verdict, code)
    for lesson in LESSONS
    for exercise, name, verdict, code in cases_of(lesson)
}


def exercises():
    return [(lesson, name) for lesson, path in LESSONS.items() for name in read_lesson(path).points]


@cache
def verdicts(lesson, backend):
    """What the checks say: a list by (exercise, name), one item a draw, in one process."""
    cells = {(c.role, c.exercise): c for c in read_lesson(LESSONS[lesson]).cells if c.role}
    wanted = [
        (exercise, name, code, seed)
        for (of, exercise, name), (_, code) in CASES.items()
        for seed in SEEDS
        if of == lesson
    ]
    for (role, exercise), cell in cells.items():
        if role == "exercise":
            wanted.append((exercise, "untouched", cell.stub, 0))
            wanted += [(exercise, "reference", cell.solved, None)] * REPEATS
    request = {
        "setup": [c.solved for (role, _), c in cells.items() if role == "setup"],
        "cases": [_case(cells, *case) for case in wanted],
    }
    found = collections.defaultdict(list)
    for (exercise, name, _, _), verdict in zip(wanted, _ask(request, backend), strict=True):
        found[exercise, name].append(verdict)
    return found


def _case(cells, exercise, name, code, seed):
    harness = cells.get(("harness", exercise))
    return {
        "exercise": exercise,
        "code": code,
        "before": [harness.solved] if harness else [],
        "check": cells["check", exercise].solved,
        "seed": seed,
    }


def _ask(request, backend):
    env = environment(COURSE, KERAS_BACKEND=backend, DLUTILS_PROFILE="quick", MPLBACKEND="agg")
    out, into = os.pipe()
    with os.fdopen(out) as reading:
        run = subprocess.Popen(
            [sys.executable, str(HERE / "runner.py"), f"/dev/fd/{into}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            pass_fds=[into],
            text=True,
        )
    raise NotImplementedError
