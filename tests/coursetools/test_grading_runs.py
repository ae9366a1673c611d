"""Whole grading runs: every hand-in has a row, results survive, what learners wrote is escaped."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coursetools.cli import app
from coursetools.course import Course
from coursetools.errors import CourseError
from coursetools.grading import grade as grading
from coursetools.grading.grade import Graded, grade
from coursetools.grading.judge import Verdict
from coursetools.grading.reports import gradebook, page, read_roster, write_reports
from coursetools.grading.submissions import find_submissions

ROOT = Path(__file__).parents[2]
COURSE = Course(ROOT)
SOLUTION, STUDENT = (ROOT / folder / "05_cnns.ipynb" for folder in ("solutions", "notebooks"))


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    """A folder of hand-ins, good, blank and bad."""
    folder = tmp_path_factory.mktemp("handed")
    shutil.copy(SOLUTION, folder / "ann_05_cnns.ipynb")
    shutil.copy(STUDENT, folder / "bob_05_cnns.ipynb")
    shutil.copy(SOLUTION, folder / "my work.ipynb")
    (folder / "eve_05_cnns.ipynb").write_bytes(SOLUTION.read_bytes()[:5000])
    (folder / "dan_05_cnns.ipynb").symlink_to(SOLUTION)
    os.mkfifo(folder / "fay_05_cnns.ipynb")
    (folder / "=cmd|'x'_99_none.ipynb").write_text('{"nbformat": 4, "cells": []}')
    return folder


@pytest.fixture(scope="module")
def graded(handed, tmp_path_factory):
    """The first run over these hand-ins by the command: its output, and where results are."""
    out = tmp_path_factory.mktemp("out")
    roster = out / "roster.csv"
    roster.write_text("name,student\nAnn,ann\nZoe,zoe\n")
    command = ["grade", str(handed), "--out", str(out), "--roster", str(roster)]
    done = CliRunner().invoke(app, [*command, "--course", str(ROOT)])
    assert done.exit_code == 0, done.output
    return done.output, out


def rows(out):
    with (out / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_every_hand_in_and_every_student_has_a_row(graded):
    found = rows(graded[1])
    points = {student: (row["points"], row["state"]) for student, row in found.items()}
    assert points == {
        "ann": ("10", "graded"),
        "bob": ("0", "graded"),
        "my work": ("10", "graded"),
        "eve": ("0", "not read"),
        "dan": ("0", "not read"),
        "fay": ("0", "not read"),
        "'=cmd|'x'_99_none": ("0", "not read"),
        "zoe": ("0", "nothing handed in"),
    }
    assert "a link" in found["dan"]["remarks"]
    assert "a pipe" in found["fay"]["remarks"]
    assert "no lesson of this course" in found["'=cmd|'x'_99_none"]["remarks"]


def test_learners_get_a_page_and_graders_the_details(graded):
    output, out = graded
    assert "10 of 10" in output
    assert "7 graded" in output
    pages = sorted(path.name for path in (out / "feedback").iterdir())
    assert len(pages) == 7
    assert any("ann-05_cnns" in name for name in pages)
    details = json.loads((out / "grades.json").read_text())
    bob = next(one for one in details if one["student"] == "bob")
    assert {verdict["outcome"] for verdict in bob["verdicts"]} == {"blank"}
    assert (out / "secret").stat().st_mode & 0o077 == 0


def test_a_second_run_grades_nothing_again_and_says_the_same(graded, handed, monkeypatch):
    _, out = graded
    before = (out / "gradebook.csv").read_text()
    monkeypatch.setattr(grading, "_judged", lambda *args: pytest.fail("graded again"))
    submissions = find_submissions([handed], ["05_cnns"])
    write_reports(list(grade(COURSE, submissions, out)), out, ["ann", "zoe"])
    assert (out / "gradebook.csv").read_text() == before


def test_what_changed_is_graded_again_and_a_broken_result_too(graded, tmp_path):
    _, out = graded
    mine = tmp_path / "out"
    shutil.copytree(out, mine)
    folder = tmp_path / "handed"
    folder.mkdir()
    path = folder / "ann_05_cnns.ipynb"
    shutil.copy(STUDENT, path)
    submissions = find_submissions([folder], ["05_cnns"])
    assert [g.points for g in grade(COURSE, submissions, mine, workers=1)] == [0]
    shutil.copy(SOLUTION, path)
    assert [g.points for g in grade(COURSE, submissions, mine, workers=1)] == [10]
    for stored in (mine / "results").iterdir():
        stored.write_text(stored.read_text()[:100])
    assert [g.points for g in grade(COURSE, submissions, mine, workers=1)] == [10]


@pytest.mark.parametrize("name", ["ann_05_cnns.ipynb", "my work.ipynb"])
def test_a_stored_result_depends_on_hand_in_and_master(tmp_path, name):
    (tmp_path / "notebooks").mkdir()
    master, course = tmp_path / "notebooks" / "05_cnns.ipynb", Course(tmp_path)
    master.write_text("{}")
    shutil.copy(STUDENT, tmp_path / name)
    (submission,) = find_submissions([tmp_path / name], ["05_cnns"])
    stamps = {grading._stamp(course, submission, b"s"), grading._stamp(course, submission, b"t")}
    master.write_text("{ }")
    stamps.add(grading._stamp(course, submission, b"s"))
    shutil.copy(SOLUTION, tmp_path / name)
    stamps.add(grading._stamp(course, submission, b"s"))
    assert len(stamps) == 4
    assert grading._stamp(course, submission, b"s") in stamps


def test_one_notebook_is_graded_without_leaving_anything(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(SOLUTION, "mine.ipynb")
    done = CliRunner().invoke(app, ["grade", "mine.ipynb", "--course", str(ROOT)])
    assert done.exit_code == 0, done.output
    assert "10 of 10" in done.output
    assert os.listdir() == ["mine.ipynb"]


def test_a_check_that_fails_by_itself_is_no_zero_but_undecided(tmp_path, monkeypatch):
    broken = Graded("ann", "05_cnns", "x", 0, 3, (Verdict("pool", "undecided", 0, 3, "fault"),))
    assert broken.undecided
    assert "undecided" in gradebook([broken])
    monkeypatch.setattr("coursetools.grading.session._graded", lambda *args: [broken])
    shutil.copy(STUDENT, tmp_path / "ann_05_cnns.ipynb")
    done = CliRunner().invoke(app, ["grade", str(tmp_path), "--course", str(ROOT)])
    assert done.exit_code == 1


HOSTILE = "<script>alert(1)</script>\u202egnp.exe\x1b[31m"


def test_pages_and_tables_escape_what_learners_wrote():
    hint = Verdict("pool", "wrong", 0, 3, f"{HOSTILE} & more")
    found = Graded(HOSTILE, "05_cnns", "x", 0, 3, (hint,), remarks=(HOSTILE,))
    shown = page(found)
    assert "<script>" not in shown
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    assert "&lt;script&gt;" in shown
    for start in "=+-@\t":
        cell = gradebook([Graded(f"{start}1+1", None, "x", 0, 0)]).splitlines()[1]
        assert cell.startswith(("'", " "))


def test_rosters_are_read_with_and_without_a_header(tmp_path):
    path = tmp_path / "roster.csv"
    for text in (
        "student,name\nann,Ann\nbob,Bob\n",
        "\ufeffann\nbob\n\nann\n",
        "x,student\n1,ann\n2,bob",
    ):
        path.write_text(text, encoding="utf-8")
        assert read_roster(path) == ["ann", "bob"]
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(CourseError, match="cannot be read"):
        read_roster(path)


def test_a_folder_that_cannot_hold_results_is_named(tmp_path):
    (tmp_path / "out").write_text("a file")
    submissions = find_submissions([SOLUTION], ["05_cnns"])
    with pytest.raises(CourseError, match="name another folder with --out"):
        list(grade(COURSE, submissions, tmp_path / "out"))
