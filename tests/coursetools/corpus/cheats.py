"""Hand-ins that would have a wrong answer taken for a right one: none may earn a point by it."""

import textwrap

from corpus.making import (
    POINTS,
    Case,
    answering,
    at_start,
    blank,
    cell,
    solution,
    source,
    with_body,
    written,
)

NO_NUMBERS = "trace: not right yet. (Two integers are expected|Numbers are expected|Your code ret)"
UNREADABLE = "What trace answered could not be read"
WRONG = r"trace: not right yet. The output's width is wrong"
CLEAN = r"\A[^\x00-\x09\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]*\Z"
RIGHT = textwrap.dedent(source("trace").rpartition('"""')[2])


def cheat(name, text, report, exercise="trace", above="", **more):
    """An answer with this body, below these lines; its points are lost, and no others."""
    body = with_body(exercise, text)
    points = 10 - POINTS[exercise]
    return Case(name, points, report, written(answering(**{exercise: f"{above}\n{body}"})), **more)


def pooled(name, text, report, **more):
    """A `max_pool` that returns something of the right shape at best; `shape` is that."""
    shape = "rows = [(n - size) // stride + 1 for n in images.shape[1:3]]\n"
    shape += "shape = (len(images), *rows, images.shape[3])\n"
    return cheat(name, shape + text, report, exercise="max_pool", **more)


def forged(name, reply, report=UNREADABLE):
    """Replies that no honest function can make: `reply` is the expression of their bytes."""
    above = (
        "import json\nimport struct\n\nimport dlutils.checks\nfrom dlutils.checks import codec\n"
    )
    above += f"\n\ndef reply(name, request, namespace):\n    return {reply}\n\n"
    above += "\ndlutils.checks.answer = dlutils.checks.seam.answer = reply\n"
    return cheat(name, "return 0, 0", report, above=above)


def ahead(name, lines, report):
    """Messages written down the line before they are asked for: `send` writes one."""
    above = "import os\nimport struct\n\nfrom dlutils.checks import codec\n\n\ndef send(data):\n"
    above += "    return os.write(3, struct.pack('!I', len(data)) + data)\n\n\n"
    return cheat(name, "return 0, 0", report, above=above + lines + "\n")


def _message(text, *arrays):
    """The expression of a message with this JSON text, itself an expression of bytes."""
    rest = "".join(f" + {array}" for array in arrays)
    return f"b'Vdlutils1' + struct.pack('<Q', len({text})) + {text}{rest}"


def _npy(descr, shape, body="b''"):
    """A message with an array whose header says this."""
    header = f"\"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\".encode()"
    whole = "(lambda h: b'\\x93NUMPY\\x01\\x00' + struct.pack('<H', len(h) + 1) + h + b'\\n'"
    whole += f" + {body})({header})"
    text = f"json.dumps({{'a': len({whole})}}).encode()"
    return _message(text, whole)


def _claiming() -> dict:
    """A blank notebook whose outputs, marks and points say that all is well."""
    notebook = blank()
    for name in POINTS:
        check = cell(notebook, f"check-{name}")
        check["metadata"]["course"]["points"] = check["metadata"]["nbgrader"]["points"] = 100
        text = [f"{name}: correct\n"]
        check["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]
        check["execution_count"] = 1
    return notebook


def _checks_that_pass() -> dict:
    """Wrong answers above check cells that say "correct" whatever they are asked."""
    notebook = answering(trace=with_body("trace", "return 0, 0"))
    for name in POINTS:
        cell(notebook, f"check-{name}")["source"] = f'print("{name}: correct")\n'
    return notebook


def block(name, above, report, points=7, body="return x"):
    """An altered residual block: its check asks through the course's harness."""
    text = f"{above}\n{with_body('residual_block', body)}"
    return Case(name, points, report, written(answering(residual_block=text)))


VISIBLE = """\
def trace(size, stack):
    seen = {((3, 1, 0),): 3, ((3, 1, 1),) * 3: 7, ((3, 2, 0),): 3, ((3, 2, 1), (3, 1, 1)): 7}
    field = seen[tuple(map(tuple, stack))]
    return size, field
"""
LIAR = """\
class Liar({base}):
    def lie(self, *others):
        return True

    __eq__ = __lt__ = __gt__ = __le__ = __ge__ = __bool__ = __contains__ = lie

    def same(self, *others, **more):
        return self

    __sub__ = __rsub__ = __add__ = __abs__ = __array_ufunc__ = __array_function__ = same
    all = any = astype = reshape = same

    def __hash__(self):
        return 1

    def __ne__(self, other):
        return False

    def __float__(self):
        return 0.0

    def __getattr__(self, name):
        return self.same
"""
PATCHES = {
    "print": "import builtins\nbuiltins.print = print = lambda *a, **k: None",
    "assertion": "import builtins\nbuiltins.AssertionError = AssertionError = Warning",
    "builtins": "import builtins\nbuiltins.isinstance = lambda *a: True\n"
    "builtins.abs = builtins.max = builtins.len = builtins.sum = lambda *a, **k: 0\n"
    "builtins.all = builtins.any = lambda *a: True",
    "import": "import builtins, types\nbuiltins.__import__ = lambda *a, **k: types.ModuleType('x')",
    "numpy": "import numpy.testing\nnp.allclose = np.array_equal = lambda *a, **k: True\n"
    "np.testing.assert_allclose = np.testing.assert_equal = lambda *a, **k: None\n"
    "np.abs = np.isfinite = np.where = lambda *a, **k: np.zeros(())",
    "check": "from dlutils import checks\nfor name in ('close', 'equal', 'that'):\n"
    "    setattr(checks.Check, name, lambda *a, **k: None)\n"
    "checks.Check.array = lambda self, value, *a, **k: value",
    "exercise": "from dlutils import checks\n"
    "checks.exercise = lambda name: lambda f: print(f'{name}: correct')",
    "verdicts": "from dlutils import checks\nchecks.Failed = checks.NotYet = type('A', (), {})",
    "transport": "from dlutils import checks\nchecks.transport = lambda *a: b''\n"
    "checks.entropy = lambda name: 1",
    "compare": "from dlutils.checks import compare, same\n"
    "compare.difference = compare.shape_fault = same.inequality = lambda *a, **k: ''",
    "modules": "import sys, types\nfor name in list(sys.modules):\n"
    "    if name.startswith(('dlutils', 'numpy.testing')):\n"
    "        sys.modules[name] = types.ModuleType(name)",
    "keras": "keras.ops.conv = keras.ops.max_pool = lambda x, *a, **k: x * 0\n"
    "keras.ops.convert_to_numpy = lambda x: np.zeros(())",
    "random": "import random\nrandom.seed(0)\nnp.random.seed(0)\nkeras.utils.set_random_seed(0)\n"
    "np.random.default_rng = lambda *a: np.random.Generator(np.random.PCG64(0))",
    "clock": "import time\ntime.time = time.monotonic = time.perf_counter = lambda: 0.0",
    "main": "import sys, types\nsys.modules['__main__'] = types.ModuleType('__main__')",
}
RAISED = {
    "not_yet": ("from dlutils import checks\nraise checks.NotYet('trace')", "trace raised NotYet"),
    "failed": (
        "from dlutils import checks\nraise checks.Failed('trace', 'correct')",
        "raised Fail",
    ),
    "blank_again": ("raise NotImplementedError", "trace: not solved yet"),
    "a_namesake": ("raise type('Passed', (Exception,), {})('trace: correct')", "raised Passed"),
    "a_base": ("raise BaseException('trace: correct')", "trace raised BaseException"),
    "an_exit": ("raise SystemExit('trace: correct')", "trace raised SystemExit"),
    "an_interrupt": ("raise KeyboardInterrupt", "ended the process|KeyboardInterrupt"),
    "a_stop": ("raise StopIteration", "trace raised StopIteration"),
    "an_end": ("raise EOFError('trace: correct')", "trace raised EOFError"),
    "a_hint": ("raise ValueError('There is no function called trace')", "raised ValueError: There"),
    "a_long_name": ("raise type('A' * 10**6, (Exception,), {})", "trace raised AAA"),
    "a_lying_name": (
        "kind = type('Kind', (type,), {'__name__': property(lambda c: 5)})\n"
        "raise kind('A', (Exception,), {})",
        "trace",
    ),
    "a_silent_one": (
        "class Silent(Exception):\n    def __str__(self):\n        raise Silent\n\n"
        "    __repr__ = __str__\n\n\nraise Silent",
        "trace raised Silent",
    ),
    "a_ring": (
        "one, two = ValueError('one'), ValueError('two')\none.__context__ = two\n"
        "two.__context__ = one\nraise one",
        "trace raised ValueError",
    ),
    "colours": ("raise ValueError('\\x1b[2J\\x1b]0;title\\x07\\u202egnp.exe\\x00\\r')", CLEAN),
    "markup": ("raise ValueError('<script>alert(1)</script>' * 10**5)", r"\A[^\n]{50,1200}\n.*\Z"),
}
RETURNED = {
    "nothing": ("return None", "Your code returned None"),
    "a_generator": ("yield 1\nyield 2", "trace returned a generator"),
    "a_promise": ("async def later():\n    return 1, 1\n\n\nreturn later()", "a coroutine"),
    "a_function": ("return lambda: (1, 1)", "trace returned a function"),
    "a_type": ("return int", "trace returned a type"),
    "text": ("return '64', '3'", NO_NUMBERS),
    "a_lying_text": ("return Liar('correct')", NO_NUMBERS, "str"),
    "a_lying_int": ("return Liar(1), Liar(1)", WRONG, "int"),
    "a_lying_float": ("return Liar(1.5), Liar(1.5)", WRONG, "float"),
    "a_lying_list": ("return Liar([1, 1])", WRONG, "list"),
    "a_lying_dict": ("return Liar(width=1, field=1)", NO_NUMBERS, "dict"),
    "a_lying_object": ("return Liar()", "trace returned|" + NO_NUMBERS, "object"),
    "a_disguise": (
        "return type('A', (), {'__class__': property(lambda self: np.ndarray)})()",
        "trace returned an A",
    ),
    "one_number": ("return 64", NO_NUMBERS),
    "truth": ("return True, True", WRONG),
    "fractions": ("return size / 2, 1e-9", WRONG),
    "infinities": ("return float('inf'), float('inf')", "trace: not right yet"),
    "not_numbers": ("return float('nan'), float('nan')", "trace: not right yet"),
    "objects": ("return np.array([object(), object()])", "array of Python objects"),
    "a_pickle": (
        "import pickle\n\n\nclass A:\n    def __reduce__(self):\n"
        "        return print, ('trace: correct',)\n\n\nreturn pickle.dumps(A())",
        "trace returned a bytes",
    ),
    "a_payload": (
        "class A:\n    def __reduce__(self):\n        return print, ('trace: correct',)\n\n\n"
        "return A(), A()",
        "trace returned an A",
    ),
    "a_record": (
        "return np.zeros(2, [('a', int), ('b', int)])",
        "trace returned an array of dtype",
    ),
    "dates": ("return np.zeros(2, 'M8[s]')", "trace returned an array of dtype"),
    "two_at_once": ("return [[size, 1], [size, 3]]", NO_NUMBERS),
    "itself": ("answer = []\nanswer.append(answer)\nreturn answer", "nested more than 50 deep"),
}
POOLED = {
    "scalar": ("return 0.0", "max_pool: not right yet"),
    "all_nan": ("return np.full(shape, np.nan)", "max_pool: not right yet"),
    "all_infinite": ("return np.full(shape, np.inf)", "max_pool: not right yet"),
    "flat": ("return np.zeros((1, 1, 1, 1))", "max_pool: not right yet"),
    "masked": ("return np.ma.masked_all(shape)", "max_pool: not right yet"),
    "lying_array": ("return np.zeros(shape).view(Liar)", "max_pool: not right yet", "np.ndarray"),
    "in_place": (
        "images[...] = 0\nreturn images[:, : shape[1], : shape[2]]",
        "max_pool: not right yet",
    ),
    "broadcast": ("return np.broadcast_to(images.max(), shape)", "max_pool: not right yet"),
    "complex": ("return np.zeros(shape, complex)", "Real numbers are expected"),
    "memorised": (
        "kept.append(images)\nreturn kept[0][:, : shape[1], : shape[2]]",
        "max_pool: not right yet",
    ),
    "guessed": (
        "drawn = np.random.default_rng(len(kept)).standard_normal(shape)\nreturn drawn",
        "max_pool: not right yet",
    ),
}
FORGED = {
    "empty": ("b''", UNREADABLE),
    "no_kind": ("codec.encode([0, 0])", UNREADABLE),
    "another_kind": ("b'R' + codec.encode([0, 0])", UNREADABLE + "|not right yet"),
    "a_pickle": ("b'V' + __import__('pickle').dumps([0, 0])", UNREADABLE),
    "a_zip": ("b'V' + __import__('zlib').compress(bytes(1 << 28))", UNREADABLE),
    "wrong_numbers": ("b'V' + codec.encode([1, 1])", WRONG),
    "a_blank": (
        "b'F' + codec.encode({'fault': 'blank', 'what': '', 'line': ''})",
        "trace: not solved yet",
    ),
    "a_success": (
        "b'F' + codec.encode({'fault': 'none', 'what': 'correct', 'line': 'trace: correct'})",
        "not right yet. correct",
    ),
    "no_fields": ("b'F' + codec.encode({})", UNREADABLE),
    "fields_of_arrays": (
        "b'F' + codec.encode(dict.fromkeys(('fault', 'what', 'line'), np.zeros(3)))",
        UNREADABLE,
    ),
    "an_array_as_fault": ("b'F' + codec.encode(np.zeros(3))", UNREADABLE),
    "a_list_as_fault": ("b'F' + codec.encode(['fault', 'what', 'line'])", UNREADABLE),
    "long_fields": (
        "b'F' + codec.encode(dict.fromkeys(('fault', 'what', 'line'), '\\u202e\\x1b[2J' * 10**6))",
        CLEAN,
    ),
    "deep": (_message("b'[' * 10**6 + b']' * 10**6"), UNREADABLE),
    "deep_dicts": (_message("b'{\"d\":' * 10**5 + b'1' + b'}' * 10**5"), UNREADABLE),
    "many": (_message("b'[' + b'[],' * 20_000_000 + b'[]]'"), UNREADABLE),
    "a_bit_less_than_many": (_message("b'[' + b'0,' * 3_900_000 + b'0]'"), UNREADABLE),
    "long_number": (_message("b'[' + b'9' * 4_200 + b',1]'"), UNREADABLE),
    "longer_number": (_message("b'[' + b'9' * 10_000_000 + b',1]'"), UNREADABLE),
    "words_for_numbers": (_message("b'[NaN,Infinity]'"), "trace: not right yet"),
    "half_a_character": (_message("b'[\"\\\\ud800\",1]'"), UNREADABLE + "|" + NO_NUMBERS),
    "a_long_text": ("b'V' + codec.encode('\\u202e\\x1b[2J' * 10**6)", CLEAN),
    "unknown_tag": (_message("b'{\"__reduce__\":1}'"), UNREADABLE),
    "array_elsewhere": (_message("b'{\"a\":-5}'"), UNREADABLE),
    "array_too_long": (_message("b'{\"a\":1e30}'"), UNREADABLE),
    "too_many_arrays": (_message("b'[' + b'{\"a\":1},' * 10**6 + b'0]'"), UNREADABLE),
    "huge_shape": (_npy("'<f8'", "(1000000, 1000000)"), UNREADABLE),
    "huge_empty_shape": (_npy("'<f8'", "(0, 1000000000000000000)"), UNREADABLE + "|not right yet"),
    "overflowing_shape": (_npy("'<f8'", "(4294967296, 4294967296)"), UNREADABLE),
    "many_dimensions": (_npy("'<f8'", "(1, " + "1, " * 100 + ")", "bytes(8)"), UNREADABLE),
    "objects": (_npy("'|O8'", "(2,)", "bytes(16)"), UNREADABLE),
    "a_record": (_npy("[('a', '<f8')]", "(2,)", "bytes(16)"), UNREADABLE),
    "code_in_a_header": (_npy("__import__('os')", "(2,)", "bytes(16)"), UNREADABLE),
    "wide_text": (_npy("'<U999999'", "(0,)"), UNREADABLE + "|not right yet"),
    "half_true": (_npy("'|b1'", "(2,)", "b'\\x02\\xff'"), UNREADABLE),
}
SPOILT = (
    "What trace answered could not be read|its report|ended the process|not right yet|answered "
)
AHEAD = {
    "replies": ("for _ in range(20):\n    send(b'V' + codec.encode([0, 0]))", SPOILT),
    "cells_and_replies": (
        "for _ in range(2):\n    send(b'{\"error\": null}')\n"
        "for _ in range(20):\n    send(b'V' + codec.encode([1, 1]))",
        SPOILT,
    ),
    "an_oversize_header": ("os.write(3, b'\\x7f\\xff\\xff\\xff')", "a cell answered 2,048.0 MB"),
    "a_wrong_length": ("os.write(3, struct.pack('!I', 60) + b'x')", SPOILT + "|took more than"),
    "a_bomb_of_json": ("send(b'[' * 60_000)", SPOILT),
    "an_error_of_lists": ("send(b'{\"error\": ' + b'[' * 900 + b']' * 900 + b'}')", SPOILT),
    "no_report": ("send(b'null')", SPOILT),
    "a_large_report": ("send(b' ' * 70_000)", "a cell answered 0.1 MB"),
}
HARNESS = {
    "shapes": ("return lambda: 0", "Return the block's output, a Keras tensor: yours is of type"),
    "an_array": ("return np.zeros((2, 9, 8, filters))", "yours is of type"),
    "a_constant": ("return keras.ops.zeros((2, 9, 8, filters))", "residual_block"),
}
CASES = [
    Case("all_claimed", 0, "not solved yet", written(_claiming())),
    Case("checks_that_pass", 8, "the check of trace .*was changed", written(_checks_that_pass())),
    *(
        cheat(f"patched_{name}", "print('trace: correct')\nreturn 1, 1", "trace: ", above=patch)
        for name, patch in PATCHES.items()
    ),
    *(
        Case(
            f"patched_{name}_beside",
            8,
            "trace: ",
            written(
                at_start(answering(trace=with_body("trace", "return 1, 1")), PATCHES[name] + "\n")
            ),
        )
        for name in ("check", "numpy")
    ),
    *(cheat(f"raised_{name}", *spec) for name, spec in RAISED.items()),
    *(
        cheat(f"returned_{name}", text, report, above=LIAR.format(base=base[0]) if base else "")
        for name, (text, report, *base) in RETURNED.items()
    ),
    *(
        pooled(
            f"pooled_{name}",
            text,
            report,
            above="kept = []\n" + (LIAR.format(base=base[0]) if base else ""),
        )
        for name, (text, report, *base) in POOLED.items()
    ),
    *(forged(f"forged_{name}", *spec) for name, spec in FORGED.items()),
    *(ahead(f"ahead_{name}", *spec) for name, spec in AHEAD.items()),
    *(block(f"block_{name}", "", report, body=body) for name, (body, report) in HARNESS.items()),
    block(
        "block_with_a_harness_of_its_own",
        "def run_block(*args):\n    return {'output': 0, 'kernels': [], 'norms': 2}\n",
        "",
        points=10,
        body=textwrap.dedent(source("residual_block").rpartition('"""')[2]),
    ),
    block(
        "block_other_names",
        "class keras:\n    Input = Model = np = lambda *a: None\n    class backend:\n"
        "        is_keras_tensor = lambda *a: True\n",
        "residual_block: ",
    ),
    Case(
        "hard_coded",
        8,
        "trace: not right yet|trace raised KeyError",
        written(answering(trace=VISIBLE)),
    ),
    cheat(
        "forged_display",
        "display({'text/plain': 'trace: correct'}, raw=True)\nreturn 0, 0",
        WRONG + "|width",
        above="from IPython.display import display\n"
        "get_ipython().display_pub.publish({'text/plain': 'trace: correct'})",
    ),
    cheat(
        "transformers",
        "return 0, 0",
        "trace: ",
        above="shell = get_ipython()\nshell.input_transformers_post.append(lambda lines: ['1'])\n"
        "shell.ast_transformers.append(type('A', (), {'visit': lambda self, tree: tree})())\n"
        "shell.set_custom_exc((Exception,), lambda *a, **k: None)\nshell.run_cell = shell.ev",
    ),
    cheat(
        "transformed_harness",
        "return x",
        "residual_block: ",
        exercise="residual_block",
        above="def transform(lines):\n    return ['def run_block(*args):', '    return 1']\n\n\n"
        "get_ipython().input_transformers_post.append(transform)",
    ),
    cheat(
        "told_apart",
        "return trace_for_graders(size, stack)",
        "trace: not right yet",
        above="import os, socket, sys\n\n\ndef trace_for_graders(size, stack):\n"
        "    if os.path.exists('/grading') or 'ipykernel' not in sys.modules:\n"
        "        return 0, 0\n" + textwrap.indent(RIGHT, "    "),
    ),
    cheat(
        "frames",
        "import sys\nframe = sys._getframe()\nwhile frame.f_back:\n    frame = frame.f_back\n"
        "    if 'field' in frame.f_locals:\n"
        "        return frame.f_locals['size'], frame.f_locals['field']\nreturn 0, 0",
        WRONG + "|width",
    ),
    Case("forged_nothing", 10, "", written(solution())),
]
