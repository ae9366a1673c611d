"""Texts as characters and integers, and the one that comes with Python."""

import doctest
import hashlib
import pydoc
import subprocess
import sys
import types
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlutils import datasets
from dlutils.datasets import DatasetUnavailable, Provenance, Text, english, text
from dlutils.datasets.provenance import SHOWN

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = Provenance("demo", "this test", "none needed", "generated", {"train": 1}, "Not split.")
LOAD_ALONE = """
import sys, time
from dlutils import datasets
before = time.process_time()
datasets.load({name!r})
print(time.process_time() - before)
if sys.platform == "linux":  # ru_maxrss would be the parent's, which it keeps through exec
    print(next(line.split()[1] for line in open("/proc/self/status") if "VmHWM" in line))
assert not {{"keras", "tensorflow", "jax", "torch"}} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def prose():
    return datasets.load("english")


def make(train, test=""):
    return Text(train, test, text.alphabet_of(train, test), ORIGIN)


@given(st.text(min_size=1))
@settings(max_examples=25, deadline=None)
def test_decoding_what_was_encoded_gives_the_text_back(train):
    made = make(train)
    ids = made.encode(train)
    assert ids.dtype == np.int32
    assert ids.tolist() == [made.alphabet.index(character) for character in train]
    assert made.decode(ids) == train
    assert made.decode(ids.tolist()) == train


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "uint64", "int64"])
def test_decode_takes_every_integer_type(dtype):
    assert make("abc").decode(np.array([2, 0, 1], dtype)) == "cab"


@pytest.mark.parametrize("backend", ["tensorflow", "jax.numpy"])
def test_decode_takes_tensors(backend):
    library = pytest.importorskip(backend)
    convert = getattr(library, "constant", None) or library.asarray
    assert make("abc").decode(convert([2, 0, 1])) == "cab"


def test_the_empty_text_goes_there_and_back():
    made = make("ab")
    assert made.encode("").shape == (0,)
    assert made.encode("").dtype == np.int32
    assert made.decode([]) == made.decode(np.zeros(0)) == ""
    assert make("").encode("").shape == (0,)


def test_half_a_surrogate_pair_goes_there_and_back():
    made = make("a\ud83dz")
    assert made.decode(made.encode("\ud83da")) == "\ud83da"


def test_an_alphabet_in_any_order_serves_as_it_stands():
    assert text.to_ids("abba", "ba").tolist() == [1, 0, 0, 1]


@given(st.text("abc", max_size=9), st.characters(exclude_characters="abc"), st.text("abc"))
@settings(max_examples=25, deadline=None)
def test_an_unknown_character_is_named_with_its_position(before, unknown, after):
    with pytest.raises(ValueError, match="is not among the 3 of the alphabet") as caught:
        make("abc").encode(before + unknown + after)
    assert f"the character {unknown!r} at position {len(before)} " in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("wrong", [None, 3, ["a"], b"abc", np.zeros(3, int)])
def test_encoding_anything_but_a_str_is_refused(wrong):
    with pytest.raises(TypeError, match=f"text is of type {type(wrong).__name__}, but"):
        make("abc").encode(wrong)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (3, r"ids have shape \(\), but"),
        ([[0, 1]], r"ids have shape \(1, 2\), but"),
        ([0.0, 1.0], "ids are float64 values"),
        ([True, False], "ids are bool values"),
        (["a"], "ids are <U1 values"),
        ("abc", "ids are <U3 values"),
        (None, "of type NoneType without an integer"),
        ([[0], [1, 2]], "of type list without an integer"),
        ([0, 10**30], "of type list without an integer"),
        ([0, np.nan], "ids are float64 values"),
    ],
)
def test_what_is_no_row_of_integers_is_not_decoded(wrong, reason):
    with pytest.raises(ValueError, match=f"^decode: .*{reason}"):
        make("abc").decode(wrong)


@given(
    st.lists(st.integers(0, 2), max_size=5), st.integers(-4, 6) | st.integers(-(2**63), 2**63 - 1)
)
@example([0], 3)
@example([0], -1)
@settings(max_examples=25, deadline=None)
def test_integers_beyond_the_alphabet_are_named_with_their_position(before, wrong):
    made = make("abc")
    if 0 <= wrong < 3:
        assert made.decode([wrong]) == "abc"[wrong]
        return
    with pytest.raises(ValueError, match="the numbers 0 to 2") as caught:
        made.decode([*before, wrong, 1])
    assert f"ids hold {wrong} at [{len(before)}]" in str(caught.value)


def test_encoded_parts_are_computed_once_and_nobody_can_write_to_them(prose):
    assert prose.train_ids is prose.train_ids
    assert prose.test_ids is prose.test_ids
    for ids in (prose.train_ids, prose.test_ids):
        with pytest.raises(ValueError, match="read-only"):
            ids[0] = 1
    np.testing.assert_array_equal(prose.test_ids, prose.encode(prose.test))


def test_a_text_is_frozen_and_a_changed_copy_encodes_anew():
    made = make("abc", "b")
    assert made.train_ids.tolist() == [0, 1, 2]
    with pytest.raises(FrozenInstanceError):
        made.train = "b"
    assert replace(made, train="cc").train_ids.tolist() == [2, 2]


def test_repr_counts_characters_and_shows_the_first_of_them(prose):
    before = repr(prose)
    assert f"train: {len(prose.train):,} characters: {prose.train[:SHOWN]!r}…\n" in before
    assert f"test: {len(prose.test):,} characters: {prose.test[:SHOWN]!r}…\n" in before
    assert len(before) < 800
    made = make("abc")
    short = repr(made)
    assert "train: 'abc'\n" in short
    assert made.train_ids.size
    assert repr(made) == short


def test_english_holds_every_topic_that_pydoc_knows_in_order(prose):
    from pydoc_data.topics import topics

    whole, place = prose.train + prose.test, 0
    for name in sorted(topics):
        place = whole.index(topics[name].strip("\n"), place)
    assert set(pydoc.Helper.topics["LOOPING"][0].split()) <= set(topics)
    assert 400_000 < len(whole) < 600_000


def test_topics_are_sorted_and_an_empty_line_apart(monkeypatch):
    topics = types.SimpleNamespace(topics={"b": "\nLast.\n", "a": "First.\n\nMore.\n"})
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", topics)
    found = datasets.load("english")
    assert found.train + found.test == "First.\n\nMore.\n\nLast."


def test_the_last_tenth_of_english_is_held_out(prose):
    whole = prose.train + prose.test
    assert 0 <= len(whole) - 10 * len(prose.test) < 10
    assert prose.provenance.counts == {"train": len(prose.train), "test": len(prose.test)}
    assert sorted(set(whole)) == list(prose.alphabet)


def test_english_says_of_which_python_it_is(prose):
    version = sys.version.partition(" ")[0]
    assert f"Python {version}" in prose.provenance.source
    assert "PSF" in prose.provenance.licence
    assert prose.provenance.kind == "real"


@pytest.mark.skipif(sys.version_info[:3] != (3, 11, 7), reason="another Python, another text")
def test_english_of_this_python_never_changes(prose):
    assert hashlib.sha256(prose.train.encode()).hexdigest()[:16] == "9bdf477ec4a3be82"
    assert hashlib.sha256(prose.test.encode()).hexdigest()[:16] == "82b03a63cff2669a"


def test_a_python_without_topics_gets_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DatasetUnavailable, match="use a Python from python") as caught:
        datasets.load("english")
    assert caught.value.__suppress_context__
    assert "\n" not in str(caught.value)


def test_english_takes_no_options():
    assert datasets.options("english") == {}
    with pytest.raises(TypeError, match="english takes no options"):
        datasets.load("english", seed=0)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("englsh", "english"), ("date", "dates"), ("EEG", "eeg"), ("stock", "stocks")],
)
def test_a_name_nearly_right_is_answered_with_the_right_one(wrong, right):
    with pytest.raises(ValueError, match=rf"'{wrong}' \(did you mean '{right}'\?\)"):
        datasets.load(wrong)


@pytest.mark.parametrize("name", ["english", "dates", "eeg", "stocks"])
def test_a_small_set_loads_alone_within_two_seconds_and_300_megabytes(name):
    command = [sys.executable, "-c", LOAD_ALONE.format(name=name)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, *kilobytes = map(float, done.stdout.split())
    assert seconds < 2
    assert all(peak / 1024 < 300 for peak in kilobytes)
    assert done.stderr == ""


@pytest.mark.parametrize("module", [text, english])
def test_the_examples_in_the_docstrings_run(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
