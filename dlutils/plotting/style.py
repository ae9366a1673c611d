"""The look that all figures share, and a figure that shows itself exactly once."""

import base64
import functools
import inspect
import io
import warnings

import matplotlib
import matplotlib.figure
import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from .valid import InputError

WIDTH = 7.0  # inches; 700 pixels, so 10 pt text keeps 12 pixels in a notebook 600 pixels wide
DPI = 100
MARGIN = 0.1  # inches
SMALL, TEXT, LARGE = 10, 10.5, 12  # points
LINE = 1.35  # line height as a multiple of the font size

INK = "#222222"
QUIET = "#5f5f5f"  # 6.4:1 on white
EDGE = "#b5b5b5"
# Okabe & Ito (2008), darkest first, without yellow: at 1.3:1 on white nobody can follow its line.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1)), (0, (8, 3)), (0, (2, 3)))
# Negative orange, zero white, positive blue: told apart with any colour vision.
DIVERGING = LinearSegmentedColormap.from_list(
    "orange_blue", [PALETTE[1], "white", PALETTE[0]], N=257
)

_LOOK = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "font.size": TEXT,
    "axes.titlesize": LARGE,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": TEXT,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "image.interpolation": "nearest",
    "text.parse_math": False,  # a class called "$5" is a name, not a formula
}


def look():
    """Context in which Matplotlib's defaults and this style hold, whatever the caller has set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", matplotlib.MatplotlibDeprecationWarning)
        return matplotlib.style.context(["default", _LOOK])


class Figure(matplotlib.figure.Figure):
    """A Matplotlib figure that pyplot does not know, with alternative text in `alt`.

    Pyplot would show it a second time at the end of the cell. This one is shown where it is a
    cell's last value, or given to `display`, whatever backend or style is active.

    >>> figure = plotting.grid([[1]])
    >>> type(figure).__name__, figure.alt
    ('Figure', 'Grid of numbers: 1 rows of 1, 0 windows framed.')
    """

    alt = ""

    def __repr__(self):
        """Fixed: size and panels may follow from what was measured, and nbval compares."""
        return "<Figure>"

    def draw(self, renderer):
        """Draw in the course's style, also when the caller's style has changed since."""
        with look():
            super().draw(renderer)

    def savefig(self, *args, **kwargs):
        """Save in the course's style: Matplotlib takes the background from the caller's."""
        with look():
            super().savefig(*args, **kwargs)

    def png(self):
        """Return the figure as PNG bytes, without the field that names Matplotlib's version."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
        return buffer.getvalue()

    def _ipython_display_(self):
        from IPython.display import display

        data = {"image/png": base64.b64encode(self.png()).decode(), "text/plain": repr(self)}
        display(data, metadata={"image/png": {"alt": self.alt}}, raw=True)


def new_figure(width, height, **options):
    """Return a new Figure of `width` × `height` inches with an Agg canvas."""
    figure = Figure(figsize=(width, height), dpi=DPI, **options)
    FigureCanvasAgg(figure)
    return figure


def public(function):
    """Run `function` in the course's style; its refusals become ValueErrors that bear its name."""

    @functools.wraps(function)
    def styled(*args, **kwargs):
        try:
            with look():
                return function(*args, **kwargs)
        except InputError as error:
            raise ValueError(f"plotting.{function.__name__}: {error}") from None

    styled.__signature__ = inspect.signature(function)
    return styled


def luminance(colour):
    """Return the relative luminance (WCAG 2.1) of a Matplotlib colour, 0 black to 1 white."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def ink_on(colour):
    """Return black or white, whichever reads better on `colour`."""
    return "#000000" if luminance(colour) > 0.179 else "#ffffff"
