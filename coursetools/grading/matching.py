"""Which of the handed-in cells answer which exercise, and what else of the notebook they need.

Only sources are taken from a hand-in, and only those that an exercise needs: its own cell, and the
functions, classes, imports and small computations elsewhere in the notebook that it names. Points,
checks and harnesses are the master's.
"""

import builtins
import functools
import itertools
import math
from dataclasses import dataclass
from functools import cached_property

from coursetools.grading.master import Exercise, Master
from coursetools.grading.reading import HandedCell, HandIn
from coursetools.grading.syntax import Code, Statement

ANALYSED = 600_000  # characters of one hand-in that are taken apart; no lesson has 100,000
MOST = 500  # statements that come along with one answer
REMARKS = 40
_SPARE = 2  # other cells that define the same, which are tried where the first is not right


@dataclass(frozen=True)
class Answer:
    """What is run for one exercise: `parts` in order, its own cell and what changes it last.

    `found` says by what the cell was recognised: "grade_id", "id", "marker", "name"; None where
    there is no such cell, and then `parts` is empty. `spare`: the same of other cells that define
    the function too, likeliest first.
    """

    exercise: str
    parts: tuple[str, ...]
    found: str | None
    spare: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Cell:
    """A handed-in cell, taken apart. own: whether it differs from every cell of the master."""

    handed: HandedCell
    code: Code
    own: bool

    @property
    def number(self) -> int:
        """Its place in the notebook, from 1."""
        return self.handed.number

    def called(self, kind: str, name: str) -> str | None:
        """By what it says that it is that exercise, check or harness."""
        handed, wanted = self.handed, f"{kind}-{name}"
        if handed.grade_id == wanted:
            return "grade_id"
        if handed.id == wanted:
            return "id"
        return "marker" if (kind, name) in self.code.marks else None


@dataclass(frozen=True)
class Candidate:
    """A cell that may answer an exercise, and by what it was recognised.

    filled: it defines the function and is not blank. astray: it is marked as another exercise's.
    """

    cell: Cell
    by: str
    filled: bool
    astray: bool


def match(master: Master, hand_in: HandIn) -> tuple[dict[str, Answer], tuple[str, ...]]:
    """An Answer for every exercise of the master, and remarks on what was deleted or changed."""
    from coursetools.grading.deviations import deviations

    book = Book(master, hand_in)
    answers = {exercise.name: book.answer(exercise) for exercise in master.exercises}
    remarks = list(itertools.islice(deviations(book), REMARKS + 1))
    if len(remarks) > REMARKS:
        remarks[REMARKS:] = ["and more of the kind"]
    return answers, tuple(remarks)


class Book:
    """A hand-in beside its master: every code cell taken apart, every exercise's cells found."""

    def __init__(self, master: Master, hand_in: HandIn):
        self.master, self.hand_in = master, hand_in
        known, taken = {source.strip() for source in master.sources}, 0
        cells = []
        for handed in (*hand_in.cells, *hand_in.others):
            taken += len(handed.source)
            code = Code(handed.source, taken <= ANALYSED)
            cells.append(Cell(handed, code, handed.source.strip() not in known))
        self.cells, self.parked = cells[: len(hand_in.cells)], cells[len(hand_in.cells) :]
        self.candidates = {e.name: self._candidates(e) for e in master.exercises}

    def checks(self, exercise: Exercise) -> list[int]:
        """The numbers of the cells that are, or call themselves, the check of an exercise."""
        text = exercise.check.strip()
        return [
            cell.number
            for cell in self.cells
            if cell.called("check", exercise.name) or cell.code.source.strip() == text
        ]

    def answer(self, exercise: Exercise) -> Answer:
        """What is run for an exercise."""
        found = self.candidates[exercise.name]
        if not found:
            return Answer(exercise.name, (), None)
        first = self._parts(exercise, found[0].cell)
        others = (self._parts(exercise, c.cell) for c in found[1 : 1 + _SPARE] if c.filled)
        spare = dict.fromkeys(parts for parts in others if parts != first)
        return Answer(exercise.name, first, found[0].by, tuple(spare))

    def missed(self, exercise: Exercise) -> dict[str, int]:
        """What an answer takes from cells of the lesson that compute: names, and where they are."""
        found = self.candidates[exercise.name]
        return self._needed(exercise, found[0].cell)[1] if found else {}

    def _candidates(self, exercise: Exercise) -> list[Candidate]:
        """The cells that may answer an exercise, likeliest first.

        What is not blank comes first, and of that what stands last before the check: that is what
        the check sees when the notebook is run from top to bottom. Below the check, copies of the
        cell come before other code that happens to use the name.
        """
        # A slip of a key turns a code cell into text: it counts where there is no other.
        found = list(self._recognised(exercise, self.cells))
        found = found or [c for c in self._recognised(exercise, self.parked) if c.by != "name"]
        last = max(self.checks(exercise), default=math.inf)

        def rank(candidate):
            number, copy = candidate.cell.number, candidate.by != "name"
            return candidate.filled, copy or not candidate.astray, number < last, copy, number

        def rank_without_check(candidate):
            return candidate.filled, not candidate.astray, candidate.cell.number

        return sorted(found, key=rank_without_check if last == math.inf else rank, reverse=True)

    def _recognised(self, exercise: Exercise, cells: list[Cell]):
        name, stub = exercise.name, Code(exercise.stub)
        others = {e.name for e in self.master.exercises} - {name}
        for cell in cells:
            code, called = cell.code, cell.called("exercise", name)
            marked = {exercise for kind, exercise in code.marks if kind == "exercise"}
            if called and name not in code.binds and others & (code.binds | marked):
                continue  # another's cell under this one's name
            if called or (cell.own and name in code.makes):
                filled = name in code.binds and not code.same_as(stub)
                astray = bool(others & marked) and not called
                yield Candidate(cell, called or "name", filled, astray)

    def _parts(self, exercise: Exercise, cell: Cell) -> tuple[str, ...]:
        """What is run: definitions that the function leads to, its cell, what changes it below.

        What the cell itself defines comes first too where something stands above it that may fail
        here though it did not there: a package of Colab's, a picture of a teaching cell's data.
        """
        needed, _ = self._needed(exercise, cell)
        own = [s for where, s in needed if where is cell]
        rest = [s for s in cell.code.statements if s in own or not s.safe]
        early = own and rest[: len(own)] != own
        changing = [s for where, s in needed if where is not cell and exercise.name in s.binds]
        chosen = [s.text for where, s in needed if (early if where is cell else s not in changing)]
        dropped = [s for s in rest if s not in own and s.shape in _work(self.master)]
        source = cell.code.without(dropped) if dropped else cell.code.source
        return (*dict.fromkeys(chosen), source, *(s.text for s in changing))

    def _needed(self, exercise: Exercise, cell: Cell):
        """(cell, statement) of all that a function leads to, in order; and what was missed."""
        limit = min((n for n in self.checks(exercise) if n > cell.number), default=math.inf)
        chosen: dict[int, tuple[Cell, Statement]] = {}
        missed: dict[str, int] = {}
        seen, waiting = {exercise.name}, [exercise.name]
        while waiting and len(chosen) < MOST:
            name = waiting.pop()
            entries = self._defined.get(name, [])
            fitting = [e for e in entries if self._may(name, e[1], e[2], exercise, cell, limit)]
            if not fitting and name not in self._given:
                lesson = [e for e in entries if not e[1].own]
                missed.update({name: lesson[-1][1].number} if lesson else {})
                fitting = [e for e in self._defined.get("*", []) if e[1].own]
            # What was defined when the check ran; definitions further down where there is none.
            above = [e for e in fitting if e[1].number <= limit]
            for order, where, statement in (above or fitting)[-MOST:]:
                if order not in chosen:
                    chosen[order] = where, statement
                    waiting += statement.needs - seen
                    seen |= statement.needs
        return [chosen[order] for order in sorted(chosen)], missed

    def _may(self, name, where: Cell, statement: Statement, exercise, cell, limit) -> bool:
        """Whether a statement may come along as the one that defines a name."""
        if name == exercise.name:  # its own cell, and what changes it: `Engine.run = run`
            added = where.own and not statement.defines and name in statement.needs
            return where is cell or (added and cell.number < where.number <= limit < math.inf)
        if name in self.candidates:
            found = self.candidates[name]
            return bool(found) and where is found[0].cell
        if name in self._given:  # the learner's own `round`, say
            above = where.number <= (cell.number if limit == math.inf else limit)
            return above and where.own and statement.defines and statement.shape not in self._setup
        # What a cell of the lesson computes is left out: it may take minutes.
        return statement.defines or where.own or statement.literal

    @cached_property
    def _defined(self) -> dict[str, list[tuple[int, Cell, Statement]]]:
        """Every name that the notebook binds: (place, cell, statement), in order."""
        found: dict[str, list[tuple[int, Cell, Statement]]] = {}
        pairs = [(cell, s) for cell in (*self.cells, *self.parked) for s in cell.code.statements]
        for order, (cell, statement) in enumerate(pairs):
            for name in statement.binds:
                found.setdefault(name, []).append((order, cell, statement))
        return found

    @cached_property
    def _setup(self) -> frozenset[str]:
        return frozenset(s.shape for s in Code(self.master.setup).statements)

    @cached_property
    def _given(self) -> frozenset[str]:
        return Code(self.master.setup).binds | {*dir(builtins), "__name__", "get_ipython"}


@functools.lru_cache(maxsize=8)
def _work(master: Master) -> frozenset[str]:
    """Shapes of what the lesson itself does: checks, computations, pictures; no definitions."""
    stubs = {exercise.stub for exercise in master.exercises}
    checks = {exercise.check for exercise in master.exercises}
    return frozenset(
        statement.shape
        for source in master.sources - stubs
        for statement in Code(source).statements
        if source in checks or not (statement.defines or statement.literal)
    )
