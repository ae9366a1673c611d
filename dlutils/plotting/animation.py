"""What moves: frames become one GIF that a notebook shows as a picture."""

import base64
import html
import io
from pathlib import Path

import matplotlib.figure
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from .style import public
from .valid import InputError, array, number

LIMIT = 2_000_000  # bytes of a GIF in a notebook, as text (base64)
SMALLEST = 240  # pixels; smaller frames are enlarged by a whole factor
EXACT = 128  # colours of the palette kept as they are
LAST = 4  # how many times longer the last frame stays


class Animation:
    """A GIF with alternative text: `_repr_html_` shows it, `save` writes it.

    gif: its bytes. alt: what is shown, in words. frames: their number. size: (width, height).

    >>> moving = plotting.animate(np.zeros((2, 250, 300), np.uint8), alt="nothing moves")
    >>> moving.alt, moving.frames, moving.size
    ('nothing moves', 2, (300, 250))
    """

    def __init__(self, gif, alt, frames, size):
        self.gif, self.alt, self.frames, self.size = gif, alt, frames, size

    def __repr__(self):
        return f"<Animation of {self.frames} frames, {self.size[0]}x{self.size[1]}>"

    def _repr_html_(self):
        payload = base64.b64encode(self.gif).decode()
        alt = html.escape(self.alt, quote=True)
        return f'<img alt="{alt}" width="{self.size[0]}" src="data:image/gif;base64,{payload}">'

    def save(self, path):
        """Write the GIF to `path` and return the path."""
        path = Path(path)
        path.write_bytes(self.gif)
        return path


@public
def animate(frames, fps=2, alt=None):
    """Return an Animation of figures or arrays; the last frame stays longer, then it starts over.

    frames: two or more Figures, or uint8 arrays (height, width) or (height, width, 3), all of one
    size. fps: frames per second. alt: what is shown, in words, for those who cannot see it. Raises
    ValueError for frames of different sizes and where the GIF exceeds 2 MB in the notebook.

    >>> plotting.animate([np.zeros((24, 32), np.uint8), np.full((24, 32), 255, np.uint8)])
    <Animation of 2 frames, 256x192>
    """
    fps = number("fps", fps, low=0.05)
    if fps is None or fps > 50:
        raise InputError(f"fps is {fps}, but a number from 0.05 to 50 is expected.")
    if not isinstance(frames, list | tuple | np.ndarray) or len(frames) < 2:
        given = f"{len(frames)} frames" if hasattr(frames, "__len__") else type(frames).__name__
        raise InputError(
            f"frames is {given}, but a list of at least two Figures or arrays is expected."
        )
    pictures = [_pixels(i, frame) for i, frame in enumerate(frames)]
    sizes = sorted({p.shape[1::-1] for p in pictures})
    if len(sizes) > 1:
        raise InputError(
            f"frames has pictures of {sizes[0]} and {sizes[-1]} pixels; expected: one size."
        )
    gif = _gif(pictures, round(1000 / fps))
    size = sizes[0]
    if len(gif) * 4 / 3 > LIMIT:
        raise InputError(
            f"the {len(pictures)} frames of {size[0]} × {size[1]} pixels make a GIF of "
            f"{len(gif) * 4 / 3e6:.1f} MB in the notebook, but at most {LIMIT / 1e6:.0f} MB are "
            "expected: give fewer or smaller frames."
        )
    return Animation(gif, str(alt or f"Animation of {len(pictures)} frames"), len(pictures), size)


def _pixels(i, frame):
    """Return a frame as uint8 (height, width, 3)."""
    if isinstance(frame, matplotlib.figure.Figure):
        canvas = FigureCanvasAgg(frame)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()
    what = "a Figure or a uint8 array (height, width) or (height, width, 3)"
    array(f"frames[{i}]", frame, what, (2, 3))
    a = np.asarray(frame)
    if a.dtype != np.uint8 or (a.ndim == 3 and a.shape[-1] not in (1, 3)):
        raise InputError(
            f"frames[{i}] has shape {a.shape} and dtype {a.dtype}, but {what} is expected."
        )
    a = a[..., None] if a.ndim == 2 else a
    factor = -(-SMALLEST // max(a.shape[:2])) if max(a.shape[:2]) < SMALLEST else 1
    a = np.repeat(np.repeat(a, factor, axis=0), factor, axis=1)
    return np.broadcast_to(a, (*a.shape[:2], 3))


def _gif(pictures, duration):
    """Return a GIF whose frames share one palette, so that no colour flickers."""
    from scipy.spatial import KDTree  # here, since importing it takes longer than most figures

    coded = [p.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32) for p in pictures]
    codes, counts = np.unique(np.concatenate([c.ravel() for c in coded]), return_counts=True)
    colours = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1).astype(np.uint8)
    palette = _palette(colours, counts)
    nearest = KDTree(palette).query(colours)[1].astype(np.uint8)
    frames = [Image.fromarray(nearest[np.searchsorted(codes, c)]) for c in coded]
    for frame in frames:
        frame.putpalette(palette.tobytes())
    durations = [duration] * (len(frames) - 1) + [duration * LAST]
    buffer, rest = io.BytesIO(), frames[1:]
    frames[0].save(buffer, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    return buffer.getvalue()


def _palette(colours, counts):
    """Return at most 256 colours: the most frequent ones as they are, the others by median cut."""
    order = np.argsort(counts)[::-1]
    exact, others = colours[order[:EXACT]], colours[order[EXACT:]]
    if len(colours) <= 256:
        return colours
    cut = Image.fromarray(others[None]).quantize(256 - EXACT, Image.Quantize.MEDIANCUT)
    return np.concatenate([exact, np.array(cut.getpalette(), np.uint8).reshape(-1, 3)])[:256]
