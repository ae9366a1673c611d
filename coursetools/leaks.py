"""The leak test: no line of a solution stands in any notebook that learners open."""

import json
import re
from pathlib import Path

from coursetools.course import Course
from coursetools.regions import solution_lines
from coursetools.source import Lesson

# Shorter lines (`return total`) are anybody's.
SHORTEST = 12


def leak_problems(course: Course, lessons: list[Lesson]) -> list[str]:
    """One line for each solution line found in notebooks/: in code, text, outputs or metadata.

    A line that also stands in code outside the solution regions, of its own lesson or of the
    lesson whose notebook is searched, is public and leaks nothing.
    """
    public = {lesson.name: _squeeze(_public_code(lesson)) for lesson in lessons}
    problems = []
    for path in sorted(course.notebooks.glob("*.ipynb")):
        text = _squeeze(_text(path))
        own = public.get(path.stem, "")
        for lesson in lessons:
            for line in secret_lines(lesson):
                if _found(line, text) and not _found(line, own):
                    problems.append(
                        f"{course.shown(path)}: shows a line of a solution in {lesson.shown}, "
                        f"`{line}`; rebuild the notebook, or reword the text that gives it away"
                    )
    return problems


def secret_lines(lesson: Lesson) -> list[str]:
    """Solution lines, stripped, of at least 12 characters, that no public code holds."""
    public = _squeeze(_public_code(lesson))
    lines = dict.fromkeys(
        _squeeze(line)
        for cell in lesson.cells
        if cell.regions  # a text cell is no Python to take apart
        for line in solution_lines(cell.source, list(cell.regions))
    )
    return [line for line in lines if len(line) >= SHORTEST and not _found(line, public)]


def _public_code(lesson: Lesson) -> str:
    return "\n".join(cell.stub for cell in lesson.cells if cell.kind == "code")


def _text(path: Path) -> str:
    """Every string in the notebook, or the raw text where it is no JSON."""
    raw = path.read_bytes().decode("utf-8", "replace")
    try:
        return "\n".join(_strings(json.loads(raw)))
    except (ValueError, RecursionError):
        return raw


def _strings(value) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in _strings(part)]
    return []


def _squeeze(text: str) -> str:
    """Runs of blanks as one, so that new indentation or alignment hides nothing."""
    return re.sub(r"[ \t]+", " ", text)


def _found(line: str, text: str) -> bool:
    """Whether the line stands in the text, not as a part of longer words."""
    if line not in text:
        return False
    return re.search(rf"(?<!\w){re.escape(line)}(?!\w)", text) is not None
