"""The corpus of altered hand-ins: each gets the points and the report that it states."""

import importlib
import pkgutil
import re

import corpus
import pytest
from corpus.making import LESSON, ROOT

from coursetools.course import Course
from coursetools.grading.fence import find_fence
from coursetools.grading.grade import grade
from coursetools.grading.learner import Limits
from coursetools.grading.submissions import find_submissions

GROUPS = [name for _, name, _ in pkgutil.iter_modules(corpus.__path__) if name != "making"]
CASES = [case for name in GROUPS for case in importlib.import_module(f"corpus.{name}").CASES]
FENCED = find_fence().bwrap is not None
RUN = [case for case in CASES if FENCED or not case.fence]
# Long enough for a slow host, short enough that endless loops do not take the suite's time.
LIMITS = Limits(cell=12.0, answer=12.0)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """What became of every case, by name."""
    folder, out = (tmp_path_factory.mktemp(name) for name in ("handed", "out"))
    for case in RUN:
        case.make(folder / f"{case.name}_{LESSON}.ipynb")
    course = Course(ROOT)
    submissions = find_submissions([folder], [path.stem for path in course.lesson_paths()])
    return {g.student: g for g in grade(course, submissions, out, workers=2, limits=LIMITS)}


def said(graded):
    """Everything that is reported of a hand-in."""
    hints = [v.hint for v in graded.verdicts if v.hint]
    return "\n".join(filter(None, (graded.problem, *hints, *graded.remarks)))


def test_the_corpus_is_as_large_as_it_should_be():
    assert len(CASES) >= 80
    assert len({case.name for case in CASES}) == len(CASES)


def test_no_case_is_without_a_row(graded):
    assert set(graded) == {case.name for case in RUN}


@pytest.mark.parametrize("case", RUN, ids=lambda case: case.name)
def test_a_case_gets_its_points_and_its_report(graded, case):
    found = graded[case.name]
    assert found.points == case.points, said(found)
    assert not found.undecided, said(found)
    if case.report:
        assert re.search(case.report, said(found)), said(found)
    else:
        assert said(found) == ""
