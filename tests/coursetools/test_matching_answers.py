"""From a hand-in to the code that answers each exercise: generous to honest oddities, blind to
whatever is the master's."""

import json
import time
from pathlib import Path

import pytest

from coursetools.grading.master import read_master
from coursetools.grading.matching import MOST, match
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
    assert all("raise NotImplementedError" in exercise.stub for exercise in master.exercises)
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
        "from scipy import ndimage as nd",
        "WIDTH = 3",
        "@staticmethod\ndef corner(x):\n    return nd.shift(x, WIDTH)",
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
    # Its function comes first by itself too: the magics may not exist here, and would end the cell.
    assert match(master, hand_in(cell))[0]["max_pool"].parts == (POOL, cell)
    cell = "%%time\n" + POOL
    assert match(master, hand_in(cell))[0]["max_pool"].parts[-1] == cell


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
        HandedCell(c.number, c.source.replace("def run_block", "def run_it"), c.id, c.grade_id)
        for c in cells
    ]
    (number,) = [c.number for c in cells if c.source.startswith("# Harness")]
    _, remarks = match(master, HandIn(tuple(edited), "06_rnns", (), ""))
    assert remarks == (
        "the notebook says that it is lesson 06_rnns, not 05_cnns",
        "the check of max_pool stands there 2 times; the course's own was used, once",
        "the check of trace was deleted; the course's own was used",
        f"the harness of residual_block (cell {number}) was changed; the course's own was used",
    )


def test_a_notebook_of_something_else_gets_one_remark(master):
    answers, remarks = match(master, hand_in("x = 1"))
    assert answers["trace"].parts == ()
    assert answers["trace"].found is None
    assert remarks == ("nothing of lesson 05_cnns is in this notebook: is it the right one?",)


def test_the_definition_before_the_check_counts_and_others_are_spare(master):
    check = next(e.check for e in master.exercises if e.name == "max_pool")
    later = POOL.replace("1, 2", "2, 1")
    answers, remarks = match(master, hand_in((POOL, "exercise-max_pool"), check, later))
    assert answers["max_pool"].parts == (POOL,)
    assert answers["max_pool"].spare == ((later,),)
    assert "2 cells define max_pool; that of cell 1 was graded first" in remarks


def test_an_import_or_a_number_of_the_name_is_no_answer(master):
    cells = ["from scipy.signal import convolve\nfor trace in []:\n    pass\nmax_pool = 3"]
    answers, _ = match(master, hand_in(*cells))
    assert {a.found for a in answers.values()} == {None}


def test_a_helper_is_the_one_that_was_defined_when_the_check_ran(master):
    check = next(e.check for e in master.exercises if e.name == "max_pool")
    using = "def max_pool(images, size, stride):\n    return step(images)"
    first, second = "def step(x):\n    return x", "def step(x, y):\n    return y"
    cells = [first, (using, "exercise-max_pool"), check, second]
    assert match(master, hand_in(*cells))[0]["max_pool"].parts == (first, using)
    # Only where there is none above does one from below come along.
    assert match(master, hand_in(*cells[1:]))[0]["max_pool"].parts == (second, using)


@pytest.mark.parametrize(
    "helper",
    [
        "from helpers import *",
        "try:\n    import step\nexcept ImportError:\n    pass",
        "for size in range(3):\n    step[size] = size",
        "step = []\nstep.append(1)",
        "    step = 1  # a margin",
        ">>> step = 1",
        "step = !ls",
        "if (True\n    != False):\n    step = 1\n%time step",
        "%%time\nstep = 1",
    ],
)
def test_whatever_binds_a_name_comes_along(master, helper):
    using = "def max_pool(images, size, stride):\n    return step"
    parts = match(master, hand_in(helper, (using, "exercise-max_pool")))[0]["max_pool"].parts
    assert len(parts) > 1
    assert parts[-1] == using


def test_a_helper_may_bear_a_builtin_s_name_and_a_number_may_not(master):
    using = "def max_pool(images, size, stride):\n    return round(images)"
    own = "def round(x):\n    return x"
    assert match(master, hand_in(own, (using, "exercise-max_pool")))[0]["max_pool"].parts[0] == own
    spoilt = match(master, hand_in("round = 3", (using, "exercise-max_pool")))
    assert spoilt[0]["max_pool"].parts == (using,)


def test_lines_are_those_that_python_counts(master):
    odd = "x = '\u2028\x0c'\ndef step():\n    return x\n"
    using = "def max_pool(images, size, stride):\n    return step()"
    parts = match(master, hand_in(odd, (using, "exercise-max_pool")))[0]["max_pool"].parts
    assert parts == ("x = '\u2028\x0c'", "def step():\n    return x", using)


def test_what_the_lesson_does_is_not_done_again_in_a_merged_cell(master):
    sources = [cell.source for cell in solved().cells]
    answers, _ = match(master, hand_in("\n\n".join(sources)))
    for answer in answers.values():
        merged = answer.parts[-1]
        assert "plotting.animate(steps, fps=2" not in merged
        assert "@checks.exercise" not in merged
        assert f"def {answer.exercise}(" in merged


def test_what_a_lesson_computes_is_missed_aloud(master):
    cells = [*[cell.source for cell in solved().cells if "Exercise:" not in cell.source]]
    using = "def max_pool(images, size, stride):\n    return grey"
    answers, remarks = match(master, hand_in(*cells, (using, "exercise-max_pool")))
    assert answers["max_pool"].parts == (using,)
    assert any(remark.startswith("max_pool uses grey, which cell ") for remark in remarks)


def test_layout_and_comments_of_a_check_are_nobody_s_business(master):
    cells = [
        HandedCell(c.number, c.source.replace(" = ", "  =  ") + "\n\n# read it", c.id, c.grade_id)
        for c in solved().cells
    ]
    assert match(master, HandIn(tuple(cells), "05_cnns", (), ""))[1] == ()


def test_labels_are_compared_and_not_obeyed(master):
    cells = list(solved().cells)
    place = next(i for i, c in enumerate(cells) if c.grade_id == "check-trace")
    old = cells[place]
    for labels, words in [
        ((("points", 100),), "the points of trace were changed; the course's 2 count"),
        ((("grade", False),), "the check of trace (cell {}) was marked up anew"),
        ((("tag", "raises-exception"),), "the check of trace (cell {}) is tagged so that"),
        ((("tag", "mine"), ("points", 2.0), ("locked", True)), None),
    ]:
        cells[place] = HandedCell(old.number, old.source, old.id, old.grade_id, "code", labels)
        _, remarks = match(master, HandIn(tuple(cells), "05_cnns", (), ""))
        assert len(remarks) == (words is not None)
        assert not words or remarks[0].startswith(words.format(old.number))


def test_an_answer_that_became_text_is_taken_where_there_is_no_other(master):
    text = HandedCell(7, POOL, None, "exercise-max_pool", "markdown")
    answers, remarks = match(master, HandIn((), "05_cnns", (), "", (text,)))
    assert answers["max_pool"].parts == (POOL,)
    assert "the answer to max_pool (cell 7) is no code cell; it was graded as one" in remarks
    code = HandedCell(8, POOL + "  # code", None, None)
    answers, _ = match(master, HandIn((code,), "05_cnns", (), "", (text,)))
    assert answers["max_pool"].parts == (code.source,)


def test_hostile_cells_take_no_time(master):
    using = ("def trace(size, stack):\n    return f0()", "exercise-trace")
    chain = [f"def f{i}():\n    return f{i + 1}()" for i in range(5_000)]
    copies = [("# Check: trace\n", "check-trace")] * 5_000
    magics = "%time x\n" * 2_400 + "("
    begin = time.monotonic()
    answers, remarks = match(master, hand_in(using, *chain, *copies, magics, "\n" * 90_000))
    assert time.monotonic() - begin < 60  # 2 s on an idle machine; without bounds, minutes
    assert len(answers["trace"].parts) <= MOST + 2
    assert len(remarks) <= 41


def test_what_changes_an_answer_before_its_check_comes_along(master):
    check = next(e.check for e in master.exercises if e.name == "max_pool")
    own = (POOL, "exercise-max_pool")
    wrapped = "max_pool = quicker(max_pool)"
    helper = "def quicker(f):\n    return f"
    answer = match(master, hand_in(own, helper, wrapped, check, wrapped + "  # more"))[0][
        "max_pool"
    ]
    assert answer.parts == (helper, POOL, wrapped)
    assert answer.spare == ()
