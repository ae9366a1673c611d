"""The project's own files: what they say of each other is true."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from typer.main import get_command

from coursetools.cli import app
from coursetools.course import find_course
from coursetools.results import update_results

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
COMMANDS = sorted(get_command(app).commands)


def read(name):
    return (ROOT / name).read_text("utf-8")


def requirements(lines):
    found = [Requirement(line) for line in lines if re.match(r"[a-zA-Z]", line)]
    return {one.name.lower().replace("_", "-"): one.specifier for one in found}


def constraints():
    return requirements(read("constraints.txt").splitlines())


def test_a_learner_installs_what_the_packages_and_their_tools_need():
    extras = PROJECT["optional-dependencies"]
    wanted = PROJECT["dependencies"] + extras["tensorflow"] + extras["lab"] + extras["tools"]
    assert requirements(read("requirements.txt").splitlines()) == requirements(wanted)


def test_every_requirement_has_a_version_known_good_within_its_range():
    extras = PROJECT["optional-dependencies"]
    for lines in (PROJECT["dependencies"], *extras.values()):
        for name, allowed in requirements(lines).items():
            if name == PROJECT["name"]:
                continue
            (pin,) = constraints()[name]
            assert pin.operator == "=="
            assert allowed.contains(pin.version), name


def test_nothing_that_colab_ships_has_an_upper_bound():
    for name, allowed in requirements(PROJECT["dependencies"]).items():
        assert {one.operator for one in allowed} == {">="}, name


def test_every_make_target_is_listed_by_make_help():
    targets = re.search(r"\.PHONY: (.*)", read("Makefile")).group(1).split()
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert sorted(re.findall(r"^make (\S+) +\S", said.stdout, re.M)) == sorted(targets)
    for target in set(targets) - {"help"}:
        assert f"`make {target}" in read("CONTRIBUTING.md"), target


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command):
    assert f"`coursetools {command}" in read("CONTRIBUTING.md")
    assert get_command(app).commands[command].help


def test_the_readme_shows_what_the_stored_measurements_say():
    assert not update_results(find_course(ROOT), check_only=True)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_within_the_project_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", read(page))
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_lesson_is_in_the_readme_and_the_other_way_round():
    ready = set(re.findall(r"\(notebooks/(\w+)\.ipynb\)", read("README.md")))
    assert ready == {path.stem for path in (ROOT / "lessons").glob("*.py")}
