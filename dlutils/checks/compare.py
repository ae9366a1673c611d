"""Whether an answer is the array that was expected, and in which words it is not."""

import numpy as np

from dlutils.checks.same import show


class Unusable(Exception):  # noqa: N818 (what it says is about the answer)
    """An answer that is no array of real numbers, and why."""


def to_array(value):
    """The float64 or int64 array in a decoded value; raises `Unusable`, which says why not.

    >>> to_array([[1, 2], [3, 4.5]])
    array([[1. , 2. ],
           [3. , 4.5]])
    """
    if value is None:
        raise Unusable("Your code returned None: is the return statement missing?")
    _look_at_leaves(value)
    try:
        array = np.array(value)
        wide = array.dtype == object or (array.dtype == np.uint64 and array.max(initial=0) >> 63)
        return array.astype(np.float64 if wide or array.dtype.kind == "f" else np.int64)
    except ValueError:
        raise Unusable(f"An array is expected, and your code returned {_ragged(value)}.") from None
    except OverflowError:
        raise Unusable("Your code returned an integer too large for an array.") from None


def _look_at_leaves(value, index=()):
    # Before NumPy sees them: it would turn a list with one long text in it into many long texts.
    if isinstance(value, list):
        for i, item in enumerate(value):
            _look_at_leaves(item, (*index, i))
        return
    kind = value.dtype.kind if isinstance(value, np.ndarray) else None
    where = f" at {list(index)}" if index else ""
    if kind == "c" or isinstance(value, complex):
        raise Unusable(f"Real numbers are expected, and your code returned complex ones{where}.")
    if kind == "U" or (kind is None and not isinstance(value, int | float)):
        raise Unusable(f"Numbers are expected, and your code returned {show(value)}{where}.")


def _ragged(value):
    shapes = [np.shape(to_array(item)) for item in value]  # raises for what is ragged further in
    other = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), 0)
    return f"a ragged list: item 0 has shape {shapes[0]}, item {other} has shape {shapes[other]}"


def shape_fault(array, shape):
    """In words, how an array's shape is not the expected one; "" where it is.

    shape: an int or a tuple, in which None stands for any length.

    >>> shape_fault(np.zeros((10, 4)), (4, 10))
    'yours has shape (10, 4), expected (4, 10): is it transposed?'
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if array.ndim == len(shape) and all(
        wanted in (None, given) for wanted, given in zip(shape, array.shape, strict=True)
    ):
        return ""
    yours = f"yours has shape {array.shape}" if array.ndim else "yours is a single number"
    expected = f"shape {shape}".replace("None", "any") if shape else "a single number"
    expected = expected.removeprefix("shape ") if array.ndim else expected
    transposed = array.ndim > 1 and array.shape == shape[::-1]
    return f"{yours}, expected {expected}" + (": is it transposed?" if transposed else "")


def finite_fault(array):
    """In words, how many values are NaN (else infinite) and where the first is; "" for none.

    >>> finite_fault(np.array([0.0, np.nan, np.nan]))
    '2 of 3 values are NaN, the first at [1]'
    """
    nan = np.isnan(array)
    kind, bad = ("NaN", nan) if nan.any() else ("infinite", np.isinf(array))
    if not bad.any():
        return ""
    if array.ndim == 0:
        return f"yours is {kind}"
    count = int(bad.sum())
    are = "is" if count == 1 else "are"
    return f"{count} of {array.size} values {are} {kind}, the first at {_first(bad)}"


def difference(actual, desired, rtol, atol):
    """In words, where two arrays of one shape differ; "" where they are close.

    Close is |actual - desired| <= atol + rtol * max |desired|, one bound for all values: the
    rounding error of a sum follows its largest terms. Equal infinities are close; NaN never is.

    >>> difference(np.array([1.0, 2.0]), np.array([1.0, 2.5]), rtol=1e-4, atol=1e-5)
    'first difference at [1]: yours 2, expected 2.5 (1 of 2 values differs)'
    """
    with np.errstate(all="ignore"):
        scale = np.abs(desired[np.isfinite(desired)]).max(initial=0)
        gap = np.where(actual == desired, 0.0, np.abs(actual - desired))
        gap[np.isnan(gap)] = np.inf
        bad = gap > atol + rtol * scale
    if not bad.any():
        return ""
    if actual.ndim == 0:
        return _pair(actual, desired, ())
    first, largest = _first(bad), _first(gap == gap.max())
    words = f"first difference at {first}: {_pair(actual, desired, first)}"
    count = int(bad.sum())
    extent = f"{count} of {bad.size} values differ" + ("s" if count == 1 else "")
    if largest != first:
        extent += f", most at {largest}: {_pair(actual, desired, largest)}"
    return f"{words} ({extent})"


def _first(mask):
    return [int(i) for i in np.unravel_index(np.argmax(mask), mask.shape)]


def _pair(actual, desired, index):
    yours, expected = actual[tuple(index)], desired[tuple(index)]
    digits = 6 if f"{yours:.6g}" != f"{expected:.6g}" else 17  # enough to tell them apart
    return f"yours {yours:.{digits}g}, expected {expected:.{digits}g}"
