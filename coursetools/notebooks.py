"""The two notebooks of a lesson, built but not yet executed."""

import hashlib

import nbformat
from nbformat import NotebookNode, v4

from coursetools.course import Course
from coursetools.source import Cell, Lesson

FORMAT = 1
_TITLES = {"exercise": "Exercise", "check": "Check", "harness": "Harness"}


def student_notebook(course: Course, lesson: Lesson) -> NotebookNode:
    """What a learner opens: exercises blank, no outputs."""
    return _notebook(course, lesson, "student", lambda cell: cell.stub)


def solution_notebook(course: Course, lesson: Lesson, hash: str) -> NotebookNode:
    """The solved notebook, still to be executed; `hash` is the lesson's fingerprint.

    The markers of solutions stay: by them `nbgrader generate_assignment` blanks what we blank.
    """
    notebook = _notebook(course, lesson, "solution", lambda cell: cell.source)
    notebook.metadata.course["hash"] = hash
    return notebook


def render(notebook: NotebookNode) -> str:
    """The notebook's text, the same on every machine: sorted keys, indent 1, a final newline."""
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def _notebook(course: Course, lesson: Lesson, kind: str, source_of) -> NotebookNode:
    cells = []
    for cell, id in zip(lesson.cells, _ids(lesson), strict=True):
        new = v4.new_code_cell if cell.kind == "code" else v4.new_markdown_cell
        text = _titled(lesson, cell, source_of(cell))
        source = _filled(course, lesson, cell, text)
        cells.append(new(source, id=id, metadata=_metadata(cell)))
    metadata = {
        "course": {"format": FORMAT, "lesson": lesson.name, "kind": kind},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook = v4.new_notebook(cells=cells, metadata=metadata)
    notebook.nbformat_minor = 5
    return notebook


def _ids(lesson: Lesson) -> list[str]:
    """A name for graded cells, else a hash of the source: stable when other cells change."""
    ids, seen = [], {}
    for cell in lesson.cells:
        if cell.graded:
            ids.append(f"{cell.role}-{cell.exercise}")
            continue
        digest = hashlib.sha256(f"{cell.kind}\n{cell.source}".encode()).hexdigest()[:12]
        seen[digest] = seen.get(digest, 0) + 1
        ids.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return ids


def _titled(lesson: Lesson, cell: Cell, source: str) -> str:
    if not cell.graded:
        return source
    title = f"# {_TITLES[cell.role]}: {cell.exercise}"
    if cell.role != "harness":
        points = lesson.points[cell.exercise]
        title += f" ({points} point{'' if points == 1 else 's'})"
    return f"{title}\n{source}"


def _filled(course: Course, lesson: Lesson, cell: Cell, source: str) -> str:
    if "{{repository}}" in source and not course.repository:
        before = cell.source[: cell.source.find("{{repository}}")]
        raise lesson.error(
            cell.line + 1 + before.count("\n"),
            "{{repository}} stands here, but pyproject.toml does not say what to put in its "
            'place; set repository = "https://..." under [tool.coursetools].',
        )
    source = source.replace("{{repository}}", course.repository or "")
    return source.replace("{{lesson}}", lesson.name)


def _metadata(cell: Cell) -> dict:
    metadata: dict = {}
    if cell.tags:
        metadata["tags"] = list(cell.tags)
    if cell.role:
        own = {"role": cell.role, "exercise": cell.exercise, "points": cell.points}
        metadata["course"] = {key: value for key, value in own.items() if value is not None}
    if cell.graded:
        metadata["nbgrader"] = _nbgrader(cell)
    return metadata


def _nbgrader(cell: Cell) -> dict:
    """Schema 3 of nbgrader's cell metadata: all is locked but the exercise."""
    metadata = {
        "grade": cell.role == "check",
        "grade_id": f"{cell.role}-{cell.exercise}",
        "locked": cell.role != "exercise",
        "schema_version": 3,
        "solution": cell.role == "exercise",
        "task": False,
    }
    if cell.role == "check":
        metadata["points"] = cell.points
    return metadata
