"""A toy course: one lesson, two exercises, and a stand-in for dlutils that starts at once."""

import shutil
from pathlib import Path

import pytest

pytest.importorskip("jupytext")

TOY_LESSON = '''\
# %% [markdown]
# # What is a mean?
# The course lives at {{repository}}, this lesson is {{lesson}}.

# %% setup=true
import sys

from dlutils import checks, claims

print("toy: tensorflow on cpu, profile quick, seed 5")
print("chatter of a library", file=sys.stderr)

# %%
total = sum([1, 2, 3])
total

# %% exercise="mean"
def mean(values):
    """The arithmetic mean of a list."""
    ### BEGIN SOLUTION
    accumulated = sum(values)  # exact for integers
    return accumulated / len(values)
    ### END SOLUTION

# %% checks="mean" points=4
@checks.exercise("mean")
def _(ask):
    assert ask("mean", [1, 2, 6]) == 3

# %% exercise="scaler"
class Scaler:
    def __init__(self, factor):
        ### BEGIN SOLUTION
        self.hidden_factor = factor
        ### END SOLUTION

    def __call__(self, value):
        ### BEGIN SOLUTION
        return self.hidden_factor * value
        ### END SOLUTION

# %% harness="scaler"
def scaled(factor, value):
    return Scaler(factor)(value)

# %% checks="scaler" points=6
@checks.exercise("scaler")
def _(ask):
    assert ask("scaled", 3, 2) == 6

# %%
claims.at_least("quality", 0.75, 0.5)

# %% tags=["nbval-ignore-output"]
import random

print("takes", random.SystemRandom().random(), "seconds")
'''

TOY_CHECKS = """\
import sys


class NotYet(Exception):
    pass


class Failed(Exception):
    pass


def ask(name, *args):
    try:
        return vars(sys.modules["__main__"])[name](*args)
    except NotImplementedError:
        raise NotYet(name) from None


def exercise(name):
    def run(check):
        try:
            check(ask)
        except AssertionError:
            raise Failed(name) from None
        print(f"{name}: correct")

    return run
"""

TOY_CLAIMS = """\
import json
import os


class Broken(Exception):
    pass


def at_least(name, value, bar):
    value += int(os.environ.get("DLUTILS_SEED", 0)) / 100
    holds = value >= bar
    if "DLUTILS_REPORT" in os.environ:
        line = {
            "lesson": "01_toy", "claim": name, "value": value, "bar": bar, "relation": "at_least",
            "holds": holds, "profile": os.environ["DLUTILS_PROFILE"],
            "backend": os.environ["KERAS_BACKEND"], "device": "cpu",
            "seed": int(os.environ.get("DLUTILS_SEED", 5)), "seconds": 0.1,
        }
        with open(os.environ["DLUTILS_REPORT"], "a") as file:
            file.write(json.dumps(line) + "\\n")
    if not holds:
        raise Broken(f"claim broken: {name} {value}, but at least {bar} was claimed")
    print(f"{name} {value} (at least {bar}): holds")
"""

SETTINGS = '[tool.coursetools]\nrepository = "https://example.org/course"\n'


def write_course(root: Path, lesson: str = TOY_LESSON) -> Path:
    """The toy course's sources under `root`, nothing built."""
    files = {
        "lessons/01_toy.py": lesson,
        "dlutils/__init__.py": "",
        "dlutils/checks.py": TOY_CHECKS,
        "dlutils/claims.py": TOY_CLAIMS,
        "pyproject.toml": SETTINGS,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(autouse=True, scope="module")
def clean_environment():
    """For fixtures of a whole file too: other tests in this process choose a backend."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DLUTILS_SEED", "DLUTILS_PROFILE", "DLUTILS_REPORT", "KERAS_BACKEND"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def toy_text():
    return TOY_LESSON


@pytest.fixture
def sources(tmp_path):
    """The toy course, not built."""
    from coursetools.course import Course

    return Course(write_course(tmp_path / "course"))


@pytest.fixture(scope="session")
def built_once(tmp_path_factory):
    from coursetools.build import build
    from coursetools.course import Course

    root = write_course(tmp_path_factory.mktemp("toy") / "course")
    assert [built.executed for built in build(Course(root))] == [True]
    return root


@pytest.fixture
def built(built_once, tmp_path):
    """The toy course, built; a copy that a test may spoil."""
    from coursetools.course import Course

    return Course(Path(shutil.copytree(built_once, tmp_path / "course")))


@pytest.fixture
def edit(request):
    """`edit(course, old, new)` changes the toy lesson's text."""

    def change(course, old, new):
        path = course.lessons / "01_toy.py"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change
