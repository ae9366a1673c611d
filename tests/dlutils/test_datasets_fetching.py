"""Fetching files from servers that misbehave, all of them on this machine.

The last tests let real processes prepare a small set together, and kill one of them.
"""

import contextlib
import dataclasses
import hashlib
import http.server
import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlutils import datasets
from dlutils.datasets import fetching, prepared, preparing, reviews

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("COURSE_SHARED", ROOT.parent / "shared"))
SHAKESPEARE = SHARED / "data" / "tfds_downloads" / "tiny_shakespeare"
CONTENT = bytes(range(256)) * 1000


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the next behaviour in server.plan says, as a good server when there is none."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers["Range"]))
        behaviour = server.plan.pop(0) if server.plan else good
        with contextlib.suppress(ConnectionError):
            behaviour(self, server.content)
        self.close_connection = True

    def log_message(self, *_):
        pass

    def answer(self, status, body, announced=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if announced is not False:
            self.send_header("Content-Length", len(body) if announced is None else announced)
        self.end_headers()
        self.wfile.write(body)


def good(handler, content):
    """A server that resumes."""
    asked = handler.headers["Range"]
    if not asked:
        return handler.answer(200, content)
    start = int(asked.removeprefix("bytes=").removesuffix("-"))
    if start >= len(content):
        return handler.answer(416, b"", Content_Range=f"bytes */{len(content)}")
    span = f"bytes {start}-{len(content) - 1}/{len(content)}"
    return handler.answer(206, content[start:], Content_Range=span)


def never_resuming(handler, content):
    handler.answer(200, content)


def without_length(handler, content):
    handler.answer(200, content, announced=False)


def in_chunks(handler, content):
    handler.answer(200, b"", announced=False, Transfer_Encoding="chunked")
    for start in range(0, len(content), 10_000):
        block = content[start : start + 10_000]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
    handler.wfile.write(b"0\r\n\r\n")


def cut(handler, content):
    """Half of what is left, then nothing."""
    asked = handler.headers["Range"]
    start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
    left = content[start:]
    span = {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
    handler.answer(206 if start else 200, left[: len(left) // 2], len(left), **span)


def cut_in_chunks(handler, content):
    handler.answer(200, b"", announced=False, Transfer_Encoding="chunked")
    handler.wfile.write(b"%x\r\n%s\r\n" % (1000, content[:1000]))


def cut_at_once(handler, content):
    handler.answer(200, b"", len(content))


def status(code, **headers):
    return lambda handler, content: handler.answer(code, b"no", **headers)


def other(content):
    return lambda handler, _: handler.answer(200, content)


def from_elsewhere(handler, content):
    """Bytes that were not asked for."""
    handler.answer(206, content[5:], Content_Range=f"bytes 5-{len(content) - 1}/{len(content)}")


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.content, server.plan, server.asked = CONTENT, [], []
        server.url = f"http://127.0.0.1:{server.server_port}/file"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(fetching, "WAITS", (0, 0, 0, 0))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def file(server, tmp_path):
    place = tmp_path / "downloads" / "set" / "file.gz"
    return fetching.File(server.url, place, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def begin(file, content):
    file.part.parent.mkdir(parents=True, exist_ok=True)
    file.part.write_bytes(content)


def is_there(file):
    return file.path.read_bytes() == CONTENT and os.listdir(file.path.parent) == [file.path.name]


def test_a_file_comes_whole_and_is_asked_for_once(server, file, capfd):
    fetching.fetch("set", [file])
    assert is_there(file)
    assert fetching.missing([file]) == []
    fetching.fetch("set", [file])
    assert server.asked == [("/file", None)]
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("\rset:")
    assert err.split("\r")[-1].strip() == ""  # the bar is gone


@pytest.mark.parametrize("behaviour", [never_resuming, without_length, in_chunks])
def test_every_way_to_send_a_file_is_understood(server, file, behaviour):
    server.plan = [behaviour]
    fetching.fetch("set", [file])
    assert is_there(file)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_the_range_goes_along(server, file, code):
    begin(file, CONTENT[:1000])
    server.plan = [status(code, Location="/moved")]
    fetching.fetch("set", [file])
    assert is_there(file)
    assert server.asked == [("/file", "bytes=1000-"), ("/moved", "bytes=1000-")]


def test_what_arrived_before_is_not_asked_for_again(server, file):
    begin(file, CONTENT[:200_000])
    fetching.fetch("set", [file])
    assert is_there(file)
    assert server.asked == [("/file", "bytes=200000-")]


def test_a_part_that_lacks_nothing_needs_no_server(server, file):
    begin(file, CONTENT)
    fetching.fetch("set", [file])
    assert is_there(file)
    assert server.asked == []


@pytest.mark.parametrize("behaviour", [never_resuming, without_length])
def test_a_server_that_does_not_resume_begins_anew(server, file, behaviour):
    begin(file, b"x" * 1000)
    server.plan = [behaviour]
    fetching.fetch("set", [file])
    assert is_there(file)
    assert len(server.asked) == 1


@pytest.mark.parametrize("start", [b"x" * 1000, CONTENT + b"x", b"x" * len(CONTENT)])
def test_a_part_of_another_file_is_thrown_away(server, file, start):
    begin(file, start)
    fetching.fetch("set", [file])
    assert is_there(file)
    assert server.asked[-1] == ("/file", None)


@pytest.mark.parametrize("cached", [CONTENT[:-1], CONTENT[:-1] + b"x", b""])
def test_a_wrong_file_in_the_cache_is_noticed_and_fetched_again(server, file, cached):
    file.path.parent.mkdir(parents=True)
    file.path.write_bytes(cached)
    assert fetching.missing([file]) == [file]
    fetching.fetch("set", [file])
    assert is_there(file)


def test_a_connection_that_is_cut_again_and_again_is_taken_up_while_more_arrives(server, file):
    server.plan = [cut] * 10
    fetching.fetch("set", [file])
    assert is_there(file)
    assert len(server.asked) == 11
    starts = [int(asked.removeprefix("bytes=")[:-1]) for _, asked in server.asked[1:]]
    assert starts == sorted(set(starts))


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_a_busy_server_is_asked_again_after_growing_waits(server, file, monkeypatch, code):
    waited = []
    monkeypatch.setattr(fetching, "WAITS", (1, 2, 4, 8))
    monkeypatch.setattr(time, "sleep", waited.append)
    server.plan = [status(code)] * 4
    fetching.fetch("set", [file])
    assert is_there(file)
    assert waited == [1, 2, 4, 8]


@pytest.mark.parametrize("behaviour", [status(503), cut_at_once])
def test_after_some_tries_without_a_byte_it_says_where_it_broke_off(server, file, behaviour):
    begin(file, CONTENT[:1000])
    server.plan = [behaviour] * 20
    with pytest.raises(datasets.DatasetUnavailable) as error:
        fetching.fetch("set", [file])
    assert len(server.asked) == 5
    kept = 1000 if behaviour is not cut_at_once else 0  # that one began anew
    assert f"{server.url} broke off at {kept:,} of 256,000 bytes, 5 times in a row" in str(
        error.value
    )
    assert "call again to go on from there" in str(error.value)
    server.plan = []
    fetching.fetch("set", [file])
    assert is_there(file)


def test_a_cut_in_a_chunked_answer_is_a_cut_too(server, file):
    server.plan = [cut_in_chunks]
    fetching.fetch("set", [file])
    assert is_there(file)
    assert server.asked[1] == ("/file", "bytes=1000-")


def test_nobody_there_is_said_in_one_sentence(server, file):
    nowhere = dataclasses.replace(file, url="http://127.0.0.1:1/file")
    with pytest.raises(datasets.DatasetUnavailable, match=r"broke off at 0 of.*refused") as error:
        fetching.fetch("set", [nowhere])
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
def test_a_refusal_is_not_asked_again(server, file, code):
    server.plan = [status(code)] * 9
    with pytest.raises(datasets.DatasetUnavailable, match=rf"{server.url} answers {code} \w+"):
        fetching.fetch("set", [file])
    assert len(server.asked) == 1


def test_an_endless_redirect_ends(server, file):
    server.plan = [status(302, Location="/file")] * 100
    with pytest.raises(datasets.DatasetUnavailable, match="answers 302"):
        fetching.fetch("set", [file])


WRONG = {
    "the same size": other(b"x" * len(CONTENT)),
    "a login page": other(b"<html>log in</html>"),
    "longer": other(CONTENT + b"x"),
    "longer than it says": lambda handler, content: handler.answer(200, content * 2, False),
    "other bytes": from_elsewhere,
}


@pytest.mark.parametrize("behaviour", WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_deleted_and_fetched_again_once(server, file, behaviour):
    server.plan = [behaviour]
    fetching.fetch("set", [file])
    assert is_there(file)
    assert server.asked == [("/file", None)] * 2


@pytest.mark.parametrize("behaviour", WRONG.values(), ids=WRONG)
def test_a_file_that_is_wrong_twice_is_refused_and_not_kept(server, file, behaviour):
    server.plan = [behaviour] * 2
    with pytest.raises(datasets.DatasetUnavailable, match=r"another file than the reg.*, twice \("):
        fetching.fetch("set", [file])
    assert len(server.asked) == 2
    assert os.listdir(file.path.parent) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_named_with_what_it_took(server, file):
    file.part.parent.mkdir(parents=True)
    file.part.symlink_to("/dev/full")
    with pytest.raises(datasets.DatasetUnavailable, match="No space left on device") as error:
        fetching.fetch("set", [file])
    assert f"{file.path.parent} took 0 of 256,000 bytes" in str(error.value)
    assert "Make room there and call again" in str(error.value)


def test_a_folder_that_cannot_be_made_is_named(server, file, tmp_path):
    (tmp_path / "downloads").write_text("")
    with pytest.raises(datasets.DatasetUnavailable, match=r"\((Not a directory|File exists)\)"):
        fetching.fetch("set", [file])


def test_one_bar_counts_the_bytes_of_all_files(server, file, capfd, monkeypatch):
    bars = []

    class Bar(__import__("tqdm").tqdm):
        def close(self):
            bars.append((self.n, self.total))
            super().close()

    monkeypatch.setattr("tqdm.tqdm", Bar)
    files = [dataclasses.replace(file, path=file.path.with_name(f"{i}")) for i in range(3)]
    server.plan = [good, cut, other(b"x" * len(CONTENT))]
    fetching.fetch("set", files)
    assert bars[0] == (3 * len(CONTENT), 3 * len(CONTENT))
    assert fetching.missing(files) == []


@given(
    plan=st.lists(
        st.sampled_from([cut, cut_in_chunks, status(503), never_resuming, in_chunks]), max_size=6
    ),
    start=st.integers(0, len(CONTENT)),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_the_server_does_the_file_is_right_or_it_is_said(server, file, plan, start):
    shutil.rmtree(file.path.parent, ignore_errors=True)
    begin(file, CONTENT[:start])
    server.plan = list(plan)
    try:
        fetching.fetch("set", [file])
    except datasets.DatasetUnavailable:
        assert not file.path.exists()
    else:
        assert is_there(file)


# From the server to the arrays, through TFDS, with an archive of our own.


REVIEWS = {
    "train/pos/0_9.txt": "A film of light, café included.",
    "train/neg/0_1.txt": "Two hours of rain.",
    "test/pos/0_8.txt": "Better than the book!",
    "test/neg/0_2.txt": "<br />Never again.",
    "train/unsup/0_0.txt": "Nobody said.",
}


def archive():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, text in REVIEWS.items():
            member = tarfile.TarInfo(f"aclImdb/{name}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


def test_imdb_reviews_are_fetched_prepared_and_read(server, monkeypatch, tmp_path, capfd):
    server.content = content = archive()
    server.plan = [cut]
    kind = type(prepared.open_builder("imdb_reviews", tmp_path))
    (url,) = kind.url_infos
    info = dataclasses.replace(
        kind.url_infos[url], size=len(content), checksum=hashlib.sha256(content).hexdigest()
    )
    monkeypatch.setattr(kind, "url_infos", {url: info})
    cached_files = preparing.cached_files
    monkeypatch.setattr(
        preparing,
        "cached_files",
        lambda *given: {
            dataclasses.replace(file, url=server.url): info
            for file, info in cached_files(*given).items()
        },
    )
    counts = {"test": 2, "train": 2}
    monkeypatch.setitem(
        reviews.FAMILY,
        "imdb_reviews",
        dataclasses.replace(reviews.FAMILY["imdb_reviews"], counts=counts),
    )
    found = datasets.load("imdb_reviews", data_dir=tmp_path)
    assert len(server.asked) == 2
    for part in ("train", "test"):
        texts, labels = getattr(found, f"texts_{part}"), getattr(found, f"y_{part}")
        verdicts = {REVIEWS[n]: "pos" in n for n in REVIEWS if part in n and "unsup" not in n}
        assert dict(zip(texts, labels.tolist(), strict=True)) == verdicts
    assert (found.texts_validation, found.y_validation.shape) == ((), (0,))
    assert found.provenance.counts == {"train": 2, "test": 2}
    assert "imdb_reviews/plain_text" in str(found.provenance)
    assert capfd.readouterr().out == ""
    counts["test"] = 3
    with pytest.raises(datasets.DatasetDamaged, match="test has 2 examples instead of 3"):
        datasets.load("imdb_reviews", data_dir=tmp_path)


# Real processes.

LOAD = """
import dataclasses, os, signal, sys
from dlutils import datasets
from dlutils.datasets import preparing
cached_files = preparing.cached_files
preparing.cached_files = lambda name, folder: {
    dataclasses.replace(file, url=sys.argv[1]): info
    for file, info in cached_files(name, folder).items()
}
if "die" in sys.argv:  # in the middle of preparing
    def die(name, folder, scratch, file_format):
        (scratch / name).mkdir(parents=True)
        os.kill(os.getpid(), signal.SIGKILL)
    preparing._prepare = die
text = datasets.load("tiny_shakespeare", data_dir=sys.argv[2])
print(len(text.train), len(text.test))
"""


def needs_shakespeare(test):
    absent = pytest.mark.skipif(
        not SHAKESPEARE.is_dir(), reason=f"the official file is not in {SHAKESPEARE}"
    )
    windows = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is no signal there")
    return pytest.mark.realdata(absent(windows(test)))


@pytest.fixture
def shakespeare(server):
    (path,) = SHAKESPEARE.glob("*.txt")
    server.content = path.read_bytes()
    return server


@pytest.fixture
def start(shakespeare, tmp_path):
    """Start a process that loads tiny_shakespeare; ours are gone when the test ends."""
    running = []

    def start(*options):
        command = [sys.executable, "-c", LOAD, shakespeare.url, tmp_path / "data", *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        running.append(subprocess.Popen(command, cwd=ROOT, **pipes))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def hanging(arrived, released):
    """Half of the file, then silence until the test releases it, then the rest."""

    def answer(handler, content):
        handler.answer(200, content[: len(content) // 2], len(content))
        handler.wfile.flush()
        arrived.set()
        released.wait(60)
        handler.wfile.write(content[len(content) // 2 :])

    return answer


def prepared_whole(folder):
    """Only the prepared set and the cache stand there: no scratch folder, no part."""
    cache = [path.name for path in (folder / "downloads" / "tiny_shakespeare").iterdir()]
    assert sorted(path.name for path in folder.iterdir()) == ["downloads", "tiny_shakespeare"]
    assert sorted(Path(name).suffix for name in cache) == [".INFO", ".txt"]


@needs_shakespeare
def test_two_processes_prepare_one_set_once_and_both_have_it(shakespeare, start, tmp_path):
    arrived, released = threading.Event(), threading.Event()
    shakespeare.plan = [hanging(arrived, released)]
    first = start()
    assert arrived.wait(60)
    second = start()
    said = second.stderr.readline()
    place = tmp_path / "data"
    assert said == f"tiny_shakespeare: another process is preparing it in {place}; waiting for it\n"
    released.set()
    for process in (first, second):
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out) == (0, "1003854 111540\n"), err
    assert err == ""  # the second has nothing more to say
    assert len(shakespeare.asked) == 1
    prepared_whole(place)


@needs_shakespeare
def test_after_being_killed_twice_the_next_call_goes_on_and_sweeps(shakespeare, start, tmp_path):
    arrived, released = threading.Event(), threading.Event()
    shakespeare.plan = [hanging(arrived, released)]
    folder, half = tmp_path / "data", len(shakespeare.content) // 2
    downloading = start()
    assert arrived.wait(60)
    wait_until(lambda: sum(p.stat().st_size for p in folder.rglob("*.part")) == half)
    downloading.kill()
    downloading.wait()
    released.set()
    preparing = start("die")
    preparing.communicate(timeout=60)
    assert preparing.returncode == -signal.SIGKILL
    assert (folder / ".tiny_shakespeare.preparing").is_dir()
    last = start()
    out, err = last.communicate(timeout=120)
    assert (last.returncode, out) == (0, "1003854 111540\n"), err
    assert shakespeare.asked == [("/file", None), ("/file", f"bytes={half}-")]
    prepared_whole(folder)


def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
