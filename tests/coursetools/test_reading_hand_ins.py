"""Reading a hand-in: what is odd is read, what is hostile is refused in one line, nothing hangs."""

import json
import os
import socket

import pytest

from coursetools.grading.reading import UnreadableError, read_hand_in
from coursetools.grading.submissions import find_submissions


def notebook(cells=None, nbformat=4, **more):
    cells = [code("x = 1")] if cells is None else cells
    return {"nbformat": nbformat, "nbformat_minor": 5, "metadata": {}, "cells": cells, **more}


def code(source, **more):
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], **more}


def write(folder, content):
    path = folder / "ann_05_cnns.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_code_cells_come_with_their_names_and_numbers(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": "text", "metadata": {}},
        code(["def f():\n", "    return 1"], id="a", metadata={"nbgrader": {"grade_id": "b"}}),
        code("y = 2", id=7, metadata=[]),
    ]
    metadata = {"course": {"lesson": "05_cnns", "kind": "student"}}
    found = read_hand_in(write(tmp_path, notebook(cells, metadata=metadata)))
    first, second = found.cells
    assert (first.number, first.source, first.id) == (2, "def f():\n    return 1", "a")
    assert (first.grade_id, second.id, second.grade_id) == ("b", None, None)
    assert (found.lesson, found.remarks) == ("05_cnns", ())


@pytest.mark.parametrize("minor", [0, 4, 5, 9])
def test_every_nbformat_4_is_read(tmp_path, minor):
    found = read_hand_in(write(tmp_path, notebook(nbformat_minor=minor)))
    assert [cell.source for cell in found.cells] == ["x = 1"]


def test_nbformat_3_is_read_with_a_remark(tmp_path):
    old = {"cell_type": "code", "input": ["x = ", "3"], "language": "python", "outputs": []}
    sheets = {"nbformat": 3, "worksheets": [{"cells": [old]}, {"cells": [old]}]}
    found = read_hand_in(write(tmp_path, sheets))
    assert [cell.source for cell in found.cells] == ["x = 3", "x = 3"]
    assert found.remarks == ("saved in the old nbformat 3",)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_other_encodings_are_read_with_a_remark(tmp_path, encoding):
    text = json.dumps(notebook([code("x = 'é'")]), ensure_ascii=False)
    found = read_hand_in(write(tmp_path, text.encode(encoding)))
    assert found.cells[0].source == "x = 'é'"
    assert found.remarks[0].startswith("encoded as UTF-")


def test_a_damaged_cell_is_left_out_and_named(tmp_path):
    cells = [code("a = 1"), 3, code(None), code(["b", 2]), {"source": "c"}, code("d = 1")]
    found = read_hand_in(write(tmp_path, notebook(cells)))
    assert [cell.source for cell in found.cells] == ["a = 1", "d = 1"]
    assert [remark.split()[1] for remark in found.remarks] == ["2", "3", "4", "5"]


def test_half_a_surrogate_pair_does_no_harm(tmp_path):
    path = write(tmp_path, json.dumps(notebook([code("x = '@'")])).replace("@", "\\ud800").encode())
    read_hand_in(path).cells[0].source.encode("utf-8")


WHOLE = json.dumps(notebook())
CONFLICT = WHOLE.replace('"cells"', '\n<<<<<<< HEAD\n"cells"')


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b" \n\t", "it is empty"),
        (WHOLE[:-9].encode(), "breaks off"),
        (WHOLE[:40].encode(), "breaks off|no JSON"),
        (CONFLICT.encode(), "git's conflict marks stand in line 2"),
        (b"print('hello')", r"no JSON \(line 1\)"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "no text in UTF-8"),
        (b"\xff\xfe{\x00\x00\xd8", "no text in UTF-8|no JSON|breaks off"),
        (b"[" * 200_000, "nested deeper"),
        (b'{"nbformat": 4, "cells": ' + b"9" * 10_000 + b"}", "no list of cells"),
        ([], "a JSON list"),
        ("text", "a JSON str"),
        (notebook(nbformat=99), "nbformat is 99"),
        (notebook(nbformat=True), "nbformat is True"),
        (notebook(nbformat="4" * 1000), "nbformat is '444"),
        (notebook(nbformat=None), "nbformat is None"),
        (notebook(cells={}), "no list of cells"),
        ({"nbformat": 3, "worksheets": []}, "no list of cells"),
        ({"nbformat": 3, "worksheets": [3]}, "no list of cells"),
    ],
)
def test_what_is_no_notebook_is_refused_in_one_short_line(tmp_path, content, words):
    with pytest.raises(UnreadableError, match=words) as refused:
        read_hand_in(write(tmp_path, content))
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


def test_a_notebook_that_is_too_large_is_refused_unread(tmp_path):
    path = tmp_path / "large.ipynb"
    with path.open("wb") as file:
        file.truncate(300 * 2**20)  # sparse: takes no room
    with pytest.raises(UnreadableError, match="larger than 50 MB"):
        read_hand_in(path)
    assert read_hand_in(write(tmp_path, notebook()), limit=1000).cells
    with pytest.raises(UnreadableError, match="larger than 0 MB"):
        read_hand_in(write(tmp_path, notebook()), limit=20)


def test_what_is_no_plain_file_is_refused_without_waiting(tmp_path, monkeypatch):
    folder = tmp_path / "folder.ipynb"
    folder.mkdir()
    link = tmp_path / "link.ipynb"
    link.symlink_to(write(tmp_path, notebook()))
    pipe = tmp_path / "pipe.ipynb"
    os.mkfifo(pipe)
    for path, kind in ((folder, "a folder"), (link, "a link"), (pipe, "a pipe")):
        with pytest.raises(UnreadableError, match=f"it is {kind}"):
            read_hand_in(path)
    with pytest.raises(UnreadableError, match="it is a device"):
        read_hand_in("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)
        server.bind("s.ipynb")
        with pytest.raises(UnreadableError, match="it is a socket"):
            read_hand_in("s.ipynb")


def test_a_link_put_in_place_after_the_look_is_not_followed(tmp_path, monkeypatch):
    target, path = write(tmp_path, notebook()), tmp_path / "b.ipynb"
    path.symlink_to(target)
    monkeypatch.setattr(os, "lstat", os.stat)  # the look saw a plain file
    with pytest.raises(OSError, match=r"[Ss]ymbolic"):
        read_hand_in(path)


def test_the_digest_is_that_of_the_bytes(tmp_path):
    import hashlib

    path = write(tmp_path, notebook())
    assert read_hand_in(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_utf_16_says_whether_it_had_its_mark(tmp_path):
    text = json.dumps(notebook())
    assert (
        read_hand_in(write(tmp_path, text.encode("utf-16")))
        .remarks[0]
        .endswith("with a byte order mark")
    )
    for encoding in ("utf-16-le", "utf-16-be"):
        found = read_hand_in(write(tmp_path, ("\n" + text).encode(encoding)))
        assert found.remarks == ("encoded as UTF-16 without a byte order mark",)


def test_latin_1_is_read_with_a_remark(tmp_path):
    text = json.dumps(notebook([code("x = 'é'")]), ensure_ascii=False)
    found = read_hand_in(write(tmp_path, text.encode("latin-1")))
    assert found.cells[0].source == "x = 'é'"
    assert found.remarks == ("not encoded as UTF-8: read as Latin-1, so accents may be wrong",)


def test_numbers_that_python_refuses_do_no_harm(tmp_path):
    text = json.dumps(notebook()).replace("{", '{"n": ' + "9" * 9999 + ",", 1)
    assert read_hand_in(write(tmp_path, text.encode())).cells


def test_lines_end_as_python_s_do(tmp_path):
    found = read_hand_in(write(tmp_path, notebook([code("a = 1\r\nb = 2\rc = 3")])))
    assert found.cells[0].source == "a = 1\nb = 2\nc = 3"


def test_labels_come_along_and_what_else_metadata_hold_does_not(tmp_path):
    graded = {"grade": True, "points": 100, "locked": "no", "solution": [], "checksum": "x"}
    metadata = {"nbgrader": graded, "tags": ["a", 3], "author": "me"}
    (cell,) = read_hand_in(write(tmp_path, notebook([code("x", metadata=metadata)]))).cells
    assert cell.labels == (("grade", True), ("points", 100), ("tag", "a"))


def test_text_that_calls_itself_the_course_s_is_kept_apart(tmp_path):
    kinds = [("markdown", "a", {}), ("raw", "# Exercise: trace\nx", {}), ("markdown", "b", {})]
    cells = [{"cell_type": k, "source": s, "metadata": m} for k, s, m in kinds]
    cells[2]["metadata"] = {"nbgrader": {"grade_id": "check-trace"}}
    found = read_hand_in(write(tmp_path, notebook([*cells, code("x = 1")])))
    assert [(cell.number, cell.kind) for cell in found.others] == [(2, "raw"), (3, "markdown")]
    assert [cell.number for cell in found.cells] == [4]


def test_many_damaged_cells_are_counted(tmp_path):
    found = read_hand_in(write(tmp_path, notebook([3] * 100)))
    assert len(found.remarks) == 6
    assert found.remarks[-1] == "95 more cells are damaged and were left out"


def test_names_as_browsers_and_platforms_leave_them(tmp_path):
    names = {
        "ann_05_cnns (1).ipynb": ("ann", "05_cnns"),
        "bob_05_cnns-2.ipynb": ("bob", "05_cnns"),
        "cat_05_cnns-Copy1.ipynb": ("cat", "05_cnns"),
        "dan_05_cnns.IPYNB": ("dan", "05_cnns"),
        "eve_05_cnns.ipynb.txt": ("eve", "05_cnns"),
        "fay_2024-05-12.ipynb": ("fay_2024-05-12", None),
    }
    for name in (*names, "notes.txt"):
        (tmp_path / name).write_text("{}")
    found = find_submissions([tmp_path], ["05_cnns", "06_rnns"])
    assert {s.path.name: (s.student, s.lesson) for s in found} == names


def test_a_folder_that_may_not_be_listed_has_a_row(tmp_path, monkeypatch):
    closed = tmp_path / "ann"
    closed.mkdir()
    scandir = os.scandir

    def refusing(folder):
        if folder == closed:
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    (found,) = find_submissions([tmp_path], ["05_cnns"])
    assert (found.student, found.lesson, found.path) == ("ann", None, closed)
