"""What a setting may be: ranges, choices and switches, and which of their values stand still."""

from itertools import product
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np

POSITIONS = 1000  # of one slider


class Setting(NamedTuple):
    """One slider: the values it takes, what they are called, and where it starts."""

    name: str
    values: list
    labels: list
    start: int
    kind: str  # "range", "choice" or "switch"


def setting(name, given):
    """What a range stands for, or its refusal."""
    if isinstance(given, bool | np.bool_):
        return Setting(name, [False, True], ["off", "on"], int(given), "switch")
    if isinstance(given, tuple):
        values = _range(name, given)
        return Setting(name, values, [label(v) for v in values], len(values) // 2, "range")
    if isinstance(given, list | range) or (isinstance(given, np.ndarray) and given.ndim == 1):
        values = given.tolist() if isinstance(given, np.ndarray) else list(given)
        if 1 <= len(values) <= POSITIONS:
            return Setting(name, values, [label(v) for v in values], 0, "choice")
        raise ValueError(
            f"{name} has {len(values)} choices, but 1 to {POSITIONS} are expected: give fewer."
        )
    raise ValueError(
        f"{name} is {_shown(given)}, but a tuple (low, high) or "
        f"(low, high, step), a list of choices, True or False is expected."
    )


def _range(name, given):
    """All values of (low, high) or (low, high, step)."""
    numbers = all(_number(v) for v in given)
    if not numbers or len(given) not in (2, 3):
        raise ValueError(
            f"{name} is {_shown(given)}, but a tuple of numbers, (low, high) or (low, high, step), "
            "is expected: put choices into a list."
        )
    whole = all(isinstance(v, Integral) for v in given)
    low, high = given[:2]
    step = given[2] if len(given) == 3 else 1 if whole else (high - low) / 20
    count = int((high - low) / step + 1e-6) + 1 if step > 0 else 0  # 0.3 / 0.1 is 2.9999…
    if not (low < high and 2 <= count <= POSITIONS):
        raise ValueError(
            f"{name} is {_shown(given)}, but low < high and a step that makes 2 to {POSITIONS} "
            "positions are expected."
        )
    if whole:
        return [int(low + i * step) for i in range(count)]
    return [float(f"{low + i * step:.12g}") for i in range(count)]  # 0.3, not 0.30000000000000004


def _number(value):
    """Whether it is a finite number, small enough to count in steps."""
    return isinstance(value, Real) and not isinstance(value, bool) and abs(value) < 1e15


def _shown(given):
    """What was given, on one short line."""
    line = " ".join(repr(given).split())
    return line if len(line) <= 60 else f"{line[:59]}…"


def label(value):
    """A value in words that are the same in every run."""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, Real):
        return f"{value:g}" if abs(value) < 1e5 else str(value)
    name = getattr(value, "__name__", None) or repr(value)
    return type(value).__name__ if " at 0x" in name else name


def in_words(setting):
    labels, values = setting.labels, len(setting.values)
    if setting.kind == "range" or values > 4:
        return f"{setting.name}: {labels[0]} to {labels[-1]} ({values} values)"
    return f"{setting.name}: {' or '.join(labels)}"


def panels(settings):
    """(columns, positions) of the static picture; columns is None where the width decides."""
    start = tuple(setting.start for setting in settings)
    if len(settings) == 1:
        return None, [(i,) for i in _spread(settings[0], 6)]
    rows, columns = _spread(settings[0], 3), _spread(settings[1], 2)
    return len(columns), [(i, j, *start[2:]) for i, j in product(rows, columns)]


def _spread(setting, most):
    """Positions of at most so many values of a setting, evenly spread, ends included."""
    last = len(setting.values) - 1
    return sorted({round(x) for x in np.linspace(0, last, min(most, last + 1))})
