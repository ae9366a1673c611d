"""Scores against closed forms, SciPy, scikit-learn and plain loops; what they refuse."""

import math
import re
from collections import Counter

import numpy as np
import pytest
import scipy.linalg
import sklearn.metrics
import sklearn.neighbors
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dlutils import scores

RNG = np.random.default_rng(11)
SIDE = RNG.normal(size=(60, 4)), RNG.normal(size=(50, 4)) @ RNG.normal(size=(4, 4)) + 0.5


# Fréchet distance


def fid_by_sqrtm(x, y):
    """The textbook formula, right where both covariances are well conditioned."""
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(a @ b).real
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root)


def exactly(mean, deviation, n):
    """n samples whose mean and (diagonal) covariance are exactly as asked."""
    x = RNG.normal(size=(n, len(mean)))
    x = np.linalg.qr(x - x.mean(0))[0] * np.sqrt(n - 1)
    return x * deviation + mean


def test_frechet_equals_the_formula_with_scipys_matrix_root():
    assert scores.frechet(*SIDE) == pytest.approx(fid_by_sqrtm(*SIDE), rel=1e-9)


def test_frechet_of_diagonal_gaussians_is_the_closed_form():
    m1, s1, m2, s2 = np.array([0, 1, 2.0]), np.array([1, 2, 0.5]), np.ones(3), np.array([3, 1, 0.5])
    found = scores.frechet(exactly(m1, s1, 40), exactly(m2, s2, 70))
    assert found == pytest.approx(((m1 - m2) ** 2).sum() + ((s1 - s2) ** 2).sum(), rel=1e-9)


@pytest.mark.parametrize("shape", [(5, 64), (64, 64), (300, 64), (2, 1)])
def test_frechet_of_equal_features_is_zero_also_with_singular_covariances(shape):
    x = RNG.normal(size=shape) * 30
    assert 0 <= scores.frechet(x, x) < 1e-6
    assert 0 <= scores.frechet(x, x[::-1]) < 1e-6


def test_frechet_of_few_samples_agrees_with_the_same_ones_in_their_own_subspace():
    x, y = RNG.normal(size=(2, 6, 3))
    turn = np.linalg.qr(RNG.normal(size=(40, 40)))[0][:3]
    assert scores.frechet(x @ turn, y @ turn) == pytest.approx(fid_by_sqrtm(x, y), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    arrays(float, (4, 3), elements=st.floats(-1e3, 1e3)),
    arrays(float, (6, 3), elements=st.floats(-1e3, 1e3)),
)
def test_frechet_is_symmetric_finite_and_not_negative(x, y):
    there, back = scores.frechet(x, y), scores.frechet(y, x)
    assert 0 <= there < np.inf
    assert there == pytest.approx(back, rel=1e-9, abs=1e-6)


def test_float32_features_are_computed_in_float64():
    x = (RNG.normal(size=(50, 5)) + 1000).astype("float32")
    y = (RNG.normal(size=(50, 5)) + 1000).astype("float32")
    for score in (scores.frechet, scores.kernel_distance, scores.coverage, scores.density):
        assert score(x, y) == score(x.astype("float64"), y.astype("float64"))


def test_pictures_count_as_their_raw_pixels():
    x, y = RNG.random((2, 20, 4, 4, 1))
    assert scores.frechet(x, y) == scores.frechet(x.reshape(20, 16), y.reshape(20, 16))


# Kernel distance


def mmd_by_loops(x, y):
    def k(a, b):
        return (a @ b / len(a) + 1) ** 3

    within, without = (
        np.mean([k(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j])
        for z in (x, y)
    )
    return within + without - 2 * np.mean([k(a, b) for a in x for b in y])


def test_kernel_distance_equals_the_definition_and_its_jackknife():
    x, y = SIDE[0][:9], SIDE[1][:7]
    found = scores.kernel_distance(x, y)
    assert found.value == pytest.approx(mmd_by_loops(x, y), rel=1e-9)
    left = np.array([mmd_by_loops(np.delete(x, i, 0), y) for i in range(9)])
    right = np.array([mmd_by_loops(x, np.delete(y, i, 0)) for i in range(7)])
    error = math.sqrt(8 * left.var() + 6 * right.var())
    assert found.error == pytest.approx(error, rel=1e-6)


def test_kernel_distance_does_not_depend_on_how_many_rows_are_held_at_a_time(monkeypatch):
    whole = scores.kernel_distance(*SIDE)
    monkeypatch.setattr("dlutils.scores.distances.CHUNK", 7)
    assert scores.kernel_distance(*SIDE) == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize(("shift", "most"), [(0.0, 1.9), (0.7, 1.3)])
def test_kernel_distance_is_unbiased_and_its_error_is_what_it_scatters(shift, most):
    rng = np.random.default_rng(3)
    draws = [
        scores.kernel_distance(rng.normal(size=(40, 3)), rng.normal(size=(60, 3)) + shift)
        for _ in range(400)
    ]
    values, errors = np.array(draws).T
    x = rng.normal(size=(2, 4000, 3))
    expected = 0 if shift == 0 else scores.kernel_distance(x[0], x[1] + shift).value
    assert abs(values.mean() - expected) < 5 * values.std() / 20 + 0.05 * expected
    assert 0.9 < np.sqrt((errors**2).mean()) / values.std() < most


# Coverage


def prdc(real, generated, k):
    """Coverage and density from scikit-learn's neighbours and plain comparisons."""
    neighbours = sklearn.neighbors.NearestNeighbors(n_neighbors=k).fit(real)
    radius = neighbours.kneighbors()[0][:, -1]  # without the sample itself
    far = np.linalg.norm(real[:, None] - generated[None], axis=-1)
    inside = far <= radius[:, None]
    return inside.any(1).mean(), inside.sum() / (k * len(generated))


@pytest.mark.parametrize("k", [1, 5, 59])
def test_coverage_and_density_equal_scikit_learns_neighbours(k):
    expected = prdc(*SIDE, k)
    assert (scores.coverage(*SIDE, k), scores.density(*SIDE, k)) == pytest.approx(expected)
    assert 0 < expected[0] <= 1


def test_coverage_does_not_depend_on_how_many_rows_are_held_at_a_time(monkeypatch):
    whole = scores.coverage(*SIDE), scores.density(*SIDE)
    monkeypatch.setattr("dlutils.scores.coverages.CHUNK", 7)
    assert (scores.coverage(*SIDE), scores.density(*SIDE)) == whole


def test_coverage_between_equal_distributions_is_one_minus_two_to_the_minus_k():
    rng = np.random.default_rng(5)
    for k in (1, 3, 5):
        found = scores.coverage(*rng.normal(size=(2, 2000, 8)), k=k)
        assert found == pytest.approx(1 - 2.0**-k, abs=0.03)


def test_coverage_of_identical_samples_is_whole_and_of_one_far_sample_none():
    assert scores.coverage(SIDE[0], SIDE[0]) == 1
    assert scores.coverage(np.zeros((9, 2)), np.zeros((1, 2))) == 1
    assert scores.coverage(SIDE[0], SIDE[0][:1] + 100) == 0
    assert scores.density(SIDE[0], SIDE[0][:1] + 100) == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.floats(0.001, 1 / 6))
def test_class_coverage_counts_the_classes_with_enough_samples(labels, least):
    enough = [c for c, n in Counter(labels).items() if n >= least * len(labels) - 1e-6]
    assert scores.class_coverage(labels, 6, least) == pytest.approx(len(enough) / 6)


def test_class_coverage_asks_for_a_tenth_of_the_fair_share_unless_told():
    labels = [0] * 97 + [1] * 2 + [2]
    assert scores.class_coverage(labels, 5) == pytest.approx(2 / 5)  # 2 of 100 are just enough
    assert scores.class_coverage(labels, 5, least=0.01) == pytest.approx(3 / 5)
    assert scores.class_coverage([0, 1], 2, least=0.5) == 1


# Floor


def test_floor_gives_mean_and_spread_of_disjoint_parts_of_equal_size():
    seen = []

    def score(a, b):
        seen.append((a.ravel(), b.ravel()))
        return len(seen)

    found = scores.floor(score, np.arange(11.0)[:, None], splits=4, size=3)
    assert found == (2.5, pytest.approx(np.std([1, 2, 3, 4], ddof=1)))
    assert all(len(set(a) | set(b)) == 6 for a, b in seen)
    assert len({tuple(a) for a, _ in seen}) == 4


def test_floor_is_the_same_for_a_seed_and_falls_as_samples_are_added():
    x = np.random.default_rng(2).normal(size=(800, 6))
    assert scores.floor(scores.frechet, x, seed=3) == scores.floor(scores.frechet, x, seed=3)
    assert scores.floor(scores.frechet, x, seed=3) != scores.floor(scores.frechet, x, seed=4)
    few, many = (scores.floor(scores.frechet, x, size=n).mean for n in (50, 400))
    assert 0 < many < few / 2


def test_floor_takes_the_value_of_a_kernel_distance():
    x = np.random.default_rng(2).normal(size=(300, 4))
    found = scores.floor(scores.kernel_distance, x, splits=8)
    assert abs(found.mean) < 3 * found.spread


# Likelihood


def test_bits_per_character_is_the_cross_entropy_in_bits():
    p = RNG.dirichlet(np.ones(7), size=(3, 20))
    targets = RNG.integers(0, 7, (3, 20))
    nats = sklearn.metrics.log_loss(targets.ravel(), p.reshape(60, 7), labels=range(7))
    assert scores.bits_per_character(p, targets) == pytest.approx(scores.bits(nats))
    assert scores.perplexity(nats) == pytest.approx(2 ** scores.bits(nats))
    assert scores.bits_per_character(p.astype("float32"), targets) == pytest.approx(
        scores.bits(nats), rel=1e-5
    )


def test_bits_keep_the_shape_and_an_impossible_symbol_costs_infinitely_many():
    assert scores.bits(np.log([[2, 8]])) == pytest.approx(np.array([[1, 3]]))
    assert isinstance(scores.bits(0.5), float)
    assert scores.bits_per_character([[1.0, 0.0], [0.5, 0.5]], [1, 0]) == np.inf


# Pictures


def test_psnr_is_its_closed_form_for_each_picture_and_any_peak():
    clean = RNG.random((3, 5, 6, 3))
    noise = np.array([0.1, 0.01, 0.3])[:, None, None, None]
    restored = clean + RNG.normal(size=clean.shape) * noise
    expected = [
        10 * math.log10(1 / np.mean((a - b) ** 2)) for a, b in zip(clean, restored, strict=True)
    ]
    found = scores.psnr(clean, restored)
    assert found.each == pytest.approx(expected)
    assert found.mean == pytest.approx(np.mean(expected))
    assert scores.psnr(255 * clean, 255 * restored, peak=255).each == pytest.approx(expected)


def test_psnr_of_a_picture_restored_exactly_is_infinite():
    clean = RNG.random((2, 4, 4))
    found = scores.psnr(clean, clean + np.array([0.0, 0.1])[:, None, None])
    assert found.each == pytest.approx([np.inf, 20])
    assert found.mean == np.inf


def test_psnr_of_bytes_does_not_wrap_around():
    clean, restored = np.full((1, 4, 4), 10, np.uint8), np.full((1, 4, 4), 20, np.uint8)
    assert scores.psnr(clean, restored, peak=255).mean == pytest.approx(20 * math.log10(25.5))


# Calibration


def ece_by_loops(p, labels, bins):
    """Guo et al. 2017, equation 3, bin by bin with right edges closed."""
    confidence, right = p.max(1), p.argmax(1) == labels
    total = 0.0
    for i in range(bins):
        inside = (confidence > i / bins) & (confidence <= (i + 1) / bins)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_calibration_error_equals_the_definition(bins):
    p = RNG.dirichlet(np.full(4, 0.4), size=500)
    labels = RNG.integers(0, 4, 500)
    assert scores.calibration_error(p, labels, bins) == pytest.approx(ece_by_loops(p, labels, bins))


def test_a_classifier_as_often_right_as_it_says_has_next_to_no_error():
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(3), size=100_000)
    labels = (rng.random((100_000, 1)) > p.cumsum(1)).sum(1)
    sharp = p**3 / (p**3).sum(1, keepdims=True)
    assert scores.calibration_error(p, labels) < 0.01
    assert scores.calibration_error(sharp, labels) > 0.1


def test_reliability_puts_confidence_on_an_edge_into_the_bin_below_it():
    p = [[0.5, 0.5], [0.75, 0.25], [0.0, 1.0], [0.8, 0.2]]
    found = scores.reliability(p, [0, 0, 1, 1], bins=4)
    assert found.count.tolist() == [0, 1, 1, 2]
    assert found.confidence[1:] == pytest.approx([0.5, 0.75, 0.9])
    assert found.accuracy[1:] == pytest.approx([1, 1, 0.5])
    assert np.isnan(found.confidence[0])
    assert np.isnan(found.accuracy[0])


# Detection


def test_roc_auc_counts_pairs_and_half_of_the_ties():
    values = RNG.integers(0, 6, 80) / 3
    positive = RNG.random(80) < 0.3
    pairs = np.sign(values[positive][:, None] - values[~positive])
    expected = (pairs + 1).mean() / 2
    assert scores.roc_auc(values, positive) == pytest.approx(expected)
    assert scores.roc_auc(values, positive.astype(int)) == pytest.approx(expected)
    assert scores.roc_auc(-values, positive) == pytest.approx(1 - expected)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.floats(0, 1, exclude_max=True))
def test_threshold_is_the_lowest_score_that_keeps_the_rate(normal, rate):
    found = scores.threshold_at(normal, rate)
    alarms = {t: sum(x > t for x in normal) / len(normal) for t in normal}
    assert found == min(t for t in normal if alarms[t] <= rate + 1e-9)


def test_threshold_keeps_every_alarm_that_a_rounded_product_allows():
    assert scores.threshold_at(range(100), 0.29) == 70  # 0.29 * 100 is 28.999…


# What is refused

GOOD = np.arange(12.0).reshape(6, 2)
P = np.full((3, 2), 0.5)
BAD = [
    (lambda: scores.frechet(None, GOOD), r"real is a NoneType, but features of shape \(n, d\)"),
    (lambda: scores.frechet(GOOD, "abc"), "generated is a str"),
    (lambda: scores.frechet([[1], [1, 2]], GOOD), "real is a list that is no array"),
    (lambda: scores.frechet(GOOD + 1j, GOOD), "real holds complex128 values"),
    (lambda: scores.frechet(GOOD[:, 0], GOOD), r"real has shape \(6,\)"),
    (lambda: scores.frechet(GOOD, GOOD[:1]), "generated holds 1 samples, but at least 2"),
    (lambda: scores.frechet(GOOD, GOOD[:0]), r"generated is empty \(shape \(0, 2\)\)"),
    (lambda: scores.frechet(GOOD, GOOD[:, :1]), "real has 2 features and generated 1"),
    (lambda: scores.frechet(GOOD * np.nan, GOOD), "12 of 12 values .* NaN"),
    (lambda: scores.kernel_distance(GOOD, GOOD[:2]), "generated holds 2 samples, .* least 3"),
    (lambda: scores.coverage(GOOD, GOOD, k=6), "is 6, but a whole number from 1 to 5"),
    (lambda: scores.coverage(GOOD, GOOD, k=2.0), r"is 2\.0, but a whole number"),
    (lambda: scores.density(GOOD, GOOD, k=True), "is True, but a whole number"),
    (lambda: scores.class_coverage([0, 3], 3), "labels holds 3, .* from 0 to 2"),
    (lambda: scores.class_coverage([0.5], 3), r"labels holds 0\.5"),
    (lambda: scores.class_coverage(np.eye(3), 3), r"\(3, 3\), but \(n,\) .* argmax"),
    (lambda: scores.class_coverage([], 3), "labels is empty"),
    (lambda: scores.class_coverage([0], 0), "classes is 0"),
    (lambda: scores.class_coverage([0], 4, least=0.3), r"least is 0\.3, but .* at most 1/4"),
    (lambda: scores.class_coverage([0], 4, least=0), "least is 0, but"),
    (lambda: scores.floor(scores.frechet, GOOD, size=4), r"is 4, but .* from 1 to 3"),
    (lambda: scores.floor(scores.frechet, GOOD, splits=1), "splits is 1, .* at least 2"),
    (lambda: scores.floor(scores.frechet, GOOD, seed=-1), "seed is -1"),
    (lambda: scores.floor(scores.frechet, GOOD[:3]), "holds 1 samples, but at least 2"),
    (lambda: scores.floor(lambda a, b: "far", GOOD), "score returned 'far'"),
    (lambda: scores.floor(lambda a, b: np.nan, GOOD), "score returned nan"),
    (lambda: scores.bits(np.nan), "nats holds 1 of 1"),
    (lambda: scores.bits_per_character(P * 3, [0, 1, 0]), "miss the sum 1 by 2, .* softmax"),
    (lambda: scores.bits_per_character([[-1.0, 2.0]], [0]), "holds -1, .* softmax"),
    (lambda: scores.bits_per_character(P, [0, 1]), r"targets has shape \(2,\), but \(3,\)"),
    (lambda: scores.bits_per_character(P, P), r"\(3, 2\), but \(3,\) is expected; .* argmax"),
    (lambda: scores.bits_per_character(P, [0, 1, 2]), "targets holds 2"),
    (lambda: scores.bits_per_character(P[:, :1], [0, 0, 0]), r"shape \(3, 1\)"),
    (lambda: scores.perplexity([-2.0, -1.0]), "nats holds -2, .* not log p"),
    (lambda: scores.psnr(GOOD[None], GOOD), r"\(1, 6, 2\) and restored \(6, 2\)"),
    (lambda: scores.psnr(P, P), r"clean\[None\]"),
    (lambda: scores.psnr(np.zeros((4, 5, 3)), np.zeros((4, 5, 3))), r"clean\[None\]"),
    (lambda: scores.psnr(GOOD[None], GOOD[None]), r"from 0 to 11, .* peak"),
    (lambda: scores.psnr(GOOD[None], GOOD[None], peak=0), "peak is 0"),
    (lambda: scores.calibration_error(P, [0, 1, 2]), "labels holds 2"),
    (lambda: scores.calibration_error(P, [0, 1, 1], bins=0), "bins is 0"),
    (lambda: scores.calibration_error(P[None], [0]), r"\(1, 3, 2\), but \(n, classes\)"),
    (lambda: scores.reliability(P[:, 0], [0, 1, 1]), r"shape \(3,\)"),
    (lambda: scores.roc_auc([1, 2, 3], [1, 1, 1]), "positive is True for all 3 scores"),
    (lambda: scores.roc_auc([1, 2, 3], [0, 1]), "scores has 3 values and positive 2"),
    (lambda: scores.roc_auc([1, 2], [1, 2]), "positive holds 2"),
    (lambda: scores.roc_auc(GOOD, GOOD), r"scores has shape \(6, 2\)"),
    (lambda: scores.threshold_at([1, 2], 1.0), r"rate is 1\.0, but a false-alarm rate"),
    (lambda: scores.threshold_at([1, 2], -0.1), r"rate is -0\.1"),
    (lambda: scores.threshold_at([1, 2], "5%"), "rate is '5%'"),
    (lambda: scores.threshold_at([], 0.1), "normal is empty"),
]


@pytest.mark.parametrize(("call", "says"), BAD)
def test_bad_input_is_refused_in_one_clear_line(call, says):
    with pytest.raises(ValueError, match=says) as caught:
        call()
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 300, message
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_floor_refuses_a_score_that_is_no_function():
    with pytest.raises(TypeError, match=r"score is 0\.5, but a function"):
        scores.floor(0.5, GOOD)


PAIRS = (scores.frechet, scores.kernel_distance, scores.coverage, scores.density)
ANYTHING = st.one_of(
    st.none(),
    st.text(max_size=4),
    st.lists(st.one_of(st.none(), st.integers(), st.lists(st.floats(), max_size=3)), max_size=4),
    arrays(
        st.sampled_from(["float32", "float64", "int8", "bool", "complex64", "U2"]),
        array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=7),
    ),
)


def outcome(score, *given):
    """The score as an array, or what its refusal says."""
    try:
        return np.asarray(score(*given))
    except ValueError as error:
        return str(error)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PAIRS), ANYTHING, ANYTHING)
def test_whatever_is_given_a_score_is_finite_or_the_refusal_names_what_is_wrong(score, a, b):
    found = outcome(score, a, b)
    if isinstance(found, str):
        assert found.startswith(("real ", "generated ", "k "))
        assert "\n" not in found
    else:
        assert found.dtype == np.float64
        assert np.isfinite(found).all()


LABELLED = (scores.calibration_error, scores.bits_per_character, scores.roc_auc)
OTHERS = (
    scores.threshold_at,
    lambda a, b: scores.psnr(a, b).each,
    lambda a, b: scores.class_coverage(a, 3, b),
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(LABELLED + OTHERS), ANYTHING, ANYTHING)
def test_no_score_is_nan_whatever_is_given(score, a, b):
    found = outcome(score, a, b)
    if isinstance(found, str):
        named = r"(probabilities|labels|targets|scores|positive|clean|restored|normal|rate|least) "
        assert re.match(named, found)
        assert "\n" not in found
    else:
        assert not np.isnan(found.astype("float64")).any()
