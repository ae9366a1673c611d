"""What the figures show, measured on what Matplotlib was told to draw."""

import io
import subprocess
import sys
import time
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from PIL import Image

from dlutils import plotting
from dlutils.plotting.examples import examples

RNG = np.random.default_rng(5)


@pytest.fixture(scope="module")
def gallery():
    """Every example, drawn once."""
    figures = examples()
    for figure in figures.values():
        figure.canvas.draw()
    return figures


def pixels(figure):
    return np.asarray(figure.canvas.buffer_rgba())


def drawn_texts(figure):
    """Every visible text of a drawn figure with its extent in pixels."""
    found = []
    for text in figure.findobj(Text):
        ax = text.axes
        if not text.get_text().strip() or not text.get_visible():
            continue
        if ax is not None and not ax.axison and text not in ax.texts and text is not ax.title:
            continue
        found.append(text)
    hidden = {id(t) for ax in figure.axes for axis in (ax.xaxis, ax.yaxis) for t in beyond(axis)}
    # Text's own extent: that of an annotation would include its line.
    return [(t.get_text(), Text.get_window_extent(t)) for t in found if id(t) not in hidden]


def beyond(axis):
    """Labels that Matplotlib keeps but does not draw: outside the limits, or switched off."""
    low, high = sorted(axis.get_view_interval())
    slack = 1e-6 * (high - low)
    for tick in axis.majorTicks + axis.minorTicks:
        inside = low - slack <= tick.get_loc() <= high + slack
        yield from [] if inside and tick.label1.get_visible() else [tick.label1]
        yield from [] if inside and tick.label2.get_visible() else [tick.label2]


def test_no_text_is_cut_in_any_figure(gallery):
    for name, figure in gallery.items():
        width, height = figure.canvas.get_width_height()
        for text, box in drawn_texts(figure):
            inside = box.x0 > -1 and box.y0 > -1 and box.x1 < width + 1 and box.y1 < height + 1
            assert inside, f"{name}: {text!r} at {box} leaves {width} × {height}"


def test_the_check_for_cut_text_sees_a_cut_label(gallery):
    figure = plotting.grid([[1]], title="Wide")
    figure.text(0.9, 0.5, "a label that runs out of the figure")
    figure.canvas.draw()
    (box,) = (box for text, box in drawn_texts(figure) if text.startswith("a label"))
    assert box.x1 > figure.canvas.get_width_height()[0] + 1


def test_no_two_texts_overlap_in_any_figure(gallery):
    for name, figure in gallery.items():
        texts = drawn_texts(figure)
        assert texts or name == "images_untitled"
        for i, (first, a) in enumerate(texts):
            for second, b in texts[i + 1 :]:
                across = min(a.x1, b.x1) - max(a.x0, b.x0)
                down = min(a.y1, b.y1) - max(a.y0, b.y0)
                assert min(across, down) < 2.5, f"{name}: {first!r} overlaps {second!r}"


def test_no_text_is_smaller_than_ten_points(gallery):
    sizes = {t.get_fontsize() for f in gallery.values() for t in f.findobj(Text) if t.get_text()}
    assert min(sizes) >= 10


def test_every_figure_is_white_opaque_narrow_and_has_alternative_text(gallery):
    for name, figure in gallery.items():
        drawn = pixels(figure)
        assert drawn[0, 0].tolist() == [255, 255, 255, 255], name
        assert drawn.shape[1] <= 720, name
        assert len(figure.alt) > 15, name
        assert "\n" not in figure.alt, name


def test_png_says_nothing_about_the_software():
    assert Image.open(io.BytesIO(plotting.images(np.zeros((1, 8, 8))).png())).text == {}


def test_gallery_covers_every_function(gallery):
    drawn = {name.split("_")[0] for name in gallery} | {"animate", "gallery"}
    for function in plotting.__all__:
        if function[0].islower():
            assert function in gallery or function.split("_")[0] in drawn


def test_gallery_writes_pictures_and_an_index(tmp_path, monkeypatch, gallery):
    few = {"grid": gallery["grid"], "spread": gallery["spread"]}
    monkeypatch.setattr("dlutils.plotting.page.examples", lambda: few)
    index = plotting.gallery(tmp_path / "new")
    written = {p.name for p in index.parent.iterdir()}
    assert written == {"index.html", "grid.png", "spread.png", "animate.gif"}
    assert 'src="grid.png"' in index.read_text()


def test_no_figure_stays_with_pyplot_and_the_style_of_the_caller_is_kept():
    before = {key: v for key, v in matplotlib.rcParams.items() if key != "backend"}
    plotting.grid([[1, 2]])
    assert plt.get_fignums() == []
    assert {key: v for key, v in matplotlib.rcParams.items() if key != "backend"} == before


def test_a_dark_style_of_the_caller_changes_nothing():
    plain = plotting.history({"loss": [2, 1]}, "loss").png()
    with plt.style.context("dark_background"):
        assert plotting.history({"loss": [2, 1]}, "loss").png() == plain


def test_a_figure_shows_itself_once_with_fixed_text_and_alternative_text(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: shown.append((a, k)))
    plotting.images(np.zeros((2, 8, 8)), title="Two")._ipython_display_()
    ((data,), options) = shown[0]
    assert len(shown) == 1
    assert data["image/png"].startswith("iVBOR")
    assert data["text/plain"] == "<Figure>"
    assert options["metadata"]["image/png"]["alt"].startswith("Two: 2 of 8 × 8 pixels")


def test_a_kernel_shows_a_figure_once_where_it_is_the_last_value_and_needs_no_magic():
    nbformat, nbclient = (pytest.importorskip(name) for name in ("nbformat", "nbclient"))
    call = "plotting.grid([[1]])"
    sources = ["from dlutils import plotting", call, f"{call}\n1", f"display({call})"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    root = str(Path(plotting.__file__).parents[2])
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": root}}).execute()
    shown = [
        [o for o in cell.outputs if "image/png" in o.get("data", {})] for cell in notebook.cells
    ]
    assert [len(outputs) for outputs in shown] == [0, 1, 0, 1]
    assert shown[1][0].data["text/plain"] == "<Figure>"
    assert shown[1][0].metadata["image/png"]["alt"].startswith("Grid of numbers")


def test_importing_plotting_loads_neither_keras_nor_pyplot():
    code = (
        "import sys, dlutils.plotting; "
        "print([m for m in ('keras', 'matplotlib.pyplot', 'IPython') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_figure_is_made_and_rendered_in_half_a_second():
    pictures, steps = RNG.random((20, 28, 28)), np.arange(50)
    calls = [
        lambda: plotting.images(pictures, range(20)),
        lambda: plotting.confusion(np.arange(600) % 10, np.arange(600) % 10),
        lambda: plotting.curves(steps, {str(i): RNG.random((5, 50)) for i in range(5)}, "x", "y"),
    ]
    for call in calls:
        assert min(timed(call) for _ in range(2)) < 0.5


def timed(call):
    start = time.process_time()  # other processes on the machine do not count
    call().png()
    return time.process_time() - start


# Contrast


def linear(colour):
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(*colours):
    dark, light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in colours)
    return (light + 0.05) / (dark + 0.05)


def test_text_stands_out_from_its_background(gallery):
    for name, figure in gallery.items():
        for text in figure.findobj(Text):
            if text.get_text() and not (text.axes and text.axes.images and text in text.axes.texts):
                assert contrast(text.get_color(), "white") >= 4.5, (name, text.get_text())


NUMBERED = [
    "attention",
    "confusion_clothes",
    "grid",
    "grid_partly",
    "heat",
    "heat_signed",
    "kernels_named",
]


@pytest.mark.parametrize("name", NUMBERED)
def test_numbers_stand_out_from_their_cells(gallery, name):
    drawn = pixels(gallery[name])[..., :3] / 255
    numbers = [t for ax in gallery[name].axes for t in ax.texts if t.get_text()]
    assert numbers
    for text in numbers:
        box = text.get_window_extent()
        row, column = round(len(drawn) - box.y1 - 3), round(box.x0 - 3)
        assert contrast(text.get_color(), drawn[row, column]) >= 4.4, text.get_text()
