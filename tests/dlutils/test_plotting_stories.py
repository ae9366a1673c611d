"""What samples, times, years and graphs draw, read from the figure's artists."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.dates import num2date
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text

from dlutils import plotting
from dlutils.plotting.layers import layers, split
from dlutils.plotting.layout import shorten, text_width
from dlutils.plotting.spacing import apart

RNG = np.random.default_rng(13)
DAYS = np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]")


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def overlap(a, b):
    return min(min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0))


# Distributions


def test_histograms_have_common_bins_and_shares_of_their_own_values():
    values = {"a": RNG.normal(0, 1, 200), "b": RNG.normal(2, 1, 50)}
    figure = plotting.distribution(values, 12, "loss (nats)", bar=0.5)
    stairs = figure.axes[0].patches
    edges = stairs[0].get_data().edges
    assert len(edges) == 13
    for drawn, v in zip(stairs, values.values(), strict=True):
        np.testing.assert_array_equal(drawn.get_data().edges, edges)
        assert drawn.get_data().values.sum() == pytest.approx(100)
        expected = [100 * np.mean((v >= a) & (v < b)) for a, b in itertools.pairwise(edges[:-1])]
        np.testing.assert_allclose(drawn.get_data().values[:-1], expected)
    assert legend(figure) == ["a", "b", "bar 0.5"]
    assert figure.axes[0].get_xlabel() == "loss (nats)"


def test_what_lies_outside_given_edges_counts_in_the_shares():
    figure = plotting.distribution({"a": [0.5, 1.5, 9.0, 9.0]}, [0, 1, 2])
    assert figure.axes[0].patches[0].get_data().values.tolist() == [25, 25]


# Series


def test_dates_and_numbers_are_drawn_at_their_places():
    values = RNG.normal(0, 1, len(DAYS))
    (line,) = plotting.series(DAYS, values, ["price"], "USD").axes[0].lines[:1]
    np.testing.assert_array_equal(line.get_ydata(), values)
    drawn = [np.datetime64(num2date(t).replace(tzinfo=None), "D") for t in line.get_xdata()]
    np.testing.assert_array_equal(drawn, DAYS)
    (line,) = plotting.series([0.0, 0.5, 2.0], [1, 2, 3]).axes[0].lines[:1]
    assert line.get_xdata().tolist() == [0.0, 0.5, 2.0]


def test_forecasts_are_dashed_and_their_bands_drawn():
    ahead = DAYS[-10:]
    guess = np.linspace(1, 2, 10)
    forecasts = {"naive": (ahead, guess, guess - 1, guess + 2), "LSTM": (ahead, guess)}
    figure = plotting.series(DAYS, np.ones(len(DAYS)), ["price"], "USD", forecasts, ahead[0])
    ax = figure.axes[0]
    dashed = [
        line for line in ax.lines if line.get_linestyle() == "--" and len(line.get_xdata()) == 10
    ]
    assert [line.get_ydata().tolist() for line in dashed] == [guess.tolist()] * 2
    assert len({line.get_color() for line in ax.lines[:1] + dashed}) == 3
    (band,) = ax.collections
    assert band.get_datalim(ax.transData).ymin == 0
    assert band.get_datalim(ax.transData).ymax == 4
    assert legend(figure) == ["price", "naive", "LSTM", "interval", "training before, test after"]
    assert figure.alt.endswith("2020-01-01 to 2020-02-29: 60 times, forecast by naive and LSTM.")


def test_panels_share_one_time_axis_and_have_their_own_units():
    values = RNG.normal(0, 1, (50, 3))
    figure = plotting.series(
        np.arange(50),
        values,
        list("abc"),
        ["µV", "mV", "°C"],
        panels=True,
        xlabel="time (s)",
        split=30,
    )
    assert [ax.get_ylabel() for ax in figure.axes] == ["µV", "mV", "°C"]
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["a", "b", "c"]
    assert [ax.get_xlabel() for ax in figure.axes] == ["", "", "time (s)"]
    assert len({ax.get_xlim() for ax in figure.axes}) == 1
    for ax, column in zip(figure.axes, values.T, strict=True):
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), column)
        assert ax.lines[-1].get_xdata() == [30, 30]


def test_a_value_between_gaps_is_drawn_as_a_dot():
    figure = plotting.series(range(5), [1, 2, np.nan, 4, np.nan])
    assert figure.axes[0].lines[1].get_xydata().tolist() == [[3, 4]]


# Time lines


def years(figure, side):
    """The years written on one side ("left" or "right" of their texts), from top to bottom."""
    found = [t for t in figure.texts if t.get_weight() == "bold" and t.get_ha() == side]
    return [int(t.get_text()) for t in sorted(found, key=lambda t: -t.get_position()[1])]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1900, 2030),
            st.text("abcdefg ", min_size=1, max_size=90).filter(str.strip),
            st.text("abc ", max_size=40),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_labels_of_a_time_line_never_touch_and_stay_in_order(events):
    figure = plotting.timeline(events)
    figure.canvas.draw()
    boxes = [Text.get_window_extent(t) for t in figure.texts]
    width, height = figure.canvas.get_width_height()
    assert all(b.x0 > -1 and b.y0 > -1 and b.x1 < width + 1 and b.y1 < height + 1 for b in boxes)
    assert max((overlap(a, b) for a, b in itertools.combinations(boxes, 2)), default=0) < 2.5
    left, right = years(figure, "right"), years(figure, "left")
    assert (left, right) == (sorted(left), sorted(right))
    assert sorted(left + right) == sorted(year for year, *_ in events)


def test_dots_of_a_time_line_stand_at_their_years():
    figure = plotting.timeline([(1950, "a"), (2000, "b"), (1960, "c")])
    dots = next(line for line in figure.get_children() if getattr(line, "get_marker", str)() == "o")
    heights = np.array(dots.get_ydata())
    np.testing.assert_allclose((heights - heights[0]) / (heights[-1] - heights[0]), [0, 0.2, 1])
    assert "1950 a; 1960 c; 2000 b" in figure.alt


# Graphs


def boxes_of(figure):
    return [p for p in figure.axes[0].patches if isinstance(p, FancyBboxPatch)]


@st.composite
def acyclic(draw):
    """(names, edges) of a small graph without cycles."""
    n = draw(st.integers(1, 12))
    pairs = list(itertools.combinations(range(n), 2))
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=16)) if pairs else []
    order = draw(st.permutations(range(n)))
    return [f"n{i}" for i in range(n)], [(f"n{order[a]}", f"n{order[b]}") for a, b in chosen]


@settings(max_examples=25, deadline=None)
@given(acyclic())
def test_every_edge_of_a_graph_goes_to_a_later_layer_and_no_boxes_touch(graph):
    names, edges = graph
    layer = layers(names, edges)
    assert all(layer[a] < layer[b] for a, b in edges)
    for name in names:  # as late as can be
        after = [layer[b] for a, b in edges if a == name]
        assert layer[name] == (min(after) - 1 if after else max(layer.values()))
    figure = plotting.graph(dict.fromkeys(names), edges)
    drawn = [p.get_extents() for p in boxes_of(figure)]
    assert len(drawn) == len(names)
    assert max((overlap(a, b) for a, b in itertools.combinations(drawn, 2)), default=-1) < 0
    arrows = [p for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)]
    assert len(arrows) == len(set(edges))


def test_arrows_begin_and_end_at_the_boxes_they_join():
    edges = [("a", "b"), ("b", "c"), ("a", "c")]
    figure = plotting.graph({"a": "input", "b": ["sum", "3"], "c": None}, edges)
    frames = {n: p.get_bbox() for n, p in zip("abc", boxes_of(figure), strict=True)}
    arrows = [p for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)]
    for (a, b), arrow in zip(edges, arrows, strict=True):
        path = arrow._path_original.vertices
        assert path[0][0] == pytest.approx(frames[a].x1)
        assert path[-1][0] == pytest.approx(frames[b].x0, abs=0.03)
        assert frames[b].y0 <= path[-1][1] <= frames[b].y1


def test_an_edge_past_a_layer_goes_around_its_nodes():
    layer = layers(list("abc"), [("a", "b"), ("b", "c"), ("a", "c")])
    rows, _, chains = split(layer, [("a", "b"), ("b", "c"), ("a", "c")])
    assert [len(row) for row in rows] == [1, 2, 1]
    assert len(chains["a", "c"]) == 3


def test_a_graph_too_wide_for_a_row_is_drawn_downwards():
    chain = {f"n{i}": f"a node with text {i}" for i in range(9)}
    figure = plotting.graph(chain, list(itertools.pairwise(chain)))
    tops = [p.get_bbox().y0 for p in boxes_of(figure)]
    assert tops == sorted(tops)
    assert figure.get_figwidth() <= 7


def test_an_edge_given_twice_is_drawn_once():
    figure = plotting.graph({"x": None, "x·x": None}, [("x", "x·x"), ("x", "x·x")])
    assert figure.alt == "Graph of 2 nodes: x to x·x."


# Places


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0.1, 5)), min_size=1, max_size=12))
def test_things_moved_apart_are_as_near_as_can_be(things):
    from scipy.optimize import lsq_linear

    wanted, sizes = (np.array(v) for v in zip(*things, strict=True))
    found = np.array(apart(wanted, sizes))
    gaps = (sizes[1:] + sizes[:-1]) / 2
    assert (np.diff(found) >= gaps - 1e-9).all()
    # The oracle: the first place and the steps beyond the gaps are free, the steps not negative.
    n, fixed = len(sizes), np.concatenate([[0], np.cumsum(gaps)])
    bounds = np.array([-np.inf] + [0.0] * (n - 1)), np.full(n, np.inf)
    best = lsq_linear(np.tril(np.ones((n, n))), wanted - fixed, bounds, tol=1e-12)
    assert ((found - wanted) ** 2).sum() == pytest.approx(2 * best.cost, rel=1e-4, abs=1e-4)


def test_things_moved_apart_stay_between_the_ends_where_they_fit():
    assert apart([0, 0], [2, 2], low=0) == [1, 3]
    assert apart([9, 9], [2, 2], high=10) == [7, 9]


def test_a_text_is_shortened_to_its_room():
    assert shorten("short", 2) == "short"
    short = shorten("a long text " * 9, 1.0)
    assert short.endswith("…")
    assert text_width(short, 10) <= 1.0
