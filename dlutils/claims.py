"""Claims: what a lesson says it reached, measured, printed as one line, and refused when untrue."""

import json
import math
import os
import sys
import time

_CURE = (
    "if you changed something above, this is what the change does; if not, restart the kernel and "
    "run all cells, and report the line that the lesson's first cell prints together with this one"
)


class Broken(AssertionError):  # noqa: N818 (it reads claims.Broken)
    """A lesson claimed what this run did not reach.

    >>> try:
    ...     at_least("test accuracy", 0.98, 0.99)
    ... except Broken as broken:
    ...     print(str(broken).partition(" (")[0])
    claim broken: test accuracy 0.9800, but at least 0.99 was claimed
    """

    def _render_traceback_(self):  # IPython shows this in place of a traceback
        return [str(self)]


def at_least(name, value, bar, digits=4):
    """Claim that a number reaches a bar.

    value: a number, or an array or tensor that holds one. bar: a finite number. digits: decimals
    printed. Raises `Broken` where it does not, NaN included.

    >>> at_least("test accuracy", 0.99168, 0.99)
    test accuracy 0.9917 (at least 0.99): holds
    """
    value, bar = _number(name, value), _finite(name, bar)
    _settle(name, value, bar, "at_least", lambda v: v >= bar, f"at least {bar!r}", digits)


def at_most(name, value, bar, digits=4):
    """Claim that a number stays under a bar; as `at_least` otherwise.

    >>> at_most("test error", 0.0083, 0.01)
    test error 0.0083 (at most 0.01): holds
    """
    value, bar = _number(name, value), _finite(name, bar)
    _settle(name, value, bar, "at_most", lambda v: v <= bar, f"at most {bar!r}", digits)


def between(name, value, low, high, digits=4):
    """Claim that a number lies in [low, high]; as `at_least` otherwise.

    >>> between("calls per solution", 3.5, 3, 4.25)
    calls per solution 3.5000 (between 3 and 4.25): holds
    """
    value, low, high = _number(name, value), _finite(name, low), _finite(name, high)
    if low > high:
        raise ValueError(
            f"The claim {name!r} is between {low!r} and {high!r}: put the smaller first."
        )
    wanted = f"between {low!r} and {high!r}"
    _settle(name, value, [low, high], "between", lambda v: low <= v <= high, wanted, digits)


def close(name, actual, desired, tolerance, digits=4):
    """Claim that two arrays of one shape differ nowhere by more than a tolerance.

    actual, desired: numbers, arrays or tensors. The measured value is max |actual - desired|.

    >>> close("largest difference from Keras", [1.0, 2.0], [1.0, 2.00000024], 1e-5)
    largest difference from Keras 2.4e-07 (at most 1e-05): holds
    """
    import numpy as np

    actual, desired = _array(name, actual), _array(name, desired)
    if actual.shape != desired.shape or actual.size == 0:
        raise ValueError(
            f"The claim {name!r} compares shapes {actual.shape} and {desired.shape}: "
            "give two arrays of one shape that is not empty."
        )
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, which is broken, not a warning
        at_most(name, np.max(np.abs(actual - desired)), tolerance, digits)


def _settle(name, value, bar, relation, test, wanted, digits):
    holds = bool(test(value))
    _report(name, value, bar, relation, holds)
    shown = _show(value, digits)
    if bool(test(float(shown))) != holds:  # rounding must not contradict the verdict
        shown = repr(value)
    if _work() < 1:  # a trial run at a share of the training claims nothing
        print(f"{name} {shown} ({wanted}): not claimed at {_work():g} of the training")
        return
    if not holds:
        raise Broken(f"claim broken: {name} {shown}, but {wanted} was claimed ({_CURE}).")
    print(f"{name} {shown} ({wanted}): holds")


def _show(value, digits):
    if isinstance(value, int) or value == 0:
        return str(int(value))
    return f"{value:.1e}" if abs(value) < 1e-3 else f"{value:.{digits}f}"


def _array(name, value):
    import numpy as np

    try:
        return np.asarray(value, dtype="float64")
    except Exception:  # such as a PyTorch tensor that wants a gradient: Keras knows how
        try:
            keras = sys.modules["keras"]
            return np.asarray(keras.ops.convert_to_numpy(value), dtype="float64")
        except Exception as problem:
            raise ValueError(
                f"The claim {name!r} was given a {type(value).__name__}, which holds no numbers: "
                "give a number or an array."
            ) from problem


def _number(name, value):
    if not isinstance(name, str) or not name or not name.isprintable():
        raise ValueError(f"A claim is named {name!r}: give one line of text.")
    if type(value) in (int, float):
        return value
    array = _array(name, value)
    if array.size != 1:
        raise ValueError(
            f"The claim {name!r} was given an array of shape {array.shape}: give one number, "
            "such as its mean."
        )
    return int(array.item()) if "int" in str(getattr(value, "dtype", "")) else float(array.item())


def _finite(name, bar):
    bar = _number(name, bar)
    if not math.isfinite(bar):
        raise ValueError(f"The claim {name!r} has the bar {bar!r}: give a finite number.")
    return bar


def _work():
    """The share of the training that the running lesson does."""
    from dlutils import runtime

    lab = runtime.current()
    return lab.work if lab else 1.0


def _report(name, value, bar, relation, holds):
    path = os.environ.get("DLUTILS_REPORT")
    if not path:
        return
    from dlutils import runtime

    lab = runtime.current()
    line = {
        "lesson": getattr(lab, "lesson", None),
        "claim": name,
        "value": value if math.isfinite(value) else None,  # JSON has no NaN
        "bar": bar,
        "relation": relation,
        "holds": holds,
        **{
            key: getattr(lab, key, None) for key in ("profile", "backend", "device", "seed", "work")
        },
        "seconds": round(time.perf_counter() - lab.started, 3) if lab else None,
    }
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    except OSError as problem:
        raise OSError(
            f"DLUTILS_REPORT is {path!r}, where the claim {name!r} cannot be written "
            f"({problem.strerror}): name a file in a folder that exists."
        ) from problem
