"""Cells deleted, edited, doubled, swapped, relabelled: said, and never obeyed."""

import copy

from corpus.honest import WRONG_POOL, beside, from_solution
from corpus.making import answering, blank, cell, code, source

IDLE = "# Check: max_pool (2 points)\nprint('max_pool: correct')"
ORDER = "another order"
NO_LESSON = "nothing of lesson 05_cnns is in this notebook"


def without(*ids):
    """A change: cells of these ids deleted."""

    def change(notebook):
        gone = [cell(notebook, id) for id in ids]
        kept = [c for c in notebook["cells"] if not any(c is g for g in gone)]
        return {**notebook, "cells": kept}

    return change


def edited(id, text):
    """A change: the cell of that id says something else."""

    def change(notebook):
        cell(notebook, id)["source"] = text
        return notebook

    return change


def doubled(id, **extra):
    """A change: the cell of that id twice."""
    return lambda n: beside(n, id, {**copy.deepcopy(cell(n, id)), **extra}, after=True)


def swapped(first, second):
    """A change: two cells in each other's place."""

    def change(notebook):
        cells = notebook["cells"]
        one, two = (cells.index(cell(notebook, id)) for id in (first, second))
        cells[one], cells[two] = cells[two], cells[one]
        return notebook

    return change


def exchanged(first, second, *keys):
    """A change: two cells bear each other's names."""

    def change(notebook):
        one, two = cell(notebook, first), cell(notebook, second)
        for key in keys:
            one[key], two[key] = two[key], one[key]
        return notebook

    return change


def labelled(id, **labels):
    """A change: these words of nbgrader's for the cell of that id."""

    def change(notebook):
        cell(notebook, id)["metadata"]["nbgrader"].update(labels)
        return notebook

    return change


def tagged(id, *tags):
    """A change: tags for the cell of that id."""

    def change(notebook):
        cell(notebook, id)["metadata"]["tags"] = list(tags)
        return notebook

    return change


def of_kind(kind, *ids):
    """A change: these cells are text."""

    def change(notebook):
        for id in ids:
            changed = cell(notebook, id)
            changed["cell_type"] = kind
            del changed["outputs"], changed["execution_count"]
        return notebook

    return change


def wrong_pool_behind(*changes):
    """A wrong answer, and something that should make it count all the same."""

    def change(notebook):
        notebook = answering(notebook, max_pool=WRONG_POOL)
        for one in changes:
            notebook = one(notebook)
        return notebook

    return change


def stripped(notebook, keep_marker=True):
    """No metadata, no ids; the marker lines too if asked."""
    for one in notebook["cells"]:
        one.pop("id")
        one["metadata"] = {}
        text = "".join(one["source"])
        if not keep_marker and text.startswith("# Exercise: "):
            one["source"] = text.partition("\n")[2]
    return {**notebook, "metadata": {}}


def one_cell(notebook):
    """All code in a single cell, teaching, checks and all."""
    texts = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    return {**notebook, "cells": [code("\n\n".join(texts))]}


def renamed(notebook):
    """It says that it is of lesson 06."""
    notebook["metadata"]["course"]["lesson"] = "06_rnns"
    return notebook


def foreign(notebook):
    """Somebody's notebook about something else."""
    cells = [code("import pandas as pd\ndf = pd.DataFrame()"), code("df.head()")]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


def unsolved(*changes):
    """The blank notebook with something done to it."""

    def change(_):
        notebook = blank()
        for one in changes:
            notebook = one(notebook)
        return notebook

    return change


def raised_points(notebook):
    """Each check is worth 100."""
    for one in notebook["cells"]:
        if one["metadata"].get("course", {}).get("role") == "check":
            one["metadata"]["course"]["points"] = one["metadata"]["nbgrader"]["points"] = 100
    return notebook


def relabelled_copy(notebook):
    """An idle check beside the course's, under its name."""
    check = cell(notebook, "check-max_pool")
    return beside(notebook, "check-max_pool", {**copy.deepcopy(check), "source": IDLE}, after=True)


def answer_elsewhere(notebook):
    """The exercise's cell deleted, its function among the learner's own cells."""
    return beside(without("exercise-trace")(notebook), "exercise-max_pool", bare_trace())


def bare_trace():
    return source("trace").partition("\n")[2]


ID_TWICE = exchanged("exercise-max_pool", "exercise-trace", "id", "metadata")
CHANGES = [
    ("check_deleted", 10, "check of trace was deleted", without("check-trace")),
    (
        "checks_deleted",
        10,
        "(?s)check of convolve was deleted.*check of residual_block was deleted",
        without(*(f"check-{name}" for name in ("convolve", "max_pool", "trace", "residual_block"))),
    ),
    ("setup_deleted", 10, "setup cell was changed or deleted", without("44911a9b6c46")),
    ("setup_edited", 10, "setup cell was changed", edited("44911a9b6c46", "import numpy as np")),
    ("setup_extended", 10, "setup cell .* holds more", lambda n: extended_setup(n)),
    ("harness_deleted", 10, "harness of residual_block was del", without("harness-residual_block")),
    (
        "harness_edited",
        10,
        "harness of residual_block .* was changed",
        edited("harness-residual_block", "def run_block(*args):\n    return {}"),
    ),
    ("text_deleted", 10, "", lambda n: code_only(n)),
    ("check_edited", 10, "check of max_pool .* was changed", edited("check-max_pool", IDLE)),
    (
        "check_emptied",
        8,
        "check of max_pool .* was changed",
        wrong_pool_behind(edited("check-max_pool", "")),
    ),
    (
        "check_always_passes",
        8,
        "check of max_pool .* was changed",
        wrong_pool_behind(edited("check-max_pool", IDLE)),
    ),
    (
        "check_deleted_wrong",
        8,
        "max_pool was deleted",
        wrong_pool_behind(without("check-max_pool")),
    ),
    ("idle_check_beside", 8, "max_pool stands there 2", wrong_pool_behind(relabelled_copy)),
    ("check_doubled", 10, "check of trace stands there 2 times", doubled("check-trace")),
    ("setup_doubled", 10, "setup cell stands there 2 times", doubled("44911a9b6c46")),
    ("harness_doubled", 10, "residual_block stands there 2", doubled("harness-residual_block")),
    ("exercise_doubled", 10, "2 cells define trace", doubled("exercise-trace")),
    ("blank_doubled", 0, "trace: not solved yet", unsolved(doubled("exercise-trace"))),
    ("checks_swapped", 10, ORDER, swapped("check-trace", "check-max_pool")),
    ("check_first", 10, ORDER, swapped("check-trace", "exercise-trace")),
    ("exercises_swapped", 10, ORDER, swapped("exercise-trace", "exercise-convolve")),
    ("reversed", 10, ORDER, lambda n: {**n, "cells": n["cells"][::-1]}),
    ("ids_exchanged", 10, "exercise of trace .* bears the name exercise-max_pool", ID_TWICE),
    (
        "ids_exchanged_wrong",
        8,
        "exercise of trace .* bears the name exercise-max_pool",
        wrong_pool_behind(ID_TWICE),
    ),
    (
        "checks_exchanged",
        10,
        "check of trace .* bears the name check-max_pool",
        exchanged("check-trace", "check-max_pool", "metadata", "id"),
    ),
    (
        "check_pointed_at_another",
        8,
        "check of max_pool was deleted",
        wrong_pool_behind(lambda n: edited("check-max_pool", cell(n, "check-trace")["source"])(n)),
    ),
    (
        "grade_id_of_another",
        10,
        "exercise of trace .* bears the name exercise-max_pool",
        labelled("exercise-trace", grade_id="exercise-max_pool"),
    ),
    ("grade_id_removed", 10, "", lambda n: without_labels(n)),
    ("stripped", 10, "", stripped),
    ("stripped_and_unmarked", 10, "cell of trace is not there", lambda n: stripped(n, False)),
    ("marker_deleted", 10, "", edited("exercise-trace", bare_trace())),
    ("points_raised", 10, "points of trace were changed; the course's 2", raised_points),
    (
        "points_raised_wrong",
        8,
        "points of trace were changed; the course's 2",
        wrong_pool_behind(raised_points),
    ),
    ("points_moved", 8, "points of trace", wrong_pool_behind(labelled("check-trace", points=10))),
    (
        "labels_changed",
        10,
        "check of trace .* was marked up anew",
        labelled("check-trace", grade=False),
    ),
    ("unlocked", 10, "check of trace .* was marked up anew", labelled("check-trace", locked=False)),
    (
        "exercise_locked",
        10,
        "exercise of trace .* was marked up anew",
        labelled("exercise-trace", locked=True, solution=False),
    ),
    ("skipped", 8, "tools pass over", wrong_pool_behind(tagged("check-max_pool", "nbval-skip"))),
    (
        "may_raise",
        8,
        "tools pass over",
        wrong_pool_behind(tagged("check-max_pool", "raises-exception")),
    ),
    ("own_tags", 10, "", tagged("exercise-trace", "done", "important")),
    ("check_is_text", 8, "is no code cell", wrong_pool_behind(of_kind("raw", "check-max_pool"))),
    ("exercise_is_text", 10, "trace .* is no code cell", of_kind("markdown", "exercise-trace")),
    ("exercise_is_raw", 10, "trace .* is no code cell", of_kind("raw", "exercise-trace")),
    ("one_cell", 10, "check of trace .* holds more", one_cell),
    ("exercise_emptied", 8, "trace", edited("exercise-trace", "")),
    ("exercise_deleted", 8, "No cell .* answers trace", without("exercise-trace")),
    ("answer_elsewhere", 10, "cell of trace is not there", answer_elsewhere),
    (
        "another_exercise",
        10,
        "no exercise bonus",
        lambda n: beside(n, "exercise-trace", "# Exercise: bonus (90 points)\nbonus = 1"),
    ),
    ("lesson_renamed", 10, "says that it is lesson 06_rnns", renamed),
    ("lesson_unnamed", 10, "", lambda n: {**n, "metadata": {}}),
    ("foreign", 0, NO_LESSON, foreign),
    ("no_cells", 0, NO_LESSON, lambda n: {**n, "cells": []}),
    ("no_lab", 0, "No cell .* answers trace", lambda n: without_lab(n)),
]


def extended_setup(notebook):
    """An import of the learner's in the first cell, which an answer uses."""
    setup = cell(notebook, "44911a9b6c46")
    setup["source"] = "".join(setup["source"]) + "\nfrom math import floor, inf\n"
    answer = source("trace").replace("    field, jump = 1, 1", "    field = jump = floor(1.5)")
    return answering(notebook, trace=answer)


def code_only(notebook):
    """All text deleted."""
    return {**notebook, "cells": [c for c in notebook["cells"] if c["cell_type"] == "code"]}


def without_labels(notebook):
    """nbgrader's words removed."""
    for one in notebook["cells"]:
        one["metadata"].pop("nbgrader", None)
    return notebook


def without_lab(notebook):
    """The teaching part alone."""
    kept = [c for c in notebook["cells"] if "nbgrader" not in c["metadata"]]
    return {**notebook, "cells": kept}


CASES = [from_solution(*row) for row in CHANGES]
