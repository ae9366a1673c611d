"""What of the master's was deleted, edited, doubled, relabelled or moved: said, never obeyed."""

import re

from coursetools.grading.master import Exercise
from coursetools.grading.matching import Book, Cell
from coursetools.grading.syntax import Code

_EXERCISE = re.compile(r"exercise-([a-z][a-z0-9_-]{0,40})")
_GRADED = re.compile(r"(exercise|check|harness)-([a-z][a-z0-9_-]{0,40})")
# Tags that make some tool pass over a cell, or over what it raises.
_SKIPPING = re.compile(r"nbval|raises|skip|ignore", re.IGNORECASE)
_HOW = {"the setup cell": "changed or deleted"}  # it bears no name by which to tell
_FLAGS = {
    "check": {"grade": True, "locked": True, "solution": False},
    "harness": {"grade": False, "locked": True, "solution": False},
    "exercise": {"grade": False, "locked": False, "solution": True},
}


def deviations(book: Book):
    """Remarks, each one sentence: what differs, and what was done instead."""
    master, lesson = book.master, book.hand_in.lesson
    locked = [(*names, Code(text)) for *names, text in _locked(book)]
    found = {(kind, name): _of(book, kind, name, code) for kind, name, code in locked}
    if lesson not in (None, master.lesson):
        yield f"the notebook says that it is lesson {lesson[:60]}, not {master.lesson}"
    if not any(book.candidates.values()) and not any(same for same, _ in found.values()):
        yield f"nothing of lesson {master.lesson} is in this notebook: is it the right one?"
        return
    for kind, name, code in locked:
        yield from _changed(book, _title(kind, name), code, *found[kind, name])
    for (kind, name), (same, called) in found.items():
        exercise = next((e for e in master.exercises if e.name == name), None)
        for cell in dict.fromkeys(
            [*same, *(c for c in called if c.called(kind, name) != "marker")]
        ):
            yield from _relabelled(cell, kind, exercise)
            yield from _misnamed(cell, kind, name)
    for exercise in master.exercises:
        yield from _answered(book, exercise)
    yield from _moved(book, {key: same or called for key, (same, called) in found.items()})
    yield from _unknown(book)


def _locked(book: Book):
    """(kind, exercise, text) of the cells that are the master's."""
    if book.master.setup:
        yield "setup", "", book.master.setup
    for exercise in book.master.exercises:
        if exercise.harness:
            yield "harness", exercise.name, exercise.harness
        yield "check", exercise.name, exercise.check


def _of(book: Book, kind: str, name: str, code: Code) -> tuple[list[Cell], list[Cell]]:
    """The cells that say the same as one of the master's, and others that bear its name."""
    same = [cell for cell in book.cells if cell.code.same_as(code)]
    there = {cell.number for cell in same}
    rest = [cell for cell in (*book.cells, *book.parked) if cell.number not in there]
    called = [cell for cell in rest if cell.called(kind, name)]
    if kind != "setup":  # a check that bears another's name, but says whose it is in its first line
        called = [c for c in called if not _is_another(c, kind, name)]
    return same, called


def _is_another(cell: Cell, kind: str, name: str) -> bool:
    marked = {mark for mark in cell.code.marks if mark[0] == kind}
    return bool(marked) and (kind, name) not in marked


def _title(kind: str, name: str) -> str:
    return "the setup cell" if kind == "setup" else f"the {kind} of {name}"


def _changed(book: Book, title: str, code: Code, same: list[Cell], called: list[Cell]):
    count = len(same) + len(called)
    if not same:  # merged with other code?
        called = [c for c in book.cells if c.code.holds(code)][:1] or called
    if count > 1:
        yield f"{title} stands there {count} times; the course's own was used, once"
    elif same:
        return
    elif not called:
        yield f"{title} was {_HOW.get(title, 'deleted')}; the course's own was used"
    else:
        where = f"{title} (cell {called[0].number})"
        if called[0].handed.kind != "code":
            what = "is no code cell"
        else:
            what = "holds more than it should" if called[0].code.holds(code) else "was changed"
        yield f"{where} {what}; the course's own was used"


def _relabelled(cell: Cell, kind: str, exercise: Exercise | None):
    """Points, labels and tags of one cell."""
    name, labels = exercise.name if exercise else "", cell.handed.labels
    where = f"{_title(kind, name)} (cell {cell.number})"
    points = [value for key, value in labels if key == "points"]
    if exercise and kind == "check" and points not in ([], [exercise.points]):
        yield f"the points of {name} were changed; the course's {exercise.points} count"
    expected = _FLAGS.get(kind, {})
    if any(expected.get(key, value) != value for key, value in labels):
        yield f"{where} was marked up anew; the course's own marks count"
    if any(key == "tag" and _SKIPPING.search(value) for key, value in labels):
        yield f"{where} is tagged so that tools pass over it; it was used all the same"


def _misnamed(cell: Cell, kind: str, name: str):
    """The name that a cell bears, if it is that of another cell."""
    named = _GRADED.fullmatch(cell.handed.grade_id or "")
    if not named or named.groups() == (kind, name):
        return
    if (kind, named[1]) == ("exercise", "exercise") and named[2] in cell.code.binds:
        return  # two exercises in one cell
    where = f"{_title(kind, name)} (cell {cell.number})"
    yield f"{where} bears the name {named[0]}, which was not obeyed"


def _answered(book: Book, exercise: Exercise):
    """Where the answer was found, if not where it should be."""
    found = book.candidates[exercise.name]
    if not found:
        return
    name, best = exercise.name, found[0]
    number = best.cell.number
    filled = [candidate for candidate in found if candidate.filled]
    if best.cell.handed.kind != "code":
        yield f"the answer to {name} (cell {number}) is no code cell; it was graded as one"
    elif len(filled) > 1:
        yield f"{len(filled)} cells define {name}; that of cell {number} was graded first"
    elif len(found) > 1 and best.filled:
        other = found[1].cell.number
        yield f"{name} was graded as cell {number} has it; cell {other} holds no answer"
    elif best.by == "name":
        yield f"the cell of {name} is not there; cell {number}, which defines {name}, was graded"
    if best.by != "name":
        yield from _misnamed(best.cell, "exercise", name)
        if best.by != "marker":
            yield from _relabelled(best.cell, "exercise", exercise)
    for missing, where in sorted(book.missed(exercise).items()):
        yield (
            f"{name} uses {missing}, which cell {where} computes: of the lesson only the first "
            "cell runs before an exercise is graded"
        )


def _moved(book: Book, locked: dict):
    """One remark where what is the master's stands in another order."""
    order = []
    if ("setup", "") in locked:
        order.append(locked["setup", ""])
    for exercise in book.master.exercises:
        copies = [c.cell for c in book.candidates[exercise.name] if c.by != "name"]
        if any(len([m for m in c.code.marks if m[0] == "exercise"]) > 1 for c in copies):
            copies = []  # merged with another's
        order.append(copies)
        order.append(locked.get(("harness", exercise.name), []))
        order.append(locked["check", exercise.name])
    first = [min(cell.number for cell in cells) for cells in order if cells]
    if first != sorted(first):
        yield "exercises and checks stand in another order than in the course; its own was used"


def _unknown(book: Book):
    known = {exercise.name for exercise in book.master.exercises}
    names = [_EXERCISE.fullmatch(cell.handed.grade_id or "") for cell in book.cells]
    marks = [name for c in book.cells for kind, name in c.code.marks if kind == "exercise"]
    odd = dict.fromkeys(n for n in [*(m[1] for m in names if m), *marks] if n not in known)
    if odd:
        listed = ", ".join(list(odd)[:5])
        yield f"this lesson has no exercise {listed}: what is called so was not graded"
