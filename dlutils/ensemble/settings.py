"""What one member is: its seed, learning rate, regularisers, normalisation, start, activation."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np

from dlutils.plotting import valid

CHOICES = {
    "norm": (None, "batch", "layer"),
    "activation": ("relu", "tanh", "sigmoid", "gelu"),
    "init": ("glorot", "he", "small", "zeros"),
}
MEANT = {"learning_rate": "rate", "lr": "rate", "weight_decay": "l2", "normalisation": "norm"}


@dataclass(frozen=True, eq=False)
class Setting:
    """What one member is; every argument has a default, and a dict with these keys serves as well.

    seed: whole number, fixes the start weights and the order of the examples. rate: learning rate.
    l1, l2: penalties on the kernels, as in keras.regularizers. dropout: share of each hidden
    layer's outputs that is dropped. norm: None, "batch" or "layer", between a hidden layer's sum
    and its activation. init: "glorot" (uniform; Glorot & Bengio 2010), "he" (normal; He et al.
    2015), "small" (normal, standard deviation 0.01), "zeros", a number (normal with this standard
    deviation), or start weights as `MLPs.weights` returns them. activation: "relu", "tanh",
    "sigmoid" or "gelu". schedule: function of the step (0, 1, …, counted from the start of a fit)
    that returns what the rate is multiplied by.

    >>> Setting(seed=3, rate=0.01).dropout
    0.0
    """

    seed: int = 0
    rate: float = 1e-3
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    norm: str | None = None
    init: str | float | list = "glorot"
    activation: str = "relu"
    schedule: Callable | None = None


def read(settings):
    """The list of `Setting`s that `MLPs` was given as dicts or Settings; raises ValueError."""
    if isinstance(settings, Mapping | Setting | str) or not hasattr(settings, "__iter__"):
        raise TypeError(
            f"settings is {settings!r}, but a list with one dict for each member is expected, for "
            "example [dict(seed=s) for s in range(5)]."
        )
    found = [_member(f"settings[{i}]", entry) for i, entry in enumerate(settings)]
    if not found:
        raise ValueError("settings is empty, so there is nothing to train: give at least one dict.")
    return found


def _member(name, entry):
    if isinstance(entry, Setting):
        entry = {field.name: getattr(entry, field.name) for field in fields(entry)}
    if not isinstance(entry, Mapping):
        raise TypeError(
            f"{name} is {entry!r}, but a dict such as dict(seed=0, rate=0.01) is expected."
        )
    known = [field.name for field in fields(Setting)]
    for key in entry:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, 1, 0.5)
            guess = MEANT.get(key) or (close[0] if close else None)
            hint = f"Did you mean {guess!r}?" if guess else f"There are {', '.join(known)}."
            raise ValueError(f"{name} has the key {key!r}, which no member knows. {hint}")
    return _checked(name, Setting(**entry))


def _checked(name, setting):
    valid.count(f"{name}: seed", setting.seed, low=0)
    for key in ("rate", "l1", "l2", "dropout"):
        _number(f"{name}: {key}", getattr(setting, key), 1 if key == "dropout" else None)
    for key in ("norm", "activation"):
        if not _named(key, getattr(setting, key)):
            raise ValueError(_no_choice(name, key, getattr(setting, key)))
    _init(name, setting.init)
    if setting.schedule is not None and not callable(setting.schedule):
        raise TypeError(
            f"{name}: schedule is {setting.schedule!r}, but a function of the step is expected, "
            "for example lambda step: 0.99**step."
        )
    return setting


def _number(name, value, below):
    most = "" if below is None else f" and below {below}"
    if value is None or isinstance(value, bool | np.bool_ | str):
        raise ValueError(f"{name} is {value!r}, but a number of at least 0{most} is expected.")
    number = valid.number(name, value, low=0)
    if below is not None and number >= below:
        raise ValueError(
            f"{name} is {value!r}, which would drop everything: give at least 0{most}."
        )


def _named(key, value):
    return (value is None or isinstance(value, str)) and value in CHOICES[key]


def _no_choice(name, key, value):
    choices = ", ".join(map(repr, CHOICES[key]))
    more = ", a standard deviation or a list of start weights" if key == "init" else ""
    return f"{name}: {key} is {value!r}, but one of {choices}{more} is expected."


def _init(name, init):
    if isinstance(init, list | tuple) or _named("init", init):
        return
    if isinstance(init, str) or init is None or isinstance(init, bool | np.bool_):
        raise ValueError(_no_choice(name, "init", init))
    valid.number(f"{name}: init", init, low=0)
