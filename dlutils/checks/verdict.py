"""The two ways in which an exercise is not correct, shown without a traceback in Jupyter."""


class Failed(Exception):  # noqa: N818 (a verdict)
    """The answer is not right yet: `exercise`, a `hint`, and one line of `detail`.

    >>> print(Failed("softmax", "Rows must sum to 1.", "yours 0.2, expected 0.4"))
    softmax: not right yet. Rows must sum to 1.
        yours 0.2, expected 0.4
    """

    def __init__(self, exercise, hint, detail=""):
        super().__init__(exercise, hint, detail)
        self.exercise, self.hint, self.detail = exercise, hint, detail

    def __str__(self):
        return f"{self.exercise}: not right yet. {self.hint}" + (
            f"\n    {self.detail}" if self.detail else ""
        )

    def _render_traceback_(self):  # IPython shows these lines in place of a traceback
        return str(self).split("\n")


class NotYet(Exception):  # noqa: N818 (a verdict)
    """The exercise is still the blank that it was handed out as.

    >>> print(str(NotYet("softmax")).partition(" in ")[0])
    softmax: not solved yet. Replace `raise NotImplementedError`
    """

    def __init__(self, exercise, asked=None):
        super().__init__(exercise, asked)
        self.exercise, self.asked = exercise, asked

    def __str__(self):
        return (
            f"{self.exercise}: not solved yet. Replace `raise NotImplementedError` in the exercise "
            "cell, run that cell, then run this one again."
        )

    def _render_traceback_(self):
        return [str(self)]
