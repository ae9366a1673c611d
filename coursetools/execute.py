"""Run a notebook's cells in a fresh kernel of this very interpreter."""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from coursetools.course import Course
from coursetools.errors import CourseError

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class KernelDiedError(CourseError):
    """The kernel ended in cell `index` (of all cells, from 0) of the notebook."""

    def __init__(self, index: int, text: str):
        super().__init__(text)
        self.index = index


@dataclass
class Failure:
    """An exception that a cell raised: `index` counts all cells of the notebook from 0."""

    index: int
    name: str
    value: str
    traceback: list[str]

    @property
    def tail(self) -> str:
        """The last lines of the traceback, without colours, each indented by two spaces."""
        lines = _ANSI.sub("", "\n".join(self.traceback)).rstrip().splitlines()
        return "\n".join(f"  {line}" for line in lines[-8:])


@dataclass
class Kernel:
    """What is known of a kernel once its notebook has run."""

    failures: list[Failure]
    peak_mb: float | None = None


def environment(course: Course, **settings: str | None) -> dict[str, str]:
    """The variables a kernel of this course starts with; a setting of None removes its variable.

    The course's own dlutils comes first on the path: what runs is what the fingerprint hashes.
    """
    path = [str(course.root), *filter(None, [os.environ.get("PYTHONPATH")])]
    given = {"PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(path), "MPLBACKEND": None}
    merged = {**os.environ, **given, **settings}
    return {key: value for key, value in merged.items() if value is not None}


def execute(
    notebook: NotebookNode,
    env: dict[str, str],
    folder: Path,
    go_on: Callable[[Failure], bool] = lambda failure: False,
    on_cell: Callable[[int], None] = lambda index: None,
) -> Kernel:
    """Run the code cells in place, in `folder`, until one fails and `go_on(failure)` is false.

    A cell tagged `raises-exception` or `nbval-raises-exception` does not count as failing.
    Raises KernelDiedError where the kernel ends, CourseError where none starts.
    """
    from nbclient.exceptions import DeadKernelError

    from coursetools.memory import peak_mb

    failures = []
    with _started(notebook, env, folder) as (client, manager, log):
        for index, cell in enumerate(notebook.cells):
            on_cell(index)
            try:
                # As nbval does, or a trailing ";" would hide here what nbval then shows.
                client.execute_cell(cell, index, store_history=False)
            except (DeadKernelError, RuntimeError) as error:
                raise KernelDiedError(index, _died(error, log)) from None
            failure = _failure(index, cell)
            if failure:
                failures.append(failure)
                if not go_on(failure):
                    break
        return Kernel(failures, peak_mb(getattr(manager.provisioner, "pid", None)))


@contextmanager
def _started(notebook: NotebookNode, env: dict[str, str], folder: Path) -> Iterator[tuple]:
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

    # nbval's own name for "the interpreter we run in": an installed "python3" may be another's.
    specs = NbvalKernelspecManager()
    manager = AsyncKernelManager(kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=specs)
    client = NotebookClient(
        notebook, km=manager, timeout=None, allow_errors=True, record_timing=False
    )
    with tempfile.TemporaryDirectory(prefix="coursetools-") as scratch:
        # A profile of its own: neither start-up files nor history of whoever builds.
        env = {**env, "IPYTHONDIR": scratch}
        with open(Path(scratch, "stderr"), "w+b") as log:
            options = {"cleanup_kc": True, "env": env, "cwd": str(folder), "stderr": log}
            with _starting(client, options):
                yield client, manager, log


@contextmanager
def _starting(client, options: dict) -> Iterator[None]:
    running = False
    try:
        with client.setup_kernel(**options):
            running = True
            yield
    except RuntimeError as error:
        if running:
            raise
        raise CourseError(
            f"no kernel started ({error}), so no cell can run; is ipykernel installed?"
        ) from None


def _failure(index: int, cell: NotebookNode) -> Failure | None:
    if cell.cell_type != "code":
        return None
    tags = cell.metadata.get("tags", [])
    if "raises-exception" in tags or "nbval-raises-exception" in tags:
        return None
    for output in cell.outputs:
        if output.output_type == "error":
            return Failure(index, output.ename, output.evalue, output.traceback)
    return None


def _died(error: Exception, log) -> str:
    log.seek(0)
    said = log.read().decode("utf-8", "replace").splitlines()[-4:]
    return "\n".join([f"the kernel died in this cell ({error})", *(f"  {line}" for line in said)])
