"""Tables of points: our own, and those that Canvas and Moodle import."""

import csv
import io
from collections.abc import Iterable

from coursetools.grading.escaping import clean, csv_cell
from coursetools.grading.graded import Graded
from coursetools.grading.rosters import match_students
from coursetools.grading.standing import Standing

# How Moodle's column for each of a roster's is called in its own exports.
_MOODLE = {"login": "Username", "sis": "ID number", "email": "Email address"}


def gradebook(grades: list[Graded], roster: list[str] | None = None) -> str:
    """CSV: a row for each hand-in, and for each student of the roster without one."""
    rows = [["student", "lesson", "points", "possible", "state", "remarks", "file"]]
    for g in grades:
        # Each made clean alone, so that none can reach into the next.
        remarks = "; ".join(map(clean, [g.problem] if g.problem else g.remarks))
        rows.append([g.student, g.lesson, g.points, g.possible, g.state, remarks, g.file])
    for student, own in match_students(grades, roster).grades.items():
        if not own:
            rows.append([student, "", 0, "", "nothing handed in", "", ""])
    return _csv(rows)


def canvas(standing: Standing, roster: list[str] | None = None) -> str:
    """CSV for Canvas (Grades, Import): one row a student, one column a lesson.

    Canvas takes any other column for an assignment, so remarks have no place in it. A cell stays
    empty where nothing was handed in or a person must look: Canvas leaves such a grade alone.
    """
    lessons = list(standing.possible)
    blank = [""] * 4
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *lessons]]
    rows.append(["    Points Possible", *blank, *standing.possible.values()])
    columns = getattr(roster, "columns", {})
    for student in standing.students:
        known = columns.get(student, {})
        who = [_name(student, known), known.get("id"), known.get("sis")]
        who += [known.get("login") or _login(student, known), known.get("section")]
        rows.append([*who, *(_points(standing, student, lesson, "") for lesson in lessons)])
    return _csv(rows)


def moodle(standing: Standing, roster: list[str] | None = None) -> str:
    """CSV for Moodle (Grades, Import, CSV file): identifiers, then points and feedback a lesson.

    Only identifiers that every student has: Moodle gives the points of a row without one to the
    student above it. "-" is Moodle's own mark for no grade.
    """
    columns = getattr(roster, "columns", {})
    names = {student: columns.get(student, {}) for student in standing.students}
    shown = [key for key in _MOODLE if all(known.get(key) for known in names.values())]
    shown = shown if names else []
    keyed = any("student" in known for known in columns.values()) or not columns
    titles = [_MOODLE[key] for key in shown]
    if keyed and "login" not in shown:
        titles = ["Username", *titles]
    elif not shown:
        titles = ["Student"]
    rows = [[*titles, *(t for name in standing.possible for t in (name, f"{name} feedback"))]]
    for student, known in names.items():
        who = [known[key] for key in shown]
        row = [student, *who] if len(titles) > len(who) else who
        for lesson in standing.possible:
            row += [_points(standing, student, lesson, "-"), _feedback(standing, student, lesson)]
        rows.append(row)
    return _csv(rows)


def _name(student: str, known: dict[str, str]) -> str:
    if "last" in known and "first" in known:
        return f"{known['last']}, {known['first']}"
    return known.get("name") or student


def _login(student: str, known: dict[str, str]) -> str:
    """The roster's own name for a student, where nothing else says whom Canvas should look for."""
    return "" if {"id", "sis"} & set(known) or known.get("name") == student else student


def _points(standing: Standing, student: str, lesson: str, nothing: str):
    graded = standing.counted.get((student, lesson))
    return nothing if graded is None or graded.undecided else graded.points


def _feedback(standing: Standing, student: str, lesson: str) -> str:
    """One line: what is lost, and why."""
    graded = standing.counted.get((student, lesson))
    if graded is None:
        return ""
    if graded.problem:
        return graded.problem
    lost = [clean(v.hint).split("\n")[0] for v in graded.verdicts if v.outcome != "right"]
    return " | ".join(lost) or "All exercises are right."


def _csv(rows: Iterable[list]) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([csv_cell(value) for value in row] for row in rows)
    return file.getvalue()
