"""README.md and docs/results.md get their results from benchmarks/results/ and nowhere else."""

import json

import pytest

from coursetools.errors import CourseError
from coursetools.results import (
    BEGIN,
    END,
    claims_text,
    lessons_text,
    measurements,
    update_results,
)

CLAIM = {
    "lesson": "05_cnns", "claim": "test accuracy", "value": 0.99, "bar": 0.98,
    "relation": "at_least", "holds": True, "profile": "quick", "backend": "tensorflow",
    "device": "cpu", "seed": 1, "seconds": 3.0, "run": "2025-01-01T00:00:00",
}  # fmt: skip
RUN = {
    "lesson": "05_cnns", "backend": "tensorflow", "device": "cpu", "profile": "quick", "seed": 1,
    "seconds": 40.4, "peak_mb": 1500.0, "run": "2025-01-01T00:00:00", "versions": {},
}  # fmt: skip


@pytest.fixture
def measured(sources):
    def write(*lines, name="a.jsonl"):
        path = sources.root / "benchmarks" / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return sources

    return write


def row(course, word, text=claims_text):
    (line,) = [line for line in text(measurements(course)).splitlines() if word in line]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_holds_bar_mean_spread_seeds_profile_and_device(measured):
    jax = {**CLAIM, "backend": "jax", "value": 0.985}
    course = measured(CLAIM, {**CLAIM, "seed": 2, "value": 1.0}, jax, RUN)
    expected = ["05_cnns", "test accuracy", "at least 0.98", "0.995 ± 0.0071 (2)", "0.985 (1)"]
    assert row(course, "test accuracy") == [*expected, "quick", "cpu"]
    costs = ["05_cnns", "1 of 1", "40 (1)", "1500 (1)", "1 of 1", "", "", "quick", "cpu"]
    assert row(course, "05_cnns", lessons_text) == costs


def test_only_the_latest_measurement_of_a_seed_counts(measured):
    measured({**CLAIM, "value": 0.5, "run": "2025-01-03T00:00:00"}, name="a.jsonl")
    course = measured({**CLAIM, "value": 0.9}, name="b.jsonl")
    assert row(course, "test accuracy")[3] == "0.5 (1)"


def test_a_trial_at_a_share_of_the_training_is_no_result(measured):
    trial = {**CLAIM, "value": 0.1, "holds": False, "work": 0.1, "run": "2026-01-01T00:00:00"}
    course = measured({**CLAIM, "work": 1.0}, trial, RUN, {**RUN, "seconds": 4.0, "work": 0.1})
    assert row(course, "test accuracy")[3] == "0.99 (1)"
    assert row(course, "05_cnns", lessons_text)[2] == "40 (1)"


def test_profiles_and_devices_are_rows_of_their_own(measured):
    course = measured(CLAIM, {**CLAIM, "profile": "full"}, {**CLAIM, "device": "gpu"})
    rows = [
        line for line in claims_text(measurements(course)).splitlines() if "test accuracy" in line
    ]
    assert [line.split(" | ")[-2:] for line in rows] == [
        ["full", "cpu |"],
        ["quick", "cpu |"],
        ["quick", "gpu |"],
    ]


def test_a_broken_claim_is_shown_as_such(measured):
    course = measured(CLAIM, {**CLAIM, "seed": 2, "value": 0.9, "holds": False})
    assert row(course, "test accuracy")[3].endswith("(2), holds: 1 of 2")
    course = measured(CLAIM, {**CLAIM, "seed": 2, "holds": False}, {**CLAIM, "claim": "other"})
    assert row(course, "05_cnns", lessons_text)[1] == "1 of 2"


def test_claims_stand_in_the_order_of_the_lesson(measured):
    course = measured({**CLAIM, "claim": "zeta"}, {**CLAIM, "claim": "alpha"})
    text = claims_text(measurements(course))
    assert text.index("zeta") < text.index("alpha")


def test_both_pages_are_written_between_their_marks_and_checked(measured):
    course = measured(CLAIM, RUN)
    names = ["README.md", "docs/results.md"]
    pages = [course.root / name for name in names]
    pages[1].parent.mkdir(exist_ok=True)
    for page in pages:
        page.write_text(f"# Course\n\n{BEGIN}\nold\n{END}\n\nEnd – stays.\n", encoding="utf-8")
    assert update_results(course, check_only=True) == names
    assert all("old" in page.read_text("utf-8") for page in pages)
    assert update_results(course) == names
    texts = [page.read_text("utf-8") for page in pages]
    for text, start in zip(texts, ("| lesson |", "Mean ±"), strict=True):
        assert text.startswith(f"# Course\n\n{BEGIN}\n\n{start}")
        assert text.endswith(f"{END}\n\nEnd – stays.\n")
        assert "old" not in text
    assert not update_results(course)
    pages[1].write_text(texts[1].replace("0.99", "1.00"), encoding="utf-8")
    assert update_results(course, check_only=True) == ["docs/results.md"]


@pytest.mark.parametrize("missing", ["README.md", "docs/results.md"])
def test_missing_marks_are_a_clear_error_and_nothing_is_written(measured, missing):
    course = measured(CLAIM)
    (course.root / "docs").mkdir(exist_ok=True)
    (other,) = {"README.md", "docs/results.md"} - {missing}
    (course.root / missing).unlink(missing_ok=True)
    (course.root / other).write_text(f"{BEGIN}{END}")
    with pytest.raises(CourseError, match=f"{missing} has no place for results"):
        update_results(course)
    assert (course.root / other).read_text() == f"{BEGIN}{END}"


def test_an_unreadable_line_is_a_clear_error(measured):
    with pytest.raises(CourseError, match=r"a.jsonl:1: no line of a report"):
        measurements(measured({"claim": 1}))


def test_nothing_measured_is_said(sources):
    assert "Nothing has been measured yet." in claims_text(measurements(sources))
