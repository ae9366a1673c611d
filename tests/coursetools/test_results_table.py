"""The README's results come from benchmarks/results/ and from nowhere else."""

import json

import pytest

from coursetools.errors import CourseError
from coursetools.results import BEGIN, END, results_text, update_readme

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


def row(course, word):
    (line,) = [line for line in results_text(course).splitlines() if word in line]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_holds_bar_mean_spread_seeds_profile_and_device(measured):
    jax = {**CLAIM, "backend": "jax", "value": 0.985}
    course = measured(CLAIM, {**CLAIM, "seed": 2, "value": 1.0}, jax, RUN)
    expected = ["05_cnns", "test accuracy", "at least 0.98", "0.995 ± 0.0071 (2)", "0.985 (1)"]
    assert row(course, "test accuracy") == [*expected, "quick", "cpu"]
    assert row(course, "40") == ["05_cnns", "40 (1)", "1500 (1)", "", "", "quick", "cpu"]


def test_only_the_latest_measurement_of_a_seed_counts(measured):
    measured({**CLAIM, "value": 0.5, "run": "2025-01-03T00:00:00"}, name="a.jsonl")
    course = measured({**CLAIM, "value": 0.9}, name="b.jsonl")
    assert row(course, "test accuracy")[3] == "0.5 (1)"


def test_a_trial_at_a_share_of_the_training_is_no_result(measured):
    trial = {**CLAIM, "value": 0.1, "holds": False, "work": 0.1, "run": "2026-01-01T00:00:00"}
    course = measured({**CLAIM, "work": 1.0}, trial, RUN, {**RUN, "seconds": 4.0, "work": 0.1})
    assert row(course, "test accuracy")[3] == "0.99 (1)"
    assert row(course, "40")[1] == "40 (1)"


def test_profiles_and_devices_are_rows_of_their_own(measured):
    course = measured(CLAIM, {**CLAIM, "profile": "full"}, {**CLAIM, "device": "gpu"})
    rows = [line for line in results_text(course).splitlines() if "test accuracy" in line]
    assert [line.split(" | ")[-2:] for line in rows] == [
        ["full", "cpu |"],
        ["quick", "cpu |"],
        ["quick", "gpu |"],
    ]


def test_a_broken_claim_is_shown_as_such(measured):
    course = measured(CLAIM, {**CLAIM, "seed": 2, "value": 0.9, "holds": False})
    assert row(course, "test accuracy")[3].endswith("(2), holds: 1 of 2")


def test_claims_stand_in_the_order_of_the_lesson(measured):
    course = measured({**CLAIM, "claim": "zeta"}, {**CLAIM, "claim": "alpha"})
    text = results_text(course)
    assert text.index("zeta") < text.index("alpha")


def test_the_readme_is_written_between_its_marks_and_checked(measured):
    course = measured(CLAIM, RUN)
    readme = course.root / "README.md"
    readme.write_text(f"# Course\n\n{BEGIN}\nold\n{END}\n\nEnd – stays.\n", encoding="utf-8")
    assert update_readme(course, check_only=True)
    assert "old" in readme.read_text("utf-8")
    assert update_readme(course)
    text = readme.read_text("utf-8")
    assert text.startswith(f"# Course\n\n{BEGIN}\n\nMean ±")
    assert text.endswith(f"{END}\n\nEnd – stays.\n")
    assert "old" not in text
    assert not update_readme(course)
    readme.write_text(text.replace("0.99", "1.00"), encoding="utf-8")
    assert update_readme(course, check_only=True)


def test_missing_marks_and_unreadable_lines_are_clear_errors(measured):
    course = measured(CLAIM)
    with pytest.raises(CourseError, match="no place for results"):
        update_readme(course)
    measured({"claim": 1})
    with pytest.raises(CourseError, match=r"a.jsonl:1: no line of a report"):
        results_text(course)


def test_nothing_measured_is_said(sources):
    assert "Nothing has been measured yet." in results_text(sources)
