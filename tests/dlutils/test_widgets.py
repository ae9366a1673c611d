"""Figures with sliders: what the settings may be, what stands still, what a kernel sends."""

import base64
import io
import os
import subprocess
import sys
from pathlib import Path
from queue import Empty

import IPython.display
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st
from jupyter_client.manager import start_new_kernel
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from nbformat import NotebookNode
from PIL import Image

from coursetools.outputs import scrub
from dlutils import plotting, widgets
from dlutils.widgets.settings import setting

ROOT = Path(__file__).parents[2]
VIEW = "application/vnd.jupyter.widget-view+json"
COLOURS = ["#ff0000", "#00ff00", "#0000ff"]


def plain(colour="#ff0000", height=1, **others):
    """A picture of one colour, with alternative text."""
    figure = plotting.style.new_figure(2, height)
    figure.figimage(np.full((100 * height, 200, 3), to_rgb(colour)))
    figure.alt = f"All {colour}."
    return figure


class Calls:
    """A function of settings that notes what it is called with."""

    def __init__(self):
        self.given = []

    def __call__(self, **given):
        self.given.append(given)
        return plain()


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


# Settings


@pytest.mark.parametrize(
    ("given", "values", "start"),
    [
        ((1, 4), [1, 2, 3, 4], 3),
        ((2, 10, 4), [2, 6, 10], 6),
        ((2, 9, 4), [2, 6], 6),
        ((0, 1, 0.25), [0.0, 0.25, 0.5, 0.75, 1.0], 0.5),
        ((0.1, 0.5, 0.1), [0.1, 0.2, 0.3, 0.4, 0.5], 0.3),
        (["sin", "cos"], ["sin", "cos"], "sin"),
        ([3, 1], [3, 1], 3),
        (range(3), [0, 1, 2], 0),
        (np.array([0.5, 2]), [0.5, 2.0], 0.5),
        (True, [False, True], True),
        (np.False_, [False, True], False),
    ],
)
def test_tuples_are_ranges_lists_choices_and_booleans_switches(given, values, start):
    made = setting("s", given)
    assert made.values == values
    assert made.values[made.start] == start
    assert len(made.labels) == len(values)


def test_a_range_of_fractions_goes_in_twentieths():
    assert setting("s", (0.0, 2.0)).values == pytest.approx(np.linspace(0, 2, 21))


@tries(max_examples=50, deadline=None)
@given(st.tuples(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.integers(1, 900)))
def test_a_range_holds_both_ends_and_equal_steps(drawn):
    low, width, steps = drawn
    values = setting("s", (low, low + width, width / steps)).values
    assert values[0] == pytest.approx(low, rel=1e-9, abs=1e-9)
    assert values[-1] == pytest.approx(low + width, rel=1e-6, abs=1e-6)
    assert len(values) == steps + 1


@pytest.mark.parametrize(
    "given",
    [
        *(3, 0.5, "sin" * 99, None, {"a": 1}, {1, 2}, [], np.zeros((9, 9)), list(range(1001))),
        *((), (1,), (1, 2, 3, 4), (2, 1), (1, 1), (0, 1, 0), (0, 1, -1), (0, 1, 2), (0, 10**9)),
        *(("a", "b"), (0, np.nan), (0, np.inf), (0, 10**400), (0, 1, 1e-9), (True, False)),
    ],
)
def test_what_is_no_range_is_refused_in_one_clear_line(given):
    with pytest.raises(ValueError, match=r"^width (is|has) .* expected") as caught:
        widgets.explore(plain, width=given)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@tries(max_examples=40, deadline=None)
@given(
    st.one_of(st.none(), st.floats(), st.text(), st.tuples(st.floats(), st.floats()), st.binary())
)
def test_any_setting_is_values_or_one_clear_refusal(given):
    try:
        made = setting("s", given)
    except ValueError as error:
        said = str(error)
    else:
        said = "s is"
        assert 2 <= len(made.values) <= 1000
    assert said.startswith("s is")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("f", "ranges", "says"),
    [
        ("waves", {"n": [1]}, "f is 'waves', but a function"),
        (lambda n: plain(), {"m": [1]}, "f does not take the settings m .* name every range"),
        (lambda n, m: plain(), {"m": [1]}, "f does not take the settings m"),
        (lambda n: None, {"n": [1]}, "f returned None, but a figure is expected"),
        (lambda n: plain().axes, {"n": [1]}, r"f returned \[\], but a figure"),
    ],
)
def test_what_is_no_function_of_the_settings_to_a_figure_is_refused(f, ranges, says):
    with pytest.raises(TypeError, match=says) as caught:
        widgets.explore(f, **ranges)
    assert "\n" not in str(caught.value)


def test_no_setting_at_all_is_refused():
    with pytest.raises(ValueError, match="No range was given"):
        widgets.explore(plain)


# What stands still


@pytest.mark.parametrize(
    ("ranges", "calls"),
    [
        ({"a": [1, 2]}, [{"a": 1}, {"a": 2}]),
        ({"a": (0, 100)}, [{"a": a} for a in (0, 20, 40, 60, 80, 100)]),
        (
            {"a": (0, 10), "b": ["x", "y", "z"], "c": True, "d": (0, 4)},
            [{"a": a, "b": b, "c": True, "d": 2} for a in (0, 5, 10) for b in "xz"],
        ),
    ],
)
def test_the_static_picture_shows_at_most_six_settings_with_the_ends(ranges, calls):
    f = Calls()
    widgets.explore(f, **ranges)
    assert f.given == calls


def test_the_static_picture_holds_every_figure_at_its_size_under_its_setting():
    explorer = widgets.explore(plain, colour=COLOURS)
    whole = pixels(explorer.static.png())
    assert whole.shape[1] == 3 * 200
    head = whole.shape[0] - 100
    for i, colour in enumerate(COLOURS):
        panel = whole[head:, 200 * i : 200 * (i + 1)]
        assert (panel == [int(colour[j : j + 2], 16) for j in (1, 3, 5)]).all()
        assert (whole[:head, 200 * i : 200 * (i + 1)] < 100).any()  # its caption
    texts = [text.get_text() for text in explorer.static.texts]
    assert texts == [f"colour = {colour}" for colour in COLOURS]
    assert explorer.static.alt.startswith("3 pictures. colour = #ff0000: All #ff0000. colour =")


def test_two_settings_make_rows_and_columns_also_of_different_heights():
    explorer = widgets.explore(plain, height=[1, 2], colour=COLOURS[:2])
    whole = pixels(explorer.static.png())
    cell = whole.shape[0] // 2
    assert whole.shape == (2 * cell, 400, 3)
    for row, height in enumerate((1, 2)):
        top = row * cell + cell - 200  # a lower figure stands at the top of its cell
        for column, colour in enumerate(([255, 0, 0], [0, 255, 0])):
            panel = whole[top : top + 200, 200 * column : 200 * (column + 1)]
            assert (panel[: 100 * height] == colour).all()
            assert (panel[100 * height :] == 255).all()


def test_captions_fit_above_their_figures():
    long = "a_setting_with_a_name_that_is_long"
    explorer = widgets.explore(lambda **_: plain(), **{long: [1, 2]})
    renderer = explorer.static.canvas.get_renderer()
    for text in explorer.static.texts:
        assert text.get_window_extent(renderer).width <= 200


def test_figures_of_pyplot_are_shown_once_and_others_taken_as_they_are():
    def drawn(n):
        return plt.figure(figsize=(2, 1)) if n else Figure(figsize=(2, 1))

    widgets.explore(drawn, n=[0, 1])
    assert plt.get_fignums() == []


def test_names_of_choices_hold_no_address():
    explorer = widgets.explore(lambda f: plain(), f=[np.sin, len, object(), 0.1 + 0.2, 1e-7])
    captions = [text.get_text() for text in explorer.static.texts]
    assert captions == [f"f = {name}" for name in ("sin", "len", "object", "0.3", "1e-07")]
    assert repr(explorer) == "<Explorer of f: sin to 1e-07 (5 values)>"


def test_without_a_kernel_one_picture_is_displayed_with_its_text_and_size(monkeypatch):
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda *a, **k: shown.append((a, k)))
    explorer = widgets.explore(lambda n: plotting.bars({"n": n}, "n"), n=(1, 3))
    explorer._ipython_display_()
    [((data,), options)] = shown
    assert data["text/plain"] == "<Explorer of n: 1 to 3 (3 values)>"
    assert pixels(base64.b64decode(data["image/png"])).shape[1] == 1400
    assert options["metadata"]["image/png"]["width"] == 700
    assert options["metadata"]["image/png"]["alt"] == explorer.static.alt
    assert set(data) == {"image/png", "text/plain"}


def test_it_needs_neither_ipywidgets_nor_ipython():
    code = """
import sys
sys.modules["ipywidgets"] = sys.modules["IPython"] = None
from dlutils import plotting, widgets
print(widgets.explore(lambda n: plotting.bars({"n": n}, "n"), n=[1, 2]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "<Explorer of n: 1 or 2>\n", done.stderr


# In a kernel

CELL = """
from dlutils import plotting, widgets
calls = []
def f(n, kind, grows):
    calls.append(n)
    if n == 3:
        raise RuntimeError("three <is>\\nbad")
    return plotting.bars({kind: n}, "n")
widgets.explore(f, n=CHOICES, kind=["a", "b"], grows=True)
"""


class Kernel:
    """A kernel, what a cell sends, and what the front end sends back."""

    def __init__(self):
        self.manager, self.client = start_new_kernel(kernel_name="python3", cwd=str(ROOT))

    def run(self, code, **options):
        """The outputs of a cell and the widgets' states by their id."""
        return self._collect(self.client.execute(code, **options))

    def move(self, model, **state):
        """Move a control; the new state of whatever changed."""
        content = {"comm_id": model, "data": {"method": "update", "state": state}}
        message = self.client.session.msg("comm_msg", content)
        self.client.shell_channel.send(message)
        return self._collect(message["header"]["msg_id"])[1]

    def _collect(self, request):
        outputs, states = [], {}
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=30)
            except Empty:
                raise AssertionError("the kernel is silent") from None
            kind, content = message["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != request:
                continue
            if kind in ("display_data", "stream", "error", "execute_result"):
                outputs.append(NotebookNode(output_type=kind, **content))
            elif kind in ("comm_open", "comm_msg"):
                known = states.setdefault(content["comm_id"], {})
                known.update(content["data"].get("state", {}))
            elif kind == "status" and content["execution_state"] == "idle":
                return outputs, states


@pytest.fixture(scope="module")
def kernel():
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    found = Kernel()
    os.environ.pop("PYTHONPATH")
    if before is not None:
        os.environ["PYTHONPATH"] = before
    yield found
    found.client.stop_channels()
    found.manager.shutdown_kernel(now=True)


def cell(choices):
    return CELL.replace("CHOICES", choices)


def test_an_execution_that_nobody_watches_stores_the_static_picture_alone(kernel):
    [output], states = kernel.run(cell("[1, 2]"), allow_stdin=False)
    assert set(output.data) == {"image/png", "text/plain"}
    assert output.data["text/plain"] == "<Explorer of n: 1 or 2, kind: a or b, grows: off or on>"
    assert not states
    assert output.metadata["image/png"]["alt"].startswith("4 pictures. n = 1, kind = a: ")


def test_without_ipywidgets_a_live_kernel_shows_the_static_picture(kernel):
    blocked = "import sys; kept = sys.modules.get('ipywidgets'); sys.modules['ipywidgets'] = None\n"
    outputs, _ = kernel.run(blocked + cell("[1, 2]"), allow_stdin=True)
    kernel.run("del sys.modules['ipywidgets']")
    assert [set(output.data) for output in outputs] == [{"image/png", "text/plain"}]


def test_in_a_live_kernel_sliders_redraw_remember_and_survive_an_error(kernel):
    outputs, states = kernel.run(cell("[1, 2, 4, 5, 3, 6, 7, 8, 9, 10, 11]"), allow_stdin=True)
    sliders, static = outputs
    assert sliders.data["text/plain"] == "Run this cell to move the sliders."
    box = states[sliders.data[VIEW]["model_id"]]
    n, kind, grows, picture = (ref.removeprefix("IPY_MODEL_") for ref in box["children"])
    assert [states[i]["_model_name"] for i in (n, kind, grows, picture)] == [
        "SelectionSliderModel",
        "DropdownModel",
        "CheckboxModel",
        "HTMLModel",
    ]
    assert states[n]["continuous_update"] is False
    first = states[picture]["value"]
    assert '<img alt="' in first
    assert kernel.move(n, index=1)[picture]["value"] != first
    assert kernel.move(n, index=0)[picture]["value"] == first
    assert kernel.run("print(calls.count(1))")[0][0].text == "2\n"  # kinds a and b, once each
    wrong = kernel.move(n, index=4)[picture]["value"]
    assert "n = 3, kind = a, grows = on: RuntimeError: three &lt;is&gt;<" in wrong
    assert kernel.move(n, index=0)[picture]["value"] == first
    assert kernel.move(grows, value=False)
    # What is stored keeps the picture and nothing that is new in every run.
    stored = scrub(
        [NotebookNode(output_type=o.output_type, data=o.data) for o in (sliders, static)]
    )
    assert [set(o.data) for o in stored] == [{"text/plain"}, {"image/png", "text/plain"}]


def test_an_error_in_the_first_figures_is_the_cells_own(kernel):
    outputs, _ = kernel.run(cell("[1, 2, 3]"), allow_stdin=True)
    assert [o.ename for o in outputs] == ["RuntimeError"]


def test_the_last_64_figures_are_kept():
    f = Calls()
    explorer = widgets.explore(f, n=(1, 200))
    for i in range(200):
        explorer._html((i,))
    drawn = len(f.given)
    explorer._html((199,))
    explorer._html((136,))
    assert len(f.given) == drawn
    explorer._html((135,))
    assert len(f.given) == drawn + 1
