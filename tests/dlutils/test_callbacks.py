"""Progress, timer, range test and gradient norms in real trainings; passes on JAX as well."""

import doctest
import gc
import re
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from dlutils import callbacks
from dlutils.callbacks import bars, gradients, ranges, timing


@pytest.fixture
def fit(keras):
    """`fit(*callbacks, **options)` trains a tiny model on 32 examples, 8 a batch."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True, jit_compile=False)
    x = np.ones((32, 2), "float32")

    def run(*chosen, **options):
        options = {"batch_size": 8, "epochs": 3, "verbose": 0, **options}
        return model.fit(x, x[:, :1], callbacks=list(chosen), **options)

    run.model = model
    return run


def interrupting(keras, at, error):
    """A callback that raises at a batch of the second epoch."""

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_begin(self, batch, logs=None):
            if (self.epoch, batch) == (1, at):
                raise error

    return Interrupt()


def watch(bar, keras):
    """Records (n, total) of a progress bar after every batch."""
    seen = []

    def note(batch, logs):
        seen.append((bar.bar.n, bar.bar.total))

    return seen, keras.callbacks.LambdaCallback(on_train_batch_end=note)


def lines(text):
    """What a terminal shows in the end: the carriage return goes back to the line's start."""
    shown = []
    for line in text.split("\n"):
        row = ""
        for part in line.split("\r"):
            row = part + row[len(part) :]
        shown.append(row.rstrip())
    return shown


def test_one_bar_counts_all_batches_on_stderr_and_leaves_stdout_empty(fit, keras, capsys):
    progress = callbacks.Progress("CNN")
    seen, watcher = watch(progress, keras)
    fit(progress, watcher)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "CNN:   0%" in printed.err
    assert seen == [(n, 12) for n in range(1, 13)]
    assert progress.bar is None


def test_one_line_stays_at_the_end(fit, capsys):
    history = fit(callbacks.Progress("CNN")).history
    line, rest = lines(capsys.readouterr().err)
    assert re.fullmatch(rf"CNN: 3 epochs, \d+\.\d s, loss {history['loss'][-1]:.3g}", line)
    assert rest == ""


def test_one_bar_serves_several_fits_and_leaves_one_line(fit, keras, capsys):
    progress = callbacks.Progress("seeds", fits=3)
    seen, watcher = watch(progress, keras)
    for epochs in (3, 3, 1):
        fit(progress, watcher, epochs=epochs)
    assert seen[:24] == [(n, 36) for n in range(1, 25)]
    assert seen[24:] == [(n, 28) for n in range(25, 29)]
    assert progress.bar is None
    line, rest = lines(capsys.readouterr().err)
    assert re.fullmatch(r"seeds: 3 fits, 7 epochs, .* s, last loss \S+", line)
    assert rest == ""


def test_a_with_block_that_ends_before_all_fits_says_how_many_there_were(fit, capsys):
    with callbacks.Progress("seeds", fits=3) as progress:
        fit(progress)
    assert lines(capsys.readouterr().err)[0].startswith("seeds: 1 of 3 fits, 3 epochs, ")


def test_a_fit_that_fails_counts_and_the_bar_goes_on(fit, keras, capsys):
    progress = callbacks.Progress("seeds", fits=2)
    with pytest.raises(RuntimeError):
        fit(progress, interrupting(keras, 2, RuntimeError("diverged")))
    fit(progress)
    assert progress.bar is None
    assert lines(capsys.readouterr().err)[0].startswith("seeds: 2 fits, 4 epochs")


def test_a_fit_that_early_stopping_ends_says_how_many_epochs_it_took(fit, keras, capsys):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    fit(callbacks.Progress("CNN"), Stop(), epochs=9)
    assert lines(capsys.readouterr().err)[0].startswith("CNN: 2 epochs, ")


@pytest.mark.parametrize("fits", [0, -1, 1.5, True, None, "3"])
def test_a_number_of_fits_that_cannot_be_is_refused(fits):
    with pytest.raises(ValueError, match=r"fits is .* whole number of at least 1"):
        callbacks.Progress("CNN", fits=fits)


def test_any_loop_can_have_a_bar(capsys):
    assert list(callbacks.progress([1, 2, 3], "seeds")) == [1, 2, 3]
    assert sum(callbacks.progress((n for n in range(4)), "numbers")) == 6
    assert list(callbacks.progress([7], "one", total=1)) == [7]
    printed = capsys.readouterr()
    assert printed.out == ""
    found = [re.sub(r"[\d.]+ s$", "S", line) for line in lines(printed.err)]
    assert found == ["seeds: 3 steps, S", "numbers: 4 steps, S", "one: 1 step, S", ""]


def test_a_loop_that_is_left_early_says_so(capsys):
    for n in callbacks.progress(range(9), "seeds"):
        if n == 2:
            break
    gc.collect()
    with pytest.raises(ZeroDivisionError):
        broken(callbacks.progress(iter([1, 0]), "division"))
    gc.collect()
    found = [re.sub(r"[\d.]+ s$", "S", line) for line in lines(capsys.readouterr().err)]
    assert found == [
        "seeds: stopped after 2 of 9 steps, S",
        "division: stopped after 1 steps, S",
        "",
    ]


def broken(numbers):
    for n in numbers:
        1 / n


def test_what_cannot_be_looped_over_is_refused_at_once():
    with pytest.raises(TypeError, match="progress was given 5"):
        callbacks.progress(5)


def test_durations_read_well():
    words = [bars.duration(seconds) for seconds in (0, 9.94, 9.96, 59.6, 119.4, 119.6, 3599)]
    assert words == ["0.0 s", "9.9 s", "10 s", "60 s", "119 s", "2 min 0 s", "59 min 59 s"]


def test_a_bar_of_unknown_length_learns_it_in_the_first_epoch(fit, keras):
    def batches():
        for _ in range(9):
            yield np.ones((4, 2), "float32"), np.ones((4, 1), "float32")

    progress = callbacks.Progress()
    seen, watcher = watch(progress, keras)
    fit.model.fit(
        batches(),
        epochs=3,
        steps_per_epoch=3,
        verbose=0,
        shuffle=False,
        callbacks=[progress, watcher],
    )
    assert seen[-1] == (9, 9)


def test_the_bar_starts_at_the_first_epoch_that_is_run(fit, keras):
    progress = callbacks.Progress()
    seen, watcher = watch(progress, keras)
    fit(progress, watcher, epochs=5, initial_epoch=3)
    assert (seen[0], seen[-1]) == ((1, 8), (8, 8))


def test_one_bar_can_serve_several_trainings(fit, keras):
    progress = callbacks.Progress()
    seen, watcher = watch(progress, keras)
    fit(progress, watcher)
    fit(progress, watcher)
    assert seen[:12] == seen[12:]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("broken")])
def test_an_interrupted_training_closes_its_bar(fit, keras, capsys, error):
    from tqdm import tqdm

    open_before = len(tqdm._instances)
    with pytest.raises(type(error)):
        fit(callbacks.Progress("CNN"), interrupting(keras, 2, error))
    error.__traceback__ = None  # Jupyter forgets it too, at the next error at the latest
    gc.collect()
    assert len(tqdm._instances) == open_before
    printed = capsys.readouterr()
    assert printed.out == ""
    line, rest = lines(printed.err)
    assert re.fullmatch(r"CNN: stopped in epoch 2 of 3 after [\d.]+ s", line)
    assert rest == ""


def test_an_interrupted_training_closes_its_bar_at_once_in_a_with_block(fit, keras):
    with pytest.raises(KeyboardInterrupt), callbacks.Progress("CNN") as progress:
        fit(progress, interrupting(keras, 2, KeyboardInterrupt()))
    assert progress.bar is None


def test_the_next_training_closes_a_bar_that_was_left_open(fit, keras):
    progress = callbacks.Progress("CNN")
    with pytest.raises(KeyboardInterrupt):
        fit(progress, interrupting(keras, 2, KeyboardInterrupt()))
    left = progress.bar
    fit(progress)
    assert left.disable  # what tqdm sets on closing
    assert progress.bar is None


def test_in_ipython_the_end_of_the_cell_closes_the_bar(fit, keras, monkeypatch):
    IPython = pytest.importorskip("IPython")
    from IPython.core.events import EventManager, available_events

    class Shell:
        events = EventManager(None, available_events)

    monkeypatch.setattr(IPython, "get_ipython", Shell)
    progress = callbacks.Progress("CNN")
    with pytest.raises(KeyboardInterrupt):
        fit(progress, interrupting(keras, 2, KeyboardInterrupt()))
    assert progress.bar is not None
    Shell.events.trigger("post_execute")
    assert progress.bar is None
    assert Shell.events.callbacks["post_execute"] == []
    fit(progress)
    assert Shell.events.callbacks["post_execute"] == []


def test_a_timer_agrees_with_the_clock(fit, keras):
    timer = callbacks.Timer()
    slow = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: time.sleep(0.05))
    begin = time.perf_counter()
    fit(slow, timer)
    took = time.perf_counter() - begin
    assert 12 * 0.05 <= timer.seconds <= took
    assert 4 * 0.05 <= timer.seconds_per_epoch <= took / 2
    assert 0 < timer.steps_per_second <= 1 / 0.05


def test_validation_counts_in_the_epoch_and_not_in_the_steps(fit, keras):
    timer = callbacks.Timer()
    slow = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: None)
    slow.on_test_begin = lambda logs=None: time.sleep(0.5)
    fit(timer, slow, validation_data=(np.ones((4, 2)), np.ones((4, 1))))
    assert timer.seconds_per_epoch > 0.5
    assert timer.steps_per_second > 4 / 0.5


def test_a_timer_that_saw_nothing_says_so():
    with pytest.raises(RuntimeError, match="pass it to fit"):
        _ = callbacks.Timer().seconds


def test_a_timer_knows_how_long_an_interrupted_training_ran(fit, keras):
    timer = callbacks.Timer()
    with pytest.raises(KeyboardInterrupt):
        fit(timer, interrupting(keras, 2, KeyboardInterrupt()))
    assert 0 < timer.seconds_per_epoch <= timer.seconds


@pytest.fixture
def regression(keras):
    """A small model with Adam, and data it can learn: (model, x, y), 64 examples."""
    keras.utils.set_random_seed(0)  # `fit` shuffles, and a range test reads single batches
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1)]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    x = rng.normal(size=(64, 3)).astype("float32")
    return model, x, (x @ [1.0, -2.0, 0.5]).astype("float32")[:, None]


def state(keras, model):
    return [keras.ops.convert_to_numpy(v) + 0 for v in model.variables + model.optimizer.variables]


def test_a_range_test_raises_the_rate_by_a_constant_factor_and_leaves_no_trace(keras, regression):
    model, x, y = regression
    model.fit(x, y, 16, epochs=1, verbose=0)
    before = state(keras, model)
    test = callbacks.RangeTest(1e-5, 1e-2)
    model.fit(x, y, 8, epochs=3, verbose=0, callbacks=[test])
    np.testing.assert_allclose(test.rates, np.geomspace(1e-5, 1e-2, 24))
    for a, b in zip(before, state(keras, model), strict=True):
        np.testing.assert_array_equal(a, b)
    assert abs(float(model.optimizer.learning_rate) - 0.01) < 1e-8


def test_a_range_test_trains_at_the_rates_it_names_and_smooths_each_batchs_loss(keras):
    rates, target = np.geomspace(0.001, 1, 12), 3.0
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse", jit_compile=False)
    model.set_weights([np.zeros((1, 1))])
    test = callbacks.RangeTest(0.001, 1, steps=12)
    x = np.ones((24, 1), "float32")
    model.fit(x, target * x, 1, verbose=0, callbacks=[test])
    weight, mean, expected = 0.0, 0.0, []
    for step, rate in enumerate(rates):
        mean = 0.9 * mean + 0.1 * (target - weight) ** 2
        expected.append(mean / (1 - 0.9 ** (step + 1)))
        weight += rate * 2 * (target - weight)
    np.testing.assert_allclose(test.rates, rates)
    np.testing.assert_allclose(test.losses, expected, rtol=1e-4)
    assert test.suggestion == test.rates[np.argmin(expected)] / 10


@pytest.mark.parametrize("highest", [1e3, 1e30])
def test_a_range_test_stops_when_the_loss_blows_up(keras, regression, highest):
    model, x, y = regression
    model.compile("sgd", "mse", jit_compile=False)
    before = model.get_weights()
    test = callbacks.RangeTest(1e-4, highest)
    model.fit(x, y, 4, epochs=10, verbose=0, callbacks=[test])
    assert 2 < len(test.rates) < 160
    assert np.isfinite(test.losses).all()
    assert 1e-4 < test.suggestion < 1
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    history = model.fit(x, y, 16, epochs=2, verbose=0).history["loss"]
    assert len(history) == 2
    assert np.isfinite(history).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_lucky_first_batch_neither_ends_a_range_test_nor_is_its_lowest(keras, regression, seed):
    model, x, y = regression
    model.compile("sgd", "mse", jit_compile=False)
    x, y = np.tile(x, (8, 1)), np.tile(y, (8, 1))
    x[:8], y[:8] = 0, model(np.zeros((1, 3)), training=False)[0]  # a loss of 0 to begin with
    rows = np.r_[:8, np.random.default_rng(seed).permutation(np.arange(8, len(x)))]
    x, y = x[rows], y[rows]
    test = callbacks.RangeTest(1e-4, 10)
    model.fit(x, y, 8, verbose=0, shuffle=False, callbacks=[test])
    assert test.losses[0] < 1e-9
    assert len(test.rates) > 20
    assert 1e-4 < test.suggestion < 1


def test_an_interrupted_range_test_can_be_undone(keras, regression):
    model, x, y = regression
    before = model.get_weights()
    test = callbacks.RangeTest(1e-2, 1)
    stop = interrupting(keras, 1, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, 16, epochs=3, verbose=0, callbacks=[test, stop])
    test.restore()
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_range_test_refuses_what_it_cannot_test(keras, regression):
    model, x, y = regression
    with pytest.raises(ValueError, match=r"1 batches in this fit, but it needs at least 2"):
        model.fit(x, y, 64, verbose=0, callbacks=[callbacks.RangeTest()])
    decay = keras.optimizers.schedules.CosineDecay(0.1, 10)
    model.compile(keras.optimizers.SGD(decay), "mse")
    with pytest.raises(ValueError, match="follows a schedule: compile the model with a number"):
        model.fit(x, y, 8, verbose=0, callbacks=[callbacks.RangeTest()])
    with pytest.raises(RuntimeError, match="has seen no falling loss"):
        _ = callbacks.RangeTest().suggestion


@limits(max_examples=25, deadline=None)
@given(st.one_of(st.floats(max_value=0), st.just(float("nan")), st.floats(min_value=1), st.text()))
def test_rates_that_cannot_rise_are_refused(lowest):
    with pytest.raises(ValueError, match="lowest is"):
        callbacks.RangeTest(lowest, 1)


@pytest.mark.parametrize("steps", [0, 1, 2.5, "9", True])
def test_a_range_test_of_no_steps_is_refused(steps):
    with pytest.raises(ValueError, match="steps is"):
        callbacks.RangeTest(steps=steps)


def test_gradient_norms_are_those_of_the_formula(keras):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="line")])
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))
    seen = []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(weights()))

    def weights():
        ranges.sync(model)
        return model.get_weights()

    norms = callbacks.GradientNorm(x, y)
    model.fit(x, y, 10, epochs=3, verbose=0, callbacks=[norms, note])
    expected = []
    for w, b in seen:
        error = 2 * (x @ w + b - y) / len(x)
        expected.append(np.sqrt(np.sum((x.T @ error) ** 2) + error.sum() ** 2))
    np.testing.assert_allclose(norms.norms["line"], expected, rtol=1e-4)
    np.testing.assert_allclose(norms.total, expected, rtol=1e-4)
    assert norms.epochs.tolist() == [1, 2, 3]


def test_gradient_norms_are_told_by_layer_every_so_often_and_anew_for_each_fit(keras):
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "tanh", name="a")])
    head = keras.layers.Dense(1, name="b")
    model = keras.Sequential([keras.Input((3,)), inner, keras.layers.Dropout(0.5), head])
    model.compile("sgd", "mse", jit_compile=False)
    x, y = np.ones((8, 3)), np.zeros((8, 1))
    norms = callbacks.GradientNorm(x, y, every=2)
    assert norms.total.shape == (0,)
    for epochs in (2, 5):
        model.fit(x, y, epochs=epochs, verbose=0, callbacks=[norms])
    assert [name.rpartition("/")[2] for name in norms.norms] == ["a", "b"]
    assert norms.epochs.tolist() == [2, 4]
    squares = sum(norm**2 for norm in norms.norms.values())
    np.testing.assert_allclose(np.sqrt(squares), norms.total)
    assert norms.total.shape == (2,)


def test_gradient_norms_of_no_batch_are_refused():
    with pytest.raises(ValueError, match=r"x has shape \(3, 2\) and y \(2,\)"):
        callbacks.GradientNorm(np.ones((3, 2)), np.ones(2))
    with pytest.raises(ValueError, match="every is 0"):
        callbacks.GradientNorm(np.ones((3, 2)), np.ones(3), every=0)


@pytest.mark.parametrize("module", [bars, gradients, ranges, timing], ids=lambda m: m.__name__)
def test_the_examples_in_the_docstrings_run(module, keras):
    assert doctest.testmod(module).failed == 0


def test_they_are_keras_callbacks_made_once_and_documented(keras):
    assert issubclass(callbacks.Progress, keras.callbacks.Callback)
    assert callbacks.Progress is callbacks.Progress
    assert "Example" in callbacks.Timer.__doc__
    assert sys.modules["dlutils.callbacks"] is callbacks
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = callbacks.Nothing
