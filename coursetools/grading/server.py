"""The learner's side of grading: a process that has imported the lesson's libraries, and forks.

Run as a script inside a fence (see `fence`), of which the grader imports but the framing of its
messages: it needs the standard library, IPython, dlutils and `isolate` alone, all of which a
learner may see. The grader talks to it over a socket whose descriptor is the first argument; each
fork serves one notebook over a socket of its own. Nothing that comes out of here is trusted.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys

LENGTH = struct.Struct("!I")


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

    A request is a line: `{"fork": NUMBER, …}` with a socket, or `{"kill": NUMBER}`; for every fork
    that has ended, `{"ended": NUMBER, "status": wait status}` is sent back.
    """
    control = socket.socket(fileno=int(sys.argv[1]))
    job = json.loads(receive(control))
    if sys.platform == "linux":
        _isolate().hide()  # no fork may trace us or read our memory
    for module in ["IPython.core.interactiveshell", job["seam"], *job["imports"]]:
        with contextlib.suppress(Exception):  # the setup cell itself will say what is wrong
            importlib.import_module(module)
    shell = _shell()
    ready = {"ready": os.getpid(), "hidden": _hidden_from(job["user"])}
    send(control, json.dumps(ready).encode())
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
        _kill(pid)


def _obey(control, children, shell, job):
    """Carry out the requests that are there; False where the grader has gone."""
    data, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
    for line in data.splitlines():
        request = json.loads(line)
        if "kill" in request:
            for pid, number in children.items():
                if number == request["kill"]:
                    _kill(pid)
            continue
        pid = os.fork()
        if pid == 0:
            _child(descriptors[0], shell, job | request)
        children[pid] = request["fork"]
        os.close(descriptors[0])
    return bool(data)


def _kill(pid):
    """End a fork; with it goes its name space, or where it has none, its process group."""
    for end in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            end(pid, signal.SIGKILL)


def _reap(control, children):
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in children:
            with contextlib.suppress(OSError):  # what it left behind, where it had no name space
                os.killpg(pid, signal.SIGKILL)
            ended = {"ended": children.pop(pid), "status": status}
            send(control, json.dumps(ended).encode())


def _wake_on_death():
    """A descriptor that becomes readable when a child has ended."""
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _hidden_from(user):
    """A file of the libraries that `user`, whom forks become, cannot read; None for none."""
    if user is None:
        return None
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setgid(user)
        os.setuid(user)
        paths = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
        paths += [path for folder in filter(os.path.isdir, sys.path) for path in _packages(folder)]
        hidden = [path for path in paths if path and not os.access(path, os.R_OK)]
        os.write(writing, json.dumps(hidden[:1]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        found = json.loads(file.read() or "[]")
    os.wait()
    return found[0] if found else None


def _packages(folder):
    if not os.access(folder, os.R_OK):
        return [folder]
    return [entry.path for entry in os.scandir(folder) if entry.is_dir()]


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


def _isolate():
    """The module beside this script, which the grader does not import."""
    return importlib.import_module("isolate")


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
            status = _fenced(connection, shell, job)
        else:
            _unfenced(connection, shell, job)
            status = 0
    finally:
        os._exit(status)


def _unfenced(connection, shell, job):
    """Serve with no more than a folder of its own and limits, as far as this system has them."""
    folder = os.path.join(job["work"], str(job["fork"]))
    os.mkdir(folder)
    os.chdir(folder)
    os.environ |= {"HOME": folder, "TMPDIR": folder}
    if job["user"] is not None:
        _become(job["user"], folder)
    if sys.platform == "linux":
        _isolate().limit(job["limits"])
    _serve(connection, shell, importlib.import_module(job["seam"]))


def _fenced(connection, shell, job):
    """Serve in a process below two others: this one waits outside the name spaces.

    Their first process watches; that one gets no signals, not even of its own, so that the
    learner's code has to be in a second. An exit code of `isolate.watch`.
    """
    isolate = _isolate()
    isolate.enter(job["user"])
    isolate.hide()
    first = os.fork()
    if first:
        connection.close()
        return _status(first)
    isolate.die_with_parent()
    isolate.mask(job["work"])
    isolate.drop_rights()
    worker = os.fork()
    if worker:
        connection.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os._exit(isolate.watch(worker, job["memory"], job["processes"]))
    os.setsid()  # else it could signal its watch's parent as one of its group
    isolate.show()
    isolate.limit(job["limits"])
    isolate.refuse_calls()
    _serve(connection, shell, importlib.import_module(job["seam"]))
    os._exit(0)


def _status(child):
    """How a child ended: its exit code, or 128 + the signal's number."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


def _become(user, folder):
    """Give up root, where this system knows such a user: else stay who we are."""
    with contextlib.suppress(OSError):
        os.chown(folder, user, user)
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)


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
    name = type(error).__name__
    try:
        text = f"{name}: {error}"[:500]
    except BaseException:  # one that fails to print itself
        text = name
    return json.dumps({"error": text}).encode()


if __name__ == "__main__":
    main()
