"""Learners' answers through the grading border: the verdicts and hints that the notebook gave."""

import importlib.util
import re
from pathlib import Path

import pytest

from coursetools.grading.fence import find_fence
from coursetools.grading.grade import imports
from coursetools.grading.judge import Judge
from coursetools.grading.learner import Limits, Server
from coursetools.grading.master import read_master
from coursetools.grading.matching import Answer, match
from coursetools.grading.reading import HandedCell, HandIn, read_hand_in

ROOT = Path(__file__).parents[2]
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
OUTCOMES = {"right": "right", "not yet": "blank"}


def answers_of(lesson):
    path = ROOT / "tests" / "lessons" / "answers" / f"{lesson}.py"
    spec = importlib.util.spec_from_file_location(f"graded_{lesson}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CASES


CASES = [(lesson, *case) for lesson in LESSONS for case in answers_of(lesson)]


@pytest.fixture(scope="module")
def grading():
    """For each lesson, its judge and its server, started when first asked for."""
    started = {}

    def of(lesson):
        if lesson not in started:
            master = read_master(ROOT / "notebooks" / f"{lesson}.ipynb")
            server = Server(imports(master), limits=Limits(cell=60, answer=60))
            started[lesson] = Judge(master, b"secret"), server.__enter__()
        return started[lesson]

    yield of
    for _, server in started.values():
        server.__exit__()


def verdict(grading, lesson, exercise, code, learner="ann"):
    judge, server = grading(lesson)
    wanted = [e for e in judge.master.exercises if e.name == exercise]
    answer = Answer(exercise, (code,), "name")
    return judge._verdict(learner, wanted[0], answer, server)


@pytest.mark.parametrize(
    ("lesson", "exercise", "name", "expected", "code"), CASES, ids=lambda v: str(v)[:40]
)
def test_an_answer_gets_the_verdict_of_the_notebook(
    grading, lesson, exercise, name, expected, code
):
    found = verdict(grading, lesson, exercise, code)
    if expected in OUTCOMES:
        assert (found.outcome, found.points > 0) == (OUTCOMES[expected], expected == "right"), found
    else:
        assert found.outcome in ("wrong", "error"), found
        assert found.points == 0
        assert re.search(expected, found.hint, re.DOTALL), found.hint


@pytest.mark.parametrize("lesson", LESSONS)
def test_solutions_get_full_points_and_blanks_none(grading, lesson):
    judge, server = grading(lesson)
    for folder, points in (("solutions", 10), ("notebooks", 0)):
        answers, remarks = match(judge.master, read_hand_in(ROOT / folder / f"{lesson}.ipynb"))
        verdicts = judge.grade("ann", answers, server)
        assert remarks == ()
        assert sum(v.possible for v in verdicts) == 10
        assert sum(v.points for v in verdicts) == points
        assert {v.outcome for v in verdicts} == {"right" if points else "blank"}


def test_draws_follow_from_secret_lesson_exercise_and_learner():
    master = read_master(ROOT / "notebooks" / "05_cnns.ipynb")
    judge, other = Judge(master, b"secret"), Judge(master, b"other")
    one = judge._draw("ann", "trace")
    assert one == judge._draw("ann", "trace")
    assert (
        len(
            {
                one,
                judge._draw("bob", "trace"),
                judge._draw("ann", "pool"),
                other._draw("ann", "trace"),
            }
        )
        == 4
    )
    assert 0 <= one < 2**128


# Each ends its own exercise, and no other; what it is told names the limit or the cause.
ENDINGS = {
    "an endless loop": ("while True: pass", "trace took more than"),
    "an exit": ("import os; os._exit(0)", "ended the process"),
    "a crash": ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    "an endless answer": ("return iter(int, 1)", ""),
    "a lying object": (
        "class A(int):\n        __eq__ = lambda *a: True\n    return A(1), A(1)",
        "",
    ),
    "a patched library": (
        "import numpy, builtins; numpy.allclose = numpy.array_equal = lambda *a, **k: True; "
        "builtins.all = builtins.any = lambda *a: True; return 1, 1",
        "",
    ),
    "a forged verdict": (
        "from dlutils import checks; checks.Check.close = checks.Check.equal = "
        "checks.Check.that = lambda *a, **k: None; print('trace: correct'); return 1, 1",
        "",
    ),
    "a raised verdict": ("from dlutils import checks; raise checks.NotYet('trace')", ""),
    "a system exit": ("raise SystemExit(0)", "SystemExit"),
    "a kind exception": (
        "class Failed(Exception): pass\n    raise Failed('trace: correct')",
        "Failed",
    ),
}


@pytest.fixture(scope="module")
def hasty(grading):
    with Server(imports(grading("05_cnns")[0].master), limits=Limits(answer=3)) as server:
        yield server


@pytest.mark.parametrize("name", ENDINGS)
def test_no_trick_inside_the_learner_s_process_earns_a_point(grading, hasty, name):
    body, words = ENDINGS[name]
    judge, _ = grading("05_cnns")
    code = f"def trace(size, stack):\n    {body}"
    cells = (HandedCell(1, code, None, None),)
    answers, _ = match(judge.master, HandIn(cells, "05_cnns", (), ""))
    found = {v.exercise: v for v in judge.grade("ann", answers, hasty)}["trace"]
    assert found.points == 0
    assert found.outcome in ("wrong", "ended", "blank"), found
    assert words in found.hint


@pytest.mark.skipif(find_fence().bwrap is None, reason="no fence here")
def test_an_answer_that_dies_costs_no_other_exercise(grading):
    judge, server = grading("05_cnns")
    solution = read_hand_in(ROOT / "solutions" / "05_cnns.ipynb")
    deadly = tuple(
        HandedCell(c.number, "import os\nos._exit(1)", c.id, c.grade_id)
        if c.grade_id == "exercise-max_pool"
        else c
        for c in solution.cells
    )
    answers, _ = match(judge.master, HandIn(deadly, "05_cnns", (), ""))
    found = {v.exercise: v.outcome for v in judge.grade("ann", answers, server)}
    assert found.pop("max_pool") == "ended"
    assert set(found.values()) == {"right"}


REPLACED = """\
import numpy as np

def afterwards(result):
    get_ipython().user_ns["run_block"] = lambda *args: REPLY


get_ipython().events.register("post_run_cell", afterwards)
def residual_block(x, filters, stride=1):
    return x
"""


@pytest.mark.parametrize(
    "reply",
    [
        "{}",
        "[]",
        "{'output': 1, 'kernels': [], 'norms': 'x'}",
        "{'output': np.zeros((2, 9, 8, 4)), 'kernels': [[3], {}], 'norms': 2}",
        "{'output': np.zeros((2, 9, 8, 4)), 'kernels': [[3, 3, 4, 4]] * 2, 'norms': None}",
        "{'output': np.zeros((2, 9, 8, 4)), 'kernels': [[3, 3, 4, 4]] * 2, 'norms': [2]}",
    ],
)
def test_a_replaced_harness_earns_nothing(grading, reply):
    found = verdict(grading, "05_cnns", "residual_block", REPLACED.replace("REPLY", reply))
    assert (found.outcome, found.points) == ("wrong", 0), found.hint


@pytest.mark.parametrize(
    "reply",
    [
        "b'F' + codec.encode(np.zeros(3))",
        "b'Vdlutils1' + (4205).to_bytes(8, 'little') + b'[' + b'9' * 4200 + b',1]' + b' '",
        "b'V' + b'x' * (1 << 20)",
    ],
)
def test_a_reply_that_no_function_can_make_is_wrong_and_not_undecided(grading, reply):
    code = "import dlutils.checks\nfrom dlutils.checks import codec\n"
    code += f"dlutils.checks.answer = lambda *args: {reply}\n"
    found = verdict(grading, "05_cnns", "trace", f"{code}def trace(size, stack):\n    return 1, 1")
    assert (found.outcome, found.points) == ("wrong", 0)
    assert "could not be read" in found.hint


def test_hints_are_of_bounded_length_and_without_control_characters(grading):
    code = "import dlutils.checks\nfrom dlutils.checks import codec\n"
    code += "text = '\\x1b[2J\\u202e' * 10**6\n"
    code += "dlutils.checks.answer = lambda *args: b'V' + codec.encode(text)\n"
    code += "def residual_block(x, filters, stride=1):\n    return x"
    found = verdict(grading, "05_cnns", "residual_block", code)
    assert found.outcome == "wrong"
    assert len(found.hint) <= 2000
    assert not {"\x1b", "\u202e"} & set(found.hint)


def test_a_limit_that_was_met_is_told_even_where_the_answer_is_right(grading):
    code = "def trace(size, stack):\n    field, jump = 1, 1\n    for k, s, p in stack:\n"
    code += "        size, field = (size + 2 * p - k) // s + 1, field + (k - 1) * jump\n"
    code += "        jump *= s\n"
    code += "    return size, field\nhoard = bytearray(2 << 30)"
    found = verdict(grading, "05_cnns", "trace", code)
    assert (found.outcome, found.points) == ("right", 2)
    assert "MemoryError" in found.hint
    assert "grading allows 1.5 GB of memory" in found.hint


def test_a_copy_is_tried_where_the_likeliest_cell_is_not_right(grading):
    judge, server = grading("05_cnns")
    (exercise,) = [e for e in judge.master.exercises if e.name == "trace"]
    (right,) = [
        code for lesson, name, _, kind, code in CASES if (name, kind) == ("trace", "right")
    ][:1]
    wrong = "def trace(size, stack):\n    return 1, 1"
    answer = Answer("trace", (wrong,), "id", spare=((wrong,), (right,)))
    assert judge._verdict("ann", exercise, answer, server).points == 2
