"""The controls of a live notebook, where there is one."""

import sys
from numbers import Real


def live():
    """Return ipywidgets where somebody can move sliders, else None."""
    ipython = sys.modules.get("IPython")
    kernel = getattr(ipython and ipython.get_ipython(), "kernel", None)
    # Who runs a notebook from end to end (nbclient, nbval, nbconvert) allows no input; Colab asks
    # for input in a way of its own.
    watched = "google.colab" in sys.modules or getattr(kernel, "_allow_stdin", True)
    if kernel is None or not watched:
        return None
    try:
        import ipywidgets
    except ImportError:
        return None
    return ipywidgets


def control(ipywidgets, setting):
    """The control of one setting, whose value is a position among the setting's values."""
    look = {"description": setting.name, "style": {"description_width": "initial"}}
    if setting.kind == "switch":
        return ipywidgets.Checkbox(value=bool(setting.start), indent=False, **look)
    look |= {"options": list(zip(setting.labels, range(len(setting.labels)), strict=True))}
    look |= {"value": setting.start}
    if setting.kind == "choice" and not all(isinstance(v, Real) for v in setting.values):
        return ipywidgets.Dropdown(**look)
    wide = ipywidgets.Layout(width="min(100%, 32em)")
    return ipywidgets.SelectionSlider(continuous_update=False, layout=wide, **look)
