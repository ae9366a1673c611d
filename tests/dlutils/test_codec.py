"""What crosses between a check and the learner's code, and what does not."""

import contextlib
import doctest
import json
import struct
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dlutils.checks import blame, codec, compare, npy, same, verdict

# Decimal numbers of 10,000 bits take Hypothesis long to draw; a few sizes around 2**64 do as well.
INTEGERS = st.integers(-(2**70), 2**70) | st.sampled_from([2**9999, -(2**9999)])
DTYPES = hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.unsigned_integer_dtypes()
DTYPES = DTYPES | hnp.floating_dtypes() | hnp.complex_number_dtypes() | hnp.unicode_string_dtypes()
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(['"', "\\", '\\"', "[{,"])
LEAVES = st.none() | st.booleans() | INTEGERS | st.floats() | st.complex_numbers() | TEXTS | ARRAYS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=12
)


def there_and_back(value):
    return codec.decode(codec.encode(value))


def assert_same(a, b):
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert a.shape == b.shape
        assert a.dtype.newbyteorder("=") == b.dtype.newbyteorder("=")
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, list):
        assert len(a) == len(b)
        for pair in zip(a, b, strict=True):
            assert_same(*pair)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_same(a[key], b[key])
    else:
        assert a == b or (a != a and b != b)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_a_value_comes_back_as_it_went(value):
    assert_same(value, there_and_back(value))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_are_refused(data):
    for message in (data, b"dlutils1" + data, b"dlutils1" + struct.pack("<Q", len(data)) + data):
        try:
            codec.decode(message)
        except codec.CodecError:
            continue
        assert message[16:].strip()  # what decodes must at least be a JSON text


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_message_is_refused_or_harmless(data):
    whole = codec.encode({"x": np.arange(6.0).reshape(2, 3), "names": ["a", True], "z": 1j})
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + 1 :]
    with contextlib.suppress(codec.CodecError):
        codec.encode(codec.decode(damaged))  # what decodes is a value like any other


def message(text, *arrays):
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    return b"".join([b"dlutils1", struct.pack("<Q", len(text)), text, *arrays])


def npy_bytes(shape, body, descr="<f8"):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def array_message(*npy):
    return message([{"a": len(n)} for n in npy], *npy)


def test_the_hand_made_messages_below_are_otherwise_well_formed():
    (array,) = codec.decode(array_message(npy_bytes("(2,)", b"\0" * 16)))
    np.testing.assert_array_equal(array, [0.0, 0.0])


@pytest.mark.parametrize(
    "hostile",
    [
        array_message(npy_bytes(f"({10**12},)", b"\0" * 16)),
        array_message(npy_bytes(f"({'9' * 5000},)", b"\0" * 16)),
        array_message(npy_bytes(f"({'1, ' * 100})", b"\0" * 8)),
        array_message(npy_bytes("(2,)", b"\0" * 8)),
        array_message(npy_bytes("(2,)", b"\0" * 16, "|O8")),
        array_message(npy_bytes("(2,)", b"\0" * 16, "|V8")),
        array_message(npy_bytes("(1,)", b"\x02", "|b1")),
        array_message(npy_bytes("(1,)", b"\xff" * 4, "<U1")),
        array_message(npy_bytes("(0,)", b"", "<U0")),
        message([{"a": 3}], npy_bytes("(2,)", b"\0" * 16)),
        message([{"a": -1}], npy_bytes("(2,)", b"\0" * 16)),
        message([], npy_bytes("(2,)", b"\0" * 16)),
        message({"x": 1}),
        message({"d": [1]}),
        message({"c": [1, 2, 3]}),
        message({}),
        message(b'"\\ud800"\xff'),
        message(b"9" * 5000),
        message(b"[" * 100_000 + b"]" * 100_000),
        message(b"[" * 60 + b"]" * 60),
        b"dlutils1" + b"\xff" * 8,
        "not bytes",
        None,
        7,
    ],
    ids=lambda hostile: repr(hostile)[:60],
)
def test_a_hostile_message_is_refused(hostile):
    with pytest.raises(codec.CodecError, match="no message"):
        codec.decode(hostile)


@pytest.mark.parametrize("item", [b"[],", b"{},", b'"",', b'\\",', b"[0],"])
def test_many_tiny_items_are_refused_before_they_are_made(item):
    text = b"[" + item * (20 * 2**20 // len(item)) + b"0]"
    begin = time.process_time()
    with pytest.raises(codec.CodecError):
        codec.decode(message(text))
    assert time.process_time() - begin < 3


def test_one_array_cannot_be_named_twice():
    npy = npy_bytes("(2,)", b"\0" * 16)
    with pytest.raises(codec.CodecError):
        codec.decode(message([{"a": len(npy)}] * 2, npy))


class LyingArray(np.ndarray):
    shape = (7,)
    dtype = np.dtype(object)
    nbytes = 0

    def __array__(self, *args, **kwargs):
        return np.ones(7)

    def __eq__(self, other):
        return True

    __hash__ = None


class LyingFloat(float):
    def __eq__(self, other):
        return True

    def __float__(self):
        return 42.0

    def __repr__(self):
        return "42.0"

    __hash__ = float.__hash__


class LyingInt(int):
    def __int__(self):
        return 42

    __index__ = __int__

    def bit_length(self):
        return 0


class LyingText(str):
    def __str__(self):
        return "right"

    __slots__ = ()


class LyingList(list):
    def __iter__(self):
        while True:
            yield 1

    def __len__(self):
        return 1


class LyingDict(dict):
    def items(self):
        return [("right", 1)]

    __iter__ = keys = items


@pytest.mark.parametrize(
    ("lie", "truth"),
    [
        (np.arange(3.0).view(LyingArray), np.arange(3.0)),
        (LyingFloat(0.5), 0.5),
        (LyingInt(3), 3),
        (LyingText("wrong"), "wrong"),
        (LyingList([1, 2]), [1, 2]),
        (LyingDict(wrong=2), {"wrong": 2}),
        ({LyingText("k"): 1}, {"k": 1}),
        (np.str_("text"), "text"),
        (np.str_(""), ""),
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.longdouble(0.5), 0.5),
        (np.int8(-3), -3),
        (np.bool_(True), True),
        (np.complex64(1j), 1j),
        ((1, (2, 3)), [1, [2, 3]]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_subclass_crosses_as_its_plain_base(lie, truth):
    assert_same(there_and_back(lie), truth)


def test_any_layout_of_an_array_crosses():
    whole = np.arange(24, dtype=">f4").reshape(4, 6)
    read_only = whole.copy()
    read_only.flags.writeable = False
    for array in (whole, whole[::2, ::-3], np.asfortranarray(whole), whole.T, read_only):
        back = there_and_back(array)
        np.testing.assert_array_equal(back, array)
        assert back.flags.writeable
        assert back.dtype == np.float32


def test_wide_and_narrow_floats_become_the_nearest_common_ones():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert_same(there_and_back(np.ones(2, ml_dtypes.bfloat16)), np.ones(2, np.float32))
    assert_same(there_and_back(np.ones(2, np.longdouble)), np.ones(2))
    assert_same(there_and_back(np.ones(2, np.float16)), np.ones(2, np.float16))


def test_what_comes_back_shares_nothing_with_what_went():
    sent = np.zeros(3)
    there_and_back(sent)[:] = 1
    assert not sent.any()


class Symbolic:
    def __array__(self, *args, **kwargs):
        raise NotImplementedError("no values")


class Objects:
    def __array__(self, *args, **kwargs):
        return np.array([None, 1], dtype=object)


class NoArray:
    def __array__(self, *args, **kwargs):
        return [1, 2]


def endless():
    yield 1


async def waiting():
    return 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (endless(), "a generator: collect what it yields"),
        ([1, {"a": {2}}], r"a set at \[1\]\['a'\]: return a sorted list"),
        (len, "a function: call it"),
        (endless, "a function: call it"),
        ([].append, "call it"),
        (dict, "a type: make an instance"),
        (range(3), "a range: return a list"),
        (map(int, "1"), "a map: return arrays"),
        (b"bytes", "a bytes: return arrays"),
        (object(), "an object: return arrays"),
        ({1: 2}, "a dict with a key of type int: use strings"),
        ({("a", 1): 2}, "a key of type tuple"),
        (Symbolic(), "a Symbolic: return arrays"),
        (Objects(), "an Objects of Python objects"),
        (NoArray(), "a NoArray: return arrays"),
        (np.array([1, None]), "an array of Python objects"),
        (np.zeros(2, [("a", "f4")]), "an array of dtype"),
        (np.zeros(2, "datetime64[s]"), "an array of dtype datetime64"),
        (np.array([b"ab"]), r"an array of dtype \|S2"),
        (np.broadcast_to(1.0, (10**6, 10**6)), "an array that exceeds 64 MB"),
        (np.broadcast_to(1.0, (10**6, 10**6)).view(LyingArray), "a LyingArray that exceeds"),
        ([np.zeros(5 * 10**6)] * 2, r"an array that exceeds 64 MB at \[1\]"),
        (["x" * (40 * 2**20)] * 2, "exceeds 64 MB"),
        (2**10_001, "an int of more than 10000 bits: return a float"),
        ([0] * 1_000_001, "more than 1,000,000 values"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_cross_is_refused_by_name(value, words):
    with pytest.raises(codec.CodecError, match=words):
        codec.encode(value)


def test_a_coroutine_is_refused_by_name():
    coroutine = waiting()
    with pytest.raises(codec.CodecError, match="a coroutine: write `def`"):
        codec.encode(coroutine)
    coroutine.close()


@pytest.mark.parametrize("value", [1j, {}, [], "", np.zeros(()), {"a": 1j}, {"a": {"b": ""}}])
def test_as_many_items_as_can_go_can_come_back(monkeypatch, value):
    monkeypatch.setattr(codec, "MAX_ITEMS", 301)
    for whole in ([value] * 100, {str(i): value for i in range(100)}):
        assert_same(there_and_back(whole), whole)


def test_values_that_contain_themselves_are_refused():
    one, two, third = [], [], {}
    one.append(one)
    two.extend([two, two])
    third["self"] = third
    for value in (one, two, third):
        with pytest.raises(codec.CodecError, match=r"nested more than 50 deep|1,000,000"):
            codec.encode(value)


def test_an_exponential_tangle_is_refused_soon(monkeypatch):
    monkeypatch.setattr(codec, "MAX_ITEMS", 10_000)
    tangle = [1, 1]
    for _ in range(40):
        tangle = [tangle, tangle]
    with pytest.raises(codec.CodecError, match="10,000 values"):
        codec.encode(tangle)


def test_the_greatest_depth_crosses_and_one_more_does_not():
    value = 1
    for _ in range(codec.MAX_DEPTH):
        value = [value]
    assert there_and_back(value) == value
    assert there_and_back({"a": value[0]}) == {"a": value[0]}
    with pytest.raises(codec.CodecError, match="nested"):
        codec.encode([value])


@pytest.mark.parametrize("module", [codec, npy, compare, same, blame, verdict])
def test_the_documented_examples_are_true(module):
    assert doctest.testmod(module).attempted > 0
    assert doctest.testmod(module).failed == 0
    assert sys.modules[module.__name__] is module


def test_what_encode_refuses_decode_refuses_too(monkeypatch):
    monkeypatch.setattr(codec, "MAX_ITEMS", 50)
    monkeypatch.setattr(codec, "MAX_ARRAYS", 5)
    many, arrays, huge = [0] * 49, [np.zeros(1)] * 5, 2**9_999
    kept = codec.encode(many), codec.encode(arrays), codec.encode(huge)
    assert [codec.decode(message) for message in kept] == [many, arrays, huge]
    for value in ([*many, 0], [*arrays, np.zeros(1)], huge * 2):
        with pytest.raises(codec.CodecError):
            codec.encode(value)
    monkeypatch.setattr(codec, "MAX_ITEMS", 49)
    monkeypatch.setattr(codec, "MAX_ARRAYS", 4)
    monkeypatch.setattr(codec, "MAX_INTEGER_BITS", 9_998)
    for message in kept:
        with pytest.raises(codec.CodecError):
            codec.decode(message)
