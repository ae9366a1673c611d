"""What `load` does when a set is not here: says so at once, or fetches it whole or not at all."""

import contextlib
import json
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dlutils import datasets
from dlutils.datasets import catalogue, images, network, prepared, preparing, reviews
from dlutils.datasets.__main__ import parser

ROOT = Path(__file__).resolve().parents[2]
WITHOUT = """
import importlib.machinery, sys
class Without(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.split(".")[0] in {packages!r}:
            return None
        return super().find_spec(name, path, target)
sys.meta_path = [Without if f is importlib.machinery.PathFinder else f for f in sys.meta_path]
from dlutils import datasets
try:
    datasets.load("mnist", data_dir={folder!r})
except datasets.DatasetUnavailable as error:
    print(type(error).__name__, error)
print("tensorflow" in sys.modules)
"""


def load_without(packages, folder):
    """What load says in an interpreter in which these packages are not installed."""
    code = WITHOUT.format(packages=set(packages), folder=str(folder))
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(network, "network_reachable", lambda url: False)


@pytest.fixture
def online(monkeypatch):
    """A network, and a set whose files TFDS would fetch by itself: nothing is asked for."""
    monkeypatch.setattr(network, "network_reachable", lambda url: True)
    monkeypatch.setattr(preparing, "cached_files", lambda name, folder: {})


@pytest.fixture
def builder_class():
    import tensorflow_datasets

    return tensorflow_datasets.core.DatasetBuilder


def test_without_a_network_it_names_set_folder_and_cure_within_five_seconds(
    offline, tmp_path, capfd
):
    start = time.perf_counter()
    with pytest.raises(datasets.DatasetUnavailable) as error:
        datasets.load("mnist", data_dir=tmp_path / "none")
    assert time.perf_counter() - start < 5
    message = str(error.value)
    assert message.startswith(f"mnist is not prepared in {tmp_path / 'none'}, and storage.google")
    assert "Connect to the network and call again, or prepare it where" in message
    assert "TFDS_DATA_DIR" in message
    assert not isinstance(error.value, datasets.DatasetDamaged)
    assert not (tmp_path / "none").exists()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", catalogue.MEMBERS)
def test_the_command_in_the_message_is_one_that_the_package_takes(offline, tmp_path, name):
    with pytest.raises(datasets.DatasetUnavailable) as error:
        datasets.load(name, data_dir=tmp_path)
    command = str(error.value).split("TensorFlow with ")[1].split(" and give")[0]
    python, _, package, *arguments = shlex.split(command)
    assert (python, package) == ("python", "dlutils.datasets")
    given = parser().parse_args(arguments)
    assert (given.command, given.names, given.data_dir) == ("prepare", [name], "DIR")
    assert given.file_format == "array_record"


def test_with_download_false_the_network_is_not_even_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(network, "network_reachable", lambda url: pytest.fail("asked"))
    with pytest.raises(datasets.DatasetUnavailable, match="download=False forbids"):
        datasets.load("mnist", data_dir=tmp_path, download=False)


@pytest.mark.parametrize("given", ["option", "environment", "home"])
def test_the_folder_is_the_option_else_the_environment_else_below_home(
    offline, monkeypatch, tmp_path, given
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    folder, options = tmp_path / "home" / "tensorflow_datasets", {}
    if given != "home":
        folder = tmp_path / "environment"
        monkeypatch.setenv("TFDS_DATA_DIR", str(folder))
    if given == "option":
        folder = tmp_path / "option"
        options = {"data_dir": str(folder)}
    with pytest.raises(datasets.DatasetUnavailable) as error:
        datasets.load("mnist", **options)
    assert f"not prepared in {folder}, " in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data_dir": 3}, "data_dir is 3, but a folder is needed"),
        ({"data_dir": ""}, "data_dir is '', but a folder is needed"),
        ({"download": "no"}, "download is 'no', but it is a yes-or-no question"),
    ],
)
def test_a_bad_option_is_refused_in_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        datasets.load("mnist", **options)


def test_without_tensorflow_it_says_what_preparing_needs(tmp_path):
    said = load_without(["tensorflow"], tmp_path / "none")
    assert "DatasetUnavailable mnist is not prepared in" in said
    assert "preparing it needs TensorFlow. Install tensorflow, or" in said


def test_without_tensorflow_datasets_it_says_how_to_install_it(tmp_path):
    said = load_without(["tensorflow_datasets"], tmp_path / "none")
    assert "pip install tensorflow-datasets and call again." in said


def test_every_member_of_the_families_has_the_features_that_load_reads(tmp_path):
    for name in images.FAMILY:
        features = prepared.open_builder(name, tmp_path).info.features
        assert len(features["image"].shape) == 3, name
        assert len(features["label"].names) == 10, name
    for name in reviews.FAMILY:
        features = prepared.open_builder(name, tmp_path).info.features
        assert reviews.TEXT[name] in features, name
        assert [label.lower() for label in features["label"].names] == ["neg", "pos"], name
    assert "text" in prepared.open_builder("tiny_shakespeare", tmp_path).info.features
    cells = prepared.open_builder("bccd", tmp_path).info.features
    assert cells["image"].shape == (480, 640, 3)
    assert set(cells["objects"].feature) == {"label", "bbox"}


def test_the_sizes_that_are_listed_are_those_that_tfds_has_registered(tmp_path):
    for name, member in catalogue.MEMBERS.items():
        files = preparing.cached_files(name, tmp_path)
        assert round(sum(file.size for file in files) / 1e6, 1) == member.megabytes, name


# Preparing, with TFDS's own part replaced.


def nothing_but_the_lock(folder, name):
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    return set(found) == {"downloads", f"downloads/{name}.lock"}


def test_a_download_that_dies_half_way_leaves_nothing(
    online, monkeypatch, tmp_path, builder_class, capsys
):
    def die(builder, **_):
        builder.data_path.mkdir(parents=True)
        (builder.data_path / "dataset_info.json").write_text("{}")
        raise ConnectionError("the line went dead")

    monkeypatch.setattr(builder_class, "download_and_prepare", die)
    with pytest.raises(datasets.DatasetUnavailable, match=r"the line went dead.*nothing of it was"):
        datasets.load("mnist", data_dir=tmp_path)
    assert nothing_but_the_lock(tmp_path, "mnist")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"mnist: downloading and preparing it in {tmp_path}, once\n"


def test_a_package_missing_only_while_preparing_is_named_too(
    online, monkeypatch, tmp_path, builder_class
):
    def stumble(builder, **_):
        raise ModuleNotFoundError(
            "No module named 'importlib_resources'", name="importlib_resources"
        )

    monkeypatch.setattr(builder_class, "download_and_prepare", stumble)
    with pytest.raises(datasets.DatasetUnavailable, match=r"run pip install importlib-resources"):
        datasets.load("mnist", data_dir=tmp_path)
    assert nothing_but_the_lock(tmp_path, "mnist")


def test_an_interrupt_while_downloading_leaves_nothing_either(
    online, monkeypatch, tmp_path, builder_class
):
    def interrupt(builder, **_):
        builder.data_path.mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(builder_class, "download_and_prepare", interrupt)
    with pytest.raises(KeyboardInterrupt):
        datasets.load("mnist", data_dir=tmp_path)
    assert nothing_but_the_lock(tmp_path, "mnist")


def test_a_download_that_ends_without_a_prepared_set_is_reported(
    online, monkeypatch, tmp_path, builder_class
):
    monkeypatch.setattr(builder_class, "download_and_prepare", lambda builder, **_: None)
    with pytest.raises(datasets.DatasetUnavailable, match="ended without a prepared set"):
        datasets.load("mnist", data_dir=tmp_path)


def fake_download(builder, **_):
    """What a finished download leaves, as far as is_prepared looks."""
    builder.data_path.mkdir(parents=True)
    (builder.data_path / "dataset_info.json").write_text(json.dumps({"name": "mnist"}))
    (builder.data_path / "features.json").write_text("{}")


def test_a_finished_download_stands_in_its_place_and_nothing_else_does(
    online, monkeypatch, tmp_path, builder_class
):
    monkeypatch.setattr(builder_class, "download_and_prepare", fake_download)
    preparing.prepare("mnist", tmp_path, download=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["downloads", "mnist"]
    (version,) = (tmp_path / "mnist").iterdir()
    assert sorted(p.name for p in version.iterdir()) == ["dataset_info.json", "features.json"]


def test_who_prepares_the_same_set_meanwhile_is_not_overwritten(
    online, monkeypatch, tmp_path, builder_class
):
    def while_another_is_faster(builder, **_):
        fake_download(builder)
        theirs = tmp_path / "mnist" / builder.data_path.name
        theirs.mkdir(parents=True)
        (theirs / "dataset_info.json").write_text("theirs")

    monkeypatch.setattr(builder_class, "download_and_prepare", while_another_is_faster)
    preparing.prepare("mnist", tmp_path, download=True)
    assert next(tmp_path.rglob("dataset_info.json")).read_text() == "theirs"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["downloads", "mnist"]


def test_a_folder_that_cannot_be_written_to_is_reported(online, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(datasets.DatasetUnavailable, match=r"cannot be written to \(.*data_dir"):
        datasets.load("mnist", data_dir=tmp_path / "file" / "below")


# The network probe.


@pytest.fixture
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def listening():
    """A port of this machine at which somebody answers."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_the_probe_finds_a_proxy_that_answers(no_proxy, monkeypatch, listening):
    monkeypatch.setenv("https_proxy", f"http://user:secret@127.0.0.1:{listening}")
    assert network.network_reachable()


def test_the_probe_finds_no_proxy_where_nobody_listens(no_proxy, monkeypatch, listening):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        free = server.getsockname()[1]
    monkeypatch.setenv("https_proxy", f"127.0.0.1:{free}")
    assert not network.network_reachable()


def test_without_a_proxy_the_server_itself_is_asked(no_proxy, monkeypatch, listening):
    assert network.network_reachable(f"http://127.0.0.1:{listening}/file")


def test_one_proxy_for_everything_counts_for_http_and_https(no_proxy, monkeypatch, listening):
    monkeypatch.setenv("all_proxy", f"http://127.0.0.1:{listening}")
    for url in ("http://nowhere.invalid/", "https://nowhere.invalid/"):
        assert network.network_reachable(url)


def test_no_proxy_is_obeyed(no_proxy, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "googleapis.com")
    asked = []
    monkeypatch.setattr(
        socket, "create_connection", lambda address, timeout: asked.append(address) or Quiet()
    )
    assert network.network_reachable()
    assert asked == [("storage.googleapis.com", 443)]


class Quiet:
    def close(self):
        pass


def test_a_name_server_that_never_answers_costs_no_more_than_the_limit(no_proxy, monkeypatch):
    monkeypatch.setattr(network, "LIMIT", 0.2)
    monkeypatch.setattr(socket, "create_connection", silence)
    start = time.perf_counter()
    assert not network.network_reachable()
    assert time.perf_counter() - start < 1


def silence(*_, **__):
    time.sleep(2)
    raise TimeoutError
