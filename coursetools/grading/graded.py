"""What became of one hand-in."""

import dataclasses

from coursetools.grading.judge import Verdict


@dataclasses.dataclass(frozen=True)
class Graded:
    """What became of one hand-in. problem: why it could not be read, else None.

    remarks: what the learner had changed of what is the master's. unfenced: why the learner's code
    ran without a fence, "" where it had one. failed: grading itself did not work, and the first
    remark says why.
    """

    student: str
    lesson: str | None
    file: str
    points: int
    possible: int
    verdicts: tuple[Verdict, ...] = ()
    remarks: tuple[str, ...] = ()
    problem: str | None = None
    unfenced: str = ""
    failed: bool = False

    @property
    def undecided(self) -> bool:
        """Whether grading itself failed, wholly or in a check, so that a person must look."""
        return self.failed or any(verdict.outcome == "undecided" for verdict in self.verdicts)

    @property
    def state(self) -> str:
        """In one word or two: "graded", "not read" or "undecided"."""
        return "not read" if self.problem else "undecided" if self.undecided else "graded"
