"""Features of a classifier's layer, on whatever backend KERAS_BACKEND names."""

import keras
import numpy as np
import pytest

from dlutils import scores

RNG = np.random.default_rng(4)
X = RNG.random((7, 6, 6, 1)).astype("float32")
ONES = np.ones((2, 3))


@pytest.fixture(scope="module")
def model():
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(3, 3, activation="relu", name="maps"),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(5, activation="tanh", name="hidden"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2, name="scores"),
        ]
    )


def test_the_layer_before_the_scores_is_taken_without_dropout(model):
    found = scores.features(model, X)
    kernel, bias = model.get_layer("scores").get_weights()
    assert found.shape == (7, 5)
    assert found.dtype == np.float64
    assert found @ kernel + bias == pytest.approx(model.predict(X, verbose=0), abs=1e-5)


def test_a_layer_goes_by_name_or_index_and_batches_make_no_difference(model):
    whole = scores.features(model, X, "hidden")
    assert scores.features(model, X, 3, batch=2) == pytest.approx(whole, abs=1e-6)
    assert scores.features(model, X, -3, batch=7) == pytest.approx(whole, abs=1e-6)


def test_feature_maps_are_averaged_over_the_picture(model):
    found = scores.features(model, X, "maps")
    kernel, bias = model.get_layer("maps").get_weights()
    windows = np.lib.stride_tricks.sliding_window_view(X[..., 0], (3, 3), axis=(1, 2))
    maps = np.maximum(np.einsum("nhwij,ijc->nhwc", windows, kernel[:, :, 0]) + bias, 0)
    assert found == pytest.approx(maps.mean((1, 2)), abs=1e-5)


def test_sequences_are_flattened():
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Embedding(9, 3), keras.layers.GlobalMaxPooling1D()]
    )
    table = model.layers[0].get_weights()[0]
    tokens = RNG.integers(0, 9, (5, 4))
    found = scores.features(model, tokens)
    assert found == pytest.approx(table[tokens].reshape(5, 12), abs=1e-6)


def test_features_leave_the_model_as_it_was(model):
    before = [w.copy() for w in model.get_weights()]
    scores.features(model, X)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_network_that_two_models_share_is_read_in_each():
    base = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)])
    for _ in range(2):
        model = keras.Sequential([keras.Input((3,)), base, keras.layers.Dense(1)])
        assert scores.features(model, ONES) == pytest.approx(
            keras.ops.convert_to_numpy(base(ONES)), abs=1e-6
        )


def two_outputs():
    start = keras.Input((3, 2))
    _, state = keras.layers.GRU(2, return_state=True, name="gru")(start)
    return keras.Model(start, keras.layers.Dense(1)(state))


def two_inputs():
    a, b = keras.Input((3,)), keras.Input((3,))
    return keras.Model([a, b], keras.layers.Add()([a, b]))


class Bare(keras.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("make", "x", "options", "says"),
    [
        (None, X, {"layer": "hiden"}, "'hiden', .* none of that name. Did you mean 'hidden'"),
        (None, X, {"layer": 6}, "is 6, but a whole number from -6 to 5"),
        (None, X, {"layer": -7}, "is -7, but"),
        (None, X, {"layer": None}, "is None, but"),
        (None, X, {"batch": 0}, "batch is 0"),
        (None, X[..., 0], {}, r"x has shape \(7, 6, 6\), but the model takes \(n, 6, 6, 1\)"),
        (None, X[:, :5], {}, r"x has shape \(7, 5, 6, 1\)"),
        (None, X[:0], {}, "x is empty"),
        (None, X * np.nan, {}, "x holds 252 of 252 values that are NaN"),
        (None, "china.jpg", {}, "x is a str"),
        (two_outputs, np.ones((2, 3, 2)), {"layer": "gru"}, "'gru' has no single output"),
        (two_inputs, ONES, {}, "model has 2 inputs"),
        (Bare, ONES, {}, "model is a Bare without a graph of layers"),
        (keras.Sequential, ONES, {}, "model is a Sequential without a graph"),
        (lambda: "resnet", ONES, {}, "model is a str without a graph"),
    ],
)
def test_bad_input_is_refused_in_one_clear_line(model, make, x, options, says):
    with pytest.raises(ValueError, match=says) as caught:
        scores.features(make() if make else model, x, **options)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_network_that_diverged_is_refused():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    model.set_weights([w * np.nan for w in model.get_weights()])
    with pytest.raises(ValueError, match=r"the output of layer -2 holds 4 of 4 values"):
        scores.features(model, ONES)
