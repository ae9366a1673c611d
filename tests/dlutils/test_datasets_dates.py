"""Written dates: are they the days that their ISO forms name, and does no day leak?"""

import calendar
import doctest
import hashlib
import re
from collections import Counter
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from dlutils import datasets
from dlutils.datasets import dates, writing

EVERY_DAY = {"count": 65_745, "test": 7_304}
# Each format and how `strptime` reads it once ordinals, "the" and "of" are gone.
READ = {
    "3 March 1987": "%d %B %Y",
    "03 March 1987": "%d %B %Y",
    "March 3, 1987": "%B %d, %Y",
    "March 3rd, 1987": "%B %d, %Y",
    "3rd March 1987": "%d %B %Y",
    "the 3rd of March 1987": "%d %B %Y",
    "Tuesday, 3 March 1987": "%A, %d %B %Y",
    "Tuesday, March 3, 1987": "%A, %B %d, %Y",
    "Tuesday, the 3rd of March 1987": "%A, %d %B %Y",
    "Tue, 3 Mar 1987": "%a, %d %b %Y",
    "3 Mar 1987": "%d %b %Y",
    "Mar 3 1987": "%b %d %Y",
    "03 MAR 1987": "%d %b %Y",
    "03-Mar-1987": "%d-%b-%Y",
    "1987 March 3": "%Y %B %d",
    "3.iii.1987": "%d.%m.%Y",
}
ROMAN = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"]
ENDINGS = dict.fromkeys(range(1, 32), "th") | {
    **dict.fromkeys((1, 21, 31), "st"),
    **dict.fromkeys((2, 22), "nd"),
    **dict.fromkeys((3, 23), "rd"),
}


@pytest.fixture(scope="module")
def usual():
    return datasets.load("dates")


@pytest.fixture(scope="module")
def everything():
    return datasets.load("dates", **EVERY_DAY, seed=1)


def read(written, pattern):
    """The date that a text means, by the standard library; weekdays and ordinals must fit."""
    plain = re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", re.sub(r"\b(the|of) ", "", written))
    if ".%m." in pattern:
        day, month, year = plain.split(".")
        plain = f"{day}.{ROMAN.index(month) + 1}.{year}"
    found = datetime.strptime(plain, pattern).date()
    for word in re.findall(r"^[A-Z][a-z]+(?=,)", written):
        assert calendar.day_name[found.weekday()].startswith(word), written
    for day, ending in re.findall(r"(\d+)(st|nd|rd|th)", written):
        assert ending == ENDINGS[int(day)], written
    return found


def shape(written):
    """A text with its words and numbers masked, punctuation and the case of letters kept."""
    return re.sub("[a-z]+", "a", re.sub("[A-Z]", "A", re.sub(r"\d+", "0", written)))


@pytest.mark.parametrize("part", ["train", "test"])
def test_every_written_date_means_the_day_its_target_names(usual, part):
    patterns = list(READ.values())
    inputs, targets = getattr(usual, f"inputs_{part}"), getattr(usual, f"targets_{part}")
    for written, target, k in zip(inputs, targets, getattr(usual, f"format_{part}"), strict=True):
        assert read(written, patterns[k]).isoformat() == target


def test_the_formats_are_named_by_how_they_write_one_day(usual):
    assert usual.formats == tuple(READ)
    for written, k in zip(usual.inputs_train, usual.format_train, strict=True):
        assert shape(written) == shape(usual.formats[k])
        if usual.formats[k].startswith("03"):
            assert re.match(r"\d\d\D", written)
        else:
            assert not re.search(r"\b0", written)


def test_the_two_parts_hold_every_day_of_two_centuries_once(everything):
    days = sorted(everything.targets_train + everything.targets_test)
    span = (date(2099, 12, 31) - date(1900, 1, 1)).days + 1
    assert days == [(date(1900, 1, 1) + timedelta(k)).isoformat() for k in range(span)]


def test_which_days_are_for_testing_depends_on_no_option(everything):
    held_out = set(everything.targets_test)
    for options in ({}, {"seed": 7}, {"count": 5, "test": 3, "seed": 2**63 - 1}):
        some = datasets.load("dates", **options)
        assert set(some.targets_test) <= held_out
        assert not set(some.targets_train) & held_out


def test_no_written_date_has_two_meanings(everything):
    inputs = everything.inputs_train + everything.inputs_test
    assert len(set(inputs)) == len(inputs)
    assert not any(re.fullmatch(r"[\d\W]+", written) for written in inputs)
    assert all(re.search(r"\b(19|20)\d\d\b", written) for written in inputs)


def test_formats_and_test_days_are_drawn_evenly(everything):
    for chosen in (everything.format_train, everything.format_test):
        assert chisquare(np.bincount(chosen, minlength=16)).pvalue > 1e-6
    months = Counter(int(day[5:7]) for day in everything.targets_test)
    shares = [sum(calendar.monthrange(y, m)[1] for y in range(1900, 2100)) for m in range(1, 13)]
    expected = np.array(shares) / sum(shares) * len(everything.targets_test)
    assert chisquare([months[m] for m in range(1, 13)], expected).pvalue > 1e-6


def test_arrays_have_the_promised_shapes_and_types(usual):
    for part, n in (("train", 10_000), ("test", 1_000)):
        x, y = getattr(usual, f"x_{part}"), getattr(usual, f"y_{part}")
        assert (x.dtype, y.dtype) == (np.int32, np.int32)
        assert (x.shape, y.shape) == ((n, 37), (n, 10))
        assert len(getattr(usual, f"inputs_{part}")) == n
        assert getattr(usual, f"format_{part}").shape == (n,)
        assert x.max() < len(usual.alphabet)
        assert y.min() > 1


def test_the_width_is_that_of_the_longest_date_there_is(everything):
    longest = max(everything.inputs_train + everything.inputs_test, key=len)
    assert len(longest) == everything.x_train.shape[1] == 37


def test_arrays_are_the_texts_letter_by_letter_padded_at_the_end(usual):
    for row, written in zip(usual.x_test, usual.inputs_test, strict=True):
        assert "".join(usual.alphabet[i] for i in row[: len(written)]) == written
        assert not row[len(written) :].any()
    np.testing.assert_array_equal(usual.x_test, usual.encode(usual.inputs_test, width=37))
    np.testing.assert_array_equal(usual.y_train, usual.encode(usual.targets_train))
    assert usual.decode(usual.x_train) == usual.inputs_train
    assert usual.decode(usual.y_test) == usual.targets_test


def test_the_alphabet_is_what_dates_need_after_padding_and_start(everything):
    assert everything.alphabet[:2] == "_>"
    needed = set("".join(everything.inputs_train + everything.targets_train))
    assert sorted(needed) == list(everything.alphabet[2:])


def test_the_dates_of_a_seed_never_change(usual):
    parts = (usual.x_train, usual.y_train, usual.x_test, usual.y_test)
    joined = b"".join(array.astype("<i4").tobytes() for array in parts)
    assert hashlib.sha256(joined).hexdigest()[:16] == "cb0769b211f6f082"
    assert usual.inputs_train[:2] == ("24 JUN 2064", "July 29, 1985")


def test_the_test_part_does_not_depend_on_count_and_smaller_parts_lead_larger_ones(usual):
    few = datasets.load("dates", count=10, test=100)
    assert few.inputs_test == usual.inputs_test[:100]
    assert few.inputs_train == usual.inputs_train[:10]
    assert datasets.load("dates", count=10).inputs_test == usual.inputs_test


def test_another_seed_gives_other_dates(usual):
    other = datasets.load("dates", seed=1)
    assert len(set(other.inputs_train) & set(usual.inputs_train)) < 500
    assert other.inputs_test != usual.inputs_test


def test_provenance_says_that_the_dates_are_generated(usual):
    assert usual.provenance.kind == "generated"
    assert usual.provenance.counts == {"train": 10_000, "test": 1_000}
    assert "seed 0" in usual.provenance.source
    assert len(repr(usual)) < 1500


@given(st.lists(st.text(dates.ALPHABET[1:], max_size=12), max_size=5), st.integers(12, 20))
@settings(max_examples=25, deadline=None)
def test_decoding_what_was_encoded_gives_the_texts_back(usual, texts, width):
    ids = usual.encode(texts, width=width)
    assert ids.shape == (len(texts), width)
    assert usual.decode(ids) == tuple(texts)
    assert usual.encode(texts).shape == (len(texts), max(map(len, texts), default=0))
    for text in texts:
        assert usual.decode(usual.encode(text)) == text


def test_padding_within_a_decoded_text_stays_to_be_seen(usual):
    assert usual.decode(usual.encode("19_7__")) == "19_7"


@pytest.mark.parametrize(
    ("wrong", "kind", "reason"),
    [
        (["3 May", "3 März"], ValueError, "the character 'ä' at position 3 is not among the 57"),
        (3, TypeError, "3 is of type int, but texts are expected"),
        (None, TypeError, "None is of type NoneType"),
        (["a", 5], TypeError, "5 is of type int"),
        (b"May", TypeError, "77 is of type int"),
    ],
)
def test_what_cannot_be_encoded_is_named(usual, wrong, kind, reason):
    with pytest.raises(kind, match=f"^encode: {reason}"):
        usual.encode(wrong)


@pytest.mark.parametrize("width", [0, 4, -1, 7.0, "9", True])
def test_a_width_too_small_or_no_integer_is_refused(usual, width):
    with pytest.raises(ValueError, match=re.escape(f"width is {width!r}, but the text that begi")):
        usual.encode("3 May", width=width)


@pytest.mark.parametrize("wrong", [5, [[[1]]], [0.5], [57], [-1], "May", [[1], [1, 2]]])
def test_what_is_no_row_of_integers_is_not_decoded(usual, wrong):
    with pytest.raises(ValueError, match=r"^decode: ids "):
        usual.decode(wrong)


BAD = st.one_of(
    st.integers(max_value=-1),
    st.floats(),
    st.booleans(),
    st.text(max_size=5),
    st.none(),
    st.integers(min_value=2**63),
)


@given(st.sampled_from(["count", "test", "seed"]), BAD)
@settings(max_examples=25, deadline=None)
def test_a_bad_option_is_refused_in_one_sentence(option, wrong):
    with pytest.raises(ValueError, match=r"^load\('dates'\): ") as caught:
        datasets.load("dates", **{option: wrong})
    said = str(caught.value)
    assert f"{option} is {wrong!r}, but only integers from " in said
    assert said.endswith(f"choose {option} within these.")
    assert said.count(".") - repr(wrong).count(".") == 1


@pytest.mark.parametrize("options", [{"count": 0}, {"test": 0}, {"count": 65_746}, {"test": 7_305}])
def test_no_days_and_more_days_than_there_are_are_refused(options):
    with pytest.raises(ValueError, match="only integers from 1 to "):
        datasets.load("dates", **options)


def test_options_are_listed_and_a_wrong_one_is_answered_with_a_guess():
    assert datasets.options("dates") == {"count": 10_000, "test": 1_000, "seed": 0}
    with pytest.raises(TypeError, match=r"no option 'counts' \(did you mean 'count'\?\)"):
        datasets.load("dates", counts=3)


def test_numpy_integers_are_integers():
    assert len(datasets.load("dates", count=np.int64(3), test=np.uint8(2)).inputs_test) == 2


@pytest.mark.parametrize("module", [dates, writing])
def test_the_examples_in_the_docstrings_run(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
