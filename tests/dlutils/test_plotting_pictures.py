"""What pictures, kernels, boxes, masks and grids draw, read from the figure's artists."""

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Rectangle

from dlutils import plotting

RNG = np.random.default_rng(7)


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def shown(figure):
    return [ax.images[0].get_array() for ax in figure.axes if ax.images]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


# Pictures


def test_images_draws_each_picture_unchanged_as_squares_under_its_title():
    x = RNG.random((7, 8, 6)).astype("float32")
    figure = plotting.images(x, range(7), columns=4)
    assert len(figure.axes) == 7  # the eighth place of the grid stays blank
    np.testing.assert_allclose(np.stack(shown(figure)), x)
    assert [ax.get_title() for ax in figure.axes] == list("0123456")
    for ax in figure.axes:
        box = ax.get_window_extent()
        assert box.width / box.height == pytest.approx(6 / 8, abs=0.02)
        assert ax.images[0].get_interpolation() == "nearest"
        assert ax.images[0].get_cmap().name == "gray"
        assert ax.images[0].get_clim() == (0, 1)
    rows = {round(ax.get_position().y0, 3) for ax in figure.axes}
    assert len(rows) == 2


def test_small_pictures_are_enlarged_by_a_whole_factor():
    box = plotting.images(np.zeros((10, 8, 8))).axes[0].get_window_extent()
    assert box.width / 8 == pytest.approx(round(box.width / 8), abs=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int64"])
def test_images_scales_whole_numbers_by_255(dtype):
    x = np.array([[[0, 51], [204, 255]]], dtype=dtype)
    np.testing.assert_allclose(shown(plotting.images(x))[0], [[0, 0.2], [0.8, 1]])


def test_images_takes_zeros_and_ones_as_black_and_white():
    np.testing.assert_allclose(shown(plotting.images(np.eye(3, dtype=int)[None]))[0], np.eye(3))


def test_images_keeps_colours_and_squeezes_one_channel():
    colour = RNG.random((2, 5, 5, 3))
    np.testing.assert_allclose(shown(plotting.images(colour))[1], colour[1])
    assert shown(plotting.images(RNG.random((2, 5, 5, 1))))[0].shape == (5, 5)


def test_long_titles_get_fewer_columns_and_balanced_rows():
    names = ["T-shirt/top"] * 10
    figure = plotting.images(np.zeros((10, 28, 28)), names)
    rows = [round(ax.get_position().y0, 3) for ax in figure.axes]
    assert sorted(rows.count(y) for y in set(rows)) == [5, 5]


def test_an_odd_name_is_shown_as_it_is_written():
    figure = plotting.images(np.zeros((1, 8, 8)), ["$5 & $6_x$"])
    figure.png()
    assert figure.axes[0].get_title().replace("\n", " ") == "$5 & $6_x$"


def test_beside_centres_negative_values_on_white_and_says_the_range():
    figure = plotting.beside({"in": np.eye(4), "out": np.array([[-2.0, 0], [0, 1]])})
    first, second = figure.axes
    assert first.images[0].get_cmap().name == "gray"
    assert second.images[0].get_clim() == (-2, 2)
    assert to_hex(second.images[0].get_cmap()(0.5)) == "#ffffff"
    assert plain(second.get_xlabel()) == "2 × 2\norange −2.0, blue 2.0"
    assert first.get_xlabel() == "4 × 4"
    widths = [ax.get_window_extent().width for ax in figure.axes]
    assert widths[0] == pytest.approx(widths[1])


def test_beside_scales_large_values_without_negative_ones_from_black_to_white():
    (ax,) = plotting.beside({"pooled": np.array([[0.0, 3], [4, 1]])}).axes
    assert ax.images[0].get_clim() == (0, 4)
    assert plain(ax.get_xlabel()) == "black 0, white 4.0"


def test_beside_says_where_the_extremes_of_a_large_picture_exceed_its_scale():
    response = RNG.normal(size=(200, 300))
    response[0, 0] = 50
    (ax,) = plotting.beside({"edges": response}).axes
    high = ax.images[0].get_clim()[1]
    assert high == pytest.approx(np.quantile(np.abs(response), 0.98))
    assert plain(ax.get_xlabel()).replace("\n", " ") == f"orange ≤ −{high:.1f}, blue ≥ {high:.1f}"


def test_beside_gives_photographs_more_room_than_small_pictures():
    photos = {str(i): np.zeros((427, 640)) for i in range(4)}
    small = {str(i): np.zeros((28, 28)) for i in range(4)}
    assert len({ax.get_position().y0 for ax in plotting.beside(photos).axes}) == 2
    assert len({ax.get_position().y0 for ax in plotting.beside(photos, columns=4).axes}) == 1
    assert len({ax.get_position().y0 for ax in plotting.beside(small).axes}) == 1


def test_pictures_with_more_pixels_than_room_are_smoothed():
    photo = plotting.images(np.zeros((2, 427, 640, 3)))
    assert photo.axes[0].images[0].get_interpolation() != "nearest"


# Filters


def test_kernels_share_one_scale_centred_on_zero_and_write_their_numbers():
    figure = plotting.kernels({"sobel": [[-1, 0, 1]] * 3, "blur": np.full((3, 3), 1 / 9)})
    tiles = [ax for ax in figure.axes if ax.get_title()]
    assert [ax.get_title() for ax in tiles] == ["sobel", "blur"]
    assert {ax.images[0].get_clim() for ax in tiles} == {(-1, 1)}
    assert [t.get_text() for t in tiles[0].texts[:3]] == ["−1", "0", "1"]
    assert tiles[1].texts[0].get_text() == "0.11"


def test_kernels_of_a_keras_layer_are_a_column_for_each_filter_and_a_row_for_each_channel():
    weights = RNG.normal(size=(3, 3, 2, 10))
    figure = plotting.kernels(weights, columns=4)
    found = shown(figure)[:8]
    for i, kernel in enumerate(found):
        np.testing.assert_allclose(kernel, weights[:, :, i // 4, i % 4])
    assert figure.get_suptitle() == "Kernels (4 of 10 filters)"


def test_kernels_of_one_channel_are_all_shown():
    weights = RNG.normal(size=(5, 5, 1, 10))
    np.testing.assert_allclose(shown(plotting.kernels(weights))[9], weights[:, :, 0, 9])


def test_feature_maps_show_each_channel_on_one_scale():
    a = RNG.random((6, 5, 4)) * 3
    figure = plotting.feature_maps(a)
    maps = [ax for ax in figure.axes if ax.get_title()]
    assert len(maps) == 4
    np.testing.assert_allclose(maps[2].images[0].get_array(), a[:, :, 2])
    assert {ax.images[0].get_clim() for ax in maps} == {(0, a.max())}
    signed = plotting.feature_maps(a - 1).axes[0].images[0]
    assert signed.get_clim() == (-np.abs(a - 1).max(), np.abs(a - 1).max())


def test_feature_maps_of_a_dead_layer_are_black():
    figure = plotting.feature_maps(np.zeros((4, 4, 2)))
    assert figure.axes[0].images[0].get_clim()[0] == 0


# Boxes and masks


def test_boxes_stand_at_their_fractions_of_the_picture():
    picture = np.zeros((1, 20, 40))
    figure = plotting.boxes(picture, [[0.25, 0.5, 0.75, 1.0]], [[0.2, 0.4, 0.7, 1.1]])
    true, predicted = figure.axes[0].patches
    # Pixel i reaches from i - 0.5 to i + 0.5.
    assert true.get_bbox().extents == pytest.approx([9.5, 9.5, 29.5, 19.5])
    assert predicted.get_bbox().extents == pytest.approx([7.5, 7.5, 27.5, 21.5])
    assert (true.get_linestyle(), predicted.get_linestyle() == "-") == ("-", False)
    assert true.get_edgecolor()[:3] != predicted.get_edgecolor()[:3]
    assert figure.axes[0].get_xlim() == (-0.5, 39.5)
    assert legend(figure) == ["true box", "predicted box"]


def test_boxes_draws_several_a_picture():
    figure = plotting.boxes(np.zeros((2, 8, 8, 3)), [[[0, 0, 0.5, 0.5], [0.2, 0.2, 1, 1]]] * 2)
    assert [len(ax.patches) for ax in figure.axes] == [2, 2]


def test_masks_are_drawn_in_the_colours_of_their_classes():
    true = np.array([[[0, 1], [2, 2]]])
    figure = plotting.masks(np.zeros((1, 2, 2, 3)), true, true[:, ::-1], ("circle", "square"))
    drawn = shown(figure)
    assert len(drawn) == 3
    np.testing.assert_allclose(drawn[1][0, 1], to_rgb(plotting.PALETTE[0]))
    np.testing.assert_allclose(drawn[1][1], [to_rgb(plotting.PALETTE[1])] * 2)
    np.testing.assert_allclose(drawn[2], drawn[1][::-1])
    assert legend(figure) == ["background", "circle", "square"]
    patches = [to_rgb(p.get_facecolor()) for p in figure.legends[0].get_patches()]
    np.testing.assert_allclose(patches[1], drawn[1][0, 1])


# Grids


def windows(ax):
    frames = [p for p in ax.patches if isinstance(p, Rectangle)]
    return [(p.get_y(), p.get_x(), p.get_height(), p.get_width()) for p in frames]


def test_grid_writes_numbers_frames_windows_and_leaves_nan_empty():
    figure = plotting.grid([[1, -2, 0.5], [np.nan, 4, 0]], [(0, 1, 2, 2), (1, 0, 1, 1)])
    (ax,) = figure.axes
    assert [t.get_text() for t in ax.texts] == ["1.0", "−2.0", "0.5", "", "4.0", "0.0"]
    assert windows(ax) == [(0, 1, 2, 2), (1, 0, 1, 1)]
    tints = ax.images[0].get_array()
    assert tints[0, 1, 0] > tints[0, 1, 2]  # negative: orange
    assert tints[1, 1, 2] > tints[1, 1, 0]  # positive: blue


def test_convolution_step_frames_the_window_fills_the_output_and_adds_up():
    image, kernel = np.arange(16).reshape(4, 4), np.array([[1, 0], [0, -1]])
    output = image[:3, :3] - image[1:, 1:]
    figure = plotting.convolution_step(image, kernel, output, 1, 0)
    a, k, out = figure.axes
    assert windows(a) == [(1, 0, 2, 2)]
    assert windows(k) == [(0, 0, 2, 2)]
    assert windows(out) == [(1, 0, 1, 1)]
    assert [t.get_text() for t in out.texts] == ["−5"] * 4 + [""] * 5
    assert "4·1 + 5·0 + 8·0 + 9·(−1) = −5" in [t.get_text() for t in figure.texts]


def test_convolution_step_with_a_stride_moves_the_window_by_it():
    image = np.ones((5, 5))
    figure = plotting.convolution_step(image, np.ones((3, 3)), np.full((2, 2), 9), 1, 1, stride=2)
    assert windows(figure.axes[0]) == [(2, 2, 3, 3)]


def test_a_large_kernel_shows_the_sum_without_its_products():
    figure = plotting.convolution_step(np.ones((8, 8)), np.ones((7, 7)), np.full((2, 2), 49), 0, 0)
    assert "sum of 49 products = 49" in [t.get_text() for t in figure.texts]
