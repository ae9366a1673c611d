"""place and shift: against brute force, and on wrong input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlutils.datasets import place, shift

seeds = st.integers(0, 2**32)
DTYPES = st.sampled_from(["float32", "float64", "uint8", "int32"])


@st.composite
def batches(draw):
    """Images whose pixels all differ, so that a wrong move cannot look right."""
    shape = draw(st.tuples(*(st.integers(low, 5) for low in (0, 1, 1, 1))))
    return np.arange(1, np.prod(shape) + 1).reshape(shape).astype(draw(DTYPES))


def windows(canvas, height, width):
    """Every window of a canvas with its offset."""
    for row in range(canvas.shape[0] - height + 1):
        for column in range(canvas.shape[1] - width + 1):
            yield (row, column), canvas[row : row + height, column : column + width]


@settings(max_examples=60, deadline=None)
@given(images=batches(), margin=st.integers(0, 6), seed=seeds)
def test_place_puts_each_image_whole_somewhere_on_a_black_canvas(images, margin, seed):
    _, height, width, channels = images.shape
    size = max(height, width) + margin
    placed = place(images, size, seed)
    assert placed.shape == (len(images), size, size, channels)
    assert placed.dtype == images.dtype
    for image, canvas in zip(images, placed, strict=True):
        assert any(np.array_equal(image, window) for _, window in windows(canvas, height, width))
        assert canvas.astype(float).sum() == image.astype(float).sum()


@settings(max_examples=60, deadline=None)
@given(images=batches(), pixels=st.integers(0, 4), seed=seeds)
def test_shift_is_a_roll_with_its_wrapped_edge_set_to_zero(images, pixels, seed):
    pixels = min(pixels, *(side - 1 for side in images.shape[1:3]))
    shifted = shift(images, pixels, seed)
    assert shifted.dtype == images.dtype
    assert shifted.shape == images.shape
    for image, moved in zip(images, shifted, strict=True):
        assert any(
            np.array_equal(rolled(image, down, right), moved)
            for down in range(-pixels, pixels + 1)
            for right in range(-pixels, pixels + 1)
        )


def rolled(image, down, right):
    """The definition, slowly: np.roll, then zeros where it wrapped around."""
    height, width, _ = image.shape
    result = np.roll(image, (down, right), axis=(0, 1))
    for row in range(height):
        for column in range(width):
            if not (0 <= row - down < height and 0 <= column - right < width):
                result[row, column] = 0
    return result


def offsets(moved):
    """Row and column of the one bright pixel of each image."""
    return np.argwhere(moved[..., 0])[:, 1:]


def single_pixels(n, side, at):
    images = np.zeros((n, side, side, 1), "float32")
    images[:, at, at] = 1
    return images


@pytest.mark.parametrize(
    ("moved", "steps"),
    [
        (place(np.ones((9000, 1, 1, 1)), 5, seed=1), 5),
        (shift(single_pixels(9000, 5, at=2), 2, seed=1), 5),
    ],
)
def test_every_move_is_equally_likely_and_rows_do_not_tell_columns(moved, steps):
    found = offsets(moved)
    counts = np.bincount(found[:, 0] * steps + found[:, 1], minlength=steps**2)
    # 360 expected in each of 25 cells, standard deviation 18.6
    assert counts.min() > 360 - 6 * 18.6
    assert counts.max() < 360 + 6 * 18.6


def test_the_moves_of_a_seed_never_change():
    placed = offsets(place(np.ones((6, 1, 1, 1)), 10, seed=0))
    assert placed.tolist() == [[8, 0], [6, 0], [5, 1], [2, 8], [3, 6], [0, 9]]
    shifted = offsets(shift(single_pixels(6, 9, at=4), 3, seed=0)) - 4
    assert shifted.tolist() == [[2, -3], [1, -3], [0, -2], [-2, 2], [-1, 1], [-3, 3]]


def test_a_generator_as_seed_moves_on_from_call_to_call():
    images, rng = np.ones((20, 2, 2, 1)), np.random.default_rng(0)
    assert not np.array_equal(place(images, 20, rng), place(images, 20, rng))


def test_the_images_given_are_left_as_they_were():
    images = np.ones((3, 4, 4, 1))
    place(images, 9, 0)
    shift(images, 0, 0)[:] = 7
    assert (images == 1).all()


GOOD = np.zeros((2, 4, 6, 1))
NAN = np.where(np.arange(48).reshape(2, 4, 6, 1) == 7, np.nan, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((4, 6)), 8, 0), r"shape \(4, 6\), but \(n, height, width, channels\)"),
        ((np.zeros((2, 4, 6)), 8, 0), r"shape \(2, 4, 6\)"),
        ((np.zeros((2, 0, 6, 1)), 8, 0), r"shape \(2, 0, 6, 1\)"),
        ((np.full((1, 2, 2, 1), "a"), 8, 0), "dtype <U1"),
        ((NAN, 8, 0), r"nan at \[0, 1, 1, 0\]"),
        ((GOOD, 5, 0), "size is 5, but images of 4x6 pixels need a canvas of at least 6"),
        ((GOOD, 8.0, 0), r"size is 8\.0"),
        ((GOOD, True, 0), "size is True"),
        ((GOOD, 8, -1), "seed is -1"),
        ((GOOD, 8, None), "seed is None"),
        ((GOOD, 8, 1.5), r"seed is 1\.5"),
    ],
)
def test_place_says_what_is_wrong_with_its_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        place(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((4, 6)), 1, 0), r"shift: images have shape \(4, 6\)"),
        ((NAN, 1, 0), "nan at"),
        ((GOOD, 4, 0), "pixels is 4, but images of 4x6 pixels can move by 0 to 3"),
        ((GOOD, -1, 0), "pixels is -1"),
        ((GOOD, 0.5, 0), r"pixels is 0\.5"),
        ((GOOD, 1, "0"), "seed is '0'"),
    ],
)
def test_shift_says_what_is_wrong_with_its_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        shift(*arguments)
