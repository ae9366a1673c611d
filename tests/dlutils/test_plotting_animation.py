"""Frames become one GIF: their number, size, colours, time and text."""

import numpy as np
import pytest
from PIL import Image

from dlutils import plotting
from dlutils.plotting.examples import animation

RNG = np.random.default_rng(5)


def frames_of(gif, tmp_path):
    with Image.open(gif.save(tmp_path / "a.gif")) as image:
        found = []
        for i in range(image.n_frames):
            image.seek(i)
            found.append((image.convert("RGB").copy(), image.info["duration"]))
        return found, image.info


def test_an_animation_keeps_frames_size_and_colours_and_rests_on_the_last(tmp_path):
    colours = [(0, 114, 178), (213, 94, 0), (255, 255, 255)]
    frames = [np.full((300, 400, 3), c, dtype=np.uint8) for c in colours]
    gif = plotting.animate(frames, fps=4, alt='three <colours> & "white"')
    found, info = frames_of(gif, tmp_path)
    assert [f.size for f, _ in found] == [(400, 300)] * 3
    assert [d for _, d in found] == [250, 250, 1000]
    assert [f.getpixel((5, 5)) for f, _ in found] == colours
    assert info["loop"] == 0
    assert repr(gif) == "<Animation of 3 frames, 400x300>"
    page = gif._repr_html_()
    assert page.count("<img") == 1
    assert 'alt="three &lt;colours&gt; &amp; &quot;white&quot;"' in page
    assert 'src="data:image/gif;base64,R0lGOD' in page


def test_frames_of_a_convolution_are_of_one_size_and_one_layout(tmp_path):
    found, _ = frames_of(animation(), tmp_path)
    assert len(found) == 9
    first, last = (np.asarray(f, dtype=int) for f, _ in (found[0], found[-1]))
    kernel = slice(120, 260), slice(295, 445)  # it stands still between what moves
    assert np.ptp(first[kernel]) > 100
    assert np.abs(first[kernel] - last[kernel]).max() == 0
    assert np.abs(first - last).max() > 100


def test_small_frames_are_enlarged_and_gray_ones_accepted():
    assert plotting.animate(RNG.integers(0, 255, (3, 28, 28)).astype(np.uint8)).size == (252, 252)


def test_an_animation_too_large_for_a_notebook_is_refused_with_the_cure():
    noise = RNG.choice(np.array([0, 80, 160, 240], np.uint8), (6, 700, 700, 3))
    with pytest.raises(ValueError, match=r"GIF of \d.\d MB .*at most 2 MB.*fewer or smaller"):
        plotting.animate(noise)
