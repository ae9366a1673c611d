"""Whether two decoded values are the same, and in which words they are not."""

import numpy as np


def inequality(actual, desired, path=()):
    """In words, the first place where two decoded values are not the same; "" where they are.

    Lists and dicts are compared item by item, arrays by shape and value, numbers by value, so that
    3 is 3.0; NaN is NaN here. An array and a list with the same items are the same.

    >>> inequality(["a", "b"], ["a", "c"])
    "first difference at [1]: yours 'b', expected 'c'"
    """
    if isinstance(actual, np.ndarray) and isinstance(desired, np.ndarray):
        return _of_arrays(actual, desired, path)
    actual, desired = (v.tolist() if isinstance(v, np.ndarray) else v for v in (actual, desired))
    if isinstance(actual, list) and isinstance(desired, list):
        return _of_lists(actual, desired, path)
    if isinstance(actual, dict) and isinstance(desired, dict):
        return _of_dicts(actual, desired, path)
    return "" if _equal(actual, desired) else _pair(actual, desired, path)


def show(value, limit=80):
    """A decoded value, or what it is where that takes more characters than the limit.

    >>> show([0.5, 1]), show([0.5] * 100)
    ('[0.5, 1]', 'a list of length 100')
    """
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape}"
    if isinstance(value, list | dict | str) and len(value) > limit:
        kind = "text" if isinstance(value, str) else type(value).__name__
        return f"a {kind} of length {len(value)}"
    text = repr(value.item() if isinstance(value, np.ndarray) else value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _of_arrays(actual, desired, path):
    if actual.shape != desired.shape:
        return f"yours has shape {actual.shape}, expected {desired.shape}{_at(path)}"
    if (actual.dtype.kind == "U") != (desired.dtype.kind == "U"):
        return f"yours is {actual.dtype}, expected {desired.dtype}{_at(path)}"
    differ = (actual != desired) & ((actual == actual) | (desired == desired))
    if not differ.any():
        return ""
    first = np.unravel_index(np.argmax(differ), differ.shape)
    return _pair(actual[first].item(), desired[first].item(), (*path, *map(int, first)))


def _of_lists(actual, desired, path):
    if len(actual) != len(desired):
        return f"yours has length {len(actual)}, expected {len(desired)}{_at(path)}"
    pairs = enumerate(zip(actual, desired, strict=True))
    return next(filter(None, (inequality(a, d, (*path, i)) for i, (a, d) in pairs)), "")


def _of_dicts(actual, desired, path):
    if actual.keys() != desired.keys():
        yours, expected = show(sorted(actual)), show(sorted(desired))
        return f"yours has the keys {yours}, expected {expected}{_at(path)}"
    parts = (inequality(actual[key], desired[key], (*path, key)) for key in desired)
    return next(filter(None, parts), "")


def _equal(actual, desired):
    both_nan = actual != actual and desired != desired
    return both_nan or bool(actual == desired)


def _pair(actual, desired, path):
    where = f"first difference at {_index(path)}: " if path else ""
    return f"{where}yours {show(actual)}, expected {show(desired)}"


def _at(path):
    return f", at {_index(path)}" if path else ""


def _index(path):
    if all(isinstance(key, int) for key in path):
        return str(list(path))
    return "".join(f"[{key!r}]" for key in path)
