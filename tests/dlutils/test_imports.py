"""What importing dlutils loads, and what it never needs; each proved in a fresh interpreter."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOREIGN = ("coursetools", "jupytext", "nbformat", "nbclient", "nbval", "pytest", "hypothesis")
FRAMEWORKS = ("keras", "tensorflow", "jax", "torch")
FILES = sorted((ROOT / "dlutils").rglob("*.py"))
MODULES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for file in FILES
    if file.stem != "__main__"  # a command, which runs when it is imported
)

BLOCK = """
import importlib, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
"""


def run(code, blocked=(), **environment):
    """What a fresh interpreter prints, with some packages not to be found."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg", **environment}
    for name in ("KERAS_BACKEND", "DLUTILS_PROFILE", "DLUTILS_SEED", "DLUTILS_REPORT"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", BLOCK.format(blocked=tuple(blocked)) + code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_dlutils_loads_nothing_heavy():
    code = """
import time
before = set(sys.modules)
begin = time.perf_counter()
import dlutils
took = time.perf_counter() - begin
print(took, *{name.partition(".")[0] for name in set(sys.modules) - before})
"""
    outcomes = [run(code).split() for _ in range(3)]
    assert min(float(took) for took, *_ in outcomes) < 0.1
    assert outcomes[0][1:] == ["dlutils"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_no_module_imports_what_belongs_to_authors_and_graders(file):
    named = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            named.add((node.module or "").partition(".")[0])
    assert not named & set(FOREIGN)


def test_every_module_loads_without_author_packages_and_without_keras():
    assert {"dlutils.claims", "dlutils.checks.codec", "dlutils.runtime"} <= set(MODULES)
    code = f"""
for name in {MODULES!r}:
    importlib.import_module(name)
    loaded = set(sys.modules) & set({FOREIGN + FRAMEWORKS!r})
    assert not loaded, (name, loaded)
print("loaded", len({MODULES!r}))
"""
    assert run(code, blocked=FOREIGN) == f"loaded {len(MODULES)}\n"


def test_checks_and_claims_run_without_author_packages_and_without_keras():
    code = """
from dlutils import checks, claims
def double(x): return 2 * x
@checks.exercise("double")
def _(check):
    for x in check.arrays((2, 3)):
        check.close(check.ask("double", x), 2 * x, "Twice.")
claims.at_least("accuracy", 0.75, 0.5)
"""
    printed = run(code, blocked=(*FOREIGN, *FRAMEWORKS, "IPython"))
    assert printed == "double: correct\naccuracy 0.7500 (at least 0.5): holds\n"


def test_start_picks_jax_where_there_is_no_tensorflow(tmp_path):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    (tmp_path / "keras.json").write_text('{"backend": "tensorflow"}')
    code = 'from dlutils import runtime; runtime.start("05_cnns", seed=5)'
    printed = run(code, blocked=(*FOREIGN, "tensorflow"), KERAS_HOME=str(tmp_path))
    assert printed.startswith("05_cnns: jax on ")
    assert printed.endswith(", seed 5\n")
    assert printed.count("\n") == 1
