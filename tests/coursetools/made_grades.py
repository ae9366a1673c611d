"""Results of grading as tests of reports want them: made, not graded."""

import csv
import io

from coursetools.grading.graded import Graded
from coursetools.grading.judge import Verdict
from coursetools.grading.rosters import Roster, read_roster


def graded(student="ann", points=7, lesson="05_cnns", file=None, **more) -> Graded:
    """One exercise right and worth `points`, one wrong and worth the rest of ten."""
    verdicts = (
        Verdict("convolve", "right", points, points),
        Verdict("trace", "wrong", 0, 10 - points, "trace: other numbers\nexpected 3, got -4"),
    )
    file = file or f"/home/grader/{student}_{lesson}.ipynb"
    return Graded(student, lesson, file, points, 10, **{"verdicts": verdicts, **more})


def table(text: str) -> list[list[str]]:
    """A CSV's cells."""
    return list(csv.reader(io.StringIO(text, newline="")))


def written_roster(folder, text: str | bytes, encoding="utf-8") -> Roster:
    """What is read of a roster with this text."""
    path = folder / "roster.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_roster(path)
