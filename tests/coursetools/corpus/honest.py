"""Honest hand-ins that look unlike the course's own: none may lose a point that it deserves."""

import ast
import json
import textwrap

from corpus.making import (
    Case,
    answering,
    at_start,
    blank,
    cell,
    code,
    solution,
    source,
    with_body,
)

LOOPS = """
n, rows, columns = len(images), images.shape[1] - size, images.shape[2] - size
return [[[images[k, i:i+size, j:j+size].max((0, 1)).tolist()
          for j in range(0, columns + 1, stride)]
         for i in range(0, rows + 1, stride)]
        for k in range(n)]
"""
SCIPY = """
from scipy.signal import correlate
x = np.pad(images, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
found = [[correlate(one, kernels[..., f], mode="valid")[..., 0]
          for f in range(kernels.shape[-1])] for one in x]
return np.moveaxis(np.array(found), 1, -1)[:, ::stride, ::stride]
"""
RECURSIVE = """
if not stack:
    return size, 1
(kernel, stride, padding), *rest = stack
size, field = trace((size + 2 * padding - kernel) // stride + 1, rest)
return size, (field - 1) * stride + kernel
"""
STRIDES = """
n, h, w, c = images.shape
a, b, d, e = images.strides
shape = n, (h - size) // stride + 1, (w - size) // stride + 1, size, size, c
view = np.lib.stride_tricks.as_strided(images, shape, (a, b * stride, d * stride, b, d, e))
return view.max((3, 4)).astype("float32")
"""
TENSORS = """
x = keras.ops.convert_to_tensor(images, "float32")
x = keras.ops.pad(x, [[0, 0], [padding] * 2, [padding] * 2, [0, 0]])
return keras.ops.conv(x, kernels.astype("float32"), strides=stride)
"""
DIRECT = "return keras.ops.max_pool(images, size, stride)"
FLOORED = """
field = jump = 1
for kernel, stride, padding in stack:
    size = floor((size + 2 * padding - kernel) / stride) + 1
    field, jump = field + (kernel - 1) * jump, jump * stride
return size, field
"""
LISTED = """
from math import floor
result = [size, 1, 1]
for kernel, stride, padding in stack:
    result[0] = floor((result[0] + 2 * padding - kernel) / stride) + 1
    result[1:] = result[1] + (kernel - 1) * result[2], result[2] * stride
return np.array(result[:2], "float32").tolist()
"""
ANNOTATED = """
from typing import Sequence

def trace(width: int, layers: Sequence[Sequence[int]]) -> tuple[int, int]:
    field: int = 1
    jump: int = 1
    for k, s, p in layers:
        width, field, jump = (width + 2 * p - k) // s + 1, field + (k - 1) * jump, jump * s
    return width, field
"""
POOL = "out = pool_of(images, size, stride)\nreturn out"
POOL_OF = """
def pool_of(x, k, s):
    rows, columns = (x.shape[1] - k) // s + 1, (x.shape[2] - k) // s + 1
    y = np.empty((len(x), rows, columns, x.shape[3]))
    for i in range(rows):
        for j in range(columns):
            y[:, i, j] = reduce_all(x[:, i*s:i*s+k, j*s:j*s+k])
    return y
"""
REDUCE = "def reduce_all(x):\n    return x.max(AXES)"
BEFORE_TRACE, AFTER_TRACE = "exercise-trace", "check-trace"
ROUND = "def round(value):\n    return int(value // 1)"
OTHER = "def other(size, stack):" + textwrap.indent(RECURSIVE.replace("trace(", "other("), "    ")
TABLE = ("STEPS = {}", "STEPS['trace'] = lambda n, layers: other(n, layers)", OTHER)
WRONG_POOL = "def max_pool(images, size, stride):\n    return images[:, :1, :1]"


def helped(body, *cells, exercise="trace", where=BEFORE_TRACE):
    """One exercise with this body, and cells before (or after) a cell of that id."""

    def change(notebook):
        cell(notebook, f"exercise-{exercise}")["source"] = with_body(exercise, body)
        return beside(notebook, where, *cells)

    return change


def beside(notebook, id, *sources, after=False):
    """With code cells put before the cell of that id, or after it."""
    cells = notebook["cells"]
    place = cells.index(cell(notebook, id)) + after
    made = [code(text) if isinstance(text, str) else text for text in sources]
    notebook["cells"] = [*cells[:place], *made, *cells[place:]]
    return notebook


def around(exercise, before="", after=""):
    """With lines above and below the function, in its cell."""
    return lambda notebook: answering(notebook, **{exercise: f"{before}{source(exercise)}{after}"})


def merged(*exercises):
    """The first of these cells holds all of them; the others are gone."""

    def change(notebook):
        kept, *rest = [cell(notebook, f"exercise-{name}") for name in exercises]
        kept["source"] = "\n\n".join(source(name) for name in exercises)
        notebook["cells"] = [c for c in notebook["cells"] if not any(c is r for r in rest)]
        return notebook

    return change


def merged_with_check(notebook):
    """An exercise and its check in one cell, as "merge with cell below" makes it."""
    convolve = cell(notebook, "exercise-convolve")
    check = cell(notebook, "check-convolve")
    convolve["source"] = f"{source('convolve')}\n\n{''.join(check['source'])}"
    notebook["cells"].remove(check)
    return notebook


def pasted(notebook, exercise="max_pool", text=None, after=False, **extra):
    """The blank kept, and a copy of the cell with the answer below it, or below its check."""
    original, stub = cell(notebook, f"exercise-{exercise}"), cell(blank(), f"exercise-{exercise}")
    copy = {**original, "source": text or source(exercise), **extra}
    original["source"] = stub["source"]
    where = f"{'check' if after else 'exercise'}-{exercise}"
    return beside(notebook, where, copy, after=True)


def colab(notebook):
    """As Google Colab gives a notebook back."""
    cells = []
    for number, old in enumerate(notebook["cells"]):
        text = "".join(old["source"])
        new = {"cell_type": old["cell_type"], "source": text.splitlines(keepends=True)}
        new["metadata"] = {"id": f"kXq{number:09d}"}
        if old["cell_type"] == "code":
            new["metadata"]["outputId"] = f"e5b7a0f2-{number}"
            new |= {"execution_count": number, "outputs": []}
        cells.append(new)
    names = {"colab": {"provenance": [], "toc_visible": True}, "accelerator": "GPU"}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return {"nbformat": 4, "nbformat_minor": 0, "metadata": names | kernel, "cells": cells}


def vscode(notebook):
    """As Visual Studio Code saves it."""
    for number, one in enumerate(notebook["cells"]):
        one["id"] = f"{number:08x}"
        one["metadata"] = {**one["metadata"], "vscode": {"languageId": "python"}}
    notebook["metadata"]["language_info"] |= {"version": "3.11.9", "file_extension": ".py"}
    return notebook


def reformatted(notebook):
    """Blanks and quotes as a formatter leaves them, in the course's cells too."""
    for one in notebook["cells"]:
        if one["cell_type"] == "code":
            text = "".join(one["source"])
            one["source"] = text.replace(" = ", "  =  ").rstrip() + "  \n\n# formatted\n"
    return notebook


def half_done(notebook):
    """Two of four; the other two as they came."""
    for name in ("convolve", "residual_block"):
        stub = cell(blank(), f"exercise-{name}")
        cell(notebook, f"exercise-{name}")["source"] = stub["source"]
    return notebook


def in_place_of_the_check(notebook):
    """The blank kept, the answer typed over the check."""
    cell(notebook, "exercise-trace")["source"] = cell(blank(), "exercise-trace")["source"]
    cell(notebook, "check-trace")["source"] = source("trace").partition("\n")[2]
    return notebook


def helper_below(notebook):
    """What exercise 3 uses stands below its check."""
    return beside(helped(FLOORED)(notebook), AFTER_TRACE, "from math import floor", after=True)


def two_helpers_of_one_name(notebook):
    """`size_of` means one thing in exercise 2 and another in exercise 3."""
    pool = "rows = size_of(images, size, stride)\nassert rows\n" + DIRECT
    first = "def size_of(images, size, stride):\n    return (images.shape[1] - size) // stride + 1"
    second = "def size_of(size, k, s, p):\n    return (size + 2 * p - k) // s + 1"
    own = "size_of(size, kernel, stride, padding)"
    steps = FLOORED.replace("floor((size + 2 * padding - kernel) / stride) + 1", own)
    notebook = helped(pool, first, exercise="max_pool", where="exercise-max_pool")(notebook)
    return helped(steps, second)(notebook)


def split_in_two(notebook):
    """The exercise's cell holds what is imported, the next one the function."""
    notebook = beside(notebook, AFTER_TRACE, with_body("trace", FLOORED.strip()).partition("\n")[2])
    cell(notebook, BEFORE_TRACE)["source"] = "# Exercise: trace\nfrom math import floor"
    return notebook


def without_teaching(notebook):
    """Nothing but the lab's own cells."""
    kept = [c for c in notebook["cells"] if {"nbgrader", "course"} & c["metadata"].keys()]
    return {**notebook, "cells": kept}


def bare(exercise):
    """The answer without marker, docstring and comments."""
    tree = ast.parse(source(exercise))
    del tree.body[0].body[0]
    return ast.unparse(tree)


def from_solution(name, points, report, change):
    """A Case: the solution, changed."""
    return Case(
        name, points, report, lambda path: path.write_text(json.dumps(change(solution())), "utf-8")
    )


def bodies(**texts):
    """A change: these exercises with these bodies."""
    return lambda notebook: answering(
        notebook, **{name: with_body(name, text.strip()) for name, text in texts.items()}
    )


FLOOR_ELSEWHERE = [
    ("helper_cell", "from math import floor"),
    ("helper_lambda", "floor = lambda value: int(value // 1)"),
    ("helper_star", "from math import *"),
    ("helper_class", "class floor(int):\n    pass"),
    ("helper_alias", "import numpy as xp\ndef floor(value):\n    return int(xp.floor(value))"),
    ("helper_guarded", "try:\n    from math import floor\nexcept ImportError:\n    floor = int"),
    (
        "helper_decorated",
        "import functools\n@functools.lru_cache\ndef floor(v):\n    return int(v)",
    ),
    (
        "helper_partial",
        "import functools, math\nfloor = functools.partial(lambda f, v: f(v), math.floor)",
    ),
    ("helper_magic", "%%time\ndef floor(value):\n    return int(value)"),
    ("helper_indented", "    def floor(value):\n        return int(value)"),
]
ANSWERS = [
    ("loops_and_lists", {"max_pool": LOOPS}),
    ("scipy", {"convolve": SCIPY}),
    ("recursive", {"trace": RECURSIVE}),
    ("strides_float32", {"max_pool": STRIDES}),
    ("tensors", {"convolve": TENSORS, "max_pool": DIRECT}),
    ("list_for_tuple", {"trace": LISTED}),
    ("raise_left_below", {"trace": RECURSIVE + "raise NotImplementedError"}),
    ("warns", {"max_pool": "import warnings\nwarnings.warn('slow')\n" + DIRECT}),
    ("prints", {"max_pool": "print(images, size)\nprint('here')\n" + DIRECT}),
    ("prints_a_lot", {"max_pool": "for i in range(20000):\n    print(i, 'of many')\n" + DIRECT}),
    ("tqdm", {"max_pool": "from tqdm import tqdm\nfor _ in tqdm(range(9)):\n    pass\n" + DIRECT}),
]
AROUND = [
    ("called_below", "trace", "", "\nprint(trace(28, [[3, 1, 0]]))\ntrace(1, [[1]])"),
    ("asserts_below", "trace", "", "\nassert trace(5, [[3, 1, 0]]) == (3, 3)"),
    ("main_below", "trace", "", '\nif __name__ == "__main__":\n    print(trace(9, []))'),
    (
        "plots_below",
        "max_pool",
        "",
        "\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    ),
    (
        "teaching_data_below",
        "max_pool",
        "",
        "\nprint(max_pool(grey[None, :, :, None], 2, 2).shape)",
    ),
    ("teaching_data_above", "max_pool", "print(grey.shape)\n", ""),
    ("colab_packages_above", "max_pool", "from google.colab import drive\ndrive.mount('/d')\n", ""),
    ("colab_magic_above", "max_pool", "%tensorflow_version 2.x\n", ""),
    ("magics", "trace", "%matplotlib inline\n!ls\nfiles = !ls\n", "\n%time trace(9, [])\ntrace?"),
    ("time_magic", "trace", "%%time\n", ""),
    ("awaits", "trace", "import asyncio\nawait asyncio.sleep(0)\n", ""),
    ("future_import", "trace", "from __future__ import annotations\n", ""),
    ("comment_above", "trace", "# by Ann\n\n", ""),
]
CHANGES = [
    ("helper_below", 10, "", helper_below),
    ("helper_chain", 10, "", helped(POOL, "AXES = 1, 2", POOL_OF, REDUCE, exercise="max_pool")),
    ("helper_in_a_table", 10, "", helped("return STEPS['trace'](size, stack)", *TABLE)),
    ("helper_shadows_builtin", 10, "", helped(FLOORED.replace("floor(", "round("), ROUND)),
    (
        "helper_of_the_lesson",
        10,
        "",
        helped("same = max_pool_loops\n" + DIRECT, exercise="max_pool"),
    ),
    ("two_helpers_of_one_name", 10, "", two_helpers_of_one_name),
    (
        "lesson_data_needed",
        8,
        r"max_pool uses grey, which cell \d+ computes",
        helped("grey.sum()\n" + DIRECT, exercise="max_pool"),
    ),
    ("wrapped", 10, "", lambda n: beside(n, "check-trace", "trace = (lambda f: f)(trace)")),
    ("split_in_two", 10, "trace was graded as cell", split_in_two),
    ("annotated", 10, "", lambda n: answering(n, trace=ANNOTATED)),
    ("bare", 10, "", lambda n: answering(n, trace=bare("trace"), max_pool=bare("max_pool"))),
    ("scratch_raises", 10, "", lambda n: at_start(n, "1 / 0")),
    ("scratch_is_no_python", 10, "", lambda n: at_start(n, "this is (a note")),
    ("scratch_spoils_numpy", 10, "", lambda n: at_start(n, "np = None\nsum = 0")),
    (
        "scratch_uses_the_name",
        10,
        "",
        lambda n: at_start(n, "from scipy.signal import convolve\ntrace = 5"),
    ),
    ("scratch_in_bash", 10, "", lambda n: at_start(n, "%%bash\nls (")),
    ("merged_two", 10, "", merged("max_pool", "trace")),
    ("merged_four", 10, "", merged("convolve", "max_pool", "trace", "residual_block")),
    ("merged_with_check", 10, "check of convolve .* holds more", merged_with_check),
    ("pasted", 10, "holds no answer", pasted),
    ("pasted_below_check", 10, "holds no answer", lambda n: pasted(n, after=True)),
    ("pasted_from_colab", 10, "holds no answer", lambda n: pasted(n, metadata={}, id="x1")),
    (
        "pasted_unmarked",
        10,
        "holds no answer",
        lambda n: pasted(n, text=bare("max_pool"), metadata={}, id="x1"),
    ),
    (
        "second_attempt",
        10,
        "2 cells define max_pool",
        lambda n: beside(
            answering(n, max_pool=WRONG_POOL),
            *("exercise-max_pool", source("max_pool")),
            after=True,
        ),
    ),
    (
        "second_attempt_below_check",
        10,
        "2 cells define max_pool",
        lambda n: beside(
            answering(n, max_pool=WRONG_POOL), "check-max_pool", bare("max_pool"), after=True
        ),
    ),
    (
        "redefined_below",
        10,
        "2 cells define max_pool",
        lambda n: beside(n, "check-trace", WRONG_POOL, after=True),
    ),
    (
        "redefined_in_another_exercise",
        10,
        "2 cells define max_pool",
        lambda n: answering(n, trace=f"{source('trace')}\n\n{WRONG_POOL}"),
    ),
    ("colab", 10, "", colab),
    ("vscode", 10, "", vscode),
    ("reformatted", 10, "", reformatted),
    ("half_done", 4, "convolve: not solved yet", half_done),
    ("nothing_done", 0, "trace: not solved yet", lambda n: blank()),
    (
        "syntax_error",
        8,
        "trace.*SyntaxError",
        lambda n: answering(n, trace="# Exercise: trace\ndef trace(size, stack:\n    return"),
    ),
    ("async_function", 8, "trace", lambda n: answering(n, trace="async " + bare("trace"))),
    ("in_place_of_the_check", 10, "check of trace .* was changed", in_place_of_the_check),
    ("teaching_cells_deleted", 10, "", without_teaching),
]

CASES = [
    *(from_solution(name, 10, "", helped(FLOORED, text)) for name, text in FLOOR_ELSEWHERE),
    *(from_solution(name, 10, "", bodies(**texts)) for name, texts in ANSWERS),
    *(from_solution(name, 10, "", around(*change)) for name, *change in AROUND),
    *(from_solution(*row) for row in CHANGES),
]
