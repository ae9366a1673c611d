"""The arrays that `MLPs.fit` and `MLPs.predict` are given, checked and brought into one form."""

import math

import numpy as np

from dlutils.plotting import valid


def examples(name, x, members, inputs):
    """(x as float32, whether each member has its own): x is (n, …) or (members, n, …).

    The axes after n hold `inputs` numbers in all. Raises ValueError, also for NaN.
    """
    expected = f"(n, {inputs}), or ({members}, n, {inputs}) with examples for each member,"
    a = valid.array(name, x, f"an array {expected}", range(2, 9), finite=False)
    sizes = math.prod(a.shape[1:]), math.prod(a.shape[2:])
    own = a.ndim > 2 and sizes[1] == inputs and a.shape[0] == members
    if not own and sizes[0] != inputs:
        raise ValueError(
            f"{name} has shape {a.shape}, but {members} members with {inputs} inputs each need "
            f"{expected} and pictures may keep their axes."
        )
    _finite(name, a)
    return a.astype("float32"), own


def targets(name, y, x, own, members, classes, outputs):
    """(y, whether each member has its own): labels int32 (n,), or float32 (n, outputs).

    Both may have the members before n. x, own: what `examples` returned. Raises ValueError.
    """
    n = x.shape[1 if own else 0]
    what = "labels" if classes else "targets"
    a = valid.array(name, y, f"an array of {what}, one for each example,", (1, 2, 3), finite=False)
    inner = () if classes else (outputs,)
    if not classes and outputs == 1 and a.shape in ((n,), (members, n)):
        a = a[..., None]
    if a.shape not in ((n, *inner), (members, n, *inner)):
        hot = classes and a.shape[-1:] == (classes,)
        raise ValueError(
            f"{name} has shape {a.shape}, but {what} for {n} examples have shape {(n, *inner)}, or "
            f"{(members, n, *inner)} with {what} for each member"
            + (f": give {name}.argmax(-1) for one-hot rows." if hot else ".")
        )
    _finite(name, a)
    if classes:
        return _labels(name, a, classes), a.ndim == 2
    return a.astype("float32"), a.ndim == 3


def rows(indices, n, members):
    """Indices int64 (members, k) into the n examples, or None. Raises ValueError."""
    if indices is None:
        return None
    a = valid.whole("indices", indices, f"whole numbers ({members}, k)", (2,), 0, n - 1)
    if len(a) != members:
        raise ValueError(
            f"indices has shape {a.shape}, but there are {members} members: give one row of "
            "indices, all of one length, for each (repeat a smaller set to fill its row)."
        )
    return a


def _finite(name, a):
    if not np.isfinite(a).all():
        raise ValueError(
            f"{name} holds {int(np.sum(~np.isfinite(a)))} of {a.size} values that are NaN or "
            "infinite, which would make every weight NaN: remove or replace them."
        )


def _labels(name, a, classes):
    bad = a[(a < 0) | (a >= classes) | (a != np.round(a))]
    if bad.size:
        raise ValueError(
            f"{name} holds the label {bad[0]:g}, but with classes={classes} labels are whole "
            f"numbers from 0 to {classes - 1}."
        )
    return a.astype("int32")
