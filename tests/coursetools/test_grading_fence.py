"""Learners' code behind the fence: what it reaches, what its limits are, that nothing survives."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from coursetools.grading.fence import Fence, find_fence
from coursetools.grading.learner import EndedError, Limits, Server, ServerEndedError
from dlutils.checks import codec

ROOT = Path(__file__).parents[2]
LIMITS = Limits(data=256 * 2**20, processes=40, cell=4.0, answer=2.0)
fenced = pytest.mark.skipif(
    find_fence().bwrap is None, reason=f"no fence here: {find_fence().reason}"
)


@pytest.fixture(scope="module")
def server():
    with Server(("numpy",), limits=LIMITS) as started:
        yield started


@pytest.fixture(scope="module")
def bare():
    """A server without a fence, as on a machine that has no bubblewrap."""
    with Server(("numpy",), limits=LIMITS, fence=Fence(None, "asked for none")) as started:
        yield started


@pytest.fixture(scope="module")
def patient():
    """A server whose cells have the time to reach another limit, on a slow host too."""
    with Server(("numpy",), limits=replace(LIMITS, cell=60.0)) as started:
        yield started


def call(learner, name="f", *args):
    reply = learner.ask(name, codec.encode(list(args)))
    return reply[:1], codec.decode(reply[1:])


def tell(server, expression, setup=""):
    """What an expression is worth inside."""
    with server.learner() as learner:
        assert learner.run(f"{setup}\ndef f():\n    return {expression}") is None
        kind, value = call(learner)
        assert kind == b"V", value
        return value


@pytest.mark.parametrize("which", ["server", "bare"])
def test_a_function_answers_and_errors_are_told(which, request):
    with request.getfixturevalue(which).learner() as learner:
        assert learner.run("import numpy as np\ndef f(x):\n    return 2 * np.asarray(x)") is None
        assert call(learner, "f", [1.0, 2.0])[1].tolist() == [2.0, 4.0]
        assert learner.run("1 / 0") == "ZeroDivisionError: division by zero"
        assert learner.run("def g(:").startswith("SyntaxError")
        assert learner.run("raise SystemExit(3)").startswith("SystemExit")
        assert learner.run("%time 1 + 1\n!true") is None
        assert call(learner, "f", [3.0])[1].tolist() == [6.0]
        assert call(learner, "nothing")[0] == b"F"


def test_one_fork_knows_nothing_of_another(server):
    with server.learner() as first, server.learner() as second:
        assert first.run("secret = 1") is None
        assert second.run("secret").startswith("NameError")


@fenced
def test_neither_files_nor_network_nor_environment_are_in_reach(server, tmp_path, monkeypatch):
    (tmp_path / "gradebook.csv").write_text("ann,10")
    hidden = [
        ROOT / "solutions",
        ROOT / "lessons",
        tmp_path,
        Path.home() / ".ssh",
        Path("/etc/shadow"),
    ]
    setup = "import os, socket"
    for path in hidden:
        assert tell(server, f"os.path.exists({str(path)!r})", setup) is False
    assert tell(server, "os.listdir('.')", setup) == []
    assert tell(server, "os.getcwd()", setup) == "/grading/work"
    names = tell(server, "sorted(os.environ)", setup)
    assert not {"SECRET", "USER", "OLDPWD"} & set(names)
    assert tell(server, "[name for _, name in socket.if_nameindex()]", setup) == ["lo"]
    connect = "socket.create_connection(('1.1.1.1', 53), timeout=2)"
    with server.learner() as learner:
        assert learner.run(f"{setup}\n{connect}").startswith("OSError")


@fenced
def test_nothing_outside_can_be_written(server):
    for place in ("/grading/dlutils/x", "/usr/x", "/x", "/root/x", "/grading/server.py"):
        with server.learner() as learner:
            assert "Error" in learner.run(f"open({place!r}, 'w')")
    with server.learner() as learner:
        assert learner.run("open('mine', 'w').write('x')") is None
        assert learner.run("import tempfile\ntempfile.mkdtemp()") is None
    assert tell(server, "os.listdir('.')", "import os") == []


@fenced
def test_a_course_below_tmp_stays_in_sight(tmp_path, monkeypatch):
    from coursetools.grading import fence

    (tmp_path / "library.py").write_text("x = 1")
    tmp_path.chmod(0o755)  # the learner's process is another user
    paths = [*fence._readable(), str(tmp_path)]
    monkeypatch.setattr(fence, "_readable", lambda: paths)
    with Server((), limits=LIMITS) as server:
        assert tell(server, f"os.listdir({str(tmp_path)!r})", "import os") == ["library.py"]
        with server.learner() as learner:
            assert "Error" in learner.run(f"open({str(tmp_path / 'new')!r}, 'w')")


@fenced
def test_no_process_outside_is_seen_signalled_or_read(server):
    seen = tell(server, "[p for p in os.listdir('/proc') if p.isdigit()]", "import os")
    assert len(seen) <= 2
    assert tell(server, "os.getpid()", "import os") == 2
    assert tell(server, "os.getuid() != 0", "import os") is True
    with server.learner() as learner:
        assert learner.run("import os\nos.kill(3, 9)").startswith("ProcessLookupError")
        assert learner.run("import os\nos.kill(1, 9)") is None  # the first one minds no signal
        assert learner.run("1") is None
    assert tell(server, "1") == 1


@fenced
def test_what_listens_on_this_machine_is_not_heard(server):
    with socket.create_server(("127.0.0.1", 0)) as by_port, socket.socket(socket.AF_UNIX) as named:
        named.bind(f"\0grading-{os.getpid()}")
        named.listen()
        port = by_port.getsockname()[1]
        for code in (
            f"socket.create_connection(('127.0.0.1', {port}), timeout=2)",
            f"socket.socket(socket.AF_UNIX).connect('\\0grading-{os.getpid()}')",
        ):
            exec(f"import socket\n{code}", {})  # here it is heard
            with server.learner() as learner:
                assert "Error" in learner.run(f"import socket\n{code}")


@fenced
def test_forks_that_live_at_once_share_nothing(server):
    leave = """\
import os, socket
for place in (os.getcwd(), "/tmp", "/dev/shm"):
    open(f"{place}/left", "w").write("x")
heard = socket.socket(socket.AF_UNIX)
heard.bind("\\0left")
heard.listen()
"""
    find = """\
import glob, os, socket
found = [p for p in (os.getcwd(), "/tmp", "/dev/shm") if os.path.exists(f"{p}/left")]
socket.socket(socket.AF_UNIX).connect("\\0left")
"""
    with server.learner() as first, server.learner() as second:
        assert first.run(leave) is None
        assert first.run(find + "assert len(found) == 3") is None
        assert second.run(find).startswith("ConnectionRefusedError")
        assert second.run("assert found == []") is None


@fenced
@pytest.mark.parametrize(
    "call_",
    [
        "libc.unshare(0x10000000)",  # name spaces of its own, and all rights in them
        "libc.ptrace(16, 1, 0, 0)",
        "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
        "libc.memfd_create(b'x', 0)",
        "libc.shmget(0, 4096, 0o1600)",
        "libc.socket(40, 1, 0)",
        "libc.syscall(250, 0, -3, 1)",  # keyctl
    ],
)
def test_the_kernel_refuses_what_no_notebook_needs(server, call_):
    setup = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)"
    assert tell(server, call_, setup) == -1


@fenced
def test_the_first_process_has_no_rights_over_the_machine(server):
    for attempt in (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "assert libc.mount(b'none', b'/usr', b'tmpfs', 0, None) == 0",
        "import os\nos.setuid(0)",
        "import os\nos.chroot('/')\nos.mknod('disk', 0o60600, os.makedev(8, 0))\n"
        "open('disk', 'rb')",
    ):
        with server.learner() as learner:
            assert learner.run(attempt) is not None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os\nos._exit(3)", r"exit code 3"),
        ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
        ("import os\nos.abort()", "SIGABRT"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        (
            "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
            "more than 4 s",
        ),
        ("import time\ntime.sleep(60)", "more than 4 s"),
    ],
)
@pytest.mark.parametrize("which", ["server", "bare"])
def test_an_end_is_noticed_and_named(which, code, words, request):
    begin = time.monotonic()
    server = request.getfixturevalue(which)
    with server.learner() as learner, pytest.raises(EndedError, match=words):
        learner.run(code)
    assert time.monotonic() - begin < 9
    assert tell(server, "1") == 1


def test_an_answer_that_never_comes_is_cut_off(server):
    with server.learner() as learner:
        assert learner.run("def f():\n    while True: pass") is None
        with pytest.raises(EndedError, match="f took more than 2 s"):
            call(learner)


def test_a_flood_of_output_is_swallowed_and_input_has_an_end(server):
    with server.learner() as learner:
        assert learner.run("for _ in range(200): print('x' * 10**6)") is None
        assert learner.run("input()").startswith(("EOFError", "StdinNotImplementedError"))


@pytest.mark.parametrize("reply", ["b'\\xff' * 4", "b'\\x00\\x00\\x00\\x02ab'", "b''"])
def test_forged_replies_harm_their_own_answer_alone(server, reply):
    code = f"import os\nos.write(3, {reply})\ndef f():\n    return 1"
    with server.learner() as learner:
        try:
            learner.run(code)
            learner.ask("f", codec.encode([]))
        except EndedError:
            pass
    assert tell(server, "1") == 1


@fenced
def test_a_memory_bomb_ends_in_a_memory_error(server):
    with server.learner() as learner:
        fault = learner.run("b = bytearray(2 << 30)")
        assert fault.startswith("MemoryError")
        assert LIMITS.explain(fault).endswith("(grading allows 0.25 GB of memory)")


BOMBS = {
    "processes": (
        "import os, time\nfor _ in range(500):\n    if os.fork() == 0: time.sleep(60)",
        "a cell started too many processes: grading allows 40",
    ),
    "shared memory, which the kernel's limit does not count": (
        "import mmap\nhoard = mmap.mmap(-1, 2 << 30)\n"
        "for place in range(0, 2 << 30, 4096): hoard[place] = 1\nimport time; time.sleep(60)",
        "a cell took too much: grading allows 0.25 GB of memory",
    ),
    "the memory of many processes": (
        "import os, time\nfor _ in range(8):\n  if os.fork() == 0:\n"
        "    hoard = bytearray(b'x') * (100 << 20)\n    time.sleep(60)\ntime.sleep(60)",
        "a cell took too much: grading allows 0.25 GB of memory",
    ),
}


@fenced
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_at_the_limit_and_nothing_survives(patient, name):
    bomb, words = BOMBS[name]
    with patient.learner() as learner, pytest.raises(EndedError, match=f"^{words}$"):
        learner.run(bomb)
    assert _processes_of(patient) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes other users")
@fenced
def test_no_process_of_the_forks_users_survives(monkeypatch):
    first = 1_000_000 + 1000 * os.getpid()  # no other run's
    monkeypatch.setattr("coursetools.grading.learner.FIRST_USER", first)
    code = "import os, time\nfor _ in range(3):\n    if os.fork() == 0:\n        os.setsid()\n"
    code += "        time.sleep(60)"
    with Server((), limits=LIMITS) as server:
        with server.learner() as learner:
            assert learner.run(code) is None
            assert len(_processes_of_users(first)) >= 5  # with the two above the learner's
        for _ in range(100):
            if not _processes_of_users(first):
                break
            time.sleep(0.05)
        assert _processes_of_users(first) == []
        with server.learner() as learner:
            assert learner.run(code) is None
            server.__exit__()
    assert _processes_of_users(first) == []


@fenced
def test_forks_that_share_their_memory_are_no_memory_bomb(patient):
    code = "import os, time\nhoard = bytearray(b'x') * (150 << 20)\nfor _ in range(9):\n"
    code += "    if os.fork() == 0: time.sleep(60)\ntime.sleep(2)"
    with patient.learner() as learner:
        assert learner.run(code) is None
        assert learner.run("len(hoard)") is None


@fenced
def test_threads_and_orphans_end_with_the_notebook(server):
    code = (
        "import os, time, threading\n"
        "threading.Thread(target=time.sleep, args=(300,)).start()\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0: time.sleep(300)\n"
        "    os._exit(0)"
    )
    with server.learner() as learner:
        assert learner.run(code) is None
    assert _processes_of(server) == []


def _processes_of_users(first):
    """Processes of the users whom forks become, where root grades."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if first <= path.stat().st_uid < first + 1000:
                found.append(path.name)
    return found


def _processes_of(server):
    """Forks of the server that still live, waited for up to two seconds."""
    for _ in range(40):
        found = _descendants(server._process.pid)
        if len(found) <= 1:  # bubblewrap's own first process, and the server
            return []
        time.sleep(0.05)
    return found


def _descendants(pid):
    children = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            children.append(int(path.parent.name))
    return [grand for child in children for grand in (child, *_descendants(child))][1:]


def test_who_hangs_up_and_stays_costs_no_more_than_a_moment(server):
    begin = time.monotonic()
    code = "import os, time\nos.closerange(0, 100)\ntime.sleep(60)"
    with server.learner() as learner, pytest.raises(EndedError, match="closed its connection"):
        learner.run(code)
    assert time.monotonic() - begin < 20  # of the 60 that it would stay
    assert tell(server, "1") == 1


def test_time_is_counted_over_all_answers_and_over_all_cells(server):
    def ask(learner):
        for _ in range(20):
            call(learner)

    def run(learner):
        for _ in range(20):
            learner.run("time.sleep(0.5)")

    for repeat, words in ((ask, "f took more than 2 s"), (run, "a cell took more than 4 s")):
        with server.learner() as learner:
            assert learner.run("import time\ndef f():\n    time.sleep(0.5)") is None
            with pytest.raises(EndedError, match=words):
                repeat(learner)


def test_a_report_of_megabytes_is_not_read(server):
    code = "import os, struct\nos.write(3, struct.pack('!I', 10**6))"
    with server.learner() as learner, pytest.raises(EndedError, match=r"answered 1\.0 MB"):
        learner.run(code)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes other users")
@fenced
def test_a_library_that_root_alone_may_read_is_named_with_its_cure(tmp_path):
    library = tmp_path / "dlutils"
    shutil.copytree(ROOT / "dlutils", library, ignore=shutil.ignore_patterns("__pycache__"))
    hidden = library / "checks" / "seam.py"
    hidden.chmod(0o600)
    words = "did not start: .*/seam.py can be read by root alone.*chmod -R go"
    with pytest.raises(EndedError, match=words), Server((), library=library, limits=LIMITS):
        pass
    hidden.chmod(0o644)
    with Server((), library=library, limits=LIMITS) as server:
        assert tell(server, "1") == 1


def test_a_server_that_was_killed_is_nobody_s_fault():
    with Server((), limits=LIMITS, fence=Fence(None, "asked for none")) as server:
        server._process.kill()
        server._process.wait()
        with pytest.raises(ServerEndedError):
            server.learner()


def test_without_a_fence_each_fork_still_has_a_folder_and_a_library_of_its_own(bare):
    with bare.learner() as first, bare.learner() as second:
        assert first.run("open('left', 'w').write('x')") is None
        assert second.run("import os\nassert os.listdir('.') == []") is None
        assert second.run("assert os.environ['HOME'] == os.getcwd()") is None
    library = tell(bare, "dlutils.__file__", "import dlutils")
    assert library == str(ROOT / "dlutils" / "__init__.py")


def test_without_a_fence_what_a_fork_started_ends_with_it(bare, tmp_path):
    mark = tmp_path / "pid"
    code = "import os, time\npid = os.fork()\nif pid == 0: time.sleep(60)\n"
    code += f"open({str(mark)!r}, 'w').write(str(pid))"
    with bare.learner() as learner:
        assert learner.run(code) is None
    pid = int(mark.read_text())
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or "Z" in _state(pid):
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} survived")


def _state(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return "Z"


def test_a_server_that_cannot_start_says_so(tmp_path, monkeypatch):
    from coursetools.grading import server as script

    broken = tmp_path / "server.py"
    broken.write_text("raise SystemExit('no such luck')")
    monkeypatch.setattr(script, "__file__", str(broken))
    with pytest.raises(EndedError, match="did not start: no such luck"), Server(()):
        pass


def test_without_bubblewrap_the_reason_is_known(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert find_fence.__wrapped__() == Fence(None, "bubblewrap is not installed")


def test_servers_leave_nothing_behind(server):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        tell(server, "1")
    assert len(os.listdir("/proc/self/fd")) <= before + 1


@fenced
def test_probes_of_the_corpus_do_reach_where_there_is_no_fence(tmp_path):
    from corpus.reach import REACHING, probe

    (tmp_path / "ann_05_cnns.ipynb").write_text("{}")
    for name in REACHING:
        code = f"{probe(name, tmp_path)}\nassert reached()"
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
