"""Where a course keeps its lessons and notebooks."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from coursetools.errors import CourseError

LESSON_NAME = re.compile(r"\d\d_[a-z0-9_]+")


@dataclass(frozen=True)
class Course:
    """A checkout of the course: `root` holds lessons/, notebooks/, solutions/ and dlutils/."""

    root: Path

    @property
    def lessons(self) -> Path:
        return self.root / "lessons"

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks"

    @property
    def solutions(self) -> Path:
        return self.root / "solutions"

    @cached_property
    def repository(self) -> str | None:
        """The address in pyproject.toml's `[tool.coursetools] repository`, or None."""
        path = self.root / "pyproject.toml"
        if not path.is_file():
            return None
        try:
            settings = tomllib.loads(path.read_text("utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise CourseError(
                f"{path} is not valid TOML ({error}), so no setting can be read; mend it."
            ) from None
        return settings.get("tool", {}).get("coursetools", {}).get("repository")

    def lesson_paths(self) -> list[Path]:
        """All lesson sources, in the order of their numbers; refuses a name not like `05_cnns`."""
        paths = sorted(self.lessons.glob("*.py"))
        for path in paths:
            if not LESSON_NAME.fullmatch(path.stem):
                raise CourseError(
                    f"lessons/{path.name} is not named like 05_cnns.py, so it has no place in the "
                    "course; rename it, or move it out of lessons/."
                )
        return paths

    def select(self, names: Iterable[str]) -> list[Path]:
        """Lesson sources for `05`, `05_cnns`, a path to a lesson or its notebook; all for none."""
        names = list(names)
        if not names:
            paths = self.lesson_paths()
            if not paths:
                raise CourseError(
                    f"{self.lessons} holds no lesson, so there is nothing to do; "
                    "name another course with --course."
                )
            return paths
        return list(dict.fromkeys(self._find(name) for name in names))

    def _find(self, name: str) -> Path:
        paths = self.lesson_paths()
        wanted = Path(name).stem if name.endswith((".py", ".ipynb")) else name
        found = [path for path in paths if wanted in (path.stem, path.stem[:2])]
        if len(found) == 1:
            return found[0]
        if found:
            listed = ", ".join(path.stem for path in found)
            raise CourseError(f"{name} means {listed}; give the whole name.")
        listed = ", ".join(path.stem for path in paths) or "none"
        raise CourseError(f"there is no lesson {name} in {self.lessons}; there are: {listed}.")

    def shown(self, path: Path) -> str:
        """`path` as messages show it: relative to the course where it lies inside."""
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return str(path)


def find_course(given: Path | None = None, start: Path | None = None) -> Course:
    """The course at `given`, else around `start` (default: here), else the one we are part of.

    Raises CourseError where that folder has no lessons/.
    """
    if given is not None:
        root = given.resolve()
        if not (root / "lessons").is_dir():
            raise CourseError(
                f"{root} has no folder lessons/, so it is no course; name another with --course."
            )
        return Course(root)
    here = (start or Path.cwd()).resolve()
    own = Path(__file__).resolve().parent.parent
    for folder in (here, *here.parents, own):
        if (folder / "lessons").is_dir() and (folder / "pyproject.toml").is_file():
            return Course(folder)
    raise CourseError(
        f"no course around {here} (a folder with lessons/ and pyproject.toml); "
        "name one with --course DIR."
    )


def trusted_course(given: Path | None = None) -> Course:
    """The course at `given`, else the one that this package is part of: what grading goes by.

    Never one found around the working folder, which may be a folder of hand-ins. Raises
    CourseError where that folder has no lessons/.
    """
    return find_course(given or Path(__file__).resolve().parent.parent)
