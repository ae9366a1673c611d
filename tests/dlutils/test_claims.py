"""Claims: the line they print, the bar they hold to, the report they leave."""

import doctest
import json

import numpy as np
import pytest

from dlutils import claims, runtime


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    monkeypatch.delenv("DLUTILS_REPORT", raising=False)
    monkeypatch.setattr(runtime, "_current", None)


def printed(capsys):
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (
            lambda: claims.at_least("test accuracy", 0.99168, 0.99),
            "test accuracy 0.9917 (at least 0.99): holds\n",
        ),
        (lambda: claims.at_least("bits", 1.23456, 1, digits=2), "bits 1.23 (at least 1): holds\n"),
        (lambda: claims.at_most("error", 0.0, 1e-5), "error 0 (at most 1e-05): holds\n"),
        (lambda: claims.at_most("error", 2.44e-7, 1e-5), "error 2.4e-07 (at most 1e-05): holds\n"),
        (lambda: claims.at_most("loss", -0.5, 0.0), "loss -0.5000 (at most 0.0): holds\n"),
        (
            lambda: claims.at_most("weights", 12_345, 20_000),
            "weights 12345 (at most 20000): holds\n",
        ),
        (
            lambda: claims.at_most("weights", np.int64(12), np.int64(20)),
            "weights 12 (at most 20): holds\n",
        ),
        (
            lambda: claims.at_least("accuracy", np.float32([0.5]), np.float64(0.5)),
            "accuracy 0.5000 (at least 0.5): holds\n",
        ),
        (
            lambda: claims.between("ratio", 1.02, 0.9, 1.1),
            "ratio 1.0200 (between 0.9 and 1.1): holds\n",
        ),
        (
            lambda: claims.close("difference", [[1.0, 2.0]], np.float32([[1, 2.5]]), 0.5),
            "difference 0.5000 (at most 0.5): holds\n",
        ),
        (lambda: claims.at_least("bar met", 0.99, 0.99), "bar met 0.9900 (at least 0.99): holds\n"),
    ],
)
def test_a_claim_that_holds_prints_one_line(capsys, make, line):
    assert make() is None
    assert printed(capsys) == line


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: claims.at_least("test accuracy", 0.9712, 0.99),
            "claim broken: test accuracy 0.9712, but at least 0.99 was claimed (",
        ),
        (lambda: claims.at_most("error", 2e-4, 1e-5), "error 2.0e-04, but at most 1e-05"),
        (lambda: claims.between("ratio", 0.8, 0.9, 1.1), "0.8000, but between 0.9 and 1.1 was"),
        (lambda: claims.between("ratio", 1.2, 0.9, 1.1), "1.2000, but between 0.9 and 1.1 was"),
        (lambda: claims.close("difference", 1.0, 2.0, 0.5), "difference 1.0000, but at most 0.5"),
        (lambda: claims.at_least("accuracy", float("nan"), 0), "accuracy nan, but at least 0"),
        (lambda: claims.at_most("accuracy", float("nan"), 0), "accuracy nan, but at most 0"),
        (lambda: claims.between("ratio", float("nan"), 0, 1), "ratio nan, but between"),
        (lambda: claims.close("difference", [1, np.nan], [1, 1], 1), "difference nan, but"),
        (lambda: claims.close("difference", np.inf, np.inf, 1), "difference nan, but"),
        (lambda: claims.at_most("loss", np.inf, 1), "loss inf, but at most 1"),
        (lambda: claims.at_least("close call", 0.98996, 0.99), "close call 0.98996, but at least"),
    ],
)
def test_a_claim_that_does_not_hold_raises_and_prints_nothing(capsys, make, words):
    with pytest.raises(claims.Broken) as caught:
        make()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert printed(capsys) == ""


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: claims.at_least("", 1, 1), "give one line of text"),
        (lambda: claims.at_least("two\nlines", 1, 1), "give one line of text"),
        (lambda: claims.at_least("a", [1, 2], 1), r"shape \(2,\): give one number"),
        (lambda: claims.at_least("a", "high", 1), "a str, which holds no numbers"),
        (lambda: claims.at_least("a", 1, float("nan")), "the bar nan: give a finite number"),
        (lambda: claims.between("a", 1, 2, 1), "between 2 and 1: put the smaller first"),
        (lambda: claims.close("a", [1, 2], [1, 2, 3], 1), r"shapes \(2,\) and \(3,\)"),
        (lambda: claims.close("a", [1, 2], 1, 1), r"shapes \(2,\) and \(\)"),
        (lambda: claims.close("a", [], [], 1), "one shape that is not empty"),
    ],
)
def test_a_claim_that_means_nothing_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_every_claim_is_reported_broken_ones_too(monkeypatch, tmp_path, capsys):
    report = tmp_path / "report.jsonl"
    monkeypatch.setenv("DLUTILS_REPORT", str(report))
    lab = runtime.Lab("05_cnns", 7, "quick", False, "jax", "cpu")
    monkeypatch.setattr(runtime, "_current", lab)
    claims.at_least("accuracy – test", 0.75, 0.5)
    claims.between("ratio", np.float32(0.5), 0, 1)
    with pytest.raises(claims.Broken):
        claims.close("difference", float("nan"), 0, 1e-5)
    first, second, third = map(json.loads, report.read_text(encoding="utf-8").splitlines())
    assert 0 <= first.pop("seconds") < 60
    assert first == {
        "lesson": "05_cnns",
        "claim": "accuracy – test",
        "value": 0.75,
        "bar": 0.5,
        "relation": "at_least",
        "holds": True,
        "profile": "quick",
        "backend": "jax",
        "device": "cpu",
        "seed": 7,
        "work": 1.0,
    }
    assert (second["bar"], second["relation"]) == ([0, 1], "between")
    assert (third["value"], third["holds"], third["relation"]) == (None, False, "at_most")


def test_a_trial_at_a_share_of_the_training_claims_nothing(monkeypatch, capsys):
    monkeypatch.setattr(runtime, "_current", runtime.Lab("x", 7, "quick", False, "jax", "cpu", 0.1))
    claims.at_least("accuracy", 0.5, 0.9)
    said = "accuracy 0.5000 (at least 0.9): not claimed at 0.1 of the training"
    assert capsys.readouterr().out == said + "\n"


def test_without_a_lab_the_report_says_null(monkeypatch, tmp_path):
    report = tmp_path / "report.jsonl"
    monkeypatch.setenv("DLUTILS_REPORT", str(report))
    claims.at_least("accuracy", 1, 0)
    line = json.loads(report.read_text())
    unknown = ("lesson", "profile", "backend", "device", "seed", "work", "seconds")
    assert [line[key] for key in unknown] == [None] * 7


def test_a_report_that_cannot_be_written_names_the_file(monkeypatch, tmp_path):
    monkeypatch.setenv("DLUTILS_REPORT", str(tmp_path / "nowhere" / "report.jsonl"))
    with pytest.raises(OSError, match=r"nowhere/report\.jsonl.*name a file in a folder"):
        claims.at_least("accuracy", 1, 0)


def test_the_documented_examples_are_true():
    result = doctest.testmod(claims)
    assert result.attempted >= 4
    assert result.failed == 0
