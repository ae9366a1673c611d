"""What graders and learners get to read: a table, a gradebook and one page for each learner."""

import csv
import dataclasses
import html
import io
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from rich.table import Table

from coursetools.grading.grade import Graded

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Marks that make text run the other way, behind which a hint could say anything.
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_STYLE = "body{max-width:720px;margin:2em auto;font-family:sans-serif}pre{white-space:pre-wrap}"


def table(grades: Iterable[Graded]) -> Table:
    """One row for each hand-in: points, and what the learner should look at."""
    shown = Table("student", "lesson", "points", "what to look at")
    for graded in grades:
        notes = [graded.problem] if graded.problem else []
        notes += [v.hint.split("\n")[0] for v in graded.verdicts if v.outcome != "right"]
        notes += graded.remarks
        row = (graded.student, graded.lesson or "?", f"{graded.points} of {graded.possible}")
        shown.add_row(*(_plain(text) for text in (*row, "\n".join(map(_clean, notes)))))
    return shown


def _plain(text: str):
    from rich.text import Text

    return Text(_clean(text))


def write_reports(grades: list[Graded], out: Path, roster: list[str] | None = None) -> list[Path]:
    """Write gradebook.csv, grades.json and feedback/*.html; the paths written.

    roster: all students, so that one who handed in nothing has a row too.
    """
    grades = sorted(grades, key=lambda g: (g.student, g.lesson or "", g.file))
    (out / "feedback").mkdir(parents=True, exist_ok=True)
    texts = {
        out / "gradebook.csv": gradebook(grades, roster),
        out / "grades.json": json.dumps([dataclasses.asdict(g) for g in grades], indent=1) + "\n",
    }
    for number, graded in enumerate(grades, start=1):
        name = re.sub(r"[^A-Za-z0-9]+", "-", graded.student)[:60].strip("-") or "student"
        lesson = graded.lesson if re.fullmatch(r"\w{1,60}", graded.lesson or "") else "unknown"
        texts[out / "feedback" / f"{number:04d}-{name}-{lesson}.html"] = page(graded)
    for path, text in texts.items():
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text, "utf-8", newline="")
        os.replace(fresh, path)
    return list(texts)


def gradebook(grades: list[Graded], roster: list[str] | None = None) -> str:
    """CSV: a row for each hand-in, and for each student of the roster without one."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["student", "lesson", "points", "possible", "state", "remarks", "file"])
    for g in grades:
        state = "not read" if g.problem else "undecided" if g.undecided else "graded"
        remarks = "; ".join([g.problem] if g.problem else g.remarks)
        row = [g.student, g.lesson or "", g.points, g.possible, state, remarks, g.file]
        writer.writerow([_cell(value) for value in row])
    there = {g.student for g in grades}
    for student in roster or ():
        if student not in there:
            writer.writerow([_cell(student), "", 0, "", "nothing handed in", "", ""])
    return file.getvalue()


def page(graded: Graded) -> str:
    """A page for the learner, everything in it escaped."""

    def say(text):
        return html.escape(_clean(text), quote=True)

    parts = [f"<h1>{say(graded.lesson or 'unknown lesson')}: {say(graded.student)}</h1>"]
    parts.append(f"<p>{graded.points} of {graded.possible} points</p>")
    if graded.problem:
        parts.append(f"<p>{say(graded.problem)}</p>")
    for verdict in graded.verdicts:
        parts.append(f"<h2>{say(verdict.exercise)}: {verdict.points} of {verdict.possible}</h2>")
        parts.append(f"<pre>{say(verdict.hint or 'correct')}</pre>")
    if graded.remarks:
        items = "".join(f"<li>{say(remark)}</li>" for remark in graded.remarks)
        parts.append(f"<h2>What was noticed</h2><ul>{items}</ul>")
    head = f'<!doctype html><meta charset="utf-8"><title>Feedback</title><style>{_STYLE}</style>'
    return "\n".join([head, *parts, ""])


def read_roster(path: Path) -> list[str]:
    """The students of a CSV: its column `student`, else its first. Raises CourseError."""
    from coursetools.errors import CourseError

    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise CourseError(f"the roster {path} cannot be read ({problem}); give a CSV.") from None
    if rows and "student" in rows[0]:
        column = rows[0].index("student")
        rows = [row[column:] for row in rows[1:] if len(row) > column]
    return list(dict.fromkeys(row[0].strip() for row in rows if row and row[0].strip()))


def _cell(value):
    """A spreadsheet must not take a name for a formula."""
    if not isinstance(value, str):
        return value
    text = _clean(value).replace("\n", " ")
    return f"'{text}" if text.startswith(_FORMULA) else text


def _clean(text: str) -> str:
    text = _BIDI.sub("", str(text)).encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c == "\n" or c.isprintable() else " " for c in text)
