"""Members of an ensemble against ordinary Keras models trained alone on the same batches.

On the backend that KERAS_BACKEND names; the file passes on TensorFlow and on JAX.
"""

import doctest
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from dlutils import ensemble
from dlutils.ensemble import data, network, optimizers, orders, recorder, start
from dlutils.ensemble import settings as setting

pytestmark = pytest.mark.usefixtures("keras")

MODULES = [data, ensemble.members, network, optimizers, orders, recorder, start, setting]
N, INPUTS, CLASSES, BATCH, EPOCHS = 64, 6, 3, 16, 2
rng = np.random.default_rng(0)
X = rng.normal(size=(N, INPUTS)).astype("float32")
Y = (X[:, :CLASSES] + 0.3 * rng.normal(size=(N, CLASSES))).argmax(-1)
X_VAL = rng.normal(size=(40, INPUTS)).astype("float32")
Y_VAL = X_VAL[:, :CLASSES].argmax(-1)


def mlps(members, hidden=(8, 7), **options):
    options = {"inputs": INPUTS, "classes": CLASSES, "hidden": hidden, **options}
    return ensemble.MLPs(members, **options)


def alone(keras, setting, weights, optimizer, hidden=(8, 7), **options):
    """An ordinary Keras model of this setting, trained in a `fit` of its own; and its history."""
    l1_l2 = keras.regularizers.L1L2(setting.get("l1", 0.0), setting.get("l2", 0.0))
    dense = {"kernel_regularizer": l1_l2}
    norm = {
        None: list,
        "batch": lambda: [keras.layers.BatchNormalization()],
        "layer": lambda: [keras.layers.LayerNormalization()],
    }[setting.get("norm")]
    layers = [keras.Input((INPUTS,))]
    for units in hidden:
        layers += [keras.layers.Dense(units, **dense), *norm()]
        layers += [keras.layers.Activation(setting.get("activation", "relu"))]
    model = keras.Sequential([*layers, keras.layers.Dense(CLASSES, **dense)])
    model.set_weights(weights)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy", *_plain(keras)], jit_compile=False)
    return model, fit_in_order(keras, model, setting.get("seed", 0), **options)


def _plain(keras):
    """The loss without penalties, which Keras's own "loss" includes."""
    return [keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name="plain")]


def fit_in_order(keras, model, seed, x=X, y=Y, epochs=EPOCHS, **options):
    class Data(keras.utils.PyDataset):
        epoch = 0

        def __len__(self):
            return -(-len(x) // BATCH)

        def __getitem__(self, i):
            picks = ensemble.order(seed, self.epoch, len(x))[i * BATCH : (i + 1) * BATCH]
            return x[picks], y[picks]

    data = Data()
    turn = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(data, "epoch", epoch)
    )
    chosen = [turn, *options.pop("callbacks", ())]
    return model.fit(data, epochs=epochs, shuffle=False, verbose=0, callbacks=chosen, **options)


def assert_same_weights(members, i, model):
    for ours, theirs in zip(members.weights(i), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)


MIXED = [
    {"seed": 1, "rate": 0.01},
    {"seed": 2, "rate": 0.05, "l2": 0.02, "activation": "tanh"},
    {"seed": 3, "rate": 0.002, "l1": 0.01, "init": "he", "norm": "layer"},
    {"seed": 4, "rate": 0.03, "norm": "batch", "activation": "gelu", "init": 0.4},
    {"seed": 5, "rate": 0.02, "norm": "batch", "activation": "sigmoid", "l1": 0.003, "l2": 0.004},
]


def test_every_member_trains_as_an_ordinary_model_does_alone(keras):
    members = mlps(MIXED)
    x, y = X[:60], Y[:60]  # so the last batch is a short one
    starts = [members.weights(i) for i in range(len(MIXED))]
    history = members.fit(x, y, EPOCHS, BATCH, validation_data=(X_VAL, Y_VAL))
    names = {"loss": "plain", "accuracy": "accuracy"}
    names |= {f"val_{ours}": f"val_{theirs}" for ours, theirs in names.items()}
    for i in range(3):
        adam = keras.optimizers.Adam(MIXED[i]["rate"])
        options = {"x": x, "y": y, "validation_data": (X_VAL, Y_VAL)}
        model, run = alone(keras, MIXED[i], starts[i], adam, **options)
        assert_same_weights(members, i, model)
        assert not np.allclose(model.get_weights()[0], starts[i][0], atol=1e-3)
        for ours, theirs in names.items():
            np.testing.assert_allclose(history[ours][i], run.history[theirs], atol=2e-5)


@pytest.mark.parametrize(("kind", "i"), [("sgd", 3), ("momentum", 4)])
def test_so_it_does_under_other_optimizers_and_with_batch_norm(keras, kind, i):
    # Not under Adam: the gradient of a bias before batch norm is rounding, which Adam scales up.
    members = mlps(MIXED)
    begin = members.weights(i)
    members.fit(X, Y, EPOCHS, BATCH, optimizer=kind)
    sgd = keras.optimizers.SGD(MIXED[i]["rate"], momentum=0.9 if kind == "momentum" else 0.0)
    model, _ = alone(keras, MIXED[i], begin, sgd)
    assert_same_weights(members, i, model)
    assert members.weights(i)[4].any()  # the moving mean


def test_a_schedule_multiplies_the_rate_of_its_member_alone(keras):
    settings = [
        {"seed": 1, "rate": 0.02},
        {"seed": 1, "rate": 0.02, "schedule": lambda step: 0.8**step},
    ]
    members = mlps(settings, hidden=(8,))
    begin = members.weights(1)
    members.fit(X, Y, EPOCHS, BATCH)
    adam = keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.02, 1, 0.8))
    model, _ = alone(keras, settings[1], begin, adam, hidden=(8,))
    assert_same_weights(members, 1, model)
    assert np.abs(members.weights(0)[0] - members.weights(1)[0]).max() > 1e-3


def test_a_diverged_member_leaves_the_others_untouched():
    usual = [{"seed": 1, "rate": 0.01}, {"seed": 2, "rate": 0.01, "norm": "batch", "l2": 0.01}]
    wild = [
        usual[0],
        {"seed": 7, "rate": 1e30, "norm": "batch"},
        {"seed": 3, "rate": 1e6, "l2": 0.1},
    ]
    together, apart = mlps([*wild, usual[1]]), mlps(usual)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = together.fit(X, Y, 6, BATCH, optimizer="sgd", validation_data=(X_VAL, Y_VAL))
    clean = apart.fit(X, Y, 6, BATCH, optimizer="sgd", validation_data=(X_VAL, Y_VAL))
    assert np.isnan(together.weights(2)[0]).any()
    assert np.isnan(history["loss"][2, -1])
    for ours, theirs in ((0, 0), (3, 1)):
        np.testing.assert_allclose(history["loss"][ours], clean["loss"][theirs], rtol=1e-5)
        for a, b in zip(together.weights(ours), apart.weights(theirs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_early_stopping_ends_where_keras_would_and_keeps_the_best_weights(keras):
    settings = [{"seed": 1, "rate": 0.2}, {"seed": 2, "rate": 0.03}, {"seed": 3, "rate": 1e-4}]
    members, again = mlps(settings), mlps(settings)
    history = members.fit(X, Y, 12, BATCH, (X_VAL, Y_VAL), patience=2)
    assert history["val_loss"].shape == (3, 12)
    for i in range(3):
        ended, best = keras_stops(keras, history["val_loss"][i], patience=2)
        assert (members.stopped[i], members.best[i]) == (ended, best)
    assert (members.stopped >= 0).sum() in (1, 2)
    at = int(members.best[0])
    assert at < members.stopped[0]
    again.fit(X, Y, at + 1, BATCH)
    for ours, best in zip(members.weights(0), again.weights(0), strict=True):
        np.testing.assert_allclose(ours, best, rtol=1e-5, atol=1e-6)
    losses = -np.log(members.predict(X_VAL)[:, np.arange(40), Y_VAL]).mean(1)
    np.testing.assert_allclose(losses, history["val_loss"][np.arange(3), members.best], rtol=1e-4)


def keras_stops(keras, losses, patience):
    """Where Keras's own callback stops on a validation curve (-1: not), and its best epoch."""
    stop = keras.callbacks.EarlyStopping(patience=patience)
    stop.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
    stop.model.stop_training = False
    stop.on_train_begin()
    for epoch, loss in enumerate(losses):
        stop.on_epoch_end(epoch, {"val_loss": loss})
        if stop.model.stop_training:
            return epoch, stop.best_epoch
    return -1, stop.best_epoch


def test_training_ends_when_every_member_has_stopped():
    members = mlps([{"seed": s, "rate": 0.3} for s in range(2)])
    history = members.fit(X, Y, 40, BATCH, validation_data=(X_VAL, Y_VAL), patience=1)
    assert history["loss"].shape[1] == members.stopped.max() + 1 < 40


def test_a_member_as_an_ordinary_model_predicts_the_same(keras):
    members = mlps([*MIXED, {"seed": 6, "dropout": 0.2, "norm": "batch", "rate": 0.1}])
    members.fit(X, Y, 1, BATCH)
    predicted = members.predict(X_VAL)
    assert predicted.shape == (6, 40, CLASSES)
    for i in range(6):
        model = members.keras(i)
        for ours, theirs in zip(members.weights(i), model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(model(X_VAL)), predicted[i], atol=1e-5
        )


def test_dropout_drops_its_share_and_keeps_the_mean():
    rates = [0.0, 0.2, 0.5, 0.9]
    members = mlps([{"seed": s, "dropout": rate} for s, rate in enumerate(rates)], hidden=(4,))
    units = np.ones((4, 200, 500), "float32")
    dropped = np.asarray(members._model._dropped(units))
    again = np.asarray(members._model._dropped(units))
    for member, rate in enumerate(rates):
        # 100,000 draws: six standard deviations of the share, and of the mean
        spread = 6 * np.sqrt(rate * (1 - rate) / 1e5)
        assert abs((dropped[member] == 0).mean() - rate) <= spread
        assert abs(dropped[member].mean() - 1) <= spread / (1 - rate) + 1e-6
        kept = dropped[member][dropped[member] != 0]
        np.testing.assert_allclose(kept, 1 / (1 - rate), rtol=1e-6)
    assert (dropped[2] != again[2]).mean() > 0.4


def test_dropout_acts_in_training_and_not_in_prediction():
    members = mlps([{"seed": 1}, {"seed": 1, "dropout": 0.5}])
    np.testing.assert_array_equal(*members.predict(X))
    members.fit(X, Y, 1, BATCH)
    assert np.abs(members.weights(0)[0] - members.weights(1)[0]).max() > 1e-4
    assert (members.keras(1).layers[2].rate, len(members.keras(0).layers)) == (0.5, 5)


def test_a_member_learns_the_same_whoever_is_beside_it_and_a_run_repeats():
    runs = []
    noisy = [{"seed": 4, "dropout": 0.3}] * 2
    for chosen in ([{"seed": 4}], [{"seed": 3}, {"seed": 4}], noisy):
        members = mlps(chosen)
        members.fit(X, Y, 1, BATCH)
        runs.append(members.weights(len(chosen) - 1))
    np.testing.assert_allclose(runs[0][0], runs[1][0], rtol=1e-5, atol=1e-7)
    again = mlps(noisy)
    again.fit(X, Y, 1, BATCH)
    for first, second in zip(runs[2], again.weights(1), strict=True):
        np.testing.assert_array_equal(first, second)


def test_indices_give_each_member_its_own_examples_without_copies():
    chosen = np.stack([np.arange(32), np.arange(32, 64)])
    by_index, by_data = mlps([{"seed": 1}] * 2), mlps([{"seed": 1}] * 2)
    by_index.fit(X, Y, 2, BATCH, indices=chosen)
    history = by_data.fit(X[chosen], Y[chosen], 2, BATCH)
    assert history["loss"][0, 0] != history["loss"][1, 0]
    for i in range(2):
        for a, b in zip(by_index.weights(i), by_data.weights(i), strict=True):
            np.testing.assert_array_equal(a, b)


def test_members_may_have_labels_of_their_own_and_validation_too():
    labels = np.stack([Y, (Y + 1) % CLASSES])
    members = mlps([{"seed": 1, "rate": 0.05}] * 2)
    history = members.fit(X, labels, 15, BATCH, validation_data=(X, labels))
    assert (history["val_accuracy"][:, -1] > 0.8).all()
    guesses = members.predict(np.stack([X, X])).argmax(-1)
    np.testing.assert_allclose((guesses == labels).mean(1), history["val_accuracy"][:, -1])


def test_augmentation_sees_pictures_and_a_generator_for_each_member_and_epoch():
    seen = []

    def augment(pictures, rng):
        seen.append((pictures.shape, float(rng.random())))
        return pictures + 100

    members = mlps([{"seed": s, "rate": 0.0} for s in (1, 2)])
    plain = members.fit(X.reshape(N, 2, 3), Y, 2, BATCH)
    changed = members.fit(X.reshape(N, 2, 3), Y, 2, BATCH, augment=augment)
    assert {shape for shape, _ in seen} == {(N, 2, 3)}
    assert len({draw for _, draw in seen[-4:]}) == 4
    assert (np.abs(plain["loss"] - changed["loss"]) > 1).all()


def test_fits_go_on_from_the_weights_and_start_weights_can_be_given():
    first = mlps([{"seed": 1}])
    first.fit(X, Y, 2, BATCH)
    trained = first.weights(0)
    second = mlps([{"seed": 9, "init": trained, "rate": 0.0}, {"seed": 9}])
    for a, b in zip(trained, second.weights(0), strict=True):
        np.testing.assert_array_equal(a, b)
    more = first.fit(X, Y, 1, BATCH)
    assert more["loss"].shape == (1, 1)
    assert np.abs(first.weights(0)[0] - trained[0]).max() > 0


@pytest.mark.parametrize(
    ("init", "deviation"), [("glorot", np.sqrt(2 / 600)), ("he", np.sqrt(2 / 200)), (0.3, 0.3)]
)
def test_start_weights_spread_as_their_source_says(init, deviation):
    kernel, bias, *_ = ensemble.MLPs([{"init": init}], 200, 2, hidden=(400,)).weights(0)
    assert abs(kernel.std() / deviation - 1) < 6 / np.sqrt(2 * kernel.size)
    assert not bias.any()
    if init == "glorot":
        assert np.abs(kernel).max() <= np.sqrt(6 / 600)


def test_numbers_can_be_learned_with_the_mean_squared_error(keras):
    target = (X @ np.arange(INPUTS) / 5).astype("float32")
    settings = [{"seed": 1, "rate": 0.02}, {"seed": 2, "rate": 0.05, "activation": "tanh"}]
    members = ensemble.MLPs(settings, INPUTS, hidden=(8,))
    starts = members.weights(1)
    history = members.fit(X, target, EPOCHS, BATCH, validation_data=(X, target))
    assert set(history) == {"loss", "val_loss"}
    model = keras.Sequential(
        [keras.Input((INPUTS,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)]
    )
    model.set_weights(starts)
    model.compile(keras.optimizers.Adam(0.05), "mse", jit_compile=False)
    run = fit_in_order(keras, model, 2, y=target)
    np.testing.assert_allclose(history["loss"][1], run.history["loss"], rtol=1e-4)
    assert_same_weights(members, 1, model)
    assert members.predict(X).shape == (2, N, 1)
    mean = ((members.predict(X)[..., 0] - target) ** 2).mean(1)
    np.testing.assert_allclose(mean, history["val_loss"][:, -1], rtol=1e-4)


BAD = [
    ([], "settings is empty"),
    ({"seed": 1}, "list with one dict"),
    ([3], r"settings\[0\] is 3"),
    ([{"learning_rate": 0.1}], "Did you mean 'rate'"),
    ([{"seed": 0}, {"droput": 0.1}], r"settings\[1\].*'droput'.*Did you mean 'dropout'"),
    ([{"colour": 1}], "There are seed, rate"),
    ([{"rate": -0.1}], "rate is -0.1"),
    ([{"rate": float("nan")}], "rate is nan"),
    ([{"l2": "a"}], "l2 is 'a'"),
    ([{"dropout": 1.0}], "dropout is 1.0, which would drop everything"),
    ([{"norm": "group"}], "norm is 'group', but one of None, 'batch', 'layer'"),
    ([{"activation": None}], "activation is None"),
    ([{"init": "xavier"}], "init is 'xavier', but one of 'glorot'.*standard deviation"),
    ([{"init": -1}], "init is -1"),
    ([{"init": [np.ones((2, 2))]}], r"shapes \[\(2, 2\)\]"),
    ([{"schedule": 0.5}], "schedule is 0.5, but a function"),
    ([{"seed": -1}], "seed is -1"),
    ([{"seed": 1.5}], "seed is 1.5"),
]


@pytest.mark.parametrize(("members", "message"), BAD, ids=range(len(BAD)))
def test_a_setting_that_cannot_be_is_refused(members, message):
    with pytest.raises((ValueError, TypeError), match=message):
        mlps(members)


@limits(max_examples=25, deadline=None)
@given(
    st.sampled_from(["rate", "l1", "l2", "dropout", "norm", "activation", "init", "schedule"]),
    st.one_of(
        st.floats(max_value=-1e-300),
        st.sampled_from([np.nan, np.inf, "x", b"x", (), {}, True, np.array([1.0, 2.0])]),
    ),
)
def test_no_bad_value_gets_through_or_breaks_anything_else(key, value):
    if key == "init" and isinstance(value, tuple):  # a list of start weights, checked later
        value = "x"
    with pytest.raises((ValueError, TypeError), match=rf"settings\[0\]: {key} is "):
        setting.read([{key: value}])


def spoiled(array, value):
    array = np.array(array, "float64")
    array.flat[5] = value
    return array


CALLS = [
    ({"x": spoiled(X, np.nan)}, r"x holds 1 of 384 values that are NaN"),
    ({"x": X[:, :4]}, r"x has shape \(64, 4\)"),
    ({"x": X[0]}, r"x has shape \(6,\)"),
    ({"x": np.stack([X] * 3)}, r"x has shape \(3, 64, 6\)"),
    ({"y": Y[:-1]}, r"y has shape \(63,\), but labels for 64 examples have shape \(64,\)"),
    ({"y": np.eye(CLASSES)[Y]}, r"give y.argmax\(-1\)"),
    ({"y": spoiled(Y, CLASSES)}, "y holds the label 3, but with classes=3"),
    ({"y": spoiled(Y, -1)}, "y holds the label -1"),
    ({"y": spoiled(Y, 0.5)}, "y holds the label 0.5"),
    ({"epochs": 0}, "epochs is 0"),
    ({"batch_size": 2.5}, "batch_size is 2.5"),
    ({"optimizer": "Adm"}, "optimizer is 'Adm', but one of adam, sgd, momentum"),
    ({"indices": np.zeros((3, 4), int)}, "indices has shape"),
    ({"indices": np.full((2, 4), N)}, "indices holds 64"),
    ({"patience": 3}, "there is no validation_data"),
    ({"patience": 0, "validation_data": (X, Y)}, "patience is 0"),
    ({"validation_data": X}, "validation_data is a ndarray"),
    ({"validation_data": (X, Y[:3])}, r"validation_data\[1\] has shape \(3,\)"),
    ({"augment": 3}, "augment is 3"),
    ({"augment": lambda x, rng: x[:4]}, r"augment returned shape \(4, 6\)"),
]


@pytest.fixture(scope="module")
def pair(keras):
    return mlps([{"seed": 1}, {"seed": 2}])


@pytest.mark.parametrize(("change", "message"), CALLS, ids=range(len(CALLS)))
def test_data_that_do_not_fit_are_refused(pair, change, message):
    with pytest.raises((ValueError, TypeError), match=message):
        pair.fit(**{"x": X, "y": Y, "epochs": 1, "batch_size": BATCH, **change})


def test_a_schedule_that_returns_no_rate_is_refused():
    for schedule in (lambda step: -1.0, lambda step: None, lambda step: float("nan")):
        with pytest.raises(ValueError, match=r"schedule\(0\) returned"):
            mlps([{"schedule": schedule}]).fit(X, Y, 1)


def test_a_member_that_is_not_there_is_refused(pair):
    for member in (2, -1, 1.0, True, "0"):
        with pytest.raises(ValueError, match="whole number from 0 to 1"):
            pair.weights(member)
    np.testing.assert_array_equal(pair.weights(np.int64(1))[0], pair.weights(1)[0])


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_run(module, keras):
    assert doctest.testmod(module, extraglobs={"np": np}).failed == 0
