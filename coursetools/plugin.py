"""The pytest plugin: `pytest --nbval` on this course's notebooks, from any folder.

It is loaded into every pytest run of the environment, so it imports nothing but pytest until a
notebook of this course is collected, and leaves every other file alone (`-p no:coursetools`
switches it off).
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


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Let nbval collect, then adapt what it made of a notebook of this course."""
    collected = yield
    option = parent.config.option
    if file_path.suffix == ".ipynb" and (
        getattr(option, "nbval", False) or getattr(option, "nbval_lax", False)
    ):
        for file in collected:
            if hasattr(file, "skip_compare") and is_ours(file_path):
                _adapt(file)
    return collected


def pytest_itemcollected(item):
    """Take colour codes out of a failing cell's report where nobody asked for colour."""
    if not getattr(item.parent, "of_this_course", False) or _coloured(item.config):
        return
    original = item.repr_failure
    item.repr_failure = lambda excinfo: _ANSI.sub("", str(original(excinfo)))


def is_ours(path: Path) -> bool:
    """Whether a notebook's metadata says that it belongs to this course."""
    try:
        metadata = json.loads(path.read_text("utf-8"))["metadata"]
        return isinstance(metadata.get("course"), dict)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _adapt(file) -> None:
    file.of_this_course = True
    file.skip_compare += SKIPPED
    given = file.get_sanitize_files
    file.get_sanitize_files = lambda: [SANITIZER, *given()]
    setup = file.setup

    def setup_with_defaults():
        _choose_kernel(file)
        with _kernel_environment():
            setup()

    file.setup = setup_with_defaults


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
