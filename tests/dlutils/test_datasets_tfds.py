"""The real MNIST through TensorFlow Datasets: whole, in both formats, and damaged in every way.

Prepared once a session from the official files beside the checkout, by the script there.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dlutils import datasets

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("COURSE_SHARED", ROOT.parent / "shared"))
OFFICIAL = SHARED / "data" / "tfds_downloads"
FORMATS = ("tfrecord", "array_record")

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(
        not (OFFICIAL / "mnist").is_dir(), reason=f"the official MNIST files are not in {OFFICIAL}"
    ),
]


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """MNIST prepared in each format: {"tfrecord": data_dir, "array_record": data_dir}."""
    folders = {name: tmp_path_factory.mktemp(name) for name in FORMATS}
    script = [sys.executable, SHARED / "data" / "prepare_tfds.py", "--downloads", OFFICIAL]
    running = [
        subprocess.Popen(
            [*script, "--data-dir", folder, "--file-format", name, "mnist"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, folder in folders.items()
    ]
    for process in running:
        out, err = process.communicate()
        assert process.returncode == 0, out + err
    return folders


@pytest.fixture(scope="module")
def timed(folders):
    """MNIST from tfrecord files, and the processor seconds this took."""
    import tensorflow  # noqa: F401  (its import is not what is timed)

    before = time.process_time()
    mnist = datasets.load("mnist", data_dir=folders["tfrecord"])
    return mnist, time.process_time() - before


@pytest.fixture(scope="module")
def mnist(timed):
    return timed[0]


def official(part):
    """Images and labels straight from the official files (IDX format)."""
    prefix = {"train": "train", "test": "t10k"}[part]
    images, labels = (
        gzip.decompress(next((OFFICIAL / "mnist").glob(f"*{prefix}-{kind}*.gz")).read_bytes())
        for kind in ("images-idx3", "labels-idx1")
    )
    return (
        np.frombuffer(images, "uint8", offset=16).reshape(-1, 28, 28, 1),
        np.frombuffer(labels, "uint8", offset=8),
    )


def examples(images, labels):
    return Counter(zip((image.tobytes() for image in images), labels.tolist(), strict=True))


@pytest.mark.parametrize(("part", "count"), [("train", 60_000), ("test", 10_000)])
def test_mnist_is_the_official_images_and_labels(mnist, part, count):
    images, labels = getattr(mnist, f"x_{part}"), getattr(mnist, f"y_{part}")
    assert images.shape == (count, 28, 28, 1)
    assert (images.dtype, labels.dtype) == (np.float32, np.int32)
    assert (images.min(), images.max()) == (0, 1)
    assert examples(np.rint(images * 255).astype("uint8"), labels) == examples(*official(part))


def test_mnist_names_its_classes_and_source(mnist):
    assert mnist.class_names == tuple("0123456789")
    assert mnist.provenance.counts == {"train": 60_000, "test": 10_000}
    assert "mnist/3.0.1" in str(mnist.provenance)


def test_mnist_first_batch_is_the_pinned_one(mnist):
    assert hashlib.sha256(
        mnist.x_train[:32].tobytes() + mnist.y_train[:32].tobytes()
    ).hexdigest() == ("bb1953bdf043461c1b50f54b3420c001642f39e6fbd3ab0910ed45b8f12db4c1")


def test_least_squares_on_mnist_is_as_good_as_is_known(mnist):
    from sklearn.linear_model import RidgeClassifier

    x, t = mnist.x_train.reshape(60_000, -1), mnist.x_test.reshape(10_000, -1)
    model = RidgeClassifier(alpha=10).fit(x[:10_000], mnist.y_train[:10_000])
    assert 0.84 < model.score(t, mnist.y_test) < 0.87  # 0.856 measured; standard error 0.004


LOAD = """
import hashlib, importlib.machinery, sys, time
class Without(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] == "tensorflow" else super().find_spec(name, path, target)
sys.meta_path = [Without if f is importlib.machinery.PathFinder else f for f in sys.meta_path]
if "with tensorflow" in sys.argv:
    sys.meta_path[sys.meta_path.index(Without)] = importlib.machinery.PathFinder
from dlutils import datasets
before = time.process_time()
try:
    data = datasets.load("mnist", data_dir=sys.argv[1])
except datasets.DatasetUnavailable as error:
    sys.exit(f"{type(error).__name__}: {error}")
print(time.process_time() - before)
for array in (data.x_train, data.y_train, data.x_test, data.y_test):
    print(hashlib.sha256(array).hexdigest())
if sys.platform == "linux":  # ru_maxrss would be the parent's, which it keeps through exec
    print(next(line.split()[1] for line in open("/proc/self/status") if "VmHWM" in line))
"""


def load_elsewhere(folder, tensorflow):
    """Load in a fresh interpreter, "with tensorflow" or "without"."""
    command = [sys.executable, "-c", LOAD, folder, tensorflow]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_array_record_without_tensorflow_gives_identical_arrays_fast_and_silently(folders, mnist):
    done = load_elsewhere(folders["array_record"], "without")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    seconds, *found = done.stdout.splitlines()
    arrays = (mnist.x_train, mnist.y_train, mnist.x_test, mnist.y_test)
    assert found[:4] == [hashlib.sha256(array).hexdigest() for array in arrays]
    assert float(seconds) < 4  # of processor time; 1.3 measured
    for kilobytes in found[4:]:
        assert int(kilobytes) / 1024 < 500  # the arrays alone are 210 megabytes


def test_tfrecord_without_tensorflow_says_which_format_can_be_read(folders):
    done = load_elsewhere(folders["tfrecord"], "without")
    assert done.stderr.startswith("DatasetUnavailable: mnist in ")
    assert (
        "is prepared in the tfrecord format, which cannot be read without TensorFlow" in done.stderr
    )
    assert "prepare mnist --data-dir DIR --file-format array_record" in done.stderr


def test_with_tensorflow_it_is_read_in_a_few_seconds(timed):
    assert timed[1] < 7  # of processor time; 2.1 measured


# Damage, on copies. The test part is read first, so most of these fail fast.


@pytest.fixture
def copy(folders, tmp_path):
    """A copy of the prepared set in a format, train shard linked: the version's folder."""

    def make(name):
        shutil.copytree(folders[name] / "mnist", tmp_path / "mnist", copy_function=link_if_train)
        return tmp_path / "mnist" / "3.0.1"

    return make


def link_if_train(source, target):
    if "-train." in source:
        os.link(source, target)
    else:
        shutil.copyfile(source, target)


def the_test_shard(folder):
    (path,) = folder.glob("mnist-test.*")
    return path


def cut_in_half(folder):
    os.truncate(the_test_shard(folder), the_test_shard(folder).stat().st_size // 2)


def empty_it(folder):
    os.truncate(the_test_shard(folder), 0)


def flip_a_byte(folder):
    content = bytearray(the_test_shard(folder).read_bytes())
    content[len(content) // 2] ^= 255
    the_test_shard(folder).write_bytes(content)


def remove_test_shard(folder):
    the_test_shard(folder).unlink()


def remove_train_shard(folder):
    next(folder.glob("mnist-train.*")).unlink()


def break_info(folder):
    info = folder / "dataset_info.json"
    info.write_text(info.read_text()[:300])


def remove_info(folder):
    (folder / "dataset_info.json").unlink()


def claim_fewer(folder):
    info = folder / "dataset_info.json"
    info.write_text(info.read_text().replace('"10000"', '"9950"'))


def swap_in_other_data(folder):
    """Whole files, right names, wrong contents: the count alone tells."""
    train = next(folder.glob("mnist-train.*")).read_bytes()
    the_test_shard(folder).write_bytes(train)


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (cut_in_half, "truncated|chunk"),
        (empty_it, "there are 0 examples|at least 64KB"),
        (flip_a_byte, "[Cc]orrupted"),
        (remove_test_shard, "mnist-test.* is missing"),
        (remove_train_shard, "mnist-train.* is missing"),
        (break_info, "Unterminated string"),
        (remove_info, "dataset_info.json is missing"),
        (claim_fewer, "test has 9950 examples instead of 10000"),
    ],
)
def test_a_damaged_folder_is_named_with_the_cure(copy, capfd, file_format, damage, cause):
    folder = copy(file_format)
    damage(folder)
    with pytest.raises(
        datasets.DatasetDamaged, match=rf"^mnist is damaged \(.*({cause}).*\)"
    ) as error:
        datasets.load("mnist", data_dir=folder.parents[1])
    message = str(error.value)
    named = Path(message.split("delete ")[1].removesuffix(" and call again."))
    assert named in (folder, folder.parent)
    assert len(message) < 400
    assert capfd.readouterr() == ("", "")


def test_the_first_import_of_tensorflow_prints_nothing_either(copy):
    folder = copy("tfrecord")
    flip_a_byte(folder)
    done = load_elsewhere(folder.parents[1], "with tensorflow")
    assert done.stdout == ""
    assert done.stderr.startswith("DatasetDamaged: mnist is damaged (corrupted record")
    assert done.stderr.count("\n") == 1


def test_deleting_the_folder_as_told_makes_the_set_absent_not_damaged(copy, monkeypatch):
    folder = copy("array_record")
    break_info(folder)
    with pytest.raises(datasets.DatasetDamaged) as error:
        datasets.load("mnist", data_dir=folder.parents[1])
    shutil.rmtree(str(error.value).split("delete ")[1].removesuffix(" and call again."))
    monkeypatch.setattr("dlutils.datasets.network.network_reachable", lambda url: False)
    with pytest.raises(datasets.DatasetUnavailable, match="is not prepared in"):
        datasets.load("mnist", data_dir=folder.parents[1])


def test_tensorflow_refuses_a_shard_with_more_examples_than_there_should_be(copy):
    folder = copy("tfrecord")
    swap_in_other_data(folder)
    with pytest.raises(datasets.DatasetDamaged):
        datasets.load("mnist", data_dir=folder.parents[1])
