"""The autograder's zip: the same bytes always, nothing secret in it, and always a results.json."""

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coursetools.cli import app
from coursetools.course import Course
from coursetools.errors import CourseError
from coursetools.grading.autograder import results
from coursetools.grading.graded import Graded
from coursetools.grading.gradescope import build_autograder
from coursetools.grading.judge import Verdict
from coursetools.leaks import secret_lines
from coursetools.source import read_lesson

ROOT = Path(__file__).parents[2]
COURSE = Course(ROOT)
SOLUTION, STUDENT = (ROOT / folder / "05_cnns.ipynb" for folder in ("solutions", "notebooks"))
POINTS = {"convolve": 3, "max_pool": 2, "trace": 2, "residual_block": 3}

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("bash"), reason="Gradescope's containers run Linux"
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("zip") / "autograder.zip"
    done = CliRunner().invoke(
        app, ["gradescope", "--out", str(path), "--lesson", "05", "--course", str(ROOT)]
    )
    assert done.exit_code == 0, done.output
    assert "05_cnns" in done.output
    return path


@pytest.fixture
def container(archive, tmp_path):
    """A folder laid out as Gradescope's /autograder, nothing handed in yet."""
    root = tmp_path / "autograder"
    for folder in ("source", "submission", "results"):
        (root / folder).mkdir(parents=True)
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(root / "source")
    shutil.copy(root / "source" / "run_autograder", root)
    (root / "run_autograder").chmod(0o755)  # as Gradescope does
    users = [{"id": 1234, "name": "<b>Ann</b>", "email": "a@x.org"}]
    (root / "submission_metadata.json").write_text(json.dumps({"id": 1, "users": users}))
    return root


def run(root, path=None, python=sys.executable):
    """The report of run_autograder, proved to be what Gradescope reads."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    environment = {
        **kept,
        "PATH": path or os.environ["PATH"],
        "AUTOGRADER_ROOT": str(root),
        "AUTOGRADER_PYTHON": str(python),
    }
    done = subprocess.run(
        [root / "run_autograder"], cwd=root, env=environment, capture_output=True, timeout=600
    )
    assert done.returncode == 0, done.stderr.decode()
    text = (root / "results" / "results.json").read_bytes()
    assert text.isascii()
    return proved(json.loads(text)), done.stdout.decode()


def proved(report):
    known = {"score", "execution_time", "output", "output_format", "visibility", "tests"}
    assert set(report) <= known | {"stdout_visibility"}
    assert isinstance(report["score"], int)
    assert isinstance(report["output"], str)
    assert report["score"] == sum(test["score"] for test in report["tests"])
    for test in report["tests"]:
        keys = {"name", "score", "max_score", "status", "output", "output_format", "visibility"}
        assert set(test) == keys
        assert 0 <= test["score"] <= test["max_score"]
        assert test["status"] == ("passed" if test["score"] else "failed")
        assert (test["output_format"], test["visibility"]) == ("text", "visible")
    return report


def scores(report):
    return {test["name"]: (test["score"], test["max_score"]) for test in report["tests"]}


def test_the_zip_has_the_same_bytes_from_another_folder_at_another_time(archive, tmp_path):
    other = tmp_path / "elsewhere"
    names = ("coursetools", "dlutils", "lessons", "notebooks")
    for name in names:
        shutil.copytree(ROOT / name, other / name, copy_function=shutil.copyfile)
    for name in ("requirements.txt", "constraints.txt"):
        text = (ROOT / name).read_bytes()
        (other / name).write_bytes(text.replace(b"\n", b"\r\n"))  # a checkout on Windows
    (other / "dlutils" / "__pycache__").mkdir(exist_ok=True)
    (other / "dlutils" / "__pycache__" / "x.pyc").write_bytes(b"junk")
    (other / "dlutils" / ".hidden").write_text("junk")
    again = tmp_path / "again.zip"
    build_autograder(Course(other), again, ["05"])
    assert again.read_bytes() == archive.read_bytes()


def test_the_zip_is_laid_out_as_gradescope_wants_it(archive):
    with zipfile.ZipFile(archive) as zipped:
        entries = {entry.filename: entry for entry in zipped.infolist()}
        scripts = {name: zipped.read(name) for name in ("setup.sh", "run_autograder")}
        requirements = zipped.read("requirements.txt").decode()
    modes = {name: stat.S_IMODE(entry.external_attr >> 16) for name, entry in entries.items()}
    assert {name for name, mode in modes.items() if mode == 0o755} == set(scripts)
    assert set(modes.values()) == {0o755, 0o644}
    assert list(entries) == sorted(entries)
    for name, text in scripts.items():
        assert text.startswith(b"#!/usr/bin/env bash\n")
        checked = subprocess.run(["bash", "-n"], input=text, capture_output=True)
        assert checked.returncode == 0, f"{name}: {checked.stderr.decode()}"
    assert "tensorflow" in requirements
    assert "-e" not in requirements


def test_the_zip_holds_no_solution_and_nothing_of_other_lessons(archive):
    with zipfile.ZipFile(archive) as zipped:
        names = zipped.namelist()
        text = "\n".join(zipped.read(name).decode("utf-8", "replace") for name in names)
    tops = {name.split("/")[0] for name in names}
    files = {"setup.sh", "run_autograder", "requirements.txt", "constraints.txt"}
    assert tops == files | {"coursetools", "dlutils", "lessons", "notebooks"}
    secret = secret_lines(read_lesson(ROOT / "lessons" / "05_cnns.py"))
    assert len(secret) > 5
    assert [line for line in secret if line in text] == []


def test_a_zip_that_cannot_be_made_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(CourseError, match="name another file with --out"):
        build_autograder(COURSE, tmp_path / "none" / "a.zip")
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "05_cnns.py").write_text("")
    with pytest.raises(CourseError, match="coursetools build 05_cnns"):
        build_autograder(Course(tmp_path), tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_a_solved_hand_in_gets_all_points_whatever_its_name(container):
    shutil.copy(SOLUTION, container / "submission" / "Untitled (1).ipynb")
    (container / "submission" / "keras.py").write_text("raise SystemExit('shadowed')")
    report, said = run(container)
    assert report["score"] == 10, said
    assert scores(report) == {name: (points, points) for name, points in POINTS.items()}
    assert report["stdout_visibility"] == "hidden"
    assert report["execution_time"] > 0


def test_a_blank_hand_in_gets_none_and_without_bubblewrap_the_report_says_so(container, tmp_path):
    shutil.copy(STUDENT, container / "submission" / "05_cnns.ipynb")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "mkdir", "rm"):
        (tools / name).symlink_to(shutil.which(name))
    report, said = run(container, path=str(tools))
    assert scores(report) == {name: (0, points) for name, points in POINTS.items()}
    assert all(test["output"] for test in report["tests"])
    assert "without a fence" in report["output"]
    assert "Not fenced" in said


def test_a_damaged_hand_in_is_named_and_worth_nothing(container):
    (container / "submission" / "05_cnns.ipynb").write_bytes(SOLUTION.read_bytes()[:5000])
    (container / "submission_metadata.json").write_text("no JSON")
    report, _ = run(container)
    assert scores(report) == {"05_cnns": (0, 10)}
    assert "breaks off" in report["tests"][0]["output"]


def test_no_hand_in_is_said_and_worth_nothing(container):
    (container / "submission" / "notes.txt").write_text("my answers")
    report, _ = run(container)
    assert scores(report) == {"05_cnns": (0, 10)}
    assert "No notebook" in report["output"]
    shutil.rmtree(container / "submission")
    assert "No notebook" in run(container)[0]["output"]


def test_a_failure_of_the_grader_is_no_verdict_and_still_a_report(container, tmp_path):
    shutil.copy(STUDENT, container / "submission")
    (container / "results" / "results.json").write_text('{"score": 10, "tests": []}')
    killed = tmp_path / "python"
    killed.write_text("#!/usr/bin/env bash\nkill -KILL $$\n")
    killed.chmod(0o755)
    report, said = run(container, python=killed)
    assert report["score"] == 0
    assert "no verdict" in report["output"]
    assert "137" in said
    shutil.rmtree(container / "source" / "lessons")
    report, said = run(container)
    assert report["score"] == 0
    assert "no verdict" in report["output"]
    assert "CourseError" in said


def test_of_several_notebooks_the_best_counts_and_the_report_says_so():
    def graded(points, file, **more):
        verdict = Verdict("pool", "right" if points else "wrong", points, 3, "a\x1b[31m hint")
        return Graded("7", "05_cnns", file, points, 3, (verdict,), **more)

    report = proved(results([graded(0, "a"), graded(3, "b"), graded(0, "c")]))
    assert scores(report) == {"pool": (3, 3)}
    assert "3 times" in report["output"]
    assert "\x1b" not in report["tests"][0]["output"]
    unknown = Graded("7", None, "x", 0, 0, problem="no lesson of this course is called None")
    report = proved(results([unknown, graded(3, "b")]))
    assert report["score"] == 3
    assert any("no lesson" in test["output"] for test in report["tests"])
    failed = Graded("7", "05_cnns", "x", 0, 10, remarks=("it broke",), failed=True)
    assert "a person will look" in proved(results([failed]))["output"]
