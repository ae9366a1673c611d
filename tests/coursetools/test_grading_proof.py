"""`coursetools check` proves by grading that a lesson can be graded, and says what cannot."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coursetools.build import build
from coursetools.check import check
from coursetools.cli import app
from coursetools.course import Course
from coursetools.grading import proofs
from coursetools.grading.proofs import KEPT, grading_problems
from coursetools.notebooks import render, solution_notebook, student_notebook
from coursetools.source import read_lesson

ROOT = Path(__file__).parents[2]
ASKS = 'check.equal(check.ask("mean", [1, 2, 6]), 3, hint="No mean.")'
MEAN = "return accumulated / len(values)"
TOTAL = "total = sum([1, 2, 3])"
SCALED = "return self.hidden_factor * value"


@pytest.fixture
def toy(sources, edit):
    """The toy course with the real checks, and a lesson that asks through them; not built."""
    (sources.root / "dlutils" / "checks.py").unlink()
    shutil.copytree(ROOT / "dlutils" / "checks", sources.root / "dlutils" / "checks")
    edit(sources, "def _(ask):", "def _(check):")
    edit(sources, 'assert ask("mean", [1, 2, 6]) == 3', ASKS)
    asks = 'check.equal(check.ask("scaled", 3, 2), 6, hint="Not scaled.")'
    edit(sources, 'assert ask("scaled", 3, 2) == 6', asks)
    return sources


def write_notebooks(course):
    """Both notebooks as the build writes them but not executed, so that nothing refuses them."""
    lesson = read_lesson(course.lessons / "01_toy.py")
    made = (
        (course.notebooks, student_notebook(course, lesson)),
        (course.solutions, solution_notebook(course, lesson, "0")),
    )
    for folder, notebook in made:
        folder.mkdir(exist_ok=True)
        (folder / "01_toy.ipynb").write_text(render(notebook), "utf-8")
    return lesson


def prove(course, on_lesson=lambda name: None):
    return grading_problems(course, [write_notebooks(course)], on_lesson)


# What is changed in the toy lesson -> what each problem says, in this order.
BROKEN = {
    "a wrong solution": (
        {MEAN: "return accumulated"},
        [
            'the solution of "mean" gets 0 of 4 points when graded (wrong: mean: not right yet. '
            "No mean. ",
        ],
    ),
    "a check that fails by itself": (
        {ASKS: 'raise KeyError("oops")'},
        [
            'the blank exercise "mean" gets 0 of 4 points when graded (undecided: ',
            'the solution of "mean" gets 0 of 4 points when graded (undecided: The check raised '
            "KeyError: 'oops'); mend its check",
        ],
    ),
    "a check that does not ask": (
        {ASKS: "pass"},
        ['the blank exercise "mean" gets 4 of 4 points when graded (right)'],
    ),
    "a check that decides before it asks": (
        {ASKS: "check.that(False, hint='No.')"},
        [
            'the blank exercise "mean" gets 0 of 4 points when graded (wrong: mean: not right yet. '
            "No.); its check must ask its function, ",
            'the solution of "mean" gets 0 of 4 points',
        ],
    ),
    "a solution that takes a value from a teaching cell": (
        {"accumulated = sum(values)": "accumulated = sum(values) + total - 6"},
        [
            "its own solved notebook is graded with a remark (mean uses total, which cell 3 ",
            'the solution of "mean" gets 0 of 4 points when graded (wrong: mean: not right yet. '
            "mean raised NameError",
        ],
    ),
    "a solution that takes a function from a teaching cell": (
        {
            TOTAL: "def plus(a, b):\n    return a + b\n\ntotal = plus(1, 5)",
            "accumulated = sum(values)": "accumulated = plus(sum(values), 0)",
        },
        [
            'without teaching cells and other solutions, the solution of "mean" gets 0 of 4 points '
            "when graded (wrong: mean: not right yet. mean raised NameError",
        ],
    ),
    "a solution that needs another": (
        {SCALED: "return self.hidden_factor * mean([value])"},
        [
            'the solution of "scaler" gets 0 of 6 points when graded (wrong: scaler: not right '
            "yet. scaled raised NameError: name 'mean' is not defined",
        ],
    ),
    "a setup that needs a notebook around it": (
        {"import sys\n": "import sys\n\nget_ipython()\n"},
        ["its setup cell raised NameError: name 'get_ipython' is not defined where checks are run"],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_graded_is_told_in_a_line_for_each(case, toy, edit):
    changes, expected = BROKEN[case]
    for old, new in changes.items():
        edit(toy, old, new)
    found = prove(toy)
    assert len(found) == len(expected), found
    for problem, words in zip(found, expected, strict=True):
        assert problem.startswith("lessons/01_toy.py: " + words), problem
        assert "\n" not in problem
    assert not (toy.root / KEPT).exists()


def change(path, edit):
    notebook = json.loads(path.read_text("utf-8"))
    edit(notebook["cells"])
    path.write_text(json.dumps(notebook), "utf-8")


def role(cells, name, exercise):
    wanted = {"role": name, "exercise": exercise}
    return next(c for c in cells if wanted.items() <= c["metadata"].get("course", {}).items())


def more_points(cells):
    role(cells, "check", "mean")["metadata"]["course"]["points"] = 5


def edited_check(cells):
    role(cells, "check", "mean")["source"] = "# Check: mean\npass"


@pytest.mark.parametrize(
    ("folder", "edit_cells", "words"),
    [
        ("notebooks", more_points, "its checks are worth 11 points as graded, not 10"),
        ("solutions", edited_check, "its own solved notebook is graded with a remark (the check"),
    ],
)
def test_points_and_remarks_are_those_of_the_notebooks(toy, folder, edit_cells, words):
    lesson = write_notebooks(toy)
    change(toy.root / folder / "01_toy.ipynb", edit_cells)
    assert words in grading_problems(toy, [lesson])[0]


def test_a_proof_that_breaks_off_is_a_problem(toy):
    lesson = write_notebooks(toy)
    (toy.solutions / "01_toy.ipynb").write_text("[")
    (problem,) = grading_problems(toy, [lesson])
    assert re.search(r"broke off, exit code 1 \(.*UnreadableError.*\), so nothing is", problem)


def test_a_proof_is_kept_until_what_it_rests_on_changes(toy, edit, monkeypatch):
    graded = []
    assert prove(toy, graded.append) == []
    assert prove(toy, graded.append) == []
    edit(toy, "# # What is a mean?", "# # What may a mean be?")
    assert prove(toy, graded.append) == []
    assert graded == ["01_toy"]
    edit(toy, "[1, 2, 6]), 3", "[1, 2, 9]), 4")
    assert prove(toy, graded.append) == []
    assert len(graded) == 2
    # From here on the proof itself is of no interest, only whether it is asked for.
    monkeypatch.setattr(proofs, "_proved", lambda course, lesson: [])
    (toy.root / "dlutils" / "claims.py").open("a").write("\n")
    for count in (3, 3):
        assert prove(toy, graded.append) == []
        assert len(graded) == count
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    prove(toy, graded.append)
    assert len(graded) == 4
    (toy.root / KEPT).write_text("[")
    prove(toy, graded.append)
    assert len(graded) == 5


def test_what_was_found_wanting_is_tried_again(toy, monkeypatch):
    said = iter((["no"], [], ["never asked"]))
    monkeypatch.setattr(proofs, "_proved", lambda course, lesson: next(said))
    assert [prove(toy) for _ in range(3)] == [["lessons/01_toy.py: no"], [], []]


def test_proofs_are_no_part_of_the_course(toy, monkeypatch):
    monkeypatch.setattr(proofs, "_proved", lambda course, lesson: [])
    lesson = write_notebooks(toy)

    def status():
        words = ["git", "-C", toy.root, "status", "--porcelain", "--untracked-files=all"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    subprocess.run(["git", "init", "--quiet", toy.root], check=True)
    before = status()
    assert grading_problems(toy, [lesson]) == []
    assert (toy.root / KEPT).is_file()
    assert status() == before


def test_where_proofs_cannot_be_kept_they_still_hold(toy, monkeypatch):
    monkeypatch.setattr(proofs, "_proved", lambda course, lesson: [])
    (toy.root / KEPT.parent).write_text("a file where the folder would be")
    assert prove(toy) == []


def test_the_command_grades_unless_told_not_to(toy, edit):
    def called(*words):
        done = CliRunner().invoke(app, ["check", "--course", str(toy.root), *words])
        return done.exit_code, done.output

    edit(toy, ASKS, "pass")  # a fault that building cannot see
    assert [built.executed for built in build(toy)] == [True]
    assert called("--static") == (0, "lessons in step with their notebooks: 1\n")
    code, said = called()
    assert (code, said.count("\n")) == (1, 1)
    assert 'the blank exercise "mean" gets 4 of 4 points' in said
    edit(toy, "    pass\n", f"    {ASKS}\n")
    assert [built.executed for built in build(toy)] == [True]
    assert called() == (0, "lessons in step with their notebooks, and graded rightly: 1\n")


def test_a_lesson_out_of_step_is_not_graded(built, edit):
    edit(built, TOTAL, "total = sum([1, 2, 4])")
    graded = []
    assert len(check(built, graded=True, on_lesson=graded.append)) == 2
    assert graded == []


def test_lesson_05_is_gradable(monkeypatch, tmp_path):
    monkeypatch.setattr(proofs, "KEPT", tmp_path / "kept" / "proofs.json")
    course = Course(ROOT)
    lesson = read_lesson(course.lessons / "05_cnns.py")
    graded = []
    assert grading_problems(course, [lesson], graded.append) == []
    assert graded == ["05_cnns"]
