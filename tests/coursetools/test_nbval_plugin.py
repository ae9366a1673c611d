"""`pytest --nbval solutions/` with the plugin, found by its entry point as an installed one is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

pytest_plugins = ["pytester"]

REPOSITORY = Path(__file__).resolve().parents[2]
ENTRY = "[pytest11]\ncoursetools = coursetools.plugin\n"


@pytest.fixture
def site(tmp_path_factory):
    """A folder that makes the plugin known, whether or not the course is installed."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "coursetools_entry-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: coursetools-entry\nVersion: 0\n")
    (info / "entry_points.txt").write_text(ENTRY)
    return folder


@pytest.fixture
def nbval(pytester, monkeypatch, site, built):
    """Run pytest in this process, from a folder that is not the course's; kernels are real."""
    monkeypatch.setenv("PYTHONPATH", str(built.root))
    monkeypatch.syspath_prepend(site)

    def run(*args, **env):
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        course = () if "no:coursetools" in args else ("--course", str(built.root))
        result = pytester.runpytest_inprocess("-p", "no:cacheprovider", *course, *args)
        return int(result.ret), result.stdout.str()

    return run


def write(path, *cells):
    """A plain notebook of somebody else's: (source, stored stdout) pairs."""
    notebook = v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "P"}})
    for source, text in cells:
        outputs = [v4.new_output("stream", name="stdout", text=text)] if text else []
        notebook.cells.append(v4.new_code_cell(source, outputs=outputs, execution_count=1))
    nbformat.write(notebook, path)


def change(path, edit):
    notebook = json.loads(path.read_text("utf-8"))
    edit(notebook)
    path.write_text(json.dumps(notebook))


def restate(course, text):
    """Store another result for `total`."""
    change(
        course.solutions / "01_toy.ipynb",
        lambda n: n["cells"][2]["outputs"][0]["data"].update({"text/plain": [text]}),
    )


def ask_for_profile(course, expected):
    """Leave one cell, which shows the profile."""

    def ask(notebook):
        cell = notebook["cells"][2]
        cell["source"] = ["import os; os.environ['DLUTILS_PROFILE']"]
        cell["outputs"][0]["data"]["text/plain"] = [f"'{expected}'"]
        notebook["cells"] = [cell]

    change(course.solutions / "01_toy.ipynb", ask)


def test_solutions_pass_from_another_folder_whatever_the_machine_shows(built, site, tmp_path):
    def other_machine(notebook):
        # As stored elsewhere: another figure, backend and kernel; stderr is never stored.
        text = json.dumps(notebook).replace("quality 0.75", "quality 0.8125")
        notebook.update(json.loads(text.replace("tensorflow on cpu", "jax on gpu")))
        notebook["metadata"]["kernelspec"]["name"] = "no-such-kernel"

    change(built.solutions / "01_toy.ipynb", other_machine)
    (tmp_path / "away").mkdir()
    path = os.pathsep.join(map(str, (built.root, site, REPOSITORY)))
    solutions = str(built.solutions)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--nbval", solutions, "--course", str(built.root)],
        cwd=tmp_path / "away",
        env={**os.environ, "PYTHONPATH": path, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "9 passed" in done.stdout


def test_a_wrong_output_still_fails_and_reads_without_colour_codes(built, nbval):
    restate(built, "7")
    _, said = nbval("--nbval", built.solutions)
    assert "1 failed, 8 passed" in said
    assert "mismatch 'text/plain'" in said
    assert "\x1b[" not in said


def test_the_users_sanitiser_is_joined_to_ours(built, nbval, tmp_path):
    restate(built, "7")
    (tmp_path / "own.cfg").write_text("regex: ^[67]$\nreplace: SIX OR SEVEN\n")
    own = f"--nbval-sanitize-with={tmp_path / 'own.cfg'}"
    text = (built.solutions / "01_toy.ipynb").read_text()
    (built.solutions / "01_toy.ipynb").write_text(text.replace("quality 0.75", "quality 0.8"))
    code, said = nbval("--nbval", own, built.solutions)
    assert code == 0, said


def test_without_the_plugin_the_same_notebooks_fail(built, nbval):
    code, said = nbval("--nbval", "-p", "no:coursetools", built.solutions)
    assert code == 1
    assert "Unexpected output fields from running code: {'stderr'}" in said


def test_notebooks_of_others_are_left_to_nbval(built, nbval, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    show = "import os; print(os.environ.get('DLUTILS_PROFILE'), os.environ.get('MPLBACKEND'))"
    holds = "a 0.{} (at least 0.5): holds"
    write(
        foreign / "others.ipynb",
        (show, "None Agg\n"),
        (f"print('{holds.format(7)}')", holds.format(6) + "\n"),
        ("import sys; print('x', file=sys.stderr)", ""),
    )
    ask_for_profile(built, "quick")
    _, said = nbval("--nbval", foreign, built.solutions, "-rf", MPLBACKEND="Agg")
    failed = [line.split("::")[1] for line in said.splitlines() if line.startswith("FAILED")]
    assert [name[:6] for name in failed] == ["Cell 1", "Cell 2"]
    assert "2 failed, 2 passed" in said
    assert os.environ["MPLBACKEND"] == "Agg"
    assert "DLUTILS_PROFILE" not in os.environ


def test_a_profile_that_is_asked_for_is_used(built, nbval):
    ask_for_profile(built, "full")
    code, said = nbval("--nbval", built.solutions, DLUTILS_PROFILE="full")
    assert code == 0, said


def test_a_kernel_asked_for_by_name_is_used(built, nbval):
    ask_for_profile(built, "quick")
    code, said = nbval("--nbval", "--nbval-kernel-name=no-such-kernel", built.solutions)
    assert code == 1
    assert "no-such-kernel" in said


def test_damaged_notebooks_are_not_taken_for_ours(tmp_path):
    from coursetools.plugin import is_ours

    path = tmp_path / "x.ipynb"
    for text in ("", "[]", "{}", '{"metadata": []}', '{"metadata": {"course": "x"}}', "[" * 9999):
        path.write_text(text)
        assert not is_ours(path)
    path.write_bytes(b"\xff")
    assert not is_ours(path)
    assert not is_ours(tmp_path / "none.ipynb")
    path.write_text('{"metadata": {"course": {"format": 1}}}')
    assert is_ours(path)


def test_pytest_without_nbval_runs_as_ever(built, nbval, tmp_path):
    (tmp_path / "test_plain.py").write_text("def test_it():\n    assert True\n")
    code, said = nbval("-p", "no:nbval", tmp_path / "test_plain.py", built.solutions)
    assert code == 0, said
    assert "1 passed" in said


def test_the_plugin_imports_nothing_but_pytest_and_the_standard_library():
    code = (
        "import pytest, sys; before = set(sys.modules); import coursetools.plugin; "
        "new = {name.split('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names) - {'coursetools'}), "
        "sorted(name for name in sys.modules if name.startswith('coursetools')))"
    )
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    shown = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "[] ['coursetools', 'coursetools.plugin']\n"
