"""Values as bytes and back: JSON for the structure, `.npy` for the arrays, never a pickle.

What crosses is None, booleans, numbers, strings, arrays of these, and lists or dicts of all that.
Tuples become lists, NumPy scalars numbers, framework tensors arrays, subclasses their plain base.
`decode` may be given any bytes at all: what it allocates is bounded, whatever they say.

A message: 8 bytes of magic, 8 with the length of the JSON text (little-endian), the text, then the
arrays in the order in which the text names them. In the text a list is a list, and an object has
one key: `d` a dict, `c` a complex number, `a` an array with the number of its `.npy` bytes.
"""

import json

import numpy as np

from dlutils.checks import npy
from dlutils.checks.npy import MAX_BYTES, CodecError, refused, too_big

MAX_DEPTH = 50
MAX_ITEMS = 1_000_000
MAX_ARRAYS = 10_000  # each takes a while to read
MAX_INTEGER_BITS = 10_000  # Python reads no longer ones from text
__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_ITEMS", "CodecError", "decode", "encode"]

_MAGIC = b"dlutils1"
_PLAIN = {  # the base's own method, since a subclass may have another
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    complex: lambda z: complex(complex.real.__get__(z), complex.imag.__get__(z)),
}


def encode(value):
    """The bytes of a value, which share nothing with it.

    Raises `CodecError` for what cannot cross, for more than MAX_BYTES or MAX_ITEMS, and for lists
    and dicts nested deeper than MAX_DEPTH.

    >>> decode(encode({"loss": 0.25, "shape": (3, 4)}))
    {'loss': 0.25, 'shape': [3, 4]}
    """
    writer = _Writer()
    text = json.dumps(writer.plain(value, ()), separators=(",", ":"))
    # `_outside_strings` relies on this: a quote in the text always begins or ends a string.
    text = text.replace("\\\\", "\\u005c").replace('\\"', "\\u0022").encode("ascii")
    message = b"".join([_MAGIC, len(text).to_bytes(8, "little"), text, *writer.arrays])
    if len(message) > MAX_BYTES:
        raise too_big(type(value))
    return message


def decode(message):
    """The value that `encode` was given, in plain lists, dicts and arrays that can be written to.

    Raises `CodecError`, and nothing else, for bytes that `encode` did not make.

    >>> decode(encode(np.float32([1, 2])))
    array([1., 2.], dtype=float32)
    """
    try:
        return _decode(message)
    except Exception as problem:  # hostile bytes fail in more ways than can be listed
        raise CodecError("these bytes are no message that can be read") from problem


def _decode(message):
    end = 16 + int.from_bytes(message[8:16], "little")
    if message[:8] != _MAGIC or not 16 < end <= len(message) <= MAX_BYTES:
        raise ValueError("no message")
    text = message[16:end]
    structure = _outside_strings(text)
    if sum(structure.count(mark) for mark in (b",", b"[", b"{")) > 4 * MAX_ITEMS:
        raise ValueError("too many items")  # before they are made: three bytes make a list of 56
    reader = _Reader(message, end)
    value = reader.value(json.loads(text.decode("ascii")), 0)
    if reader.at != len(message):
        raise ValueError("bytes left over")
    return value


def _outside_strings(text):
    if b'\\"' in text or b"\\\\" in text or text.count(b'"') > 4 * MAX_ITEMS:
        raise ValueError("not written by encode")
    return b" ".join(text.split(b'"')[::2])


class _Writer:
    def __init__(self):
        self.arrays, self.items, self.size = [], 0, 0

    def plain(self, value, path):
        """The JSON side of a value, whose arrays are put aside: ask its type, as it may lie."""
        self._count(path)
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind in _PLAIN:
            return self._scalar(value, path)
        for base, convert in _PLAIN.items():
            if issubclass(kind, base):
                return self._scalar(convert(value), path)
        if issubclass(kind, list | tuple):
            base = list if issubclass(kind, list) else tuple
            return [self.plain(item, (*path, i)) for i, item in enumerate(base.__iter__(value))]
        if issubclass(kind, dict):
            return {"d": dict(self._entry(*entry, path) for entry in dict.items(value))}
        array = npy.normal(npy.as_array(value, path), kind, path)
        if issubclass(kind, np.generic):
            return self.plain(array.tolist(), path)
        if len(self.arrays) == MAX_ARRAYS:
            raise CodecError(f"more than {MAX_ARRAYS:,} arrays: return one array of them all.")
        self.arrays.append(npy.dump(array))
        self._grow(len(self.arrays[-1]), kind, path)
        return {"a": len(self.arrays[-1])}

    def _entry(self, key, value, path):
        if not issubclass(type(key), str):
            kind = type(key).__name__
            raise refused(dict, path, f"with a key of type {kind}", "use strings as its keys")
        key = str.__str__(key)
        self._grow(len(key), dict, path)
        return key, self.plain(value, (*path, key))

    def _scalar(self, value, path):
        kind = type(value)
        if kind is complex:
            return {"c": [value.real, value.imag]}
        if kind is int and value.bit_length() > MAX_INTEGER_BITS:
            raise refused(int, path, f"of more than {MAX_INTEGER_BITS} bits", "return a float")
        if kind is str:
            self._grow(len(value), str, path)
        return value

    def _count(self, path):
        self.items += 1
        if len(path) > MAX_DEPTH:
            cure = "does a list contain itself?"
            raise CodecError(f"lists or dicts nested more than {MAX_DEPTH} deep: {cure}")
        if self.items > MAX_ITEMS:
            raise CodecError(f"more than {MAX_ITEMS:,} values one by one: return an array.")

    def _grow(self, size, kind, path):
        self.size += size
        if self.size > MAX_BYTES:
            raise too_big(kind, path)


class _Reader:
    def __init__(self, message, at):
        self.message, self.at, self.arrays, self.items = message, at, 0, 0

    def value(self, plain, depth):
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise ValueError("too deep or too much")
        if type(plain) is int and plain.bit_length() > MAX_INTEGER_BITS:
            raise ValueError("an integer that encode refuses")
        if isinstance(plain, list):
            return [self.value(item, depth + 1) for item in plain]
        if not isinstance(plain, dict):
            return plain
        ((tag, content),) = plain.items()
        if tag == "d":
            return {key: self.value(item, depth + 1) for key, item in content.items()}
        if tag == "c":
            return complex(*map(float, content))
        if tag == "a" and 0 < content <= len(self.message) - self.at:
            self.at, self.arrays = self.at + content, self.arrays + 1
            if self.arrays > MAX_ARRAYS:
                raise ValueError("too many arrays")
            return npy.load(self.message[self.at - content : self.at])
        raise ValueError("unknown tag")
