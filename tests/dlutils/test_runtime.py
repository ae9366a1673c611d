"""How a lesson starts: which backend, which seed, which profile, and what it says."""

import importlib.util
import json
import logging
import os
import random
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from IPython.core.events import EventManager

import dlutils
from dlutils import runtime, settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No variable of this shell, no Keras of another test, and every backend installed."""
    for name in ("KERAS_BACKEND", "DLUTILS_PROFILE", "DLUTILS_SEED"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(runtime, "_current", None)
    monkeypatch.setattr(settings, "_installed", lambda name: True)
    monkeypatch.setattr(settings, "_loaded_backend", lambda: None)
    monkeypatch.setattr(runtime, "_warm_up", lambda backend, seed: "cpu")


def test_one_line_says_where_the_lesson_runs(capfd):
    lab = runtime.start("05_cnns", seed=5)
    assert capfd.readouterr() == ("05_cnns: tensorflow on cpu, profile quick, seed 5\n", "")
    assert (lab.lesson, lab.seed, lab.profile, lab.profile_asked) == ("05_cnns", 5, "quick", False)
    assert (lab.backend, lab.device) == ("tensorflow", "cpu")
    assert runtime.current() is lab


def test_every_cell_of_a_notebook_ends_by_giving_memory_back(monkeypatch):
    events = EventManager(None, {"post_execute": lambda: None})
    shell = types.SimpleNamespace(events=events)
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    called = []
    library = types.SimpleNamespace(malloc_trim=called.append)
    monkeypatch.setattr(runtime.ctypes, "CDLL", lambda name: library)
    runtime.start("05_cnns")
    runtime.start("05_cnns")  # a first cell run again must not add to it
    events.trigger("post_execute")
    assert called == ([0] if sys.platform == "linux" else [])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep no such memory")
def test_where_the_c_library_cannot_give_memory_back_nothing_happens(monkeypatch):
    monkeypatch.setattr(runtime.ctypes, "CDLL", lambda name: types.SimpleNamespace())
    runtime._trim()


def test_before_the_start_there_is_no_lab():
    assert runtime.current() is None


@pytest.mark.parametrize(("work", "epochs"), [("1", 8), ("0.25", 2), ("0.001", 1)])
def test_a_share_of_the_work_shortens_training_and_says_so(monkeypatch, capsys, work, epochs):
    monkeypatch.setenv("DLUTILS_WORK", work)
    monkeypatch.setattr(runtime, "_warm_up", lambda backend, seed: "cpu")
    lab = runtime.start("05_cnns", seed=5)
    assert lab.epochs(8) == epochs
    assert len(lab.part(range(8))) == epochs
    said = "" if work == "1" else f", {float(work):g} of the training"
    assert capsys.readouterr().out.endswith(f"seed 5{said}\n")


@pytest.mark.parametrize("work", ["0", "-1", "1.5", "half", "nan"])
def test_an_impossible_share_of_the_work_is_refused(monkeypatch, work):
    monkeypatch.setenv("DLUTILS_WORK", work)
    with pytest.raises(ValueError, match=f"DLUTILS_WORK is '{work}', which is no share"):
        runtime.start("05_cnns")


@pytest.mark.parametrize(
    ("backend", "device", "jit"),
    [("tensorflow", "cpu", False), ("tensorflow", "gpu", True), ("jax", "cpu", True)],
)
def test_compiling_pays_everywhere_but_with_tensorflow_on_a_cpu(backend, device, jit):
    assert runtime.Lab("x", 1, "quick", False, backend, device).jit == jit


@pytest.mark.parametrize(
    ("installed", "chosen"),
    [(["torch", "jax", "tensorflow"], "tensorflow"), (["torch", "jax"], "jax"), (["torch"],) * 2],
)
def test_the_first_installed_backend_is_chosen(monkeypatch, installed, chosen):
    monkeypatch.setattr(settings, "_installed", installed.__contains__)
    assert runtime.start("lesson").backend == "".join(chosen)
    assert os.environ["KERAS_BACKEND"] == "".join(chosen)


def test_the_named_backend_is_chosen(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert runtime.start("lesson").backend == "jax"


def test_the_backend_of_a_keras_already_imported_is_kept(monkeypatch):
    monkeypatch.setattr(settings, "_loaded_backend", lambda: "jax")
    assert runtime.start("lesson").backend == "jax"


def test_the_backend_of_an_imported_keras_is_found(monkeypatch):
    monkeypatch.undo()
    stub = types.SimpleNamespace(config=types.SimpleNamespace(backend=lambda: "jax"))
    monkeypatch.setitem(sys.modules, "keras", stub)
    assert settings._loaded_backend() == "jax"
    monkeypatch.delitem(sys.modules, "keras")
    assert settings._loaded_backend() is None


def test_a_package_is_found_without_importing_it(monkeypatch):
    monkeypatch.undo()
    assert settings._installed("turtledemo")
    assert "turtledemo" not in sys.modules
    assert not settings._installed("no_such_package_anywhere")


@pytest.mark.parametrize(
    ("device", "asked", "profile"),
    [
        ("cpu", "", "quick"),
        ("gpu", "", "full"),
        ("tpu", "", "full"),
        ("cpu", "full", "full"),
        ("gpu", "quick", "quick"),
    ],
)
def test_the_profile_follows_the_device_unless_it_is_asked_for(monkeypatch, device, asked, profile):
    monkeypatch.setattr(runtime, "_warm_up", lambda backend, seed: device)
    monkeypatch.setenv("DLUTILS_PROFILE", asked)
    lab = runtime.start("lesson")
    assert (lab.device, lab.profile, lab.profile_asked) == (device, profile, bool(asked))
    assert lab.pick(quick="quick", full="full") == profile


def test_the_environment_s_seed_goes_before_the_lesson_s(monkeypatch, capsys):
    monkeypatch.setenv("DLUTILS_SEED", "11")
    assert runtime.start("lesson", seed=5).seed == 11
    assert capsys.readouterr().out.endswith("seed 11\n")


@pytest.mark.parametrize(
    ("name", "value", "error", "words"),
    [
        ("DLUTILS_PROFILE", "fast", ValueError, "'fast', which is no profile: set it to quick or"),
        ("DLUTILS_SEED", "five", ValueError, "DLUTILS_SEED is 'five', which cannot seed"),
        ("DLUTILS_SEED", "-1", ValueError, "DLUTILS_SEED is -1, which cannot seed"),
        ("DLUTILS_SEED", "4294967296", ValueError, "from 0 to"),
        ("KERAS_BACKEND", "theano", ValueError, "'theano', on which these lessons do not run"),
        ("KERAS_BACKEND", "numpy", ValueError, "tensorflow, jax, torch"),
        ("KERAS_BACKEND", "torch", ModuleNotFoundError, "'torch', which is not installed"),
        ("KERAS_BACKEND", "tensorflow", RuntimeError, "already imported on 'jax'.*restart"),
    ],
)
def test_a_wrong_environment_is_refused_before_keras_is_imported(
    monkeypatch, name, value, error, words
):
    monkeypatch.setenv(name, value)
    if error is RuntimeError:
        monkeypatch.setattr(settings, "_loaded_backend", lambda: "jax")
    monkeypatch.setattr(settings, "_installed", lambda package: package != "torch")
    monkeypatch.setattr(runtime, "_warm_up", lambda *args: pytest.fail("imported Keras"))
    with pytest.raises(error, match=words):
        runtime.start("lesson")
    assert runtime.current() is None


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "5", None, True])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match="which cannot seed anything"):
        runtime.start("lesson", seed=seed)


def test_without_any_backend_the_cure_is_named(monkeypatch):
    monkeypatch.setattr(settings, "_installed", lambda name: False)
    with pytest.raises(ModuleNotFoundError, match="pip install tensorflow"):
        runtime.start("lesson")


def test_generators_depend_on_seed_and_offset_alone():
    lab = runtime.start("lesson", seed=3)
    drawn = [lab.rng(offset).random() for offset in (0, 1, 0)]
    assert drawn[0] == drawn[2] != drawn[1]
    assert runtime.start("lesson", seed=4).rng().random() != drawn[0]


class TestLoad:
    class DatasetUnavailable(Exception):  # noqa: N818 (named like the real one)
        pass

    @pytest.fixture(autouse=True)
    def data(self, monkeypatch):
        """Data sets of which all but the digits cannot be had."""

        def load(name, **options):
            if name != "digits":
                raise self.DatasetUnavailable(name)
            return name, options

        stub = types.SimpleNamespace(load=load, DatasetUnavailable=self.DatasetUnavailable)
        monkeypatch.setitem(sys.modules, "dlutils.datasets", stub)
        monkeypatch.setattr(dlutils, "datasets", stub, raising=False)

    def lab(self, profile, asked):
        return runtime.Lab("lesson", 0, profile, asked, "jax", "cpu")

    def test_quick_loads_the_quick_one(self, capsys):
        lab = self.lab("quick", asked=False)
        assert lab.load("digits", "mnist", seed=1) == ("digits", {"seed": 1})
        assert capsys.readouterr().out == ""

    def test_an_automatic_full_falls_back_with_one_line(self, capsys):
        lab = self.lab("full", asked=False)
        assert lab.load(quick="digits", full="mnist") == ("digits", {})
        assert lab.profile == "quick"
        (line,) = capsys.readouterr().out.splitlines()
        assert "mnist cannot be had here" in line
        assert line.endswith("going on with digits, profile quick")

    def test_a_full_that_was_asked_for_does_not(self):
        lab = self.lab("full", asked=True)
        with pytest.raises(self.DatasetUnavailable, match="mnist"):
            lab.load("digits", "mnist")
        assert lab.profile == "full"

    def test_a_quick_one_that_cannot_be_had_is_an_error(self):
        with pytest.raises(self.DatasetUnavailable, match="cifar10"):
            self.lab("quick", asked=False).load("cifar10", "mnist")


def test_native_output_is_hidden_and_then_heard_again(capfd):
    def speak():
        os.write(2, b"hidden")
        subprocess.run([sys.executable, "-c", "import os; os.write(2, b'hidden')"], check=True)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), runtime._silent_descriptor():
        speak()
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_on_jax_a_start_leaves_tensorflow_alone_and_yet_within_reach():
    for package in ("tensorflow", "jax"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    code = """
import sys
from dlutils import runtime
runtime.start("lesson", seed=5)
import keras, numpy as np
model = keras.Sequential([keras.layers.Dropout(0.5), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(np.ones((8, 3)), np.ones((8, 1)), validation_split=0.5, verbose=0)
print("tensorflow" in sys.modules)
words = keras.layers.TextVectorization(vocabulary=["yes", "no"])
print("tensorflow" in sys.modules, np.asarray(words(["no", "yes no"])).tolist())
"""
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines()[1:] == ["False", "True [[3, 0], [2, 3]]"], done.stderr


def test_of_tensorflow_s_warnings_only_that_on_retracing_is_hidden():
    def record(text):
        return logging.LogRecord("tensorflow", logging.WARNING, "", 0, text, (), None)

    assert not runtime._no_retracing(record("5 out of the last 5 triggered tf.function retracing."))
    assert runtime._no_retracing(record("Gradients do not exist for variables"))


def test_no_descriptor_is_left_open():
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    for _ in range(20):
        with runtime._silent_descriptor():
            pass
    after = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    assert len(after) <= len(before) + 1


START = """
import os, random, sys, time
from dlutils import runtime
lab = runtime.start("lesson", seed=5)
import json, keras, numpy as np
took = time.process_time()
drawn = [random.random(), np.random.rand(), float(keras.random.uniform(()))]
again = runtime.start("again", seed=5)
same = [random.random(), np.random.rand(), float(keras.random.uniform(()))]
import tensorflow as tf
traced = tf.function(lambda x: x)
for number in range(20):  # each number is a trace of its own, of which TensorFlow would warn
    traced(number)
print(json.dumps([keras.config.backend(), keras.config.image_data_format(), keras.config.floatx(),
                  drawn, same, took]))
"""


def test_a_real_start_is_silent_quick_and_seeds_everything(tmp_path):
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed")
    (tmp_path / "keras.json").write_text(
        json.dumps({"backend": "jax", "image_data_format": "channels_first", "floatx": "float16"})
    )
    environment = {**os.environ, "KERAS_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = subprocess.run(
        [sys.executable, "-c", START], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    first, second, facts = done.stdout.splitlines()
    assert first == "lesson: tensorflow on cpu, profile quick, seed 5"
    assert second == "again: tensorflow on cpu, profile quick, seed 5"
    backend, layout, floatx, drawn, same, took = json.loads(facts)
    assert (backend, layout, floatx) == ("tensorflow", "channels_last", "float32")
    assert drawn == same
    assert drawn[:2] == [random.Random(5).random(), np.random.RandomState(5).rand()]
    assert took < 15  # of the processor; 4 to 7 s on the clock of an idle machine
