"""The referee: what it recognises, what its scores are made of, and what it refuses."""

from types import SimpleNamespace

import numpy as np
import pytest

from dlutils import datasets, referee, scores

DIGITS = datasets.load("digits")


@pytest.fixture(scope="module")
def judge(keras):
    return referee.train(DIGITS, seed=1)


@pytest.fixture(scope="module")
def bare(keras):
    """A judge whose features and logits are the pixels: all it says can be worked out."""
    inputs = keras.Input((2, 2, 1))
    flat = keras.layers.Flatten()(inputs)
    return referee.Judge(keras.Model(inputs, [flat, flat]), scale=2.0, accuracy=0.5)


def pictures(count, seed=0, shift=0.0):
    return np.random.default_rng(seed).normal(size=(count, 2, 2, 1)) + shift


def test_the_judge_reads_real_test_digits(judge):
    assert judge.accuracy >= 0.965
    assert judge.recognised(DIGITS.x_test, DIGITS.y_test) == judge.accuracy
    assert judge.recognised(DIGITS.x_test[DIGITS.y_test == 3], 3) > 0.85


def test_training_prints_nothing_and_its_seed_decides_it(keras, capfd):
    few = SimpleNamespace(
        x_train=DIGITS.x_train[:200],
        y_train=DIGITS.y_train[:200],
        x_test=DIGITS.x_test,
        y_test=DIGITS.y_test,
        class_names=DIGITS.class_names,
    )
    one, same, other = (referee.train(few, seed=s, examples=400) for s in (4, 4, 5))
    a, b, c = (judge.features(DIGITS.x_test[:50]) for judge in (one, same, other))
    np.testing.assert_allclose(a, b, atol=1e-5)
    assert np.abs(a - c).max() > 0.1
    assert capfd.readouterr().out == ""


def test_training_leaves_the_lessons_own_draws_alone(keras):
    def draws(train):
        keras.utils.set_random_seed(3)
        if train:
            referee.train(DIGITS, examples=1)
        layer = keras.layers.Dense(4)
        layer.build((None, 5))
        drawn = keras.ops.convert_to_numpy(keras.random.normal((4,)))
        plain = np.random.rand(3)  # noqa: NPY002
        return np.concatenate([layer.get_weights()[0].ravel(), drawn, plain])

    np.testing.assert_array_equal(draws(True), draws(False))


def test_features_of_training_images_have_variance_one(judge):
    found = judge.features(DIGITS.x_train)
    assert found.shape == (1197, 32)
    assert found.dtype == np.float64
    assert found.var(0).mean() == pytest.approx(1, abs=1e-4)


def test_probabilities_labels_and_recognised_agree(judge):
    p = judge.probabilities(DIGITS.x_test)
    np.testing.assert_allclose(p.sum(-1), 1, atol=1e-12)
    np.testing.assert_array_equal(p.argmax(-1), judge.labels(DIGITS.x_test))
    assert judge.recognised(DIGITS.x_test, p.argmax(-1)) == 1


def test_images_may_lack_the_channel(judge):
    np.testing.assert_array_equal(
        judge.labels(DIGITS.x_test[:9, ..., 0]), judge.labels(DIGITS.x_test[:9])
    )


def test_the_kernel_distance_is_that_of_all_features(bare):
    real, generated = pictures(60), pictures(45, 1, 0.3)
    found = bare.scores(real, generated)
    whole = scores.kernel_distance(bare.features(real), bare.features(generated))
    assert (found.kernel, found.kernel_error) == pytest.approx(whole)


def test_where_all_images_meet_every_score_is_that_of_dlutils_scores(bare):
    real, generated = pictures(60), pictures(60, 1, 0.3)
    found = bare.scores(real, generated, size=60)
    one, other = bare.features(real), bare.features(generated)
    assert found.frechet == pytest.approx(scores.frechet(one, other))
    assert found.coverage == pytest.approx(scores.coverage(one, other))
    assert found.density == pytest.approx(scores.density(one, other))
    assert found.size == 60


def test_scores_and_floor_compare_as_many_images(bare):
    real = pictures(60)
    assert bare.floor(real).size == bare.scores(real, pictures(500, 1)).size == 30
    assert bare.scores(real, pictures(20, 1)).size == bare.floor(real, size=20).size == 20


def test_no_image_meets_itself_in_the_floor(bare):
    assert bare.floor(pictures(60)).frechet > 0.01
    same = bare.scores(pictures(60), pictures(60), size=60)
    assert same.frechet == pytest.approx(0, abs=1e-9)


def test_fresh_real_images_reach_the_floor_and_others_do_not(bare):
    real = pictures(600)
    floor = bare.floor(real)
    fresh, far = bare.scores(real, pictures(600, 1)), bare.scores(real, pictures(600, 1, 1.0))
    assert fresh.frechet < 2 * floor.frechet < far.frechet
    assert abs(fresh.kernel) < 4 * fresh.kernel_error
    assert far.kernel > 10 * far.kernel_error
    assert abs(fresh.coverage - floor.coverage) < 0.05
    assert far.coverage < floor.coverage - 0.1


def test_the_same_seed_gives_the_same_scores(bare):
    real, generated = pictures(60), pictures(90, 1)
    assert bare.scores(real, generated) == bare.scores(real, generated)
    assert bare.scores(real, generated) != bare.scores(real, generated, seed=1)


def test_a_judge_of_digits_tells_blurred_ones_from_real(judge):
    real = DIGITS.x_test
    blurred = (real + np.roll(real, 1, 1) + np.roll(real, 1, 2) + np.roll(real, -1, 1)) / 4
    floor, found = judge.floor(real), judge.scores(real, blurred)
    assert found.frechet > 4 * floor.frechet
    assert found.coverage < floor.coverage


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda j: j.labels(np.zeros((3, 8, 8, 1))), r"shape \(3, 8, 8, 1\).*reads \(n, 2, 2, 1\)"),
        (lambda j: j.features(np.full((3, 2, 2), np.nan)), "NaN"),
        (lambda j: j.scores(pictures(5), pictures(9)), "5 images.* 6 are needed"),
        (lambda j: j.floor(pictures(9)), "4 images.* 6 are needed"),
        (lambda j: j.floor(pictures(20), size=11), "size .* from 6 to 10"),
        (lambda j: j.scores(pictures(20), pictures(20), splits=0), "splits is 0"),
        (lambda j: j.recognised(pictures(5), [1, 2]), r"wanted has shape \(2,\)"),
        (lambda j: j.recognised(pictures(5), 7), "wanted holds 7"),
    ],
)
def test_it_refuses_what_it_cannot_judge(bare, call, said):
    with pytest.raises(ValueError, match=said):
        call(bare)
