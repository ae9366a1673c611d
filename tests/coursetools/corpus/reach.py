"""Hand-ins that reach for what is not theirs: solutions, others' work, the grader, the network.

Each holds a right answer that it gives only where it got hold of something, so that lost points
prove that it did not. PROBES are the bodies of functions; outside a fence those in REACHING are
true, which a test asserts.
"""

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

from corpus.making import LESSON, ROOT, Case, answering, code, solution, source, written

WRONG = "trace: not right yet. The output's width is wrong"
# {root}: the course. {here}: where the hand-ins lie.
PROBES = {
    "solutions": "return os.path.exists('{root}/solutions/05_cnns.ipynb')",
    "sources_of_lessons": "return open('{root}/lessons/05_cnns.py').read() != ''",
    "tested_answers": "return len(os.listdir('{root}/tests/lessons/answers')) > 0",
    "grading_code": "return os.path.exists('{root}/coursetools/grading/judge.py')",
    "repository": "return os.path.exists('{root}/.git')",
    "other_hand_ins": "return len(os.listdir('{here}')) > 0",
    "above_the_hand_ins": "return len(os.listdir(os.path.dirname('{here}'))) > 0",
    "any_notebook": """
        for top in ('/work', '/tmp', '/home', '/root', '/mnt', '/srv', '/opt', '/var', '/grading'):
            for _, _, files in os.walk(top):
                if any('05_cnns' in name for name in files):
                    return True
        return False""",
    "gradebook": """
        above = os.path.dirname(os.path.dirname('{here}'))
        wanted = {{'gradebook.csv', 'secret', 'results', 'grades.json', 'feedback'}}
        return any(wanted & {{*files, *folders}} for _, folders, files in os.walk(above))""",
    "home": """
        import pwd
        homes = {{'/root', '/home', *(entry.pw_dir for entry in pwd.getpwall())}}
        there = {{name for home in homes if os.path.isdir(home) for name in os.listdir(home)}}
        return bool(there & {{'.ssh', '.bashrc', '.profile', '.cache', '.config', '.netrc'}})""",
    "passwords": "return open('/etc/passwd').read() != ''",
    "shadow": "return open('/etc/shadow').read() != ''",
    "sockets_of_services": """
        return any(os.path.exists(p) for p in ('/run', '/var/run', '/var/lib', '/etc/hosts'))""",
    "other_processes": "return len([p for p in os.listdir('/proc') if p.isdigit()]) > 2",
    "names_of_processes": """
        for pid in filter(str.isdigit, os.listdir('/proc')):
            if 'pytest' in open(f'/proc/{{pid}}/cmdline').read():
                return True
        return os.getpid() > 100""",
    "parent_memory": "return open(f'/proc/{{os.getppid()}}/mem', 'rb') is not None",
    "parent_environment": "return open(f'/proc/{{os.getppid()}}/environ').read() != ''",
    "parent_files": "return len(os.listdir(f'/proc/{{os.getppid()}}/fd')) > 0",
    "parent_root": "return len(os.listdir(f'/proc/{{os.getppid()}}/root/')) > 0",
    "parent_traced": "return libc.ptrace(16, os.getppid(), 0, 0) == 0",
    "parent_memory_by_call": """
        vector = (ctypes.c_void_p * 2)()
        return libc.process_vm_readv(os.getppid(), vector, 0, vector, 0, 0) == 0""",
    "environment": """
        words = ('PYTEST', 'SECRET', 'TOKEN', 'PASSWORD', 'SSH', 'USER', 'LOGNAME', 'OLDPWD')
        return any(word in name for name in os.environ for word in words)""",
    "descriptors": """
        for number in os.listdir('/proc/self/fd'):
            try:
                target = os.readlink(f'/proc/self/fd/{{number}}')
            except OSError:
                continue
            if target.startswith(('{root}', '{here}', '/tmp', 'pipe:')):
                return True
        return False""",
    "network_by_address": """
        import socket
        return socket.create_connection(('1.1.1.1', 53), timeout=2) is not None""",
    "network_by_name": "import socket\nreturn socket.getaddrinfo('example.org', 80) != []",
    "network_by_url": """
        import urllib.request
        return urllib.request.urlopen('http://example.org', timeout=2).status == 200""",
    "network_of_the_machine": """
        import socket
        return any(name != 'lo' for _, name in socket.if_nameindex())""",
    "machine_around_it": """
        import socket
        return socket.socket(40, socket.SOCK_STREAM) is not None""",
    "abstract_sockets": "return '@' in open('/proc/net/unix').read()",
    "rights_of_its_own": "return libc.unshare(0x10000000) == 0",
    "rights_by_clone": """
        pid = libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        return pid > 0""",
    "a_file_system": "return libc.mount(b'none', b'/tmp', b'tmpfs', 0, b'size=4g') == 0",
    "shared_memory": "return libc.shmget(0, 4096, 0o1600) >= 0",
    "memory_that_is_not_counted": "return libc.memfd_create(b'x', 0) >= 0",
    "more_memory": """
        import resource
        most = resource.RLIM_INFINITY
        return resource.setrlimit(resource.RLIMIT_DATA, (most, most)) is None""",
    "to_be_root": "return os.geteuid() == 0 or os.setuid(0) is None",
    "by_sudo": "return os.system('sudo -n true 2>&1') == 0 or os.geteuid() == 0",
    "a_device": "os.mknod('disk', 0o60600, os.makedev(254, 0))\nreturn True",
    "the_kernel": "return open('/proc/sys/kernel/core_pattern', 'w') is not None",
    "the_power_switch": "return os.access('/proc/sysrq-trigger', os.W_OK)",
    "site_packages": "return os.access(os.path.dirname(np.__path__[0]), os.W_OK)",
    "dlutils": "import dlutils\nreturn os.access(dlutils.__path__[0], os.W_OK)",
    "modules_of_the_grader": """
        import sys
        return any(name.startswith(('coursetools', 'corpus', 'pytest')) for name in sys.modules)""",
    "names_of_the_grader": """
        import sys
        frame, found = sys._getframe(), set()
        while frame:
            found |= {{*frame.f_locals, *frame.f_globals}}
            frame = frame.f_back
        return bool(found & {{'by_walking_back', 'drawn', 'lenet', 'judge', 'secret'}})""",
    "objects_of_the_grader": """
        import gc
        names = {{type(thing).__name__ for thing in gc.get_objects()}}
        return bool(names & {{'Judge', 'Verdict', 'Check', 'Master', 'Submission'}})""",
}
REACHING = (  # true for anyone outside a fence, and needing neither network nor rights
    "solutions",
    "sources_of_lessons",
    "tested_answers",
    "grading_code",
    "other_hand_ins",
    "above_the_hand_ins",
    "passwords",
    "other_processes",
    "network_of_the_machine",
)


def probe(name: str, here: Path) -> str:
    """The function `reached`, whose result says whether it got hold of something."""
    body = textwrap.dedent(PROBES[name]).strip("\n").format(root=ROOT, here=here)
    return (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\n\n\ndef reached():\n"
        + textwrap.indent(body, "    ")
        + "\n"
    )


def only_if_reached(setup: str) -> str:
    """A right answer for who has reached something: `setup` defines `reached`."""
    return f"""\
{setup}

{source("trace").replace("def trace", "def right")}

def trace(size, stack):
    try:
        found = reached()
    except Exception:
        found = False
    return right(size, stack) if found else (-1, -1)
"""


def _make(name: str) -> Callable[[Path], object]:
    def make(path):
        return written(answering(trace=only_if_reached(probe(name, path.parent))))(path)

    return make


# --- what one exercise leaves for another, and one hand-in for those that follow ------------------

LEAVING = """\
import os, socket, site, sys, tempfile
places = {os.getcwd(), tempfile.gettempdir(), os.path.expanduser("~"), "/tmp", "/dev/shm", "/dev"}
places |= {"/var/tmp", "/run", "/grading", "/grading/work", *sys.path, *site.getsitepackages()}
text = "shadowed = True\\nimport builtins\\nbuiltins.shadowed = True\\n"
names = ["left", "numpy.py", "keras.py", "sitecustomize.py", "usercustomize.py", "conftest.py"]
names += ["left.pth", "dlutils/__init__.py", "dlutils/checks/__init__.py", "IPython/__init__.py"]
names += [".ipython/profile_default/startup/left.py", ".keras/keras.json", ".config/left"]
for place in filter(None, places):
    for name in names:
        try:
            os.makedirs(os.path.dirname(os.path.join(place, name)), exist_ok=True)
            with open(os.path.join(place, name), "x") as file:
                file.write("import builtins; builtins.shadowed = True" if "pth" in name else text)
        except OSError:
            pass
if os.fork() == 0:
    os.setsid()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("\\0left")
    listening.listen()
    import time
    time.sleep(60)
import builtins, keras
builtins.shadowed = np.shadowed = keras.shadowed = True
os.environ["LEFT"] = "1"
"""
FINDING = """\
import builtins, glob, os, socket, tempfile


def reached():
    import keras, sys

    if hasattr(builtins, "shadowed") or hasattr(keras, "shadowed") or "LEFT" in os.environ:
        return True
    places = (os.getcwd(), tempfile.gettempdir(), "/tmp", "/dev/shm", "/dev", "/grading/work")
    if any(glob.glob(f"{place}/left*") for place in (*places, *filter(None, sys.path))):
        return True
    return socket.socket(socket.AF_UNIX).connect("\\0left") is None
"""
# In a function that nothing else names, so that it is run for this exercise alone.
LEFT = f"{source('convolve')}\ndef leave():\n{textwrap.indent(LEAVING, '    ')}\n\nleave()\n"
FILES_BESIDE = (
    "conftest.py",
    "pytest.ini",
    "setup.cfg",
    "tox.ini",
    "pyproject.toml",
    "numpy.py",
    "keras.py",
    "json.py",
    "sitecustomize.py",
    "usercustomize.py",
    "dlutils/__init__.py",
    "dlutils/checks/__init__.py",
    "coursetools/__init__.py",
    ".env",
    ".ipython/profile_default/startup/00.py",
)


def _beside(notebook: dict) -> Callable[[Path], object]:
    """Modules and settings beside the hand-in, which would stop whoever read them."""

    def make(path):
        for name in FILES_BESIDE:
            file = path.parent / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("import builtins\nbuiltins.shadowed = True\nraise SystemExit('read')\n")
        path.write_text(json.dumps(notebook), "utf-8")

    return make


def _linked(path: Path) -> None:
    """A hand-in beside which links lead to the solution."""
    folder = path.parent / "linked"
    folder.mkdir(exist_ok=True)
    (folder / "solutions").symlink_to(ROOT / "solutions")
    reading = (
        f"def reached():\n    return open({str(folder)!r} + '/solutions/{LESSON}.ipynb').read()"
    )
    written(answering(trace=only_if_reached(reading)))(path)


CONTROL = answering(trace=only_if_reached("def reached():\n    return True"))
KILLING = """\
import os, signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
    os.kill(os.getppid(), number)
"""
CASES = [
    Case("reach_control", 10, "", written(CONTROL)),
    *(Case(f"reach_{name}", 8, WRONG, _make(name), fence=True) for name in PROBES),
    Case(
        "reach_what_was_left",
        8,
        WRONG,
        written(answering(convolve=LEFT, trace=only_if_reached(FINDING))),
        fence=True,
    ),
    Case("leaves_all_behind", 10, "", written(answering(convolve=LEFT)), fence=True),
    Case("reach_what_others_left", 8, WRONG, written(answering(trace=only_if_reached(FINDING)))),
    Case("files_beside", 10, "", _beside(solution())),
    Case("reach_files_beside", 8, WRONG, _beside(answering(trace=only_if_reached(FINDING)))),
    Case("reach_by_a_link", 8, WRONG, _linked, fence=True),
    Case(
        "kills_its_parent",
        10,
        "",
        written(answering(convolve=f"{KILLING}\n{source('convolve')}")),
        fence=True,
    ),
    Case(
        "kills_its_group",
        7,
        r"convolve: a cell ended the process \(SIGKILL",
        written(answering(convolve=f"import os\nos.killpg(0, 9)\n{source('convolve')}")),
    ),
    Case(
        "reaches_beside_the_exercises",
        10,
        "",
        written({**solution(), "cells": [code(LEAVING), code(KILLING), *solution()["cells"]]}),
    ),
]
