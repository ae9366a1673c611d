"""Results as JUnit XML for continuous integration: a suite for a hand-in, a case an exercise."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable

from coursetools.grading.escaping import clean
from coursetools.grading.graded import Graded
from coursetools.grading.judge import Verdict
from coursetools.grading.rosters import match_students

# What JUnit calls each outcome; "right" has no entry, a passed case is an empty one.
_KINDS = {
    "wrong": "failure",
    "ended": "failure",
    "error": "failure",
    "blank": "skipped",
    "missing": "skipped",
}
_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def junit(grades: list[Graded], roster: list[str] | None = None) -> str:
    """XML text; who handed in nothing has a suite with one skipped case.

    An error is what a person must look at: a notebook that was not read, a check that failed by its
    own fault. A learner's own mistakes are failures.
    """
    suites = ET.Element("testsuites", name="coursetools grade")
    for graded in grades:
        suites.append(_suite(graded))
    for student, own in match_students(grades, roster).grades.items():
        if not own:
            suite = ET.SubElement(suites, "testsuite", name=clean(student))
            _case(suite, student, "hand-in", "skipped", "nothing handed in")
            _count(suite, suite.iter("testcase"))
    _count(suites, suites.iter("testcase"))
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, "unicode") + "\n"


def _suite(graded: Graded) -> ET.Element:
    owner = f"{graded.lesson or 'unknown lesson'}.{graded.student}"
    suite = ET.Element("testsuite", name=_line(owner))
    if (seconds := getattr(graded, "seconds", None)) is not None:
        suite.set("time", f"{seconds:.3f}")
    _properties(suite, points=graded.points, possible=graded.possible, unfenced=graded.unfenced)
    if graded.problem:
        _case(suite, owner, "hand-in", "error", graded.problem, "not read")
    if graded.failed:
        _case(suite, owner, "hand-in", "error", "\n".join(graded.remarks), "undecided")
    for verdict in graded.verdicts:
        _verdict(suite, owner, verdict)
    if graded.remarks:
        ET.SubElement(suite, "system-out").text = clean("\n".join(graded.remarks))
    _count(suite, suite.iter("testcase"))
    return suite


def _verdict(suite: ET.Element, owner: str, verdict: Verdict) -> None:
    kind = None if verdict.outcome == "right" else _KINDS.get(verdict.outcome, "error")
    case = _case(suite, owner, verdict.exercise, kind, verdict.hint, verdict.outcome)
    _properties(case, points=verdict.points, possible=verdict.possible, outcome=verdict.outcome)


def _case(suite, owner: str, name: str, kind: str | None, text: str, type: str = "") -> ET.Element:
    case = ET.SubElement(suite, "testcase", classname=_line(owner), name=_line(name))
    if kind:
        told = ET.SubElement(case, kind, message=_line(text.split("\n")[0]))
        if kind != "skipped":
            told.set("type", type)
        told.text = clean(text)
    return case


def _properties(owner: ET.Element, **values) -> None:
    properties = ET.Element("properties")
    for name, value in values.items():
        if value not in (None, ""):
            ET.SubElement(properties, "property", name=name, value=_line(str(value)))
    owner.insert(0, properties)


def _count(owner: ET.Element, cases: Iterable[ET.Element]) -> None:
    found = list(cases)
    owner.set("tests", str(len(found)))
    for name, kind in _COUNTED.items():
        owner.set(name, str(sum(case.find(kind) is not None for case in found)))


def _line(text: str) -> str:
    return " ".join(clean(text).split("\n"))
