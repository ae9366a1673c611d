"""What a fork does to itself before a learner's code runs in it, and how it is watched.

Run in the fence beside `server`, which imports it; the standard library alone, Linux alone.
"""

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct
import time

MEMORY, PROCESSES = 250, 251  # exit codes of a watch that ended what it watched

_CAPABILITIES_3 = 0x20080522
_CLONE = {"user": 0x10000000, "pid": 0x20000000, "mnt": 0x20000, "ipc": 0x8000000, "net": 1 << 30}
_MS_PRIVATE, _MS_NOSUID_NODEV = 0x4000 | 0x40000, 2 | 4
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_EVERY = 0.1  # seconds between two looks

# System calls by machine: memory that no limit counts (memfd, System V), looking into other
# processes, keys, name spaces and mounts, and what only attacks on the kernel need.
_REFUSED = {
    "x86_64": "29 30 64 68 101 155 161 165 166 240 248 249 250 272 298 303 304 308 310 311 312 319"
    " 321 323 425 426 427 428 429 430 431 432 433 438 442 447",
    "aarch64": "39 40 41 51 97 117 180 186 190 194 196 217 218 219 241 264 265 268 270 271 272 279"
    " 280 282 425 426 427 428 429 430 431 432 433 438 442 447",
}
_MACHINE = {"x86_64": (0xC000003E, 56, 41), "aarch64": (0xC00000B7, 220, 198)}  # clone, socket
_FAMILIES = (1, 2, 10, 16)  # Unix, IPv4, IPv6, netlink; not, say, vsock, which no name space holds
_EPERM, _ENOSYS, _EAFNOSUPPORT, _ALLOW = 0x50001, 0x50026, 0x50061, 0x7FFF0000


def hide():
    """No process without rights of its own may trace this one or read its memory."""
    libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def show():
    """The contrary: else a process may not even read all of its own /proc."""
    libc().prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def die_with_parent():
    """Be killed when the process that forked this one ends."""
    libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def enter(user):
    """Become `user` (where we are root) in name spaces of our own: no process outside is seen."""
    if user is not None:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    uid, gid = os.getuid(), os.getgid()
    _checked(libc().prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0))  # else /proc/self/uid_map is root's
    _checked(libc().unshare(sum(_CLONE.values())))
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"1000 {uid} 1"),
        ("gid_map", f"1000 {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def mask(work):
    """A fresh /proc and an empty folder to work in; only a name space's first process gets here.

    /tmp too is ours where it is empty: else the course or its Python lies there.
    """
    _checked(libc().mount(b"none", b"/", None, _MS_PRIVATE, None))
    places = [work] if os.listdir("/tmp") else [work, "/tmp"]
    for place in [*places, "/dev/shm"]:
        options = b"size=%dm,mode=0700" % (64 if place == "/dev/shm" else 512)
        if os.path.isdir(place):
            _checked(libc().mount(b"tmpfs", place.encode(), b"tmpfs", _MS_NOSUID_NODEV, options))
    if libc().mount(b"proc", b"/proc", b"proc", _MS_NOSUID_NODEV, None):
        # Refused where the /proc around us is itself masked: then none at all.
        _checked(libc().mount(b"tmpfs", b"/proc", b"tmpfs", _MS_NOSUID_NODEV, b"size=4k"))
    with contextlib.suppress(OSError), open("/proc/sys/user/max_user_namespaces", "w") as file:
        file.write("0")  # in one of its own a learner would have all rights again
    os.chdir(work)
    _checked(libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def drop_rights():
    """Give up all capabilities, which a name space of one's own came with."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
    _checked(libc().capset(header, (ctypes.c_uint32 * 6)()))


def limit(limits):
    """Set the kernel's limits, as low as they are already where that is lower."""
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        if name == "DATA":  # above what the libraries take already
            value += _data_in_use()
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _data_in_use():
    """Bytes that RLIMIT_DATA counts, at a guess where /proc is masked."""
    try:
        return _kilobytes("/proc/self/status", "VmData") * 1024
    except (OSError, ValueError):
        return 2 << 30


def refuse_calls():
    """Let the kernel refuse, from now on, the system calls that no notebook needs."""
    known = _MACHINE.get(platform.machine())
    if known is None:
        return
    code = _filter(*known, _REFUSED[platform.machine()])
    text = ctypes.create_string_buffer(b"".join(code))
    program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(text))
    _checked(libc().prctl(_PR_SET_SECCOMP, 2, program, 0, 0))


def _filter(architecture, clone, socket, refused):
    """A classic BPF program over (number, architecture, …, arguments); it ends at each return."""

    def step(code, value, skip=0, otherwise=0):
        return struct.pack("HBBI", code, skip, otherwise, value)

    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06
    steps = [step(load, 4), step(equal, architecture, 1), step(give, _ENOSYS), step(load, 0)]
    steps += [step(at_least, 0x40000000, 0, 1), step(give, _ENOSYS)]  # the 32-bit ways in
    steps += [step(equal, 435, 0, 1), step(give, _ENOSYS)]  # clone3: libc then takes clone
    for number in map(int, refused.split()):
        steps += [step(equal, number, 0, 1), step(give, _EPERM)]
    steps += [step(equal, clone, 0, 4), step(load, 16)]
    steps += [step(any_bit, 0x7E020080, 0, 1), step(give, _EPERM), step(give, _ALLOW)]
    steps += [step(equal, socket, 1), step(give, _ALLOW), step(load, 16)]
    for number in _FAMILIES:
        steps += [step(equal, number, 0, 1), step(give, _ALLOW)]
    return [*steps, step(give, _EAFNOSUPPORT)]


def watch(child, memory, processes):
    """Wait for `child` and look after all that it started; its end, or which limit it met.

    The kernel's limits are each process's own; `memory` (bytes, above what the libraries take) and
    `processes` are those of all together. An exit code, 128 + the signal's number, MEMORY or
    PROCESSES.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    libraries, closely = _memory_of("self"), 0.0
    while True:
        while (code := _reaped(child)) is not None:
            if code >= 0:
                return code
        pids = [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]
        if len(pids) > processes:
            return PROCESSES
        used = list(map(_memory_of, pids))
        # What forks share counts once. To find out how much takes long, so it is done at once
        # only where what they may share does not explain it, and else now and then.
        plain = sum(used) > memory + libraries
        apart = sum(max(one - libraries, 0) for one in used) > memory
        if plain and (apart or time.monotonic() > closely):
            begin = time.monotonic()
            if sum(map(_share_of, pids)) > memory + libraries:
                return MEMORY
            closely = time.monotonic() + max(1.0, 10 * (time.monotonic() - begin))
        signal.sigtimedwait([signal.SIGCHLD], _EVERY)


def _reaped(child):
    """The code of `child` if it has ended, -1 for another process, None if there is none."""
    pid, status = os.waitpid(-1, os.WNOHANG)
    if pid == 0:
        return None
    return exit_code(status) if pid == child else -1


def exit_code(status):
    """A wait status as a shell says it; never one of the watch's own codes."""
    code = os.waitstatus_to_exitcode(status)
    return min(code, MEMORY - 1) if code >= 0 else 128 - code


def _memory_of(pid):
    """Bytes of a process's own and shared memory, without the files that it has mapped."""
    try:
        return _kilobytes(f"/proc/{pid}/status", "RssAnon", "RssShmem") * 1024
    except (OSError, ValueError):  # it has ended
        return 0


def _share_of(pid):
    """The same, pages that several processes share divided among them."""
    try:
        return _kilobytes(f"/proc/{pid}/smaps_rollup", "Pss_Anon", "Pss_Shmem") * 1024
    except (OSError, ValueError):  # it hides
        return _memory_of(pid)


def _kilobytes(path, *names):
    with open(path) as file:
        fields = dict(line.split(":", 1) for line in file if ":" in line)
    return sum(int(fields[name].split()[0]) for name in names if name in fields)


def libc():
    """The C library."""
    return ctypes.CDLL(None, use_errno=True)


def _checked(result):
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
