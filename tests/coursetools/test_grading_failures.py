"""When grading itself fails: the class goes on, nothing survives, nothing is lost or made up."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading

import light
import pytest
import runs

from coursetools.errors import CourseError
from coursetools.grading import results as results_module
from coursetools.grading.executors import Processes
from coursetools.grading.fence import find_fence
from coursetools.grading.grade import grade
from coursetools.grading.learner import Limits
from coursetools.grading.submissions import find_submissions

linux = pytest.mark.skipif(sys.platform != "linux", reason="counts orphans as Linux does")


@pytest.fixture
def course(tmp_path):
    return light.make_course(tmp_path / "course")


@pytest.fixture
def handed(tmp_path):
    return tmp_path / "handed"


def graded(course, handed, out, **options):
    submissions = find_submissions([handed], [light.LESSON])
    return {g.student: g for g in grade(course, submissions, out, **options)}


def test_a_hand_in_that_kills_its_worker_costs_no_other(course, handed, tmp_path):
    for number in range(5):
        light.hand_in(handed, f"ann{number}")
    light.hand_in(handed, "eve", f"return {light.DIE}")
    found = graded(course, handed, tmp_path / "out")
    eve = found.pop("eve")
    assert (eve.state, eve.points, eve.possible) == ("undecided", 0, 10)
    assert "grading itself failed: the worker that graded it died each time" in eve.remarks[0]
    assert {(g.state, g.points) for g in found.values()} == {("graded", 10)}
    assert len(found) == 5
    assert runs.kept(tmp_path / "out") == 5  # eve will be tried again


@pytest.mark.parametrize("answer", [light.DIE_ONCE, light.KILL_SERVER])
def test_a_worker_or_server_that_dies_once_costs_no_points(
    course, handed, tmp_path, monkeypatch, answer
):
    flag = tmp_path / "flag"
    monkeypatch.setenv("LIGHT_FLAG", str(flag))
    light.hand_in(handed, "ann")
    light.hand_in(handed, "eve", f"return {answer}")
    light.hand_in(handed, "zoe")
    found = graded(course, handed, tmp_path / "out", workers=1)
    assert flag.exists()
    assert {name: (g.state, g.points) for name, g in found.items()} == dict.fromkeys(
        ("ann", "eve", "zoe"), ("graded", 10)
    )


def test_what_a_check_raises_stops_nobody(course, handed, tmp_path):
    light.hand_in(handed, "ann")
    light.hand_in(handed, "eve", f"return {light.EXIT}")
    light.hand_in(handed, "fay", f"return {light.FAULT}")
    found = graded(course, handed, tmp_path / "out", workers=1)
    assert {name: g.state for name, g in found.items()} == {
        "ann": "graded",
        "eve": "undecided",
        "fay": "undecided",
    }
    assert "SystemExit: 3" in found["eve"].remarks[0]
    assert found["fay"].points == 6
    assert runs.kept(tmp_path / "out") == 1


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        ("raise OSError('no disk')", "01_light does not start here: OSError: no disk"),
        ("import sys\nsys.exit('enough')", "enough"),
    ],
)
def test_a_lesson_that_does_not_start_is_undecided_and_tried_again_later(
    course, handed, tmp_path, setup, words
):
    import nbformat

    for student in ("ann", "bob", "cat"):
        light.hand_in(handed, student)
    path = course.notebooks / f"{light.LESSON}.ipynb"
    whole = path.read_text()
    notebook = nbformat.read(path, 4)
    notebook.cells[0].source = f"{light.SETUP}\n{setup}"
    nbformat.write(notebook, path)
    found = graded(course, handed, tmp_path / "out", workers=1)
    assert {(g.state, g.points, g.possible) for g in found.values()} == {("undecided", 0, 10)}
    assert all(words in g.remarks[0] for g in found.values())
    path.write_text(whole)
    found = graded(course, handed, tmp_path / "out", workers=1)
    assert {(g.state, g.points) for g in found.values()} == {("graded", 10)}


def test_a_lesson_without_its_notebook_says_what_to_do(course, handed, tmp_path):
    light.hand_in(handed, "ann")
    (course.notebooks / f"{light.LESSON}.ipynb").unlink()
    found = graded(course, handed, tmp_path / "out")["ann"]
    assert (found.state, found.possible) == ("undecided", 0)
    assert "coursetools build" in found.remarks[0]


def test_what_was_not_read_could_have_had_the_lesson_s_points(course, handed, tmp_path):
    light.hand_in(handed, "ann").write_text("nothing")
    (handed / "odd.ipynb").write_text("nothing")
    found = graded(course, handed, tmp_path / "out")
    assert (found["ann"].state, found["ann"].possible) == ("not read", 10)
    assert (found["odd"].state, found["odd"].possible) == ("not read", 0)


@pytest.mark.parametrize("changed", ["limits", "checks", "master", "secret", "backend"])
def test_results_of_other_limits_or_another_course_are_not_taken(
    course, handed, tmp_path, changed, monkeypatch
):
    light.hand_in(handed, "ann")
    submissions = find_submissions([handed], [light.LESSON])
    out, limits = tmp_path / "out", Limits()
    seen = []

    class Counting(Processes):
        def submit(self, function, job):
            seen.append(job.submission.student)
            return super().submit(function, job)

    def run():
        with Counting(1) as executor:
            (found,) = grade(course, submissions, out, limits=limits, executor=executor)
        assert found.points == 10

    run()
    run()
    assert seen == ["ann"]
    if changed == "limits":
        limits = Limits(answer=21.0)
    elif changed == "secret":
        (out / "secret").unlink()
    elif changed == "backend":
        monkeypatch.setenv("KERAS_BACKEND", "numpy")
    else:
        path = {
            "checks": course.root / "dlutils" / "checks" / "verdict.py",
            "master": course.notebooks / f"{light.LESSON}.ipynb",
        }[changed]
        path.write_text(path.read_text() + "\n")
    run()
    assert seen == ["ann", "ann"]


def test_a_second_run_in_the_same_folder_is_refused(course, handed, tmp_path):
    light.hand_in(handed, "ann")
    light.hand_in(handed, "bob")
    submissions = find_submissions([handed], [light.LESSON])
    first = grade(course, submissions, tmp_path / "out", workers=1)
    next(first)
    arguments = [handed, "--out", tmp_path / "out", "--course", course.root]
    second = runs.start(arguments)
    said, _ = second.communicate(timeout=300)
    assert second.returncode == 1
    assert "another run is grading into" in said
    assert len(said.strip().splitlines()) == 1
    assert len(list(first)) == 1
    third = runs.start(arguments)
    said, _ = third.communicate(timeout=300)
    assert third.returncode == 0, said


def test_a_full_disk_stops_with_one_sentence_and_spoils_nothing(
    course, handed, tmp_path, monkeypatch
):
    for student in ("ann", "bob", "cat"):
        light.hand_in(handed, student)
    out, replaced, real = tmp_path / "out", [], os.replace

    def full(source, target):
        if target.parent.name == "results" and replaced:
            raise OSError(errno.ENOSPC, "No space left on device")
        replaced.append(target)
        real(source, target)

    (out / "results").mkdir(parents=True)
    (out / "secret").write_text("ab" * 32)
    monkeypatch.setattr(results_module.os, "replace", full)
    with pytest.raises(CourseError, match="No space left on device"):
        graded(course, handed, out, workers=1)
    monkeypatch.undo()
    assert len(list((out / "results").iterdir())) == 1  # and no half of another
    assert len(graded(course, handed, out, workers=1)) == 3


@pytest.mark.parametrize("text", ["", "xyz", "abcd"])
def test_a_damaged_secret_is_named(course, handed, tmp_path, text):
    light.hand_in(handed, "ann")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret").write_text(text)
    with pytest.raises(CourseError, match="secret is damaged"):
        graded(course, handed, tmp_path / "out")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no read-only file system here")
def test_a_folder_on_a_read_only_file_system_is_named(course, handed, tmp_path):
    light.hand_in(handed, "ann")
    done = runs.start([handed, "--out", "/proc/self/out", "--course", course.root])
    said, _ = done.communicate(timeout=300)
    assert done.returncode == 1
    assert said.startswith("results cannot be kept in /proc/self/out")
    assert len(said.strip().splitlines()) == 1


def without_bwrap(tmp_path):
    """An environment in which bubblewrap cannot be found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("env", "sh"):
        (folder / name).symlink_to(shutil.which(name))
    return {**os.environ, "PATH": str(folder)}


@linux
@pytest.mark.parametrize("fenced", [True, False])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_a_controller_that_is_ended_leaves_no_process_and_keeps_what_is_known(
    course, handed, tmp_path, name, fenced
):
    if fenced and find_fence().bwrap is None:
        pytest.skip(f"no fence here: {find_fence().reason}")
    light.hand_in(handed, "ann")
    for student in ("bob", "cat", "dan"):
        light.hand_in(handed, student, "while True: pass")
    out = tmp_path / "out"
    environment = os.environ if fenced else without_bwrap(tmp_path)
    with runs.orphans_counted() as living:
        arguments = [handed, "--out", out, "--course", course.root, "--seconds", 600]
        process = runs.start(arguments, env=environment)
        runs.wait_until(lambda: runs.kept(out) == 1, what="a first result")
        # The fork server, its forks, and two workers: there is something to leave behind.
        runs.wait_until(lambda: len(living()) >= 6, what="the endless loops")
        if name == "SIGINT":  # as a terminal does
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(getattr(signal, name))
        said, _ = process.communicate(timeout=120)
        runs.wait_until(lambda: not living(), seconds=60, what="the end of every process")
    assert runs.kept(out) == 1
    if name == "SIGINT":
        assert process.returncode == 130, said
        assert "Interrupted after 1 of 4; what is known is kept" in said
        assert "Traceback" not in said
    else:
        assert process.returncode == -getattr(signal, name)


def test_processes_that_are_left_have_ended_and_so_have_their_threads():
    before = set(threading.enumerate())
    with Processes(2) as executor:
        found = [executor.submit(len, "ab") for _ in range(2)]
        assert [each.result(60) for each in found] == [2, 2]
        assert len(set(threading.enumerate()) - before) >= 2
    assert set(threading.enumerate()) <= before


def test_a_module_beside_the_hand_ins_is_not_imported(course, handed, tmp_path):
    light.hand_in(handed, "ann")
    flag = tmp_path / "flag"
    for name in ("socket", "tempfile", "multiprocessing", "numpy", "json", "dlutils"):
        (handed / f"{name}.py").write_text(f"open({str(flag)!r}, 'w')")
    script = tmp_path / "coursetools-command.py"  # as pip installs it: its folder comes first
    script.write_text("from coursetools.cli import app\nif __name__ == '__main__': app()")
    done = subprocess.run(
        [sys.executable, script, "grade", ".", "--course", course.root],
        cwd=handed,
        env={**os.environ, "PYTHONPATH": str(light.ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "10 of 10" in done.stdout
    assert not flag.exists()
