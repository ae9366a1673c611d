"""n-gram models: against a slow recursion over dictionaries, the papers' laws, and wrong input."""

import itertools
import time
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlutils import datasets, ngrams

MODELS = {"witten_bell": ngrams.witten_bell, "kneser_ney": ngrams.kneser_ney}


@st.composite
def texts(draw):
    """A text, an order, and an alphabet that may hold symbols which never come."""
    symbols = draw(st.integers(1, 4))
    order = draw(st.integers(1, 4))
    ids = draw(st.lists(st.integers(0, symbols - 1), min_size=order, max_size=60))
    return ids, order, symbols


def runs(ids, length):
    return Counter(tuple(ids[i : i + length]) for i in range(len(ids) - length + 1))


def slow_counts(name, ids, order):
    """For each run, how often it came, or how many symbols it follows where Kneser-Ney asks."""
    counts = {}
    for length in range(1, order + 1):
        found = runs(ids, length)
        if name == "kneser_ney" and length < order:
            before = defaultdict(set)
            for first, *rest in runs(ids, length + 1):
                before[tuple(rest)].add(first)
            found = Counter({run: len(before[run]) for run in found})
        counts[length] = found
    return counts


def slow_discounts(found):
    """Chen & Goodman's equation 17, one line for each discount."""
    n1, n2, n3, n4 = (sum(c == times for c in found.values()) for times in (1, 2, 3, 4))
    if 0 in (n1, n2, n3, n4):
        return {1: 0.5, 2: 0.5, 3: 0.5}
    y = n1 / (n1 + 2 * n2)
    given = {1: 1 - 2 * y * n2 / n1, 2: 2 - 3 * y * n3 / n2, 3: 3 - 4 * y * n4 / n3}
    return {times: min(max(d, 0), times) for times, d in given.items()}


def slow_probability(name, counts, context, symbol, symbols):
    """The recursion of the paper, from a tuple of symbols to the empty one."""
    longest = len(counts)
    context = context[max(0, len(context) - longest + 1) :]
    lower = 1 / symbols
    if context:
        lower = slow_probability(name, counts, context[1:], symbol, symbols)
    found = counts[len(context) + 1]
    after = [c for run, c in found.items() if run[:-1] == context]
    if sum(after) == 0:
        return lower
    here = found.get((*context, symbol), 0)
    if name == "witten_bell":
        return (here + len(after) * lower) / (sum(after) + len(after))
    d = slow_discounts(found)
    given_away = sum(d[min(c, 3)] for c in after if c)
    return (here - (d[min(here, 3)] if here else 0) + given_away * lower) / sum(after)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=80, deadline=None)
@given(text=texts(), seed=st.integers(0, 2**32))
def test_every_probability_is_that_of_the_slow_recursion(name, text, seed):
    ids, order, symbols = text
    model, counts = MODELS[name](ids, order, symbols), slow_counts(name, ids, order)
    new = np.random.default_rng(seed).integers(0, symbols, 12).tolist()
    slow = [
        slow_probability(name, counts, tuple(new[:i]), symbol, symbols)
        for i, symbol in enumerate(new)
    ]
    np.testing.assert_allclose(model.predict(new), slow, rtol=1e-10)
    last = [slow_probability(name, counts, tuple(new), s, symbols) for s in range(symbols)]
    np.testing.assert_allclose(model.probabilities(new), last, rtol=1e-10)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=60, deadline=None)
@given(text=texts())
def test_after_every_context_the_probabilities_sum_to_one(name, text):
    ids, order, symbols = text
    model = MODELS[name](ids, order, symbols)
    for length in range(order + 1):
        for context in itertools.islice(itertools.product(range(symbols), repeat=length), 20):
            p = model.probabilities(list(context))
            assert p.min() >= 0
            assert abs(p.sum() - 1) < 1e-12


def test_discounts_are_estimated_where_the_text_is_long_enough():
    text = datasets.load("english")
    ids = text.train_ids[:30_000]
    model = ngrams.kneser_ney(ids, 3, len(text.alphabet))
    counts = slow_counts("kneser_ney", ids.tolist(), 3)
    for level, length in zip(model._discounts, (1, 2, 3), strict=True):
        slow = slow_discounts(counts[length])
        np.testing.assert_allclose(level[1:], [slow[1], slow[2], slow[3]], rtol=1e-12)


def test_what_follows_one_symbol_alone_is_not_expected_elsewhere():
    san, francisco, fog = 0, 1, 2  # "Francisco" comes often, but only after "San"
    ids = [san, francisco] * 30 + [3, fog, 4, fog, 5, fog]
    after_unknown = ngrams.kneser_ney(ids, 2, 7).probabilities([6])
    assert after_unknown[fog] > after_unknown[francisco]
    after_unknown = ngrams.witten_bell(ids, 2, 7).probabilities([6])
    assert after_unknown[fog] < after_unknown[francisco]


def test_a_model_of_single_symbols_that_all_come_alike_knows_nothing():
    assert ngrams.witten_bell(list(range(8)) * 100, 1, 8).bits([3, 5]) == pytest.approx(3)


def test_predict_and_probabilities_agree_on_english():
    text = datasets.load("english")
    model = ngrams.kneser_ney(text.train_ids, 7, len(text.alphabet))
    ids = text.test_ids[:40]
    by_steps = [model.probabilities(ids[:i])[ids[i]] for i in range(len(ids))]
    np.testing.assert_allclose(model.predict(ids), by_steps, rtol=1e-10)
    assert model.bits(ids) == pytest.approx(-np.log2(by_steps).mean())


def test_orders_that_would_overflow_a_number_for_each_run_still_count_right():
    text = datasets.load("english")
    ids, size = text.train_ids[:5000], len(text.alphabet)
    model = ngrams.witten_bell(ids, 20, size)  # 103**20 runs are possible
    counts = slow_counts("witten_bell", ids.tolist(), 20)
    new = tuple(ids[700:730].tolist())
    slow = slow_probability("witten_bell", counts, new[:-1], new[-1], size)
    assert model.predict(list(new))[-1] == pytest.approx(slow)


def test_half_a_million_characters_are_counted_in_seconds():
    text = datasets.load("english")
    begin = time.process_time()
    bits = ngrams.kneser_ney(text.train_ids, 9, len(text.alphabet)).bits(text.test_ids)
    assert time.process_time() - begin < 5
    assert 1.3 < bits < 1.8


def test_the_text_given_is_left_as_it_was_and_a_list_will_do():
    ids = np.array([0, 1, 1, 0, 1], "int32")
    kept = ids.copy()
    a, b = ngrams.kneser_ney(ids, 2, 2), ngrams.kneser_ney(ids.tolist(), 2, 2)
    a.predict(ids)
    assert np.array_equal(ids, kept)
    assert np.array_equal(a.predict(ids), b.predict(ids.tolist()))
    assert a.predict([]).shape == (0,)
    assert a.probabilities([]).shape == (2,)


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], 0, 2), "order is 0"),
        (([0, 1], 2.0, 2), r"order is 2\.0"),
        (([0, 1], 1, True), "symbols is True"),
        (([0, 1], 3, 2), "ids has 2 symbols, but order 3 counts runs of 3"),
        (([0, 2], 1, 2), "ids holds 2, but the 2 symbols have the numbers 0 to 1"),
        (([0, -1], 1, 2), "ids holds -1"),
        (([0.0, 1.0], 1, 2), "ids has dtype float64 and shape"),
        (([[0, 1]], 1, 2), r"shape \(1, 2\)"),
        (("ab", 1, 2), "encode the text first"),
        (([[0], [1, 1]], 1, 2), "integers of shape"),
    ],
)
def test_wrong_input_is_refused_with_the_value(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(*arguments)


def test_a_text_to_predict_is_checked_too():
    model = ngrams.witten_bell([0, 1, 0], 2, 2)
    with pytest.raises(ValueError, match="ids holds 5"):
        model.predict([0, 5])
    with pytest.raises(ValueError, match="context holds 5"):
        model.probabilities([5])
    with pytest.raises(ValueError, match="ids is empty"):
        model.bits([])
