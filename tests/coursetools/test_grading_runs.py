"""Whole grading runs: every hand-in has a row, results survive, what learners wrote is escaped."""

import contextlib
import csv
import json
import os
import shutil
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import light
import pytest
from typer.testing import CliRunner

from coursetools.cli import app
from coursetools.course import Course
from coursetools.errors import CourseError
from coursetools.grading import grade as grading
from coursetools.grading.grade import Graded, grade
from coursetools.grading.judge import Verdict
from coursetools.grading.learner import Limits
from coursetools.grading.reports import gradebook, page, read_roster, write_reports
from coursetools.grading.results import stamps
from coursetools.grading.submissions import find_submissions
from coursetools.grading.summary import details, table

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
    assert "7 hand-ins in " in output
    assert "3 graded, 4 not read, 0 undecided" in output
    pages = sorted(path.name for path in (out / "feedback").iterdir())
    assert len(pages) == 7
    assert any("ann-05_cnns" in name for name in pages)
    details = json.loads((out / "grades.json").read_text())
    bob = next(one for one in details if one["student"] == "bob")
    assert {verdict["outcome"] for verdict in bob["verdicts"]} == {"blank"}
    assert (out / "secret").stat().st_mode & 0o077 == 0


def test_a_second_run_grades_nothing_again_and_says_the_same(graded, handed):
    _, out = graded
    before = (out / "gradebook.csv").read_text()
    submissions = find_submissions([handed], ["05_cnns"])
    with refusing() as nobody:
        again = list(grade(COURSE, submissions, out, executor=nobody))
    write_reports(again, out, ["ann", "zoe"])
    assert (out / "gradebook.csv").read_text() == before


@contextlib.contextmanager
def refusing():
    """An executor that must not be given anything."""
    with ThreadPoolExecutor(1) as executor:
        executor.submit = lambda *args: pytest.fail("graded again")
        yield executor


def test_what_changed_is_graded_again_and_a_broken_result_too(tmp_path):
    course, out = light.make_course(tmp_path / "course"), tmp_path / "out"

    def points(*bodies):
        path = light.hand_in(tmp_path / "handed", "ann", *bodies)
        submissions = find_submissions([path], [light.LESSON])
        return [g.points for g in grade(course, submissions, out, workers=1)]

    assert points() == [10]
    assert points(None, None) == [0]
    assert points() == [10]
    (stored,) = (out / "results").iterdir()
    for broken in (stored.read_text()[:100], "[]"):
        stored.write_text(broken)
        assert points() == [10]


@pytest.mark.parametrize("name", ["ann_05_cnns.ipynb", "my work.ipynb"])
def test_a_stored_result_depends_on_hand_in_master_and_secret(tmp_path, name):
    for folder in ("lessons", "notebooks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "lessons" / "05_cnns.py").write_text("")
    master, course = tmp_path / "notebooks" / "05_cnns.ipynb", Course(tmp_path)
    shutil.copy(STUDENT, master)
    shutil.copy(STUDENT, tmp_path / name)
    (submission,) = find_submissions([tmp_path / name], ["05_cnns"])

    def stamp(secret=b"s"):
        plan = grading.make_plan(course, [submission], Limits(), secret)
        return stamps(course, plan)(submission)[0]

    found = {stamp(), stamp(b"t")}
    master.write_text(f"{master.read_text()}\n")
    found.add(stamp())
    shutil.copy(SOLUTION, tmp_path / name)
    found.add(stamp())
    assert len(found) == 4
    assert stamp() in found


def test_never_more_jobs_are_under_way_than_there_is_room_for(tmp_path):
    course = light.make_course(tmp_path / "course")
    for number in range(12):
        light.hand_in(tmp_path / "handed", f"ann{number}")
    submissions = find_submissions([tmp_path / "handed"], [light.LESSON])
    futures, most = [], []

    class Slow(Executor):
        def submit(self, function, job):
            future = Future()
            futures.append(future)
            most.append(sum(not one.done() for one in futures))
            threading.Timer(0.05, future.set_result, [job.row(light.LESSON)]).start()
            return future

    found = list(grade(course, submissions, tmp_path / "out", workers=2, executor=Slow()))
    assert len(found) == 12
    assert max(most) == 4


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
    monkeypatch.setattr("coursetools.grading.session._graded", lambda *args: ([broken], True))
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


def test_one_hand_in_is_shown_with_all_that_is_said_of_it():
    hint = Verdict("pool", "wrong", 0, 3, "first line\nsecond \x1b[31mline")
    right = Verdict("trace", "right", 2, 2)
    found = Graded("ann", "05_cnns", "x", 2, 5, (hint, right), remarks=("a remark",))
    shown = details(found).plain
    for words in ("2 of 5", "first line", "second", "pool: wrong, 0 of 3", "trace: right", "a rem"):
        assert words in shown
    assert "\x1b" not in shown


def test_a_table_keeps_points_whole_however_long_names_and_hints_are(capsys):
    from rich.console import Console

    hint = Verdict("pool", "wrong", 0, 10, "a long hint " * 40)
    found = Graded("n" * 90, "05_cnns", "x", 0, 10, (hint,))
    Console(width=80).print(table([found, Graded("bob", None, "y", 0, 3, failed=True)]))
    shown = capsys.readouterr().out
    assert "0 of 10" in shown
    assert "undecided" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
