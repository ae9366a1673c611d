"""How much memory a process and its children have needed at most."""

from pathlib import Path


def peak_mb(pid: int | None) -> float | None:
    """Peak resident memory in MB (10^6 bytes) of `pid` and the children it still has.

    Linux keeps that peak (VmHWM in /proc/PID/status). Elsewhere psutil, where installed, tells
    the peak (Windows) or what is resident now (macOS); else None.
    """
    if pid is None:
        return None
    if Path(f"/proc/{pid}/status").is_file():
        return round(sum(_high_water(one) for one in _tree(pid)) * 1024 / 1e6, 1)
    return _by_psutil(pid)


def _high_water(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass  # The child has just ended.
    return 0


def _tree(pid: int) -> list[int]:
    found = [pid]
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = listed.read_text().split()
        except OSError:
            continue
        for child in children:
            found += _tree(int(child))
    return found


def _by_psutil(pid: int) -> float | None:
    try:
        import psutil
    except ImportError:
        return None
    total = 0
    try:
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            info = one.memory_info()
            total += getattr(info, "peak_wset", info.rss)
    except psutil.Error:
        return None
    return round(total / 1e6, 1)
