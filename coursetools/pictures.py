"""Pictures in notebooks: what is stored of a PNG, and when two count as the same."""

import base64
import binascii
import io

PNG = b"\x89PNG\r\n\x1a\n"
# Chunks that say who wrote the picture and when, not what it shows.
_NOTES = (b"tEXt", b"iTXt", b"zTXt", b"tIME", b"eXIf")


def strip_png(data: bytes) -> bytes:
    """A PNG without text, time and Exif chunks; anything that is no PNG comes back as it is.

    Source: PNG specification, section 5 (length, type, data, CRC).
    """
    if not data.startswith(PNG):
        return data
    kept, at = [PNG], len(PNG)
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] not in _NOTES:
            kept.append(data[at : at + 12 + size])
        at += 12 + size
    return b"".join(kept)


def strip_encoded(text: str) -> str:
    """`strip_png` of base64 text, on one line."""
    try:
        return base64.b64encode(strip_png(_decoded(text))).decode()
    except binascii.Error:
        return text


def _decoded(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)


def near(first: str, second: str) -> bool:
    """Whether two base64 pictures have one size and show the same, up to how they were drawn.

    Another machine's rounding moves single edge pixels by a few of 255 levels and colour-mapped
    areas by one. A changed digit or a line half a pixel away changes a small patch by much and
    the average of the picture by next to nothing, so a share of all pixels would not see it:
    we ask that no patch of 5 x 5 pixels differs by more than 16 levels on average, and the whole
    picture by no more than 1.
    """
    import numpy as np

    if first == second:
        return True
    one, other = _pixels(first), _pixels(second)
    if one is None or other is None or one.shape != other.shape:
        return False
    difference = np.abs(one - other).max(axis=-1)
    return bool(difference.mean() <= 1 and _patches(difference, 5).max() <= 16)


def _pixels(text: str):
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(_decoded(text))) as image:
            return np.asarray(image.convert("RGBA"), dtype=np.float64)
    except (binascii.Error, UnidentifiedImageError, OSError, ValueError):
        return None


def _patches(values, size: int):
    """Means over all size x size patches (fewer at small pictures), from running sums."""
    import numpy as np

    rows, columns = (min(size, length) for length in values.shape)
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    inside = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns]
    return (inside + sums[:-rows, :-columns]) / (rows * columns)
