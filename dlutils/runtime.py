"""A lesson's start: choose the Keras backend, seed everything, say where the lesson runs."""

import contextlib
import ctypes
import logging
import os
import sys
import time
from dataclasses import dataclass, field

from dlutils import settings

_current = None


@dataclass
class Lab:
    """Where and how the running lesson runs.

    `start` returns it, and nothing else needs to make one. `profile_asked` says whether
    DLUTILS_PROFILE named the profile; `device` is "cpu", "gpu" or "tpu"; `work` is the share of
    the training to do, 1 but for trials (DLUTILS_WORK); `started` is `time.perf_counter()` at the
    start, in seconds.

    >>> Lab("05_cnns", 5, "full", False, "tensorflow", "gpu").jit
    True
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
        """Whichever of two values fits the profile.

        >>> lab = Lab("05_cnns", 5, "quick", False, "jax", "cpu")
        >>> lab.pick(quick=3, full=12)
        3
        """
        return full if self.profile == "full" else quick

    @property
    def jit(self):
        """Whether compiling a model pays: on CPUs TensorFlow takes seconds for it, for nothing."""
        return (self.backend, self.device) != ("tensorflow", "cpu")

    def epochs(self, number):
        """`number`, or with DLUTILS_WORK=0.1 a tenth of it: at least 1.

        >>> Lab("05_cnns", 5, "quick", False, "jax", "cpu", work=0.1).epochs(20)
        2
        """
        return max(1, round(number * self.work))

    def part(self, array):
        """The first examples of an array: all, or with DLUTILS_WORK=0.1 a tenth.

        >>> Lab("05_cnns", 5, "quick", False, "jax", "cpu", work=0.5).part([1, 2, 3, 4])
        [1, 2]
        """
        return array[: self.epochs(len(array))]

    def rng(self, offset=0):
        """A NumPy Generator that depends on the lesson's seed and on `offset` alone.

        >>> lab = Lab("05_cnns", 5, "quick", False, "jax", "cpu")
        >>> float(lab.rng(1).random()) == float(lab.rng(1).random())
        True
        """
        import numpy as np

        return np.random.default_rng((self.seed, offset))

    def load(self, quick, full, **options):
        """The data set that fits the profile, as `dlutils.datasets.load` returns it.

        Where the full one cannot be had and the profile was not asked for by name, one line says
        so, and from then on the lesson runs as `quick`. Raises `datasets.DatasetUnavailable`
        otherwise.

        >>> Lab("05_cnns", 5, "quick", False, "jax", "cpu").load("digits", "mnist").x_train.shape
        (1197, 8, 8, 1)
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

    >>> lab = start("05_cnns", seed=5)  # doctest: +ELLIPSIS
    05_cnns: ... on ..., profile ..., seed 5
    >>> lab.epochs(8), lab.seed
    (8, 5)
    """
    global _current
    started = time.perf_counter()
    seed, asked = settings.seed(seed), settings.profile()
    work, backend = settings.work(), settings.backend()
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _silent_descriptor():
        device = _warm_up(backend, seed)
    _trim_after_cells()
    profile = asked or ("quick" if device == "cpu" else "full")
    _current = Lab(lesson, seed, profile, bool(asked), backend, device, work, started)
    trial = "" if work == 1 else f", {work:g} of the training"
    print(f"{lesson}: {backend} on {device}, profile {profile}, seed {seed}{trial}")
    return _current


def current():
    """The `Lab` that `start` returned last, or None before the first.

    >>> lab = start("05_cnns", seed=5)  # doctest: +ELLIPSIS
    05_cnns: ... on ..., seed 5
    >>> current() is lab
    True
    """
    return _current


def _warm_up(backend, seed):
    """Import Keras, run its first operation, seed it, and return the kind of device it uses."""
    import keras

    # A learner's own ~/.keras/keras.json may say otherwise, and the lessons' shapes depend on it.
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    keras.ops.convert_to_numpy(keras.ops.matmul(keras.ops.ones((2, 2)), keras.ops.ones((2, 2))))
    with _unimported("tensorflow" if backend != "tensorflow" else None):
        keras.utils.set_random_seed(seed)
    if backend == "tensorflow":
        logging.getLogger("tensorflow").addFilter(_no_retracing)
    return device_kind(backend)


@contextlib.contextmanager
def _unimported(package):
    """Keep Keras from importing a package that the backend does not need, for this block alone.

    To seed it, Keras imports TensorFlow wherever it is installed: 480 MB and 4 s on JAX.
    """
    if package is None or package in sys.modules:
        yield
        return
    sys.modules[package] = None  # as Python's own import statement knows it: cannot be imported
    try:
        yield
    finally:
        del sys.modules[package]
        # Keras remembers that it found none, and layers for text ask; where it keeps that is its
        # own business, so a version that keeps it elsewhere is no error.
        with contextlib.suppress(ImportError, AttributeError):
            from keras.src.utils import module_utils

            getattr(module_utils, package)._available = None


def _trim_after_cells():
    """In a notebook, let every cell end by giving freed memory back to the system."""
    from dlutils.callbacks import cells  # imports Keras, so not before the backend is chosen

    cells.forget_cell_end(_trim)
    cells.at_cell_end(_trim)


def _trim():
    """Give back what compilers freed: glibc would keep it, 200 MB after six networks on JAX."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if hasattr(library, "malloc_trim"):  # other C libraries have none
        library.malloc_trim(0)


def _no_retracing(record):
    """Whether a log record is none of TensorFlow's advice on retracing.

    A lesson compares models, each of which is traced once, which TensorFlow takes for a mistake.
    """
    return "tf.function retracing" not in record.getMessage()


def device_kind(backend):
    """What a backend computes on here: "cpu", "gpu" or "tpu".

    >>> device_kind("jax") in ("cpu", "gpu", "tpu")
    True
    """
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
