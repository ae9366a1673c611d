"""A run that is killed and started again yields the gradebook of one that was not."""

import os
import signal
import sys

import light
import pytest
import runs

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="kills a process group")

# The command, killed with all its processes just before it puts a certain file in its place: a
# moment that no luck decides. The arguments: the file's name or folder, how many came before it.
KILLED = """\
import os, signal, sys
from pathlib import Path

real = os.replace

def replace(source, target):
    global left
    if what in (Path(target).name, Path(target).parent.name):
        if left == 0:
            os.killpg(0, signal.SIGKILL)
        left -= 1
    real(source, target)

if __name__ == "__main__":  # not in the workers
    what, left = sys.argv.pop(1), int(sys.argv.pop(1))
    os.replace = replace
    from coursetools.cli import app
    app()
"""
REPORTS = ("gradebook.csv", "grades.json")
MOMENTS = {
    "the second result": ("results", 1),
    "the fifth result": ("results", 4),
    "the middle of the reports": ("grades.json", 0),
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return light.make_course(tmp_path_factory.mktemp("resumed") / "course")


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handed")
    for number, double in enumerate(("return 2 * x", "return 3 * x", None, "1 / 0") * 2):
        light.hand_in(folder, f"ann{number}", double)
    light.hand_in(folder, "eve").write_text("{")
    return folder


@pytest.fixture(scope="module")
def unbroken(course, handed, tmp_path_factory):
    """The folder of a run that nothing disturbed."""
    out = tmp_path_factory.mktemp("unbroken")
    finish(course, handed, out)
    return out


def finish(course, handed, out):
    process = runs.start([handed, "--out", out, "--course", course.root])
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_goes_on_to_the_same_gradebook(course, handed, unbroken, tmp_path, moment):
    what, number = MOMENTS[moment]
    out, script = tmp_path / "out", tmp_path / "killed.py"
    out.mkdir()
    (out / "secret").write_bytes((unbroken / "secret").read_bytes())
    script.write_text(KILLED)
    arguments = [handed, "--out", out, "--course", course.root]
    process = runs.start(
        arguments,
        command=[sys.executable, script, what, str(number), "grade"],
        env={**os.environ, "PYTHONPATH": str(runs.ROOT)},
    )
    said, _ = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, said
    assert runs.kept(out) == (number if what == "results" else 9)
    assert not (out / "grades.json").exists()
    before = {path: path.stat().st_mtime_ns for path in (out / "results").glob("*.json")}
    finish(course, handed, out)
    for name in REPORTS:
        assert (out / name).read_bytes() == (unbroken / name).read_bytes()
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert not list(out.rglob(".*.new"))
