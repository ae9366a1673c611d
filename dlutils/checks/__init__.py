"""Exercise checks: ask the learner's function, compare what it answers, say what is likely wrong.

A check names a function and never touches it. What crosses between the two is bytes (see `codec`),
in the notebook too, so that grading can put them into two kernels and get the same verdict:

    @checks.exercise("double")
    def _(check):
        for x in check.arrays((3, 4)):
            y = check.array(check.ask("double", x), x.shape, hint="One number per number.")
            check.close(y, 2 * x, hint="Twice every number.")

It prints `double: correct`, or raises `Failed` or `NotYet`; any other exception is a fault of the
check itself. Grading replaces two attributes of this module, `entropy` and `transport`.
"""

import os
import sys

from dlutils.checks import codec
from dlutils.checks.check import Check, exercise
from dlutils.checks.seam import answer
from dlutils.checks.verdict import Failed, NotYet

__all__ = ["Check", "Failed", "NotYet", "answer", "codec", "entropy", "exercise", "transport"]


def entropy(exercise):
    """An integer that seeds `Check.rng`; fresh each time, since grading replaces this.

    >>> entropy("softmax") != entropy("softmax")
    True
    """
    return int.from_bytes(os.urandom(16), "little")


def transport(name, request):
    """Carry `request` to the function called `name` and its reply back, both as bytes.

    This one goes to the notebook itself; grading puts one in its place that leads to the learner's
    kernel, where `answer` makes the reply. It may raise `Failed` for what the learner caused (no
    answer in time, a dead kernel); whatever else it raises leaves the exercise undecided.

    >>> reply = transport("no_such_function", codec.encode([1.0]))
    >>> codec.decode(reply[1:])["fault"]
    'missing'
    """
    return answer(name, request, vars(sys.modules["__main__"]))
