"""Batches for `fit`: which examples, in which order, on either backend."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlutils import datasets

ROOT = Path(__file__).parents[2]
N, RATE = 75, 0.05


def data():
    x = np.random.default_rng(0).random((N, 3), dtype="float32")
    return x, np.sin(9 * x).sum(axis=1, keepdims=True)


def noisy(x, rng):
    """An augmentation that writes into what it gets."""
    x += rng.normal(0, 0.1, x.shape).astype("float32")
    return x


def order(seed, epoch, n=N):
    """The documented order, written anew."""
    raw = [int(number) for number in np.random.PCG64([seed, epoch]).random_raw(n)]
    return sorted(range(n), key=raw.__getitem__)


def linear_model():
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(RATE), "mse")
    return model


def fit(model, found, epochs=1, **options):
    model.fit(found, epochs=epochs, verbose=0, **options)
    return np.concatenate([np.ravel(w) for w in model.get_weights()])


def by_hand(rounds, batch=16):
    """Kernel and bias of the linear model after gradient descent, in NumPy: (seed, epoch) each."""
    x, y = data()
    w = np.array([1, 1, 1, 0.0])
    for seed, epoch in rounds:
        rows = order(seed, epoch)
        for begin in range(0, N, batch):
            xb = np.c_[x[rows[begin : begin + batch]], np.ones(len(rows[begin : begin + batch]))]
            error = xb @ w - y[rows[begin : begin + batch], 0]
            w = w - RATE * 2 * xb.T @ error / len(xb)
    return w


def summary():
    """What must be equal on all backends: a digest of two epochs, and trained weights."""
    digest = hashlib.sha256()
    found = datasets.batches(*data(), batch=16, seed=3, augment=noisy)
    for _ in range(2):
        for xb, yb in found:
            digest.update(xb.tobytes() + yb.tobytes())
    weights = []
    for batch in (16, N):  # one whole epoch in a batch is the hard case: Keras looks at it first
        found = datasets.batches(*data(), batch=batch, seed=3, augment=noisy)
        model = linear_model()
        fit(model, found, epochs=2)
        fit(model, found, steps_per_epoch=2 if batch < N else 1)
        model.evaluate(found, verbose=0)
        weights += [*fit(model, found), found.epoch]
    return digest.hexdigest(), weights


def test_an_epoch_holds_every_example_once_in_the_documented_order():
    x = np.arange(N)
    found = datasets.batches(x, batch=10, seed=4)
    epochs = [np.concatenate(list(found)).tolist() for _ in range(3)]
    assert epochs == [order(4, epoch) for epoch in range(3)]
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert len(found) == 8


def test_fit_takes_the_batches_in_that_order_epoch_after_epoch():
    found = datasets.batches(*data(), batch=16, seed=5)
    expected = by_hand([(5, 0), (5, 1)])
    np.testing.assert_allclose(fit(linear_model(), found, epochs=2), expected, atol=1e-5)
    assert abs(by_hand([(5, 1), (5, 0)]) - expected).max() > 1e-4  # the order matters this much


def test_a_second_fit_goes_on_and_epoch_0_starts_over():
    model, found = linear_model(), datasets.batches(*data(), batch=16, seed=5)
    fit(model, found)
    assert found.epoch == 1
    again = fit(model, found)
    np.testing.assert_allclose(again, by_hand([(5, 0), (5, 1)]), atol=1e-5)
    found.epoch = 0
    np.testing.assert_allclose(fit(model, found), by_hand([(5, 0), (5, 1), (5, 0)]), atol=1e-5)


def test_a_fit_that_breaks_off_counts_as_one_epoch():
    import keras

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    found = datasets.batches(*data(), batch=16, seed=5)
    fit(linear_model(), found, epochs=3, callbacks=[Stop()])
    assert found.epoch == 1
    np.testing.assert_allclose(fit(linear_model(), found), by_hand([(5, 1)]), atol=1e-5)


def test_validation_on_other_batches_does_not_disturb_training():
    found, other = (datasets.batches(*data(), batch=16, seed=seed) for seed in (5, 6))
    weights = fit(linear_model(), found, epochs=2, validation_data=other)
    np.testing.assert_allclose(weights, by_hand([(5, 0), (5, 1)]), atol=1e-5)


def test_the_other_backend_gets_the_same_batches_and_learns_the_same():
    import keras

    here = keras.config.backend()
    other = "tensorflow" if here == "jax" else "jax"
    pytest.importorskip(other)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DLUTILS_")}
    done = subprocess.run(
        [sys.executable, __file__],
        env={**kept, "KERAS_BACKEND": other, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    backend, foreign, digest, *weights = done.stdout.split()
    assert backend == other
    assert other == "tensorflow" or foreign == "False"  # no TensorFlow where none is needed
    mine = summary()
    assert digest == mine[0]
    np.testing.assert_allclose([float(w) for w in weights], mine[1], atol=1e-5)


def test_augmentation_depends_on_seed_epoch_and_batch_alone_and_spares_the_data():
    x, y = data()
    kept = x.copy()
    drawn = []

    def draw(x, rng):
        drawn.append(rng.random())
        return noisy(x, rng)

    for seed in (1, 1, 2):
        found = datasets.batches(x, y, batch=25, seed=seed, augment=draw)
        drawn.clear()
        list(found), list(found)
        if seed == 1:
            first = list(drawn)
    assert len({*drawn, *first}) == 12
    found = datasets.batches(x, y, batch=25, seed=1, augment=draw)
    drawn.clear()
    found.epoch = 1
    list(found)
    assert drawn == first[3:]
    np.testing.assert_array_equal(x, kept)


def test_pictures_stay_bytes_and_are_kept_once():
    x = np.zeros((6, 2, 2, 1), "uint8")
    seen = []

    def scale(x, rng):
        seen.append(x.dtype.name)
        return x.astype("float32") / 255

    found = datasets.batches(x, batch=4, augment=scale)
    assert np.shares_memory(found.x, x)
    assert [xb.dtype.name for xb in found] == ["float32", "float32"]
    assert set(seen) == {"uint8"}
    assert next(iter(datasets.batches(x))).dtype == "uint8"


def test_dicts_and_tuples_keep_their_structure():
    x, y = {"a": np.arange(6), "b": (np.arange(6) * 2, np.arange(6) * 3)}, {"c": np.arange(6) * 5}
    for xb, yb in datasets.batches(x, y, batch=4):
        assert set(xb) == {"a", "b"}
        np.testing.assert_array_equal(xb["b"][0], xb["a"] * 2)
        np.testing.assert_array_equal(xb["b"][1], xb["a"] * 3)
        np.testing.assert_array_equal(yb["c"], xb["a"] * 5)


def test_fit_takes_dicts_and_inputs_without_targets():
    import keras

    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    model = keras.Model({"a": a, "b": b}, keras.layers.Dense(1)(keras.layers.Add()([a, b])))
    model.compile("sgd", loss=lambda y, p: p**2)
    x = {"a": np.ones((6, 2), "float32"), "b": np.ones((6, 2), "float32")}
    before = model.get_weights()[0]
    model.fit(datasets.batches(x, np.zeros((6, 1)), batch=4), verbose=0)
    assert (model.get_weights()[0] != before).any()

    class Small(keras.layers.Layer):
        def call(self, x):
            self.add_loss(keras.ops.mean(x**2))
            return x

    alone = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), Small()])
    alone.compile("sgd")
    history = alone.fit(datasets.batches(x["a"], batch=4), epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_shuffle_and_drop_last():
    x = np.arange(10)
    plain = datasets.batches(x, batch=4, shuffle=False)
    assert [xb.tolist() for xb in plain] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    short = datasets.batches(x, batch=4, drop_last=True)
    assert len(short) == 2
    assert [len(xb) for xb in short] == [4, 4]


@given(st.integers(1, 40), st.integers(1, 50), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_any_size_gives_each_example_once_but_for_a_dropped_rest(n, batch, drop_last, seed):
    if drop_last and batch > n:
        with pytest.raises(ValueError, match="drop_last no batch would be left"):
            datasets.batches(np.arange(n), batch=batch, seed=seed, drop_last=True)
        return
    found = datasets.batches(np.arange(n), batch=batch, seed=seed, drop_last=drop_last)
    rows = list(found)
    kept = n - n % batch if drop_last else n
    assert len(rows) == len(found)
    assert len(set(np.concatenate(rows).tolist())) == kept
    assert {len(row) for row in rows[:-1]} <= {batch}


@pytest.mark.parametrize("augment", [None, noisy])
@pytest.mark.parametrize("options", [{}, {"drop_last": True}, {"shuffle": False}, {"batch": N}])
def test_as_a_tf_dataset_the_batches_are_the_same_epoch_after_epoch(augment, options):
    tf = pytest.importorskip("tensorflow")
    given = {"batch": 16, "seed": 3, "augment": augment} | options
    found = datasets.batches(*data(), **given)
    same = datasets.batches(*data(), **given).dataset()
    assert isinstance(same, tf.data.Dataset)
    assert int(same.cardinality()) == len(found)
    for _ in range(3):
        for ours, theirs in zip(found, same.as_numpy_iterator(), strict=True):
            for a, b in zip(ours, theirs, strict=True):
                assert a.dtype == b.dtype
                np.testing.assert_array_equal(a, b)


def test_as_a_tf_dataset_they_keep_their_structure_and_type():
    pytest.importorskip("tensorflow")
    x = {"a": np.arange(6, dtype="uint8").reshape(3, 2), "b": np.arange(3.0)}
    for y in (None, np.arange(3, dtype="int32")):
        found = datasets.batches(x, y, batch=3, shuffle=False)
        (only,) = found.dataset().as_numpy_iterator()
        got = only if y is None else only[0]
        assert {k: (v.dtype, v.tolist()) for k, v in got.items()} == {
            k: (v.dtype, v.tolist()) for k, v in x.items()
        }
        assert y is None or only[1].tolist() == [0, 1, 2]


def test_fit_learns_the_same_from_the_tf_dataset():
    keras = pytest.importorskip("keras")
    if keras.config.backend() != "tensorflow":
        pytest.skip("on other backends the batches themselves are given to fit")
    dataset = datasets.batches(*data(), batch=16, seed=3).dataset()
    found = fit(linear_model(), dataset, epochs=2, shuffle=False)
    np.testing.assert_allclose(found, by_hand([(3, 0), (3, 1)]), atol=1e-5)


def test_without_tensorflow_there_is_no_tf_dataset(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ModuleNotFoundError, match=r"dataset needs TensorFlow, .* give the batches"):
        datasets.batches(*data()).dataset()


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 5), min_size=1),
    st.integers(0, 5) | st.none(),
)
@settings(max_examples=25, deadline=None)
def test_lengths_that_differ_or_are_0_are_refused(sizes, labels):
    x = {name: np.zeros((size, 2)) for name, size in sizes.items()}
    y = None if labels is None else np.zeros(labels)
    counts = {*sizes.values(), *([] if labels is None else [labels])}
    if len(counts) == 1 and 0 not in counts:
        assert len(datasets.batches(x, y, batch=1)) == counts.pop()
        return
    fault = "numbers of examples differ" if len(counts) > 1 else "holds no examples"
    with pytest.raises(ValueError, match=fault):
        datasets.batches(x, y)


NO_WHOLE = st.booleans() | st.floats() | st.text(max_size=3) | st.none() | st.integers(max_value=-1)


@given(st.sampled_from(["batch", "seed"]), NO_WHOLE)
@settings(max_examples=25, deadline=None)
def test_options_that_are_no_whole_numbers_are_refused_with_their_value(option, value):
    with pytest.raises(ValueError, match=f"batches: {option} is ") as refusal:
        datasets.batches(np.zeros(3), **{option: value})
    assert repr(value) in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"batch": 0}, ValueError, "batch is 0"),
        ({"seed": 2**32}, ValueError, "seed is 4294967296"),
        ({"shuffle": "yes"}, TypeError, "shuffle is 'yes'"),
        ({"drop_last": 1}, TypeError, "drop_last is 1"),
        ({"augment": 3}, TypeError, "augment is 3"),
        ({"augment": lambda x, rng: x[:1]}, ValueError, r"augment returned shape \(1,\)"),
        ({"augment": lambda x, rng: None}, ValueError, "augment returned NoneType"),
        ({"x": [1, 2, 3]}, TypeError, "x is a list"),
        ({"x": 3}, TypeError, "x is a int"),
        ({"x": {}}, TypeError, "holds no array"),
        ({"x": None}, TypeError, "holds no array"),
        ({"y": [1, 2, 3]}, TypeError, "y is a list"),
        ({"y": np.float32(1)}, TypeError, "y is a float32"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(options, error, said):
    with pytest.raises(error, match=f"batches: .*{said}"):
        datasets.batches(**{"x": np.zeros(3), **options})


def main():
    import keras

    digest, weights = summary()
    print(keras.config.backend(), "tensorflow" in sys.modules, digest, *weights)


if __name__ == "__main__":
    main()
