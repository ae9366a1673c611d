"""`pytest --nbval` on hand-ins: graded under guard, nothing beside them read, others left alone."""

import csv
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import pytest
from light import FAULT, LESSON, ROOT, hand_in, make_course

from coursetools.course import Course
from coursetools.grading.entry import is_master
from coursetools.grading.under_pytest import Grading

ENTRY = "[pytest11]\ncoursetools = coursetools.plugin\n"
FOREIGN = (
    '{"cells": [{"cell_type": "code", "id": "a", "source": "1", "metadata": {}, "outputs": [], '
    '"execution_count": null}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
)
# What every file of a learner's would do if it were ever run or imported.
TRAP = "open({!r}, 'a').write(__file__ + '\\n')\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a course of one light lesson, and what makes the plugin known."""
    place = tmp_path_factory.mktemp("place")
    make_course(place / "course")
    info = place / "site" / "coursetools_entry-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: coursetools-entry\nVersion: 0\n")
    (info / "entry_points.txt").write_text(ENTRY)
    return place


@pytest.fixture(scope="module")
def run(place):
    """`run(cwd, *args)`: a pytest of its own on the light course; (exit code, what it said)."""

    def run(cwd, *args, command=("pytest",), course=True, **env):
        named = [f"--course={place}/course"] if course else []
        path = os.pathsep.join(map(str, (ROOT, place / "site")))
        # -P: what `pytest`, unlike `python -m pytest`, starts with.
        done = subprocess.run(
            [sys.executable, "-P", "-m", *command, *map(str, args), *named],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": path, **env},
            capture_output=True,
            text=True,
            timeout=300,
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def handed(place):
    """A folder of hand-ins, good, bad and unreadable, beside files that must never run."""
    folder, trap = place / "handed", TRAP.format(str(place / "sprung"))
    hand_in(folder, "ann")
    hand_in(folder, "bob", None, None)
    hand_in(folder, "cat", "return 3 * x")
    hand_in(folder, "dan", f"return {FAULT}")
    hand_in(folder, "eve\x1b[2K\n").rename(folder / "eve\x1b[2K\nmy work.ipynb")
    (folder / f"fay_{LESSON}.ipynb").write_bytes((folder / f"ann_{LESSON}.ipynb").read_bytes()[:99])
    (folder / f"gus_{LESSON}.ipynb").symlink_to(place / "course" / "notebooks" / f"{LESSON}.ipynb")
    (folder / f"hal_{LESSON}.ipynb").symlink_to("/nowhere")
    os.mkfifo(folder / f"ida_{LESSON}.ipynb")
    (folder / f"joe_{LESSON}.ipynb").mkdir()
    with (folder / f"kay_{LESSON}.ipynb").open("wb") as file:
        file.truncate(300 * 2**20)
    (folder / "lea_77.ipynb").write_text(FOREIGN)
    for name in ("conftest.py", "numpy.py", "sitecustomize.py", "test_it.py", "__init__.py"):
        (folder / name).write_text(trap)
    for package in ("dlutils", "build"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text(trap)
        (folder / package / "conftest.py").write_text(trap)
    hand_in(folder / "build", "max")  # pytest itself would not look into a folder called build
    return folder


@pytest.fixture(scope="module")
def graded(run, handed, place):
    """One run over all of them from within their folder: exit code, output, where grades are."""
    out = place / "out"
    (place / "roster.csv").write_text("student\nann\nzoe\n")
    options = [f"--grades={out}", f"--roster={place}/roster.csv", f"--junit-xml={place}/j.xml"]
    code, said = run(handed, "--nbval", ".", *options)
    return code, said, out


def outcomes(place):
    """(file, item) -> its element in the JUnit file."""
    cases = ET.parse(place / "j.xml").iter("testcase")
    return {(case.get("classname").rpartition(".")[0], case.get("name")): case for case in cases}


def properties(case):
    return {entry.get("name"): entry.get("value") for entry in case.iter("property")}


def test_right_passes_wrong_and_blank_fail_and_a_fault_of_the_check_is_an_error(graded, place):
    assert graded[0] == 1
    found = {}
    for case in outcomes(place).values():
        about = properties(case)
        result = [child for child in case if child.tag in ("failure", "error")]
        kind = result[0].tag if result else "passed"
        points = f"{about['points']} of {about['possible']}"
        student, name = about["student"], case.get("name").split("::")[-1]
        found[student, name] = (kind, about["outcome"], points)
    assert found[("ann", "double")] == ("passed", "right", "4 of 4")
    assert found[("ann", "half")] == ("passed", "right", "6 of 6")
    assert found[("bob", "half")] == ("failure", "blank", "0 of 6")
    assert found[("cat", "double")] == ("failure", "wrong", "0 of 4")
    assert found[("cat", "half")] == ("passed", "right", "6 of 6")
    assert found[("dan", "double")] == ("error", "undecided", "0 of 4")
    assert found[("dan", "half")] == ("passed", "right", "6 of 6")
    assert found[("eve my work", "half")] == ("passed", "right", "6 of 6")
    assert found[("build", "double")] == ("passed", "right", "4 of 4")
    for student in ("fay", "gus", "hal", "ida", "joe", "kay"):
        assert found[student, "notebook"] == ("failure", "not read", "0 of 10")
    assert found[("lea_77", "notebook")] == ("failure", "not read", "0 of 0")
    assert len(found) == 19


def test_hints_and_reasons_are_told_without_a_traceback(graded):
    said = graded[1]
    assert "Twice 21 is not 63." in said
    assert "half: not solved yet" in said
    assert "RuntimeError: a fault of the check" in said
    for word in ("breaks off", "a link", "a pipe", "a folder", "larger than", "no lesson of this"):
        assert word in said, word
    assert "Traceback" not in said
    assert ".py:" not in said
    assert "\x1b" not in said


def test_the_summary_has_a_line_for_each_hand_in_and_for_who_handed_in_nothing(graded):
    summary = graded[1].partition("= grades =")[2]
    assert f"10 of 10  {LESSON}  ann\n" in summary
    assert f"0 of 10  {LESSON}  bob\n" in summary
    assert f"undecided  {LESSON}  dan\n" in summary
    assert "zoe handed in nothing" in summary
    assert "Gradebook and feedback are in" in summary


def test_the_gradebook_holds_every_hand_in(graded):
    with (graded[2] / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        points = {row["student"]: row["points"] for row in csv.DictReader(file)}
    assert len(points) == 13 + 1
    assert (points["ann"], points["cat"], points["kay"]) == ("10", "6", "0")
    assert "zoe" in points


def test_nothing_that_lies_beside_hand_ins_was_run_or_imported(graded, place):
    assert not (place / "sprung").exists()


def test_a_second_run_takes_what_is_known_and_selects_as_pytest_does(graded, run, handed, place):
    before = (graded[2] / "gradebook.csv").read_text()
    kept = {path: path.stat().st_mtime_ns for path in (graded[2] / "results").iterdir()}
    known = ("--nbval-lax", "--grades", graded[2])
    code, said = run(place, *known, handed, "-k", "half and (ann or cat)")
    assert (code, "2 passed" in said) == (0, True), said
    assert "left as they are" in said
    code, said = run(
        place, *known, handed / f"cat_{LESSON}.ipynb::double", "-p", "no:cacheprovider"
    )
    assert (code, "1 failed" in said, "1 passed" in said) == (1, True, False), said
    assert (graded[2] / "gradebook.csv").read_text() == before
    assert {path: path.stat().st_mtime_ns for path in (graded[2] / "results").iterdir()} == kept


def test_last_failures_are_run_again_alone(run, place, tmp_path):
    hand_in(tmp_path / "handed", "ann")
    hand_in(tmp_path / "handed", "bob", "return 0")
    code, said = run(tmp_path, "--nbval", "handed")
    assert "1 failed, 3 passed" in said
    hand_in(tmp_path / "handed", "bob")
    code, said = run(tmp_path, "--nbval", "handed", "--lf")
    assert (code, "1 passed" in said) == (0, True), said


def test_collecting_alone_grades_nothing(run, handed, tmp_path):
    code, said = run(tmp_path, "--nbval", handed, "--co", "-q", "--grades", tmp_path / "out")
    assert code == 0, said
    assert f"ann_{LESSON}.ipynb::double" in said
    assert f"ida_{LESSON}.ipynb::notebook" in said
    assert "19 tests collected" in said
    assert not (tmp_path / "out").exists()


def test_hand_ins_of_one_lesson_are_graded_one_after_another():
    def item(name, lesson=None):
        about = {} if lesson is None else {"submission": SimpleNamespace(lesson=lesson)}
        return SimpleNamespace(name=name, parent=SimpleNamespace(**about))

    items = [item("a", "05"), item("b", "01"), item("c"), item("d", "05"), item("e", "01")]
    Grading.pytest_collection_modifyitems(None, items)
    assert [each.name for each in items] == ["c", "b", "e", "a", "d"]


def test_files_may_be_named_one_by_one_pipes_and_broken_links_too(run, handed, place):
    files = [path for path in sorted(handed.glob("*.ipynb")) if path.name.isprintable()]
    code, said = run(place, "--nbval", *files, "--co", "-q")
    assert (code, "15 tests collected" in said) == (0, True), said


def test_workers_of_xdist_grade_and_their_controller_reports(run, place, tmp_path):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    folder = tmp_path / "handed"
    hand_in(folder, "ann")
    hand_in(folder, "bob", None)
    out = tmp_path / "out"
    workers = ("-n", "2", "--dist", "loadfile")
    code, said = run(folder, "--nbval", ".", *workers, "--grades", out)
    assert (code, "1 failed, 3 passed" in said) == (1, True), said
    assert f"10 of 10  {LESSON}  ann\n" in said
    assert (out / "gradebook.csv").read_text().count(LESSON) >= 2
    assert len(list((out / "results").iterdir())) == 2


def test_one_folder_serves_one_run_at_a_time(run, place, tmp_path):
    from coursetools.grading.results import locked

    hand_in(tmp_path / "handed", "ann")
    with locked(tmp_path / "out"):
        code, said = run(tmp_path, "--nbval", "handed", "--grades", tmp_path / "out")
    assert (code, "another run is grading" in said) == (pytest.ExitCode.USAGE_ERROR, True), said


def test_settings_among_hand_ins_are_refused(run, tmp_path):
    folder = tmp_path / "handed"
    hand_in(folder, "bob", None)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -k nothing\n")
    code, said = run(tmp_path, "--nbval", "handed")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "coursetools grade" in said
    (tmp_path / "own.ini").write_text("[pytest]\n")
    code, said = run(tmp_path, "--nbval", "handed", "-c", "own.ini")
    assert (code, "1 failed, 1 passed" in said) == (1, True), said


def test_switched_off_the_plugin_grades_nothing(run, tmp_path):
    hand_in(tmp_path, "ann")
    _, said = run(tmp_path, "--nbval", "-p", "no:coursetools", "--co", "-q", ".", course=False)
    assert "::Cell 0" in said


def test_somebody_elses_project_is_left_to_nbval(run, tmp_path):
    names = ("05_lesson.ipynb", "chapter_01.ipynb", f"{LESSON}.ipynb")
    for name in names:
        (tmp_path / name).write_text(FOREIGN)
    (tmp_path / "conftest.py").write_text("def pytest_report_header():\n    return 'their own'\n")
    code, said = run(tmp_path, "--nbval", ".", "--co")
    assert (code, "their own" in said, said.count("Cell 0")) == (0, True, 3), said
    (tmp_path / "broken.ipynb").write_text("{")
    code, said = run(tmp_path, "--nbval", ".", "--co", "-q")
    assert (code, "NotJSONError" in said) == (pytest.ExitCode.INTERRUPTED, True), said
    code, said = run(tmp_path, "--nbval", ".", "--grades=out", "--co", "-q")  # asked to grade
    assert (code, "broken.ipynb::notebook" in said, "Cell 0" in said) == (0, True, False), said


def test_a_notebook_of_the_course_in_an_unusual_place_is_not_run_whole(run, place, tmp_path):
    deep = hand_in(tmp_path / "a", "ann").rename(tmp_path / "a" / "ann.ipynb")
    place = tmp_path.joinpath(*"123456789")
    place.mkdir(parents=True)
    deep.rename(place / "ann.ipynb")
    code, said = run(tmp_path, "--nbval", ".")
    assert (code, "it is not run" in said) == (pytest.ExitCode.INTERRUPTED, True), said


def test_only_real_files_of_solutions_and_notebooks_are_masters(tmp_path):
    course = make_course(tmp_path / "course")
    own, stray = course.notebooks / f"{LESSON}.ipynb", hand_in(tmp_path, "ann")
    (course.solutions).mkdir()
    (course.solutions / "lure.ipynb").symlink_to(stray)
    (tmp_path / "to_master.ipynb").symlink_to(own)
    (tmp_path / "notebooks").symlink_to(course.notebooks)
    assert is_master(own, course)
    assert is_master(tmp_path / "notebooks" / own.name, course)
    assert not is_master(stray, course)
    assert not is_master(course.solutions / "lure.ipynb", course)
    assert not is_master(tmp_path / "to_master.ipynb", course)
    assert not is_master(own, Course(tmp_path / "another"))
    assert not is_master(own, None)


@pytest.mark.parametrize("module", [False, True], ids=["command", "python -m"])
def test_the_command_imports_nothing_from_the_folder_it_is_called_in(place, tmp_path, module):
    hand_in(tmp_path, "ann")
    trap = TRAP.format(str(tmp_path / "sprung"))
    names = (
        "numpy",
        "typer",
        "sitecustomize",
        "conftest",
        "dlutils",
        "pickle",
        "signal",
        "IPython",
    )
    for name in names:
        (tmp_path / f"{name}.py").write_text(trap)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p evil\n")
    (tmp_path / "lessons").mkdir()
    (tmp_path / "pyproject.toml").write_text("")  # a course of the learner's own, to be judged by
    script = tmp_path.with_name(f"{tmp_path.name}-bin") / "coursetools"  # as pip installs one
    script.parent.mkdir()
    script.write_text("from coursetools.cli import app\n\nif __name__ == '__main__':\n    app()\n")
    own = ["-m", "coursetools"] if module else [str(script)]
    done = subprocess.run(
        [sys.executable, *own, "grade", ".", "--course", str(place / "course")],
        cwd=tmp_path,
        env={**{k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "10 of 10" in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "sprung").exists(), (tmp_path / "sprung").read_text()


def test_the_course_that_grades_is_never_one_found_among_hand_ins(tmp_path, monkeypatch):
    from coursetools.course import trusted_course

    make_course(tmp_path / "theirs")
    monkeypatch.chdir(tmp_path / "theirs")
    assert trusted_course().root == Path(ROOT)


def test_folders_of_hand_ins_leave_the_import_path_and_the_course_stays(tmp_path, monkeypatch):
    from coursetools.grading.entry import _is_trusted

    course, handed = make_course(tmp_path / "course"), tmp_path / "handed"
    (handed / "ann").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    kept = {
        entry: _is_trusted(str(entry), course, [handed])
        for entry in (
            "",
            tmp_path,
            handed,
            handed / "ann",
            course.root,
            "/usr/share",
            *sys.path[-1:],
        )
    }
    assert list(kept.values()) == [False, False, False, False, True, True, True]
