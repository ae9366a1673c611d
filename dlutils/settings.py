"""What the environment asks of a lesson: backend, profile, seed, share of the training."""

import importlib.util
import os
import sys

BACKENDS = ("tensorflow", "jax", "torch")  # in order of preference; all three can train
PROFILES = ("quick", "full")


def seed(seed):
    """DLUTILS_SEED, else `seed`: an integer in [0, 2**32). Raises ValueError."""
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


def profile():
    """DLUTILS_PROFILE, "quick" or "full", or None. Raises ValueError for another."""
    profile = os.environ.get("DLUTILS_PROFILE") or None
    if profile not in (None, *PROFILES):
        raise ValueError(
            f"DLUTILS_PROFILE is {profile!r}, which is no profile: set it to quick or full, "
            "or leave it out."
        )
    return profile


def work():
    """DLUTILS_WORK, a fraction in (0, 1], else 1. Raises ValueError."""
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


def backend():
    """The backend that Keras runs on, or is to run on; see `runtime.start` for what it raises."""
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
