"""TensorBoard logs: written without TensorFlow, read back, and read by TensorFlow's own reader."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorboardX")

from dlutils import callbacks

ROOT = Path(__file__).parents[2]


@pytest.fixture
def trained(keras, tmp_path):
    """A folder with the log of three epochs, and Keras's own history of them."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.05), "mse", run_eagerly=True, jit_compile=False)
    x = np.ones((8, 2), "float32")
    log = callbacks.EventLog(tmp_path / "run")
    run = model.fit(x, x[:, 0], epochs=3, verbose=0, callbacks=[log], validation_split=0.5)
    return tmp_path / "run", run.history


def test_what_was_logged_is_read_back(trained):
    folder, history = trained
    found = callbacks.read_events(folder)
    assert set(found) == {"loss", "val_loss", "learning_rate"}
    for name, values in history.items():
        assert found[name][0] == [1, 2, 3]
        np.testing.assert_allclose(found[name][1], values, rtol=1e-6)
    np.testing.assert_allclose(found["learning_rate"][1], 0.05, rtol=1e-6)


def test_tensorflow_reads_the_log_with_its_checksums(trained):
    tf = pytest.importorskip("tensorflow")
    folder, history = trained
    [file] = folder.glob("*tfevents*")
    losses = [
        value.simple_value
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
        if value.tag == "loss"
    ]
    np.testing.assert_allclose(losses, history["loss"], rtol=1e-6)


def test_tensorboard_opens_the_log(trained):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    folder, history = trained
    found = reading.EventAccumulator(str(folder))
    found.Reload()
    np.testing.assert_allclose([e.value for e in found.Scalars("loss")], history["loss"], rtol=1e-6)


def test_a_second_fit_adds_a_file_and_both_are_read(keras, tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True, jit_compile=False)
    x, log = np.ones((8, 2), "float32"), callbacks.EventLog(tmp_path)
    model.fit(x, x[:, 0], epochs=2, verbose=0, callbacks=[log])
    model.fit(x, x[:, 0], epochs=3, initial_epoch=2, verbose=0, callbacks=[log])
    assert sorted(callbacks.read_events(tmp_path)["loss"][0]) == [1, 2, 3]


def test_a_record_that_is_not_whole_is_passed_over(trained):
    folder, _ = trained
    [file] = folder.glob("*tfevents*")
    file.write_bytes(file.read_bytes() + struct.pack("<Q", 100) + b"half")
    assert callbacks.read_events(folder)["loss"][0] == [1, 2, 3]


def test_a_folder_without_a_log_is_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="no TensorBoard log in"):
        callbacks.read_events(tmp_path)


def test_a_log_is_written_and_read_without_tensorflow(tmp_path):
    pytest.importorskip("jax")
    code = f"""
import sys
sys.modules["tensorflow"] = sys.modules["tensorboard"] = None  # not to be imported
import keras, numpy as np
from dlutils import callbacks
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
x = np.ones((8, 2), "float32")
model.fit(x, x[:, 0], epochs=2, verbose=0, callbacks=[callbacks.EventLog({str(tmp_path)!r})])
print(len(callbacks.read_events({str(tmp_path)!r})["loss"][1]))
"""
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split()[-1:] == ["2"], done.stderr[-2000:]


def test_without_tensorboardx_the_error_says_what_to_install(keras, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    log = callbacks.EventLog(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="pip install tensorboardX"):
        log.on_train_begin()
