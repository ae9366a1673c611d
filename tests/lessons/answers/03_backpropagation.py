"""What learners write for the lab of 03_backpropagation; see `test_answers.py` for the form."""


def variants(head, body):
    """A function that makes answers from a right one, with parts of it replaced."""

    def make(*changes):
        changed = body
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in changed, old
            changed = changed.replace(old, new)
        return head + changed

    return make


OPERATION = "def operation(name, inputs):"
IFS = """
    x = inputs[0]
    y = inputs[1] if len(inputs) == 2 else None
    if name == "subtract":
        return x - y, [1.0, -1.0]
    if name == "divide":
        return x / y, [1.0 / y, -x / (y * y)]
    if name == "power":
        return x**y, [y * x ** (y - 1.0), math.log(x) * x**y]
    if name == "maximum":
        return (x, [1.0, 0.0]) if x > y else (y, [0.0, 1.0])
    if name == "sqrt":
        return x**0.5, [0.5 * x**-0.5]
    if x >= 0:
        p = 1 / (1 + math.exp(-x))
    else:
        p = math.exp(x) / (1 + math.exp(x))
    if name == "sigmoid":
        return p, [p * (1 - p)]
    return max(x, 0) + math.log1p(math.exp(-abs(x))), [p]
"""
ifs = variants(OPERATION, IFS)

OPERATIONS = [
    ("a row of ifs", "right", ifs()),
    (
        "float32 arrays out",
        "right",
        """
def operation(name, inputs):
    value, slopes = ifs(name, [float(x) for x in inputs])
    return np.float32(value), np.float32(slopes)


def ifs(name, inputs):"""
        + IFS,
    ),
    (
        "complex steps",
        "right",
        """
FUNCTIONS = {
    "subtract": lambda x, y: x - y,
    "divide": lambda x, y: x / y,
    "power": lambda x, y: x**y,
    "maximum": lambda x, y: x if x.real > y.real else y,
    "sqrt": np.sqrt,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)) if x.real > 0 else np.exp(x) / (1 + np.exp(x)),
    "softplus": lambda x: x * (x.real > 0) + np.log(1 + np.exp(-x if x.real > 0 else x)),
}


def operation(name, inputs):
    f, slopes = FUNCTIONS[name], []
    for i in range(len(inputs)):
        moved = [complex(x, 1e-20 * (i == j)) for j, x in enumerate(inputs)]
        slopes.append(f(*moved).imag / 1e-20)
    return float(f(*[complex(x) for x in inputs]).real), tuple(slopes)
""",
    ),
    (
        "the backend's own gradients",
        "right",
        """
def operation(name, inputs):
    f = getattr(ops, name)
    return autodiff.value_and_grad(lambda *xs: f(*xs), tuple(range(len(inputs))))(*inputs)
""",
    ),
    ("subtract adds its slopes", "subtract.*rise or fall", ifs("[1.0, -1.0]", "[1.0, 1.0]")),
    ("subtract the wrong way round", "subtract.*value is wrong", ifs("x - y,", "y - x,")),
    ("divide without the sign", "divide.*slopes are wrong", ifs("-x / (y * y)", "x / (y * y)")),
    (
        "divide with the size of x",
        "divide.*slopes are wrong",
        ifs("-x / (y * y)", "-abs(x) / (y * y)"),
    ),
    ("divide without the square", "divide.*slopes are wrong", ifs("-x / (y * y)", "-x / y")),
    (
        "divide, slopes swapped",
        "divide.*slopes are wrong",
        ifs("[1.0 / y, -x / (y * y)]", "[-x / (y * y), 1.0 / y]"),
    ),
    ("power without the logarithm", "power.*exponent as fixed", ifs("math.log(x) * x**y", "x**y")),
    ("power, exponent not lowered", "power.*slopes are wrong", ifs("(y - 1.0)", "y")),
    (
        "power, one slope only",
        "power.*one finite slope for each input",
        ifs(", math.log(x) * x**y]", "]"),
    ),
    ("maximum moves both", "maximum.*only the larger", ifs("[1.0, 0.0]", "[1.0, 1.0]")),
    ("maximum blames the smaller", "maximum.*only the larger", ifs("[1.0, 0.0]", "[0.0, 1.0]")),
    ("maximum as a minimum", "maximum.*value is wrong", ifs("if x > y", "if x < y")),
    ("the root's slope without one half", "sqrt.*power", ifs("0.5 * x**-0.5", "x**-0.5")),
    ("the sigmoid's slope by p alone", "sigmoid.*steepest at 0", ifs("[p * (1 - p)]", "[p]")),
    (
        "the sigmoid overflows",
        "raised OverflowError.*your line",
        ifs("if x >= 0:", "if True:"),
    ),
    (
        "softplus overflows to infinity",
        "softplus.*did exp overflow",
        ifs("max(x, 0) + math.log1p(math.exp(-abs(x)))", "np.log(1 + np.exp(x))"),
    ),
    (
        "softplus cut short",
        "softplus.*value is wrong",
        ifs("return max(x, 0) + math", "return x if x > 5 else max(x, 0) + math"),
    ),
    (
        "softplus, slope of the sigmoid's slope",
        "softplus.*one to one",
        ifs("[p]\n", "[p * (1 - p)]\n"),
    ),
    ("a number in place of a list", "list with one slope", ifs("[0.5 * x**-0.5]", "0.5 * x**-0.5")),
    ("only the value", "return the value, and a list", ifs("x - y, [1.0, -1.0]", "x - y")),
    (
        "nothing for some",
        "return the value, and a list",
        ifs(
            'if name == "sqrt":',
            'if name == "root":',
            "    return max(x, 0) + math.log1p(math.exp(-abs(x))), [p]",
            "    if name == 'softplus':\n        return np.logaddexp(0, x), [p]",
        ),
    ),
    ("blank", "not yet", OPERATION + "\n    raise NotImplementedError"),
]


BACKWARD = "def backward(parents, slopes, output):"
DEPTH_FIRST = """
    order, seen, stack = [], set(), [(output, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            for p in parents[node]:
                stack.append((p, False))
    blame = [0.0] * len(parents)
    blame[output] = 1.0
    for node in reversed(order):
        for p, s in zip(parents[node], slopes[node]):
            blame[p] += s * blame[node]
    return blame
"""
depth_first = variants(BACKWARD, DEPTH_FIRST)
RECURSIVE = """
    order, seen = [], set()

    def visit(node):
        if node in seen:
            return
        seen.add(node)
        for p in parents[node]:
            visit(p)
        order.append(node)

    visit(output)
    blame = np.zeros(len(parents))
    blame[output] = 1
    for node in order[::-1]:
        for p, s in zip(parents[node], slopes[node]):
            blame[p] += s * blame[node]
    return blame
"""

BACKWARDS = [
    ("depth first with a stack", "right", depth_first()),
    ("float32", "right", depth_first("return blame", "return np.float32(blame)")),
    (
        "recursion with a higher limit",
        "right",
        BACKWARD
        + "\n    before = sys.getrecursionlimit()\n    sys.setrecursionlimit(100_000)"
        + RECURSIVE.replace(
            "    return blame", "    sys.setrecursionlimit(before)\n    return blame"
        ),
    ),
    (
        "levels: the longest way from the output",
        "right",
        BACKWARD
        + """
    depth, layer = {}, {output}
    level = 0
    while layer:
        for node in layer:
            depth[node] = level
        layer, level = {p for node in layer for p in parents[node]}, level + 1
    blame = np.zeros(len(parents))
    blame[output] = 1
    for node in sorted(depth, key=depth.get):
        for p, s in zip(parents[node], slopes[node]):
            blame[p] += s * blame[node]
    return blame
""",
    ),
    (
        "graphlib",
        "right",
        BACKWARD
        + """
    from graphlib import TopologicalSorter

    order = list(TopologicalSorter(dict(enumerate(parents))).static_order())
    blame = [0.0 for _ in parents]
    blame[output] = 1.0
    for node in order[::-1]:
        for p, s in zip(parents[node], slopes[node]):
            blame[p] += s * blame[node]
    return blame
""",
    ),
    (
        "sweeps until nothing changes, as a linear system",
        "right",
        BACKWARD
        + """
    from scipy import sparse
    from scipy.sparse.linalg import spsolve

    n = len(parents)
    rows = [p for each in parents for p in each]
    columns = [i for i, each in enumerate(parents) for _ in each]
    S = sparse.csc_matrix(([s for each in slopes for s in each], (rows, columns)), (n, n))
    return spsolve(sparse.identity(n, format="csc") - S, np.eye(1, n, output)[0])
""",
    ),
    (
        "waits for what leads nowhere",
        "what was made beside it never reports",
        BACKWARD
        + """
    waits = [0] * len(parents)
    for each in parents:
        for p in each:
            waits[p] += 1
    blame, ready = [0.0] * len(parents), [i for i in [output] if True]
    blame[output] = 1.0
    while ready:
        node = ready.pop()
        for p, s in zip(parents[node], slopes[node]):
            blame[p] += s * blame[node]
            waits[p] -= 1
            if waits[p] == 0:
                ready.append(p)
    return blame
""",
    ),
    ("recursion", "raised RecursionError.*your line", BACKWARD + RECURSIVE),
    (
        "overwrites",
        "used twice is blamed twice: add",
        depth_first("blame[p] += s * blame[node]", "blame[p] = s * blame[node]"),
    ),
    (
        "a set of parents",
        "used twice is blamed twice: add",
        depth_first(
            "zip(parents[node], slopes[node])", "dict(zip(parents[node], slopes[node])).items()"
        ),
    ),
    (
        "overwrites unless it is the same parent",
        "Two paths lead to one node: add",
        depth_first(
            "        for p, s in zip(parents[node], slopes[node]):\n"
            "            blame[p] += s * blame[node]",
            "        for p in set(parents[node]):\n            blame[p] = blame[node] * sum("
            "s for q, s in zip(parents[node], slopes[node]) if q == p)",
        ),
    ),
    (
        "in the order of the list",
        "numbered in another order",
        BACKWARD
        + """
    blame = [0.0] * len(parents)
    blame[output] = 1.0
    for node in reversed(range(len(parents))):
        for p, s in zip(parents[node], slopes[node]):
            blame[p] += s * blame[node]
    return blame
""",
    ),
    (
        "breadth first, each node once",
        "before all that was made from it had reported",
        BACKWARD
        + """
    blame = [0.0] * len(parents)
    blame[output] = 1.0
    seen, queue = {output}, [output]
    while queue:
        node = queue.pop(0)
        for p, s in zip(parents[node], slopes[node]):
            blame[p] += s * blame[node]
            if p not in seen:
                seen.add(p)
                queue.append(p)
    return blame
""",
    ),
    (
        "depth first, but before its children",
        "before all that was made from it had reported",
        depth_first(
            "            stack.append((node, True))\n", "            order.insert(0, node)\n"
        ),
    ),
    (
        "walks every path",
        "you walk every path",
        BACKWARD
        + """
    blame = [0.0] * len(parents)
    stack = [(output, 1.0)]
    while stack:
        node, arriving = stack.pop()
        blame[node] += arriving
        for p, s in zip(parents[node], slopes[node]):
            stack.append((p, arriving * s))
    return blame
""",
    ),
    (
        "begins with 0",
        "begin with 1 at the output",
        depth_first("blame[output] = 1.0", "blame[output] = 0.0"),
    ),
    (
        "1 everywhere",
        "begin with 1 at the output",
        depth_first("[0.0] * len(parents)", "[1.0] * len(parents)"),
    ),
    (
        "slopes added along the path",
        "multiply the slopes",
        depth_first("+= s * blame[node]", "+= s + blame[node]"),
    ),
    (
        "the last node is taken for the output",
        "has no influence",
        BACKWARD + "\n    output = len(parents) - 1" + DEPTH_FIRST,
    ),
    (
        "only the inputs",
        "one number for each node",
        depth_first("return blame", "return [b for b, p in zip(blame, parents) if not p]"),
    ),
    (
        "a dict",
        "Numbers are expected",
        depth_first("return blame", "return {str(i): b for i, b in enumerate(blame)}"),
    ),
    ("the return is missing", "returned None", depth_first("return blame", "blame")),
    ("blank", "not yet", BACKWARD + "\n    raise NotImplementedError"),
]


CROSS_ENTROPY = "def cross_entropy(logits, labels):"
LOOPS = """
    loss, slopes, count = 0.0, np.zeros(logits.shape), 0
    for i, (z, y) in enumerate(zip(logits.astype("float64"), labels)):
        if y < 0:
            continue
        e = np.exp(z - z.max())
        p = e / e.sum()
        loss += np.log(e.sum()) - (z[y] - z.max())
        slopes[i] = p
        slopes[i, y] -= 1
        count += 1
    return loss / count, slopes / count
"""
BATCH = """
    z = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    known = (labels >= 0).astype(float)
    target = np.eye(logits.shape[1])[np.maximum(labels, 0)]
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss = -(known[:, None] * target * log_p).sum() / known.sum()
    return loss, known[:, None] * (p - target) / known.sum()
"""
loops, batch = variants(CROSS_ENTROPY, LOOPS), variants(CROSS_ENTROPY, BATCH)

CROSS_ENTROPIES = [
    ("loops", "right", loops()),
    ("all at once", "right", batch()),
    (
        "float32, lists out",
        "right",
        batch(
            "return loss, known[:, None]",
            "return np.float32(loss), np.float32(known)[:, None]",
            "/ known.sum()\n",
            "/ known.sum()\n",
            "(p - target) / known.sum()",
            "(p - target) / known.sum()",
        ),
    ),
    (
        "Keras and its backend",
        "right",
        CROSS_ENTROPY
        + """
    entropy = keras.losses.SparseCategoricalCrossentropy
    loss_of = entropy(from_logits=True, ignore_class=-1, reduction=None)
    count = (labels >= 0).sum()
    return autodiff.value_and_grad(lambda z: ops.sum(loss_of(labels, z)) / float(count))(logits)
""",
    ),
    (
        "SciPy on the rows with a label",
        "right",
        CROSS_ENTROPY
        + """
    rows = np.flatnonzero(labels >= 0)
    y, slopes = labels[rows], np.zeros_like(logits)
    slopes[rows] = special.softmax(logits[rows], 1)
    slopes[rows, y] -= 1
    loss = np.mean(special.logsumexp(logits[rows], 1) - logits[rows, y])
    return [float(loss), (slopes / len(rows)).tolist()]
""",
    ),
    ("the wrong sign", "wrong sign", loops("slopes / count", "-slopes / count")),
    ("slopes of a sum", "you have those of a sum", loops(", slopes / count", ", slopes")),
    ("loss of a sum", "mean, not a sum", loops("loss / count", "loss")),
    (
        "label not subtracted",
        "what is subtracted for the label",
        loops("slopes[i, y] -= 1", "pass"),
    ),
    (
        "the slope of softmax",
        "slope of softmax alone",
        batch("* (p - target)", "* (p * (1 - p))"),
    ),
    (
        "softmax over the batch",
        "softmax runs along the classes",
        batch("(p - target)", "(special.softmax(logits, 0) - target)"),
    ),
    (
        "softmax over the batch, in the loss too",
        "softmax runs along the classes",
        batch("axis=1", "axis=0"),
    ),
    (
        "squared error",
        "loss is wrong",
        batch(
            "loss = -(known[:, None] * target * log_p).sum()", "loss = ((p - target) ** 2).sum()"
        ),
    ),
    ("the sign of the loss", "loss is wrong", batch("loss = -(", "loss = (")),
    (
        "-1 as the last class",
        "-1 is not the last class",
        CROSS_ENTROPY + "\n    labels = labels % logits.shape[1]" + BATCH,
    ),
    (
        "divided by all",
        "you divided by all examples",
        batch("known.sum()", "len(labels)"),
    ),
    (
        "slopes divided by all",
        "divide by what",
        batch("(p - target) / known.sum()", "(p - target) / len(labels)"),
    ),
    (
        "no label, still a slope",
        "all its slopes are 0",
        batch("return loss, known[:, None] *", "return loss, 1 *"),
    ),
    (
        "no label, only the probabilities",
        "all its slopes are 0",
        batch(
            "return loss, known[:, None] * (p - target)",
            "return loss, (p - known[:, None] * target)",
        ),
    ),
    (
        "exp overflows",
        "did exp or log overflow",
        batch("z = logits - logits.max(axis=1, keepdims=True)", "z = logits"),
    ),
    (
        "the logarithm of 0",
        "did exp or log overflow|Numbers are expected|large logits",
        batch("log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))", "log_p = np.log(p)"),
    ),
    (
        "a floor under the logarithm",
        "For large logits the loss is wrong",
        batch(
            "log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))",
            "log_p = np.log(np.maximum(p, 1e-12))",
        ),
    ),
    ("only the loss", "Return two things", loops(", slopes / count", "")),
    (
        "the wrong way round",
        "one finite number",
        loops("loss / count, slopes / count", "slopes / count, loss / count"),
    ),
    ("blank", "not yet", CROSS_ENTROPY + "\n    raise NotImplementedError"),
]


ADAM_STEP = "def adam_step(weights, gradients, state, rate, decay):"
LISTS = """
    if not state:
        state = {"step": 0, "m": [np.zeros(w.shape) for w in weights]}
        state["v"] = [np.zeros(w.shape) for w in weights]
    state["step"] += 1
    t, out = state["step"], []
    for i, (w, g) in enumerate(zip(weights, gradients)):
        m = state["m"][i] = 0.9 * state["m"][i] + (1 - 0.9) * g
        v = state["v"][i] = 0.999 * state["v"][i] + (1 - 0.999) * g**2
        m_hat = m / (1 - 0.9**t)
        v_hat = v / (1 - 0.999**t)
        w = w * (1 - rate * decay)
        out.append(w - rate * m_hat / (np.sqrt(v_hat) + 1e-7))
    return out, state
"""
lists = variants(ADAM_STEP, LISTS)
FLAT = """
    g = np.concatenate([x.ravel() for x in gradients]).astype("float64")
    w = np.concatenate([x.ravel() for x in weights]).astype("float64")
    memory = state.get("memory", np.zeros((2, len(g))))
    t = int(state.get("t", 1))
    memory[0] += 0.1 * (g - memory[0])
    memory[1] += 0.001 * (g * g - memory[1])
    alpha = rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    w = w - alpha * memory[0] / (np.sqrt(memory[1]) + 1e-7) - rate * decay * w
    parts = np.split(w, np.cumsum([x.size for x in weights])[:-1])
    new = [p.reshape(x.shape).astype("float32") for p, x in zip(parts, weights)]
    return new, {"memory": memory, "t": t + 1}
"""

ADAM_STEPS = [
    ("a list for each memory", "right", lists()),
    ("all weights in one row, float32, Keras's form", "right", ADAM_STEP + FLAT),
    (
        "powers of beta in the state",
        "right",
        ADAM_STEP
        + """
    m = state.get("m") or [0 * w for w in weights]
    v = state.get("v") or [0 * w for w in weights]
    a, b = state.get("a", 1.0) * 0.9, state.get("b", 1.0) * 0.999
    m = [0.9 * x + 0.1 * g for x, g in zip(m, gradients)]
    v = [0.999 * x + 0.001 * np.square(g) for x, g in zip(v, gradients)]
    for w, x, y in zip(weights, m, v):
        w -= rate * decay * w + rate * (x / (1 - a)) / (np.sqrt(y / (1 - b)) + 1e-7)
    return weights, {"m": m, "v": v, "a": a, "b": b}
""",
    ),
    (
        "epsilon under the root",
        "right",
        lists("(np.sqrt(v_hat) + 1e-7)", "np.sqrt(v_hat + 1e-7)"),
    ),
    (
        "decay after the move",
        "right",
        lists(
            "        w = w * (1 - rate * decay)\n",
            "",
            "out.append(w - rate * m_hat",
            "out.append(w - rate * decay * w - rate * m_hat",
        ),
    ),
    (
        "epsilon forgotten",
        "division by 0|must not move",
        lists("(np.sqrt(v_hat) + 1e-7)", "np.sqrt(v_hat)"),
    ),
    (
        "the hat of v frozen at the sixth step",
        "to the power of t",
        lists("0.999**t", "0.999 ** min(t, 6)"),
    ),
    ("no hats", "3.16 times too long", lists("m / (1 - 0.9**t)", "m", "v / (1 - 0.999**t)", "v")),
    ("one hat only", "length is the rate", lists("v / (1 - 0.999**t)", "v")),
    ("uphill", "against the sign", lists("w - rate * m_hat", "w + rate * m_hat")),
    ("no square", "length is the rate", lists("g**2", "abs(g)")),
    ("no root", "length is the rate", lists("np.sqrt(v_hat)", "v_hat")),
    (
        "steps counted from 0",
        "finite",
        lists('t, out = state["step"], []', 't, out = state["step"] - 1, []'),
    ),
    (
        "betas swapped",
        "a later one is not",
        lists(
            "0.9 * state",
            "BETA * state",
            "(1 - 0.9) * g",
            "(1 - BETA) * g",
            "0.9**t",
            "BETA**t",
            "0.999",
            "0.9",
            "BETA",
            "0.999",
        ),
    ),
    (
        "the state does not come out",
        "a later one is not",
        lists("return out, state", "return out, {}"),
    ),
    (
        "the hat is remembered",
        "a later one is not",
        lists("m_hat = m /", 'm_hat = state["m"][i] = m /'),
    ),
    (
        "t stays 1",
        "a later one is not",
        lists('t, out = state["step"], []', "t, out = 1, []"),
    ),
    (
        "one memory for all arrays, summed to a number",
        "length is the rate|a later one",
        lists("(1 - 0.999) * g**2", "(1 - 0.999) * np.mean(g**2)"),
    ),
    (
        "decay by way of the gradient",
        "not by way of the gradient",
        lists(
            "        m = state",
            "        g = g + decay * w\n        m = state",
            "        w = w * (1 - rate * decay)\n",
            "",
        ),
    ),
    ("decay without the rate", "With decay the weights are wrong", lists("rate * decay", "decay")),
    ("decay forgotten", "With decay the weights are wrong", lists("(1 - rate * decay)", "1")),
    (
        "decay grows",
        "With decay the weights are wrong",
        lists("1 - rate * decay", "1 + rate * decay"),
    ),
    (
        "memory in a global",
        "Two trainings in turn disturb each other",
        "MEMORY = {}\n\n\n"
        + ADAM_STEP
        + "\n    if not state:\n        MEMORY.clear()\n    state = MEMORY"
        + LISTS.replace("state = {", "state.update({")
        .replace("for w in weights]}", "for w in weights]})")
        .replace("return out, state", 'return out, {"used": 1}'),
    ),
    (
        "only the first array",
        "have not moved",
        lists("out.append(w - rate * m_hat", "out.append(w - rate * (i == 0) * m_hat"),
    ),
    ("only the weights", "Return two things", lists("return out, state", "return out")),
    ("the state first", "Return two things", lists("return out, state", "return state, out")),
    ("one array too few", "Return two things", lists("return out, state", "return out[:1], state")),
    ("blank", "not yet", ADAM_STEP + "\n    raise NotImplementedError"),
]

CASES = [
    *[("operation", *case) for case in OPERATIONS],
    *[("backward", *case) for case in BACKWARDS],
    *[("cross_entropy", *case) for case in CROSS_ENTROPIES],
    *[("adam_step", *case) for case in ADAM_STEPS],
]
