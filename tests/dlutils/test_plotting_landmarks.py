"""What named points in a plane draw, and what they refuse."""

import numpy as np
import pytest
from matplotlib.text import Text

from dlutils import plotting

GROUPS = {
    "early": {"perceptron": (1957, 7e5), "NETtalk": (1987, 3e10)},
    "late": {"AlexNet": (2012, 4.7e17), "GPT-3": (2020, 3e23), "PaLM": (2022, 2.5e24)},
}


def draw(groups=GROUPS, **options):
    return plotting.landmarks(groups, "year", "operations", **{"yscale": "log", **options})


def test_every_point_stands_at_its_place_in_its_groups_look():
    lines = draw().axes[0].lines
    assert len(lines) == 2
    for line, members in zip(lines, GROUPS.values(), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), list(members.values()))
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 2


def test_every_name_is_written_near_its_point_and_clear_of_the_others():
    figure = draw()
    figure.canvas.draw()
    written = figure.axes[0].texts
    assert [t.get_text() for t in written] == [n for g in GROUPS.values() for n in g]
    boxes = [Text.get_window_extent(t) for t in written]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert min(min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)) < 2.5


def test_trends_are_lines_with_a_name_in_the_key():
    trend = [[1957, 1e6], [2012, 1e16]]
    figure = draw(trends={"doubling": trend})
    np.testing.assert_array_equal(figure.axes[0].lines[-1].get_xydata(), trend)
    names = [t.get_text() for t in figure.legends[0].get_texts()]
    assert names == ["early", "late", "doubling"]


def test_axes_are_logarithmic_where_asked():
    ax = draw(xscale="log").axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    ax = draw(yscale="linear").axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: draw([1]), "groups is a list, but a dict"),
        (lambda: draw({}), "groups is an empty dict"),
        (lambda: draw({"a": {}}), r"groups\['a'\] is an empty dict"),
        (lambda: draw({"a": {"b": 1}}), "two numbers"),
        (lambda: draw({"a": {"b": (1, 2, 3)}}), "has 3 numbers"),
        (lambda: draw({"a": {"b": (1, np.nan)}}), "NaN or infinite"),
        (lambda: draw({str(i): {"a": (1, 1)} for i in range(8)}), "8 entries, but only 7"),
        (lambda: draw({"a": {str(i): (1, 1) for i in range(51)}}), "51 points, but only 50"),
        (lambda: draw({"a": {"b": (1, 0)}}), "y reaches 0, but yscale='log'"),
        (lambda: draw(xscale="square"), "xscale is 'square'"),
        (lambda: draw(trends=[[1, 2]]), "trends is a list"),
        (lambda: draw(trends={"a": [1, 2]}), "points of shape"),
        (lambda: draw(trends={str(i): [[1, 2], [3, 4]] for i in range(7)}), "7 lines, but only 6"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_clear_message(call, said):
    with pytest.raises(ValueError, match=said) as caught:
        call()
    assert str(caught.value).startswith("plotting.landmarks: ")
    assert "\n" not in str(caught.value)
