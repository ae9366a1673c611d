"""Grading on a Dask cluster: the same points, no hand-in lost with a worker, clear errors."""

import os
import signal
import sys
import time

import light
import pytest
from typer.testing import CliRunner

from coursetools.cli import app
from coursetools.errors import CourseError
from coursetools.grading.bench import Job, Plan
from coursetools.grading.executors import cluster
from coursetools.grading.grade import grade
from coursetools.grading.learner import Limits
from coursetools.grading.submissions import find_submissions

SLOW = 5  # the number of the hand-in whose worker is killed


def test_without_distributed_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match=r"pip install 'deep-learning-course\[cluster\]'"):
        cluster("tcp://127.0.0.1:1").__enter__()


def test_no_log_of_a_worker_can_hold_the_secret(tmp_path):
    secret = os.urandom(32)
    plan = Plan(tmp_path, {}, Limits(), "run", secret)
    (submission,) = find_submissions([light.hand_in(tmp_path, "ann")], [light.LESSON])
    shown = repr(Job(plan, submission, "stamp", True))
    assert repr(secret) not in shown
    assert secret.hex() not in shown


@pytest.fixture(scope="module")
def address():
    """The address of a scheduler with two workers, each a process that is started anew if it dies.

    Killing them leaves a word in their logs, of which nothing is to be seen here.
    """
    reason = "distributed is not installed: pip install 'deep-learning-course[cluster]'"
    distributed = pytest.importorskip("distributed", reason=reason)
    options = {"n_workers": 2, "threads_per_worker": 2, "processes": True}
    with distributed.LocalCluster(
        **options, dashboard_address=None, silence_logs=50, memory_limit=0
    ) as workers:
        yield workers.scheduler_address


@pytest.fixture
def course(tmp_path):
    return light.make_course(tmp_path / "course")


def rows(grades):
    return {g.student: g for g in grades}


def test_a_worker_killed_in_the_middle_loses_no_hand_in(course, tmp_path, address):
    handed = tmp_path / "handed"
    for number in range(12):
        half = "return x / 2" if number % 3 else "return x"
        # One is slow, so that its worker is surely at work on it when it is killed.
        slow = "import time; time.sleep(2); " if number == SLOW else ""
        light.hand_in(handed, f"ann{number:02d}", half=slow + half)
    submissions = find_submissions([handed], [light.LESSON])
    out = tmp_path / "out"
    killed = []
    with cluster(address) as executor:
        submit, client = executor.submit, executor._client

        def submit_and_kill(function, job):
            others = set(client.futures)
            future = submit(function, job)
            if f"ann{SLOW:02d}" in job.path.name:
                (key,) = set(client.futures) - others
                killed.append(kill_the_worker_of(client, key))
            return future

        executor.submit = submit_and_kill
        found = list(grade(course, submissions, out, executor=executor))
    assert len(killed) == 1
    assert len(found) == 12
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "secret").write_text((out / "secret").read_text())
    assert rows(found) == rows(grade(course, submissions, tmp_path / "other"))
    assert {g.points for g in found} == {4, 10}
    assert sorted(p.name for p in out.rglob("*.json")) == sorted(
        p.name for p in (tmp_path / "other").rglob("*.json")
    )


def kill_the_worker_of(client, key):
    """Kill the worker that has the task of this key under way; its process id."""
    pids, latest = client.run(os.getpid), time.monotonic() + 30
    while not (at_work := [worker for worker, keys in client.processing().items() if key in keys]):
        assert time.monotonic() < latest, "no worker took the slow hand-in"
        time.sleep(0.01)
    os.kill(pids[at_work[0]], signal.SIGKILL)
    return pids[at_work[0]]


def test_a_hand_in_that_kills_its_workers_is_a_row(course, tmp_path, address):
    handed = tmp_path / "handed"
    for student in ("ann", "bob", "cat"):
        light.hand_in(handed, student)
    light.hand_in(handed, "eve", f"return {light.DIE}")
    submissions = find_submissions([handed], [light.LESSON])
    with cluster(address) as executor:
        found = rows(grade(course, submissions, tmp_path / "out", executor=executor))
    assert found["eve"].state == "undecided"
    assert "the worker that graded it died each time" in found["eve"].remarks[0]
    assert {found[name].points for name in ("ann", "bob", "cat")} == {10}


def test_the_command_grades_on_a_cluster(course, tmp_path, address, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the workers have another working folder
    light.hand_in(tmp_path / "handed", "ann")
    command = ["grade", "handed", "--out", "out", "--scheduler", address]
    done = CliRunner().invoke(app, [*command, "--course", str(course.root)])
    assert done.exit_code == 0, done.output
    assert "10 of 10" in done.output
    assert (tmp_path / "out" / "gradebook.csv").is_file()


def test_what_a_worker_does_not_see_is_named(course, tmp_path, address):
    submissions = find_submissions([light.hand_in(tmp_path / "handed", "ann")], [light.LESSON])
    with cluster(address) as executor:
        gone = executor.submit

        def without_file(function, job):
            job.path.unlink()
            return gone(function, job)

        executor.submit = without_file
        (found,) = grade(course, submissions, tmp_path / "out", executor=executor)
    assert found.state == "undecided"
    assert str(submissions[0].path) in found.remarks[0]
    assert "where every worker sees them" in found.remarks[0]


def test_learners_on_a_worker_see_neither_secret_nor_cluster(course, tmp_path, address):
    out = tmp_path / "out"
    out.mkdir()
    secret = os.urandom(32)
    (out / "secret").write_text(secret.hex())
    look = """import contextlib, glob, os
    seen = [str(dict(os.environ))]
    for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            seen.append(file.read().decode("latin1"))
    return " ".join(seen)"""  # which the hint repeats
    path = light.hand_in(tmp_path / "handed", "eve", look)
    with cluster(address) as executor:
        (found,) = grade(course, find_submissions([path], [light.LESSON]), out, executor=executor)
    said = found.verdicts[0].hint
    assert "PYTHONHASHSEED" in said
    assert secret.hex() not in said
    assert address not in said


def test_a_scheduler_that_is_not_there_is_named(course, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("coursetools.grading.executors.CONNECT", 2)
    path = light.hand_in(tmp_path / "handed", "ann")
    for nowhere in ("tcp://127.0.0.1:9", "nonsense://x"):
        done = CliRunner().invoke(
            app, ["grade", str(path), "--scheduler", nowhere, "--course", str(course.root)]
        )
        assert done.exit_code == 1
        assert f"no Dask scheduler answers at {nowhere}" in done.output
