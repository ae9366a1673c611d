"""Every lesson as a whole: in step with its notebooks, 10 points, and a lab that stands alone."""

from pathlib import Path

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
