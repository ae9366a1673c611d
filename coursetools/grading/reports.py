"""What graders and learners get to read: gradebooks, and one page for each hand-in."""

import dataclasses
import hashlib
import json
import os
import re
from pathlib import Path

from coursetools.grading.escaping import clean
from coursetools.grading.gradebooks import canvas, gradebook, moodle
from coursetools.grading.graded import Graded
from coursetools.grading.junit import junit
from coursetools.grading.pages import page
from coursetools.grading.rosters import read_roster
from coursetools.grading.standing import standing
from coursetools.grading.summary import table

__all__ = ["gradebook", "notes", "page", "read_roster", "table", "write_reports"]


def write_reports(grades: list[Graded], out: Path, roster: list[str] | None = None) -> list[Path]:
    """Write the gradebooks, grades.json, junit.xml, notes.txt and feedback/*.html; their paths.

    roster: all students, so that one who handed in nothing has a row too.
    """
    grades = sorted(grades, key=lambda g: (g.student, g.lesson or "", g.file))
    found = standing(grades, roster)
    texts = {
        out / "gradebook.csv": gradebook(grades, roster),
        out / "canvas.csv": canvas(found, roster),
        out / "moodle.csv": moodle(found, roster),
        out / "junit.xml": junit(grades, roster),
        out / "grades.json": json.dumps([dataclasses.asdict(g) for g in grades], indent=1) + "\n",
        out / "notes.txt": "".join(f"{note}\n" for note in notes(grades, roster)),
    }
    (out / "feedback").mkdir(parents=True, exist_ok=True)
    texts |= {out / "feedback" / _page_name(graded): page(graded) for graded in grades}
    for path, text in texts.items():
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text, "utf-8", newline="")
        os.replace(fresh, path)
    return list(texts)


def notes(grades: list[Graded], roster: list[str] | None = None) -> list[str]:
    """What a grader should know before importing points, one line each.

    Which of several hand-ins counts, who could not be found in the roster, what is undecided.
    """
    return [" ".join(clean(note).split("\n")) for note in standing(grades, roster).notes]


def _page_name(graded: Graded) -> str:
    """Readable, safe on every file system, and the same in a later run with other hand-ins."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", graded.student)[:60].strip("-") or "student"
    lesson = graded.lesson if re.fullmatch(r"[a-z0-9_]{1,60}", graded.lesson or "") else "unknown"
    whole = "\0".join((graded.student, graded.lesson or "", graded.file))
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name}-{lesson}-{digest}.html"
