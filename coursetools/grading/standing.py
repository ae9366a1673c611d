"""What counts of what was handed in: one result for a student and a lesson, nothing silently."""

from dataclasses import dataclass

from coursetools.grading.graded import Graded
from coursetools.grading.rosters import Matched, match_students


@dataclass(frozen=True)
class Standing:
    """The class as a table: students, lessons, the hand-in that counts, and what to know of it.

    possible: points of each lesson. counted: (student, lesson) -> hand-in; no entry where nothing
    was handed in. notes: one sentence each, for the grader.
    """

    students: tuple[str, ...]
    possible: dict[str, int]
    counted: dict[tuple[str, str], Graded]
    notes: tuple[str, ...]


def standing(grades: list[Graded], roster: list[str] | None = None) -> Standing:
    """Of several hand-ins for one lesson the one with most points counts, and a note says so.

    With a roster the students are the roster's, in its order; who is not in it has a note.
    """
    matched = match_students(grades, roster)
    notes = [*getattr(roster, "notes", ()), *matched.notes]
    notes += [
        f"{g.student}: {g.problem or '; '.join(g.remarks)}"
        for g in grades
        if not g.possible and (g.problem or g.failed)
    ]
    counted = {}
    for student, own in matched.grades.items():
        for lesson in sorted({g.lesson for g in own if g.lesson and g.possible}):
            several = [g for g in own if g.lesson == lesson]
            counted[student, lesson] = chosen = max(several, key=_worth)
            notes += _told(student, lesson, several, chosen)
    notes += _absent(matched, counted, roster)
    possible = {}
    for (_, lesson), graded in sorted(counted.items(), key=lambda item: item[0][1]):
        possible[lesson] = max(possible.get(lesson, 0), graded.possible)
    return Standing(tuple(matched.grades), possible, counted, tuple(notes))


def _worth(graded: Graded) -> tuple:
    """Points, what is undecided counted as won: what could be the best waits for a person."""
    won = graded.points + sum(v.possible for v in graded.verdicts if v.outcome == "undecided")
    won = graded.possible if graded.failed else won
    return (won, not graded.undecided, not graded.problem, graded.file)


def _told(student: str, lesson: str, several: list[Graded], chosen: Graded) -> list[str]:
    notes = []
    if len(several) > 1:
        points = ", ".join(str(graded.points) for graded in several)
        notes.append(
            f"{student} handed in {lesson} {len(several)} times ({points} points); the best "
            f"counts: {chosen.file}."
        )
    if chosen.undecided:
        notes.append(
            f"{student}, {lesson}: grading itself failed, so a person must look; the tables for "
            "course platforms leave this grade open."
        )
    if chosen.problem:
        notes.append(f"{student}, {lesson}: 0 points, {chosen.problem}")
    return notes


def _absent(matched: Matched, counted: dict, roster: list[str] | None) -> list[str]:
    if roster is None:
        return []
    lessons = sorted({lesson for _, lesson in counted})
    return [
        f"{student} handed in nothing for {lesson}."
        for student in matched.grades
        for lesson in lessons
        if (student, lesson) not in counted
    ]
