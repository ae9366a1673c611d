"""Reading what was handed in: bounded, links not followed, nothing believed but the cells' text."""

import codecs
import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

LIMIT = 50 * 2**20  # bytes; a solved notebook of this course with its animations has 2 or 3 million
_CONFLICT = re.compile(r"^(?:<{7} |={7}$|>{7} )", re.MULTILINE)
_COURSES = re.compile(r"^(?:# )?(?:exercise|check|harness)(?:-|: )", re.MULTILINE | re.IGNORECASE)
_LABELS = ("grade", "locked", "solution", "points")
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link, and links are not followed",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_MARKS = (  # longest first: the UTF-32 mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class UnreadableError(Exception):
    """A hand-in that is no notebook; the message is one clear line for learner and grader."""


@dataclass(frozen=True)
class HandedCell:
    """A cell as handed in; `number` counts all cells from 1, as an editor shows them.

    kind: its type. labels: what its metadata say of grading, as (key, value): compared with the
    master's, never obeyed.
    """

    number: int
    source: str
    id: str | None
    grade_id: str | None
    kind: str = "code"
    labels: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class HandIn:
    """What is believed of a hand-in: code cells, the lesson it says it is of, odd things seen.

    others: cells that are no code but are named, or marked, as if they were the course's.
    """

    cells: tuple[HandedCell, ...]
    lesson: str | None
    remarks: tuple[str, ...]
    sha256: str
    others: tuple[HandedCell, ...] = ()


def read_hand_in(path: Path, limit: int = LIMIT) -> HandIn:
    """Read a notebook of nbformat 3 or 4, whatever else may be wrong with it.

    limit: bytes. Raises UnreadableError for what is no plain file, too large, no text, no JSON or
    no notebook, and OSError where the file cannot be opened at all.
    """
    data = _bytes(Path(path), limit)
    remarks: list[str] = []
    notebook = _parsed(_text(data, remarks))
    version = notebook.get("nbformat")
    if isinstance(version, bool) or version not in (3, 4):
        raise UnreadableError(
            f"its nbformat is {_short(version)}, but 3 and 4 can be read: open it in JupyterLab "
            "and save it again."
        )
    if version == 3:
        remarks.append("saved in the old nbformat 3")
    read = list(_cells(notebook, version, remarks))
    cells = tuple(cell for cell in read if cell.kind == "code")
    others = tuple(cell for cell in read if cell.kind != "code" and _COURSES.search(_named(cell)))
    lesson = _entry(_entry(notebook, "metadata", dict), "course", dict).get("lesson")
    digest = hashlib.sha256(data).hexdigest()
    lesson = lesson if isinstance(lesson, str) else None
    return HandIn(cells, lesson, tuple(remarks), digest, others)


def _bytes(path: Path, limit: int) -> bytes:
    _refuse_kind(os.lstat(path).st_mode)
    # A pipe put in the file's place meanwhile must not hang us, nor a link lead us elsewhere.
    flags = [getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")]
    with os.fdopen(os.open(path, os.O_RDONLY | sum(flags)), "rb") as file:
        _refuse_kind(os.fstat(file.fileno()).st_mode)
        data = file.read(limit + 1)
    if len(data) > limit:
        raise UnreadableError(
            f"it is larger than {limit / 2**20:.0f} MB: clear its outputs (Edit, Clear All "
            "Outputs) and hand it in again."
        )
    return data


def _refuse_kind(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no plain file")
        raise UnreadableError(f"it is {kind}: hand in the notebook file itself.")


def _text(data: bytes, remarks: list[str]) -> str:
    if not data.strip():
        raise UnreadableError("it is empty: save the notebook and hand it in again.")
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding:
        remarks.append(f"encoded as {encoding.removesuffix('-sig').upper()} with a byte order mark")
    elif b"\0" in data[:2]:
        encoding = "utf-16-be" if data[0] == 0 else "utf-16-le"
        remarks.append("encoded as UTF-16 without a byte order mark")
    try:
        return data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding is None and data.lstrip().startswith(b"{") and b"\0" not in data:
            remarks.append("not encoded as UTF-8: read as Latin-1, so accents may be wrong")
            return data.decode("latin-1")
        raise UnreadableError(
            f"it is no text in UTF-8 (byte {error.start:,}): open it in JupyterLab and save it "
            "again."
        ) from None


def _parsed(text: str) -> dict:
    try:
        notebook = json.loads(text, parse_int=_integer)
    except RecursionError:
        raise UnreadableError("it is nested deeper than any notebook.") from None
    except ValueError as error:
        raise UnreadableError(_json_fault(text, error)) from None
    if not isinstance(notebook, dict):
        raise UnreadableError(f"it holds a JSON {type(notebook).__name__}, which is no notebook.")
    return notebook


def _integer(digits: str) -> int:
    """Python refuses numbers of thousands of digits, and none in a notebook matters."""
    return int(digits) if len(digits) < 400 else 0


def _json_fault(text: str, error: ValueError) -> str:
    if found := _CONFLICT.search(text):
        line = text.count("\n", 0, found.start()) + 1
        return (
            f"git's conflict marks stand in line {line}: settle the conflict and hand it in again."
        )
    if text.lstrip().startswith("{") and not text.rstrip().endswith("}"):
        return "it breaks off in the middle: save the notebook and hand it in again."
    where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
    return f"it is no JSON{where}, so no notebook: hand in the .ipynb file itself."


def _cells(notebook: dict, version: int, remarks: list[str]):
    """The code cells; what is no cell is left out with a remark."""
    lists = [notebook.get("cells")]
    if version == 3:
        lists = [_entry({"w": sheet}, "w", dict).get("cells") for sheet in _sheets(notebook)]
    if not all(isinstance(cells, list) for cells in lists):
        raise UnreadableError("it has no list of cells, so it is no notebook.")
    damaged: list[int] = []
    for number, cell in enumerate((cell for cells in lists for cell in cells), start=1):
        cell = cell if isinstance(cell, dict) else {}
        source = cell.get("source", cell.get("input") if version == 3 else None)
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str) or not isinstance(cell.get("cell_type"), str):
            damaged.append(number)
        else:
            yield _cell(number, source, cell)
    remarks += [f"cell {number} is damaged and was left out" for number in damaged[:5]]
    if len(damaged) > 5:
        remarks.append(f"{len(damaged) - 5} more cells are damaged and were left out")


def _cell(number: int, source: str, cell: dict) -> HandedCell:
    metadata = _entry(cell, "metadata", dict)
    graded = _entry(metadata, "nbgrader", dict)
    grade_id, id = graded.get("grade_id"), cell.get("id")
    labels = [(key, graded[key]) for key in _LABELS if isinstance(graded.get(key), bool | int)]
    labels += [("tag", tag) for tag in _entry(metadata, "tags", list) if isinstance(tag, str)]
    return HandedCell(
        number,
        # Half a surrogate pair, which JSON can spell, could not be written anywhere.
        source.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n").replace("\r", "\n"),
        id if isinstance(id, str) else None,
        grade_id if isinstance(grade_id, str) else None,
        cell["cell_type"],
        tuple(labels),
    )


def _named(cell: HandedCell) -> str:
    """What a cell says that it is: its names and its first line."""
    return "\n".join((cell.grade_id or "", cell.id or "", cell.source.lstrip()[:80]))


def _sheets(notebook: dict) -> list:
    sheets = notebook.get("worksheets")
    return sheets if isinstance(sheets, list) and sheets else [None]


def _entry(owner: dict, key: str, kind: type):
    value = owner.get(key)
    return value if isinstance(value, kind) else kind()


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
