"""Reading with TensorFlow while Keras runs on another backend."""

import sys
from types import SimpleNamespace

import pytest

from dlutils.datasets import prepared


@pytest.fixture
def hidden(monkeypatch):
    """What a stand-in for TensorFlow is asked to show of the GPUs, call by call."""
    calls = []
    config = SimpleNamespace(set_visible_devices=lambda *arguments: calls.append(arguments))
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(config=config))
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return calls


def keras_on(backend):
    return SimpleNamespace(config=SimpleNamespace(backend=lambda: backend))


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_gpu_that_another_backend_uses_is_hidden_from_tensorflow(hidden, monkeypatch, backend):
    monkeypatch.setitem(sys.modules, "keras", keras_on(backend))
    prepared._leave_gpu_to_keras()
    assert hidden == [([], "GPU")]


def test_a_backend_only_asked_for_so_far_counts_too(hidden, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    prepared._leave_gpu_to_keras()
    assert hidden == [([], "GPU")]


def test_tensorflow_as_backend_keeps_its_gpu(hidden, monkeypatch):
    prepared._leave_gpu_to_keras()
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setitem(sys.modules, "keras", keras_on("tensorflow"))
    prepared._leave_gpu_to_keras()
    assert hidden == []
