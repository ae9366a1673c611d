"""Every public name is documented, with an example that runs, on TensorFlow and on JAX."""

import doctest
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

MODULES = (
    "autodiff",
    "callbacks",
    "checks",
    "claims",
    "datasets",
    "ensemble",
    "ngrams",
    "plotting",
    "referee",
    "runtime",
    "scores",
    "widgets",
)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def public():
    """(qualified name, object) of every public function and class."""
    for name in MODULES:
        module = importlib.import_module(f"dlutils.{name}")
        for attribute in getattr(module, "__all__", None) or vars(module):
            found = getattr(module, attribute)
            if attribute.startswith("_") or not callable(found):
                continue
            if hasattr(module, "__all__") or found.__module__ == module.__name__:
                yield f"{name}.{attribute}", found


def methods(kind):
    """(name, function or property) of the public methods that a class defines itself."""
    for name, member in vars(kind).items():
        if not name.startswith("_") and (callable(member) or isinstance(member, property)):
            yield name, member


def run_examples(name, thing):
    """What doctest says of a name's examples, those of its methods included; empty if all pass."""
    inner = inspect.unwrap(thing) if inspect.isfunction(thing) else thing
    names = {part: importlib.import_module(f"dlutils.{part}") for part in MODULES}
    globs = names | {"np": np} | vars(sys.modules[inner.__module__])
    runner, said = doctest.DocTestRunner(verbose=False, optionflags=FLAGS), []
    for test in doctest.DocTestFinder(recurse=True).find(inner, name, globs=globs):
        runner.run(test, out=said.append)
    return "".join(said)


PUBLIC = dict(public())


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_documented_with_an_example(name):
    doc = inspect.getdoc(PUBLIC[name]) or ""
    assert ">>>" in doc, f"{name} has no example in its docstring"
    if inspect.isclass(PUBLIC[name]):
        bare = [m for m, member in methods(PUBLIC[name]) if not inspect.getdoc(member)]
        assert not bare, f"{name} has methods without a docstring: {bare}"


@pytest.mark.parametrize("name", PUBLIC)
def test_every_example_runs(name, monkeypatch, tmp_path):
    from dlutils import runtime

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runtime, "_current", None)
    for variable in ("DLUTILS_PROFILE", "DLUTILS_SEED", "DLUTILS_REPORT", "DLUTILS_WORK"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "tensorflow"))
    said = run_examples(name, PUBLIC[name])
    assert not said, said


def test_every_example_runs_on_jax_too(tmp_path):
    pytest.importorskip("jax")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DLUTILS_")}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, __file__],
        env={**kept, "KERAS_BACKEND": "jax", "PYTHONPATH": str(root)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == f"{len(PUBLIC)} names on jax"


def main():
    """Run all examples on the backend that KERAS_BACKEND names."""
    import keras

    faults = [said for name, thing in PUBLIC.items() if (said := run_examples(name, thing))]
    print(*faults, f"{len(PUBLIC)} names on {keras.config.backend()}", sep="\n")
    return len(faults)


if __name__ == "__main__":
    sys.exit(main())
