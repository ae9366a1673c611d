"""What several of these files need."""

import os

import pytest

from dlutils import runtime, settings


@pytest.fixture(scope="module")
def keras():
    """Keras on the backend under test; the environment is left as it was."""
    before = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = settings.backend()
    with runtime._silent_descriptor():
        import keras
    yield keras
    if before is None:
        del os.environ["KERAS_BACKEND"]
    else:
        os.environ["KERAS_BACKEND"] = before
