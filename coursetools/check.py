"""Whether notebooks/ and solutions/ are in step with the lessons, leak nothing, can be graded."""

from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from coursetools.course import Course
from coursetools.errors import CourseError
from coursetools.fingerprint import fingerprint
from coursetools.leaks import leak_problems
from coursetools.notebooks import render, solution_notebook, student_notebook
from coursetools.outputs import scrub
from coursetools.source import Lesson, read_lesson


def check(
    course: Course, graded: bool = False, on_lesson: Callable[[str], None] = lambda name: None
) -> list[str]:
    """Everything that is out of step, one line each; an empty list proves the course whole.

    Nothing is executed, but if `graded`: then each lesson whose notebooks are in step is graded,
    solved and blank. `on_lesson` is called with its name where that was not proved before.
    """
    problems, lessons, in_step = [], [], []
    for path in course.select(()):
        try:
            lesson = read_lesson(path, course.shown(path))
            found = student_problems(course, lesson) + solution_problems(course, lesson)
            lessons.append(lesson)
            problems += found
            in_step += [] if found else [lesson]
        except CourseError as error:
            problems.append(str(error))
    problems += stray_problems(course) + leak_problems(course, lessons)
    if not graded:
        return problems
    from coursetools.grading.proofs import grading_problems

    return problems + grading_problems(course, in_step, on_lesson)


def student_problems(course: Course, lesson: Lesson) -> list[str]:
    """Whether the student notebook is, byte for byte, what the lesson builds."""
    path = course.notebooks / f"{lesson.name}.ipynb"
    wanted = render(student_notebook(course, lesson)).encode()
    if not path.is_file():
        return [_missing(course, path, lesson)]
    if path.read_bytes() != wanted:
        return [f"{course.shown(path)}: not what {lesson.shown} builds; {_cure(lesson)}"]
    return []


def solution_problems(course: Course, lesson: Lesson) -> list[str]:
    """Whether the solution notebook has the lesson's cells and hash, and clean, full outputs."""
    path = course.solutions / f"{lesson.name}.ipynb"
    shown = course.shown(path)
    wanted = solution_notebook(course, lesson, fingerprint(course, lesson))
    if not path.is_file():
        return [_missing(course, path, lesson)]
    try:
        text = path.read_bytes().decode("utf-8")
        found = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
        problem = _first_difference(found, wanted) or _output_problem(found)
        if not problem and render(found) != text:
            problem = "not written as the build writes it"
    except Exception as error:  # nbformat meets damage with many kinds of exception.
        problem = f"no readable notebook ({str(error).splitlines()[0] if str(error) else error!r})"
    return [f"{shown}: {problem}; {_cure(lesson)}"] if problem else []


def _first_difference(found: NotebookNode, wanted: NotebookNode) -> str | None:
    if found.metadata != wanted.metadata:
        ours, theirs = (dict(n.metadata.get("course", {})) for n in (wanted, found))
        stale = ours.pop("hash") != theirs.pop("hash", None) and ours == theirs
        if stale:
            return "executed from another state of the lesson or of dlutils/ (hash differs)"
        return "notebook metadata differ from what the lesson builds"
    if (found.nbformat, found.nbformat_minor) != (wanted.nbformat, wanted.nbformat_minor):
        return f"notebook format {found.nbformat}.{found.nbformat_minor}, not 4.5"
    for count, (one, other) in enumerate(zip(found.cells, wanted.cells, strict=False)):
        for key in ("cell_type", "id", "source", "metadata"):
            if one.get(key) != other[key]:
                return f"cell {count} ({other.id}): {key} differs from the lesson's"
    if len(found.cells) != len(wanted.cells):
        return f"{len(found.cells)} cells, but the lesson has {len(wanted.cells)}"
    return None


def _output_problem(found: NotebookNode) -> str | None:
    code = [(n, cell) for n, cell in enumerate(found.cells) if cell.cell_type == "code"]
    for count, (n, cell) in enumerate(code, start=1):
        where = f"cell {n} ({cell.id})"
        if cell.execution_count != count:
            return f"{where}: not executed in order (count {cell.execution_count}, not {count})"
        raises = {"raises-exception", "nbval-raises-exception"} & set(cell.metadata.get("tags", []))
        if not raises and any(output.output_type == "error" for output in cell.outputs):
            return f"{where}: holds an error output"
        if scrub(cell.outputs) != cell.outputs:
            return f"{where}: holds outputs that differ by machine (stderr, widget or PNG notes)"
    return None


def stray_problems(course: Course) -> list[str]:
    """Notebooks that belong to no lesson."""
    names = {path.stem for path in course.lesson_paths()}
    return [
        f"{course.shown(path)}: belongs to no lesson in lessons/; remove it or write its lesson"
        for folder in (course.notebooks, course.solutions)
        for path in sorted(folder.glob("*.ipynb"))
        if path.stem not in names
    ]


def _missing(course: Course, path: Path, lesson: Lesson) -> str:
    return f"{course.shown(path)}: missing; {_cure(lesson)}"


def _cure(lesson: Lesson) -> str:
    return f"run `coursetools build {lesson.name}`"
