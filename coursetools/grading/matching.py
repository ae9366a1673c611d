"""Which of the handed-in cells answer which exercise, and what else of the notebook they need.

Only sources are taken from a hand-in, and only those that an exercise needs: its own cell, and the
functions, classes, imports and small assignments elsewhere in the notebook that it names. Points,
checks and harnesses are the master's.
"""

import ast
import builtins
import re
import symtable
from collections.abc import Iterable
from dataclasses import dataclass

from coursetools.grading.master import Exercise, Master
from coursetools.grading.reading import HandedCell, HandIn

LARGEST = 200_000  # characters of one cell that Python's own parser is trusted with
_MARKER = re.compile(r"^# Exercise: ([a-z][a-z0-9_-]*)\b")
_BLANK = "raise NotImplementedError"


@dataclass(frozen=True)
class Answer:
    """What is run for one exercise: `parts` in order, the last one its own cell.

    `found` says by what the cell was recognised: "grade_id", "id", "marker", "name"; None where
    there is no such cell, and then `parts` is empty.
    """

    exercise: str
    parts: tuple[str, ...]
    found: str | None


@dataclass(frozen=True)
class _Definition:
    """A top-level statement that gives `name` a value; `cell` is the number of its cell."""

    name: str
    cell: int
    text: str
    needs: frozenset[str]
    cheap: bool


def match(master: Master, hand_in: HandIn) -> tuple[dict[str, Answer], tuple[str, ...]]:
    """An Answer for every exercise of the master, and remarks on what was deleted or changed."""
    remarks = list(_deviations(master, hand_in))
    given = _names(_tree(master.setup)) | set(dir(builtins)) | {"__name__", "get_ipython"}
    defined = [d for cell in hand_in.cells for d in _definitions(cell, master)]
    answers = {}
    for exercise in master.exercises:
        cell, found = _own_cell(exercise, master, hand_in.cells)
        if cell is None:
            remarks.append(f"no cell answers {exercise.name}")
            answers[exercise.name] = Answer(exercise.name, (), None)
            continue
        helpers = _needed(cell, given, defined)
        answers[exercise.name] = Answer(exercise.name, (*helpers, cell.source), found)
    return answers, tuple(remarks)


def is_blank(source: str) -> bool:
    """Whether a cell still holds the line that a blank exercise consists of."""
    return any(line.strip() == _BLANK for line in source.splitlines())


def _own_cell(exercise: Exercise, master: Master, cells: Iterable[HandedCell]):
    """The cell that answers an exercise, and by what it was recognised.

    Of several the last that is not blank counts, as it would when the notebook is run from top to
    bottom: people copy a cell, keep the blank, and write in the copy.
    """
    candidates = [(cell, by) for cell in cells if (by := _recognised(exercise, cell))]
    others = {e.name for e in master.exercises if e is not exercise}
    candidates = [
        (cell, by) for cell, by in candidates if by != "name" or _marked(cell) not in others
    ]
    for wanted in (_answers, _defines):
        fitting = [pair for pair in candidates if wanted(exercise, pair[0])]
        if fitting:
            return fitting[-1]
    return candidates[-1] if candidates else (None, None)


def _answers(exercise: Exercise, cell: HandedCell) -> bool:
    return _defines(exercise, cell) and not is_blank(cell.source)


def _defines(exercise: Exercise, cell: HandedCell) -> bool:
    return exercise.name in _names(_tree(cell.source))


def _recognised(exercise: Exercise, cell: HandedCell) -> str | None:
    name = f"exercise-{exercise.name}"
    if cell.grade_id == name:
        return "grade_id"
    if cell.id == name:
        return "id"
    if _marked(cell) == exercise.name:
        return "marker"
    return "name" if _defines(exercise, cell) else None


def _marked(cell: HandedCell) -> str | None:
    found = _MARKER.match(cell.source.lstrip())
    return found[1] if found else None


def _needed(cell: HandedCell, given: set[str], defined: list[_Definition]) -> list[str]:
    """The definitions that a cell's names lead to, directly or through one another, in order."""
    tree = _tree(cell.source)
    own, wanted = _names(tree), _used(cell.source)
    chosen: dict[int, _Definition] = {}
    while True:
        fresh = [
            (index, d)
            for index, d in enumerate(defined)
            if d.name in wanted - own - given
            and d.cell != cell.number
            and index not in chosen
            # What a teaching cell computes is left out: it may take minutes.
            and d.cheap
        ]
        if not fresh:
            break
        chosen.update(fresh)
        wanted |= set().union(*(d.needs for _, d in fresh))
    return list(dict.fromkeys(chosen[index].text for index in sorted(chosen)))


def _definitions(cell: HandedCell, master: Master):
    """Top-level definitions of a cell; assignments count as cheap in the learner's own cells only.

    A teaching cell's assignments may train a network.
    """
    own = cell.source not in master.sources
    tree, source = _tree(cell.source), _plain(cell.source)
    lines = source.splitlines(keepends=True)
    for node in tree.body:
        kept = isinstance(
            node,
            ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom,
        )
        assigned = isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)
        if not (kept or assigned):
            continue
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        text = "".join(lines[first - 1 : node.end_lineno])
        cheap, needs = kept or own or _is_literal(node), frozenset(_used(text))
        for name in _names(ast.Module([node], [])):
            yield _Definition(name, cell.number, text, needs, cheap)


def _is_literal(node: ast.stmt) -> bool:
    try:
        ast.literal_eval(node.value)
    except (ValueError, AttributeError, TypeError, MemoryError, RecursionError):
        return False
    return True


def _tree(source: str) -> ast.Module:
    """The syntax tree of a cell, magics allowed; empty where it is no Python."""
    if len(source) > LARGEST:
        return ast.Module([], [])
    try:
        return ast.parse(_plain(source))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ast.Module([], [])


def _plain(source: str) -> str:
    """A cell's source with IPython's magics turned into calls, as IPython runs it."""
    from IPython.core.inputtransformer2 import TransformerManager

    if not re.search(r"^\s*[%!?]|\?\s*$|^[^#'\"]*=\s*[%!]", source, re.MULTILINE):
        return source
    try:
        return TransformerManager().transform_cell(source)
    except Exception:  # whatever its tokeniser stumbles on, running the cell will tell
        return source


def _names(tree: ast.Module) -> set[str]:
    """The names that top-level statements of a module bind."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(a.asname or a.name).partition(".")[0] for a in node.names}
        else:
            found |= {
                n.id
                for n in ast.walk(node)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
    return found


def _used(source: str) -> set[str]:
    """The names that code takes from the notebook around it: no local variable, no parameter."""
    try:
        tables = [symtable.symtable(_plain(source), "cell", "exec")]
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return set()
    found: set[str] = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        found |= {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module")
        }
    return found


def _deviations(master: Master, hand_in: HandIn):
    """What differs from the master in what is the master's, each in one sentence."""
    if hand_in.lesson not in (None, master.lesson):
        yield f"the notebook says that it is lesson {hand_in.lesson}, not {master.lesson}"
    sources = [cell.source for cell in hand_in.cells]
    for kind, text in _locked(master):
        count = sum(1 for source in sources if source.strip() == text.strip())
        if count == 0:
            yield f"{kind} was changed or deleted; the course's own was used"
        elif count > 1:
            yield f"{kind} stands there {count} times; the course's own was used, once"


def _locked(master: Master):
    if master.setup:
        yield "the setup cell", master.setup
    for exercise in master.exercises:
        if exercise.harness:
            yield f"the harness of {exercise.name}", exercise.harness
        yield f"the check of {exercise.name}", exercise.check
