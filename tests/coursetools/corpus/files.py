"""Files that are no plain notebook, or one in an odd coat: read where it can be, else said why."""

import io
import json
import os
import socket
import stat
import zipfile

from corpus.making import Case, answering, cell, code, solution, source

CONFLICT = "<<<<<<< HEAD\n{}=======\n{}>>>>>>> theirs\n"
NO_JSON = "was not read: it is no JSON"
NOT_NOTEBOOK = "was not read: its nbformat is"


def text(notebook=None):
    """A notebook as Jupyter writes it."""
    return json.dumps(notebook or solution(), indent=1, ensure_ascii=False) + "\n"


def encoded(encoding, before=b""):
    """The solution in another encoding."""
    return lambda path: path.write_bytes(before + text().encode(encoding, "replace"))


def saying(change):
    """The solution's text, changed."""
    return lambda path: path.write_text(change(text()), "utf-8")


def having(**entries):
    """The solution with other entries at its top; None removes one."""

    def make(path):
        notebook = solution() | entries
        path.write_text(text({k: v for k, v in notebook.items() if v is not None}), "utf-8")

    return make


def holding(data):
    """These bytes."""
    return lambda path: path.write_bytes(data)


def with_cells(change):
    """The solution with its list of cells changed."""
    return lambda path: path.write_text(
        text(solution() | {"cells": change(solution()["cells"])}), "utf-8"
    )


def answered(**sources):
    """The solution with other answers."""
    return lambda path: path.write_text(text(answering(**sources)), "utf-8")


def format_3(path):
    """As IPython 2 would have saved it."""
    cells = []
    for one in solution()["cells"]:
        new = {"cell_type": one["cell_type"], "metadata": one["metadata"]}
        key = "input" if one["cell_type"] == "code" else "source"
        cells.append(new | {key: one["source"], "language": "python", "outputs": []})
    sheets = [{"cells": cells, "metadata": {}}]
    notebook = {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": sheets}
    path.write_text(text(notebook), "utf-8")


def format_40(path):
    """As notebooks were before cells had ids."""
    notebook = solution() | {"nbformat_minor": 0}
    for one in notebook["cells"]:
        del one["id"]
    path.write_text(text(notebook), "utf-8")


def sparse(path):
    """300 MB that take no room."""
    with path.open("wb") as file:
        file.truncate(300 * 2**20)


def large_pictures(path):
    """A solution whose outputs make it larger than any notebook may be."""
    notebook = solution()
    png = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 60_000_000}}
    cell(notebook, "exercise-trace")["outputs"] = [png]
    path.write_text(text(notebook), "utf-8")


def link(target):
    """A link to something that is there."""

    def make(path):
        if target is None:
            real = path.parent / "real.txt"
            real.write_text(text(), "utf-8")
            path.symlink_to(real)
        else:
            path.symlink_to(target)

    return make


def socket_at(path):
    """A socket; its address may be too long for bind."""
    if hasattr(socket, "AF_UNIX"):
        os.mknod(path, stat.S_IFSOCK | 0o600)


def unreadable(path):
    """A right solution that only root may open."""
    path.write_text(text(), "utf-8")
    path.chmod(0)


def conflict(path):
    """As git leaves two versions of a line."""
    line = '   "source": "x = {}",\n'
    whole = text().replace(' "cells": [', ' "cells": [\n' + CONFLICT.format(line, line), 1)
    path.write_text(whole, "utf-8")


def conflict_in_a_cell(path):
    """Two versions of an answer, the file itself in order."""
    both = CONFLICT.format(source("trace") + "\n", source("trace") + "\n")
    answered(trace=f"# Exercise: trace\n{both}")(path)


def zipped(path):
    """A zip of a notebook, called a notebook."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("05_cnns.ipynb", text())
    path.write_bytes(packed.getvalue())


def as_one_string(cells):
    """Sources as one string each."""
    return [{**one, "source": "".join(one["source"])} for one in cells]


def with_crlf(cells):
    """Sources with Windows' line ends."""
    return [{**one, "source": "".join(one["source"]).replace("\n", "\r\n")} for one in cells]


def with_nul(cells):
    """A NUL, which no Python may hold, in a cell of the learner's."""
    return [code("x = '\0'"), *cells]


def damaged(cells):
    """Things among the cells that are none."""
    return [3, None, {"cell_type": "code"}, {"source": "x"}, *cells]


ROOT_READS_ALL = hasattr(os, "geteuid") and os.geteuid() == 0
NESTED = '"metadata": {"deep": ' + "[" * 100_000 + "]" * 100_000 + ","
LATIN_1 = lambda path: path.write_bytes(  # noqa: E731
    text(answering(trace=source("trace") + "\n# größer")).encode("latin-1", "replace")
)
ODD_COATS = [
    ("format_3", 10, "old nbformat 3", format_3),
    ("format_40", 10, "", format_40),
    ("format_45", 10, "", having(nbformat_minor=5)),
    ("format_49", 10, "", having(nbformat_minor=9)),
    ("bom", 10, "UTF-8 with a byte order mark", encoded("utf-8-sig")),
    ("utf_16", 10, "UTF-16 with a byte order mark", encoded("utf-16")),
    ("utf_16_bare", 10, "UTF-16 without a byte order mark", encoded("utf-16-le")),
    ("utf_16_big", 10, "UTF-16 without a byte order mark", encoded("utf-16-be")),
    ("utf_32", 10, "UTF-32", encoded("utf-32")),
    ("latin_1", 10, "read as Latin-1", LATIN_1),
    ("blank_lines_above", 10, "", encoded("utf-8", b"\n\n")),
    ("crlf_file", 10, "", saying(lambda t: t.replace("\n", "\r\n"))),
    ("crlf_sources", 10, "", with_cells(with_crlf)),
    ("one_string", 10, "", with_cells(as_one_string)),
    ("nan", 10, "", having(metadata={"course": {"lesson": "05_cnns"}, "score": float("nan")})),
    ("huge_integer", 10, "", saying(lambda t: t.replace("{", '{"n": ' + "9" * 9999 + ",", 1))),
    ("duplicate_keys", 10, "", saying(lambda t: t.replace("{", '{"nbformat": 4,', 1))),
    (
        "half_a_surrogate",
        10,
        "",
        saying(lambda t: t.replace("# Exercise", "# \\ud800 Exercise", 1)),
    ),
    ("nul_in_a_source", 10, "", with_cells(with_nul)),
    ("damaged_cells", 10, "cell 1 is damaged", with_cells(damaged)),
    ("metadata_missing", 10, "", having(metadata=None)),
    ("metadata_a_list", 10, "", having(metadata=[])),
    ("many_cells", 10, "", with_cells(lambda cells: [*[code("x = 1")] * 20_000, *cells])),
    (
        "giant_cell",
        10,
        "",
        with_cells(lambda cells: [code("x = '" + "y" * 5_000_000 + "'"), *cells]),
    ),
    (
        "giant_answer",
        10,
        "",
        answered(trace=source("trace") + "\nDATA = '" + "y" * 5_000_000 + "'"),
    ),
    ("conflict_in_a_cell", 8, "trace.*SyntaxError", conflict_in_a_cell),
]
REFUSED = [
    ("format_99", f"{NOT_NOTEBOOK} 99", having(nbformat=99)),
    ("format_2", f"{NOT_NOTEBOOK} 2", having(nbformat=2)),
    ("format_missing", f"{NOT_NOTEBOOK} None", having(nbformat=None)),
    ("format_a_word", f"{NOT_NOTEBOOK} 'four'", having(nbformat="four")),
    ("truncated", "breaks off in the middle", saying(lambda t: t[: len(t) // 2])),
    ("empty", "it is empty", holding(b"")),
    ("blanks", "it is empty", holding(b" \n\t\n")),
    ("zeros", "it is no JSON", holding(b"\0" * 4096)),
    ("large", "larger than 50 MB: clear its outputs", sparse),
    ("large_pictures", "larger than 50 MB: clear its outputs", large_pictures),
    ("link", "a link, and links are not followed", link(None)),
    ("dangling_link", "a link, and links are not followed", link("nowhere.ipynb")),
    ("linked_folder", "a link, and links are not followed", link("/etc")),
    ("linked_device", "a link, and links are not followed", link("/dev/zero")),
    ("pipe", "it is a pipe", os.mkfifo if hasattr(os, "mkfifo") else None),
    ("socket", "it is a socket", socket_at),
    ("folder", "it is a folder", lambda path: path.mkdir()),
    ("conflict", "git's conflict marks stand in line", conflict),
    ("array", "a JSON list", holding(b"[1, 2]")),
    ("word", "a JSON str", holding(b'"notebook"')),
    ("null", "a JSON NoneType", holding(b"null")),
    ("nested", "nested deeper", saying(lambda t: t.replace('"metadata": {', NESTED, 1))),
    ("cells_missing", "no list of cells", having(cells=None)),
    ("cells_an_object", "no list of cells", having(cells={"a": 1})),
    ("script", NO_JSON, holding(b"import numpy as np\nprint(np.pi)\n")),
    ("html", NO_JSON, holding(b"<!doctype html><title>05_cnns</title>")),
    ("zip", "it is no text in UTF-8", zipped),
    ("trailing_comma", r"no JSON \(line \d+\)", saying(lambda t: t.replace(" ]", " ,]", 1))),
]

CASES = [
    *(Case(*row) for row in ODD_COATS),
    *(Case(name, 0, report, make) for name, report, make in REFUSED if make),
    Case("unreadable", *((10, "") if ROOT_READS_ALL else (0, "cannot be opened")), unreadable),
]
