"""What arguments must be: every refusal says what was given and what is expected."""

import numbers as abstract
from collections.abc import Mapping

import numpy as np


class InputError(ValueError):
    """An argument that a plot cannot show; `style.public` adds the function's name."""


def array(name, value, expected, ndims, finite=True):
    """Return `value` as a float64 array of one of the dimensions `ndims`, or refuse it."""
    try:
        a = np.asarray(value)
        if a.dtype.name == "bfloat16":
            a = a.astype("float32")
    except Exception as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(f"{name} is no array ({reason}), but {expected} is expected.") from None
    if a.dtype.kind not in "biuf":
        kind = f"is a {type(value).__name__}" if a.ndim == 0 else f"holds {a.dtype} values"
        raise InputError(f"{name} {kind}, but {expected} is expected.")
    if a.ndim not in ndims:
        raise InputError(f"{name} has shape {a.shape}, but {expected} is expected.")
    if a.size == 0:
        raise InputError(f"{name} is empty (shape {a.shape}), but {expected} is expected.")
    if finite and not np.isfinite(a).all():
        first = [int(i) for i in np.argwhere(~np.isfinite(a))[0]]
        bad = int(np.sum(~np.isfinite(a)))
        raise InputError(
            f"{name} holds {bad} of {a.size} values that are NaN or infinite, the first at "
            f"{first}, but only finite numbers can be drawn."
        )
    return a.astype("float64")


def partly(name, value, expected, ndims):
    """Return `value` as a float64 array in which NaN stands for what is missing, or refuse it."""
    a = array(name, value, expected, ndims, finite=False)
    if np.isinf(a).any() or np.isnan(a).all():
        what = "infinite values" if np.isinf(a).any() else "nothing but NaN"
        raise InputError(f"{name} holds {what}, but numbers, or NaN for some, are expected.")
    return a


def whole(name, value, expected, ndims, low, high=None):
    """Return `value` as an integer array with low <= values <= high, or refuse it."""
    a = array(name, value, expected, ndims)
    if (a != np.round(a)).any():
        raise InputError(f"{name} holds {a[a != np.round(a)][0]:g}, but {expected} is expected.")
    outside = a[(a < low) | (a > (np.inf if high is None else high))]
    if outside.size:
        limits = f"at least {low}" if high is None else f"from {low} to {high}"
        raise InputError(f"{name} holds {outside[0]:g}, but values {limits} are expected.")
    return a.astype("int64")


def pictures(
    name, value, what="n pictures of shape (n, height, width) or (n, height, width, 1 or 3)"
):
    """Return pictures as floats in [0, 1], shape (n, height, width) or (n, height, width, 3).

    Floats must lie in [0, 1], integers in 0..255 (or 0..1).
    """
    a = array(name, value, what, (3, 4))
    shape = a.shape
    if a.ndim == 3 and shape[-1] in (1, 3) and shape[1] != shape[2]:
        raise InputError(
            f"{name} has shape {shape}, which looks like one picture, but {what} are expected: "
            f"give {name}[None] for a single picture."
        )
    if a.ndim == 4 and shape[-1] not in (1, 3):
        raise InputError(
            f"{name} has {shape[-1]} channels (shape {shape}), but {what} are expected."
        )
    a = _unit(name, a, np.asarray(value).dtype.kind)
    return a[..., 0] if a.ndim == 4 and shape[-1] == 1 else a


def _unit(name, a, kind):
    """Return `a` in [0, 1]: integers in 0..255 are divided by 255, anything else is refused."""
    top = 255 if kind in "iu" and a.max() > 1 else 1
    if a.min() < -1e-3 or a.max() > top + 1e-3:
        raise InputError(
            f"{name} holds values from {a.min():.3g} to {a.max():.3g}, but floats from 0 to 1 or "
            "integers from 0 to 255 are expected: plotting.beside and plotting.feature_maps scale "
            "one-channel pictures of any range."
        )
    return np.clip(a / top, 0, 1)


def words(name, value, count, per):
    """Return `value` as a list of `count` strings, one for each `per`; None stays None."""
    if value is None:
        return None
    if isinstance(value, str) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0:
        raise InputError(
            f"{name} is {value!r}, but a list with one entry for each {per} is expected."
        )
    found = [str(v) for v in value]
    if len(found) != count:
        raise InputError(
            f"{name} has length {len(found)}, but there are {count}: one for each {per}."
        )
    return found


def classes(name, value, count, colours):
    """Return a name for each of `count` classes or more; refuse more than there are looks."""
    if value is None:
        found = [f"class {i}" for i in range(count)]
    else:
        found = words(name, value, len(value) if hasattr(value, "__len__") else 0, "class")
    if len(found) < count:
        raise InputError(
            f"{name} has length {len(found)}, but class {count - 1} occurs, so at least {count} "
            "names are expected."
        )
    if len(found) > colours:
        raise InputError(
            f"there are {len(found)} classes, but only {colours} can be told apart: draw fewer in "
            "one figure."
        )
    return found


def plane(name, value, count=None):
    """Return points of a plane, (n, 2), as floats; `count` of them, where given."""
    a = array(name, value, "points of shape (n, 2)", (2,))
    if a.shape[1] != 2:
        raise InputError(f"{name} has shape {a.shape}, but points of shape (n, 2) are expected.")
    if count is not None and len(a) != count:
        raise InputError(f"{name} has {len(a)} points, but {count} are expected.")
    return a


def pair(name, value):
    """Return two names, for the two axes of a plane."""
    return words(name, value, 2, "axis")


def named(name, value, what):
    """Return `value` as a dict with string keys; refuse what is no dict or holds nothing."""
    if not isinstance(value, Mapping):
        raise InputError(
            f"{name} is a {type(value).__name__}, but a dict is expected: name -> {what}."
        )
    if not value:
        raise InputError(f"{name} is an empty dict, but at least one name -> {what} is expected.")
    return {str(key): entry for key, entry in value.items()}


def number(name, value, low=None):
    """Return a finite number as float (at least `low`, where given), or refuse it; None stays."""
    if value is None:
        return None
    real = isinstance(value, abstract.Real) or (
        np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iuf"
    )
    if not real or not np.isfinite(float(value)) or (low is not None and float(value) < low):
        least = "" if low is None else f" of at least {low}"
        raise InputError(f"{name} is {value!r}, but a finite number{least} is expected.")
    return float(value)


def mark(value):
    """Return the bar to draw as (name, number), or None: a number, or {its name: number}."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return "bar", number("bar", value)
    if len(value) != 1:
        raise InputError(
            f"bar holds {len(value)} entries, but one value is marked: give {{name: number}}."
        )
    name, at = next(iter(value.items()))
    if at is None:
        raise InputError(f"bar[{name!r}] is None, but a finite number is expected.")
    return str(name), number(f"bar[{name!r}]", at)


def count(name, value, low=1):
    """Return a whole number of at least `low` as int, or refuse it."""
    if isinstance(value, bool) or not isinstance(value, abstract.Integral) or value < low:
        raise InputError(f"{name} is {value!r}, but a whole number of at least {low} is expected.")
    return int(value)
