"""The progress bar and the timer, in real trainings."""

import gc
import os
import sys
import time

import numpy as np
import pytest

from dlutils import callbacks, runtime, settings


@pytest.fixture(scope="module")
def keras():
    before = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = settings.backend()
    with runtime._silent_descriptor():
        import keras
    yield keras
    if before is None:
        del os.environ["KERAS_BACKEND"]
    else:
        os.environ["KERAS_BACKEND"] = before


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


def test_one_bar_counts_all_batches_on_stderr_and_leaves_stdout_empty(fit, keras, capsys):
    progress = callbacks.Progress("CNN")
    seen, watcher = watch(progress, keras)
    fit(progress, watcher)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "CNN" in printed.err
    assert "\n" not in printed.err
    assert seen == [(n, 12) for n in range(1, 13)]
    assert progress.bar is None


def test_the_bar_disappears_at_the_end(fit, capsys):
    fit(callbacks.Progress("CNN"))
    assert capsys.readouterr().err.split("\r")[-2].strip() == ""


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
    assert printed.err.split("\r")[-2].strip() == ""


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


def test_they_are_keras_callbacks_made_once_and_documented(keras):
    assert issubclass(callbacks.Progress, keras.callbacks.Callback)
    assert callbacks.Progress is callbacks.Progress
    assert "Example" in callbacks.Timer.__doc__
    assert sys.modules["dlutils.callbacks"] is callbacks
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = callbacks.Nothing
