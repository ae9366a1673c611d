"""Every lesson as a whole: in step with its notebooks, 10 points, and a lab that stands alone."""

import re
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("jupytext")

from coursetools.check import check
from coursetools.course import Course
from coursetools.run import run_checks, run_student
from coursetools.source import read_lesson

COURSE = Course(Path(__file__).resolve().parent.parent.parent)
LESSONS = [pytest.param(path, id=path.stem) for path in COURSE.lesson_paths()]


def test_notebooks_and_solutions_are_in_step_with_the_lessons():
    assert check(COURSE) == []


@pytest.mark.parametrize("path", LESSONS)
def test_the_lab_is_worth_ten_points(path):
    assert sum(read_lesson(path).points.values()) == 10


@pytest.mark.parametrize("path", LESSONS)
@pytest.mark.parametrize("backend", ["tensorflow", pytest.param("jax", marks=pytest.mark.jax)])
def test_the_lab_needs_the_setup_and_harness_cells_alone(path, backend):
    assert run_checks(COURSE, read_lesson(path), backend, profile="quick").errors == []


@pytest.mark.jax
@pytest.mark.parametrize("path", LESSONS)
def test_an_untouched_notebook_fails_in_its_checks_alone_on_jax(path):
    assert run_student(COURSE, read_lesson(path), "jax", profile="quick").errors == []


@pytest.mark.parametrize("path", LESSONS)
def test_no_line_of_a_paragraph_is_read_as_a_list(path):
    """A wrapped line that begins with "- " or "1. " ends its paragraph, and the formula in it."""
    notebook = nbformat.read(COURSE.notebooks / f"{path.stem}.ipynb", as_version=4)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert [line for text in texts for line in torn(text)] == []


def torn(text):
    """The lines of a Markdown text at which a list interrupts a paragraph."""
    text = re.sub(r"\$\$.*?\$\$", "$$", text, flags=re.DOTALL)
    item, found, before = re.compile(r"([-+*]|1[.)]) "), [], ""
    for line in text.splitlines():
        plain = before and not re.match(r"\s|#|\||([-+*]|\d+[.)]) ", before)
        if plain and item.match(line):
            found.append(line)
        before = line
    return found


def test_a_torn_paragraph_is_seen():
    assert torn("as in section\n1. Here") == ["1. Here"]
    assert torn("$\\log(1\n- D)$ is") == ["- D)$ is"]
    assert torn("Two:\n\n- one\n  and more\n- two\n\n$$a\n- b$$") == []


@pytest.mark.parametrize("path", LESSONS)
def test_no_output_is_a_wall_of_text(path):
    notebook = nbformat.read(COURSE.solutions / f"{path.stem}.ipynb", as_version=4)
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    pictured = [any(k != "text/plain" for k in out.get("data", {})) for out in outputs]
    texts = [out.get("text") or out.get("data", {}).get("text/plain", "") for out in outputs]
    assert max(len(t) for t, p in zip(texts, pictured, strict=True) if not p) < 2000
