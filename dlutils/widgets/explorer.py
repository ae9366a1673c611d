"""Sliders that redraw a figure, with a static picture for those who only read."""

import html
import inspect
from collections import OrderedDict

from .controls import control, live
from .settings import in_words, panels, setting
from .stills import DPI, WIDTH, drawn, encoded, grid

VIEW = "application/vnd.jupyter.widget-view+json"
HINT = "Run this cell to move the sliders."
KEPT = 64  # figures that are not drawn again
# While the sliders are on the page, JupyterLab need not show the static picture below them. A saved
# notebook has no sliders, and JupyterLab takes no other form of the same output in their place.
STYLE = "<style>.jp-OutputArea-child:has(.dl-explore)+.jp-OutputArea-child{display:none}</style>"


def explore(f, /, **ranges):
    """Let a reader move a figure's settings: sliders in a live notebook, a static grid elsewhere.

    f: a function whose keyword arguments are the settings and that returns a figure (of
    dlutils.plotting or Matplotlib). ranges: what each setting may be. A tuple (low, high) or (low,
    high, step) is a range, both ends included, which starts in its middle; without a step, whole
    numbers go by 1 and others in twentieths. A list (or range, or array) is a choice among its
    entries, which starts at the first. A boolean is a switch, which starts as given.

    Returns an Explorer, shown where it is a cell's last value. The static picture has at most six
    panels: of one setting up to six values, of more up to three of the first by two of the second,
    all others as they start. f is therefore called up to six times at once, and again for what a
    reader asks for; the last 64 figures are kept. Raises ValueError for ranges that are none of
    these, TypeError where f is no function of the settings or returns no figure.

    >>> from dlutils import plotting
    >>> def line(slope, grows):
    ...     return plotting.curves([0, 1], {"y": [0, slope if grows else -slope]}, "x", "y")
    >>> explore(line, slope=(1, 5), grows=True)
    <Explorer of slope: 1 to 5 (5 values), grows: off or on>
    """
    if not callable(f):
        raise TypeError(f"f is {f!r}, but a function that returns a figure is expected.")
    if not ranges:
        raise ValueError("No range was given, but one is expected: explore(f, width=(1, 9)).")
    settings = [setting(name, given) for name, given in ranges.items()]
    try:
        inspect.signature(f).bind(**ranges)
    except TypeError as error:
        raise TypeError(
            f"f does not take the settings {', '.join(ranges)} ({error}): name every range after "
            "an argument of f, and give its other arguments a default."
        ) from None
    return Explorer(f, settings)


class Explorer:
    """What `explore` returns: `static` is the picture for readers, a Figure with alternative text.

    >>> from dlutils import plotting
    >>> explore(lambda n: plotting.bars({"n": n}, "n"), n=[1, 2, 3]).static.alt[:18]
    '3 pictures. n = 1:'
    """

    def __init__(self, f, settings):
        self._f, self._settings, self._drawn = f, settings, OrderedDict()
        columns, keys = panels(settings)
        captions = [self._caption(key[:2]) for key in keys]  # the others stand still
        self.static = grid([self._draw(key) for key in keys], captions, columns)

    def __repr__(self):
        return f"<Explorer of {', '.join(in_words(each) for each in self._settings)}>"

    def _ipython_display_(self):
        from IPython.display import display

        if ipywidgets := live():
            view = {"version_major": 2, "version_minor": 0}
            view["model_id"] = self._sliders(ipywidgets).model_id
            display({VIEW: view, "text/plain": HINT}, raw=True)
        width, height = (round(inches * DPI) for inches in self.static.get_size_inches())
        shown = {"alt": self.static.alt, "width": min(WIDTH, width)}
        shown["height"] = round(height * shown["width"] / width)
        data = {"image/png": encoded(self.static.png()), "text/plain": repr(self)}
        display(data, metadata={"image/png": shown}, raw=True)

    def _sliders(self, ipywidgets):
        """A box of one control for each setting and the picture that follows them."""
        controls = [control(ipywidgets, each) for each in self._settings]
        picture = ipywidgets.HTML()

        def redraw(change=None):
            picture.value = self._html(tuple(int(each.value) for each in controls))

        for each in controls:
            each.observe(redraw, "value")
        redraw()
        return ipywidgets.VBox([*controls, picture])

    def _html(self, key):
        """The picture at these positions as HTML, or one line where f fails: the sliders go on."""
        try:
            png, alt = self._draw(key)
        except Exception as error:
            said = (str(error).splitlines() or [""])[0]
            line = f"{self._caption(key)}: {type(error).__name__}: {said}"
            shown = f'<p role="alert">{html.escape(line)}</p>'
        else:
            source = f"data:image/png;base64,{encoded(png)}"
            shown = f'<img alt="{html.escape(alt)}" style="max-width:100%" src="{source}">'
        return f'<div class="dl-explore">{STYLE}{shown}</div>'

    def _draw(self, key):
        """The figure at the positions `key` of all settings, drawn once."""
        if key not in self._drawn:
            pairs = zip(self._settings, key, strict=True)
            self._drawn[key] = drawn(self._f(**{s.name: s.values[i] for s, i in pairs}))
            if len(self._drawn) > KEPT:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(key)
        return self._drawn[key]

    def _caption(self, key):
        pairs = zip(self._settings, key, strict=False)
        return ", ".join(f"{s.name} = {s.labels[i]}" for s, i in pairs)
