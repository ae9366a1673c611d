"""What scores take: every refusal says what was given and what is expected."""

import numbers

import numpy as np

LARGEST = 1e100  # its square is still a float64


def array(name, value, expected):
    """Return `value` as a float64 array of finite numbers, or refuse it.

    >>> array("real", [[0, 1], [2, 3]], "features").dtype.name
    'float64'
    """
    try:
        a = np.asarray(value)
        if a.dtype.name == "bfloat16":
            a = a.astype("float32")
    except Exception:
        kind = type(value).__name__
        raise ValueError(f"{name} is a {kind} that is no array: expected are {expected}.") from None
    if a.dtype.kind not in "biuf":
        kind = f"is a {type(value).__name__}" if a.ndim == 0 else f"holds {a.dtype} values"
        raise ValueError(f"{name} {kind}, but {expected} are expected.")
    if a.size == 0:
        raise ValueError(f"{name} is empty (shape {a.shape}), but {expected} are expected.")
    with np.errstate(over="ignore"):
        a = a.astype("float64")
    _finite(name, a)
    return a


def _finite(name, a):
    bad = ~(np.abs(a) <= LARGEST)
    if not bad.any():
        return
    first = [int(i) for i in np.argwhere(bad)[0]]
    raise ValueError(
        f"{name} holds {int(bad.sum())} of {a.size} values that are NaN, infinite or beyond "
        f"{LARGEST:g} (the first is {a[tuple(first)]:g} at {first}), so no score can be computed: "
        "find where they come from."
    )


def rows(name, value, least=2):
    """Return features as float64 (n, d), n at least `least`; pictures become their raw pixels.

    >>> rows("real", np.zeros((5, 8, 8, 1))).shape
    (5, 64)
    """
    what = "features of shape (n, d), one row for each sample,"
    a = array(name, value, what)
    if a.ndim < 2:
        raise ValueError(f"{name} has shape {a.shape}, but {what} are expected.")
    if len(a) < least:
        raise ValueError(f"{name} holds {len(a)} samples, but at least {least} are needed.")
    return a.reshape(len(a), -1)


def pair(real, generated, least=2, least_generated=None):
    """Return real and generated features as float64 arrays of one width."""
    real = rows("real", real, least)
    generated = rows("generated", generated, least_generated or least)
    if real.shape[1] != generated.shape[1]:
        raise ValueError(
            f"real has {real.shape[1]} features and generated {generated.shape[1]}, but the same "
            "ones are expected: take both from the same layer of the same model."
        )
    return real, generated


def vector(name, value, expected):
    """Return `value` as a float64 array (n,), or refuse it."""
    a = array(name, value, expected)
    if a.ndim != 1:
        raise ValueError(f"{name} has shape {a.shape}, but {expected} of shape (n,) are expected.")
    return a


def indices(name, value, classes, shape):
    """Return whole numbers from 0 to classes - 1 of a given shape as int64, or refuse them.

    shape: of every length where it is None.
    """
    a = array(name, value, f"whole numbers from 0 to {classes - 1}")
    if (a.ndim != 1) if shape is None else (a.shape != shape):
        wanted = "(n,)" if shape is None else f"{shape}"
        cure = "; take the argmax of one-hot rows" if a.ndim > len(shape or "n") else ""
        raise ValueError(f"{name} has shape {a.shape}, but {wanted} is expected{cure}.")
    wrong = a[(a != np.round(a)) | (a < 0) | (a >= classes)]
    if wrong.size:
        raise ValueError(
            f"{name} holds {wrong[0]:g}, but whole numbers from 0 to {classes - 1} are expected."
        )
    return a.astype("int64")


def probabilities(name, value, classes="classes"):
    """Return probabilities (..., classes) whose rows sum to 1 as float64, or refuse them."""
    what = f"probabilities of shape (n, {classes})"
    a = array(name, value, what)
    if a.ndim < 2 or a.shape[-1] < 2:
        raise ValueError(f"{name} has shape {a.shape}, but {what}, at least two, are expected.")
    worst = np.abs(a.sum(-1) - 1).max()
    if a.min() < 0 or worst > 1e-3:
        given = f"{a.min():.3g}" if a.min() < 0 else f"rows that miss the sum 1 by {worst:.3g}"
        raise ValueError(
            f"{name} holds {given}, but {what} are expected, each row with the sum 1: apply a "
            "softmax to logits first."
        )
    return a


def count(name, value, low=1, high=None):
    """Return a whole number from `low` to `high` as int, or refuse it."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        limits = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} is {value!r}, but a whole number {limits} is expected.")
    return int(value)


def number(name, value, low, high, what):
    """Return a number with low < value < high as float, or refuse it; `what` says which."""
    scalar = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not scalar or not low < value < high:
        raise ValueError(f"{name} is {value!r}, but {what} is expected.")
    return float(value)
