"""The trusted side: check cells run here, and ask the learner's process what its functions say."""

import contextlib
import hashlib
import hmac
import io
from dataclasses import dataclass

from coursetools.grading.learner import EndedError, Learner, Server
from coursetools.grading.master import Exercise, Master
from coursetools.grading.matching import Answer


@dataclass(frozen=True)
class Verdict:
    """What became of one exercise: `points` of `possible`, and why.

    outcome: "right", "blank", "wrong", "error" (the cell raised, so that there was nothing to
    ask), "ended" (a limit, or the process died), "missing" (no cell answers it), or "undecided"
    (the check itself failed, which is the course's fault and not the learner's). hint: what the
    learner is told.
    """

    exercise: str
    outcome: str
    points: int
    possible: int
    hint: str = ""


class Judge:
    """One lesson's checks, its setup run once; use one for all notebooks of that lesson.

    secret: bytes that learners do not know, from which every draw follows, so that a repeated run
    gives the same verdict.
    """

    def __init__(self, master: Master, secret: bytes):
        self.master, self._secret = master, secret
        self._names: dict = {"__name__": "__main__"}
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(master.setup, f"<setup of {master.lesson}>", "exec"), self._names)

    def grade(self, learner: str, answers: dict[str, Answer], server: Server) -> list[Verdict]:
        """A verdict for every exercise. learner: who it is, which fixes the draws."""
        return [
            self._verdict(learner, exercise, answers[exercise.name], server)
            for exercise in self.master.exercises
        ]

    def _verdict(self, learner, exercise: Exercise, answer: Answer, server: Server) -> Verdict:
        def verdict(outcome, hint=""):
            points = exercise.points if outcome == "right" else 0
            return Verdict(exercise.name, outcome, points, exercise.points, hint)

        if not answer.parts:
            return verdict("missing", f"No cell of the notebook answers {exercise.name}.")
        try:
            # A process for each exercise: one that dies or spoils its own cannot cost another.
            with server.learner() as process:
                fault = self._prepare(process, exercise, answer)
                outcome, hint = self._check(learner, exercise, process)
        except EndedError as ended:
            return verdict("ended", f"{exercise.name}: {ended}.")
        if outcome == "wrong" and fault and "no function called" in hint:
            return verdict("error", f"{exercise.name}: its cell raised {fault}")
        return verdict(outcome, hint)

    def _prepare(self, process: Learner, exercise: Exercise, answer: Answer) -> str | None:
        """Run setup, answer and harness in the learner's process; what the answer's cell raised."""
        process.run(self.master.setup)
        faults = [process.run(part) for part in answer.parts]
        if exercise.harness:
            process.run(exercise.harness)
        return faults[-1]

    def _check(self, learner: str, exercise: Exercise, process: Learner) -> tuple[str, str]:
        """Run the check with its questions led to the learner's process; outcome and hint."""
        checks = self._names["checks"]  # dlutils.checks, which every setup cell imports
        ended: list[EndedError] = []

        def transport(name, request):
            try:
                return process.ask(name, request)
            except EndedError as problem:
                ended.append(problem)
                raise

        kept = checks.transport, checks.entropy
        checks.transport, checks.entropy = transport, lambda name: self._draw(learner, name)
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said):
                exec(compile(exercise.check, f"<check of {exercise.name}>", "exec"), self._fresh())
        except EndedError:
            raise
        except checks.NotYet as problem:
            return "blank", str(problem)
        except checks.Failed as problem:
            return "wrong", str(problem)
        except Exception as problem:
            return "undecided", f"The check raised {type(problem).__name__}: {problem}"[:500]
        finally:
            checks.transport, checks.entropy = kept
        if ended:  # a check that swallowed it decided nothing
            raise ended[0]
        if said.getvalue() != f"{exercise.name}: correct\n":
            return "undecided", "The check ended without its line of success."
        return "right", ""

    def _fresh(self) -> dict:
        """The setup's names, copied, so that no check leaves anything to the next."""
        return dict(self._names)

    def _draw(self, learner: str, exercise: str) -> int:
        text = "\0".join((self.master.lesson, exercise, learner)).encode()
        return int.from_bytes(hmac.digest(self._secret, text, hashlib.sha256)[:16], "little")
