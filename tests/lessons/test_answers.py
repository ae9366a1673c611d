"""Each lesson's checks, asked about answers that learners write: right, wrong and blank ones.

`answers/LESSON.py` holds `CASES`: (exercise, name, verdict, code). The verdict is "right", "not
yet", or a regular expression that the refusal's hint must contain. All cases of a lesson run in one
process a backend, against its setup and harness cells alone.
"""

import collections
import importlib.util
import json
import re
import statistics
import subprocess
import sys
import tempfile
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
DRAWS = 2  # which each right answer meets; a wrong one is tried once


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
        for (of, exercise, name), (verdict, code) in CASES.items()
        for seed in range(DRAWS if verdict == "right" else 1)
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
    return dict(found)


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
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "verdicts.json")
        run = subprocess.run(
            [sys.executable, HERE / "runner.py", out],
            input=json.dumps(request),
            env=env,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert run.returncode == 0, run.stderr[-3000:]
        return json.loads(out.read_text("utf-8"))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("lesson", "exercise", "name"), CASES, ids=["-".join(case) for case in CASES]
)
def test_an_answer_gets_the_verdict_and_the_hint_that_it_deserves(lesson, exercise, name, backend):
    expected, _ = CASES[lesson, exercise, name]
    for found in verdicts(lesson, backend)[exercise, name]:
        if expected in ("right", "not yet"):
            assert found["verdict"] == expected, found["message"]
        else:
            assert found["verdict"] == "refused", found["message"]
            assert re.search(expected, found["message"], re.DOTALL), found["message"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("lesson", "exercise"), exercises())
def test_the_untouched_exercise_is_not_yet_solved(lesson, exercise, backend):
    for found in verdicts(lesson, backend)[exercise, "untouched"]:
        assert found["verdict"] == "not yet", found["message"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("lesson", "exercise"), exercises())
def test_the_reference_solution_is_right_whatever_is_drawn_and_soon(lesson, exercise, backend):
    found = verdicts(lesson, backend)[exercise, "reference"]
    assert len(found) == REPEATS
    wrong = [f["message"] for f in found if f["verdict"] != "right"]
    assert not wrong, f"{len(wrong)} false alarms in {REPEATS}: {wrong[0]}"
    # The median: another process may have the processor for a while.
    assert statistics.median(f["seconds"] for f in found) < SECONDS


@pytest.mark.parametrize(("lesson", "exercise"), exercises())
def test_every_exercise_is_tried_with_right_wrong_and_blank_answers(lesson, exercise):
    kinds = [kind for (of, name, _), (kind, _) in CASES.items() if (of, name) == (lesson, exercise)]
    assert kinds.count("right") >= 3
    assert len([kind for kind in kinds if kind not in ("right", "not yet")]) >= 5


def test_no_two_answers_share_a_name():
    for lesson in LESSONS:
        names = collections.Counter((exercise, name) for exercise, name, _, _ in cases_of(lesson))
        assert [name for name, count in names.items() if count > 1] == []
