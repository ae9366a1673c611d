"""`grad` and `value_and_grad`: functions that return gradients, made from a function."""

import functools
import numbers

from dlutils.autodiff import arguments, engines


def grad(f, argnums=0, jit=False):
    """The function that returns the gradient of `f`, by reverse-mode differentiation.

    f: takes arrays, or nested lists, tuples and dicts of them, and returns one number computed with
    `keras.ops` and operators; see `value_and_grad` for all the rest.

    >>> from keras import ops
    >>> w = np.array([1.0, -2.0, 3.0], "float32")
    >>> autodiff.grad(lambda w: ops.sum(w**2))(w)
    array([ 2., -4.,  6.], dtype=float32)
    """
    both = _value_and_grad(f, argnums, jit, "autodiff.grad")

    @functools.wraps(f, updated=())
    def gradient(*args, **kwargs):
        return both(*args, **kwargs)[1]

    return gradient


def value_and_grad(f, argnums=0, jit=False):
    """The function that returns the value of `f`, a float, together with its gradient.

    f: takes arrays, or nested lists, tuples and dicts of them, and returns one number, a tensor of
    shape (), computed with `keras.ops` and operators (but `ops.matmul`: TensorFlow's @ refuses
    vectors); a call of NumPy in between cuts the chain of derivatives. argnums: position of the
    argument to differentiate by, from 0, or a tuple of positions. All other arguments are
    constants, keyword arguments too.

    The gradient has the structure, the shapes and the dtype of the argument, as NumPy arrays of
    its own; a tuple of them for a tuple of positions; zeros where f does not depend on a number.
    A Python float counts as Keras's floatx, or as float64 where there is such an array; float32 and
    float64 mix as in NumPy. JAX makes float32 of float64 unless `jax_enable_x64` is set.

    jit: whether to compile f, once for each set of shapes and constants (`jax.jit`, `tf.function`;
    PyTorch ignores it). That pays where one gradient is taken often, and f must then not branch on
    the values of its arguments, nor print or draw random numbers outside `keras.random`.

    Raises TypeError for what is no function, no array or not floating-point, ValueError for a
    position out of range, and for an f that returns no single number or leaves the backend for
    NumPy. TensorFlow may overlook this where a function that f calls does so, unless jit=True.
    Source: Baydin et al., Automatic Differentiation in Machine Learning: a Survey (2018).

    >>> from keras import ops
    >>> line = {"w": np.array([1.0, 2.0], "float32"), "b": 0.5}
    >>> def loss(line, x, y):
    ...     return ops.mean((ops.matmul(x, line["w"]) + line["b"] - y) ** 2)
    >>> x, y = np.eye(2, dtype="float32"), np.zeros(2, "float32")
    >>> value, gradient = autodiff.value_and_grad(loss)(line, x, y)
    >>> value, gradient["w"].tolist(), float(gradient["b"])
    (4.25, [1.5, 2.5], 4.0)
    """
    return _value_and_grad(f, argnums, jit, "autodiff.value_and_grad")


def _value_and_grad(f, argnums, jit, caller):
    if not callable(f):
        raise TypeError(
            f"{caller}: f is {f!r}, which cannot be called; give a function, not its value."
        )
    if jit not in (True, False):
        raise TypeError(f"{caller}: jit is {jit!r}, but it is a yes-or-no question; give a bool.")
    positions = _positions(argnums, caller)
    wary = engines.names_numpy(f)  # at the first call
    compiled = {}  # what `jit` made, for each form of the arguments

    @functools.wraps(f, updated=())
    def both(*args, **kwargs):
        nonlocal wary
        form, chosen, others = arguments.take_apart(args, kwargs, positions, jit, caller)
        run = compiled.get(form.key)
        if run is None:
            run = engines.engine(form.function(f, caller), jit, wary)
            if jit:
                compiled[form.key] = run
        with engines.explaining(caller, jit):
            value, gradients = run(chosen, others)
        wary = False
        gradients = form.put_together(arguments.to_numpy(gradients, chosen))
        return float(value), gradients if isinstance(argnums, tuple) else gradients[0]

    return both


def _positions(argnums, caller):
    """The positions to differentiate by as a tuple. Raises ValueError."""
    found = argnums if isinstance(argnums, tuple) else (argnums,)
    whole = all(isinstance(i, numbers.Integral) and not isinstance(i, bool) for i in found)
    if not found or not whole or min(found) < 0 or len(set(found)) < len(found):
        raise ValueError(
            f"{caller}: argnums is {argnums!r}, but it says by which arguments to differentiate; "
            "give a position from 0 on, or a tuple of different ones."
        )
    return tuple(int(i) for i in found)
