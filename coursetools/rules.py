"""The rules every lesson keeps, checked before anything is built from it."""

import dataclasses
import warnings
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT

from coursetools.regions import RegionError, check_regions, find_regions
from coursetools.source import Cell, Lesson

POINTS = 10


def ruled(lesson: Lesson) -> Lesson:
    """The lesson with its solution regions found; raises LessonError at the first broken rule."""
    lesson = dataclasses.replace(lesson, cells=tuple(_cell(lesson, c) for c in lesson.cells))
    _check_names(lesson)
    _check_order(lesson)
    _check_points(lesson)
    return lesson


def _cell(lesson: Lesson, cell: Cell) -> Cell:
    try:
        regions = find_regions(cell.source)
        if cell.role == "exercise" and not regions:
            raise RegionError(
                -1,
                f'exercise "{cell.exercise}" has no solution region, so there is nothing to '
                "blank; mark its solution with `### BEGIN SOLUTION` and `### END SOLUTION`.",
            )
        if cell.role != "exercise" and regions:
            raise RegionError(
                regions[0].begin,
                "a solution region outside an exercise cell is never graded; "
                'give the cell exercise="NAME" or remove the markers.',
            )
        if cell.kind == "code" and (wrong := _syntax_error(cell.source, plain=cell.graded)):
            raise RegionError(
                (wrong.lineno or 1) - 1,
                f"Python cannot read this code ({wrong.msg}), so the notebook would stop here; "
                "correct it.",
            )
        if regions:
            check_regions(cell.source, regions)
    except RegionError as error:
        raise lesson.error(cell.line + 1 + error.line, error.text) from None
    cell = dataclasses.replace(cell, regions=tuple(regions))
    if regions:
        _check_stub(lesson, cell)
    return cell


def _syntax_error(source: str, plain: bool) -> SyntaxError | None:
    try:
        _compile(source)
    except SyntaxError as error:
        return None if not plain and _is_magic(source) else error
    return None


def _compile(source: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        flags = PyCF_ALLOW_TOP_LEVEL_AWAIT
        compile(source + "\n", "<cell>", "exec", flags=flags, dont_inherit=True)


def _is_magic(source: str) -> bool:
    """Whether IPython reads what Python alone does not (`%matplotlib inline`)."""
    if not any(line.lstrip().startswith(("%", "!")) for line in source.split("\n")):
        return False
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        _compile(TransformerManager().transform_cell(source))
    except SyntaxError:
        return False
    return True


def _check_stub(lesson: Lesson, cell: Cell) -> None:
    if wrong := _syntax_error(cell.stub, plain=True):
        raise lesson.error(
            cell.line + 1 + cell.regions[0].begin,
            f'without its solution, exercise "{cell.exercise}" is not valid Python '
            f"({wrong.msg}), so a learner could not run it; "
            "let the markers enclose whole statements.",
        )


def _check_names(lesson: Lesson) -> None:
    first: dict[tuple[str, str], Cell] = {}
    for cell in (cell for cell in lesson.cells if cell.graded):
        key = (cell.role, cell.exercise)
        if key in first:
            raise lesson.error(
                cell.line,
                f'a second {cell.role} cell is named "{cell.exercise}" (the first: line '
                f"{first[key].line}), so graders could not tell them apart; "
                "rename it or join the two.",
            )
        first[key] = cell


def _check_order(lesson: Lesson) -> None:
    """Refuse what lacks its counterpart, then what stands before it."""
    place = {(c.role, c.exercise): n for n, c in enumerate(lesson.cells) if c.graded}
    for cell in lesson.cells:
        name = cell.exercise
        if cell.role in ("check", "harness") and ("exercise", name) not in place:
            raise lesson.error(
                cell.line,
                f'there is no exercise "{name}" for this {cell.role} cell to belong to; '
                f'name one of the lesson\'s exercises or add exercise="{name}".',
            )
    for cell in lesson.cells:
        name = cell.exercise
        if cell.role == "exercise" and ("check", name) not in place:
            raise lesson.error(
                cell.line,
                f'exercise "{name}" has no check, so it could not be graded; '
                f'add a cell with checks="{name}" points=N.',
            )
        for role in ("exercise", "harness") if cell.role == "check" else ():
            if place.get((role, name), -1) > place["check", name]:
                raise lesson.error(
                    cell.line,
                    f'the check of "{name}" stands before its {role} cell, so running the '
                    "notebook from the top fails; move it below.",
                )


def _check_points(lesson: Lesson) -> None:
    total = sum(lesson.points.values())
    if total != POINTS:
        line = max((c.line for c in lesson.cells if c.role == "check"), default=1)
        listed = ", ".join(f"{name} {points}" for name, points in lesson.points.items())
        raise lesson.error(
            line,
            f"the points add up to {total} ({listed or 'no check cell'}), but every lesson is "
            f"worth {POINTS}; change points=N on the check cells.",
        )
