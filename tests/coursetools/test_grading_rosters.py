"""Rosters: read as spreadsheets write them, matched where it is certain, the rest told."""

import functools
import unicodedata

import pytest
from made_grades import graded, table, written_roster

from coursetools.errors import CourseError
from coursetools.grading.gradebooks import canvas, gradebook, moodle
from coursetools.grading.graded import Graded
from coursetools.grading.judge import Verdict
from coursetools.grading.rosters import match_students, read_roster
from coursetools.grading.standing import standing


@pytest.fixture
def roster(tmp_path):
    return functools.partial(written_roster, tmp_path)


# --- rosters -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("student,name\nann,Ann\nbob,Bob\n", "utf-8"),
        ("student;name\r\nann;Ann, the first\r\nbob;Bob\r\n", "utf-8-sig"),
        ("sep=;\r\nStudent;Name\r\n\r\nann;\r\n;;\r\nbob;Bob\r\n", "utf-8"),
        ("Name\tStudent\nAnn\tann\nBob\tbob\n", "utf-16"),
        ('"name","student"\n"Ann ""A"" Lee","ann"\n"Bob",  bob\n', "utf-8"),
        ("ann\n\n   \nbob\nann\n", "utf-8"),
        ("student,email\nann,a@x.org\nann,a@x.org\nbob\n", "utf-8"),
    ],
)
def test_rosters_are_read_as_spreadsheets_write_them(roster, text, encoding):
    assert roster(text, encoding) == ["ann", "bob"]


def test_a_canvas_gradebook_and_a_moodle_list_of_participants_are_rosters(roster):
    found = roster(
        "Student,ID,SIS User ID,SIS Login ID,Section,Lab\n    Points Possible,,,,,10\n"
        '"Lee, Ann",11,s1,ann,A,\n"Ray, Bob",12,s2,bob,B,\n'
    )
    assert found == ["Lee, Ann", "Ray, Bob"]
    assert found.columns["Ray, Bob"]["login"] == "bob"
    found = roster("First name,Last name,Email address\nAnn,Lee,a@x.org\nAnn,Ray,r@x.org\n")
    assert found == ["a@x.org", "r@x.org"]


def test_what_is_odd_in_a_roster_is_said(roster):
    found = roster("student,email\nann,a@x.org\n,b@x.org\nann,other@x.org\n")
    assert found == ["ann"]
    assert found.columns["ann"]["email"] == "a@x.org"
    assert len(found.notes) == 2
    assert "line 3" in found.notes[0]
    assert "twice" in found.notes[1]


@pytest.mark.parametrize(
    "data",
    [b"student\nm\xfcller\n", b"\xff\xfe\xff", b'student\nann\n"bob\ncarl\n', b"", b"student\n\n"],
)
def test_a_roster_that_cannot_be_read_is_refused_in_one_sentence(roster, data):
    with pytest.raises(CourseError) as caught:
        roster(data)
    assert str(caught.value).count("\n") == 0
    assert "roster.csv" in str(caught.value)


def test_a_roster_that_is_missing_or_a_folder_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(CourseError, match="cannot be read"):
            read_roster(path)


# --- whose hand-in it is -------------------------------------------------------------------------


def test_names_match_by_column_by_unicode_form_and_by_case(roster):
    students = roster("student,login\nJosé,x1\nZoë,x2\nBob,x3\nEve,x4\n")
    handed = [unicodedata.normalize("NFD", "José"), "ZOË", "x3", "mallory"]
    found = match_students([graded(name) for name in handed], students)
    owners = {own[0].student: student for student, own in found.grades.items() if own}
    assert owners == {handed[0]: "José", "ZOË": "Zoë", "x3": "Bob"}
    assert [g.student for g in found.strangers] == ["mallory"]
    assert len(found.notes) == 4
    assert not found.grades["Eve"]


@pytest.mark.parametrize(
    ("students", "handed"),
    [(["ann", "Ann"], ["ANN"]), (["ann"], ["ANN", "Ann"]), (["ann"], ["ann", "Ann"])],
)
def test_what_could_be_two_is_not_guessed_but_told(students, handed):
    found = match_students([graded(name) for name in handed], students)
    uncertain = [name for name in handed if name not in students]
    assert [g.student for g in found.strangers] == uncertain
    assert all("could be" in note for note in found.notes)
    assert len(found.notes) == len(uncertain)


def test_nobody_is_lost_from_the_gradebook():
    rows = table(gradebook([graded("ANN"), graded("mallory")], ["ann", "bob"]))
    assert [row[0] for row in rows[1:]] == ["ANN", "mallory", "bob"]
    assert rows[3][4] == "nothing handed in"


# --- what counts ---------------------------------------------------------------------------------


def test_of_several_hand_ins_the_best_counts_and_a_note_says_so():
    grades = [
        graded(points=3, file="one"),
        graded(points=8, file="two"),
        graded(points=0, file="x"),
    ]
    found = standing(grades)
    assert found.counted["ann", "05_cnns"].file == "two"
    (note,) = found.notes
    assert "3 times" in note
    assert "two" in note
    assert len(table(gradebook(grades))) == 4


def test_what_a_person_must_look_at_is_left_open_even_beside_a_graded_hand_in():
    undecided = (Verdict("convolve", "undecided", 0, 10, "fault"),)
    for waiting in (
        graded(points=0, file="b", verdicts=undecided),
        graded(points=0, file="b", verdicts=(), failed=True, remarks=("server died",)),
    ):
        found = standing([graded(points=8, file="a"), waiting])
        assert table(canvas(found))[2][5] == ""
        assert table(moodle(found))[1][1] == "-"
        assert any("person must look" in note for note in found.notes)


def test_an_unreadable_hand_in_counts_nothing_beside_a_readable_one():
    broken = graded(points=0, file="z", verdicts=(), problem="z was not read: it is empty.")
    assert standing([graded(points=0, file="a"), broken]).counted["ann", "05_cnns"].file == "a"
    assert any("it is empty" in note for note in standing([broken]).notes)
    for lost in (
        Graded("ann", None, "x", 0, 0, problem="no lesson of this course is called None"),
        Graded("ann", None, "x", 0, 0, remarks=("the server died",), failed=True),
    ):
        found = standing([lost])
        assert found.counted == {}
        (note,) = found.notes
        assert note.startswith("ann: ")
