"""What the command prints: a table of many hand-ins, or all that is to be said of one."""

from collections import Counter
from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from coursetools.grading.escaping import clean
from coursetools.grading.graded import Graded


def table(grades: Iterable[Graded]) -> Table:
    """One row for each hand-in: points, and the first line of what its learner should look at."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    shown.add_column("student", max_width=28, overflow="fold")
    shown.add_column("lesson", max_width=20, overflow="fold")
    shown.add_column("points", justify="right", no_wrap=True)
    shown.add_column("what to look at", overflow="fold")
    for graded in grades:
        told = [graded.problem] if graded.problem else []
        told += [v.hint.split("\n")[0] for v in graded.verdicts if v.outcome != "right"]
        points = "undecided" if graded.undecided else f"{graded.points} of {graded.possible}"
        row = (graded.student, graded.lesson or "?", points, "\n".join((*told, *graded.remarks)))
        shown.add_row(*(Text(clean(text)) for text in row))
    return shown


def details(graded: Graded) -> Text:
    """Points and hints of one hand-in, nothing left out."""
    lines = [f"{graded.lesson or graded.file}: {graded.points} of {graded.possible} points"]
    lines += [graded.problem] if graded.problem else []
    for verdict in graded.verdicts:
        points = f"{verdict.points} of {verdict.possible}"
        lines.append(f"\n{verdict.exercise}: {verdict.outcome}, {points}")
        lines += [f"    {line}" for line in verdict.hint.splitlines()]
    if graded.remarks:
        lines += ["\nWhat was noticed:", *(f"    {remark}" for remark in graded.remarks)]
    return Text(clean("\n".join(lines)))


def counts(grades: list[Graded], seconds: float) -> str:
    """How many hand-ins there were, in which state, and how long they took."""
    found = Counter(graded.state for graded in grades)
    states = ", ".join(f"{found[state]} {state}" for state in ("graded", "not read", "undecided"))
    word = "hand-in" if len(grades) == 1 else "hand-ins"
    each = f", {seconds / len(grades):.1f} s each" if len(grades) > 1 else ""
    return f"{len(grades)} {word} in {seconds:.0f} s{each}: {states}"
