"""Grading with JAX on both sides of the border: the points and the hints that TensorFlow gives."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from coursetools.course import Course
from coursetools.execute import environment

pytestmark = pytest.mark.jax

ROOT = Path(__file__).parents[2]
LESSON = "05_cnns"
# In a process of its own: Keras reads its backend once, when it is imported.
SCRIPT = """
import json, sys
from pathlib import Path

from coursetools.grading.bench import imports
from coursetools.grading.judge import Judge
from coursetools.grading.learner import Limits, Server
from coursetools.grading.master import read_master
from coursetools.grading.matching import Answer, match
from coursetools.grading.reading import read_hand_in

request = json.load(sys.stdin)
root, lesson = Path(request["root"]), request["lesson"]
master = read_master(root / "notebooks" / f"{lesson}.ipynb")
judge = Judge(master, b"secret")
limits = Limits(cell=300, answer=300, start=300)
given = {"KERAS_BACKEND": "jax"}
with Server(imports(master), root / "dlutils", limits, environment=given) as server:
    found = {"cases": [], "notebooks": {}}
    with server.learner() as process:
        process.run(master.setup)
        found["learner"] = process.run("raise Exception(keras.backend.backend())")
    found["judge"] = sys.modules["keras"].backend.backend()
    for folder in ("solutions", "notebooks"):
        answers, _ = match(master, read_hand_in(root / folder / f"{lesson}.ipynb"))
        verdicts = judge.grade("ann", answers, server)
        found["notebooks"][folder] = [(v.outcome, v.points, v.hint) for v in verdicts]
    for exercise, code in request["cases"]:
        answers = {e.name: Answer(e.name, (), None) for e in master.exercises}
        answers[exercise] = Answer(exercise, (code,), "id")
        verdicts = judge.grade("ann", answers, server)
        verdict = next(v for v in verdicts if v.exercise == exercise)
        found["cases"].append((verdict.outcome, verdict.points, verdict.hint))
Path(sys.argv[1]).write_text(json.dumps(found))
"""


def some_answers():
    """For each exercise one right answer and two wrong ones, of those that the notebook judges."""
    path = ROOT / "tests" / "lessons" / "answers" / f"{LESSON}.py"
    spec = importlib.util.spec_from_file_location("answers_on_jax", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    chosen = []
    for exercise in dict.fromkeys(case[0] for case in module.CASES):
        cases = [c for c in module.CASES if c[0] == exercise]
        right = [c for c in cases if c[2] == "right"]
        wrong = [c for c in cases if c[2] not in ("right", "not yet")]
        chosen += right[:1] + wrong[:2]
    return chosen


CASES = some_answers()


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jax")
    cases = [(exercise, code) for exercise, _, _, code in CASES]
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, folder / "found.json"],
        input=json.dumps({"root": str(ROOT), "lesson": LESSON, "cases": cases}),
        env=environment(Course(ROOT), KERAS_BACKEND="jax", MPLBACKEND="agg"),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads((folder / "found.json").read_text("utf-8"))


def test_both_sides_of_the_border_run_jax(graded):
    assert graded["judge"] == "jax"
    assert graded["learner"] == "Exception: jax"


def test_the_solution_gets_all_points_and_the_blank_notebook_none(graded):
    solved, blank = (graded["notebooks"][folder] for folder in ("solutions", "notebooks"))
    assert sum(points for _, points, _ in solved) == 10, solved
    assert {(outcome, points) for outcome, points, _ in blank} == {("blank", 0)}, blank


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: "-".join(CASES[n][:2]))
def test_an_answer_gets_the_verdict_and_hint_that_it_deserves(graded, number):
    _, _, expected, _ = CASES[number]
    outcome, points, hint = graded["cases"][number]
    assert (outcome == "right") == (points > 0) == (expected == "right"), hint
    if expected != "right":
        assert outcome in ("wrong", "error"), hint
        assert re.search(expected, hint, re.DOTALL), hint
