"""Arrays as `.npy` bytes and back, and what is no array refused in a sentence."""

import io
import math
import re
import sys

import numpy as np

MAX_BYTES = 64 * 2**20

_NUMBERS = {"|b1", "|i1", "|u1", *(f"<{k}{n}" for k in "iu" for n in (2, 4, 8))}
_NUMBERS |= {"<f2", "<f4", "<f8", "<c8", "<c16"}
# Read by this pattern, not by NumPy: its own reader evaluates the header as Python.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)\{'descr': '([<|]\w\d{1,6})', 'fortran_order': False, "
    rb"'shape': \(((?:\d+, )*\d*,?)\), \} *\n",
    re.DOTALL,
)
_CURES = {
    "generator": "collect what it yields in a list or an array, and return that",
    "coroutine": "write `def`, not `async def`",
    "set": "return a sorted list",
    "range": "return a list or an array",
    "type": "make an instance of it, and return its numbers",
    "KerasTensor": "it is symbolic and has no numbers; call the model on an array",
    "SymbolicTensor": "it is symbolic and has no numbers; call the model on an array",
    "function": "call it, and return what it returns",
    "method": "call it, and return what it returns",
}
_SHORT = {"ndarray": "array", "builtin_function_or_method": "function"}


class CodecError(ValueError):
    """What cannot cross; the message names the type, where it was found, and what to do."""


def refused(kind, path=(), what="", cure=None):
    """The `CodecError` for a value of this type at this path, such as `a set at [2]: …`."""
    name = _SHORT.get(kind.__name__, kind.__name__[:60])
    cure = cure or _CURES.get(name, "return arrays, numbers, strings, or lists and dicts of these")
    where = "".join(f"[{key!r}]"[:60] for key in path)
    words = [("an" if name[:1] in "aeiouAEIOU" else "a"), name, what, where and f"at {where}"]
    return CodecError(" ".join(filter(None, words)) + f": {cure}" + "." * (cure[-1] != "?"))


def too_big(kind, path=()):
    """The `CodecError` for what exceeds MAX_BYTES."""
    return refused(kind, path, f"that exceeds {MAX_BYTES // 2**20} MB", "return something smaller")


def as_array(value, path=()):
    """The array in an ndarray, a NumPy scalar or a framework's tensor; else `CodecError`."""
    kind = type(value)
    if issubclass(kind, np.ndarray):
        return value
    try:
        if not issubclass(kind, np.generic) and not hasattr(kind, "__array__"):
            raise refused(kind, path)
        return np.asarray(value)
    except CodecError:
        raise
    except Exception as problem:
        try:  # such as a PyTorch tensor that wants a gradient
            return np.asarray(sys.modules["keras"].ops.convert_to_numpy(value))
        except Exception:
            raise refused(kind, path) from problem


def normal(array, kind, path=()):
    """A plain, contiguous, little-endian copy; bfloat16 as float32, long doubles as doubles.

    It reads the array past the methods of its class, which may be the learner's.
    """
    dtype = np.ndarray.dtype.__get__(array)
    if np.ndarray.nbytes.__get__(array) > MAX_BYTES:
        raise too_big(kind, path)
    if dtype.hasobject:
        raise refused(kind, path, "of Python objects", "are its rows of different lengths?")
    if dtype.type.__module__ == "ml_dtypes":
        dtype = np.dtype("<f4")
    elif dtype.kind in "fc":
        dtype = np.dtype(f"<{dtype.kind}{min(dtype.itemsize, 8 if dtype.kind == 'f' else 16)}")
    elif dtype.kind == "U":
        dtype = np.dtype(f"<U{max(dtype.itemsize // 4, 1)}")
    elif dtype.kind not in "biu":
        raise refused(kind, path, f"of dtype {str(dtype)[:40]}", "return an array of numbers")
    little = dtype.newbyteorder("<")
    return np.array(array, dtype=little, order="C", copy=True, subok=False)


def dump(array):
    """The `.npy` bytes of a `normal` array.

    >>> load(dump(np.arange(3.0)))
    array([0., 1., 2.])
    """
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)
    return file.getvalue()


def load(data):
    """The array of `dump`'s bytes; ValueError (or what NumPy raises) for any others."""
    header = _HEADER.match(data)
    if not header or int.from_bytes(header[1], "little") != header.end() - 10:
        raise ValueError("no .npy header")
    descr, body = header[2].decode("ascii"), data[header.end() :]
    if descr not in _NUMBERS and not re.fullmatch(r"<U[1-9]\d*", descr):
        raise ValueError("a dtype that does not cross")
    shape = tuple(int(n) for n in header[3].decode("ascii").split(",") if n.strip())
    dtype = np.dtype(descr)
    if len(body) != math.prod(shape) * dtype.itemsize:
        raise ValueError("shape and bytes differ")
    if not body:
        return np.empty(shape, dtype)
    _look_inside(body, dtype.kind)
    return np.frombuffer(body, dtype).reshape(shape).copy()


def _look_inside(body, kind):
    # Bytes that no NumPy operation makes, and on which later ones misbehave.
    if kind == "b" and np.frombuffer(body, "u1").max() > 1:
        raise ValueError("a boolean that is neither 0 nor 1")
    if kind == "U" and np.frombuffer(body, "<u4").max() > sys.maxunicode:
        raise ValueError("a character beyond Unicode")
