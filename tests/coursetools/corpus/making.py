"""How the corpus of altered hand-ins is made: notebooks in memory, changed one thing at a time."""

import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
LESSON = "05_cnns"
POINTS = {"convolve": 3, "max_pool": 2, "trace": 2, "residual_block": 3}


@dataclass(frozen=True)
class Case:
    """One altered hand-in, and what grading must make of it.

    name: a word in lower case, also the student's. points: of 10. report: a regular expression
    that what is reported of it must contain (problem, hints and remarks, a line each); "" where
    nothing may be reported at all. make: writes the hand-in to the path that it is given, called
    `NAME_05_cnns.ipynb`. fence: whether only a fence stops it, so that it is left out elsewhere.
    """

    name: str
    points: int
    report: str
    make: Callable[[Path], object]
    fence: bool = False


def solution() -> dict:
    """The solution notebook, as JSON."""
    return _notebook("solutions")


def blank() -> dict:
    """The student notebook, as JSON."""
    return _notebook("notebooks")


def cell(notebook: dict, id: str) -> dict:
    """The cell of that id, for instance `exercise-trace`."""
    return next(cell for cell in notebook["cells"] if cell.get("id") == id)


def source(exercise: str) -> str:
    """The solution of an exercise."""
    return _text(cell(solution(), f"exercise-{exercise}"))


def answering(base: dict | None = None, **sources: str) -> dict:
    """`base` (the solution) with the sources of these exercises' cells replaced."""
    notebook = copy.deepcopy(base or solution())
    for exercise, text in sources.items():
        cell(notebook, f"exercise-{exercise}")["source"] = text
    return notebook


def code(text: str, **extra) -> dict:
    """A new code cell."""
    empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    return {**empty, "source": text, **extra}


def at_start(notebook: dict, text: str) -> dict:
    """With a cell of the learner's before all others."""
    return {**notebook, "cells": [code(text), *notebook["cells"]]}


def written(notebook: dict) -> Callable[[Path], object]:
    """A `make` that writes this notebook."""
    return lambda path: path.write_text(json.dumps(notebook), "utf-8")


def with_body(exercise: str, body: str) -> str:
    """An exercise's blank with its `raise NotImplementedError` replaced by these lines."""
    text = _text(cell(blank(), f"exercise-{exercise}"))
    found = re.search(r"^( *)raise NotImplementedError.*$", text, re.MULTILINE)
    lines = [found[1] + line if line else "" for line in body.splitlines()]
    return text[: found.start()] + "\n".join(lines) + text[found.end() :]


def _text(cell: dict) -> str:
    return "".join(cell["source"])


def _notebook(folder: str) -> dict:
    return json.loads((ROOT / folder / f"{LESSON}.ipynb").read_text("utf-8"))
