"""Hand-ins as pytest sees them: a file for each notebook, an item for each of its exercises."""

from functools import cached_property

import pytest

from coursetools.errors import CourseError
from coursetools.grading.escaping import clean
from coursetools.grading.reading import UnreadableError, read_hand_in

WHOLE = "notebook"  # the one item of a hand-in that could not be read


class _NotRightError(Exception):
    """An exercise that earned no points; the message is what the learner is told."""


class _UndecidedError(Exception):
    """A verdict that a person must make, because the check itself failed."""


class Folder(pytest.Directory):
    """A folder on the way to hand-ins: these and nothing else, so that no code beside them runs."""

    def collect(self):
        return self.children

    @cached_property
    def children(self):
        """Made once: pytest asks again for every file that is named on the command line."""
        grading = self.config.pluginmanager.get_plugin("coursetools-grading")
        return list(grading.children(self))


class HandIn(pytest.File):
    """One hand-in; nothing of it is run before the first of its items is."""

    @classmethod
    def of(cls, parent, submission, grading):
        """The collector of a submission."""
        file = cls.from_parent(parent, path=submission.path)
        if not file.nodeid.isprintable():
            named = {"name": _one_line(file.name), "nodeid": _one_line(file.nodeid)}
            file = cls.from_parent(parent, path=submission.path, **named)
        file.submission, file.grading = submission, grading
        return file

    def collect(self):
        for name in self._exercises():
            yield Exercise.from_parent(self, name=name)

    @cached_property
    def result(self):
        """What became of the whole hand-in: asked for once, whichever of its items comes first."""
        self.job, graded = self.grading.grade(self.submission)
        return graded

    def _exercises(self):
        try:
            inside = read_hand_in(self.path).lesson
            return self.grading.exercises(self.submission.lesson or inside) or [WHOLE]
        except (UnreadableError, OSError):
            return [WHOLE]
        except CourseError as problem:
            raise self.CollectError(str(problem)) from None


class Exercise(pytest.Item):
    """One exercise of a hand-in: passes if right, fails with its hint, is an error if undecided."""

    def setup(self):
        """Grade the hand-in, unless an exercise before did; points go into the properties."""
        graded = self.parent.result
        self.outcome, points, possible, self.hint = self._found(graded)
        properties = {
            "student": _one_line(graded.student),
            "lesson": graded.lesson or "",
            "outcome": self.outcome,
            "points": points,
            "possible": possible,
        }
        self.user_properties += properties.items()
        if self.outcome == "undecided":
            raise _UndecidedError(self.hint)

    def runtest(self):
        if self.outcome != "right":
            raise _NotRightError(self.hint)

    def repr_failure(self, excinfo):
        """One clear text for what learners and graders should know, a traceback for the rest."""
        if isinstance(excinfo.value, _NotRightError | _UndecidedError | CourseError):
            return clean(str(excinfo.value))
        return super().repr_failure(excinfo)

    def reportinfo(self):
        file = self.config.rootpath / self.nodeid.removesuffix(f"::{self.name}")
        return file, None, f"{self.parent.name}::{self.name}"

    def _found(self, graded):
        """Outcome, points, possible points and hint."""
        if graded.failed:
            return "undecided", 0, graded.possible, graded.remarks[0]
        for verdict in graded.verdicts:
            if verdict.exercise == self.name:
                return verdict.outcome, verdict.points, verdict.possible, verdict.hint
        reason = graded.problem or "the notebook was changed while it was graded; grade it again."
        return "not read", graded.points, graded.possible, reason


def _one_line(text: str) -> str:
    return clean(text).replace("\n", " ")
