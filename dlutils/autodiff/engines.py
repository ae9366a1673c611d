"""Reverse-mode differentiation as each backend does it: (value, gradients) of a core function.

A core takes two lists of tensors, those to differentiate by and the constants, and returns a tensor
of shape (). An engine takes the same and returns the value with a list of gradients, None where the
backend found no way from the value to a tensor.
"""

import contextlib

import numpy as np


def engine(core, jit, wary):
    """The engine of a core on Keras's backend; `wary`: look for lost gradients in any case."""
    import keras

    if keras.config.backend() == "tensorflow":
        return _tensorflow(core, jit, wary)
    return _jax(core, jit) if keras.config.backend() == "jax" else _torch(core)


def names_numpy(f):
    """Whether a function's own code names NumPy, so that it may hand a tensor to it."""
    code, known = getattr(f, "__code__", None), getattr(f, "__globals__", {})
    names = () if code is None else (*code.co_names, *code.co_freevars)
    return "numpy" in names or any(known.get(name) is np for name in names)


def _tensorflow(core, jit, wary):
    import tensorflow as tf

    def run(chosen, others):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(chosen)
            value = core(chosen, others)
        found = tape.gradient(value, chosen)  # rows of a table come back as IndexedSlices
        return value, [None if g is None else tf.convert_to_tensor(g) for g in found]

    if jit:
        return tf.function(run, autograph=False)

    def checked(chosen, others):
        value, found = run(chosen, others)
        if wary or any(g is None for g in found):
            _refuse_numpy(core, chosen, others)
        return value, found

    return checked


def _refuse_numpy(core, chosen, others):
    """Raise what TensorFlow raises in a graph where `core` hands a tensor to NumPy.

    Outside a graph the array goes there and back in silence, and its gradient is lost.
    """
    import tensorflow as tf

    try:
        tf.function(core, autograph=False).get_concrete_function(chosen, others)
    except Exception as error:  # what works on values need not work in a graph
        if _handed_to_numpy(error):
            raise


def _jax(core, jit):
    import jax

    run = jax.value_and_grad(core)
    return jax.jit(run) if jit else run


def _torch(core):
    import torch

    def run(chosen, others):
        chosen = [tensor.detach().requires_grad_() for tensor in chosen]
        with torch.enable_grad():
            value = core(chosen, others)
        if not value.requires_grad:
            return value, [None] * len(chosen)
        found = torch.autograd.grad(value, chosen, allow_unused=True)
        return value.detach(), [None if g is None else g.cpu() for g in found]

    return run


@contextlib.contextmanager
def explaining(caller, jit):
    """Turn what backends raise where f leaves them, or asks for values, into a sentence."""
    try:
        yield
    except Exception as error:
        if jit and _value_asked(error):
            raise ValueError(
                f"{caller}: f asks for the value of a tensor, as `if` and float() do, but jit=True "
                "compiles f before there are values; use keras.ops.where, or jit=False."
            ) from None
        if _handed_to_numpy(error) or _value_asked(error):
            raise ValueError(
                f"{caller}: f hands a tensor to NumPy or Python, which cuts the chain of "
                "derivatives there; use keras.ops instead of np inside f, and no float()."
            ) from None
        raise


def _handed_to_numpy(error):
    """Whether a backend refused to make a NumPy array of what has no value yet."""
    if isinstance(error, NotImplementedError):  # TensorFlow's, and that of an exercise left blank
        return "numpy array" in str(error)
    if isinstance(error, RuntimeError):
        return "Can't call numpy()" in str(error)  # PyTorch's
    return type(error).__name__ == "TracerArrayConversionError"  # JAX's


def _value_asked(error):
    """Whether a backend was asked for the value of what has none yet."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "TypeError" in kinds and "SymbolicTensor" in str(error):  # TensorFlow's answer to float()
        return True
    return bool(kinds & {"ConcretizationTypeError", "OperatorNotAllowedInGraphError"})
