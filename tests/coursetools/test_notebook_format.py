"""The built notebooks: what is blanked, named and marked, and that all of it is stable."""

import re

import nbformat
import pytest

from coursetools.notebooks import render, solution_notebook, student_notebook
from coursetools.source import read_lesson


@pytest.fixture
def lesson(sources):
    return read_lesson(sources.lessons / "01_toy.py")


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


def test_a_solution_region_becomes_a_stub_at_its_indentation(sources, lesson):
    student = by_id(student_notebook(sources, lesson))
    assert student["exercise-mean"].source == (
        "# Exercise: mean (4 points)\n"
        "def mean(values):\n"
        '    """The arithmetic mean of a list."""\n'
        "    # YOUR CODE HERE\n"
        "    raise NotImplementedError"
    )
    scaler = student["exercise-scaler"].source
    assert scaler.count("        # YOUR CODE HERE\n        raise NotImplementedError") == 2
    assert "hidden_factor" not in scaler
    assert all(
        not c.outputs and c.execution_count is None for c in student.values() if "outputs" in c
    )


def test_a_solution_keeps_the_code_and_the_markers_that_nbgrader_blanks_by(sources, lesson):
    solution = by_id(solution_notebook(sources, lesson, "00"))
    assert solution["exercise-mean"].source == (
        "# Exercise: mean (4 points)\n"
        "def mean(values):\n"
        '    """The arithmetic mean of a list."""\n'
        "    ### BEGIN SOLUTION\n"
        "    accumulated = sum(values)  # exact for integers\n"
        "    return accumulated / len(values)\n"
        "    ### END SOLUTION"
    )
    marked = [id for id, cell in solution.items() if "SOLUTION" in cell.source]
    assert marked == ["exercise-mean", "exercise-scaler"]


def test_only_graded_cells_are_named_by_a_first_line(sources, lesson):
    student = student_notebook(sources, lesson)
    pattern = r"# (?:Exercise|Check|Harness): .*"
    firsts = [re.match(pattern, cell.source) for cell in student.cells]
    assert [match[0] for match in firsts if match] == [
        "# Exercise: mean (4 points)",
        "# Check: mean (4 points)",
        "# Exercise: scaler (6 points)",
        "# Harness: scaler",
        "# Check: scaler (6 points)",
    ]


def test_one_point_is_singular(sources, edit):
    edit(sources, "points=4", "points=1")
    edit(sources, "points=6", "points=9")
    student = student_notebook(sources, read_lesson(sources.lessons / "01_toy.py"))
    assert by_id(student)["check-mean"].source.startswith("# Check: mean (1 point)\n")


def test_metadata_are_exactly_these(sources, lesson):
    student, solution = student_notebook(sources, lesson), solution_notebook(sources, lesson, "ab")
    own = {"format": 1, "lesson": "01_toy", "kind": "student"}
    assert student.metadata == {
        "course": own,
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert solution.metadata.course == {**own, "kind": "solution", "hash": "ab"}
    cells = by_id(student)
    fixed = {"schema_version": 3, "task": False}
    assert cells["exercise-mean"].metadata == {
        "course": {"role": "exercise", "exercise": "mean"},
        "nbgrader": {
            "grade": False, "grade_id": "exercise-mean", "locked": False, "solution": True, **fixed
        },
    }  # fmt: skip
    assert cells["check-mean"].metadata == {
        "course": {"role": "check", "exercise": "mean", "points": 4},
        "nbgrader": {
            "grade": True, "grade_id": "check-mean", "locked": True, "points": 4,
            "solution": False, **fixed,
        },
    }  # fmt: skip
    assert cells["harness-scaler"].metadata == {
        "course": {"role": "harness", "exercise": "scaler"},
        "nbgrader": {
            "grade": False, "grade_id": "harness-scaler", "locked": True, "solution": False, **fixed
        },
    }  # fmt: skip
    rest = [dict(cell.metadata) for cell in student.cells if "nbgrader" not in cell.metadata]
    ignored = {"tags": ["nbval-ignore-output"]}
    assert rest == [{}, {"course": {"role": "setup"}}, {}, {}, ignored]
    assert [cell.metadata for cell in solution.cells] == [cell.metadata for cell in student.cells]


def test_both_notebooks_are_valid_nbformat_4_5(sources, lesson):
    for notebook in (student_notebook(sources, lesson), solution_notebook(sources, lesson, "00")):
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)


def test_text_is_what_nbformat_writes_and_survives_a_round_trip(sources, lesson, tmp_path):
    notebook = student_notebook(sources, lesson)
    text = render(notebook)
    assert text == render(student_notebook(sources, lesson))
    nbformat.write(notebook, tmp_path / "same.ipynb")
    assert (tmp_path / "same.ipynb").read_text("utf-8") == text
    assert render(nbformat.reads(text, as_version=4)) == text
    assert text.endswith("}\n")


def test_ids_stay_when_a_cell_is_inserted_elsewhere(sources, lesson, edit):
    before = {cell.source: cell.id for cell in student_notebook(sources, lesson).cells}
    edit(sources, "# %% setup=true", "# %%\nprint('inserted')\n\n# %% setup=true")
    changed = student_notebook(sources, read_lesson(sources.lessons / "01_toy.py"))
    after = {cell.source: cell.id for cell in changed.cells}
    assert set(after) - set(before) == {"print('inserted')"}
    assert {source: after[source] for source in before} == before


def test_equal_cells_have_ids_of_their_own(sources, edit):
    edit(sources, "# %% setup=true", "# %%\n1 + 1\n\n# %%\n1 + 1\n\n# %%\n1 + 1\n\n# %% setup=true")
    notebook = student_notebook(sources, read_lesson(sources.lessons / "01_toy.py"))
    ids = [cell.id for cell in notebook.cells if cell.source == "1 + 1"]
    assert ids == [ids[0], f"{ids[0]}-2", f"{ids[0]}-3"]
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_repository_and_lesson_are_filled_in(sources, lesson):
    text = student_notebook(sources, lesson).cells[0].source
    assert "lives at https://example.org/course, this lesson is 01_toy." in text
