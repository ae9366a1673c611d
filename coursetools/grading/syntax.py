"""What a cell's code defines and what it takes from the notebook around it, without running it."""

import ast
import re
import symtable
import warnings
from dataclasses import dataclass
from functools import cached_property

LARGEST = 100_000  # characters of one cell that Python's own parser is trusted with
_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
_ASSIGNMENTS = ast.Assign | ast.AnnAssign | ast.AugAssign
_MARKER = re.compile(r"^# (Exercise|Check|Harness): ([a-z][a-z0-9_-]{0,60})\b", re.MULTILINE)
_LINE_MAGIC = re.compile(  # not the operators that a longer line goes on with: `% b`, `!= b`
    r"^([ \t]*)(?:%(?:time|timeit|prun)[ \t]+(?=\w)"
    r"|%{1,2}[A-Za-z_].*|!(?!=).*|\?.*|[\w.%]+\?+[ \t]*$)"
)
_ASSIGNED_MAGIC = re.compile(r"^([ \t]*[\w, \t.]+=)[ \t]*[%!].*")
_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
_RUNS_PYTHON = {"time", "timeit", "capture", "prun"}


@dataclass(frozen=True)
class Statement:
    """A top-level statement: its node, and its text with decorators."""

    node: ast.stmt
    text: str

    @property
    def span(self) -> tuple[int, int]:
        """Its lines in the cell, from 0, with decorators; the end is not one of them."""
        decorators = getattr(self.node, "decorator_list", [])
        first = min([self.node.lineno, *(d.lineno for d in decorators)])
        return first - 1, self.node.end_lineno

    @property
    def defines(self) -> bool:
        """Whether it is a function, a class or an import, which cost nothing to run."""
        return isinstance(self.node, _DEFINITIONS)

    @property
    def literal(self) -> bool:
        """Whether it gives a name a value that is written out."""
        try:
            ast.literal_eval(self.node.value)
        except (ValueError, AttributeError, TypeError, MemoryError, RecursionError):
            return False
        return isinstance(self.node, _ASSIGNMENTS)

    @property
    def safe(self) -> bool:
        """Whether running it cannot raise: a docstring, a plain function, a value written out."""
        node = self.node
        if isinstance(node, ast.FunctionDef):
            return not (node.decorator_list or node.args.defaults or node.args.kw_defaults)
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        # A `pass` of another text is a magic, which may not exist here.
        return text or self.literal or self.text.strip() == "pass"

    @cached_property
    def binds(self) -> frozenset[str]:
        """The names that it gives or changes a value of; "*" for a star import."""
        return frozenset(_bound(self.node))

    @cached_property
    def needs(self) -> frozenset[str]:
        """The names that it takes from the notebook around it: no local variable, no parameter."""
        return frozenset(_used(self.text))

    @cached_property
    def shape(self) -> str:
        """What it says, whatever its layout and its comments."""
        try:
            return ast.dump(self.node)
        except RecursionError:
            return self.text

    def same_as(self, other: "Statement") -> bool:
        """Whether both say the same; the cheap comparisons come first."""
        if type(self.node) is not type(other.node) or len(self.text) > 3 * len(other.text) + 200:
            return False
        return self.text == other.text or self.shape == other.shape


class Code:
    """A cell's source, taken apart once. parsed: False to leave it whole."""

    def __init__(self, source: str, parsed: bool = True):
        self.source = source
        self._parsed = parsed and len(source) <= LARGEST

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Its top-level statements; none where it is no Python."""
        return self._read[1]

    def without(self, dropped: list[Statement]) -> str:
        """The source with the lines of these statements emptied, so that all keep their numbers."""
        lines = list(self._read[0])
        kept = [s for s in self.statements if s not in dropped]
        shared = {line for s in kept for line in range(*s.span)}
        for statement in dropped:
            for line in {*range(*statement.span)} - shared:
                lines[line] = ""
        return "\n".join(lines)

    @cached_property
    def _read(self) -> tuple[list[str], tuple[Statement, ...]]:
        if self._parsed:
            for lines, python in _spellings(self.source):
                if (tree := _quietly(ast.parse, python)) is not None:
                    return lines, tuple(_cut(lines, node) for node in tree.body)
        return self.source.split("\n"), ()

    @cached_property
    def binds(self) -> frozenset[str]:
        """The names that its statements bind."""
        return frozenset().union(*(s.binds for s in self.statements))

    @cached_property
    def makes(self) -> frozenset[str]:
        """The names that it gives to what looks like a function or class of its own."""
        made = (ast.Lambda, ast.Call, ast.Name, ast.Attribute)
        found: set[str] = set()
        for statement in self.statements:
            node = statement.node
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign) and isinstance(node.value, made):
                found |= statement.binds - statement.needs  # not `trace = quicker(trace)`
        return frozenset(found)

    @cached_property
    def marks(self) -> frozenset[tuple[str, str]]:
        """("exercise", name) and the like: what its marker lines say that it is."""
        found = _MARKER.findall(self.source) if len(self.source) <= LARGEST else ()
        return frozenset((kind.lower(), name) for kind, name in found)

    def same_as(self, other: "Code") -> bool:
        """Whether both say the same, layout and comments aside."""
        if self.source.strip() == other.source.strip():
            return True
        if not other.statements or len(self.source) > 3 * len(other.source) + 200:
            return False
        if len(self.statements) != len(other.statements):
            return False
        return all(a.same_as(b) for a, b in zip(self.statements, other.statements, strict=True))

    def holds(self, other: "Code") -> bool:
        """Whether every statement of another stands in it too."""
        own = {statement.shape for statement in self.statements}
        return bool(other.statements) and all(s.shape in own for s in other.statements)


def _cut(lines: list[str], node: ast.stmt) -> Statement:
    start, stop = Statement(node, "").span
    return Statement(node, "\n".join(lines[start:stop]))


def _spellings(source: str):
    """(lines, Python that has as many): as it stands, then with IPython's additions resolved."""
    yield source.split("\n"), source
    for text in (source, _without_prompts(source)):
        plain = _without_magics(text)
        if plain is not None:
            yield text.split("\n"), plain


def _without_prompts(source: str) -> str:
    """Prompts and a margin taken off, as IPython does before it runs a cell."""
    from IPython.core.inputtransformer2 import classic_prompt, ipython_prompt, leading_indent

    lines = source.splitlines(keepends=True)
    for transform in (leading_indent, classic_prompt, ipython_prompt):
        lines = transform(lines)
    return "".join(lines)


def _quietly(read, source: str, *more):
    """What a parser makes of a source; None where it refuses. Its warnings are the learner's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return read(source, *more)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return None


def _without_magics(source: str) -> str | None:
    """IPython's lines made harmless, one for one; None where the whole cell is no Python."""
    lines, found = source.split("\n"), _CELL_MAGIC.match(source)
    if found:
        if found[1] not in _RUNS_PYTHON:
            return None
        lines[source[: found.start(1)].count("\n")] = "pass"
    for number, line in enumerate(lines):
        magic = _LINE_MAGIC.match(line)
        if magic:
            lines[number] = magic[1] + (line[magic.end() :] or "pass")
        else:
            lines[number] = _ASSIGNED_MAGIC.sub(r"\1 None", line)
    return "\n".join(lines)


def _bound(node: ast.stmt):
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((a.asname or a.name).partition(".")[0] for a in node.names)
    elif isinstance(node, ast.Expr):
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            yield from _base(call.func)  # TABLE.append(…)
    else:
        for inner in ast.walk(node):
            if isinstance(inner, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
                yield from _bound(inner)
            elif isinstance(getattr(inner, "ctx", None), ast.Store):
                yield from _base(inner)


def _base(node: ast.expr):
    """The variable of `variable.field[index]`."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _used(source: str):
    for _, python in _spellings(source):
        table = _quietly(symtable.symtable, python, "cell", "exec")
        if table is not None:
            yield from _referenced(table)
            return


def _referenced(table: symtable.SymbolTable):
    tables = [table]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module"):
                yield symbol.get_name()
