"""Verdicts on answers, and the words in which they reach the learner."""

import importlib.util
import itertools
import linecache
import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import scipy.special

from dlutils import checks

ROOT = Path(__file__).parents[2]
_cells = itertools.count()


@pytest.fixture
def notebook(monkeypatch):
    """A stand-in for the notebook: `notebook(source)` runs a cell in it."""
    namespace = {"__name__": "__main__", "np": np}

    def run(source):
        source = textwrap.dedent(source).lstrip("\n")
        file = f"/tmp/ipykernel_1/{next(_cells)}.py"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(compile(source, file, "exec"), namespace)

    monkeypatch.setattr(
        checks, "transport", lambda name, request: checks.answer(name, request, namespace)
    )
    run.namespace = namespace
    return run


def softmax_check(check):
    for logits in check.arrays((4, 10), scale=3):
        hint = "One probability per score."
        p = check.array(check.ask("softmax", logits), logits.shape, hint=hint)
        check.close(p.sum(-1), np.ones(4), "Rows must sum to 1.")
        check.close(p, scipy.special.softmax(logits, -1), hint="Larger scores, larger parts.")
    big = next(check.arrays((4, 10), scale=500))
    check.array(check.ask("softmax", big), big.shape, hint="exp overflowed.")


def verdict(body, name="softmax"):
    with pytest.raises((checks.Failed, checks.NotYet)) as caught:
        checks.exercise(name)(body)
    return str(caught.value)


RIGHT = {
    "stable": """
        def softmax(x):
            e = np.exp(x - x.max(axis=-1, keepdims=True))
            return e / e.sum(axis=-1, keepdims=True)
        """,
    "the library's own": "from scipy.special import softmax as s\nsoftmax = lambda x: s(x, -1)",
    "in place": """
        def softmax(x):
            x -= x.max(axis=-1, keepdims=True)
            np.exp(x, out=x)
            x /= x.sum(axis=-1, keepdims=True)
            return x
        """,
    "as lists": """
        from scipy.special import softmax as s
        def softmax(x):
            return [tuple(row) for row in s(x, -1)]
        """,
    "an object that is callable": """
        from scipy.special import softmax as s
        class Softmax:
            def __call__(self, x):
                return s(x.astype("float64"), -1)
        softmax = Softmax()
        """,
}


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_a_right_answer_prints_one_fixed_line(notebook, capsys, source):
    notebook(source)
    checks.exercise("softmax")(softmax_check)
    assert capsys.readouterr().out == "softmax: correct\n"


def test_what_the_learner_prints_stays_visible(notebook, capsys):
    notebook("def f(x):\n    print('here')\n    return x")
    checks.exercise("f")(lambda check: check.equal(check.ask("f", 1), 1, "The same."))
    assert capsys.readouterr().out == "here\nf: correct\n"


WRONG = {
    "nothing returned": (
        "def softmax(x):\n    np.exp(x)",
        "softmax: not right yet. Your code returned None: is the return statement missing?",
    ),
    "transposed": (
        "def softmax(x):\n    return x.T",
        "softmax: not right yet. One probability per score.\n"
        "    yours has shape (10, 4), expected (4, 10): is it transposed?",
    ),
    "a number": (
        "def softmax(x):\n    return x.sum()",
        "yours is a single number, expected shape (4, 10)",
    ),
    "not a number": (
        "def softmax(x):\n    p = np.zeros(x.shape)\n    p[1, 3:6] = np.nan\n    return p",
        "softmax: not right yet. One probability per score.\n"
        "    3 of 40 values are NaN, the first at [1, 3]",
    ),
    "infinite": (
        "def softmax(x):\n    p = np.zeros(x.shape)\n    p[2, 0] = np.inf\n    return p",
        "1 of 40 values is infinite, the first at [2, 0]",
    ),
    "not normalised": (
        "def softmax(x):\n    return np.ones_like(x)",
        "softmax: not right yet. Rows must sum to 1.\n"
        "    first difference at [0]: yours 10, expected 1 (4 of 4 values differ)",
    ),
    "text": (
        "def softmax(x):\n    return 'probabilities'",
        "Numbers are expected, and your code returned 'probabilities'.",
    ),
    "long text": ("def softmax(x):\n    return 'p' * 999", "returned a text of length 999."),
    "text within": (
        "def softmax(x):\n    return [[1, 2], [3, 'four']]",
        "Numbers are expected, and your code returned 'four' at [1, 1].",
    ),
    "None within": (
        "def softmax(x):\n    return [[1, 2], [None, 4]]",
        "your code returned None at [1, 0].",
    ),
    "a dict": ("def softmax(x):\n    return {'p': 1}", "your code returned {'p': 1}."),
    "ragged": (
        "def softmax(x):\n    return [[1, 2, 3], [1, 2]]",
        "a ragged list: item 0 has shape (3,), item 1 has shape (2,).",
    ),
    "ragged further in": (
        "def softmax(x):\n    return [[[1], [2]], [[1], [2, 3]]]",
        "a ragged list: item 0 has shape (1,), item 1 has shape (2,).",
    ),
    "complex": ("def softmax(x):\n    return x * 1j", "returned complex ones."),
    "a generator": (
        "def softmax(x):\n    yield from x",
        "softmax returned a generator: collect what it yields in a list or an array",
    ),
    "a function": ("def softmax(x):\n    return np.mean", "softmax returned a"),
    "recursive list": (
        "def softmax(x):\n    x = []\n    x.append(x)\n    return x",
        "softmax returned lists or dicts nested more than 50 deep: does a list contain itself?",
    ),
    "lying": (
        """
        class Yes:
            def __eq__(self, other): return True
            def __array_ufunc__(self, *a, **k): return Yes()
        def softmax(x):
            return Yes()
        """,
        "softmax returned a Yes: return arrays, numbers",
    ),
    "an array that lies": (
        """
        class Yes(np.ndarray):
            def __eq__(self, other): return np.ones(1, bool)
            def __sub__(self, other): return np.zeros(1)
            def __array_ufunc__(self, *a, **k): return np.zeros(1)
        def softmax(x):
            return np.ones(x.shape).view(Yes)
        """,
        "Rows must sum to 1.",
    ),
    "exception": (
        """
        # Exercise: softmax (2 points)
        def softmax(x):
            scale = 0
            return 1 / scale
        """,
        "softmax: not right yet. softmax raised ZeroDivisionError: division by zero\n"
        "    your line 4: `return 1 / scale`",
    ),
    "exception in a library": (
        "def softmax(x):\n    y = x\n    return np.linalg.inv(y)",
        "your line 3: `return np.linalg.inv(y)`",
    ),
    "exception in another cell": (
        """
        def helper(x):
            return x.nothing
        """,
        "line 2 of the cell that begins `def helper(x):`: `return x.nothing`",
    ),
    "endless recursion": (
        "def softmax(x):\n    return softmax(x - 1)",
        "softmax raised RecursionError: maximum recursion depth exceeded",
    ),
    "exit": (
        "import sys\ndef softmax(x):\n    sys.exit(0)",
        "softmax raised SystemExit: 0\n    your line 3: `sys.exit(0)`",
    ),
    "exit on the way out": (
        """
        class Late:
            def __array__(self, *a, **k): raise SystemExit
        def softmax(x):
            return Late()
        """,
        "softmax raised SystemExit\n    your line 2:",
    ),
    "an exception that cannot be printed": (
        """
        class Mute(Exception):
            def __str__(self): raise SystemExit
        def softmax(x):
            raise Mute
        """,
        "softmax raised Mute\n    your line 4: `raise Mute`",
    ),
    "an exception in colours and many lines": (
        "def softmax(x):\n    raise ValueError('\\x1b[31mred\\n\\u202eline' + 'x' * 9999)",
        "softmax raised ValueError: [31mred linexxx",
    ),
    "wrong number of arguments": (
        "def softmax():\n    return 1",
        "softmax raised TypeError: softmax() takes 0 positional arguments but 1 was given",
    ),
    "not a function": ("softmax = 3", "softmax is of type int, not a function"),
    "missing": ("", "There is no function called softmax: run the exercise cell"),
    "blank": (
        "def softmax(x):\n    # YOUR CODE HERE\n    raise NotImplementedError",
        "softmax: not solved yet. Replace `raise NotImplementedError` in the exercise cell",
    ),
    "a library's own NotImplementedError": (
        "import numbers\ndef softmax(x):\n    return numbers.Complex.conjugate(x)",
        "softmax raised NotImplementedError\n    your line 3",
    ),
    "a library's own that leaves no frame, as TensorFlow's under Keras": (
        "import datetime\ndef softmax(x):\n    return datetime.tzinfo().utcoffset(None)",
        "softmax raised NotImplementedError: a tzinfo subclass must implement utcoffset()\n"
        "    your line 3",
    ),
}


@pytest.mark.parametrize(("source", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_told_what_is_wrong(notebook, source, words):
    notebook(source)
    if "def helper" in source:
        notebook("def softmax(x):\n    return helper(x)")
    text = verdict(softmax_check)
    assert words in text
    assert text.startswith("softmax: not ")
    assert len(text) < 900
    assert text.replace("\n", "").isprintable()


def test_a_blank_is_not_yet_and_all_else_has_failed(notebook):
    notebook("def softmax(x):\n    raise NotImplementedError")
    with pytest.raises(checks.NotYet):
        checks.exercise("softmax")(softmax_check)
    notebook("def softmax(x):\n    return None")
    with pytest.raises(checks.Failed):
        checks.exercise("softmax")(softmax_check)


def test_a_blank_inside_what_a_library_made_of_it_is_not_yet(notebook):
    notebook.namespace["library"] = library_that_wraps
    notebook("def blank():\n    raise NotImplementedError\ndef f():\n    return library(blank)")
    with pytest.raises(checks.NotYet):
        checks.exercise("f")(lambda check: check.ask("f"))


def test_the_cause_is_shown_and_not_what_a_library_made_of_it(notebook):
    notebook.namespace["library"] = library_that_wraps
    notebook("def wrong():\n    return [][1]\ndef f():\n    return library(wrong)")
    text = verdict(lambda check: check.ask("f"), "f")
    assert "f raised IndexError: list index out of range\n    your line 2: `return [][1]`" in text


def library_that_wraps(function):
    try:
        return function()
    except Exception:
        raise RuntimeError("unable to build") from None


def test_an_interrupt_stops_the_cell(notebook):
    notebook("def f():\n    raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        checks.exercise("f")(lambda check: check.ask("f"))


def test_a_fault_of_the_check_passes_through_with_a_note(notebook, capsys):
    with pytest.raises(ZeroDivisionError) as caught:
        checks.exercise("f")(lambda check: 1 / 0)
    assert caught.value.__notes__ == ["f: this fault lies in the check, not in your answer."]
    assert capsys.readouterr().out == ""


def test_an_argument_that_cannot_cross_is_a_fault_of_the_check(notebook):
    notebook("def f(x): return x")
    with pytest.raises(checks.codec.CodecError):
        checks.exercise("f")(lambda check: check.ask("f", len))


def test_inputs_are_copies(notebook):
    notebook("def f(x):\n    x['a'][:] = 7\n    return 0")
    x = {"a": np.zeros(3)}
    checks.exercise("f")(lambda check: check.ask("f", x))
    assert not x["a"].any()


def test_only_bytes_cross_through_the_transport_of_the_moment(monkeypatch):
    asked = []

    def transport(name, request):
        asked.append((name, type(request)))
        return checks.answer(name, request, {"f": lambda *args: list(args)})

    monkeypatch.setattr(checks, "transport", transport)
    check = checks.Check("f")
    assert check.ask("f", 1, "two", None) == [1, "two", None]
    assert asked == [("f", bytes)]


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"Vxx",
        b"X" + checks.codec.encode(1),
        b"F" + checks.codec.encode({"fault": 1, "what": 2, "line": 3}),
        b"F" + checks.codec.encode([1]),
        None,
        3,
    ],
)
def test_a_reply_that_cannot_be_read_fails_the_exercise(monkeypatch, reply):
    monkeypatch.setattr(checks, "transport", lambda name, request: reply)
    with pytest.raises(checks.Failed, match="could not be read"):
        checks.Check("f").ask("f")


def test_a_hostile_reply_is_cut_and_has_no_control_characters(monkeypatch):
    fault = {"fault": "raised", "what": "\x1b[2J\u202e" + "x" * 10**6, "line": "\r\n" * 99}
    reply = b"F" + checks.codec.encode(fault)
    monkeypatch.setattr(checks, "transport", lambda name, request: reply)
    with pytest.raises(checks.Failed) as caught:
        checks.Check("f").ask("f")
    assert len(str(caught.value)) < 900
    assert str(caught.value).isprintable()


def test_what_the_transport_itself_raises_passes_through(monkeypatch):
    def transport(name, request):
        raise ConnectionError("the kernel is gone")

    monkeypatch.setattr(checks, "transport", transport)
    with pytest.raises(ConnectionError):
        checks.exercise("f")(lambda check: check.ask("f"))


def test_draws_follow_entropy_and_are_fresh_without_it(monkeypatch):
    def draw():
        return next(checks.Check("f").arrays((3,)))

    assert not np.array_equal(draw(), draw())
    monkeypatch.setattr(checks, "entropy", lambda exercise: len(exercise))
    np.testing.assert_array_equal(draw(), draw())


def test_arrays_have_the_shape_scale_number_and_type_that_were_asked_for():
    check = checks.Check("f")
    drawn = list(check.arrays((100, 100), scale=3, count=2))
    assert [(x.shape, x.dtype) for x in drawn] == [((100, 100), np.float32)] * 2
    assert abs(drawn[0].std() - 3) < 0.2  # its standard error is 0.02
    ((x, w),) = check.arrays((2, 3), 3, count=1, dtype="float64")
    assert (x.shape, w.shape, w.dtype) == ((2, 3), (3,), np.float64)


def test_integer_draws_are_refused_with_the_way_to_get_them():
    with pytest.raises(ValueError, match=r"check\.rng\.integers"):
        checks.Check("f").arrays((2,), dtype="int32")


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1, 2], np.int64),
        ([1, 2.5], np.float64),
        (np.float32([1, 2]), np.float64),
        (np.array([True, False]), np.int64),
        (np.uint8([255]), np.int64),
        (np.uint64([2**64 - 1]), np.float64),
        ([2**70], np.float64),
        ([], np.float64),
        (3, np.int64),
    ],
)
def test_array_makes_one_of_two_types(value, dtype):
    array = checks.Check("f").array(value)
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, np.array(value, dtype=dtype))


def test_a_shape_may_leave_a_length_open():
    check = checks.Check("f")
    assert check.array(np.zeros((5, 3)), (None, 3)).shape == (5, 3)
    assert check.array([1, 2], 2).shape == (2,)
    with pytest.raises(checks.Failed, match=r"Yours has shape \(5, 3\), expected \(any, 4\)"):
        check.array(np.zeros((5, 3)), (None, 4))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros(1), r"Yours has shape \(1,\), expected a single number\."),
        (np.array([True, False]), r"Yours has shape \(2,\), expected a single number\."),
        (True, "Yours is True, expected a number"),
        (np.array(False), "Yours is False, expected a number"),
        (float("nan"), "Yours is NaN"),
        (None, "returned None"),
        ("3", "returned '3'"),
    ],
)
def test_number_takes_one_finite_number(value, words):
    with pytest.raises(checks.Failed, match=words):
        checks.Check("f").number(value)


def test_number_gives_a_plain_number():
    check = checks.Check("f")
    assert [type(check.number(v)) for v in (3, np.float32(0.5), np.array(2.0))] == [
        int,
        float,
        float,
    ]


class TestClose:
    def says(self, actual, desired, **options):
        with pytest.raises(checks.Failed) as caught:
            checks.Check("f").close(actual, desired, "Hint.", **options)
        return caught.value.detail

    def test_the_first_and_the_largest_difference_are_shown(self):
        actual = np.zeros((2, 4))
        actual[0, 3], actual[1, 1] = 0.2, 3
        assert self.says(actual, np.zeros((2, 4))) == (
            "first difference at [0, 3]: yours 0.2, expected 0 "
            "(2 of 8 values differ, most at [1, 1]: yours 3, expected 0)"
        )

    def test_numbers_are_shown_alone(self):
        assert self.says(0.2, 0.4) == "yours 0.2, expected 0.4"

    def test_as_many_digits_as_tell_them_apart(self):
        words = self.says(1.00000001, 1.0, rtol=0, atol=0)
        assert words == "yours 1.0000000099999999, expected 1"

    def test_the_bound_follows_the_largest_value(self):
        desired = np.array([1000.0, 0.0])
        checks.Check("f").close([1000.05, 0.05], desired, "")
        self.says([1000.0, 0.2], desired)

    def test_any_mix_of_lists_numbers_and_precisions_is_compared(self):
        check = checks.Check("f")
        check.close([0.1, 0.2], np.float32([0.1, 0.2]), "")
        check.close(np.float32([0.1]), [0.1], "")
        check.close((0.5,), np.array([0.5]), hint="")
        check.close(np.float32(0.1), 0.1, "")

    def test_shapes_are_never_broadcast(self):
        assert self.says(np.ones(4), 1.0) == "yours has shape (4,), expected a single number"
        assert self.says(1.0, [1.0]) == "yours is a single number, expected shape (1,)"

    def test_nan_and_wrong_infinities_differ(self):
        assert "yours nan, expected 0" in self.says([0.0, np.nan], [0.0, 0.0])
        assert "yours inf, expected -inf" in self.says([np.inf], [-np.inf])
        checks.Check("f").close([-np.inf, 1.0], [-np.inf, 1.0], "")

    def test_unsigned_numbers_do_not_wrap_around(self):
        assert self.says(np.uint8([1]), np.uint8([3]), atol=1).startswith("first difference")

    def test_empty_arrays_are_close(self):
        checks.Check("f").close(np.zeros((0, 3)), np.zeros((0, 3)), "")

    @pytest.mark.parametrize("options", [{"rtol": -1}, {"atol": float("nan")}])
    def test_a_bound_that_nothing_can_meet_is_the_course_s_fault(self, options):
        with pytest.raises(ValueError, match="nothing could ever be right"):
            checks.Check("f").close(1.0, 1.0, "", **options)

    @pytest.mark.parametrize("desired", [float("nan"), None, "text", [[1], [1, 2]]])
    def test_what_nothing_can_equal_is_the_course_s_fault(self, desired):
        with pytest.raises(ValueError, match=r"check\.close"):
            checks.Check("f").close(1.0, desired, "")


@pytest.mark.parametrize(
    ("actual", "desired"),
    [
        (3, 3.0),
        ("a", "a"),
        ([1, "a", [2]], (1, "a", (2,))),
        (np.array([1, 2]), [1, 2]),
        ([1.0, 2.0], np.array([1, 2])),
        ({"a": np.zeros(2)}, {"a": [0, 0]}),
        (np.array(["a", "b"]), np.array(["a", "b"])),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([1.0, np.nan]), np.array([1.0, np.nan])),
        (float("nan"), float("nan")),
        (2**80, 2**80),
        (None, None),
        (np.array(5), 5),
        (np.zeros((0, 2)), np.zeros((0, 2))),
    ],
)
def test_equal_compares_by_value(actual, desired):
    checks.Check("f").equal(actual, desired, "Hint.")


@pytest.mark.parametrize(
    ("actual", "desired", "detail"),
    [
        (3, 4, "yours 3, expected 4"),
        ("3", 3, "yours '3', expected 3"),
        (None, 3, "yours None, expected 3"),
        ([1, 2], [1, 3], "first difference at [1]: yours 2, expected 3"),
        ([1, [2, 5]], [1, [2, 3]], "first difference at [1, 1]: yours 5, expected 3"),
        ([1], [1, 2], "yours has length 1, expected 2"),
        ([[1], [2, 3]], [[1], [2]], "yours has length 2, expected 1, at [1]"),
        ({"a": 1}, {"b": 1}, "yours has the keys ['a'], expected ['b']"),
        ({"a": [1, 2]}, {"a": [1, 3]}, "first difference at ['a'][1]: yours 2, expected 3"),
        (np.array([[1, 2]]), np.array([[1, 3]]), "first difference at [0, 1]: yours 2, expected 3"),
        (np.zeros(3), np.zeros(4), "yours has shape (3,), expected (4,)"),
        (np.array(["1"]), np.array([1]), "yours is <U1, expected int64"),
        (2**53, 2**53 + 1, "yours 9007199254740992, expected 9007199254740993"),
        (0.1 + 0.2, 0.3, "yours 0.30000000000000004, expected 0.3"),
        ([0] * 200, 1, "yours a list of length 200, expected 1"),
    ],
)
def test_equal_shows_the_first_difference(actual, desired, detail):
    with pytest.raises(checks.Failed) as caught:
        checks.Check("f").equal(actual, desired, "Hint.")
    assert (caught.value.hint, caught.value.detail) == ("Hint.", detail)


def test_that_fails_with_the_hint_alone():
    checks.Check("f").that(np.bool_(True), "Hint.")
    with pytest.raises(checks.Failed) as caught:
        checks.Check("f").that(False, hint="Hint.")
    assert str(caught.value) == "f: not right yet. Hint."


def test_the_decorator_needs_the_name():
    with pytest.raises(TypeError, match="needs the name"):

        @checks.exercise
        def _(check):
            pass


def test_verdicts_survive_pickling():
    for raised in (checks.Failed("f", "hint", "detail"), checks.NotYet("f")):
        assert str(pickle.loads(pickle.dumps(raised))) == str(raised)


TENSORS = """
import numpy as np
from dlutils import checks
import keras
backend = keras.backend.backend()

class Blank(keras.layers.Layer):
    def call(self, x):
        raise NotImplementedError

class Wrong(keras.layers.Layer):
    def call(self, x):
        return keras.ops.matmul(x, keras.ops.ones((7, 7)))

def fitted(layer, x):
    model = keras.Sequential([layer])
    model.compile("sgd", "mse")
    model.fit(x, x, verbose=0)

def tensor(x): return keras.ops.convert_to_tensor(x)
def variable(x): return {"v": keras.Variable(x), "h": [keras.ops.cast(x, "bfloat16")]}
def scalar(x): return keras.ops.sum(x)
def symbolic(x): return keras.Input((3,))
def layer(x): return keras.layers.Dense(3)
def blank(x): fitted(Blank(), x)
def wrong(x): fitted(Wrong(), x)
def leaked(x):
    kept = []
    if backend == "jax":
        import jax
        jax.jit(lambda y: kept.append(y) or y)(x)
    else:
        import tensorflow as tf
        tf.function(lambda y: kept.append(y) or y)(x)
    return kept[0]

x = np.float32([[1, 2]])
check = checks.Check("f")
np.testing.assert_array_equal(check.ask("tensor", x), x)
answer = check.ask("variable", x)
np.testing.assert_array_equal(answer["v"], x)
np.testing.assert_array_equal(answer["h"][0], x)
assert answer["h"][0].dtype == np.float32
assert check.number(check.ask("scalar", x)) == 3
check.close(check.ask("tensor", x), keras.ops.convert_to_tensor(x), "A tensor of the course.")
for name, words in [("symbolic", "symbolic"), ("layer", "returned a Dense"),
                    ("leaked", "returned a"), ("wrong", "your line 13")]:
    try:
        check.ask(name, x)
    except checks.Failed as failed:
        assert words in str(failed), str(failed)
    else:
        raise SystemExit(name)
try:
    check.ask("blank", x)
except checks.NotYet:
    print("done on", backend)
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_tensors_come_back_as_arrays(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    script = tmp_path / "script.py"
    script.write_text(TENSORS)
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.endswith(f"done on {backend}\n"), done.stdout + done.stderr


CELLS = [
    "from dlutils import checks",
    "# Exercise: half (2 points)\ndef half(x):\n    y = x / 2\n    return y.nothing",
    '@checks.exercise("half")\ndef _(check):\n    x = next(check.arrays((2, 2)))\n'
    '    check.close(check.ask("half", x), x / 2, hint="Half of it.")',
    "def half(x):\n    raise NotImplementedError",
    "def half(x):\n    return x",
    "def half(x):\n    return x / 2",
]


@pytest.fixture(scope="module")
def executed():
    """The check cell's output after each version of the exercise cell, from a real kernel."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    order = [0, 2, 1, 2, 3, 2, 4, 2, 5, 2]
    cells = [nbformat.v4.new_code_cell(CELLS[i]) for i in order]
    book = nbformat.v4.new_notebook(cells=cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        nbclient.NotebookClient(book, allow_errors=True, timeout=60).execute()
    return dict(
        zip(
            ["missing", "raises", "blank", "wrong", "right"],
            [cell.outputs for cell in book.cells[1::2]],
            strict=True,
        )
    )


@pytest.mark.parametrize(
    ("case", "ename", "words"),
    [
        ("missing", "Failed", ["half: not right yet. There is no function called half: run"]),
        (
            "raises",
            "Failed",
            [
                "half raised AttributeError: 'numpy.ndarray' object has no attribute 'nothing'",
                "    your line 4: `return y.nothing`",
            ],
        ),
        ("blank", "NotYet", ["half: not solved yet. Replace `raise NotImplementedError`"]),
        ("wrong", "Failed", ["half: not right yet. Half of it.", "    first difference at [0, 0]"]),
    ],
)
def test_jupyter_shows_the_message_and_no_traceback(executed, case, ename, words):
    (output,) = executed[case]
    assert (output.output_type, output.ename) == ("error", ename)
    assert len(output.traceback) == len(words)
    for line, word in zip(output.traceback, words, strict=True):
        assert word in line
        assert "\n" not in line
    assert output.evalue == "\n".join(output.traceback)


def test_jupyter_shows_one_line_on_success(executed):
    (output,) = executed["right"]
    assert (output.name, output.text) == ("stdout", "half: correct\n")
