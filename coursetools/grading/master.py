"""What the course itself says of a lesson: the only source of setup, harnesses, checks, points."""

from dataclasses import dataclass
from pathlib import Path

import nbformat

from coursetools.errors import CourseError


@dataclass(frozen=True)
class Exercise:
    """One exercise: `stub` is its blank, `harness` what the check asks through, "" for none."""

    name: str
    points: int
    stub: str
    harness: str
    check: str


@dataclass(frozen=True)
class Master:
    """A lesson as graded: what is run before any exercise, and the exercises in order."""

    lesson: str
    setup: str
    exercises: tuple[Exercise, ...]
    sources: frozenset[str]


def read_master(path: Path) -> Master:
    """The master of a lesson from its built student notebook. Raises CourseError if it is none."""
    notebook = nbformat.read(path, nbformat.NO_CONVERT)
    own = notebook.metadata.get("course")
    if not own or "lesson" not in own:
        raise CourseError(f"{path} is no notebook that coursetools built; run coursetools build.")
    roles: dict[tuple[str, str | None], nbformat.NotebookNode] = {}
    for cell in notebook.cells:
        role = cell.metadata.get("course", {})
        if "role" in role:
            roles[role["role"], role.get("exercise")] = cell
    exercises = tuple(
        Exercise(
            name,
            roles["check", name].metadata.course.points,
            cell.source,
            roles["harness", name].source if ("harness", name) in roles else "",
            roles["check", name].source,
        )
        for (role, name), cell in roles.items()
        if role == "exercise"
    )
    setup = roles["setup", None].source if ("setup", None) in roles else ""
    sources = frozenset(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return Master(own["lesson"], setup, exercises, sources)
