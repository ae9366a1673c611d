"""Building executes what changed, keeps what did not, and never leaves half a lesson."""

import sys

import nbformat
import pytest

from coursetools.build import build
from coursetools.errors import LessonError


def contents(course):
    return {
        path.name + path.parent.name: path.read_bytes()
        for folder in (course.notebooks, course.solutions)
        for path in folder.iterdir()
    }


def solution(course):
    return nbformat.read(course.solutions / "01_toy.ipynb", as_version=4)


def printed(course):
    """The text each cell printed, by the first word of its source."""
    return {
        cell.source.split()[0]: cell.outputs[0].text
        for cell in solution(course).cells
        if cell.cell_type == "code" and cell.outputs and "text" in cell.outputs[0]
    }


def test_the_solution_is_executed_and_clean(built):
    notebook = solution(built)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    streams = [o for cell in code for o in cell.outputs if o.output_type == "stream"]
    assert {stream.name for stream in streams} == {"stdout"}
    assert "mean: correct\n" in [stream.text for stream in streams]
    assert not any("execution" in cell.metadata for cell in code)
    assert "widgets" not in notebook.metadata
    assert sorted(contents(built)) == ["01_toy.ipynbnotebooks", "01_toy.ipynbsolutions"]


def test_a_rebuild_without_a_change_executes_nothing(built):
    before = contents(built)
    (again,) = build(built)
    assert (again.executed, again.written) == (False, [])
    assert contents(built) == before


def test_a_forced_rebuild_leaves_every_byte(built):
    before = contents(built)
    (again,) = build(built, force=True)
    assert (again.executed, again.written) == (True, [])
    assert contents(built) == before


def test_a_changed_cell_is_renewed_and_its_neighbours_keep_their_bytes(built, edit):
    before = printed(built)
    edit(built, '"quality", 0.75, 0.5', '"quality", 0.85, 0.5')
    (again,) = build(built, ["01"])
    assert again.written == ["notebooks/01_toy.ipynb", "solutions/01_toy.ipynb"]
    after = printed(built)
    assert "0.85" in after.pop('claims.at_least("quality",')
    assert after.pop("import") != before.pop("import")  # Its number may follow from the change.
    before.pop('claims.at_least("quality",')
    assert after == before


def test_a_change_of_dlutils_executes_but_keeps_what_is_equal(built):
    before, stale = printed(built), solution(built).metadata.course.hash
    with open(built.root / "dlutils" / "claims.py", "a") as file:
        file.write("# a remark\n")
    (again,) = build(built)
    assert again.written == ["solutions/01_toy.ipynb"]
    assert printed(built) == before
    assert solution(built).metadata.course.hash != stale


def test_a_spoilt_notebook_is_built_anew(built):
    before = contents(built)
    (built.notebooks / "01_toy.ipynb").write_text("{")
    (built.solutions / "01_toy.ipynb").write_text("no JSON")
    (again,) = build(built)
    assert again.executed
    assert set(contents(built)) == set(before)
    assert contents(built)["01_toy.ipynbnotebooks"] == before["01_toy.ipynbnotebooks"]


def test_a_failing_cell_stops_the_build_and_leaves_the_old_notebooks(built, edit):
    before = contents(built)
    edit(built, "total = sum([1, 2, 3])", "numbers = [1]\ntotal = numbers[7]")
    with pytest.raises(LessonError) as caught:
        list(build(built))
    message = str(caught.value)
    line = (built.lessons / "01_toy.py").read_text().split("numbers = ")[0].count("\n")
    assert message.startswith(f"lessons/01_toy.py:{line}: this cell raised IndexError")
    assert message.endswith("IndexError: list index out of range")
    assert "total = numbers[7]" in message
    assert "\x1b" not in message
    assert contents(built) == before


def test_a_dying_kernel_is_one_clear_error(built, edit):
    before = contents(built)
    edit(built, "total = sum([1, 2, 3])", "import os; os._exit(3)")
    with pytest.raises(LessonError, match=r"01_toy.py:\d+: the kernel died in this cell"):
        list(build(built))
    assert contents(built) == before


def test_cells_run_in_this_interpreter_and_in_the_solutions_folder(built, edit, monkeypatch):
    monkeypatch.setenv("DLUTILS_SEED", "77")
    monkeypatch.setenv("DLUTILS_PROFILE", "full")
    names = "('DLUTILS_PROFILE', 'KERAS_BACKEND', 'PYTHONHASHSEED', 'DLUTILS_SEED')"
    code = f"import os; print([os.environ.get(n) for n in {names}], sys.executable, os.getcwd())"
    edit(built, "total = sum([1, 2, 3])", f"{code}\ntotal = 6")
    list(build(built))
    outputs = [o.text for c in solution(built).cells for o in c.get("outputs", []) if "text" in o]
    (text,) = [text for text in outputs if "'quick'" in text]
    assert text == (
        f"['quick', 'tensorflow', '0', None] {sys.executable} {built.solutions.resolve()}\n"
    )


def test_a_memory_address_is_refused_as_nbval_would(built, edit):
    before = contents(built)
    edit(built, "sum([1, 2, 3])\ntotal", "object()\ntotal;")
    with pytest.raises(LessonError, match=r"memory address \(`<object at 0x"):
        list(build(built))
    assert contents(built) == before


def test_a_cell_tagged_as_raising_may_raise(built, edit):
    edit(built, "# %%\ntotal = sum([1, 2, 3])\ntotal", '# %% tags=["raises-exception"]\n1 / 0')
    list(build(built))
    errors = [o for c in solution(built).cells for o in c.get("outputs", []) if "ename" in o]
    assert [e.traceback for e in errors] == [["ZeroDivisionError: division by zero"]]
    from coursetools.check import check

    assert check(built) == []
