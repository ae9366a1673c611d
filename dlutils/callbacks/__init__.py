"""Keras callbacks: progress, timing, a range test, gradient norms, TensorBoard logs.

The classes are made when they are first asked for, since their base class is Keras's and this
module must not import Keras before a lesson has chosen its backend.
"""

from dlutils.callbacks import bars, gradients, logs, ranges, timing
from dlutils.callbacks.bars import progress
from dlutils.callbacks.logs import read_events

_KINDS = {
    "EventLog": logs.EventLog,
    "GradientNorm": gradients.GradientNorm,
    "Progress": bars.Progress,
    "RangeTest": ranges.RangeTest,
    "Timer": timing.Timer,
}
__all__ = [
    "EventLog",
    "GradientNorm",
    "Progress",
    "RangeTest",
    "Timer",
    "progress",
    "read_events",
]


def __getattr__(name):
    if name not in _KINDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import keras

    kind = _KINDS[name]
    body = {"__doc__": kind.__doc__, "__module__": __name__}
    made = globals()[name] = type(name, (kind, keras.callbacks.Callback), body)
    return made
