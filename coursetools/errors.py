"""The errors that a command prints as one clear line."""


class CourseError(Exception):
    """Something an author can put right: what happened, what follows, what to do."""


class LessonError(CourseError):
    """A `CourseError` that points at a line of a lesson, e.g. `lessons/05_cnns.py:12: ...`."""

    def __init__(self, path, line: int, text: str):
        super().__init__(f"{path}:{line}: {text}")
        self.path, self.line, self.text = path, line, text
