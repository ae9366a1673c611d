"""`coursetools check` sees every drift between lessons and notebooks, and every leak."""

import json

import pytest

from coursetools.check import check
from coursetools.leaks import leak_problems, secret_lines
from coursetools.source import read_lesson

SECRET = "return accumulated / len(values)"


def change(path, edit):
    notebook = json.loads(path.read_text("utf-8"))
    edit(notebook)
    path.write_text(json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def code(notebook, count):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"][count]


def test_a_built_course_has_no_problem(built):
    assert check(built) == []


def test_rewriting_the_same_json_is_no_problem(built):
    change(built.solutions / "01_toy.ipynb", lambda notebook: None)
    assert check(built) == []


SOLUTION_DRIFT = {
    "source": (lambda n: code(n, 1)["source"].append("\n# x"), "source differs"),
    "id": (lambda n: code(n, 1).update(id="other"), "id differs"),
    "cell metadata": (lambda n: code(n, 1)["metadata"].update(tags=["x"]), "metadata differs"),
    "cell lost": (lambda n: n["cells"].pop(), "9 cells, but the lesson has 10"),
    "notebook metadata": (lambda n: n["metadata"].update(widgets={}), "notebook metadata differ"),
    "hash": (lambda n: n["metadata"]["course"].update(hash="0"), "hash differs"),
    "not executed": (lambda n: code(n, 3).update(execution_count=None), "not executed in order"),
    "stderr": (
        lambda n: code(n, 1)["outputs"].append(
            {"output_type": "stream", "name": "stderr", "text": ["x"]}
        ),
        "differ by machine",
    ),
    "error": (
        lambda n: code(n, 1)["outputs"].append(
            {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["E: "]}
        ),
        "holds an error output",
    ),
    "version": (lambda n: n["metadata"]["language_info"].update(version="3"), "metadata differ"),
}


@pytest.mark.parametrize("case", SOLUTION_DRIFT)
def test_a_solution_out_of_step_is_one_line(case, built):
    edit, words = SOLUTION_DRIFT[case]
    change(built.solutions / "01_toy.ipynb", edit)
    (problem,) = check(built)
    assert problem.startswith("solutions/01_toy.ipynb: ")
    assert words in problem
    assert "coursetools build 01_toy" in problem


def test_a_student_notebook_is_compared_byte_for_byte(built):
    path = built.notebooks / "01_toy.ipynb"
    path.write_text(path.read_text() + "\n")
    (problem,) = check(built)
    assert problem.startswith("notebooks/01_toy.ipynb: not what lessons/01_toy.py builds")


def test_missing_damaged_and_stray_notebooks_are_named(built):
    (built.notebooks / "01_toy.ipynb").rename(built.notebooks / "02_old.ipynb")
    (built.solutions / "01_toy.ipynb").write_text("[")
    problems = "\n".join(check(built))
    assert "notebooks/01_toy.ipynb: missing" in problems
    assert "solutions/01_toy.ipynb: no readable notebook" in problems
    assert "notebooks/02_old.ipynb: belongs to no lesson" in problems


def test_a_changed_lesson_puts_both_notebooks_out_of_step(built, edit):
    edit(built, "total = sum([1, 2, 3])", "total = sum([1, 2, 4])")
    assert [problem.split(":")[0] for problem in check(built)] == [
        "notebooks/01_toy.ipynb",
        "solutions/01_toy.ipynb",
    ]


def test_a_lesson_that_breaks_a_rule_is_a_problem_beside_others(built, edit):
    edit(built, "points=4", "points=3")
    (built.notebooks / "02_old.ipynb").write_text("{}")
    first, second = check(built)
    assert first.startswith("lessons/01_toy.py:")
    assert second.startswith("notebooks/02_old.ipynb")


def leaks(course):
    return leak_problems(course, [read_lesson(course.lessons / "01_toy.py")])


PLANTED = {
    "in code": lambda n: code(n, 1)["source"].append(f"\n# {SECRET}"),
    "in text": lambda n: n["cells"][0]["source"].append(f"\nWrite `{SECRET}` there."),
    "in an output": lambda n: code(n, 1)["outputs"].append(
        {"output_type": "stream", "name": "stdout", "text": [f"  {SECRET}\n"]}
    ),
    "in cell metadata": lambda n: code(n, 1)["metadata"].update(hint=SECRET),
    "in a metadata key": lambda n: n["metadata"].update({SECRET: 1}),
    "with other blanks": lambda n: code(n, 1)["source"].append(SECRET.replace(" ", "\t  ")),
}


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_solution_line_is_found(case, built):
    assert leaks(built) == []
    change(built.notebooks / "01_toy.ipynb", PLANTED[case])
    (problem,) = leaks(built)
    assert problem.startswith(
        "notebooks/01_toy.ipynb: shows a line of a solution in lessons/01_toy"
    )
    assert SECRET in problem


def test_a_leak_is_found_without_the_solutions_comment(built):
    change(
        built.notebooks / "01_toy.ipynb",
        lambda n: code(n, 1)["source"].append("\naccumulated = sum(values)"),
    )
    (problem,) = leaks(built)
    assert "`accumulated = sum(values)`" in problem


def test_a_leak_is_found_in_stray_and_in_damaged_notebooks(built):
    (built.notebooks / "99_copy.ipynb").write_text(f"{{ {SECRET}")
    (problem,) = leaks(built)
    assert problem.startswith("notebooks/99_copy.ipynb")


def test_short_and_public_lines_are_no_secret(built, edit):
    edit(built, "accumulated / len(values)", "x / 3")
    edit(built, "total = sum([1, 2, 3])", "self_hidden = 1\naccumulated = sum(values)")
    secrets = secret_lines(read_lesson(built.lessons / "01_toy.py"))
    assert "return x / 3" in secrets
    assert "accumulated = sum(values)" not in secrets
    assert all(len(line) >= 12 for line in secrets)


def test_a_part_of_a_longer_name_is_no_leak(built, edit):
    edit(built, "accumulated / len(values)", "accumulated")
    change(
        built.notebooks / "01_toy.ipynb",
        lambda n: code(n, 1)["source"].append("\nreturn accumulated_sum"),
    )
    assert leaks(built) == []


def test_text_cells_need_be_no_python(built, edit):
    edit(built, "# # What is a mean?", "# # What is a mean?\n# Not $f(Z')$, nor (this.")
    assert SECRET in secret_lines(read_lesson(built.lessons / "01_toy.py"))
