"""The arguments of a function: taken apart into tensors and constants, and put together again."""

from dataclasses import dataclass

import numpy as np

FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True)
class Form:
    """What is left of a call's arguments when all tensors are taken out.

    skeleton: (args, kwargs) with a number for each leaf. constants: dict leaf number -> what is no
    tensor. chosen, others: the leaf numbers of the two kinds of tensor. picked: the arguments to
    differentiate by, in the order asked for. wide: whether float32 is computed in float64. key:
    the same for calls that compile alike.
    """

    skeleton: tuple
    constants: dict
    chosen: tuple
    others: tuple
    picked: tuple
    wide: bool
    key: tuple

    def function(self, f, caller):
        """`f` as a function of two lists of tensors, which returns a tensor of shape ()."""
        import keras

        def core(chosen, others):
            numbers = (*self.chosen, *self.others)
            leaves = self.constants | dict(zip(numbers, self._mixed(chosen, others), strict=True))
            args, kwargs = keras.tree.map_structure(leaves.__getitem__, self.skeleton)
            return scalar(f(*args, **kwargs), caller)

        return core

    def _mixed(self, chosen, others):
        """All tensors, float32 cast where float64 is among them, as NumPy would mix the two."""
        import keras

        tensors = [*chosen, *others]
        if not self.wide:
            return tensors
        return [keras.ops.cast(t, "float64") if dtype(t) == "float32" else t for t in tensors]

    def put_together(self, gradients):
        """The gradients of the chosen leaves, in a tuple with one entry for each argument."""
        import keras

        leaves = dict(zip(self.chosen, gradients, strict=True))
        return tuple(keras.tree.map_structure(leaves.__getitem__, part) for part in self.picked)


def take_apart(args, kwargs, positions, jit, caller):
    """(Form, tensors to differentiate by, other tensors) of a call. Raises as `value_and_grad`."""
    import keras

    if max(positions) >= len(args):
        raise ValueError(
            f"{caller}: argnums asks for argument {max(positions)}, counted from 0, but the "
            f"function was called with {len(args)} positional ones; pass it by position."
        )
    leaves = keras.tree.flatten((args, kwargs))
    skeleton = keras.tree.pack_sequence_as((args, kwargs), list(range(len(leaves))))
    picked = tuple(skeleton[0][i] for i in positions)
    wanted = [number for part in picked for number in keras.tree.flatten(part)]
    for position, part in zip(positions, picked, strict=True):
        if not keras.tree.flatten(part):
            raise TypeError(
                f"{caller}: argument {position} is {args[position]!r} and holds no array, so there "
                "is nothing to differentiate by; give it at least one."
            )
    rest = set(range(len(leaves))) - set(wanted)
    others = tuple(sorted(number for number in rest if _is_array(leaves[number])))
    constants = {number: leaves[number] for number in sorted(rest - set(others))}
    tensors = [_tensor(leaves[number], jit) for number in others]
    chosen = [_differentiable(leaves[number], jit, caller) for number in wanted]
    wide = any(dtype(t) == "float64" for t in [*chosen, *tensors] if type(t) is not float)
    floats = "float64" if wide else keras.config.floatx()
    chosen = [keras.ops.convert_to_tensor(c, floats) if type(c) is float else c for c in chosen]
    key = (repr(skeleton), tuple((n, _hashable(c)) for n, c in constants.items()), others, wide)
    return Form(skeleton, constants, tuple(wanted), others, picked, wide, key), chosen, tensors


def scalar(value, caller):
    """`value`, if it is one floating-point number of the backend. Raises ValueError."""
    import keras

    if not keras.ops.is_tensor(value):
        kind = type(value).__name__
        shown = (
            f"{repr(value)[:60]} ({kind})" if np.isscalar(value) or value is None else f"a {kind}"
        )
        raise ValueError(
            f"{caller}: f returned {shown}, but no tensor of {keras.config.backend()}, so "
            "no gradient leads back from it to the arguments; compute one number with "
            "keras.ops, without np, float() or .numpy()."
        )
    if len(value.shape):
        raise ValueError(
            f"{caller}: f returned shape {tuple(value.shape)}, but a gradient is that of one "
            "number; let f end with keras.ops.sum or keras.ops.mean."
        )
    name = dtype(value)
    if name not in FLOATS:
        cure = "leave out what rounds, counts or compares, or let f return a float."
        cure = "end with keras.ops.abs or keras.ops.real." if "complex" in name else cure
        raise ValueError(
            f"{caller}: f returned dtype {name}, but only a real floating-point number has a "
            f"gradient; {cure}"
        )
    return value


def to_numpy(gradients, tensors):
    """NumPy copies of gradients, zeros for None: writable, and nobody else's memory."""
    return [
        np.zeros(tuple(t.shape), np.asarray(t).dtype) if g is None else np.array(g)
        for g, t in zip(gradients, tensors, strict=True)
    ]


def dtype(leaf):
    """The name of the dtype of an array, a tensor, a variable or a number."""
    found = getattr(leaf, "dtype", None)
    found = np.asarray(leaf).dtype if found is None else found
    return getattr(found, "name", str(found).removeprefix("torch."))


def _differentiable(leaf, jit, caller):
    """The tensor of a floating-point leaf; Python's floats as they are. Raises TypeError."""
    if type(leaf) is float:
        return leaf
    if isinstance(leaf, complex | int | np.number | np.bool_) or _is_array(leaf):
        name = dtype(leaf)
        if name in FLOATS:
            return _tensor(leaf, jit)
        cure = 'make it float, as in x.astype("float32")'
        cure = "take its real and imaginary part apart" if "complex" in name else cure
        raise TypeError(
            f"{caller}: an argument to differentiate by has dtype {name}, but only real "
            f"floating-point numbers can change by a little; {cure}."
        )
    raise TypeError(
        f"{caller}: an argument to differentiate by is or holds {repr(leaf)[:60]}, but only "
        "arrays of numbers have a gradient; give floats, or choose another argument by argnums."
    )


def _is_array(leaf):
    """Whether a leaf is an array of numbers, a tensor or a variable."""
    import keras

    if isinstance(leaf, np.ndarray):
        return leaf.dtype.kind in "biufc" or leaf.dtype.name == "bfloat16"
    return isinstance(leaf, keras.Variable) or keras.ops.is_tensor(leaf)


def _tensor(leaf, jit):
    import keras

    if isinstance(leaf, keras.Variable):
        leaf = leaf.value
    if jit and keras.config.backend() == "jax" and getattr(leaf, "dtype", None) == np.float32:
        return leaf  # what is compiled takes NumPy's memory without a copy
    return keras.ops.convert_to_tensor(leaf)


def _hashable(constant):
    """What stands for a constant in a key: itself with its type, since 1 == 1.0 == True."""
    try:
        hash(constant)
    except TypeError:
        return id(constant)  # it lives as long as what was compiled with it
    return type(constant), constant
