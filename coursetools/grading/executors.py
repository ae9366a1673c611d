"""Where hand-ins are graded: processes here, or a Dask cluster; both are standard Executors.

Each has `room()`, how many jobs to have under way; `deaths`, the exceptions that say that a worker
died while it had a job; and `tries`, how often to give it a job of which workers die.
"""

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from functools import partial

from coursetools.errors import CourseError

CONNECT = 15  # seconds to find a scheduler
JOIN = 60  # seconds for a first worker to join, or for another once all are gone


class Processes(Executor):
    """Pools of one process each, so that a process that dies takes its own job and no other.

    Left by an exception it kills them.
    """

    deaths = (BrokenExecutor,)
    tries = 3

    def __init__(self, count: int):
        self._lanes: list[_Lane] = [_Lane() for _ in range(count)]

    def room(self) -> int:
        return len(self._lanes)

    def submit(self, function, /, *args, **kwargs) -> Future:
        return next(lane for lane in self._lanes if lane.free).submit(function, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        pools = [lane.pool for lane in self._lanes if lane.pool]
        if not pools:
            return
        # Side by side in threads: told first and waited for later, a pool would not wait any more,
        # and Python's own end could then meet its thread half closed.
        end = partial(ProcessPoolExecutor.shutdown, wait=wait, cancel_futures=cancel_futures)
        with ThreadPoolExecutor(len(pools)) as threads:
            list(threads.map(end, pools))

    def __exit__(self, kind, *error):
        if kind:
            for lane in self._lanes:
                lane.kill()
        self.shutdown()


class _Lane:
    """One process, started when it is first needed, and anew when it has died."""

    pool: ProcessPoolExecutor | None = None
    last: Future | None = None

    @property
    def free(self) -> bool:
        return self.last is None or self.last.done()

    def submit(self, function, *args, **kwargs) -> Future:
        with _safe_path():
            if self.pool is None or isinstance(self.last.exception(), BrokenExecutor):
                # Never a fork of this process, where TensorFlow or threads may be running.
                context = multiprocessing.get_context("spawn")
                self.pool = ProcessPoolExecutor(1, context, initializer=_begin)
            self.last = self.pool.submit(function, *args, **kwargs)
        return self.last

    def kill(self) -> None:
        # The public kill_workers() came with Python 3.14.
        for process in list(((self.pool and self.pool._processes) or {}).values()):
            process.kill()


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """Start processes that import nothing from the working folder, where hand-ins may lie."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _begin() -> None:
    """In a fresh process: leave Ctrl-C to the controller, and do not outlive it."""
    if hasattr(os, "setsid"):
        os.setsid()
    parent = multiprocessing.parent_process()

    def follow():
        parent.join()
        os._exit(1)  # the fence dies with us; a server without one notices that its socket closed

    threading.Thread(target=follow, daemon=True).start()


class Cluster(Executor):
    """A Dask cluster. Each worker process grades one hand-in at a time, whatever its threads."""

    tries = 1  # Dask itself has tried it on four workers by then

    def __init__(self, client):
        from distributed import KilledWorker

        self.deaths = (KilledWorker,)
        self._client, self._executor = client, client.get_executor(pure=False)
        self._seen = time.monotonic()

    def room(self) -> int:
        """The number of workers now. Raises CourseError where there has been none for a while."""
        count = len(self._client.nthreads())
        if count:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > JOIN:
            raise CourseError(
                "all workers of the Dask cluster are gone, so grading stopped; what is known is "
                "kept with --out: start workers, and give the same command again."
            )
        return max(count, 1)

    def submit(self, function, /, *args, **kwargs) -> Future:
        return self._executor.submit(function, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait=wait and not cancel_futures)

    def __exit__(self, kind, *error):
        self.shutdown(wait=kind is None)


@contextlib.contextmanager
def cluster(address: str) -> Iterator[Cluster]:
    """The workers of the Dask scheduler at an address. Raises CourseError where there is none."""
    try:
        from distributed import Client
    except ImportError:
        raise CourseError(
            "--scheduler needs Dask's distributed, which is not installed here: "
            "pip install 'deep-learning-course[cluster]'."
        ) from None
    from coursetools.grading.bench import close_benches

    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as problem:
        raise CourseError(
            f"no Dask scheduler answers at {address} ({problem}); start one with `dask scheduler` "
            "and give the address that it prints."
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=JOIN)
        except TimeoutError:
            raise CourseError(
                f"the Dask scheduler at {address} has no workers; start some with "
                f"`dask worker {address} --nthreads 1`."
            ) from None
        with Cluster(client) as executor:
            yield executor
        with contextlib.suppress(Exception):  # a worker that is just dying
            client.run(close_benches)
