"""What learners write for the lab of 02_neurons; see `test_answers.py` for the form."""


def activation(body):
    return f"def activation(name, z):\n{body}"


STABLE = """
    if name == "relu":
        return np.where(z > 0, z, 0.0)
    if name == "tanh":
        return np.tanh(z)
    if name == "gelu":
        return 0.5 * z * (1 + special.erf(z / np.sqrt(2)))
    if name == "softplus":
        return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
    if name == "sigmoid":
        e = np.exp(-np.abs(z))
        return np.where(z >= 0, 1.0, e) / (1 + e)
    shifted = z - np.max(z, axis=-1, keepdims=True)
    e = np.exp(shifted)
    return e / np.sum(e, axis=-1, keepdims=True)
"""


def stable(*changes):
    """The stable answer, with mistakes: old, new, old, new, …"""
    body = STABLE
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in body, old
        body = body.replace(old, new)
    return activation(body)


SOFTMAX = """    shifted = z - np.max(z, axis=-1, keepdims=True)
    e = np.exp(shifted)
    return e / np.sum(e, axis=-1, keepdims=True)
"""
SIGMOID = """        e = np.exp(-np.abs(z))
        return np.where(z >= 0, 1.0, e) / (1 + e)
"""
SOFTPLUS = "np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))"

ACTIVATION = [
    ("by cases", "right", activation(STABLE)),
    (
        "keras",
        "right",
        activation(
            """
    f = {
        "sigmoid": keras.ops.sigmoid,
        "tanh": keras.ops.tanh,
        "relu": keras.ops.relu,
        "gelu": lambda z: keras.ops.gelu(z, approximate=False),
        "softplus": keras.ops.softplus,
        "softmax": keras.ops.softmax,
    }[name]
    return f(keras.ops.convert_to_tensor(z, "float32"))
"""
        ),
    ),
    (
        "scipy, float32 out",
        "right",
        activation(
            """
    f = {
        "sigmoid": special.expit,
        "tanh": np.tanh,
        "relu": lambda z: z * (z > 0),
        "gelu": lambda z: z * special.ndtr(z),
        "softplus": lambda z: -special.log_expit(-z),
        "softmax": lambda z: special.softmax(z, axis=-1),
    }
    return f[name](z).astype("float32")
"""
        ),
    ),
    (
        "one value at a time, lists out",
        "right",
        activation(
            """
    import math

    z = z.tolist() if hasattr(z, "tolist") else z
    if z and isinstance(z[0], list):
        return [activation(name, row) for row in z]
    if name == "softmax":
        e = [math.exp(v - max(z)) for v in z]
        return [v / sum(e) for v in e]
    f = {
        "sigmoid": lambda v: 1 / (1 + math.exp(-v)) if v > -30 else math.exp(v),
        "tanh": math.tanh,
        "relu": lambda v: max(v, 0.0),
        "gelu": lambda v: v * 0.5 * math.erfc(-v / math.sqrt(2)),
        "softplus": lambda v: max(v, 0) + math.log1p(math.exp(-abs(v))),
    }[name]
    return [f(v) for v in z]
"""
        ),
    ),
    (
        "a sigmoid that overflows to the right value",
        "right",
        stable(SIGMOID, "        return 1 / (1 + np.exp(-z))\n"),
    ),
    (
        "in place",
        "right",
        stable("    shifted = z -", "    z *= 1\n    shifted = z -"),
    ),
    ("softmax over everything", "Each row", stable("axis=-1, keepdims=True", "")),
    ("softmax over the first axis", "Each row", stable("axis=-1", "axis=0")),
    (
        "softmax over axis 1",
        "Each row|raised",
        stable("axis=-1", "axis=min(1, z.ndim - 1)"),
    ),
    (
        "softmax without subtracting",
        "subtract a number",
        stable(SOFTMAX.split("\n")[0], "    shifted = z"),
    ),
    (
        "softmax minus the mean of its row",
        "no exponent is above zero",
        stable("np.max(z, axis=-1, keepdims=True)", "np.mean(z, axis=-1, keepdims=True)"),
    ),
    (
        "softmax minus the largest of all",
        "each row its own",
        stable("np.max(z, axis=-1, keepdims=True)", "np.max(z)"),
    ),
    (
        "softmax not divided",
        "Each row",
        stable("e / np.sum(e, axis=-1, keepdims=True)", "e"),
    ),
    (
        "shares of the scores themselves",
        "exponentially larger",
        stable(SOFTMAX, "    return z / z.sum(axis=-1, keepdims=True)\n"),
    ),
    (
        "softmax of base 2",
        "exponentially larger",
        stable("e = np.exp(shifted)", "e = 2.0**shifted"),
    ),
    (
        "keepdims forgotten",
        "raised ValueError|Each row|shape",
        stable("axis=-1, keepdims=True", "axis=-1"),
    ),
    (
        "sigmoid of the wrong sign",
        "sigmoid: look at the sign",
        stable(SIGMOID, "        return 1 / (1 + np.exp(z))\n"),
    ),
    (
        "sigmoid that overflows",
        "sigmoid fails for",
        stable(SIGMOID, "        return np.exp(z) / (1 + np.exp(z))\n"),
    ),
    (
        "tanh that overflows",
        "tanh fails for",
        stable("np.tanh(z)", "(np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z))"),
    ),
    ("tanh is a sigmoid", "rises from -1", stable("np.tanh(z)", "special.expit(z)")),
    (
        "GELU approximated by tanh",
        "tanh approximation",
        stable(
            "0.5 * z * (1 + special.erf(z / np.sqrt(2)))",
            "0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))",
        ),
    ),
    (
        "GELU by a sigmoid",
        "normal distribution function",
        stable("0.5 * z * (1 + special.erf(z / np.sqrt(2)))", "z * special.expit(1.702 * z)"),
    ),
    ("GELU without the root", "sqrt", stable("z / np.sqrt(2)", "z")),
    ("GELU is only the weight", "gelu weighs z", stable("0.5 * z *", "0.5 *")),
    ("softplus that overflows", "softplus fails for", stable(SOFTPLUS, "np.log(1 + np.exp(z))")),
    ("softplus of base 2", "natural logarithm", stable(SOFTPLUS, "np.logaddexp2(0, z)")),
    ("softplus without the 1", "natural logarithm", stable(SOFTPLUS, "z")),
    (
        "softplus clipped",
        "softplus (fails for|is wrong)",
        stable(SOFTPLUS, "np.log1p(np.exp(np.minimum(z, 700)))"),
    ),
    ("ReLU upside down", "keeps what is above", stable("z > 0", "z < 0")),
    (
        "ReLU by its absolute value",
        "keeps what is above",
        stable("np.where(z > 0, z, 0.0)", "np.abs(z)"),
    ),
    ("ReLU leaks", "keeps what is above", stable("z, 0.0)", "z, 0.01 * z)")),
    (
        "one row only",
        "has the shape of z",
        stable("np.where(z > 0, z, 0.0)", "np.maximum(z, 0)[0]"),
    ),
    (
        "softplus not known",
        "returned None|raised",
        stable('name == "softplus"', 'name == "plus"', SOFTMAX, ""),
    ),
    (
        "rounded",
        "wrong|share|sigmoid",
        activation(
            "    return np.round(special.expit(z), 2) if name == 'sigmoid' else np.maximum(z, 0)"
        ),
    ),
    ("the return is missing", "returned None", activation("    np.maximum(z, 0)")),
    ("blank", "not yet", activation("    # YOUR CODE HERE\n    raise NotImplementedError")),
]


def forward_all(body):
    return f"def forward_all(x, stack):\n{body}"


ALL = """
    outputs = [x]
    for weights, biases, name in stack:
        z = outputs[-1] @ weights
        if biases is not None:
            z = z + biases
        if name == "relu":
            z = np.maximum(z, 0)
        if name == "tanh":
            z = np.tanh(z)
        if name == "softmax":
            e = np.exp(z - z.max(axis=-1, keepdims=True))
            z = e / e.sum(axis=-1, keepdims=True)
        outputs.append(z)
    return outputs
"""


def every(*changes):
    body = ALL
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in body, old
        body = body.replace(old, new)
    return forward_all(body)


FORWARD_ALL = [
    ("step by step", "right", forward_all(ALL)),
    (
        "keras, a tuple of tensors",
        "right",
        forward_all(
            """
    outputs = [x]
    for W, b, name in stack:
        x = keras.ops.convert_to_tensor(outputs[-1], "float32")
        h = keras.ops.matmul(x, W.astype("float32"))
        h = h if b is None else h + b.astype("float32")
        outputs.append(keras.activations.get(name)(h))
    return tuple(outputs)
"""
        ),
    ),
    (
        "Dense layers",
        "right",
        forward_all(
            """
    outputs = [np.asarray(x, "float32")]
    for W, b, name in stack:
        options = {"use_bias": b is not None, "kernel_initializer": "zeros"}
        dense = layers.Dense(W.shape[1], activation=name, **options)
        dense.build((None, W.shape[0]))
        dense.set_weights([W] if b is None else [W, b])
        flat = keras.ops.reshape(outputs[-1], (-1, W.shape[0]))
        shape = (*np.shape(outputs[-1])[:-1], W.shape[1])
        outputs.append(keras.ops.convert_to_numpy(keras.ops.reshape(dense(flat), shape)))
    return outputs
"""
        ),
    ),
    (
        "recursion, einsum, float32",
        "right",
        forward_all(
            """
    if not stack:
        return [x]
    (W, b, name), rest = stack[0], stack[1:]
    z = np.einsum("...i,ij->...j", x, W) + (0 if b is None else b)
    f = {"linear": lambda z: z, "relu": lambda z: z.clip(0), "tanh": np.tanh,
         "softmax": lambda z: special.softmax(z, -1)}[name]
    return [x.astype("float32"), *forward_all(f(z), rest)]
"""
        ),
    ),
    (
        "the input left out",
        "x itself",
        every(
            "outputs = [x]",
            "outputs = []\n    h = x",
            "outputs[-1] @",
            "h @",
            "outputs.append(z)",
            "outputs.append(z)\n        h = z",
        ),
    ),
    ("the last output only", "list is expected", every("return outputs", "return outputs[-1]")),
    ("fed x every time", "raised ValueError|not x", every("outputs[-1] @ weights", "x @ weights")),
    (
        "sums in place of outputs",
        "before the activation relu",
        every("if name ==", 'if name == "no" and name =='),
    ),
    (
        "remembers the sums",
        "before the activation|begins with",
        every(
            '        if name == "relu":',
            '        outputs.append(z)\n        if name == "relu":',
            "        outputs.append(z)\n    return",
            "    return",
        ),
    ),
    (
        "no biases at all",
        "biases are missing",
        every("            z = z + biases", "            pass"),
    ),
    (
        "biases added last",
        "inside the activation",
        every(
            "        if biases is not None:\n            z = z + biases\n",
            "",
            "        outputs.append(z)",
            "        if biases is not None:\n            z = z + biases\n        outputs.append(z)",
        ),
    ),
    ("biases always there", "raised TypeError", every("if biases is not None", "if True")),
    (
        "softmax over the first axis",
        "along the last axis",
        every("axis=-1", "axis=0"),
    ),
    ("softmax that overflows", "overflows", every("z - z.max(axis=-1, keepdims=True)", "z")),
    ("softmax over axis 1", "along the last axis", every("axis=-1", "axis=1")),
    ("softmax over everything", "along the last axis", every("axis=-1, keepdims=True", "")),
    (
        "tanh forgotten",
        "before the activation tanh",
        every('if name == "tanh"', 'if name == "Tanh"'),
    ),
    ("weights transposed", "raised ValueError|wrong", every("@ weights", "@ weights.T")),
    ("ReLU everywhere", "wrong", every('if name == "relu"', "if True")),
    (
        "flattens the batch",
        "all others stay",
        every("outputs[-1] @ weights", "outputs[-1].reshape(-1, len(weights)) @ weights"),
    ),
    (
        "for one batch alone",
        "raised .*Error",
        every("    outputs = [x]", "    n, inputs = x.shape\n    outputs = [x]"),
    ),
    (
        "return inside the loop",
        "list is expected",
        every("    return outputs", "        return outputs"),
    ),
    ("the return is missing", "list is expected", every("return outputs", "outputs")),
    ("blank", "not yet", forward_all("    raise NotImplementedError")),
]


def count_parameters(body):
    return f"def count_parameters(shape, plan):\n{body}"


COUNT = """
    total = 0
    for step in plan:
        if step == "flatten":
            size = 1
            for n in shape:
                size = size * n
            shape = [size]
        elif step == "dropout":
            continue
        else:
            total = total + shape[-1] * step[0]
            if step[1]:
                total = total + step[0]
            shape = shape[:-1] + [step[0]]
    return total
"""


def counted(*changes):
    body = COUNT
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in body, old
        body = body.replace(old, new)
    return count_parameters(body)


COUNT_PARAMETERS = [
    ("step by step", "right", count_parameters(COUNT)),
    (
        "keras counts",
        "right",
        count_parameters(
            """
    model = keras.Sequential([layers.Input(shape)])
    for step in plan:
        if step == "flatten":
            model.add(layers.Flatten())
        elif step != "dropout":
            model.add(layers.Dense(step[0], use_bias=step[1], kernel_initializer="zeros"))
    return model.count_params()
"""
        ),
    ),
    (
        "NumPy, a float out",
        "right",
        count_parameters(
            """
    total = np.zeros(())
    for step in plan:
        if isinstance(step, str):
            shape = [np.prod(shape)] if step == "flatten" else shape
        else:
            total += (shape[-1] + step[1]) * step[0]
            shape = [*shape[:-1], step[0]]
    return float(total)
"""
        ),
    ),
    (
        "recursion",
        "right",
        count_parameters(
            """
    import math

    if not plan:
        return 0
    step, rest = plan[0], plan[1:]
    if step in ("flatten", "dropout"):
        return count_parameters([math.prod(shape)] if step == "flatten" else shape, rest)
    units, biased = step
    return (shape[-1] + biased) * units + count_parameters(shape[:-1] + [units], rest)
"""
        ),
    ),
    ("no biases", "one dense layer", counted("if step[1]", "if False")),
    ("biases always", "without biases", counted("if step[1]", "if True")),
    (
        "one bias a layer",
        "one dense layer",
        counted("total = total + step[0]", "total = total + 1"),
    ),
    (
        "biases by input",
        "one dense layer",
        counted("total = total + step[0]", "total = total + shape[-1]"),
    ),
    (
        "always the first shape",
        "units before it",
        counted("            shape = shape[:-1] + [step[0]]\n", ""),
    ),
    (
        "flattened always",
        "only the last axis",
        counted("    total = 0", "    total = 0\n    shape = [int(np.prod(shape))]"),
    ),
    ("axes added up", "multiplies all the axes", counted("size * n", "size + n")),
    ("flattening ignored", "multiplies all the axes", counted("shape = [size]", "pass")),
    (
        "dropout counted",
        "dropout neither|raised",
        counted("            continue", "            total = total + shape[-1]"),
    ),
    (
        "dropout halves",
        "dropout neither",
        counted("            continue", "            shape = [shape[0] // 2]"),
    ),
    (
        "only the last axis kept",
        "comes after the first",
        counted("shape[:-1] + [step[0]]", "[step[0]]"),
    ),
    (
        "weights only of the last layer",
        "units before it",
        counted("total = total + shape[-1] * step[0]", "total = shape[-1] * step[0]"),
    ),
    ("units in place of parameters", "one dense layer", counted("shape[-1] * step[0]", "step[0]")),
    ("a list of counts", "One integer", counted("return total", "return [total]")),
    ("text", "Numbers|One integer", counted("return total", 'return "many"')),
    ("the return is missing", "returned None|One integer", counted("return total", "total")),
    ("blank", "not yet", count_parameters("    raise NotImplementedError")),
]


def relu_through(body):
    return f"def relu_through(x, y):\n{body}"


THROUGH = """
    order = np.argsort(x)
    x, y = x[order], y[order]
    slopes = (y[1:] - y[:-1]) / (x[1:] - x[:-1])
    v = slopes.copy()
    v[1:] = slopes[1:] - slopes[:-1]
    n = len(v)
    return np.ones((1, n)), -x[:-1], v.reshape(n, 1), np.array([y[0]])
"""


def through(*changes):
    body = THROUGH
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in body, old
        body = body.replace(old, new)
    return relu_through(body)


RELU_THROUGH = [
    ("changes of slope", "right", relu_through(THROUGH)),
    (
        "equations solved",
        "right",
        relu_through(
            """
    order = np.argsort(x)
    x, y = x[order], y[order]
    units = np.maximum(0, x[:, None] - x[None, :-1])
    c = np.linalg.solve(np.column_stack([units, np.ones(len(x))]), y)
    return [np.ones((1, len(x) - 1)), -x[:-1], c[:-1, None], c[-1:]]
"""
        ),
    ),
    (
        "from right to left, lists out",
        "right",
        relu_through(
            """
    pairs = sorted(zip(x.tolist(), y.tolist()), reverse=True)
    b1, W2, before = [], [], 0.0
    for (a, fa), (b, fb) in zip(pairs, pairs[1:]):
        slope = (fb - fa) / (a - b)
        b1.append(a)
        W2.append([slope - before])
        before = slope
    return [[[-1.0] * len(b1)], b1, W2, [pairs[0][1]]]
"""
        ),
    ),
    (
        "scaled units, float32",
        "right",
        relu_through(
            """
    order = np.argsort(x)
    x, y = x[order], y[order]
    width = np.diff(x)
    v = np.diff(np.diff(y) / width, prepend=0) * width
    return [(1 / width)[None].astype("float32"), (-x[:-1] / width).astype("float32"),
            v[:, None].astype("float32"), y[:1].astype("float32")]
"""
        ),
    ),
    (
        "not sorted",
        "in any order the network misses",
        through("    order = np.argsort(x)\n    x, y = x[order], y[order]\n", ""),
    ),
    (
        "sorted downwards",
        "in any order the network misses|look from left|right of its corner",
        through("np.argsort(x)", "np.argsort(-x)"),
    ),
    (
        "the first piece left out",
        "a piece needs a unit",
        through("n = len(v)", "n = len(v) - 1", "-x[:-1], v.r", "-x[1:-1], v[1:].r"),
    ),
    (
        "two units, always",
        "a piece needs a unit",
        through("n = len(v)", "n = min(2, len(v))", "-x[:-1], v.r", "-x[:n], v[:n].r"),
    ),
    ("only x sorted", "its own x", through("x[order], y[order]", "x[order], y")),
    (
        "slopes, not their changes",
        "slopes add up",
        through("    v[1:] = slopes[1:] - slopes[:-1]\n", ""),
    ),
    ("the first height forgotten", "off by the same", through("y[0]", "0.0")),
    ("the last height", "off by the same", through("y[0]", "y[-1]")),
    ("corners at the wrong sign", "sign of b1", through("-x[:-1]", "x[:-1]")),
    ("corners at the right ends", "right of its corner", through("-x[:-1]", "-x[1:]")),
    ("differences, not slopes", "misses some", through(" / (x[1:] - x[:-1])", "")),
    (
        "slopes upside down",
        "misses some",
        through("(y[1:] - y[:-1]) / (x[1:] - x[:-1])", "(x[1:] - x[:-1]) / (y[1:] - y[:-1])"),
    ),
    (
        "changes of the wrong sign",
        "misses some",
        through("slopes[1:] - slopes[:-1]", "slopes[:-1] - slopes[1:]"),
    ),
    (
        "one unit too many",
        "at most 1 hidden units",
        relu_through(
            """
    order = np.argsort(x)
    x, y = x[order], y[order]
    v = np.append(np.diff(np.diff(y) / np.diff(x), prepend=0), 0)
    return [np.ones((1, len(x))), -x, v[:, None], y[:1]]
"""
        ),
    ),
    (
        "corners between the points",
        "misses some|not straight",
        relu_through(
            """
    order = np.argsort(x)
    x, y = x[order], y[order]
    k = np.append(x[0], (x[1:-1] + x[:-2]) / 2)
    units = np.maximum(0, x[:, None] - k)
    c = np.linalg.solve(np.column_stack([units, np.ones(len(x))]), y)
    return [np.ones((1, len(k))), -k, c[:-1, None], c[-1:]]
"""
        ),
    ),
    ("W1 as a row of numbers", "W1 has the shape", through("np.ones((1, n))", "np.ones(n)")),
    ("W2 lying down", "W2 has the shape", through("v.reshape(n, 1)", "v.reshape(1, n)")),
    ("b1 as a column", "b1 has one number", through("-x[:-1]", "-x[:-1, None]")),
    ("b2 as a number", "b2 is one finite number", through("np.array([y[0]])", "float(y[0])")),
    ("three arrays", "Four arrays", through(", np.array([y[0]])", "")),
    (
        "the function's values",
        "Four arrays",
        relu_through("    return np.interp(x, np.sort(x), y)"),
    ),
    (
        "a straight line through all",
        "misses some",
        relu_through(
            """
    a, b = np.polyfit(x, y, 1)
    return [[[1.0]], [-x.min()], [[a]], [b + a * x.min()]]
"""
        ),
    ),
    ("NaN", "NaN", through("v.reshape(n, 1)", "v.reshape(n, 1) * np.nan")),
    ("the return is missing", "Four arrays|returned None", through("return np.ones", "np.ones")),
    ("blank", "not yet", relu_through("    raise NotImplementedError")),
]

CASES = [
    (exercise, *case)
    for exercise, cases in {
        "activation": ACTIVATION,
        "forward_all": FORWARD_ALL,
        "count_parameters": COUNT_PARAMETERS,
        "relu_through": RELU_THROUGH,
    }.items()
    for case in cases
]
