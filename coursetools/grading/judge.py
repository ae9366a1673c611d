"""The trusted side: check cells run here, and ask the learner's process what its functions say."""

import contextlib
import hashlib
import hmac
import io
import time
from dataclasses import dataclass

from coursetools.grading.learner import EndedError, Learner, Server, ServerEndedError
from coursetools.grading.master import Exercise, Master
from coursetools.grading.matching import Answer

ARRAYS = 10_000  # in one reply: more take longer to read than any answer is worth


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
        """A verdict for every exercise. learner: who it is, which fixes the draws.

        Raises ServerEndedError where grading itself failed.
        """
        return [
            self._verdict(learner, exercise, answers[exercise.name], server)
            for exercise in self.master.exercises
        ]

    def _verdict(self, learner, exercise: Exercise, answer: Answer, server: Server) -> Verdict:
        if not answer.parts:
            hint = f"No cell of the notebook answers {exercise.name}."
            return Verdict(exercise.name, "missing", 0, exercise.points, hint)
        begin, first = time.monotonic(), None
        for parts in (answer.parts, *answer.spare):
            found = self._of_parts(learner, exercise, parts, server)
            first = first or found
            # A hand-in that wastes time gets no more of it for what else it holds.
            if found.points or time.monotonic() - begin > server.limits.answer:
                break
        return found if found.points else first

    def _of_parts(self, learner, exercise: Exercise, parts, server: Server) -> Verdict:
        """What becomes of an exercise with these parts as its answer."""
        fault = None
        try:
            # A process for each exercise: one that dies or spoils its own cannot cost another.
            with server.learner() as process:
                fault = self._prepare(process, exercise, parts)
                outcome, hint = self._check(learner, exercise, process)
        except EndedError as ended:
            outcome, hint = "ended", f"{exercise.name}: {ended}."
        raised = f"{exercise.name}: its cell raised {fault}"
        missing = f"{exercise.name}: not right yet. There is no function called "
        if outcome == "wrong" and fault and hint.startswith(missing):
            outcome, hint = "error", raised
        if outcome in ("wrong", "error"):
            hint = server.limits.explain(hint)
        elif outcome == "right" and fault and server.limits.explain(fault) != fault:
            hint = server.limits.explain(raised)  # a limit that was met is told in any case
        points = exercise.points if outcome == "right" else 0
        return Verdict(exercise.name, outcome, points, exercise.points, _bounded(hint))

    def _prepare(self, process: Learner, exercise: Exercise, parts) -> str | None:
        """Run setup, answer and harness in the learner's process; what the answer's cell raised."""
        try:
            fault = process.run(self.master.setup, "start")
        except EndedError as ended:
            fault = str(ended)
        if fault:  # before any of the learner's code
            raise ServerEndedError(f"the setup cell failed in the learner's process: {fault}")
        faults = [process.run(part) for part in parts]
        if exercise.harness:
            process.run(exercise.harness)
        return faults[-1]

    def _check(self, learner: str, exercise: Exercise, process: Learner) -> tuple[str, str]:
        """Run the check with its questions led to the learner's process; outcome and hint."""
        checks = self._names["checks"]  # dlutils.checks, which every setup cell imports
        ended: list[EndedError] = []

        def transport(name, request):
            try:
                return _readable(process.ask(name, request), checks.codec)
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


def _readable(reply: bytes, codec) -> bytes:
    """The reply as honest code would have made it; one that cannot be read where it could not.

    A learner's process can send any bytes, such as integers that are read but not written again,
    on which a check would fail by itself, or as many small things as take a minute to read.
    """
    start, end = 17, 17 + int.from_bytes(reply[9:17], "little")
    if reply.count(b",", start, end) > codec.MAX_ITEMS or reply.count(b'"a"', start, end) > ARRAYS:
        return b""
    try:
        value = codec.decode(reply[1:])
        if reply[:1] == b"F" and not isinstance(value, dict):
            return b""
        return reply[:1] + codec.encode(value)
    except codec.CodecError:
        return b""


def _bounded(hint: str, limit: int = 2000) -> str:
    """A hint may quote what a learner's function answered: no control characters, no megabytes."""
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in hint[: limit + 1])
    return text if len(text) <= limit else text[: limit - 1] + "…"
