"""The data sets that need no file beside the installed packages, and the door to all of them."""

import hashlib
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_sample_image

from dlutils import datasets

ROOT = Path(__file__).resolve().parents[2]
LOAD_ALONE = """
import sys, time
from dlutils import datasets
before = time.process_time()
datasets.load({name!r}, **{options!r})
print(time.process_time() - before)
if sys.platform == "linux":  # ru_maxrss would be the parent's, which it keeps through exec
    print(next(line.split()[1] for line in open("/proc/self/status") if "VmHWM" in line))
"""


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def test_digits_have_the_shapes_and_types_every_lesson_relies_on(digits):
    assert digits.x_train.shape == (1197, 8, 8, 1)
    assert digits.x_test.shape == (600, 8, 8, 1)
    assert digits.x_train.dtype == digits.x_test.dtype == np.float32
    assert digits.y_train.dtype == digits.y_test.dtype == np.int32
    assert digits.x_train.min() == 0
    assert digits.x_train.max() == 1
    assert digits.class_names == tuple("0123456789")


def test_every_digit_of_scikit_learn_is_in_exactly_one_part(digits):
    bunch = load_digits()
    images = np.concatenate([digits.x_train, digits.x_test])[..., 0] * 16
    labels = np.concatenate([digits.y_train, digits.y_test])
    ours = sorted((*image.ravel().astype(int), y) for image, y in zip(images, labels, strict=True))
    theirs = sorted((*x.astype(int), y) for x, y in zip(bunch.data, bunch.target, strict=True))
    assert ours == theirs


def test_the_test_digits_are_sixty_of_each_class(digits):
    np.testing.assert_array_equal(np.bincount(digits.y_test), [60] * 10)


def test_the_digits_split_never_changes(digits):
    pixels = np.rint(digits.x_test * 16).astype("uint8").tobytes()
    assert hashlib.sha256(pixels).hexdigest()[:16] == "56e6c60bd3d9d7ce"
    assert digits.y_train[:12].tolist() == [2, 4, 5, 2, 9, 6, 5, 0, 3, 4, 9, 9]


@pytest.mark.parametrize("part", ["y_train", "y_test"])
def test_the_order_of_the_digits_favours_no_class_at_either_end(digits, part):
    labels = getattr(digits, part)
    for end in (labels[:200], labels[-200:]):
        assert np.bincount(end, minlength=10).min() >= 8


def test_photos_are_the_two_of_scikit_learn_scaled_to_one():
    photos = datasets.load("photos")
    assert photos.images.shape == (2, 427, 640, 3)
    assert photos.images.dtype == np.float32
    for image, name in zip(photos.images, photos.names, strict=True):
        np.testing.assert_allclose(image * 255, load_sample_image(f"{name}.jpg"), atol=1e-4)


@pytest.mark.parametrize("name", ["digits", "photos", "scenes"])
def test_loading_twice_gives_equal_arrays_that_do_not_share_memory(name):
    first, second = datasets.load(name), datasets.load(name)
    field = "images" if name == "photos" else "x_train"
    np.testing.assert_array_equal(getattr(first, field), getattr(second, field))
    assert not np.shares_memory(getattr(first, field), getattr(second, field))


@pytest.mark.parametrize("name", ["digits", "photos", "scenes"])
def test_provenance_names_source_licence_and_true_counts(name):
    data = datasets.load(name)
    provenance = data.provenance
    assert provenance.kind == ("generated" if name == "scenes" else "real")
    if name == "photos":
        assert provenance.counts == {"photos": len(data.images)}
    else:
        assert provenance.counts == {"train": len(data.x_train), "test": len(data.x_test)}
    line = str(provenance)
    assert "\n" not in line
    assert all(part in line for part in (name, provenance.source, provenance.licence))


def test_repr_tells_shapes_and_no_pixels(digits):
    text = repr(digits)
    assert "x_train: float32 (1197, 8, 8, 1)" in text
    assert len(text) < 1000
    assert len(repr(datasets.load("scenes"))) < 1500


@pytest.mark.parametrize(
    ("name", "options"), [("digits", {}), ("photos", {}), ("scenes", {"count": 2000, "test": 1})]
)
def test_an_embedded_set_loads_within_two_seconds_and_300_megabytes(name, options):
    code = LOAD_ALONE.format(name=name, options=options)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, *kilobytes = map(float, done.stdout.split())
    assert seconds < 2
    assert all(peak / 1024 < 300 for peak in kilobytes)
    assert done.stderr == ""


@pytest.mark.parametrize(("wrong", "right"), [("digit", "digits"), ("MNIST", "mnist")])
def test_an_unknown_name_is_refused_with_a_suggestion(wrong, right):
    with pytest.raises(ValueError, match=rf"no data set '{wrong}' \(did you mean '{right}'\?\)"):
        datasets.load(wrong)


@pytest.mark.parametrize("wrong", ["zzzz", "", None, 3, ["digits"]])
def test_what_resembles_no_name_is_refused_with_the_list_of_names(wrong):
    with pytest.raises(ValueError, match="choose one of digits, photos, english, dates"):
        datasets.load(wrong)


def test_an_unknown_option_is_refused_with_a_suggestion():
    with pytest.raises(TypeError, match=r"no option 'nois' \(did you mean 'noise'\?\)"):
        datasets.load("scenes", nois=0)
    with pytest.raises(TypeError, match=r"no option 'data_dir'; digits takes no options\."):
        datasets.load("digits", data_dir="x")


def test_options_lists_what_load_takes():
    assert datasets.options("digits") == {}
    assert datasets.options("mnist") == {"data_dir": None, "download": True}
    assert datasets.options("scenes")["count"] == 1200


def test_every_loader_is_documented():
    from dlutils.datasets.catalogue import LOADERS

    for name in datasets.names():
        assert inspect.getdoc(getattr(LOADERS[name], "func", LOADERS[name])), name
