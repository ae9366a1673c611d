"""Finding hand-ins: folder conventions, odd names, and nothing that is followed or opened."""

import os
from pathlib import Path

import pytest

from coursetools.errors import CourseError
from coursetools.grading.submissions import find_submissions

LESSONS = ("05_cnns", "06_rnns")


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return folder


def found(*paths):
    return [(s.student, s.lesson, s.path.name) for s in find_submissions(paths, LESSONS)]


def test_a_flat_folder(tmp_path):
    names = ("bob_06_rnns.ipynb", "ann_05_cnns.ipynb", "van_der_berg-05_cnns.ipynb", "eve_05.ipynb")
    make(tmp_path, *names, "notes.txt", ".ipynb_checkpoints/ann_05_cnns.ipynb")
    assert found(tmp_path) == [
        ("ann", "05_cnns", "ann_05_cnns.ipynb"),
        ("bob", "06_rnns", "bob_06_rnns.ipynb"),
        ("eve", "05_cnns", "eve_05.ipynb"),
        ("van_der_berg", "05_cnns", "van_der_berg-05_cnns.ipynb"),
    ]


def test_nbgrader_s_folders(tmp_path):
    make(
        tmp_path,
        "ann/05_cnns/05_cnns.ipynb",
        "ann/06_rnns/copy of it.ipynb",
        "bob_05_cnns/lab/05_cnns.ipynb",
        "bob/05_cnns/05_cnns/05_cnns.ipynb",  # what unpacking a zip makes
        "eve/1/2/3/4/5/6/7/8/05_cnns.ipynb",
    )
    assert found(tmp_path) == [
        ("ann", "05_cnns", "05_cnns.ipynb"),
        ("ann", "06_rnns", "copy of it.ipynb"),
        ("bob", "05_cnns", "05_cnns.ipynb"),
        ("bob_05_cnns", "05_cnns", "05_cnns.ipynb"),
    ]


def test_one_file_and_the_same_twice(tmp_path):
    path = make(tmp_path, "my work.ipynb") / "my work.ipynb"
    assert found(path, path) == [("my work", None, "my work.ipynb")]
    path = make(tmp_path, "05_cnns.ipynb") / "05_cnns.ipynb"
    assert found(path) == [("05_cnns", "05_cnns", "05_cnns.ipynb")]


def test_what_is_called_a_notebook_counts_whatever_it_is(tmp_path):
    (tmp_path / "ann_05_cnns.ipynb").mkdir()
    (tmp_path / "bob_05_cnns.ipynb").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "eve_05_cnns.ipynb")
    (tmp_path / "linked").symlink_to(make(tmp_path / "else", "x/05_cnns.ipynb"))
    assert [student for student, _, _ in found(tmp_path)] == ["ann", "bob", "else", "eve"]


def test_names_that_no_table_expects(tmp_path):
    make(tmp_path, "=SUM(A1)_05_cnns.ipynb", "a\nb_05_cnns.ipynb", "_05_cnns.ipynb")
    assert [student for student, _, _ in found(tmp_path)] == ["=SUM(A1)", "_05_cnns", "a\nb"]


def test_nothing_to_grade_is_said(tmp_path):
    with pytest.raises(CourseError, match="does not exist"):
        found(tmp_path / "none")
    with pytest.raises(CourseError, match="no notebook"):
        found(tmp_path)
    with pytest.raises(CourseError, match="no notebook"):
        find_submissions([Path(tmp_path)], ())
