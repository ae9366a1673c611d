"""Colours that stand for different things can be told apart, with any colour vision."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from dlutils import plotting
from dlutils.plotting.style import DIVERGING

# A distance of 2.3 in CIELAB is just noticeable side by side (Mahy et al. 1994); marks far apart on
# a page need several times as much. 15 parts good palettes from bad ones, as the last tests show.
APART = 15

# Machado, Oliveira & Fernandes (2009), severity 1.0, applied to linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def linear(colour):
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIELAB (D65) of linear RGB."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    t = to_xyz @ rgb / [0.95047, 1.0, 1.08883]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def nearest(colours, vision):
    """The smallest distance (dE76) of any two colours, as seen."""
    seen = [lab(np.clip(np.array(VISION[vision]) @ linear(c), 0, 1)) for c in colours]
    return min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2))


def marks(figure):
    """(colour, mark, filled) of each class of points."""
    lines = figure.axes[0].lines
    looks = [(line.get_markeredgecolor(), line.get_markerfacecolor(), line) for line in lines]
    return [
        (edge if face == "white" else face, line.get_marker(), face != "white")
        for edge, face, line in looks
    ]


def points(classes):
    return np.stack([np.arange(classes), np.arange(classes) % 3], axis=1).astype(float)


FAMILIES = {
    "the palette": plotting.PALETTE,
    "the diverging scale": [DIVERGING(v) for v in (0.0, 0.5, 1.0)],
    "regions": [
        colour
        for colour, *_ in marks(
            plotting.decision_regions(lambda p: p[:, 0] > 1, points(7), np.arange(7))
        )
    ],
    "an embedding": [c for c, *_ in marks(plotting.embedding(points(7), np.arange(7)))],
    "two series": [
        line.get_color() for line in plotting.series([0, 1], np.ones((2, 7))).axes[0].lines[::2]
    ],
}


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("family", FAMILIES)
def test_colours_of_one_figure_can_be_told_apart(family, vision):
    assert len(FAMILIES[family]) in (3, 7)
    assert nearest(FAMILIES[family], vision) > APART


@pytest.mark.parametrize("vision", VISION)
def test_nobody_has_to_look_twice_at_the_colours_used_most(vision):
    assert nearest(plotting.PALETTE[:3], vision) > 20


def test_classes_that_share_a_colour_differ_in_mark_and_filling():
    looks = marks(plotting.embedding(points(14), np.arange(14)))
    for a, b in itertools.combinations(looks, 2):
        assert a[0] != b[0] or (a[1] != b[1] and a[2] != b[2])


@pytest.mark.parametrize("bad", [("#b05a2c", "#6b7d2e"), ("#d62728", "#2ca02c")])
def test_the_measure_refuses_red_and_green(bad):
    assert nearest(bad, "normal") > APART
    assert nearest(bad, "deuteranopia") < APART


def test_text_in_cells_stands_out_from_every_shade_of_the_scales():
    from dlutils.plotting.matrices import BLUES
    from dlutils.plotting.style import ink_on

    for scale in (DIVERGING, BLUES):
        for share in np.linspace(0, 1, 65):
            shade = scale(share)
            pair = shade, ink_on(shade)
            dark, light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in pair)
            assert (light + 0.05) / (dark + 0.05) >= 4.5
