"""nbgrader takes our solutions as they are: as source notebooks, and as submissions."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed (pip install '.[nbgrader]')")

ROOT = Path(__file__).parents[2]
SLOW = "COURSETOOLS_SLOW"


def nbgrader(folder, course, *words):
    """Run nbgrader in `folder` on the library of `course`, with nbgrader's own settings."""
    programs = str(Path(sys.executable).parent)  # nbgrader calls alembic by its name
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(course.root),
        "DLUTILS_PROFILE": "quick",
        "JUPYTER_DATA_DIR": str(folder / "jupyter"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture
def released(tmp_path):
    """`released(course, lesson)`: nbgrader's folder, the release generated from our solution."""

    def make(course, lesson):
        folder = tmp_path / "nbgrader"
        (folder / "source" / lesson).mkdir(parents=True)
        shutil.copy(course.solutions / f"{lesson}.ipynb", folder / "source" / lesson)
        nbgrader(folder, course, "generate_assignment", lesson)
        return folder

    return make


def compared(course, lesson, folder):
    """(released, ours) as what matters of each cell; nbgrader's own stub has a call in it."""
    found = nbformat.read(folder / "release" / lesson / f"{lesson}.ipynb", 4)
    ours = nbformat.read(course.notebooks / f"{lesson}.ipynb", 4)

    def parts(notebook):
        return [
            (
                cell.cell_type,
                cell.id,
                cell.source.replace("raise NotImplementedError()", "raise NotImplementedError"),
                cell.metadata.get("course"),
                cell.metadata.get("tags"),
                cell.get("outputs", []),
            )
            for cell in notebook.cells
        ]

    return parts(found), parts(ours)


def points(course, lesson, folder):
    """What nbgrader's autograder gives our solution and our student notebook."""
    from nbgrader.api import Gradebook

    for student, notebooks in (("ann", course.solutions), ("bob", course.notebooks)):
        (folder / "submitted" / student / lesson).mkdir(parents=True)
        target = folder / "submitted" / student / lesson
        shutil.copy(notebooks / f"{lesson}.ipynb", target)
    nbgrader(folder, course, "autograde", lesson, "--Execute.timeout=600")
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        found = book.assignment_submissions(lesson)
        return {one.student.id: (one.score, one.max_score) for one in found}


def test_a_release_is_our_student_notebook(built, released):
    found, ours = compared(built, "01_toy", released(built, "01_toy"))
    assert found == ours


def test_autograde_gives_the_solution_all_points_and_the_blank_none(built, released):
    folder = released(built, "01_toy")
    assert points(built, "01_toy", folder) == {"ann": (10, 10), "bob": (0, 10)}


@pytest.mark.skipif(SLOW not in os.environ, reason=f"takes five minutes: set {SLOW}=1 to run it")
def test_lesson_05_is_released_and_graded_too(released):
    from coursetools.course import Course

    course = Course(ROOT)
    folder = released(course, "05_cnns")
    found, ours = compared(course, "05_cnns", folder)
    assert found == ours
    assert points(course, "05_cnns", folder) == {"ann": (10, 10), "bob": (0, 10)}
