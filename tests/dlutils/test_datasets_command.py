"""`python -m dlutils.datasets`: the table of all sets, and what prepares some for later."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlutils import datasets
from dlutils.datasets import __main__ as command
from dlutils.datasets import catalogue, listing, network, preparing

ROOT = Path(__file__).resolve().parents[2]
BLOCKED = """
import runpy, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
sys.argv = ["dlutils.datasets", *{arguments!r}]
runpy.run_module("dlutils.datasets", run_name="__main__")
"""


@pytest.fixture(autouse=True)
def _empty_home(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "usual"))


def run(*arguments, blocked=()):
    """The finished command in a fresh interpreter, with some packages not to be found."""
    code = BLOCKED.format(blocked=set(blocked), arguments=arguments)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def rows(text):
    """name -> (where, what) of a printed table."""
    head, *lines = text.splitlines()
    where, what = head.index("where"), head.index("what")
    return {line[:where].strip(): (line[where:what].strip(), line[what:]) for line in lines}


def pretend_prepared(folder, info='{"fileFormat": "array_record"}'):
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text(info)


@pytest.mark.parametrize("arguments", [(), ("list",)])
def test_it_lists_every_name_without_tensorflow_and_keras(arguments):
    done = run(*arguments, blocked=["tensorflow", "tensorflow_datasets", "keras", "jax", "tqdm"])
    assert (done.returncode, done.stderr) == (0, "")
    found = rows(done.stdout)
    assert tuple(found) == datasets.names()
    assert found["digits"][0] == "embedded"
    assert found["cifar10"][0] == "download, 170.1 MB"
    assert all(len(what) > 10 for _, what in found.values())


def test_it_says_what_is_prepared_and_in_which_format(tmp_path):
    pretend_prepared(tmp_path / "mnist" / "3.0.1")
    pretend_prepared(tmp_path / "imdb_reviews" / "plain_text" / "1.0.0", "{}")
    pretend_prepared(tmp_path / "bccd" / "1.0.0", "no json")
    pretend_prepared(tmp_path / "cifar10" / "3.0.2", "[1]")
    found = {name: where for name, (where, _) in rows(listing.table(tmp_path)).items()}
    assert found["mnist"] == "prepared (array_record)"
    assert found["imdb_reviews"] == "prepared (tfrecord)"
    assert found["bccd"] == found["cifar10"] == "prepared (damaged)"
    assert found["fashion_mnist"].startswith("download")
    assert found["stocks"] == "embedded"


def test_a_set_that_is_being_prepared_is_not_listed_as_prepared(tmp_path):
    pretend_prepared(tmp_path / ".mnist.preparing" / "mnist" / "3.0.1")
    assert listing.where("mnist", tmp_path).startswith("download")


def test_the_folder_is_the_option_else_the_environment(monkeypatch, tmp_path, capsys):
    pretend_prepared(tmp_path / "usual" / "mnist" / "3.0.1")
    assert command.main([]) == 0
    assert command.main(["list", "--data-dir", str(tmp_path / "other")]) == 0
    out = capsys.readouterr().out
    assert out.count("prepared (array_record)") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepare"], "the following arguments are required: NAME"),
        (["prepare", "mnits"], "invalid choice: 'mnits'"),
        (["prepare", "mnist", "--file-format", "riegeli"], "invalid choice: 'riegeli'"),
        (["remove"], "invalid choice: 'remove'"),
        (["--quick"], "unrecognized arguments: --quick"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_code_1(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        command.main(arguments)
    out, err = capsys.readouterr()
    assert (exit_.value.code, out, err.count("\n")) == (1, "", 1)
    assert message in err


@given(st.lists(st.text(max_size=8), min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_no_argument_gives_a_traceback(words):
    try:
        code = command.main(["prepare", "--", *(word or "x" for word in words)])
    except SystemExit as exit_:
        code = exit_.code
    assert code == 1 or set(words) <= set(catalogue.EMBEDDED)


def test_an_embedded_set_needs_no_preparing(capsys):
    assert command.main(["prepare", "digits", "scenes"]) == 0
    assert capsys.readouterr().out == (
        "digits: embedded, nothing to prepare\nscenes: embedded, nothing to prepare\n"
    )


def test_what_cannot_be_prepared_is_one_line_and_the_others_are_tried(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(network, "network_reachable", lambda url: False)
    folder = str(tmp_path / "data")
    assert command.main(["prepare", "mnist", "digits", "bccd", "--data-dir", folder]) == 1
    out, err = capsys.readouterr()
    assert out == "digits: embedded, nothing to prepare\n"
    mnist, bccd = err.splitlines()
    assert mnist.startswith(f"mnist is not prepared in {folder}, and storage.googleapis.com cannot")
    assert bccd.startswith(f"bccd is not prepared in {folder}, and github.com cannot be reached")


def test_without_tensorflow_it_says_what_preparing_needs(tmp_path):
    done = run("prepare", "mnist", "--data-dir", str(tmp_path), blocked=["tensorflow"])
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "tensorflow" in done.stderr


def test_an_interrupt_is_one_line(monkeypatch, tmp_path, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(preparing, "prepare", interrupt)
    assert command.main(["prepare", "mnist", "--data-dir", str(tmp_path)]) == 1
    assert "interrupted; the next call goes on" in capsys.readouterr().err


def test_folder_and_format_reach_whoever_prepares(monkeypatch, tmp_path, capsys):
    asked = []

    def prepare(name, folder, download=True, file_format=None):
        asked.append((name, folder, file_format))
        info = {"name": name, "fileFormat": file_format, "version": "1.0.0"}
        pretend_prepared(folder / name / "1.0.0", json.dumps(info))
        (folder / name / "1.0.0" / "features.json").write_text("{}")

    monkeypatch.setattr(preparing, "prepare", prepare)
    arguments = ["prepare", "bccd", "--data-dir", str(tmp_path), "--file-format", "array_record"]
    assert command.main(arguments) == 0
    assert capsys.readouterr().out == f"bccd: prepared in {tmp_path} (array_record)\n"
    assert asked == [("bccd", tmp_path, "array_record")]
    assert command.main([*arguments[:-1], "tfrecord"]) == 1  # it stands there in the other one
    assert "in the array_record format, which tfrecord cannot stand" in capsys.readouterr().err
    assert len(asked) == 1
