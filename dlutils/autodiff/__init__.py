"""Gradients of any scalar function of arrays, the same on every backend: `grad`, `value_and_grad`.

`model_gradients` takes those of a Keras model's loss, for looking at backpropagation.
"""

from dlutils.autodiff.functions import grad, value_and_grad
from dlutils.autodiff.models import model_gradients

__all__ = ["grad", "model_gradients", "value_and_grad"]
