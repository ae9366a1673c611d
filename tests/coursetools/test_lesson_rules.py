"""Whatever breaks a rule is refused with the lesson's line; the toy lesson keeps them all."""

import pytest

from coursetools.errors import CourseError, LessonError
from coursetools.source import read_lesson

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
MEAN_BODY = """\
    ### BEGIN SOLUTION
    accumulated = sum(values)  # exact for integers
    return accumulated / len(values)
    ### END SOLUTION
"""
MEAN_CHECK = """\
# %% checks="mean" points=4
@checks.exercise("mean")
def _(ask):
    assert ask("mean", [1, 2, 6]) == 3

"""


def refusal(tmp_path, text):
    path = tmp_path / "lessons" / "05_cnns.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    with pytest.raises(LessonError) as caught:
        read_lesson(path)
    assert str(caught.value).startswith(f"lessons/05_cnns.py:{caught.value.line}: ")
    return caught.value.line, caught.value.text


def line_of(text, anchor, nth=0):
    return [n for n, line in enumerate(text.split("\n"), start=1) if anchor in line][nth]


def test_a_lesson_that_keeps_the_rules_is_read_with_roles_and_lines(sources, toy_text):
    lesson = read_lesson(sources.lessons / "01_toy.py")
    roles = [cell.role for cell in lesson.cells]
    expected = [
        None,
        "setup",
        None,
        "exercise",
        "check",
        "exercise",
        "harness",
        "check",
        None,
        None,
    ]
    assert roles == expected
    assert lesson.points == {"mean": 4, "scaler": 6}
    assert [cell.line for cell in lesson.cells if cell.role == "exercise"] == [
        line_of(toy_text, 'exercise="mean"'),
        line_of(toy_text, 'exercise="scaler"'),
    ]
    assert lesson.cells[-1].tags == ("nbval-ignore-output",)


def test_a_jupytext_header_shifts_no_line_number(tmp_path, toy_text):
    header = "# ---\n# jupyter:\n#   jupytext: {}\n# ---\n\n"
    text = header + toy_text.replace("points=4", "points=5")
    line, _ = refusal(tmp_path, text)
    assert line == line_of(text, "points=6")


REFUSALS = {
    "end marker missing": (MEAN_BODY, MEAN_BODY.replace(f"    {END}\n", ""), BEGIN, "no `### END"),
    "begin marker missing": (MEAN_BODY, MEAN_BODY.replace(f"    {BEGIN}\n", ""), END, "no `### BE"),
    "nested regions": (
        MEAN_BODY,
        MEAN_BODY.replace("    return", f"    {BEGIN}  \n    return"),
        f"{BEGIN}  ",
        "inside another one",
    ),
    "empty region": (
        MEAN_BODY,
        f"    {BEGIN}\n    # only words\n    {END}\n    return 3\n",
        BEGIN,
        "holds no code",
    ),
    "region inside a docstring": (
        '    """The arithmetic mean of a list."""\n' + MEAN_BODY,
        f'    """Mean.\n    {BEGIN}\n    sum(values)\n    {END}\n    """\n',
        BEGIN,
        "holds no code",
    ),
    "region outside a function": (
        MEAN_BODY,
        f"    return 3\n{BEGIN}\nanswer = 3\n{END}\n",
        BEGIN,
        "not inside the body of one function",
    ),
    "region across two functions": (
        MEAN_BODY,
        f"    {BEGIN}\n    return 3\ndef other():\n    return 4\n    {END}\n",
        BEGIN,
        "not inside the body of one function",
    ),
    "region in a teaching cell": (
        "total = sum([1, 2, 3])\n",
        f"def f():\n    {BEGIN}\n    return 1\n    {END}\n",
        BEGIN,
        "outside an exercise cell",
    ),
    "region in a text cell": (
        "# # What is a mean?\n",
        f"# {BEGIN}\n# x\n# {END}\n",
        BEGIN,
        "outside an exercise cell",
    ),
    "exercise without region": (MEAN_BODY, "    return 3\n", 'exercise="mean"', "no solution regi"),
    "two exercises of one name": (
        'exercise="scaler"',
        'exercise="mean"',
        "class Scaler",
        'a second exercise cell is named "mean"',
    ),
    "two checks of one exercise": (
        MEAN_CHECK,
        MEAN_CHECK + MEAN_CHECK.replace("points=4", "points=1 "),
        "points=1 ",
        'a second check cell is named "mean"',
    ),
    "exercise without check": (MEAN_CHECK, "", 'exercise="mean"', "has no check"),
    "check of an unknown exercise": (
        'checks="mean"',
        'checks="median"',
        'checks="median"',
        'no exercise "median"',
    ),
    "harness of an unknown exercise": (
        'harness="scaler"',
        'harness="scale"',
        'harness="scale"',
        'no exercise "scale"',
    ),
    "check without points": (" points=4", "", 'checks="mean"', "has no points"),
    "points on an exercise": (
        'exercise="mean"',
        'exercise="mean" points=4',
        'exercise="mean"',
        "points stand on check cells only",
    ),
    "points on a teaching cell": ("# %%\ntotal", "# %% points=1\ntotal", "points=1", "check cells"),
    "points that do not add up": ("points=4", "points=3", "points=6", "add up to 9 (mean 3, scal"),
    "points that are no number": ("points=4", 'points="4"', 'points="4"', "no whole number"),
    "points of zero": ("points=4", "points=0", "points=0", "no whole number"),
    "syntax error": ("total = sum(", "total == = sum(", "total == =", "cannot read this code"),
    "return at the top of a cell": (
        "total\n\n# %% ex",
        "return 1\n\n# %% ex",
        "return 1",
        "cannot",
    ),
    "stub that does not parse": (
        MEAN_BODY,
        f"    try:\n        {BEGIN}\n        return 1\n    except ValueError:\n"
        f"        return 2\n        {END}\n",
        BEGIN,
        "without its solution",
    ),
    "unknown option": (
        'exercise="mean"',
        'excercise="mean"',
        "excercise",
        "did you mean `exercise`",
    ),
    "title": ("# %%\ntotal", "# %% Totals\ntotal", "Totals", "unknown option `Totals`"),
    "unreadable option": ('exercise="mean"', "exercise=mean", "exercise=mean", "cannot be read"),
    "option on a text cell": (
        "# %% [markdown]",
        "# %% [markdown] setup=true",
        "[mark",
        "unknown opt",
    ),
    "two roles": ('exercise="mean"', 'exercise="mean" setup=true', 'mean" setup', "not several"),
    "setup that is false": ("setup=true", "setup=false", "setup=false", "means nothing"),
    "name that no id can carry": ('exercise="mean"', 'exercise="a mean"', '="a mean', "is no name"),
    "tags that are no list": ('["nbval-ignore-output"]', '"nbval"', "tags=", "can hold this cell"),
    "empty cell": ("total = sum([1, 2, 3])\ntotal\n", "\n", "# %%", "empty"),
    "raw cell": ("# %%\ntotal", "# %% [raw]\n# total", "[raw]", "raw cell"),
    "text before the first cell": ("# %% [markdown]", "x = 1\n# %% [markdown]", "x = 1", "before"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_with_its_line(case, tmp_path, toy_text):
    old, new, anchor, words = REFUSALS[case]
    assert old in toy_text
    text = toy_text.replace(old, new, 1)
    line, message = refusal(tmp_path, text)
    nth = {"empty cell": 2}.get(case, 0)
    expected = line_of(text, anchor, nth)
    if case == "two exercises of one name":
        expected -= 1
    assert (line, words in message) == (expected, True), message


@pytest.mark.parametrize(
    "marker",
    [
        "###BEGIN SOLUTION",
        "### Begin Solution",
        "# BEGIN SOLUTION",
        "### BEGIN  SOLUTION",
        "### BEGIN SOLUTION:",
        "### BEGIN_SOLUTION",
        "### BEGIN SOLUTIONS",
        "### START SOLUTION",
        "### SOLUTION BEGIN",
        "# begin of the solution",
        "pass  ### BEGIN SOLUTION",
    ],
)
def test_what_resembles_a_marker_is_refused_rather_than_leaked(marker, tmp_path, toy_text):
    text = toy_text.replace(BEGIN, marker, 1)
    line, message = refusal(tmp_path, text)
    assert line == line_of(text, marker)
    assert "would be left in the student notebook" in message


@pytest.mark.parametrize("comment", ["# the solution ends small", "# solve it", "# a solution"])
def test_a_comment_about_solutions_is_no_marker(comment, sources, edit):
    edit(sources, "    accumulated =", f"    {comment}\n    accumulated =")
    assert read_lesson(sources.lessons / "01_toy.py").points["mean"] == 4


def test_check_and_harness_come_after_what_they_need(tmp_path, toy_text):
    moved = MEAN_CHECK + toy_text.replace(MEAN_CHECK, "")
    assert refusal(tmp_path, moved)[0] == 1
    harness = toy_text.index("# %% harness")
    check = toy_text.index('# %% checks="scaler"')
    end = toy_text.index("# %%\nclaims")
    swapped = toy_text[:harness] + toy_text[check:end] + toy_text[harness:check] + toy_text[end:]
    line, message = refusal(tmp_path, swapped)
    assert line == line_of(swapped, 'checks="scaler"')
    assert "before its harness cell" in message


def test_a_cell_line_inside_a_string_is_refused_not_misread(tmp_path, toy_text):
    text = toy_text.replace("total = sum([1, 2, 3])", 'total = """\n# %% no cell\n"""')
    assert "jupytext reads" in refusal(tmp_path, text)[1]


def test_magics_are_code_in_teaching_cells_only(tmp_path, sources, edit, toy_text):
    edit(sources, "total = sum([1, 2, 3])", "# %matplotlib inline\ntotal = 6")
    magic = read_lesson(sources.lessons / "01_toy.py").cells[2]
    assert magic.source.startswith("%matplotlib inline")
    text = toy_text.replace("    assert ask", "    # %time\n    assert ask", 1)
    assert "cannot read this code" in refusal(tmp_path, text)[1]


def test_repository_must_be_set_where_it_is_used(sources):
    from coursetools.notebooks import student_notebook

    (sources.root / "pyproject.toml").write_text("")
    with pytest.raises(LessonError, match=r"lessons/01_toy.py:3: .*pyproject.toml does not say"):
        student_notebook(sources, read_lesson(sources.lessons / "01_toy.py"))


def test_lessons_are_found_by_number_name_and_path(sources):
    path = sources.lessons / "01_toy.py"
    for name in ("01", "01_toy", str(path), "notebooks/01_toy.ipynb"):
        assert sources.select([name, name]) == [path]
    with pytest.raises(CourseError, match=r"no lesson 07 .*there are: 01_toy"):
        sources.select(["07"])
    (sources.lessons / "helper.py").write_text("")
    with pytest.raises(CourseError, match=r"helper.py is not named like"):
        sources.select([])
