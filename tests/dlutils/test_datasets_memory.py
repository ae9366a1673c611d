"""The memory task: what it promises, and wrong input."""

import numpy as np
import pytest

from dlutils.datasets import memory


@pytest.mark.parametrize("delay", [0, 1, 7, 200])
def test_the_first_symbol_is_the_answer_and_all_others_are_noise(delay):
    x, y = memory(500, delay, seed=delay)
    assert x.shape == (500, 1 + delay)
    assert (x.dtype, y.dtype) == ("int32", "int32")
    assert np.array_equal(x[:, 0], y)
    assert set(y.tolist()) == set(range(10))
    assert set(x[:, 1:].ravel().tolist()) <= set(range(10, 20))


def test_answers_are_equally_likely_and_the_noise_tells_nothing():
    x, y = memory(20_000, 2, seed=1)
    counts = np.zeros((10, 10, 10), int)
    np.add.at(counts, (y, x[:, 1] - 10, x[:, 2] - 10), 1)
    for axes, expected in (((1, 2), 2000), ((2,), 200), ((0,), 200)):
        spread = np.sqrt(expected)
        assert np.abs(counts.sum(axes) - expected).max() < 6 * spread


def test_the_sequences_of_a_seed_never_change():
    x, y = memory(2, 5, seed=0)
    assert x.tolist() == SEED_0
    assert y.tolist() == [row[0] for row in SEED_0]


SEED_0 = [[8, 15, 12, 13, 10, 10], [6, 10, 11, 18, 16, 19]]


def test_a_generator_as_seed_moves_on_from_call_to_call():
    rng = np.random.default_rng(0)
    assert not np.array_equal(memory(20, 5, rng)[0], memory(20, 5, rng)[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 5, 0), "memory: count is 0"),
        ((2.0, 5, 0), r"count is 2\.0"),
        ((True, 5, 0), "count is True"),
        ((2, -1, 0), "delay is -1, but sequences are counted in whole numbers"),
        ((2, "5", 0), "delay is '5'"),
        ((2, 5, -1), "seed is -1"),
        ((2, 5, None), "seed is None"),
    ],
)
def test_it_says_what_is_wrong_with_its_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        memory(*arguments)
