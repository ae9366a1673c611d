"""What learners write for the lab of 11_transfer_learning; see `test_answers.py` for the form."""


def changer(name, arguments, body):
    """A function that returns the right answer with pieces replaced."""

    def changed(*pairs):
        new = body
        for old, by in zip(pairs[::2], pairs[1::2], strict=True):
            assert old in new, old
            new = new.replace(old, by)
        return f"def {name}({arguments}):\n" + new

    return changed


def freeze_below(body):
    return f"def freeze_below(model, k):\n{body}"


freeze_with = changer(
    "freeze_below",
    "model, k",
    """
    def walk(part):
        if isinstance(part, keras.Model):
            return [leaf for inner in part.layers for leaf in walk(inner)]
        return [part] if part.weights else []

    leaves = walk(model)
    model.trainable = True
    for i, leaf in enumerate(leaves):
        leaf.trainable = i >= len(leaves) - k
""",
)

FREEZE_BELOW = [
    ("recursion", "right", freeze_with()),
    (
        "a stack",
        "right",
        freeze_below(
            """
    stack, leaves = [model], []
    while stack:
        part = stack.pop()
        part.trainable = True
        if hasattr(part, "layers"):
            stack.extend(part.layers)
        elif part.count_params():
            leaves.append(part)
    for leaf in leaves[k:]:
        leaf.trainable = False
"""
        ),
    ),
    (
        "all layers below, with weights or without",
        "right",
        freeze_below(
            """
    def walk(model):
        for layer in model.layers:
            yield from walk(layer) if isinstance(layer, keras.Model) else [layer]
    model.trainable = False
    model.trainable = True
    left = k
    for layer in reversed(list(walk(model))):
        if left == 0:
            layer.trainable = False
        elif layer.weights:
            left -= 1
"""
        ),
    ),
    (
        "models frozen where nothing in them trains",
        "right",
        freeze_below(
            """
    def act(model, k):
        model.trainable = True
        for layer in reversed(model.layers):
            if isinstance(layer, keras.Model):
                k = act(layer, k)
            elif layer.weights:
                layer.trainable = k > 0
                k = max(k - 1, 0)
        if not any(layer.trainable and layer.weights for layer in model.layers):
            model.trainable = False
        return k
    act(model, k)
"""
        ),
    ),
    (
        "down the models by a while, the model returned",
        "right",
        freeze_below(
            """
    parts = [model]
    while any(isinstance(part, keras.Model) for part in parts):
        for part in parts:
            part.trainable = True
        parts = [p for part in parts for p in (getattr(part, "layers", None) or [part])]
    parts = [part for part in parts if len(part.weights) > 0]
    for i, part in enumerate(reversed(parts), start=1):
        part.trainable = i <= k
    return model
"""
        ),
    ),
    (
        "layers and their weights",
        "right",
        freeze_with(
            "leaf.trainable = i >= len(leaves) - k",
            "leaf.trainable = i >= len(leaves) - k\n"
            "        for weight in [*leaf.weights]:\n"
            "            if not weight.name.startswith('moving'):\n"
            "                weight.trainable = i >= len(leaves) - k",
        ),
    ),
    ("nothing done", "All layers train still", freeze_below("    return None")),
    ("the whole model frozen", "hides all its layers", freeze_below("    model.trainable = False")),
    (
        "frozen whole, then the last thawed",
        "hides all its layers",
        freeze_with(
            "model.trainable = True", "model.trainable = False", "i >= len(leaves) - k\n", "True\n"
        ),
    ),
    ("the wrong end", "The wrong end", freeze_with("i >= len(leaves) - k", "i < k")),
    (
        "turned round",
        "Turned round|wrong end",
        freeze_with("i >= len(leaves) - k", "i < len(leaves) - k"),
    ),
    (
        "the head frozen alone",
        "Turned round|Other layers",
        freeze_with("i >= len(leaves) - k", "i < len(leaves) - 1"),
    ),
    (
        "only the head",
        "too few|Other layers",
        freeze_with("i >= len(leaves) - k", "i >= len(leaves) - 1"),
    ),
    (
        "a model counts as one layer",
        "not one layer",
        freeze_below(
            """
    model.trainable = True
    leaves = [layer for layer in model.layers if layer.weights]
    for layer in leaves[: len(leaves) - k]:
        layer.trainable = False
"""
        ),
    ),
    (
        "one model deep",
        "Other layers|not one layer|too",
        freeze_below(
            """
    model.trainable = True
    leaves = []
    for layer in model.layers:
        leaves += layer.layers if isinstance(layer, keras.Model) else [layer]
    leaves = [layer for layer in leaves if layer.weights]
    for layer in leaves[: max(len(leaves) - k, 0)]:
        layer.trainable = False
"""
        ),
    ),
    (
        "layers without weights counted",
        "without weights",
        freeze_with("[part] if part.weights else []", "[part]"),
    ),
    (
        "minus k",
        "k = 0",
        freeze_with(
            "    model.trainable = True\n",
            "    for part in (model, *model.layers, *leaves):\n        part.trainable = True\n",
            "enumerate(leaves)",
            "enumerate(leaves[:-k])",
            "i >= len(leaves) - k",
            "False",
        ),
    ),
    (
        "only frozen, never thawed",
        "came frozen",
        freeze_with(
            "    model.trainable = True\n",
            "",
            "        leaf.trainable = i >= len(leaves) - k",
            "        if i < len(leaves) - k:\n            leaf.trainable = False",
        ),
    ),
    (
        "leaves thawed, not the models around them",
        "came frozen|hides all",
        freeze_with("    model.trainable = True\n", ""),
    ),
    (
        "weights frozen, not layers",
        "statistics",
        freeze_with(
            "leaf.trainable = i >= len(leaves) - k",
            "for weight in leaf.trainable_weights:\n"
            "            weight.trainable = i >= len(leaves) - k",
        ),
    ),
    (
        "BatchNormalization always awake",
        "Other layers|BatchNorm",
        freeze_with(
            "i >= len(leaves) - k",
            "i >= len(leaves) - k or isinstance(leaf, layers.BatchNormalization)",
        ),
    ),
    (
        "BatchNormalization always frozen",
        "like any other",
        freeze_with(
            "i >= len(leaves) - k",
            "i >= len(leaves) - k and not isinstance(leaf, layers.BatchNormalization)",
        ),
    ),
    (
        "BatchNormalization not counted",
        "so it counts",
        freeze_with(
            "    model.trainable = True\n",
            "    model.trainable = False\n    model.trainable = True\n"
            "    for leaf in leaves:\n        leaf.trainable = False\n"
            "    leaves = [l for l in leaves if not isinstance(l, layers.BatchNormalization)]\n",
        ),
    ),
    ("one too few", "too few", freeze_with("i >= len(leaves) - k", "i > len(leaves) - k")),
    (
        "one too many",
        "too many|k = 0",
        freeze_with("i >= len(leaves) - k", "i + 1 >= len(leaves) - k"),
    ),
    (
        "weights counted",
        "not weights",
        freeze_below(
            """
    weights = model.trainable_weights
    for i, weight in enumerate(weights):
        weight.trainable = i >= len(weights) - k
"""
        ),
    ),
    (
        "biases stay frozen",
        "Other layers",
        freeze_with(
            "leaf.trainable = i >= len(leaves) - k",
            "leaf.trainable = i >= len(leaves) - k\n"
            "        if isinstance(leaf, layers.Dense):\n"
            "            leaf.bias.trainable = False",
        ),
    ),
    (
        "a copy",
        "All layers train still",
        freeze_with(
            "    leaves = walk", "    model = keras.models.clone_model(model)\n    leaves = walk"
        ),
    ),
    ("no such attribute", "raised AttributeError", freeze_with("part.weights", "part.wieghts")),
    ("blank", "not yet", freeze_below("    raise NotImplementedError")),
]


def ridge_probe(body):
    return f"def ridge_probe(features, labels, classes, strength, new):\n{body}"


probe_with = changer(
    "ridge_probe",
    "features, labels, classes, strength, new",
    """
    mean = features.mean(axis=0)
    s = features.std(axis=0)
    s = np.where(s == 0, 1.0, s)
    z = (features - mean) / s
    t = (new - mean) / s
    y = np.eye(classes)[labels]
    b = y.mean(axis=0)
    target = y - b
    n, d = z.shape
    A = z.T @ z + strength * np.eye(d)
    W = np.linalg.solve(A, z.T @ target)
    return t @ W + b
""",
)

RIDGE_PROBE = [
    ("as written", "right", probe_with()),
    ("lists out", "right", probe_with("t @ W + b", "(t @ W + b).tolist()")),
    ("the targets not centred", "right", probe_with("target = y - b", "target = y")),
    (
        "float32",
        "right",
        probe_with(
            "    mean =",
            "    features, new = features.astype('float32'), new.astype('float32')\n    mean =",
            "target = y - b",
            "target = (y - b).astype('float32')",
            "np.eye(d)",
            "np.eye(d, dtype='float32')",
        ),
    ),
    (
        "scikit-learn",
        "right",
        ridge_probe(
            """
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler
    scaler = StandardScaler().fit(features)
    model = Ridge(alpha=strength).fit(scaler.transform(features), np.eye(classes)[labels])
    return model.predict(scaler.transform(new))
"""
        ),
    ),
    (
        "the kernel's side: n equations",
        "right",
        probe_with(
            "A = z.T @ z + strength * np.eye(d)",
            "A = z @ z.T + strength * np.eye(n)",
            "np.linalg.solve(A, z.T @ target)",
            "z.T @ np.linalg.solve(A, target)",
        ),
    ),
    (
        "rows added, least squares, constant features left out",
        "right",
        ridge_probe(
            """
    keep = features.std(0) > 0
    x, new = features[:, keep], new[:, keep]
    z, t = (x - x.mean(0)) / x.std(0), (new - x.mean(0)) / x.std(0)
    y = np.zeros((len(x), classes))
    for i, label in enumerate(labels):
        y[i, label] = 1
    more = np.sqrt(strength) * np.eye(z.shape[1])
    rows = np.vstack([np.hstack([z, np.ones((len(z), 1))]), np.hstack([more, 0 * more[:, :1]])])
    targets = np.vstack([y, np.zeros((z.shape[1], classes))])
    W = np.linalg.lstsq(rows, targets, rcond=None)[0]
    return t @ W[:-1] + W[-1]
"""
        ),
    ),
    (
        "a small number added to the deviation, singular values",
        "right",
        probe_with(
            "np.where(s == 0, 1.0, s)",
            "s + 1e-8",
            "W = np.linalg.solve(A, z.T @ target)",
            "U, S, V = np.linalg.svd(z, full_matrices=False)\n"
            "    W = V.T @ ((S / (S**2 + strength))[:, None] * (U.T @ target))",
        ),
    ),
    (
        "keras.ops",
        "right",
        ridge_probe(
            """
    x, new = (ops.convert_to_tensor(a, "float32") for a in (features, new))
    y = ops.one_hot(ops.convert_to_tensor(labels), classes, dtype="float32")
    mean, s = ops.mean(x, axis=0), ops.std(x, axis=0)
    s = ops.where(s < 1e-6, ops.ones_like(s), s)
    z, t, b = (x - mean) / s, (new - mean) / s, ops.mean(y, axis=0)
    zt = ops.transpose(z)
    W = ops.solve(ops.matmul(zt, z) + strength * ops.eye(z.shape[1]), ops.matmul(zt, y - b))
    return ops.matmul(t, W) + b
"""
        ),
    ),
    (
        "gradient descent to the end",
        "right",
        probe_with(
            "W = np.linalg.solve(A, z.T @ target)",
            "W, rate = np.zeros((d, classes)), 1 / np.linalg.eigvalsh(A)[-1]\n"
            "    for _ in range(2000):\n"
            "        W = W - rate * (A @ W - z.T @ target)",
        ),
    ),
    ("no guard", "deviation of 0", probe_with("s = np.where(s == 0, 1.0, s)\n", "\n")),
    ("no intercept", "intercept is missing", probe_with("@ W + b", "@ W")),
    (
        "intercept penalised",
        "drawn towards 0",
        probe_with(
            "    y = np",
            "    z, t = (np.c_[a, np.ones(len(a))] for a in (z, t))\n    y = np",
            "b = y.mean(axis=0)",
            "b = 0",
        ),
    ),
    (
        "no λ",
        "λ has no part",
        probe_with(
            "np.linalg.solve(A, z.T @ target)",
            "np.linalg.lstsq(z, target, rcond=None)[0]",
        ),
    ),
    (
        "no λ, singular",
        "λ has no part|Singular",
        probe_with("z.T @ z + strength * np.eye(d)", "z.T @ z"),
    ),
    ("new not standardised", "before W", probe_with("t = (new - mean) / s", "t = new")),
    (
        "new by its own statistics",
        "not their own",
        probe_with(
            "(new - mean) / s", "(new - new.mean(0)) / np.where(new.std(0) > 0, new.std(0), 1)"
        ),
    ),
    ("new not centred", "lose the mean", probe_with("(new - mean) / s", "new / s")),
    ("new not divided", "New examples are divided", probe_with("(new - mean) / s", "new - mean")),
    ("centred only", "not divided", probe_with("np.where(s == 0, 1.0, s)", "1.0")),
    (
        "nothing standardised",
        "Nothing is standardised",
        probe_with(
            "mean = features.mean(axis=0)",
            "mean = 0",
            "np.where(s == 0, 1.0, s)",
            "1.0",
            "b = y.mean(axis=0)",
            "b = 0",
        ),
    ),
    ("variance", "not by the variance", probe_with("1.0, s)", "1.0, s**2)")),
    ("divided by n - 1", "not by n - 1", probe_with("std(axis=0)", "std(axis=0, ddof=1)")),
    ("λ n", "not multiplied by n", probe_with("strength *", "n * strength *")),
    (
        "λ over n",
        "not divided by n",
        probe_with("z.T @ z +", "z.T @ z / n * n +", "strength *", "strength / n *"),
    ),
    ("λ squared", "not its square", probe_with("strength *", "strength**2 *")),
    ("root of λ", "not its root", probe_with("strength *", "strength**0.5 *")),
    ("2 λ", "factor of 2", probe_with("strength *", "2 * strength *")),
    ("λ / 2", "factor of 2", probe_with("strength *", "0.5 * strength *")),
    (
        "λ on all entries",
        "diagonal alone|Singular",
        probe_with(
            "np.linalg.solve(A, z.T @ target)",
            "np.linalg.pinv(A) @ z.T @ target",
            "strength * np.eye(d)",
            "strength",
        ),
    ),
    (
        "targets -1 and 1",
        "not -1 and 1",
        probe_with("np.eye(classes)[labels]", "2 * np.eye(classes)[labels] - 1"),
    ),
    (
        "probabilities",
        "not probabilities",
        probe_with(
            "return t @ W + b", "e = np.exp(t @ W + b)\n    return e / e.sum(1, keepdims=True)"
        ),
    ),
    ("classes out", "One score for each new", probe_with("t @ W + b", "(t @ W + b).argmax(1)")),
    (
        "one-hot out",
        "not only which",
        probe_with("t @ W + b", "np.eye(classes)[(t @ W + b).argmax(1)]"),
    ),
    (
        "only classes that occur",
        "One score for each new",
        probe_with(
            "np.eye(classes)[labels]", "np.stack([labels == c for c in np.unique(labels)], 1) * 1.0"
        ),
    ),
    (
        "off by one",
        "counted from 0",
        probe_with("np.eye(classes)[labels]", "np.eye(classes)[labels - classes + 1 - 0]"),
    ),
    (
        "the numbers as targets",
        "One score for each new|raised",
        probe_with("np.eye(classes)[labels]", "labels.astype(float)"),
    ),
    ("transposed", "transposed", probe_with("t @ W + b", "(t @ W + b).T")),
    ("scores of training", "One score for each new", probe_with("t @ W + b", "z @ W + b")),
    ("W and b", "ragged|One score|expected", probe_with("t @ W + b", "W, b")),
    (
        "one deviation for all",
        "Some scores differ",
        probe_with("features.std(axis=0)", "features.std() * np.ones(features.shape[1])"),
    ),
    ("NaN", "NaN", probe_with("t @ W + b", "t @ W * np.nan")),
    ("nothing", "returned None", ridge_probe("    pass")),
    ("blank", "not yet", ridge_probe("    raise NotImplementedError")),
]


def layerwise_step(body):
    arguments = "arrays, gradients, velocities, layer, rate, decay, momentum, frozen"
    return f"def layerwise_step({arguments}):\n{body}"


step_with = changer(
    "layerwise_step",
    "arrays, gradients, velocities, layer, rate, decay, momentum, frozen",
    """
    new_arrays, new_velocities = [], []
    L = max(layer) + 1
    for i in range(len(arrays)):
        w, g, v, l = arrays[i], gradients[i], velocities[i], layer[i]
        if l < frozen:
            new_arrays.append(w)
            new_velocities.append(v)
            continue
        eta = rate * decay ** (L - 1 - l)
        new = momentum * v - eta * g
        new_arrays.append(w + new)
        new_velocities.append(new)
    return new_arrays, new_velocities
""",
)

LAYERWISE_STEP = [
    ("as written", "right", step_with()),
    (
        "lists out",
        "right",
        step_with(
            "return new_arrays, new_velocities",
            "return [[a.tolist() for a in part] for part in (new_arrays, new_velocities)]",
        ),
    ),
    (
        "float32",
        "right",
        step_with("w, g, v, l =", "w, g, v, l = ", "w + new", "(w + new).astype('float32')"),
    ),
    (
        "Keras's SGD, layer by layer",
        "right",
        layerwise_step(
            """
    after, moved = [], []
    for w, g, v, l in zip(arrays, gradients, velocities, layer):
        eta = float(rate * decay ** (max(layer) - l))
        variable = keras.Variable(w.astype("float32"))
        optimizer = keras.optimizers.SGD(eta, momentum=momentum)
        optimizer.build([variable])
        state = optimizer.momentums[0]
        state.assign(v.astype("float32"))
        if l >= frozen:
            optimizer.apply([ops.convert_to_tensor(g.astype("float32"))], [variable])
        after.append(ops.convert_to_numpy(variable))
        moved.append(ops.convert_to_numpy(state))
    return after, moved
"""
        ),
    ),
    (
        "rates by repeated multiplication, masks",
        "right",
        layerwise_step(
            """
    rates, eta = {}, rate
    for l in sorted(set(layer.tolist()), reverse=True):
        rates[l] = eta
        eta *= decay
    awake = [float(l >= frozen) for l in layer]
    v2 = [
        a * (momentum * v - rates[int(l)] * g) + (1 - a) * v
        for a, v, g, l in zip(awake, velocities, gradients, layer)
    ]
    return tuple(w + a * v for w, a, v in zip(arrays, awake, v2)), tuple(v2)
"""
        ),
    ),
    (
        "keras.ops",
        "right",
        step_with(
            "new = momentum * v - eta * g",
            "v, g, w = (ops.convert_to_tensor(a, 'float32') for a in (v, g, w))\n"
            "        new = ops.subtract(momentum * v, float(eta) * g)",
        ),
    ),
    (
        "in place",
        "right",
        step_with("new_arrays.append(w + new)", "w += new\n        new_arrays.append(w)"),
    ),
    (
        "velocities first",
        "came first",
        step_with("return new_arrays, new_velocities", "return new_velocities, new_arrays"),
    ),
    ("nothing moved", "Nothing moved", layerwise_step("    return arrays, velocities")),
    ("slow head", "wrong end is slow", step_with("L - 1 - l", "l")),
    ("slowed once too often", "once too often", step_with("L - 1 - l", "L - l")),
    ("off by one", "off by one|full rate", step_with("L - 1 - l", "L - 2 - l")),
    ("by place", "place in the list", step_with("L - 1 - l)", "len(arrays) - 1 - i)")),
    ("arrays counted", "not of arrays", step_with("L = max(layer) + 1", "L = len(arrays)")),
    ("one rate", "no part", step_with("rate * decay ** (L - 1 - l)", "rate")),
    ("divided", "not divide", step_with("rate * decay", "rate / decay")),
    (
        "no power",
        "is a power",
        step_with("rate * decay ** (L - 1 - l)", "rate * decay if l < L - 1 else rate"),
    ),
    ("times, not power", "is a power", step_with("decay ** (L", "decay * (L")),
    ("power of both", "not η", step_with("rate * decay ** (L", "(rate * decay) ** (L")),
    (
        "counted from the lowest that trains",
        "from the head|wrong end",
        step_with("L - 1 - l)", "l - frozen)"),
    ),
    (
        "rate 0 for frozen layers",
        "old velocity",
        step_with("if l < frozen:", "if False:", "eta = rate *", "eta = (l >= frozen) * rate *"),
    ),
    (
        "gradient 0 for frozen layers",
        "old velocity",
        step_with("if l < frozen:", "if False:", "- eta * g", "- eta * g * (l >= frozen)"),
    ),
    ("frozen forgotten", "may not move", step_with("if l < frozen:", "if False:")),
    ("the top frozen", "wrong end is frozen", step_with("l < frozen", "l >= L - frozen")),
    ("one frozen too many", "too many", step_with("l < frozen", "l <= frozen")),
    ("one frozen too few", "too few|may not move", step_with("l < frozen", "l < frozen - 1")),
    ("frozen by place", "not arrays", step_with("if l < frozen", "if i < frozen")),
    (
        "frozen velocity zero",
        "becomes 0",
        step_with("velocities.append(v)", "velocities.append(0 * v)"),
    ),
    (
        "frozen velocity fades",
        "fades",
        step_with("velocities.append(v)", "velocities.append(momentum * v)"),
    ),
    (
        "frozen velocity gathers",
        "gathers gradients",
        step_with(
            "velocities.append(v)",
            "velocities.append(momentum * v - rate * decay ** (L - 1 - l) * g)",
        ),
    ),
    (
        "frozen left out",
        "are a list of",
        step_with("            new_arrays.append(w)\n            new_velocities.append(v)\n", ""),
    ),
    ("uphill", "Uphill", step_with("v - eta", "v + eta")),
    ("velocity subtracted", "sign already", step_with("w + new", "w - new")),
    (
        "as in PyTorch",
        "inside the velocity",
        step_with("v - eta * g", "v + g", "w + new", "w - eta * new"),
    ),
    ("no momentum", "μ has no part", step_with("momentum * v - eta", "-eta")),
    (
        "no momentum, old velocity kept",
        "μ has no part",
        step_with("momentum * v - eta", "-eta", "velocities.append(new)", "velocities.append(v)"),
    ),
    ("μ forgotten", "μ multiplies", step_with("momentum * v", "v")),
    ("weighed mean", "1 - μ", step_with("- eta", "- (1 - momentum) * eta")),
    ("old velocity", "not by the old", step_with("w + new", "w + v")),
    ("Nesterov", "Nesterov", step_with("w + new", "w + momentum * new - eta * g")),
    (
        "all slowed",
        "gathered before",
        step_with("new = momentum * v - eta * g", "new = eta / rate * (momentum * v - rate * g)"),
    ),
    (
        "old velocities returned",
        "the old ones",
        step_with("velocities.append(new)", "velocities.append(v)"),
    ),
    ("weights unmoved", "did not move", step_with("append(w + new)", "append(w)")),
    ("one list", "two lists", step_with("return new_arrays, new_velocities", "return new_arrays")),
    ("numbers", "list of", step_with("return new_arrays, new_velocities", "return 1.0, 2.0")),
    ("flattened", "another shape", step_with("append(w + new)", "append((w + new).ravel())")),
    ("NaN", "NaN", step_with("w + new", "w + new * np.nan")),
    ("nothing", "Nothing came back", layerwise_step("    pass")),
    ("blank", "not yet", layerwise_step("    raise NotImplementedError")),
]


lora_with = changer(
    "add_lora",
    "dense, rank, alpha",
    """
    dense.trainable = False

    class Adapter(layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.dense = dense

        def build(self, shape):
            k = dense.kernel.shape[-1]
            first, second = "glorot_normal", "zeros"
            self.A = self.add_weight(shape=(shape[-1], rank), initializer=first, name="A")
            self.B = self.add_weight(shape=(rank, k), initializer=second, name="B")
            self.scale = alpha / rank

        def call(self, x):
            return self.dense(x) + self.scale * (x @ self.A @ self.B)

        def merged(self):
            return self.dense.kernel + self.scale * (self.A @ self.B)

    return Adapter()
""",
)


def add_lora(body):
    return f"def add_lora(dense, rank, alpha):\n{body}"


COPY = """
    class Lora(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            W = np.array(dense.kernel)
            new = self.add_weight
            self.W = new(shape=W.shape, trainable=False, name="W")
            self.W.assign(W)
            self.b = None
            if dense.bias is not None:
                self.b = new(shape=(W.shape[1],), trainable=False, name="b")
                self.b.assign(np.array(dense.bias))
            start = keras.initializers.RandomNormal(stddev=0.05)
            self.A = new(shape=(W.shape[0], rank), initializer=start)
            self.B = new(shape=(rank, W.shape[1]), initializer="zeros")

        def merged(self):
            return self.W + alpha / rank * ops.matmul(self.A, self.B)

        def call(self, x):
            y = ops.matmul(x, self.merged())
            return y if self.b is None else y + self.b

    return Lora()
"""

ADD_LORA = [
    ("weights made in build", "right", lora_with()),
    ("W and b copied, one matrix", "right", add_lora(COPY)),
    (
        "constants outside, list out",
        "right",
        add_lora(
            """
    W = ops.convert_to_numpy(dense.kernel)
    b = 0.0 if dense.bias is None else ops.convert_to_numpy(dense.bias)

    class Lora(layers.Layer):
        def __init__(self):
            super().__init__()
            draw = np.random.default_rng().normal(size=(W.shape[0], rank)) * 0.02
            self.A = keras.Variable(draw.astype("float32"))
            self.B = keras.Variable(np.zeros((rank, W.shape[1]), "float32"))

        def call(self, x):
            low = ops.einsum("...d,dr->...r", x, self.A)
            return ops.matmul(x, W) + b + ops.einsum("...r,rk->...k", low, self.B) * (alpha / rank)

        def merged(self):
            A, B = ops.convert_to_numpy(self.A), ops.convert_to_numpy(self.B)
            return (W + alpha / rank * A @ B).tolist()

    return Lora()
"""
        ),
    ),
    (
        "Keras's own",
        "enable_lora is Keras's own LoRA: write the correction yourself",
        add_lora(
            """
    dense.enable_lora(rank, lora_alpha=alpha)
    if dense.bias is not None:
        dense.bias.trainable = False

    class Lora(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = dense
            self.A, self.B = dense.lora_kernel_a, dense.lora_kernel_b

        def call(self, x):
            return self.dense(x)

        def merged(self):
            return dense.kernel

    return Lora()
"""
        ),
    ),
    (
        "two bias-free Dense layers inside",
        "right",
        add_lora(
            """
    dense.trainable = False

    class Lora(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = dense
            self.down = layers.Dense(rank, use_bias=False)
            self.up = layers.Dense(dense.units, use_bias=False, kernel_initializer="zeros")
            self.down.build((None, dense.kernel.shape[0]))
            self.up.build((None, rank))
            self.factor = alpha / rank

        @property
        def A(self):
            return self.down.kernel

        @property
        def B(self):
            return self.up.kernel

        def call(self, x):
            return self.dense(x) + self.factor * self.up(self.down(x))

        def merged(self):
            return dense.kernel + self.factor * ops.dot(self.A.value, self.B.value)

    return Lora()
"""
        ),
    ),
    ("W trains", "W trains still", lora_with("    dense.trainable = False\n", "")),
    (
        "bias trains",
        "bias trains still",
        lora_with("    dense.trainable = False\n", "    dense.kernel.trainable = False\n"),
    ),
    (
        "all frozen",
        "Nothing trains",
        lora_with(
            "    return Adapter()",
            "    layer = Adapter()\n    layer.trainable = False\n    return layer",
        ),
    ),
    (
        "A frozen",
        "Exactly A and B",
        lora_with('initializer=first, name="A"', 'initializer=first, name="A", trainable=False'),
    ),
    (
        "a weight more",
        "Exactly A and B",
        lora_with(
            "self.scale = alpha / rank",
            "self.scale = self.add_weight(shape=(), initializer='ones')\n"
            "            self.scale.assign(alpha / rank)",
        ),
    ),
    ("both zero", "both zero", lora_with('"glorot_normal"', '"zeros"')),
    (
        "turned round",
        "Turned round",
        lora_with('"glorot_normal", "zeros"', '"zeros", "glorot_normal"'),
    ),
    ("both random", "B does not start at zero", lora_with('"zeros"', '"glorot_normal"')),
    ("A of ones", "not random", lora_with('"glorot_normal"', '"ones"')),
    (
        "A always the same",
        "same numbers each time",
        lora_with('"glorot_normal"', "keras.initializers.GlorotNormal(seed=1)"),
    ),
    (
        "A transposed",
        "A has the shape",
        lora_with(
            "shape=(shape[-1], rank)",
            "shape=(rank, shape[-1])",
            "x @ self.A",
            "x @ ops.transpose(self.A)",
        ),
    ),
    (
        "B transposed",
        "B has the shape",
        lora_with("shape=(rank, k)", "shape=(k, rank)", "@ self.B", "@ ops.transpose(self.B)"),
    ),
    ("other names", "no weight called A", lora_with("self.A", "self.first")),
    ("B of another name", "no weight called B", lora_with("self.B", "self.up")),
    (
        "A an array",
        "no weight called A",
        lora_with(
            'self.A = self.add_weight(shape=(shape[-1], rank), initializer=first, name="A")',
            "self.A = np.random.normal(size=(shape[-1], rank)).astype('float32')",
        ),
    ),
    ("no Dense", "own answer is missing", lora_with("self.dense(x) + ", "")),
    ("no bias", "bias is missing", lora_with("self.dense(x) +", "x @ self.dense.kernel +")),
    (
        "bias twice",
        "added twice",
        lora_with(
            "return self.dense(x) +",
            "return self.dense(x) + (0 if dense.bias is None else dense.bias) +",
        ),
    ),
    ("no correction", "have no part", lora_with(" + self.scale * (x @ self.A @ self.B)", "")),
    ("no scale", "α / r is missing", lora_with("alpha / rank", "1.0")),
    ("α alone", "Divide by the rank", lora_with("alpha / rank", "alpha")),
    ("1 / r", "α is missing", lora_with("alpha / rank", "1 / rank")),
    ("α r", "not multiplied", lora_with("alpha / rank", "alpha * rank")),
    ("r / α", "turned round", lora_with("alpha / rank", "rank / alpha")),
    ("root of r", "root of r", lora_with("alpha / rank", "alpha / rank**0.5")),
    (
        "scaled twice",
        "yours is squared",
        lora_with("(x @ self.A @ self.B)", "(x @ (self.scale * self.A) @ self.B)"),
    ),
    ("subtracted", "not subtracted", lora_with("self.dense(x) + self", "self.dense(x) - self")),
    (
        "an activation between",
        "differs from Keras",
        lora_with("x @ self.A @ self.B", "ops.relu(x @ self.A) @ self.B"),
    ),
    ("merged without W", "correction alone", lora_with("self.dense.kernel + self", "self")),
    (
        "merged without scale",
        r"merged\(\): α / r is missing",
        lora_with("self.scale * (self.A", "1.0 * (self.A"),
    ),
    ("merged by α", r"merged\(\): Divide", lora_with("self.scale * (self.A", "alpha * (self.A")),
    ("A B alone", "A B alone", lora_with("self.dense.kernel + self.scale * (self.A", "(self.A")),
    ("W alone", "W alone", lora_with(" + self.scale * (self.A @ self.B)", "")),
    (
        "merged with b",
        "no part of the merged",
        lora_with(
            "return self.dense.kernel +",
            "return (0 if dense.bias is None else dense.bias) + self.dense.kernel +",
        ),
    ),
    (
        "merged transposed",
        "transposed",
        lora_with(
            "return self.dense.kernel + self.scale * (self.A @ self.B)",
            "return ops.transpose(self.dense.kernel + self.scale * (self.A @ self.B))",
        ),
    ),
    (
        "merged adds to W for good",
        "after|After|merged|own and|gradient|differ",
        lora_with(
            "return self.dense.kernel + self.scale * (self.A @ self.B)",
            "self.dense.kernel.assign_add(self.scale * (self.A @ self.B))\n"
            "            return self.dense.kernel",
        ),
    ),
    (
        "merged returns nothing",
        "returns nothing",
        lora_with("return self.dense.kernel", "self.dense.kernel"),
    ),
    (
        "NumPy in call",
        "raised (NotImplementedError|TracerArrayConversionError)",
        lora_with(
            "self.scale * (x @ self.A @ self.B)", "self.scale * np.asarray(x) @ self.A @ self.B"
        ),
    ),
    ("no merged", "raised AttributeError", lora_with("def merged", "def merge")),
    (
        "A gets no gradient",
        "did not move A",
        lora_with("x @ self.A @ self.B", "ops.stop_gradient(x @ self.A) @ self.B"),
    ),
    (
        "the class, not an instance",
        "type type|not an instance|instance",
        lora_with("Adapter()\n", "Adapter\n"),
    ),
    ("a function", "of type function", lora_with("return Adapter()", "return lambda x: dense(x)")),
    (
        "the Dense layer itself",
        "Nothing trains|no weight called A",
        lora_with("return Adapter()", "return dense"),
    ),
    ("nothing", "NoneType", lora_with("return Adapter()", "Adapter()")),
    ("NaN", "NaN", lora_with("alpha / rank", "alpha / rank * np.nan")),
    ("blank", "not yet", add_lora("    raise NotImplementedError")),
    (
        "blank inside the layer",
        "not yet",
        lora_with(
            "return self.dense(x) + self.scale * (x @ self.A @ self.B)", "raise NotImplementedError"
        ),
    ),
]

CASES = [
    (exercise, *case)
    for exercise, cases in {
        "freeze_below": FREEZE_BELOW,
        "ridge_probe": RIDGE_PROBE,
        "layerwise_step": LAYERWISE_STEP,
        "add_lora": ADD_LORA,
    }.items()
    for case in cases
]
