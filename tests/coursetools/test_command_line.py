"""The command `coursetools`: help for everything, one clear line for errors."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from coursetools.cli import app
from coursetools.course import find_course
from coursetools.errors import CourseError

COMMANDS = typer.main.get_command(app).commands


def call(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_these_are_the_commands():
    assert set(COMMANDS) >= {"build", "check", "run", "results"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_every_option_has_help(command):
    shown = call(command, "--help")
    assert shown.exit_code == 0
    assert len(COMMANDS[command].help) > 30
    for parameter in COMMANDS[command].params:
        assert parameter.help, parameter.name
        assert parameter.help.split()[0] in shown.output


def test_wrong_usage_is_exit_code_2():
    assert call("build", "--no-such-option").exit_code == 2
    assert call("run").exit_code == 2


def test_build_check_and_run_over_a_course(sources):
    done = call("build", "--course", sources.root)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("01_toy: executed in")
    again = call("build", "01", "--course", sources.root)
    assert again.output == "01_toy: not executed, nothing changed\n"
    assert call("check", "--static", "--course", sources.root).output == (
        "lessons in step with their notebooks: 1\n"
    )
    (sources.notebooks / "02_old.ipynb").write_text("{}")
    checked = call("check", "--static", "--course", sources.root)
    assert checked.exit_code == 1
    assert checked.output.count("\n") == 1


def test_run_prints_a_table_and_appends_a_report(sources, tmp_path):
    report = tmp_path / "report.jsonl"
    done = call("run", "01", "--seeds", "1,4", "--report", report, "--course", sources.root)
    assert done.exit_code == 0, done.output
    assert "quality" in done.output
    assert "0.775 ± 0.021" in done.output
    assert "+0.26" in done.output
    assert "at least 0.5" in done.output
    assert [json.loads(line)["seed"] for line in report.read_text().splitlines()] == [1, 1, 4, 4]


def test_run_fails_where_a_claim_is_broken(sources, edit):
    edit(sources, '"quality", 0.75', '"quality", 0.25')
    done = call("run", "01", "--course", sources.root)
    assert done.exit_code == 1
    assert "claim broken: quality 0.25" in done.output


def test_run_proves_the_untouched_lesson_and_the_checks(sources):
    done = call("run", "01", "--student", "--checks", "--course", sources.root)
    assert done.exit_code == 0, done.output
    assert "all checks, and only they, fail" in done.output
    assert "all checks pass" in done.output


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["build", "07"], "there is no lesson 07"),
        (["run", "01", "--seeds", "x"], "names no seeds"),
        (["run", "01", "--backend", "x"], "none of tensorflow"),
        (["run", "01", "--profile", "x"], "neither quick nor full"),
        (["run", "01", "--student", "--seeds", "2"], "leave out --student"),
        (["results"], "no place for results"),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(args, words, sources):
    done = call(*args, "--course", sources.root)
    assert done.exit_code == 1
    assert words in done.output
    assert done.output.count("\n") == 1


def test_a_refused_lesson_is_shown_with_its_line(sources, edit):
    edit(sources, "points=4", "points=3")
    done = call("build", "--course", sources.root)
    assert done.exit_code == 1
    assert done.output.startswith("lessons/01_toy.py:")
    assert not sources.notebooks.exists()


def test_results_check_fails_until_the_readme_agrees(sources):
    from coursetools.results import BEGIN, END

    (sources.root / "docs").mkdir(exist_ok=True)
    for page in ("README.md", "docs/results.md"):
        (sources.root / page).write_text(f"{BEGIN}\n{END}\n")
    assert call("results", "--check", "--course", sources.root).exit_code == 1
    said = call("results", "--course", sources.root).output
    assert said == "updated: README.md, docs/results.md\n"
    assert call("results", "--check", "--course", sources.root).exit_code == 0


def test_the_course_is_found_from_a_folder_inside_it(sources, tmp_path):
    inside = sources.root / "lessons"
    assert find_course(start=inside).root == sources.root.resolve()
    assert find_course(given=sources.root, start=tmp_path).root == sources.root.resolve()
    with pytest.raises(CourseError, match="no folder lessons/"):
        find_course(given=tmp_path)


def test_help_needs_no_notebook_package():
    code = (
        "import sys; from coursetools.cli import app\n"
        "try: app(['build', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'jupytext', 'nbformat', 'nbclient', 'nbval', 'dlutils'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True)


def test_the_package_runs_as_the_command_does():
    said = subprocess.run(
        [sys.executable, "-m", "coursetools", "--help"], capture_output=True, text=True, check=True
    )
    assert "coursetools" in said.stdout
    assert "build" in said.stdout
