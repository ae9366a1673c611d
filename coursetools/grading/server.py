"""The learner's side of grading: a process that has imported the lesson's libraries, and forks.

Run as a script inside a fence (see `fence`), never imported by the grader: it needs the standard
library, IPython and dlutils alone, all of which a learner may see. The grader talks to it over a
socket whose descriptor is the first argument; each fork serves one notebook over a socket of its
own. Nothing that comes out of here is trusted.
"""

import contextlib
import ctypes
import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
import sys

LENGTH = struct.Struct("!I")
_CAPABILITIES_3 = 0x20080522
_CLONE = {"user": 0x10000000, "pid": 0x20000000, "mnt": 0x20000, "ipc": 0x8000000}
_MS_PRIVATE, _MS_NOSUID_NODEV = 0x4000 | 0x40000, 2 | 4
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38


def receive(connection):
    """One message, or None where the other side has gone."""
    header = _exactly(connection, LENGTH.size)
    return None if header is None else _exactly(connection, LENGTH.unpack(header)[0])


def send(connection, message):
    """Send one message: its length, then its bytes."""
    connection.sendall(LENGTH.pack(len(message)) + message)


def _exactly(connection, size):
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(min(size - len(data), 1 << 20))
        if not piece:
            return None
        data += piece
    return bytes(data)


def main():
    """Import what the job names, say "ready", then fork once for each request until told to end.

    A request is `{"fork": NUMBER, …}` with a socket, or `{"kill": NUMBER}`; for every fork that has
    ended, `{"ended": NUMBER, "status": wait status}` is sent back.
    """
    control = socket.socket(fileno=int(sys.argv[1]))
    job = json.loads(receive(control))
    _libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # no fork may trace us or read our memory
    for module in ["IPython.core.interactiveshell", job["seam"], *job["imports"]]:
        with contextlib.suppress(Exception):  # the setup cell itself will say what is wrong
            importlib.import_module(module)
    shell = _shell()
    send(control, json.dumps({"ready": os.getpid()}).encode())
    children = {}
    woken = _wake_on_death()
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _reap(control, children)
        if control in ready and not _obey(control, children, shell, job):
            break
    for pid in children:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _obey(control, children, shell, job):
    """Carry out one request; False where the grader has gone."""
    data, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
    if not data:
        return False
    request = json.loads(data)
    if "kill" in request:
        for pid, number in children.items():
            if number == request["kill"]:
                os.kill(pid, signal.SIGKILL)
        return True
    pid = os.fork()
    if pid == 0:
        _child(descriptors[0], shell, job | request)
    children[pid] = request["fork"]
    os.close(descriptors[0])
    return True


def _reap(control, children):
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in children:
            ended = {"ended": children.pop(pid), "status": status}
            send(control, json.dumps(ended).encode())


def _wake_on_death():
    """A descriptor that becomes readable when a child has ended."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _shell():
    """IPython without history, threads or files, so that magics work as in a notebook."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    settings = Config()
    settings.HistoryManager.enabled = False
    settings.InteractiveShell.colors = "NoColor"
    shell = InteractiveShell.instance(config=settings)
    sys.modules["__main__"] = shell.user_module  # where checks and pickles look for the notebook
    return shell


# --- in the fork ---------------------------------------------------------------------------------


def _child(descriptor, shell, job):
    """Isolate this process, then serve one notebook; never returns."""
    status = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(descriptor, 3)
        os.closerange(4, 65536)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        os.setsid()
        connection = socket.socket(fileno=3)
        if job["isolate"]:
            _isolate(job["user"])
        else:
            _limit(job["limits"])
            _serve(connection, shell, importlib.import_module(job["seam"]))
            status = 0
            return
        first = os.fork()
        if first == 0:
            _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            _mask(job["work"])
            _drop_rights()
            # The first process of a name space gets no signals, not even of its own: so a second.
            worker = os.fork()
            if worker == 0:
                _limit(job["limits"])
                _serve(connection, shell, importlib.import_module(job["seam"]))
                os._exit(0)
            connection.close()
            os._exit(_wait(worker))
        connection.close()
        status = _wait(first)
    finally:
        os._exit(status)


def _wait(child):
    """How a child ended, other orphans aside: its exit code, or 128 + the signal's number."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _isolate(user):
    """Become `user` (where we are root) in name spaces of our own: no process outside is seen."""
    if user is not None:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
        _libc().prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # else /proc/self/uid_map is root's
    uid, gid = os.getuid(), os.getgid()
    _checked(_libc().prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0))
    _checked(_libc().unshare(sum(_CLONE.values())))
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"1000 {uid} 1"),
        ("gid_map", f"1000 {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _mask(work):
    """A fresh /proc and an empty folder to work in; only a name space's first process gets here.

    /tmp too is ours where it is empty: else the course or its Python lies there.
    """
    libc = _libc()
    _checked(libc.mount(b"none", b"/", None, _MS_PRIVATE, None))
    options = b"size=512m,mode=0700"
    for place in [work] if os.listdir("/tmp") else [work, "/tmp"]:
        _checked(libc.mount(b"tmpfs", place.encode(), b"tmpfs", _MS_NOSUID_NODEV, options))
    if libc.mount(b"proc", b"/proc", b"proc", _MS_NOSUID_NODEV, None):
        # Refused where the /proc around us is itself masked: then none at all.
        _checked(libc.mount(b"tmpfs", b"/proc", b"tmpfs", _MS_NOSUID_NODEV, b"size=4k"))
    os.chdir(work)
    _checked(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def _drop_rights():
    """Give up all capabilities, which a name space of one's own came with."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
    _checked(_libc().capset(header, (ctypes.c_uint32 * 6)()))


def _limit(limits):
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        if name == "DATA":  # above what the libraries take already
            value += _data_in_use()
        resource.setrlimit(kind, (value, value))


def _data_in_use():
    """Bytes that RLIMIT_DATA counts, at a guess where /proc is masked."""
    try:
        with open("/proc/self/status") as file:
            (line,) = [line for line in file if line.startswith("VmData")]
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return 2 << 30


def _serve(connection, shell, seam):
    """Answer requests until the grader hangs up: run a cell's source, or call a function."""
    namespace = shell.user_ns
    while (message := receive(connection)) is not None:
        header, _, body = message.partition(b"\n")
        request = json.loads(header)
        if "run" in request:
            send(connection, _run(shell, request["run"]))
        else:
            send(connection, seam.answer(request["ask"], body, namespace))


def _run(shell, source):
    """Run one cell as a notebook would; a JSON report of the exception that ended it."""
    try:
        result = shell.run_cell(source, store_history=False, silent=False)
        error = result.error_before_exec or result.error_in_exec
    except BaseException as problem:  # SystemExit from a hook, an interrupt
        error = problem
    if error is None:
        return b'{"error": null}'
    text = f"{type(error).__name__}: {error}"[:500]
    return json.dumps({"error": text, "kind": type(error).__name__}).encode()


def _libc():
    return ctypes.CDLL(None, use_errno=True)


def _checked(result):
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main()
