"""A lesson's start: choose the Keras backend, seed everything, say where the lesson runs."""

import contextlib
import importlib.util
import os
import sys
import time
from dataclasses import dataclass, field

BACKENDS = ("tensorflow", "jax", "torch")  # in order of preference; all three can train
PROFILES = ("quick", "full")

_current = None


@dataclass
class Lab:
    """Where and how the running lesson runs.

    `profile_asked` says whether DLUTILS_PROFILE named the profile; `device` is "cpu", "gpu" or
    "tpu"; `work` is the share of the training to do, 1 but for trials (DLUTILS_WORK); `started`
    is `time.perf_counter()` at the start, in seconds.
    """

    lesson: str
    seed: int
    profile: str
    profile_asked: bool
    backend: str
    device: str
    work: float = 1.0
    started: float = field(default_factory=time.perf_counter)

    def pick(self, *, quick, full):
        """Whichever of two values fits the profile: `epochs = lab.pick(quick=3, full=12)`."""
        return full if self.profile == "full" else quick

    @property
    def jit(self):
        """Whether compiling a model pays: on CPUs TensorFlow takes seconds for it, for nothing."""
        return (self.backend, self.device) != ("tensorflow", "cpu")

    def epochs(self, number):
        """`number`, or with DLUTILS_WORK=0.1 a tenth of it: at least 1."""
        return max(1, round(number * self.work))

    def part(self, array):
        """The first examples of an array: all, or with DLUTILS_WORK=0.1 a tenth."""
        return array[: self.epochs(len(array))]

    def rng(self, offset=0):
        """A NumPy Generator that depends on the lesson's seed and on `offset` alone."""
        import numpy as np

        return np.random.default_rng((self.seed, offset))

    def load(self, quick, full, **options):
        """The data set that fits the profile, as `dlutils.datasets.load` returns it.

        Where the full one cannot be had and the profile was not asked for by name, one line says
        so, and from then on the lesson runs as `quick`. Raises `datasets.DatasetUnavailable`
        otherwise.
        """
        from dlutils import datasets

        try:
            return datasets.load(self.pick(quick=quick, full=full), **options)
        except datasets.DatasetUnavailable:
            if self.profile == "quick" or self.profile_asked:
                raise
        self.profile = "quick"
        cannot = f"{full} cannot be had here (DLUTILS_PROFILE=full says why)"
        print(f"{cannot}: going on with {quick}, profile quick")
        return datasets.load(quick, **options)


def start(lesson, seed=0):
    """Start a lesson: choose the backend, seed everything, print one line, return the `Lab`.

    `seed` is an integer in [0, 2**32), which DLUTILS_SEED overrides. The backend is KERAS_BACKEND,
    else that of a Keras already imported, else the first installed of TensorFlow, JAX and PyTorch.
    The profile is DLUTILS_PROFILE, else "full" with an accelerator and "quick" without.
    DLUTILS_WORK, a fraction in (0, 1], shortens every training and suspends the claims. Raises
    ValueError for an unknown backend or profile or a bad seed, ModuleNotFoundError for a backend
    that is not installed, RuntimeError where Keras already runs on another one.

    Example:
        lab = runtime.start("05_cnns", seed=5)
        # 05_cnns: tensorflow on cpu, profile quick, seed 5
    """
    global _current
    started = time.perf_counter()
    seed, asked, work, backend = _seed(seed), _asked_profile(), _work(), _backend()
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _silent_descriptor():
        device = _warm_up(backend, seed)
    profile = asked or ("quick" if device == "cpu" else "full")
    _current = Lab(lesson, seed, profile, bool(asked), backend, device, work, started)
    trial = "" if work == 1 else f", {work:g} of the training"
    print(f"{lesson}: {backend} on {device}, profile {profile}, seed {seed}{trial}")
    return _current


def current():
    """The `Lab` that `start` returned last, or None before the first."""
    return _current


def _seed(seed):
    text = os.environ.get("DLUTILS_SEED")
    origin = "DLUTILS_SEED is" if text else "seed is"
    try:
        number = int(text) if text else seed
    except ValueError:
        number = text
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**32:
        raise ValueError(
            f"{origin} {number!r}, which cannot seed anything: give an integer from 0 to 2**32 - 1."
        )
    return number


def _asked_profile():
    profile = os.environ.get("DLUTILS_PROFILE") or None
    if profile not in (None, *PROFILES):
        raise ValueError(
            f"DLUTILS_PROFILE is {profile!r}, which is no profile: set it to quick or full, "
            "or leave it out."
        )
    return profile


def _work():
    text = os.environ.get("DLUTILS_WORK") or "1"
    try:
        work = float(text)
    except ValueError:
        work = 0.0
    if not 0 < work <= 1:
        raise ValueError(
            f"DLUTILS_WORK is {text!r}, which is no share of the training: give a number above 0 "
            "and up to 1, or leave it out."
        )
    return work


def _backend():
    asked = os.environ.get("KERAS_BACKEND") or None
    if asked not in (None, *BACKENDS):
        raise ValueError(
            f"KERAS_BACKEND is {asked!r}, on which these lessons do not run: set it to one of "
            f"{', '.join(BACKENDS)}, or leave it out."
        )
    loaded = _loaded_backend()
    if loaded and asked not in (None, loaded):
        raise RuntimeError(
            f"KERAS_BACKEND is {asked!r}, but Keras was already imported on {loaded!r} and cannot "
            "change: restart the kernel and call runtime.start before anything imports keras."
        )
    if asked and not _installed(asked):
        raise ModuleNotFoundError(
            f"KERAS_BACKEND is {asked!r}, which is not installed here, so Keras cannot start: "
            f"install it, or name one of {', '.join(filter(_installed, BACKENDS)) or 'none'}."
        )
    return asked or loaded or _first_installed()


def _loaded_backend():
    keras = sys.modules.get("keras")
    return keras.config.backend() if hasattr(keras, "config") else None


def _first_installed():
    for name in BACKENDS:
        if _installed(name):
            return name
    raise ModuleNotFoundError(
        f"None of {', '.join(BACKENDS)} is installed, so Keras has nothing to compute with: "
        "install one, for example with `pip install tensorflow`."
    )


def _installed(package):
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _warm_up(backend, seed):
    """Import Keras, run its first operation, seed it, and return the kind of device it uses."""
    import keras

    # A learner's own ~/.keras/keras.json may say otherwise, and the lessons' shapes depend on it.
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    keras.ops.convert_to_numpy(keras.ops.matmul(keras.ops.ones((2, 2)), keras.ops.ones((2, 2))))
    keras.utils.set_random_seed(seed)  # imports TensorFlow on JAX too, where both are installed
    return _device(backend)


def _device(backend):
    if backend == "tensorflow":
        import tensorflow as tf

        kinds = {device.device_type.lower() for device in tf.config.list_physical_devices()}
        return next((kind for kind in ("tpu", "gpu") if kind in kinds), "cpu")
    if backend == "jax":
        import jax

        platform = jax.devices()[0].platform
        return "gpu" if platform in ("cuda", "rocm") else platform
    import torch

    return "gpu" if torch.cuda.is_available() else "cpu"


@contextlib.contextmanager
def _silent_descriptor():
    """Send file descriptor 2 nowhere: TensorFlow's native start lines obey no setting."""
    try:
        saved = os.dup(2)
    except OSError:  # a process without one, such as a Windows service
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
