"""What run_autograder runs in Gradescope's container: a hand-in becomes a results.json, always."""

import dataclasses
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from coursetools.course import Course, find_course
from coursetools.errors import CourseError
from coursetools.grading.escaping import clean
from coursetools.grading.grade import grade
from coursetools.grading.graded import Graded
from coursetools.grading.master import read_master
from coursetools.grading.standing import standing
from coursetools.grading.submissions import Submission, find_submissions


def main(root: Path) -> None:
    """Grade `root`/submission and write `root`/results/results.json, whatever happens."""
    started = time.monotonic()
    try:
        report = _graded(root)
    except Exception as problem:
        print(f"{type(problem).__name__}: {problem}")  # to the staff, who alone see this
        report = _report(
            [],
            "Grading itself failed. This is no verdict on your work: tell the course staff, who "
            "can run it again.",
        )
    report["execution_time"] = round(time.monotonic() - started, 1)
    path = root / "results" / "results.json"
    fresh = path.with_name(".results.json.new")
    fresh.write_text(json.dumps(report, indent=1) + "\n")
    os.replace(fresh, path)


def _graded(root: Path) -> dict:
    course = find_course(root / "source")
    lessons = [path.stem for path in course.lesson_paths()]
    student = _student(root / "submission_metadata.json")
    submissions = _submissions(root / "submission", lessons, student)
    if not submissions:
        lost = [_test(name, 0, _possible(course, name), "No notebook.") for name in lessons]
        return _report(lost, "No notebook (.ipynb) was handed in: upload the notebook file itself.")
    with tempfile.TemporaryDirectory() as scratch:
        grades = list(grade(course, submissions, Path(scratch), workers=1))
    _print(grades)
    return results(grades)


def results(grades: list[Graded]) -> dict:
    """Gradescope's results.json of one learner's hand-ins; of several for a lesson the best."""
    found = standing(grades)
    counted = list(found.counted.values())
    counted += [g for g in grades if not g.possible]
    tests = [test for graded in counted for test in _tests(graded, len(counted) > 1)]
    told = [note for note in found.notes if "times (" in note]
    told += [remark for graded in counted for remark in graded.remarks]
    if any(graded.undecided for graded in counted):
        told.append("Grading itself failed, which is not your fault: a person will look at it.")
    told += sorted({f"Run without a fence: {g.unfenced}." for g in counted if g.unfenced})
    return _report(tests, "\n".join(told))


def _tests(graded: Graded, several: bool) -> list[dict]:
    if graded.problem:
        return [_test(graded.lesson or "hand-in", 0, graded.possible, graded.problem)]
    if graded.failed:
        return [_test(graded.lesson or "hand-in", 0, graded.possible, "to be looked at")]
    before = f"{graded.lesson}: " if several else ""
    return [
        _test(f"{before}{v.exercise}", v.points, v.possible, v.hint or "correct")
        for v in graded.verdicts
    ]


def _test(name: str, score: int, possible: int, output: str) -> dict:
    return {
        "name": clean(name),
        "score": score,
        "max_score": possible,
        "status": "passed" if possible and score == possible else "failed",
        "output": clean(output),
        "output_format": "text",
        "visibility": "visible",
    }


def _report(tests: list[dict], output: str) -> dict:
    return {
        "score": sum(test["score"] for test in tests),
        "output": clean(output),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _submissions(folder: Path, lessons: list[str], student: str) -> list[Submission]:
    """All notebooks there, whatever they are called, as one learner's."""
    try:
        found = find_submissions([folder], lessons)
    except CourseError:
        return []
    only = lessons[0] if len(lessons) == 1 else None
    return [dataclasses.replace(s, student=student, lesson=s.lesson or only) for s in found]


def _student(path: Path) -> str:
    """Who hands in, by Gradescope's own numbers: from them follow the questions that are asked."""
    try:
        users = json.loads(path.read_text("utf-8"))["users"]
        return "+".join(sorted(str(user["id"]) for user in users)) or "learner"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "learner"


def _possible(course: Course, lesson: str) -> int:
    master = read_master(course.notebooks / f"{lesson}.ipynb")
    return sum(exercise.points for exercise in master.exercises)


def _print(grades: list[Graded]) -> None:
    """For the staff: Gradescope keeps this from learners."""
    from rich.console import Console

    from coursetools.grading.fence import find_fence
    from coursetools.grading.reports import notes, table

    Console(width=120).print(table(grades))
    for note in notes(grades):
        print(note)
    if reason := find_fence().reason:
        print(f"Not fenced: {reason}. run_autograder says what that leaves open.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
