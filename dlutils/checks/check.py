"""What a check cell is written with: draws, questions and comparisons."""

import math

import numpy as np

from dlutils.checks import codec, compare, same, seam
from dlutils.checks.verdict import Failed, NotYet


def exercise(name):
    """Run the decorated check at once with a `Check`; print `NAME: correct` where it passes.

    Raises `Failed` or `NotYet` for the learner's answer. Any other exception passes through with a
    note that the fault is the check's own.

    >>> import __main__
    >>> __main__.double = lambda x: 2 * x  # what a learner's cell would define
    >>> @exercise("double")
    ... def _(check):
    ...     for x in check.arrays((3, 4)):
    ...         check.close(check.ask("double", x), 2 * x, hint="Twice every number.")
    double: correct
    """
    if not isinstance(name, str):
        raise TypeError('checks.exercise needs the name: write `@checks.exercise("softmax")`.')

    def run(function):
        try:
            function(Check(name))
        except (Failed, NotYet):
            raise
        except Exception as problem:
            problem.add_note(f"{name}: this fault lies in the check, not in your answer.")
            raise
        print(f"{name}: correct")

    return run


class Check:
    """One run of one exercise's check.

    `rng` is a NumPy Generator that is seeded anew for each run. Every `hint` names the likely
    mistake, never the answer, and is shown in place of a traceback.

    >>> check = Check("softmax")
    >>> [x.shape for x in check.arrays((4, 10), count=2)]
    [(4, 10), (4, 10)]
    >>> check.number(3)
    3
    >>> check.array([0.5, 0.5], shape=2)
    array([0.5, 0.5])
    >>> check.equal([1, 2], (1, 2.0), hint="Count again.")
    >>> try:
    ...     check.close([0.2, 0.8], [0.4, 0.6], hint="Rows must sum to 1.")
    ... except Failed as failed:
    ...     failed.hint
    'Rows must sum to 1.'
    """

    def __init__(self, exercise):
        from dlutils import checks  # its `entropy` may have been replaced since

        self.exercise = exercise
        self.rng = np.random.default_rng(checks.entropy(exercise))

    def ask(self, name, *args):
        """What the learner's function called `name` answers to copies of `args`.

        Arrays, numbers, strings, None, and lists or dicts of these go out and come back; tensors
        come back as arrays, tuples as lists. Raises `Failed`, or `NotYet` for a blank.
        """
        return seam.ask(self.exercise, name, args)

    def arrays(self, *shapes, scale=1.0, count=3, dtype="float32"):
        """Yield `count` fresh arrays of a shape, normally distributed with deviation `scale`.

        With several shapes, yield tuples of arrays. dtype: a floating one.
        """
        dtype = np.dtype(dtype)
        if not shapes or dtype.kind != "f":
            raise ValueError(
                f"check.arrays was given shapes {shapes} and dtype {dtype}: give at least one "
                "shape and a floating dtype, and draw integers with check.rng.integers."
            )
        return self._draws(shapes, scale, count, dtype)

    def _draws(self, shapes, scale, count, dtype):
        for _ in range(count):
            drawn = tuple((self.rng.standard_normal(s) * scale).astype(dtype) for s in shapes)
            yield drawn if len(drawn) > 1 else drawn[0]

    def array(self, value, shape=None, hint=""):
        """The answer as a float64 or int64 array (booleans as 0 and 1), all of it finite.

        shape: an int or a tuple, None in it for any length. Raises `Failed` for another shape, for
        NaN and infinities, and for what is no array of real numbers.
        """
        try:
            array = compare.to_array(_plain(value))
        except compare.Unusable as problem:
            raise self._failed(str(problem)) from None
        fault = "" if shape is None else compare.shape_fault(array, shape)
        fault = fault or compare.finite_fault(array)
        if fault:
            raise self._failed(hint, fault)
        return array

    def number(self, value, hint=""):
        """The answer as an int or a float: one finite number, not an array of one.

        Raises `Failed` for anything else, True and False included.
        """
        number = self.array(value, (), hint).item()
        if isinstance(value, bool) or str(getattr(value, "dtype", "")) == "bool":
            raise self._failed(hint, f"yours is {bool(number)}, expected a number")
        return number

    def close(self, actual, desired, hint, rtol=1e-4, atol=1e-5):
        """Compare numbers or arrays: |actual - desired| <= atol + rtol * max |desired|.

        Raises `Failed` with the first and the largest difference, and for another shape.
        """
        try:
            desired = compare.to_array(_plain(desired))
        except compare.Unusable as problem:
            raise ValueError(f"check.close cannot compare with this: {problem}") from None
        if np.isnan(desired).any() or not all(0 <= t < math.inf for t in (rtol, atol)):
            raise ValueError(
                f"check.close compares with NaN, or within rtol={rtol} and atol={atol}: "
                "nothing could ever be right."
            )
        try:
            actual = compare.to_array(_plain(actual))
        except compare.Unusable as problem:
            raise self._failed(str(problem)) from None
        fault = compare.shape_fault(actual, desired.shape)
        fault = fault or compare.difference(actual, desired, rtol, atol)
        if fault:
            raise self._failed(hint, fault)

    def equal(self, actual, desired, hint):
        """Compare exactly: numbers, strings, arrays, lists and dicts of these; 3 equals 3.0.

        Raises `Failed` with the first difference.
        """
        fault = same.inequality(_plain(actual), _plain(desired))
        if fault:
            raise self._failed(hint, fault)

    def that(self, condition, hint):
        """Raise `Failed` with the hint unless the condition is true."""
        if not condition:
            raise self._failed(hint)

    def _failed(self, hint, detail=""):
        if not hint:
            hint, detail = detail[:1].upper() + detail[1:] + ".", ""
        return Failed(self.exercise, hint, detail)


def _plain(value):
    """A check's own value as the learner's arrives: tensors as arrays, tuples as lists."""
    return codec.decode(codec.encode(value))
