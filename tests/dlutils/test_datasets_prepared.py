"""Reading with TensorFlow while Keras runs on another backend, and what is made of examples."""

import io
import sys
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dlutils import datasets
from dlutils.datasets import bccd, network, pngs, prepared, records


@pytest.fixture
def hidden(monkeypatch):
    """What a stand-in for TensorFlow is asked to show of the GPUs, call by call."""
    calls = []
    config = SimpleNamespace(set_visible_devices=lambda *arguments: calls.append(arguments))
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(config=config))
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return calls


def keras_on(backend):
    return SimpleNamespace(config=SimpleNamespace(backend=lambda: backend))


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_gpu_that_another_backend_uses_is_hidden_from_tensorflow(hidden, monkeypatch, backend):
    monkeypatch.setitem(sys.modules, "keras", keras_on(backend))
    prepared.leave_gpu_to_keras()
    assert hidden == [([], "GPU")]


def test_a_backend_only_asked_for_so_far_counts_too(hidden, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    prepared.leave_gpu_to_keras()
    assert hidden == [([], "GPU")]


def test_tensorflow_as_backend_keeps_its_gpu(hidden, monkeypatch):
    prepared.leave_gpu_to_keras()
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setitem(sys.modules, "keras", keras_on("tensorflow"))
    prepared.leave_gpu_to_keras()
    assert hidden == []


# Images straight from their records.


def png(image, **how):
    stream = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(stream, "png", **how)
    return stream.getvalue()


def filtered(image, kinds):
    """A PNG file whose lines use the given filters, written as the specification has them."""
    height, width, channels = image.shape
    lines = image.reshape(height, -1).astype(int)
    left = np.pad(lines, ((0, 0), (channels, 0)))[:, : lines.shape[1]]
    up = np.pad(lines, ((1, 0), (0, 0)))[:height]
    corner = np.pad(left, ((1, 0), (0, 0)))[:height]
    guess = left + up - corner
    near = np.stack([left, up, corner])
    paeth = np.take_along_axis(near, abs(guess - near).argmin(axis=0)[None], 0)[0]
    predicted = np.stack([0 * left, left, up, (left + up) // 2, paeth])
    data = b"".join(
        bytes([kind]) + ((line - predicted[kind, y]) % 256).astype("uint8").tobytes()
        for y, (line, kind) in enumerate(zip(lines, kinds, strict=True))
    )
    colour = pngs.COLOURS[channels]
    header = width.to_bytes(4) + height.to_bytes(4) + bytes([8, colour, 0, 0, 0])
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)
        for kind, body in chunks
    )


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_many_png_files_at_once_are_what_pillow_reads(height, width, channels, seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    images = rng.integers(0, 256, (20, height, width, channels), "uint8")
    files = [filtered(image, rng.integers(0, 5, height)) for image in images]
    for file, image in zip(files, images, strict=True):  # the writer above is right
        pillow = np.asarray(Image.open(io.BytesIO(file)))
        np.testing.assert_array_equal(pillow.reshape(image.shape), image)
    np.testing.assert_array_equal(pngs.decode(files, (height, width, channels)), images)


@pytest.mark.parametrize("channels", [1, 3])
def test_png_files_of_other_makes_are_read_by_pillow(channels):
    images = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (3, 400, 600, channels))
    images = images.astype("uint8")  # large enough for several blocks of data
    files = [png(image) for image in images]
    assert all(file.count(b"IDAT") > 1 for file in files)
    np.testing.assert_array_equal(pngs.decode(files, images.shape[1:]), images)


def test_what_is_no_png_of_this_size_is_an_error():
    image = np.zeros((4, 5, 1), "uint8")
    with pytest.raises(ValueError, match="unknown filter 7"):
        pngs._unfilter(np.full((1, 4, 6), 7, "uint8"), 1)
    with pytest.raises(ValueError, match="reshape"):
        pngs.decode([png(image)], (5, 5, 1))
    with pytest.raises(OSError, match="cannot identify"):
        pngs.decode([b"nothing of the kind, at forty bytes or more"], (4, 5, 1))


def test_a_format_that_images_cannot_be_read_from_is_named():
    info = SimpleNamespace(file_format=SimpleNamespace(value="parquet"))
    builder = SimpleNamespace(name="mnist", data_path="/data/mnist/3.0.1", info=info)
    with pytest.raises(datasets.DatasetUnavailable, match=r"parquet format.*delete that folder"):
        records.read(builder, {"test": 10_000}, None)


def test_without_tensorflow_another_format_beside_is_taken(monkeypatch):
    monkeypatch.setattr(prepared, "has_tensorflow", lambda: False)
    tfrecord, array_record = (SimpleNamespace(value=v) for v in ("tfrecord", "array_record"))
    info = SimpleNamespace(file_format=tfrecord, available_file_formats=lambda: list(found))
    info.set_file_format = lambda chosen, **_: setattr(info, "file_format", chosen)
    builder = SimpleNamespace(name="mnist", data_path="/data/mnist/3.0.1", info=info)
    found = [tfrecord, array_record]
    assert prepared.reads_as_source(builder)
    assert info.file_format is array_record
    found, info.file_format = [tfrecord], tfrecord
    with pytest.raises(datasets.DatasetUnavailable, match="cannot be read without TensorFlow"):
        prepared.reads_as_source(builder)


# Photographs with boxes.


def photograph(seed=0):
    """An encoded photograph of smooth noise."""
    rng = np.random.Generator(np.random.PCG64(seed))
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), "uint8"))
    stream = io.BytesIO()
    small.resize((bccd.WIDTH, bccd.HEIGHT)).save(stream, "jpeg", quality=95)
    return stream.getvalue()


@pytest.mark.parametrize("factor", [1, 2, 4, 20])
def test_pixels_are_averaged_over_the_area_they_replace(factor):
    jpeg = photograph()
    full = np.asarray(Image.open(io.BytesIO(jpeg)), "float64") / 255
    blocks = full.reshape(480 // factor, factor, 640 // factor, factor, 3).mean(axis=(1, 3))
    found = bccd._picture(jpeg, bccd._size(1 / factor))
    assert found.dtype == np.float32
    # Pillow rounds twice, after the rows and after the columns: up to half a level each.
    np.testing.assert_allclose(found, blocks, rtol=0, atol=1 / 255 * (factor > 1) + 1e-6)
    assert abs(np.mean(found - blocks)) < 0.5 / 255


def test_boxes_are_turned_cut_and_sorted_out():
    boxes = [
        [0.2, 0.1, 0.4, 0.3],  # TFDS has y first
        [-0.5, 0.5, 0.5, 1.5],  # over the edge
        [0.4, 0.1, 0.2, 0.3],  # upside down
        [0.5, 0.5, 0.5, 0.5],  # a point
        [1.1, 0.1, 1.2, 0.3],  # outside
        [np.nan, 0.1, 0.2, 0.3],
    ]
    example = {"image": photograph(), "objects": {"bbox": boxes, "label": [0, 1, 2, 0, 1, 2]}}
    bare = {"image": photograph(1), "objects": {"bbox": [], "label": []}}
    images, found, classes, dropped = bccd._collect([example, bare], 2, (12, 16))
    assert images.shape == (2, 12, 16, 3)
    expected = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0, 1, 0.5]], "float32")
    np.testing.assert_array_equal(found[0], expected)
    assert classes[0].tolist() == [0, 1]
    assert (found[1].shape, classes[1].shape) == ((0, 4), (0,))
    assert (found[1].dtype, classes[1].dtype) == (np.float32, np.int32)
    assert dropped == 4


bad = st.one_of(
    st.floats().filter(lambda scale: not 0 < scale <= 1),
    st.sampled_from([True, None, "0.25", [0.5], 2, 0, 1e-9, 1j]),
)


@given(bad)
@settings(max_examples=25, deadline=None)
def test_a_bad_scale_is_refused_before_anything_is_read(scale):
    with pytest.raises(ValueError, match=r"^load\('bccd'\): scale is .*; choose") as error:
        datasets.load("bccd", scale=scale, data_dir="/no/such/folder")
    assert repr(scale) in str(error.value)


@given(st.floats(0.002, 1))
@settings(max_examples=25, deadline=None)
def test_a_good_scale_gives_at_least_a_pixel(scale):
    height, width = bccd._size(scale)
    assert (height, width) == (round(480 * scale), round(640 * scale))
    assert 1 <= height <= width


def test_every_set_of_a_family_takes_a_folder_and_whether_to_download(monkeypatch, tmp_path):
    monkeypatch.setattr(network, "network_reachable", lambda url: False)
    for name in ("mnist", "tiny_shakespeare", "imdb_reviews", "movie_rationales", "bccd"):
        assert {"data_dir": None, "download": True}.items() <= datasets.options(name).items()
        with pytest.raises(datasets.DatasetUnavailable, match=f"{name} is not prepared in"):
            datasets.load(name, data_dir=tmp_path)
        with pytest.raises(ValueError, match=rf"load\('{name}'\): data_dir is 3"):
            datasets.load(name, data_dir=3)
