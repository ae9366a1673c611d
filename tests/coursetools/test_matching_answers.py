"""From a hand-in to the code that answers each exercise: generous to honest oddities, blind to
whatever is the master's."""

import json
from pathlib import Path

import pytest

from coursetools.grading.master import read_master
from coursetools.grading.matching import is_blank, match
from coursetools.grading.reading import HandedCell, HandIn, read_hand_in

ROOT = Path(__file__).parents[2]
STUDENT = ROOT / "notebooks" / "05_cnns.ipynb"
SOLUTION = ROOT / "solutions" / "05_cnns.ipynb"
POOL = "def max_pool(images, size, stride):\n    return images.max((1, 2))"


@pytest.fixture(scope="module")
def master():
    return read_master(STUDENT)


def hand_in(*cells, lesson="05_cnns"):
    """A hand-in of the given code cells: sources, or (source, grade_id)."""
    made = []
    for number, cell in enumerate(cells, start=1):
        source, grade_id = cell if isinstance(cell, tuple) else (cell, None)
        made.append(HandedCell(number, source, None, grade_id))
    return HandIn(tuple(made), lesson, (), "")


def solved():
    return read_hand_in(SOLUTION)


def test_the_master_knows_exercises_points_and_harnesses(master):
    assert master.lesson == "05_cnns"
    assert sum(exercise.points for exercise in master.exercises) == 10
    assert all(is_blank(exercise.stub) for exercise in master.exercises)
    assert all("@checks.exercise" in exercise.check for exercise in master.exercises)
    assert [e.name for e in master.exercises if e.harness] == ["residual_block"]
    assert "runtime.start" in master.setup


def test_every_built_lesson_is_matched_by_its_own_notebooks():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        master = read_master(path)
        for folder in ("notebooks", "solutions"):
            handed = read_hand_in(ROOT / folder / path.name)
            answers, remarks = match(master, handed)
            assert remarks == ()
            assert list(answers) == [e.name for e in master.exercises]
            # One part each: no exercise needs another cell of the notebook.
            assert all(len(a.parts) == 1 and a.found == "grade_id" for a in answers.values())


@pytest.mark.parametrize("lost", [("nbgrader",), ("nbgrader", "id"), ("nbgrader", "id", "marker")])
def test_a_cell_that_lost_its_metadata_is_still_found(master, lost, tmp_path):
    notebook = json.loads(SOLUTION.read_text("utf-8"))
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        if "id" in lost:
            cell["id"] = "x"
        if "marker" in lost and cell["source"][:1] and cell["source"][0].startswith("# Exercise"):
            cell["source"] = cell["source"][1:]
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps(notebook), "utf-8")
    answers, _ = match(master, read_hand_in(path))
    by = {1: "id", 2: "marker", 3: "name"}[len(lost)]
    assert {a.found for a in answers.values()} == {by}
    assert all(f"def {name}(" in a.parts[-1] for name, a in answers.items())


def test_of_several_the_last_that_is_not_blank_counts(master):
    stub = next(e.stub for e in master.exercises if e.name == "max_pool")
    copied = hand_in((stub, "exercise-max_pool"), (POOL, "exercise-max_pool"))
    assert match(master, copied)[0]["max_pool"].parts == (POOL,)
    kept = hand_in((POOL, "exercise-max_pool"), (stub, "exercise-max_pool"))
    assert match(master, kept)[0]["max_pool"].parts == (POOL,)
    elsewhere = hand_in((stub, "exercise-max_pool"), POOL)
    assert match(master, elsewhere)[0]["max_pool"].parts == (POOL,)
    newer = hand_in((POOL, "exercise-max_pool"), POOL.replace("1, 2", "2, 1"))
    assert "2, 1" in match(master, newer)[0]["max_pool"].parts[-1]


def test_a_cell_of_another_exercise_that_defines_the_name_too_is_not_taken(master):
    both = f"# Exercise: trace (2 points)\ndef trace(size, stack):\n    return 1, 1\n\n{POOL}"
    answers, _ = match(master, hand_in((POOL, "exercise-max_pool"), both))
    assert answers["max_pool"].parts == (POOL,)
    assert answers["trace"].parts == (both,)


def test_one_cell_may_answer_two_exercises(master):
    both = f"{POOL}\n\ndef trace(size, stack):\n    return 1, 1"
    answers, _ = match(master, hand_in(both))
    assert answers["max_pool"].parts == answers["trace"].parts == (both,)


def test_helpers_come_along_and_nothing_else(master):
    cells = [
        "import time\nfrom scipy import ndimage as nd\nWIDTH = 3",
        "@staticmethod\ndef corner(x):\n    return nd.shift(x, WIDTH)\n\nexplode()",
        "def unused():\n    return 1",
        ("def max_pool(images, size, stride):\n    return corner(images)", "exercise-max_pool"),
    ]
    parts = match(master, hand_in(*cells))[0]["max_pool"].parts
    assert parts == (
        "from scipy import ndimage as nd\n",
        "WIDTH = 3",
        "@staticmethod\ndef corner(x):\n    return nd.shift(x, WIDTH)\n",
        cells[-1][0],
    )


def test_local_names_and_parameters_ask_for_no_helper(master):
    cells = ["images = train()", "total = train()", ("y = 1\n" + POOL, "exercise-max_pool")]
    assert len(match(master, hand_in(*cells))[0]["max_pool"].parts) == 1


def test_a_teaching_cell_s_functions_come_along_but_not_its_work(master, tmp_path):
    notebook = json.loads(SOLUTION.read_text("utf-8"))
    using = (
        "def max_pool(images, size, stride):\n    return max_pool_loops(images[0, :, :, 0]), cnn"
    )
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "exercise-max_pool":
            cell["source"] = using
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps(notebook), "utf-8")
    *helpers, own = match(master, read_hand_in(path))[0]["max_pool"].parts
    assert own == using
    assert len(helpers) == 1
    assert helpers[0].startswith("def max_pool_loops(")


def test_magics_do_not_hide_a_function(master):
    cell = "%matplotlib inline\n!ls\n" + POOL
    answers, _ = match(master, hand_in(cell))
    assert answers["max_pool"].parts == (cell,)


@pytest.mark.parametrize(
    "source", ["def max_pool(:", "(" * 5000, "\0", "x" * 300_000, "a = " + "-" * 100_000 + "1"]
)
def test_a_broken_cell_still_answers_where_it_is_marked(master, source):
    answers, _ = match(master, hand_in(source, (source, "exercise-max_pool")))
    assert answers["max_pool"].parts == (source,)
    assert answers["max_pool"].found == "grade_id"


def test_what_is_the_master_s_is_reported_and_not_taken(master):
    notebook = solved()
    cells = [c for c in notebook.cells if not c.source.startswith("# Check: trace")]
    cells += [c for c in cells if c.source.startswith("# Check: max_pool")]
    edited = [
        HandedCell(c.number, c.source.replace("def run_block", "def run_block "), c.id, c.grade_id)
        for c in cells
    ]
    _, remarks = match(master, HandIn(tuple(edited), "06_rnns", (), ""))
    assert remarks == (
        "the notebook says that it is lesson 06_rnns, not 05_cnns",
        "the check of max_pool stands there 2 times; the course's own was used, once",
        "the check of trace was changed or deleted; the course's own was used",
        "the harness of residual_block was changed or deleted; the course's own was used",
    )


def test_a_missing_answer_is_said(master):
    answers, remarks = match(master, hand_in("x = 1"))
    assert answers["trace"].parts == ()
    assert answers["trace"].found is None
    assert "no cell answers trace" in remarks
