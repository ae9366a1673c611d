"""Proof that a lesson can be graded, by grading it: run as a script, one lesson in one process.

A process of its own, because a judge answers for all of it, and because the course's dlutils must
be the one that is imported. Writes the problems as a JSON list to the file that it is given.
"""

import dataclasses
import functools
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from coursetools.course import Course
from coursetools.grading.bench import imports
from coursetools.grading.judge import Judge, Verdict
from coursetools.grading.learner import EndedError, Server, ServerEndedError
from coursetools.grading.master import read_master
from coursetools.grading.matching import Answer, match
from coursetools.grading.reading import HandIn, read_hand_in
from coursetools.rules import POINTS

SECRET = b"coursetools check"  # any: the same draws in every proof


def problems(course: Course, name: str) -> list[str]:
    """One line for each way in which hand-ins of a lesson would not get what they deserve."""
    master = read_master(course.notebooks / f"{name}.ipynb")
    try:
        judge = Judge(master, SECRET)
    except Exception as problem:
        fault = f"{type(problem).__name__}: {problem}"
        return [f"its setup cell raised {fault} where checks are run; it may use what it imports"]
    backend = os.environ.get("KERAS_BACKEND")
    given = {"KERAS_BACKEND": backend} if backend else {}
    try:
        with Server(imports(master), course.root / "dlutils", environment=given) as server:
            return list(Proof(judge, server).problems(course, name))
    except (EndedError, ServerEndedError) as problem:
        return [f"{problem}; see docs/grading.md for what grading needs of a machine"]


class Proof:
    """What a lesson's exercises get, solved and blank, with their teaching cells and without."""

    def __init__(self, judge: Judge, server: Server):
        self._judge, self._server = judge, server
        self._exercises = judge.master.exercises
        # Most hand-ins here answer alike: each answer is tried once.
        self._tried = functools.cache(self._try)

    def problems(self, course: Course, name: str) -> Iterator[str]:
        """One line each. The notebooks in notebooks/ and solutions/ must be in step."""
        if (total := sum(e.points for e in self._exercises)) != POINTS:
            yield f"its checks are worth {total} points as graded, not {POINTS}; rebuild it"
        blank = read_hand_in(course.notebooks / f"{name}.ipynb")
        solved = read_hand_in(course.solutions / f"{name}.ipynb")
        nothing = yield from self._blank(blank)
        right = yield from self._solved(solved)
        for exercise in self._exercises:
            if exercise.name in right:
                yield from self._alone(exercise.name, blank, solved, nothing)

    def _blank(self, hand_in: HandIn):
        """Yields problems; returns the verdicts."""
        verdicts, remarks = self._grade(hand_in)
        yield from _remarked("blank", remarks)
        for verdict in verdicts:
            if verdict.outcome != "blank" or verdict.points:
                yield (
                    f'the blank exercise "{verdict.exercise}" {_got(verdict)}; its check must ask '
                    "its function, and decide nothing before that has answered"
                )
        return verdicts

    def _solved(self, hand_in: HandIn):
        """Yields problems; returns the names of the exercises whose solutions are right."""
        verdicts, remarks = self._grade(hand_in)
        yield from _remarked("solved", remarks)
        for verdict in verdicts:
            if not _full(verdict):
                cure = "its check" if verdict.outcome == "undecided" else "it or its check"
                yield f'the solution of "{verdict.exercise}" {_got(verdict)}; mend {cure}'
        return {verdict.exercise for verdict in verdicts if _full(verdict)}

    def _alone(self, name: str, blank: HandIn, solved: HandIn, nothing) -> Iterator[str]:
        """One exercise solved, the others blank, and no cell there that is not graded."""
        verdicts, _ = self._grade(_mixed(name, blank, solved))
        for verdict in verdicts:
            if verdict.exercise == name and not _full(verdict):
                yield (
                    f'without teaching cells and other solutions, the solution of "{name}" '
                    f"{_got(verdict)}; what it needs belongs in its own cell, its harness or the "
                    "setup"
                )
            elif verdict.exercise != name and verdict.points and verdict not in nothing:
                yield (
                    f'where "{name}" alone is solved, "{verdict.exercise}" {_got(verdict)}; no '
                    "exercise may answer another"
                )

    def _grade(self, hand_in: HandIn) -> tuple[list[Verdict], tuple[str, ...]]:
        answers, remarks = match(self._judge.master, hand_in)
        return [self._tried(answers[e.name]) for e in self._exercises], remarks

    def _try(self, answer: Answer) -> Verdict:
        answers = {e.name: Answer(e.name, (), None) for e in self._exercises}  # of no cell
        answers[answer.exercise] = answer
        verdicts = self._judge.grade("", answers, self._server)
        return next(v for v in verdicts if v.exercise == answer.exercise)


def _mixed(name: str, blank: HandIn, solved: HandIn) -> HandIn:
    """The graded cells of the blank notebook, with one exercise from the solved one."""
    own = f"exercise-{name}"
    pairs = zip(blank.cells, solved.cells, strict=True)
    cells = tuple(
        solution if solution.grade_id == own else cell for cell, solution in pairs if cell.grade_id
    )
    return dataclasses.replace(blank, cells=cells)


def _full(verdict: Verdict) -> bool:
    return verdict.outcome == "right" and verdict.points == verdict.possible


def _got(verdict: Verdict) -> str:
    """What came out, in one line."""
    why = " ".join(verdict.hint.split())
    why = f": {why[:200]}" if why else ""
    points = f"{verdict.points} of {verdict.possible} points"
    return f"gets {points} when graded ({verdict.outcome}{why})"


def _remarked(kind: str, remarks: tuple[str, ...]) -> Iterator[str]:
    for remark in remarks:
        yield f"its own {kind} notebook is graded with a remark ({remark}); no learner changed it"


def main(root: str, name: str, out: str) -> None:
    """The script: `python -m coursetools.grading.proof COURSE LESSON FILE`."""
    found = problems(Course(Path(root)), name)
    Path(out).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
