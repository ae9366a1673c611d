"""A lesson's source: jupytext py:percent text, read into cells that have a role."""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

import jupytext

from coursetools.errors import CourseError, LessonError
from coursetools.regions import Region, blank, unmark

_CELL_LINE = re.compile(r"^\s*#\s*%%(?:%*\s.*)?$")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")
_ROLES = {"exercise": "exercise", "checks": "check", "harness": "harness", "setup": "setup"}
_OPTIONS = {"code": ("exercise", "checks", "harness", "setup", "points", "tags")}
_OPTIONS["markdown"] = ("tags",)
# What jupytext notes about the text's layout, which is no option of ours.
_LAYOUT = ("lines_to_next_cell", "cell_marker")


@dataclass(frozen=True)
class Cell:
    """One cell: `line` is its `# %%` line in the lesson (from 1), the source begins on the next."""

    kind: str
    source: str
    line: int
    role: str | None = None
    exercise: str | None = None
    points: int | None = None
    tags: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()

    @property
    def graded(self) -> bool:
        return self.role in ("exercise", "check", "harness")

    @property
    def stub(self) -> str:
        """The source that a learner sees."""
        return blank(self.source, list(self.regions))

    @property
    def solved(self) -> str:
        """The source without solution markers."""
        return unmark(self.source, list(self.regions))


@dataclass(frozen=True)
class Lesson:
    """A lesson that keeps every rule of the course; `shown` is its path in messages."""

    name: str
    shown: str
    text: str
    cells: tuple[Cell, ...]

    @property
    def points(self) -> dict[str, int]:
        """Points by exercise."""
        return {cell.exercise: cell.points for cell in self.cells if cell.role == "check"}

    def error(self, line: int, text: str) -> LessonError:
        return LessonError(self.shown, line, text)


def read_lesson(path: Path, shown: str | None = None) -> Lesson:
    """Read a lesson and refuse, with its line, whatever breaks a rule (see `rules`)."""
    from coursetools.rules import ruled

    shown = shown or f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{shown} cannot be read ({error}); it must be UTF-8 text.") from None
    return ruled(Lesson(path.stem, shown, text, _cells(text, shown)))


def _cells(text: str, shown: str) -> tuple[Cell, ...]:
    lines = text.split("\n")
    start = _after_header(lines)
    starts = [n for n in range(start, len(lines)) if _CELL_LINE.match(lines[n])]
    before = lines[start : starts[0] if starts else len(lines)]
    for number, line in enumerate(before, start=start + 1):
        if line.strip():
            raise LessonError(
                shown,
                number,
                "text before the first `# %%` line would become a cell of its own; "
                "move it into a cell.",
            )
    body = "\n".join(lines[starts[0] :]) if starts else ""
    nodes = _nodes(body, starts, lines, shown) if starts else []
    if not starts or len(nodes) != len(starts):
        raise LessonError(
            shown,
            1,
            f"{len(starts)} lines begin a cell (`# %%`) but jupytext reads {len(nodes)} cells; a "
            "`# %%` inside a string or a fence, or a line `# In[1]:`, is the usual cause: "
            "write it otherwise.",
        )
    return tuple(_cell(node, n + 1, shown) for node, n in zip(nodes, starts, strict=True))


def _nodes(body: str, starts: list[int], lines: list[str], shown: str) -> list:
    try:
        return jupytext.reads(body, fmt="py:percent").cells
    except Exception as error:  # jupytext passes on whatever nbformat finds wrong.
        culprit, line = error, 1
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        try:
            jupytext.reads("\n".join(lines[start:end]), fmt="py:percent")
        except Exception as error:
            culprit, line = error, start + 1
            break
    raise LessonError(
        shown,
        line,
        f"no notebook can hold this cell ({str(culprit).splitlines()[0]}); mend its options.",
    )


def _after_header(lines: list[str]) -> int:
    """The number of lines of jupytext's YAML header, 0 without one."""
    if lines and lines[0].strip() == "# ---":
        for number, line in enumerate(lines[1:], start=1):
            if line.strip() == "# ---":
                return number + 1
    return 0


def _cell(node, line: int, shown: str) -> Cell:
    def refuse(text):
        raise LessonError(shown, line, text)

    if node.cell_type not in _OPTIONS:
        refuse(f"a {node.cell_type} cell has no place in a lesson; use code or [markdown].")
    if not node.source.strip():
        refuse("this cell is empty, so a learner meets a gap; fill it or remove it.")
    options = {key: value for key, value in node.metadata.items() if key not in _LAYOUT}
    for option in options:
        if option not in _OPTIONS[node.cell_type]:
            refuse(_unknown(option, options[option], node.cell_type))
    role, exercise = _role(options, refuse)
    points, tags = options.get("points"), options.get("tags", [])
    if points is not None and role != "check":
        refuse("points stand on check cells only, or they would count twice; move them there.")
    if role == "check" and points is None:
        refuse(f'the check of "{exercise}" has no points, so it cannot be graded; add points=N.')
    if points is not None and (type(points) is not int or points < 1):
        refuse(f"points={points!r} is no whole number of at least 1; write e.g. points=2.")
    return Cell(node.cell_type, node.source, line, role, exercise, points, tuple(tags))


def _unknown(option: str, value, kind: str) -> str:
    if option == "incorrectly_encoded_metadata":
        return f'the cell options `{value}` cannot be read; write them as name="value".'
    close = difflib.get_close_matches(option, _OPTIONS[kind], n=1)
    known = f"did you mean `{close[0]}`?" if close else f"known are {', '.join(_OPTIONS[kind])}."
    shown = value if option == "title" else option
    return f"unknown option `{shown}` on a {kind} cell would be lost in the notebook; {known}"


def _role(options: dict, refuse) -> tuple[str | None, str | None]:
    given = [option for option in _ROLES if option in options]
    if len(given) > 1:
        refuse(f"a cell is one of {' and '.join(given)}, not several; split it.")
    if not given:
        return None, None
    option, value = given[0], options[given[0]]
    if option == "setup":
        if value is not True:
            refuse(f"setup={value!r} means nothing; write setup=true or leave it out.")
        return "setup", None
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        refuse(
            f"{option}={value!r} is no name that a cell id can carry; use at most 50 of a-z, 0-9, "
            '"_" and "-", a letter first.'
        )
    return _ROLES[option], value
