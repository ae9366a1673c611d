"""Gradebooks, tables for course platforms, JUnit XML, pages: complete and escaped."""

import csv
import functools
import html.parser
import io
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest
from made_grades import graded, table, written_roster

from coursetools.grading.escaping import clean, csv_cell
from coursetools.grading.gradebooks import canvas, gradebook, moodle
from coursetools.grading.graded import Graded
from coursetools.grading.judge import Verdict
from coursetools.grading.junit import junit
from coursetools.grading.pages import page
from coursetools.grading.reports import notes, write_reports
from coursetools.grading.standing import standing

HOSTILE = "<script>alert('x')</script>\"&\u202egnp.exe\x1b[31m\x00\x08\ufffe\ud800 ]]>"
OUTCOMES = ("right", "wrong", "blank", "missing", "error", "ended", "undecided")


@pytest.fixture
def roster(tmp_path):
    return functools.partial(written_roster, tmp_path)


# --- tables for course platforms -----------------------------------------------------------------

CLASS = (
    "student,id,SIS User ID,login,email,section,first name,last name\n"
    "ann,11,s11,a.lee,a@x.org,A,Ann,Lee\nbob,12,s12,b.ray,b@x.org,B,Bob,Ray\n"
)


def test_canvas_gets_its_columns_points_possible_and_no_other_column(roster):
    students = roster(CLASS)
    grades = [graded("ann"), graded("ann", 4, "06_rnns"), graded("mallory")]
    rows = table(canvas(standing(grades, students), students))
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "05_cnns", "06_rnns"]
    assert rows == [
        head,
        ["    Points Possible", "", "", "", "", "10", "10"],
        ["Lee, Ann", "11", "s11", "a.lee", "A", "7", "4"],
        ["Ray, Bob", "12", "s12", "b.ray", "B", "", ""],
    ]
    told = notes(grades, students)
    assert any("mallory" in note for note in told)
    assert sum("bob handed in nothing" in note for note in told) == 2


def test_canvas_finds_students_without_a_roster_by_login():
    rows = table(canvas(standing([graded("ann"), graded("bob", 2)])))
    assert rows[2] == ["ann", "", "", "ann", "", "7"]
    assert len({len(row) for row in rows}) == 1


def test_moodle_gets_identifiers_points_and_feedback(roster):
    students = roster(CLASS)
    rows = table(moodle(standing([graded("ann")], students), students))
    head = ["Username", "ID number", "Email address", "05_cnns", "05_cnns feedback"]
    assert rows[0] == head
    assert rows[1] == ["a.lee", "s11", "a@x.org", "7", "trace: other numbers"]
    assert rows[2] == ["b.ray", "s12", "b@x.org", "-", ""]


def test_moodle_never_gets_a_row_whose_identifier_is_empty(roster):
    # Moodle keeps the student of the row above where an identifier is empty.
    students = roster("student,email,login\nann,a@x.org,\nbob,,bo\n")
    rows = table(moodle(standing([graded("ann"), graded("bob")], students), students))
    assert rows[0][:2] == ["Username", "05_cnns"]
    assert [row[0] for row in rows[1:]] == ["ann", "bob"]
    students = roster("email,login\na@x.org,al\nb@x.org,\n")
    rows = table(moodle(standing([graded("a@x.org")], students), students))
    assert all(row[0] for row in rows)


def test_an_empty_class_still_has_whole_tables():
    for text in (canvas(standing([])), moodle(standing([])), gradebook([])):
        assert table(text)[0]
    ET.fromstring(junit([]))


@pytest.mark.parametrize(
    "lead", ["", " ", "\n", "\r\n", "\t", "\u00a0", '"', "'", "\x1b[0m", "\u200b"]
)
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_cell_is_taken_for_a_formula(lead, sign):
    hostile = f"{lead}{sign}cmd|' /C calc'!A0"
    texts = [gradebook([graded(hostile, remarks=(hostile,), file=hostile)])]
    texts += [canvas(standing([graded(hostile)])), moodle(standing([graded(hostile)]))]
    for text in texts:
        # However it is split: by commas, or by semicolons in another country's settings.
        for separator in ",;":
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
                for cell in row:
                    assert cell.lstrip(" \t\r\n\"'\u00a0")[:1] != sign or "'" in cell.split(sign)[0]


def test_a_semicolon_hides_no_formula_and_numbers_stay_numbers():
    assert csv_cell("x; =1+1") == "x; '=1+1"
    assert csv_cell("a\r\nb\x85c") == "a b c"
    assert csv_cell(-3) == -3
    assert csv_cell("[0.5, -0.2]") == "[0.5, -0.2]"


# --- JUnit XML -----------------------------------------------------------------------------------

SUITE = {"name", "tests", "failures", "errors", "skipped", "time"}
INSIDE = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out"},
    "testcase": {"properties", "failure", "error", "skipped"},
    "properties": {"property"},
}


def proved(text):
    """The tree of a JUnit file whose elements, attributes and counts are what readers expect."""
    tree = ET.fromstring(text)
    for element in tree.iter():
        assert {child.tag for child in element} <= INSIDE.get(element.tag, set())
        if element.tag in ("testsuites", "testsuite"):
            assert set(element.keys()) <= SUITE
            assert SUITE - {"time"} <= set(element.keys())
            assert int(element.get("tests")) == len(list(element.iter("testcase")))
            for count, kind in (("failures", "failure"), ("errors", "error")):
                assert int(element.get(count)) == len(list(element.iter(kind)))
        if element.tag == "testcase":
            assert set(element.keys()) == {"classname", "name"}
            assert sum(child.tag != "properties" for child in element) <= 1
        if element.tag in ("failure", "error"):
            assert set(element.keys()) == {"message", "type"}
    return tree


def test_every_outcome_has_its_kind_and_its_points():
    verdicts = tuple(
        Verdict(name, name, 1 if name == "right" else 0, 1, "why") for name in OUTCOMES
    )
    tree = proved(junit([graded(verdicts=verdicts)], ["ann", "bob"]))
    kinds = {
        case.get("name"): [child.tag for child in case if child.tag != "properties"]
        for case in tree.iter("testcase")
    }
    assert kinds == {
        "right": [],
        "wrong": ["failure"],
        "error": ["failure"],
        "ended": ["failure"],
        "blank": ["skipped"],
        "missing": ["skipped"],
        "undecided": ["error"],
        "hand-in": ["skipped"],
    }
    case = next(case for case in tree.iter("testcase") if case.get("name") == "right")
    values = {entry.get("name"): entry.get("value") for entry in case.iter("property")}
    assert values == {"points": "1", "possible": "1", "outcome": "right"}


def test_a_notebook_that_was_not_read_and_one_not_graded_are_errors():
    unread = graded(verdicts=(), points=0, problem="x was not read: it is empty.")
    failed = graded("bob", verdicts=(), points=0, failed=True, remarks=("the server died",))
    tree = proved(junit([unread, failed]))
    assert tree.get("errors") == "2"
    assert {error.get("type") for error in tree.iter("error")} == {"not read", "undecided"}


def test_junit_holds_whatever_learners_wrote():
    verdict = Verdict(HOSTILE, "wrong", 0, 3, HOSTILE)
    text = junit([graded(HOSTILE, verdicts=(verdict,), remarks=(HOSTILE,))], [HOSTILE])
    tree = proved(text.encode())
    failure = next(tree.iter("failure"))
    assert "<script>" in failure.text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ufffe]", text)


# --- pages ---------------------------------------------------------------------------------------


class Seen(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def seen(text):
    reader = Seen()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_a_page_tells_points_hints_remarks_fence_and_nothing_of_the_grader_s_machine():
    told = graded(remarks=("cell 3 was edited",), unfenced="bubblewrap is not installed")
    reader = seen(page(told))
    for text in ("7 of 10 points", "05_cnns", "ann", "other numbers\nexpected 3, got -4", "cell 3"):
        assert text in reader.text
    assert "without a fence: bubblewrap is not installed" in reader.text
    assert "ann_05_cnns.ipynb" in reader.text
    assert "/home/grader" not in page(told)
    assert [tag for tag, _ in reader.tags].count("h2") == 3


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_page_says_each_outcome_in_words(outcome):
    verdict = Verdict("pool", outcome, 0, 3, "the hint")
    reader = seen(page(graded(verdicts=(verdict,))))
    assert ("the hint" in reader.text) is (outcome != "right")
    assert ("not your fault" in reader.text) is (outcome == "undecided")


def test_a_page_escapes_everything_and_fetches_nothing():
    verdict = Verdict(HOSTILE, HOSTILE, 0, 3, f"{HOSTILE}</pre><img src=//x.org/a.png>")
    hostile = Graded(HOSTILE, HOSTILE, f"/a/{HOSTILE}", 0, 3, (verdict,), (HOSTILE,), None, HOSTILE)
    for text in (page(hostile), page(graded(problem=HOSTILE))):
        assert text.encode()
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", text)
        reader = seen(text)
        allowed = {"html", "head", "meta", "title", "style", "body", "header", "section", "footer"}
        assert {tag for tag, _ in reader.tags} <= allowed | {
            "h1",
            "h2",
            "p",
            "pre",
            "ul",
            "li",
            "span",
        }
        for _, attributes in reader.tags:
            assert not {"src", "href", "style", "onclick"} & set(attributes)
        assert "url(" not in text
        assert "@import" not in text
        assert "default-src 'none'" in text


def test_escape_sequences_leave_whole():
    assert (
        clean("\x1b[31mred\x1b[0m \x1b]0;title\x07x \x1b]8;;http://x\x1b\\link\x9b2J")
        == "red x link"
    )
    assert clean("a\u2028b\r\nc\rd\x1b") == "a\nb\nc\nd"


def test_a_sequence_that_does_not_end_hides_nothing_after_it():
    assert clean("\x1b]0;x\nnext") == "0;x\nnext"
    told = graded(remarks=("a\x1b]0;", "check-trace was deleted", "b\x07"))
    for text in (gradebook([told]), junit([told]), page(told)):
        assert "check-trace was deleted" in text


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_readable_in_a_browser(tmp_path, scheme):
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "page.html").write_text(page(graded()), "utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--window-size=500,700"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={tmp_path / 'page.png'}"]
    command += [f"--blink-settings=preferredColorScheme={int(scheme == 'light')}"]
    command += [(tmp_path / "page.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    picture = image.open(tmp_path / "page.png").convert("L")
    levels = picture.histogram()
    background = levels.index(max(levels))
    assert background > 240 if scheme == "light" else background < 40
    written = levels[:100] if scheme == "light" else levels[160:]
    assert sum(written) > 1000


# --- all of it -----------------------------------------------------------------------------------


def test_all_reports_are_written_whole_and_under_stable_names(tmp_path):
    grades = [graded("ann"), graded("../../etc/passwd", 2), graded("ann", 9, file="again")]
    paths = write_reports(grades, tmp_path, ["ann", "bob"])
    assert {path.name for path in tmp_path.iterdir()} == {
        "gradebook.csv",
        "canvas.csv",
        "moodle.csv",
        "junit.xml",
        "grades.json",
        "notes.txt",
        "feedback",
    }
    assert all(path.is_file() and tmp_path in path.parents for path in paths)
    assert len(json.loads((tmp_path / "grades.json").read_text())) == 3
    told = (tmp_path / "notes.txt").read_text().splitlines()
    assert len(told) == 3
    pages = {path.name for path in (tmp_path / "feedback").iterdir()}
    write_reports([*grades, graded("aaa")], tmp_path)
    assert pages < {path.name for path in (tmp_path / "feedback").iterdir()}


def test_names_that_no_file_system_takes_have_pages_of_their_own(tmp_path):
    names = ["con", "ann/..", "ann\\..", "\udcff", "\ud800", "学生", "x" * 5000, "", "a\nb"]
    write_reports([graded(name, file="f") for name in names], tmp_path)
    pages = [path.name for path in (tmp_path / "feedback").iterdir()]
    assert len(pages) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,140}\.html", name) for name in pages)
