"""`coursetools run`: claims over seeds, a broken claim, the untouched lesson, the checks alone."""

import json
import math
import os

import pytest

from coursetools.errors import CourseError
from coursetools.measures import bar_text, holds_text, margin, spread_text
from coursetools.memory import peak_mb
from coursetools.run import (
    Run,
    append_report,
    parse_backends,
    parse_seeds,
    run_checks,
    run_solution,
    run_student,
)
from coursetools.source import read_lesson


def toy(course):
    return read_lesson(course.lessons / "01_toy.py")


def files(course):
    return sorted(path for path in course.root.rglob("*") if "__pycache__" not in path.parts)


def test_a_run_measures_claims_time_and_memory_and_writes_nothing(sources, tmp_path):
    before = files(sources)
    run = run_solution(sources, toy(sources), backend="jax", seed=3)
    assert files(sources) == before
    assert run.holds
    assert (run.seed, run.backend, run.profile) == (3, "jax", "quick")
    (claim,) = run.claims
    assert (claim["claim"], claim["seed"], claim["backend"]) == ("quality", 3, "jax")
    assert claim["value"] == pytest.approx(0.78)
    assert 0 < run.seconds < 60
    assert run.peak_mb is None or run.peak_mb > 10
    report = tmp_path / "new" / "report.jsonl"
    append_report(report, run)
    append_report(report, run)
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert len(lines) == 4
    assert lines[0] == {**claim, "run": run.run}
    assert lines[1]["peak_mb"] == run.peak_mb
    assert {"run", "lesson", "backend", "seconds", "peak_mb", "seed", "profile", "versions"} <= set(
        lines[1]
    )


def test_a_broken_claim_hides_no_other(sources, edit, monkeypatch):
    monkeypatch.setenv("DLUTILS_PROFILE", "full")
    edit(sources, '"quality", 0.75, 0.5)', '"quality", 0.25, 0.5)\n\n# %%\n'
         'claims.at_least("speed", 3, 2)')  # fmt: skip
    run = run_solution(sources, toy(sources))
    assert [(c["claim"], c["holds"]) for c in run.claims] == [("quality", False), ("speed", True)]
    assert (run.holds, run.profile, run.seed) == (False, "full", 5)
    (error,) = run.errors
    assert error.startswith("lessons/01_toy.py:")
    assert "claim broken: quality 0.25" in error


def test_a_trial_at_a_share_of_the_training_breaks_no_claim():
    run = Run("now", "01_toy", "jax", 1, "full", 2.0, None, [{"holds": False, "work": 0.1}])
    assert (run.holds, run.lines()[-1]["work"]) == (True, 0.1)
    assert holds_text(run.claims) == "not claimed"
    whole = Run("now", "01_toy", "jax", 1, "full", 2.0, None, [{"holds": False, "work": 1.0}])
    assert (whole.holds, holds_text(whole.claims)) == (False, "no")


def test_an_error_ends_the_run_with_its_line(sources, edit):
    edit(sources, "total = sum([1, 2, 3])", "total = 1 / 0")
    run = run_solution(sources, toy(sources))
    (error,) = run.errors
    line = (sources.lessons / "01_toy.py").read_text().split("total = 1")[0].count("\n")
    assert error.startswith(f"lessons/01_toy.py:{line}: this cell raised ZeroDivisionError")
    assert run.claims == []
    assert not run.holds


def test_the_untouched_lesson_fails_in_its_checks_only(sources):
    run = run_student(sources, toy(sources))
    assert run.errors == []
    assert [claim["claim"] for claim in run.claims] == ["quality"]


def test_what_else_fails_or_passes_in_an_untouched_lesson_is_reported(sources, edit):
    edit(sources, 'print("takes"', 'mean([1])\nprint("takes"')
    edit(sources, 'assert ask("mean", [1, 2, 6]) == 3', "pass")
    edit(sources, 'assert ask("scaled", 3, 2) == 6', "assert False")
    errors = "\n".join(run_student(sources, toy(sources)).errors)
    assert "untouched student notebook this cell raised NotImplementedError" in errors
    assert 'the check of "scaler" raised Failed' in errors
    assert 'the check of "mean" passes although nothing was written for it' in errors


def test_checks_pass_without_any_teaching_cell(sources, edit):
    assert run_checks(sources, toy(sources)).errors == []
    edit(
        sources, "return accumulated / len(values)", "return accumulated / len(values) + 0 * total"
    )
    (error,) = run_checks(sources, toy(sources)).errors
    assert "NameError" in error


def test_seeds_and_backends_are_a_number_or_a_list():
    assert parse_seeds(None) == [None]
    assert parse_seeds("3") == [1, 2, 3]
    assert parse_seeds("7,21") == [7, 21]
    assert parse_seeds("7,") == [7]
    for wrong in ("0", "many", "-1,2", ","):
        with pytest.raises(CourseError, match="names no seeds"):
            parse_seeds(wrong)
    assert parse_backends("both") == ("tensorflow", "jax")
    with pytest.raises(CourseError, match="none of tensorflow"):
        parse_backends("theano")


@pytest.mark.parametrize(
    ("relation", "value", "bar", "expected", "text"),
    [
        ("at_least", 0.75, 0.5, 0.25, "at least 0.5"),
        ("at_most", 0.75, 0.5, -0.25, "at most 0.5"),
        ("between", 0.75, [0.5, 0.875], 0.125, "between 0.5 and 0.875"),
        ("at_least", math.nan, 0.5, -math.inf, "at least 0.5"),
        ("at_least", None, 0.5, -math.inf, "at least 0.5"),
    ],
)
def test_margins_are_positive_on_the_right_side_of_the_bar(relation, value, bar, expected, text):
    claim = {"relation": relation, "value": value, "bar": bar}
    assert margin(claim) == expected
    assert bar_text(claim) == text


def test_spread_is_the_sample_standard_deviation():
    assert spread_text([0.98765432]) == "0.9877"
    assert spread_text([1, 2, 3, 4]) == "2.5 ± 1.3"
    assert spread_text([math.nan, None]) == "nan"
    assert [holds_text([{"holds": h} for h in hs]) for hs in ([1, 1], [0], [1, 0])] == [
        "yes",
        "no",
        "1 of 2",
    ]


def test_peak_memory_counts_this_process():
    measured = peak_mb(os.getpid())
    assert measured is None or measured > 20
    assert peak_mb(None) is None
