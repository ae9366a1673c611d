"""What planes, matrices and maps draw, read from the figure's artists."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from sklearn.linear_model import LogisticRegression

from dlutils import plotting

RNG = np.random.default_rng(11)
TWO = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def image(figure, i=0):
    """The pixels of the first picture of an axes."""
    return np.asarray(figure.axes[i].images[0].get_array())


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def texts(ax):
    return [t.get_text() for t in ax.texts if t.get_text()]


def ticks(axis):
    return [t.get_text() for t in axis.get_ticklabels()]


# Decision regions


def test_regions_are_what_the_classifier_answers_there():
    x, y = RNG.normal(0, 1, (60, 2)), np.arange(60) % 3
    model = LogisticRegression().fit(x, y)
    figure = plotting.decision_regions(model.predict, x, y, ("a", "b", "c"))
    tints, ax = image(figure), figure.axes[0]
    left, right, bottom, top = ax.images[0].get_extent()
    shape = tints.shape[:2]
    for row, column in RNG.integers(0, shape[0], (40, 2)):
        place = [left + (column + 0.5) / shape[1] * (right - left)]
        place.append(bottom + (row + 0.5) / shape[0] * (top - bottom))
        (answer,) = model.predict(np.float32([place]))
        tint = 1 - 0.28 * (1 - np.array(to_rgb(plotting.PALETTE[answer])))
        np.testing.assert_allclose(tints[row, column], tint)


def test_scores_and_class_numbers_give_the_same_picture():
    weights = RNG.normal(0, 1, (2, 3))
    by_scores = plotting.decision_regions(lambda p: p @ weights, TWO, [0, 1, 2])
    by_class = plotting.decision_regions(lambda p: (p @ weights).argmax(-1), TWO, [0, 1, 2])
    assert by_scores.png() == by_class.png()


def test_points_are_marked_by_class_and_counted_in_the_alternative_text():
    figure = plotting.decision_regions(lambda p: p[:, 1] > 0.5, TWO, [0, 1, 0], ("no", "yes"))
    marks = [
        (line.get_marker(), line.get_color(), len(line.get_xdata()))
        for line in figure.axes[0].lines
    ]
    assert marks == [("o", plotting.PALETTE[0], 2), ("s", plotting.PALETTE[1], 1)]
    assert legend(figure) == ["no", "yes"]
    assert figure.alt.endswith(
        "3 points of 2 classes, 67 % of them in the region of their own class."
    )


def test_the_border_between_two_regions_lies_where_the_answer_changes():
    x = [[-1.0, 0.0], [1.0, 0.0]]
    figure = plotting.decision_regions(lambda p: p[:, 0] > 0.25, x, [0, 1])
    (border,) = figure.axes[0].collections
    places = np.concatenate(border.get_segments())
    assert abs(places[:, 0] - 0.25).max() < 0.02
    assert (
        not plotting.decision_regions(lambda p: p[:, 0] > 9, x, [0, 1])
        .axes[0]
        .collections[0]
        .get_segments()
    )


def test_a_network_of_keras_may_answer():
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    figure = plotting.decision_regions(model, TWO, [0, 1, 2])
    answers = np.asarray(keras.ops.convert_to_numpy(model(np.float32(TWO)))).argmax(-1)
    assert f"{100 * np.mean(answers == [0, 1, 2]):.0f} % of them" in figure.alt


# Surfaces


def test_a_function_and_its_values_give_the_same_contours():
    x = np.linspace(-2, 2, 120)
    y = np.linspace(-1, 1, 120)
    values = x**2 + 3 * y[:, None] ** 2
    by_function = plotting.surface(lambda w: w[:, 0] ** 2 + 3 * w[:, 1] ** 2, [-2, 2], [-1, 1])
    assert by_function.png() == plotting.surface(values, x, y).png()


def test_contours_lie_where_the_function_has_their_value():
    figure = plotting.surface(lambda w: np.hypot(*w.T), [-2, 2], [-2, 2])
    lines = figure.axes[0].collections[1]
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        if len(path.vertices):
            np.testing.assert_allclose(np.hypot(*path.vertices.T), level, atol=0.02)


def test_paths_are_drawn_with_start_and_end():
    path = RNG.normal(0, 0.3, (20, 2))
    figure = plotting.surface(
        lambda w: (w**2).sum(1), [-2, 2], [-2, 2], {"Adam": path, "off": path + 9}
    )
    ax = figure.axes[0]
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), path)
    rings = [line for line in ax.lines if len(line.get_xdata()) == 1]
    np.testing.assert_array_equal([r.get_xydata()[0] for r in rings], path[[0, -1]])
    assert legend(figure) == ["Adam", "off", "start"]
    assert "in 19 steps" in figure.alt


def test_a_logarithmic_surface_has_contours_at_equal_factors():
    figure = plotting.surface(lambda w: np.exp(w.sum(1)), [-2, 2], [-2, 2], log=True)
    levels = figure.axes[0].collections[1].levels
    np.testing.assert_allclose(np.diff(np.log(levels)), np.log(levels[1] / levels[0]))


# Embeddings and latent maps


def test_an_embedding_without_texts_names_its_classes_in_the_key_alone():
    points, labels = np.zeros((4, 2)), [0, 0, 1, 1]
    figures = [plotting.embedding(points, labels, ["cat", "dog"], texts=t) for t in (None, False)]
    assert [[t for t in texts(f.axes[0]) if t] for f in figures] == [["cat", "dog"], []]


def test_an_embedding_draws_each_class_with_its_own_look_and_name():
    points, labels = RNG.normal(0, 1, (140, 2)), np.arange(140) % 14
    figure = plotting.embedding(points, labels)
    ax = figure.axes[0]
    for i, line in enumerate(ax.lines):
        np.testing.assert_array_equal(line.get_xydata(), points[labels == i])
    looks = {(line.get_marker(), line.get_markeredgecolor(), line.get_color()) for line in ax.lines}
    assert len(looks) == 14
    names = [f"class {i}" for i in range(14)]
    assert legend(figure) == names
    assert texts(ax) == names


def test_texts_stand_near_their_points_and_clear_of_each_other():
    points = RNG.normal(0, 1, (40, 2))
    figure = plotting.embedding(points, texts=[f"word{i}" for i in range(40)])
    figure.canvas.draw()
    boxes = [Text.get_window_extent(t) for t in figure.axes[0].texts]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert min(min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)) < 2.5
    spots = figure.axes[0].transData.transform(points)
    centres = np.array([((b.x0 + b.x1) / 2, (b.y0 + b.y1) / 2) for b in boxes])
    assert np.median(np.hypot(*(centres - spots).T)) < 60


def test_a_latent_map_puts_each_picture_at_its_place():
    pictures = RNG.random((3, 4, 5, 6))
    x, y = [0, 1, 2, 3.0], [10, 20, 30.0]
    figure = plotting.latent_map(pictures, x, y)
    montage, ax = image(figure), figure.axes[0]
    assert montage.shape == (15, 24)
    for i, place in enumerate(ax.get_yticks()):
        for j, other in enumerate(ax.get_xticks()):
            drawn = montage[
                round(place - 2) : round(place + 3), round(other - 2.5) : round(other + 3.5)
            ]
            np.testing.assert_allclose(drawn, pictures[2 - i, j])
    assert ticks(ax.yaxis) == ["30", "20", "10"]
    assert ticks(ax.xaxis) == ["0", "1", "2", "3"]
    falling = plotting.latent_map(pictures[::-1], x, y[::-1])
    assert falling.png() == figure.png()


def test_a_latent_map_takes_colours_and_integers():
    coloured = RNG.integers(0, 256, (2, 2, 4, 4, 3))
    np.testing.assert_allclose(
        image(plotting.latent_map(coloured, [0, 1], [1, 0]))[:4, :4], coloured[0, 0] / 255
    )


# Matrices


def test_attention_is_darker_where_it_is_stronger_and_writes_the_weights():
    weights = np.array([[0.75, 0.25], [0.0, 1.0]])
    figure = plotting.attention(weights, ["a", "b"], ["x", " "])
    shades = image(figure)[..., :3].sum(-1)
    assert shades[1, 1] < shades[0, 0] < shades[0, 1] < shades[1, 0] == 3
    assert texts(figure.axes[0]) == ["0.75", "0.25", "1.00"]
    assert ticks(figure.axes[0].xaxis) == ["x", "␣"]
    assert ticks(figure.axes[0].yaxis) == ["a", "b"]
    assert figure.alt.endswith("Strongest: b to ␣ with 1.00.")


def test_heads_share_one_scale_and_name_their_outer_edges_only():
    heads = np.full((4, 9, 9), 1 / 9)
    heads[2, 0] = np.eye(9)[3]
    figure = plotting.attention(heads, range(9), range(9))
    panes = figure.axes[:4]
    assert [ax.get_title() for ax in panes] == [f"head {i}" for i in range(4)]
    assert [bool(ticks(ax.yaxis)) for ax in panes] == [True, False, True, False]
    assert [bool(ticks(ax.xaxis)) for ax in panes] == [False, False, True, True]
    assert np.ptp(image(figure, 0)) < np.ptp(image(figure, 2))
    assert "in head 2" in figure.alt


@pytest.mark.parametrize("tokens", [1, 12, 40])
def test_every_token_of_a_sentence_is_named_upright_and_uncut(tokens):
    words = [f"token{i}" for i in range(tokens)]
    figure = plotting.attention(np.eye(tokens), words, words)
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    for axis in (figure.axes[0].xaxis, figure.axes[0].yaxis):
        assert ticks(axis) == words
        boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
        assert all(
            b.x0 > -1 and b.y0 > -1 and b.x1 < width + 1 and b.y1 < height + 1 for b in boxes
        )


def test_heat_writes_each_number_and_leaves_missing_ones_empty():
    figure = plotting.heat(
        [[1.0, np.nan], [3.0, 2.0]], [8, 16], ["a", "b"], "rule", "units", "loss"
    )
    ax = figure.axes[0]
    assert texts(ax) == ["1", "3", "2"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("rule", "units")
    assert image(figure)[0, 1].tolist() == [1, 1, 1, 1]
    assert figure.axes[1].get_ylabel() == "loss"
    assert "from 1 to 3, which is at rule a, units 16" in figure.alt


def test_heat_with_limits_has_their_colours_and_its_smallest_value_is_not_white():
    figure = plotting.heat([[40.0, 60.0]], ["a"], list("xy"), "x", "y", "share", limits=(0, 100))
    assert figure.axes[1].get_ylim() == (0, 100)
    assert image(figure)[0, 0].tolist() != [1, 1, 1, 1]


def test_heat_of_both_signs_is_white_at_zero():
    shades = image(plotting.heat([[-1.0, 0.0, 2.0]], ["a"], list("xyz"), "x", "y", "change"))[0]
    np.testing.assert_allclose(shades[1][:3], 1)
    assert shades[0][0] > shades[0][2]
    assert shades[2][2] > shades[2][0]


# Saliency


def test_saliency_covers_most_where_the_map_is_largest():
    maps = np.array([[[1.0, 3.0], [5.0, 2.0]]])
    figure = plotting.saliency(np.zeros((1, 8, 8)), maps)
    assert len(figure.axes) == 2
    laid = np.asarray(figure.axes[1].images[1].get_array())
    np.testing.assert_allclose(laid[..., 3], 0.9 * (maps[0] - 1) / 4)
    assert figure.axes[1].images[1].get_extent() == [-0.5, 7.5, 7.5, -0.5]
    np.testing.assert_allclose(laid[1, 0, :3], to_rgb(plotting.PALETTE[1]))


def test_signed_saliency_is_blue_above_zero_and_orange_below():
    figure = plotting.saliency(np.zeros((1, 8, 8)), [[[-2.0, 0.0], [1.0, 2.0]]], signed=True)
    laid = np.asarray(figure.axes[1].images[1].get_array())
    np.testing.assert_allclose(laid[..., 3], [[0.9, 0], [0.45, 0.9]])
    np.testing.assert_allclose(laid[0, 0, :3], to_rgb(plotting.PALETTE[1]))
    np.testing.assert_allclose(laid[1, 1, :3], to_rgb(plotting.PALETTE[0]))
    assert legend(figure) == ["negative", "positive"]
