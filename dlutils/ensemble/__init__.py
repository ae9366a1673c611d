"""Many small networks trained side by side: seeds, rates and regularisers compared in seconds.

`MLPs(settings, inputs, classes)` holds one multilayer perceptron for each setting; `fit` trains all
of them at once, each as it would train alone.
"""

from dlutils.ensemble.members import MLPs
from dlutils.ensemble.orders import order
from dlutils.ensemble.settings import Setting

__all__ = ["MLPs", "Setting", "order"]
