"""The pytest plugin: `pytest --nbval` on this course's notebooks, from any folder.

The course's own notebooks run whole under nbval, adapted to it; those that were handed in are
graded instead (see `grading.entry` for what is taken for a hand-in) and never opened by nbval.

It is loaded into every pytest run of the environment, so it imports nothing but pytest until
`--nbval` is given, and leaves every other file alone (`-p no:coursetools` switches it off).
"""

import json
import os
import re
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

SANITIZER = str(Path(__file__).resolve().with_name("nbval_sanitize.cfg"))
# Progress bars and warnings differ from run to run; nbval has no option to leave them out.
SKIPPED = ("stderr",)
# What a kernel of ours starts with unless given: as the build executes. None removes a variable,
# because a plotting backend chosen for pytest would keep figures out of the notebook.
_DEFAULTS = {"DLUTILS_PROFILE": "quick", "PYTHONHASHSEED": "0"}
_REMOVED = ("MPLBACKEND",)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LARGEST = 50 * 2**20  # bytes of a notebook that is looked into


def pytest_addoption(parser):
    """What grading needs to be told."""
    group = parser.getgroup("coursetools", "grading hand-ins of the course (with --nbval)")
    group.addoption("--course", metavar="DIR", help="The course (default: coursetools' own).")
    group.addoption(
        "--grades",
        metavar="DIR",
        help="Grade what is there; keep results, gradebook and feedback here.",
    )
    group.addoption("--roster", metavar="FILE", help="A CSV of all students.")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config):
    """Find out whether this run grades, before a conftest.py beside a hand-in is loaded."""
    if _asks_nbval(early_config.known_args_namespace):
        from coursetools.grading import entry

        entry.prepare(early_config)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Let nbval collect, then adapt what it made of the course's own notebooks."""
    collected = yield
    if file_path.suffix == ".ipynb" and _asks_nbval(parent.config.option):
        for file in collected:
            if hasattr(file, "skip_compare") and is_ours(file_path):
                _adapt(file)
    return collected


def _asks_nbval(option) -> bool:
    return getattr(option, "nbval", False) or getattr(option, "nbval_lax", False)


def pytest_itemcollected(item):
    """Take colour codes out of a failing cell's report where nobody asked for colour."""
    if not getattr(item.parent, "of_this_course", False) or _coloured(item.config):
        return
    original = item.repr_failure
    item.repr_failure = lambda excinfo: _ANSI.sub("", str(original(excinfo)))


def is_ours(path: Path) -> bool:
    """Whether a notebook's metadata says that it belongs to this course."""
    return course_metadata(path) is not None


def course_metadata(path: Path) -> dict | None:
    """What a notebook says of its course; None where it says nothing, or cannot be read."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:  # a pipe would keep us waiting
            return None
        course = json.loads(path.read_text("utf-8"))["metadata"].get("course")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return course if isinstance(course, dict) else None


def _adapt(file) -> None:
    from coursetools.grading.entry import COURSE, is_master

    file.of_this_course = True
    if not is_master(file.path, file.config.stash.get(COURSE, None)):
        file.collect = lambda: _refuse(file)
        return
    file.skip_compare += SKIPPED
    given = file.get_sanitize_files
    file.get_sanitize_files = lambda: [SANITIZER, *given()]
    setup = file.setup

    def setup_with_defaults():
        _choose_kernel(file)
        with _kernel_environment():
            setup()

    file.setup = setup_with_defaults


def _refuse(file):
    """A notebook of this course that was neither handed in nor is a master is not run."""
    raise file.CollectError(
        f"{file.path} is of this course, but none of its own notebooks, so it is not run; name "
        "the folder that it was handed in to, or its course with --course DIR."
    )


@contextmanager
def _kernel_environment():
    """The variables a kernel inherits, put back afterwards for whatever else pytest runs."""
    wanted = {name: os.environ.get(name, value) for name, value in _DEFAULTS.items()}
    wanted.update(dict.fromkeys(_REMOVED))
    before = {name: os.environ.get(name) for name in wanted}
    _set(wanted)
    try:
        yield
    finally:
        _set(before)


def _set(variables) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _choose_kernel(file) -> None:
    """Run in the interpreter that runs pytest, unless a kernel was asked for by name."""
    if file.config.option.nbval_kernel_name:
        return
    from nbval.kernel import CURRENT_ENV_KERNEL_NAME

    file.nb.metadata.setdefault("kernelspec", {})["name"] = CURRENT_ENV_KERNEL_NAME


def _coloured(config) -> bool:
    wanted = getattr(config.option, "color", "auto")
    return wanted == "yes" or (wanted == "auto" and sys.stdout.isatty())
