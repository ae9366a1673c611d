"""Which stored outputs survive a new execution: a rebuild must not stir what did not change."""

import copy
from pathlib import Path
from types import SimpleNamespace

from nbformat import NotebookNode

from coursetools.pictures import near

SANITIZER = Path(__file__).with_name("nbval_sanitize.cfg")
_PICTURES = ("image/png", "image/jpeg")


def keep_outputs(new: NotebookNode, old: NotebookNode) -> None:
    """Give each cell of `new` its outputs in `old` back, in place, where they are as good.

    As good means: the cell and every code cell before it have the source they had, nbval finds
    the texts equal (sanitised; always, for a cell tagged nbval-ignore-output) and the pictures
    are `near`. Once an earlier cell has changed, a hidden figure may have changed with it: then
    the texts must be the same to the letter. If nothing at all has changed since (same hash),
    the outputs that nbval ignores are kept whole.
    """
    unchanged = new.metadata.course.get("hash") == old.metadata.get("course", {}).get("hash")
    stored = [cell for cell in old.cells if cell.cell_type == "code"]
    by_id = {cell.get("id"): cell for cell in stored}
    intact = True
    for count, cell in enumerate(cell for cell in new.cells if cell.cell_type == "code"):
        intact = intact and count < len(stored) and _same_source(cell, stored[count])
        before = by_id.get(cell.id)
        if before is None or before.execution_count is None or not _same_source(cell, before):
            continue
        if _as_good(cell, before, intact, unchanged):
            cell.outputs = copy.deepcopy(before.outputs)


def _same_source(cell: NotebookNode, other: NotebookNode) -> bool:
    return cell.source == other.source and cell.metadata == other.metadata


def _as_good(cell: NotebookNode, before: NotebookNode, intact: bool, unchanged: bool) -> bool:
    free = ignored(cell)
    if free and unchanged:
        return True
    if not _pictures_near(cell.outputs, before.outputs):
        return False
    if intact:
        return free or texts_equal(cell.outputs, before.outputs)
    return _texts(cell.outputs) == _texts(before.outputs)


def ignored(cell: NotebookNode) -> bool:
    """Whether nbval is told, by a tag or a comment, not to compare the cell's outputs."""
    from nbval.plugin import find_comment_markers, find_metadata_tags

    options = {**dict(find_metadata_tags(cell.metadata)), **dict(find_comment_markers(cell.source))}
    return options.get("check") is False


def texts_equal(outputs: list[NotebookNode], stored: list[NotebookNode]) -> bool:
    """Whether nbval, with the course's sanitiser, passes `outputs` against `stored`."""
    from nbval.plugin import coalesce_streams

    one, other = (coalesce_streams(copy.deepcopy(each)) for each in (outputs, stored))
    return _comparison().compare_outputs(one, other)


def _comparison():
    """The comparison of nbval, freed from the pytest item it lives in."""
    from nbval.plugin import IPyNbCell, get_sanitize_patterns, nocolors

    class Comparison:
        colors = nocolors
        parent = SimpleNamespace(
            skip_compare=skip_compare(),
            sanitize_patterns=dict(get_sanitize_patterns(SANITIZER.read_text("ascii"))),
        )
        compare_outputs = IPyNbCell.compare_outputs
        sanitize = IPyNbCell.sanitize

        def format_output_compare(self, key, left, right):
            """Only the verdict is wanted."""

    return Comparison()


def skip_compare() -> tuple[str, ...]:
    """The output keys that nbval does not compare (a test holds us to its list), and ours."""
    from coursetools.plugin import SKIPPED

    keys = ("metadata", "traceback", "prompt_number", "output_type", "name", "execution_count")
    widget = "application/vnd.jupyter.widget-view+json"
    return (*keys, widget, *_PICTURES, *SKIPPED)


def _pictures(outputs: list[NotebookNode]) -> list[tuple[str, str]]:
    return [(m, o.data[m]) for o in outputs for m in _PICTURES if m in o.get("data", {})]


def _pictures_near(outputs: list[NotebookNode], stored: list[NotebookNode]) -> bool:
    one, other = _pictures(outputs), _pictures(stored)
    return [mime for mime, _ in one] == [mime for mime, _ in other] and all(
        near(a, b) for (_, a), (_, b) in zip(one, other, strict=True)
    )


def _texts(outputs: list[NotebookNode]) -> list[dict]:
    """The outputs without pictures, counts and display settings."""
    texts = []
    for output in outputs:
        text = {k: v for k, v in output.items() if k not in ("execution_count", "metadata")}
        if "data" in text:
            text["data"] = {k: v for k, v in text["data"].items() if k not in _PICTURES}
        texts.append(text)
    return texts
