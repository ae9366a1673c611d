"""Who is in the class: a CSV as spreadsheets and course platforms write it, and whose is what."""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from coursetools.errors import CourseError
from coursetools.grading.graded import Graded

# Names of columns as Canvas, Moodle and people write them, squeezed to lower-case letters.
_COLUMNS = {
    "student": ("student",),
    "login": ("sisloginid", "loginid", "login", "username"),
    "email": ("email", "emailaddress", "mail"),
    "sis": ("sisuserid", "sisid", "idnumber", "studentid", "studentnumber"),
    "id": ("id", "canvasid", "userid"),
    "name": ("name", "studentname", "fullname"),
    "first": ("firstname", "givenname"),
    "last": ("lastname", "surname", "familyname"),
    "section": ("section", "group"),
}
_KNOWN = {name: column for column, names in _COLUMNS.items() for name in names}
_KEYS = ("student", "login", "email", "sis", "id", "name")  # what a student may be called by
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class Roster(list):
    """The students' names in order; `columns` holds what else is known of each.

    columns: name -> {"login": …, "email": …, "sis", "id", "name", "first", "last", "section"}.
    notes: what a grader should know about the file, one sentence each.
    """

    def __init__(self, students: Iterable[str] = (), columns=None, notes: Iterable[str] = ()):
        super().__init__(students)
        self.columns: dict[str, dict[str, str]] = columns or {}
        self.notes = tuple(notes)


def read_roster(path: Path) -> Roster:
    """The students of a CSV: its column `student`, else login, email …, else its first column.

    Commas, semicolons and tabs separate; UTF-8, or UTF-16 with its mark. Raises CourseError.
    """
    try:
        rows = _rows(_text(path.read_bytes()))
    except (OSError, UnicodeError, csv.Error) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise CourseError(
            f"the roster {path} cannot be read ({reason}), so nobody who handed in nothing would "
            "be seen; save it as CSV UTF-8."
        ) from None
    titles = [_KNOWN.get(_squeezed(cell)) for _, row in rows[:1] for cell in row]
    named = any(titles)
    key = next((titles.index(name) for name in _KEYS if name in titles), 0)
    roster = _roster(rows[1:] if named else rows, titles if named else ["student"], key)
    if not roster:
        raise CourseError(
            f"the roster {path} names no student, so there is nothing to compare hand-ins with; "
            "give a CSV with a column `student`."
        )
    return roster


def _text(data: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8-sig")
    return data.decode(encoding)


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """(line, cells) of every line that is not blank; raises csv.Error for quotes that do not close.

    Without that a forgotten quote would swallow every student after it.
    """
    lines = text.splitlines(keepends=True)
    declared = re.fullmatch(r"sep=(.)\s*", lines[0], re.IGNORECASE) if lines else None
    first = next((line for line in lines[bool(declared) :] if line.strip()), "")
    separator = declared[1] if declared else max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    return [(line, row) for line, row in rows[bool(declared) :] if any(row)]


def _roster(rows, titles: list, key: int) -> Roster:
    columns, notes = {}, []
    for line, row in rows:
        student = row[key] if len(row) > key else ""
        if "points possible" in student.lower():  # the second line of a Canvas gradebook
            continue
        known = {name: cell for name, cell in zip(titles, row, strict=False) if name and cell}
        if not student:
            notes.append(f"line {line} of the roster names no student and was left out.")
        elif student not in columns:
            columns[student] = known
        elif columns[student] != known:
            notes.append(
                f"{student} stands in the roster twice with different entries (line {line}); the "
                "first counts."
            )
    return Roster(columns, columns, notes)


def _squeezed(title: str) -> str:
    return re.sub(r"[\W_]+", "", title).lower()


@dataclass(frozen=True)
class Matched:
    """Hand-ins by student of the roster; `strangers` are hand-ins of nobody in it."""

    grades: dict[str, list[Graded]]
    strangers: list[Graded]
    notes: tuple[str, ...]


def match_students(grades: Iterable[Graded], roster: list[str] | None) -> Matched:
    """Whose hand-in is whose; without a roster each name is a student.

    A name counts as it is written, as any of the roster's names for a student, then in another
    Unicode form or case, the last two only where one student and one hand-in name can be meant.
    """
    handed: dict[str, list[Graded]] = {}
    for graded in grades:
        handed.setdefault(graded.student, []).append(graded)
    if roster is None:
        return Matched(handed, [], ())
    owners, notes, ways = {}, [], _ways(roster)
    for name in handed:
        if name in ways[0][1]:
            owners[name] = name
    for how, students, spelled in ways[1:]:
        rivals = Counter(map(spelled, handed))
        for name in [name for name in handed if name not in owners]:
            found = students.get(spelled(name), set())
            if len(found) == 1 and rivals[spelled(name)] == 1:
                owners[name] = next(iter(found))
                notes.append(f"{name} was taken for {owners[name]} of the roster, {how}.")
    matched = {student: [] for student in roster}
    for name, owner in owners.items():
        matched[owner] += handed[name]
    strangers = [graded for name in handed if name not in owners for graded in handed[name]]
    notes += [_stranger(name, ways) for name in handed if name not in owners]
    return Matched(matched, strangers, tuple(notes))


Spelling = Callable[[str], str]


def _ways(roster: list[str]) -> list[tuple[str, dict[str, set[str]], Spelling]]:
    """The ways of being meant, the most certain first: how, {spelling: students}, spelling."""
    columns = getattr(roster, "columns", {})
    names = {student: {student} for student in roster}
    others = {
        student: {known[key] for key in _KEYS if key in (known := columns.get(student, {}))}
        | {student}
        for student in roster
    }
    return [
        ("", _index(names, str), str),
        ("by another column", _index(others, str), str),
        ("which is the same text in another Unicode form", _index(others, _composed), _composed),
        ("which differs in case or form alone", _index(others, _folded), _folded),
    ]


def _index(names: dict[str, set[str]], spelled: Spelling) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for student, written in names.items():
        for name in written:
            found.setdefault(spelled(name), set()).add(student)
    return found


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


def _stranger(name: str, ways) -> str:
    close = sorted(ways[-1][1].get(_folded(name), ()))
    meant = f" (it could be {' or '.join(close)})" if close else ""
    return f"{name} handed in but is not in the roster{meant}; rename the file or add the student."
