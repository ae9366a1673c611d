"""A light course for tests of runs: one lesson that needs NumPy alone, so that it starts at once.

Its check obeys the answers below, which only a test's hand-ins give: what a check does, the
grading process itself does.
"""

import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from coursetools.course import Course

ROOT = Path(__file__).parents[2]
LESSON = "01_light"
SETUP = "import numpy as np\n\nfrom dlutils import checks"
BLANK = "    raise NotImplementedError"
# Answers that make the check do what no check should, in the process that judges.
DIE, DIE_ONCE, EXIT, KILL_SERVER, FAULT = 666, 665, 667, 664, 668
CHECK = f"""\
@checks.exercise("double")
def _(check):
    import os
    import signal

    answer = check.ask("double", 21)
    flag = os.environ.get("LIGHT_FLAG", "")
    if answer in ({DIE_ONCE}, {KILL_SERVER}) and not os.path.exists(flag):
        open(flag, "w").close()
        import psutil

        own = psutil.Process()
        for victim in [own] if answer == {DIE_ONCE} else own.children(recursive=True):
            if victim.is_running():
                victim.send_signal(signal.SIGKILL)
    if answer == {DIE}:
        os.kill(os.getpid(), signal.SIGKILL)
    if answer == {EXIT}:
        raise SystemExit(3)
    if answer == {FAULT}:
        raise RuntimeError("a fault of the check")
    check.that(answer in (42, {DIE_ONCE}, {KILL_SERVER}), hint=f"Twice 21 is not {{answer}}.")
"""
HALF = """\
@checks.exercise("half")
def _(check):
    x = check.rng.random(3)
    y = check.array(check.ask("half", x), x.shape, hint="One for each.")
    check.close(y, x / 2, hint="Half.")
"""


def make_course(root: Path) -> Course:
    """The course under `root`: exercises double (4 points) and half (6)."""
    (root / "lessons").mkdir(parents=True)
    (root / "notebooks").mkdir()
    (root / "lessons" / f"{LESSON}.py").write_text("")
    (root / "pyproject.toml").write_text("")
    (root / "dlutils").mkdir()
    shutil.copy(ROOT / "dlutils" / "__init__.py", root / "dlutils")
    kept = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "dlutils" / "checks", root / "dlutils" / "checks", ignore=kept)
    nbformat.write(_notebook(BLANK, BLANK), root / "notebooks" / f"{LESSON}.ipynb")
    return Course(root)


def hand_in(folder: Path, student: str, double: str = "return 2 * x", half: str = "return x / 2"):
    """A hand-in with these function bodies; None for a blank one. Its path."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{student}_{LESSON}.ipynb"
    bodies = [BLANK if body is None else f"    {body}" for body in (double, half)]
    nbformat.write(_notebook(*bodies), path)
    return path


def _notebook(double: str, half: str):
    cells = [
        _cell("setup", SETUP),
        _cell("exercise", f"def double(x):\n{double}", "double"),
        _cell("check", CHECK, "double", points=4),
        _cell("exercise", f"def half(x):\n{half}", "half"),
        _cell("check", HALF, "half", points=6),
    ]
    return new_notebook(cells=cells, metadata={"course": {"lesson": LESSON}})


def _cell(role: str, source: str, exercise: str | None = None, **more):
    course = {"role": role, **more} | ({"exercise": exercise} if exercise else {})
    return new_code_cell(source, id=f"{role}-{exercise}", metadata={"course": course})
