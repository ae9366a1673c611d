"""What learners write for the lab of 06_rnns; see `test_answers.py` for the form."""

import itertools


def variant(head, body):
    """A function that makes an answer with some pieces of its right form replaced."""

    def made(*changes):
        code = body
        for old, new in changes:
            assert old in code, old
            code = code.replace(old, new)
        return f"{head}\n{code}"

    return made


unroll = variant(
    "def unroll(x, lengths, W, R, b):",
    """
    n, T, _ = x.shape
    out = np.zeros((n, T, len(b)))
    for k in range(n):
        h = np.zeros(len(b))
        for t in range(T):
            if t < lengths[k]:
                h = np.tanh(x[k, t] @ W + h @ R + b)
            out[k, t] = h
    return out
""",
)

UNROLL = [
    ("one sequence at a time", "right", unroll()),
    ("lists out", "right", unroll(("return out", "return out.tolist()"))),
    ("float32 out", "right", unroll(("return out", 'return out.astype("float32")'))),
    ("inputs overwritten", "right", unroll(("n, T, _ = x.shape", "n, T, _ = x.shape; b += 0"))),
    (
        "Keras's layer with a mask",
        "right",
        """def unroll(x, lengths, W, R, b):
    layer = layers.SimpleRNN(len(b), return_sequences=True)
    layer.build(x.shape)
    layer.set_weights([W, R, b])
    mask = np.arange(x.shape[1]) < np.array(lengths)[:, None]
    return layer(x.astype("float32"), mask=ops.convert_to_tensor(mask))
""",
    ),
    (
        "all at once, with a mask of numbers",
        "right",
        """def unroll(x, lengths, W, R, b):
    h, states = 0 * (x[:, 0] @ W), []
    for t in range(x.shape[1]):
        m = np.array([[1.0 * (t < n)] for n in lengths])
        h = m * np.tanh(x[:, t] @ W + h @ R + b) + (1 - m) * h
        states.append(h)
    return np.stack(states, axis=1)
""",
    ),
    (
        "goes on after the end",
        "goes on with the filling",
        unroll(("if t < lengths[k]:", "if True:")),
    ),
    (
        "zero after the end",
        "does not become zero",
        unroll(("            out[k, t] = h", "                out[k, t] = h")),
    ),
    ("one step too many", "one step too many", unroll(("t < lengths[k]", "t <= lengths[k]"))),
    ("one step too few", "one step too few", unroll(("t < lengths[k]", "t < lengths[k] - 1"))),
    ("sigmoid", "not the sigmoid", unroll(("np.tanh", "special.expit"))),
    ("no bias, and going on", "states after step 1", unroll((" + b", ""), ("lengths[k]", "T"))),
    (
        "one array stored again and again",
        "All steps of yours are alike",
        """def unroll(x, lengths, W, R, b):
    h, states = np.zeros((len(x), len(b))), []
    for t in range(x.shape[1]):
        on = t < np.array(lengths)
        h[on] = np.tanh(x[on, t] @ W + h[on] @ R + b)
        states.append(h)
    return np.stack(states, axis=1)
""",
    ),
    (
        "steps and sequences mixed up",
        "One sequence flows into the next",
        """def unroll(x, lengths, W, R, b):
    h, states = 0 * (x[0] @ W), []
    for x_t in x:
        h = np.tanh(x_t @ W + h @ R + b)
        states.append(h)
    return states
""",
    ),
    (
        "read from the wrong end",
        "states after step 1 are wrong",
        unroll(("x[k, t]", "x[k, lengths[k] - 1 - t]")),
    ),
    (
        "the lesson's function",
        "rnn",
        """def unroll(x, lengths, W, R, b):
    states = rnn(x.swapaxes(0, 1), W, R, b)[1:].swapaxes(0, 1)
    for row, length in zip(states, lengths):
        row[length:] = row[length - 1]
    return states
""",
    ),
    ("no state from before", "depends on the one before", unroll((" + h @ R", ""))),
    ("R turned", "h @ R, not R @ h", unroll(("h @ R", "R @ h"))),
    ("no bias", "bias b is missing", unroll((" + h @ R + b", " + h @ R"))),
    ("no tanh", "goes through tanh", unroll(("np.tanh", ""))),
    ("starts from ones", "before it the state is zero", unroll(("h = np.zeros", "h = np.ones"))),
    (
        "state goes on to the next sequence",
        "One sequence flows into the next",
        unroll(
            ("        h = np.zeros(len(b))\n", ""),
            ("    for k in range(n):\n", "    h = np.zeros(len(b))\n    for k in range(n):\n"),
        ),
    ),
    ("last states alone", r"\(n, T, units\)", unroll(("return out", "return out[:, -1]"))),
    ("time first", r"\(n, T, units\)|differ", unroll(("return out", "return out.swapaxes(0, 1)"))),
    ("nothing returned", "returned None", unroll(("return out", "out"))),
    ("not a number", "", unroll(("return out", "return out * np.nan"))),
    ("blank", "not yet", "def unroll(x, lengths, W, R, b):\n    raise NotImplementedError"),
]

bptt = variant(
    "def bptt(x, targets, W, R, b, V):",
    """
    h = [np.zeros(len(b))]
    for x_t in x:
        h.append(np.tanh(x_t @ W + h[-1] @ R + b))
    T, miss = len(x), np.array(h[1:]) @ V - targets
    A, later = np.zeros((T, len(b))), np.zeros(len(b))
    for t in range(T - 1, -1, -1):
        A[t] = (V @ miss[t] + later) * (1 - h[t + 1] ** 2)
        later = R @ A[t]
    h = np.array(h)
    return x.T @ A, h[:-1].T @ A, A.sum(axis=0), h[1:].T @ miss
""",
)
RETURN = "return x.T @ A, h[:-1].T @ A, A.sum(axis=0), h[1:].T @ miss"

BPTT = [
    ("matrix products at the end", "right", bptt()),
    (
        "float32 out, in a list",
        "right",
        bptt(
            (
                RETURN,
                RETURN.replace("return ", "found = ")
                + "\n    return [np.float32(g) for g in found]",
            )
        ),
    ),
    (
        "nested lists out",
        "right",
        bptt(
            (
                RETURN,
                RETURN.replace("return ", "found = ") + "\n    return [g.tolist() for g in found]",
            )
        ),
    ),
    (
        "the backend's gradient",
        "right",
        """def bptt(x, targets, W, R, b, V):
    def loss(weights):
        W, R, b, V = weights
        h, total = ops.zeros((1, len(b)), "float32"), 0.0
        for t in range(len(x)):
            h = ops.tanh(ops.matmul(x[t : t + 1].astype("float32"), W) + ops.matmul(h, R) + b)
            total = total + ops.sum((ops.matmul(h, V) - targets[t].astype("float32")) ** 2) / 2
        return total

    return autodiff.grad(loss)([np.float32(w) for w in (W, R, b, V)])
""",
    ),
    (
        "sums of outer products, forward in time",
        "right",
        """def bptt(x, targets, W, R, b, V):
    H = [0 * b]
    for v in x:
        H.append(np.tanh(v @ W + H[-1] @ R + b))
    grads = [np.zeros_like(w) for w in (W, R, b, V)]
    for end in range(1, len(H)):
        miss = H[end] @ V - targets[end - 1]
        grads[3] += np.outer(H[end], miss)
        blame = V @ miss
        for t in range(end, 0, -1):
            a = blame * (1 - H[t] ** 2)
            grads[0] += np.outer(x[t - 1], a)
            grads[1] += np.outer(H[t - 1], a)
            grads[2] += a
            blame = R @ a
    return grads
""",
    ),
    (
        "only the last loss",
        "Every step has a loss",
        bptt(("    A, later", "    miss[:-1] = 0\n    A, later")),
    ),
    ("nothing from later", "travel back", bptt((" + later)", ")"))),
    ("no slope of tanh", "slope of tanh", bptt((" * (1 - h[t + 1] ** 2)", ""))),
    ("R not transposed", "transposed", bptt(("R @ A[t]", "A[t] @ R"))),
    ("state after the step", "before that step", bptt(("h[:-1].T @ A", "h[1:].T @ A"))),
    (
        "mean over the steps",
        "not a mean",
        bptt(
            (RETURN, RETURN.replace("return ", "found = ") + "\n    return [g / T for g in found]")
        ),
    ),
    ("twice as large", "twice too large", bptt((" - targets", " - targets\n    miss = 2 * miss"))),
    (
        "sign turned",
        "signs are turned",
        bptt(("np.array(h[1:]) @ V - targets", "targets - np.array(h[1:]) @ V")),
    ),
    (
        "slope of tanh at the state before",
        "belongs to the state after it",
        bptt(("(1 - h[t + 1] ** 2)", "(1 - h[t] ** 2)")),
    ),
    ("V forgotten", "four arrays", bptt((", h[1:].T @ miss", ""))),
    ("bias summed away", "shape of b", bptt(("A.sum(axis=0)", "A.sum()"))),
    ("b kept for each step", "shape of b", bptt(("A.sum(axis=0)", "A"))),
    ("a dict", "four arrays", "def bptt(x, targets, W, R, b, V):\n    return {'W': W}"),
    (
        "only the last loss, V right",
        "Every step has a loss",
        bptt(
            (
                "    for t in range(T - 1",
                "    all_miss, miss = miss, 1 * miss\n    miss[:-1] = 0\n    for t in range(T - 1",
            ),
            ("h[1:].T @ miss", "h[1:].T @ all_miss"),
        ),
    ),
    (
        "slope of tanh on its own blame alone",
        "all the blame of a state",
        bptt(
            (
                "(V @ miss[t] + later) * (1 - h[t + 1] ** 2)",
                "V @ miss[t] * (1 - h[t + 1] ** 2) + later",
            )
        ),
    ),
    (
        "slope of tanh on later blame alone",
        "all the blame of a state",
        bptt(
            (
                "(V @ miss[t] + later) * (1 - h[t + 1] ** 2)",
                "V @ miss[t] + later * (1 - h[t + 1] ** 2)",
            )
        ),
    ),
    (
        "one step back",
        "not one step only",
        bptt(("later = R @ A[t]", "later = R @ (V @ miss[t] * (1 - h[t + 1] ** 2))")),
    ),
    ("no bias forward", "bias is missing", bptt((" + h[-1] @ R + b", " + h[-1] @ R"))),
    (
        "softmax",
        "no softmax",
        bptt(
            (
                "np.array(h[1:]) @ V - targets",
                "special.softmax(np.array(h[1:]) @ V, axis=1) - targets",
            )
        ),
    ),
    ("R's gradient transposed", "by R is transposed", bptt(("h[:-1].T @ A", "A.T @ h[:-1]"))),
    ("V with the state before", "by V pairs", bptt(("h[1:].T @ miss", "h[:-1].T @ miss"))),
    (
        "mean over all numbers",
        "not a mean",
        bptt((" - targets", " - targets\n    miss = miss / miss.size")),
    ),
    ("no sum over sequences of x", "by W differs", bptt(("return x.T @ A", "return abs(x).T @ A"))),
    ("None", "returned None", "def bptt(x, targets, W, R, b, V):\n    pass"),
    ("blank", "not yet", "def bptt(x, targets, W, R, b, V):\n    raise NotImplementedError"),
]

lstm = variant(
    "def lstm_step(x, h, c, mask, kernel, recurrent, bias):",
    """
    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    u = h.shape[1]
    a = x @ kernel + h @ recurrent + bias
    i, f, g, o = a[:, :u], a[:, u : 2 * u], a[:, 2 * u : 3 * u], a[:, 3 * u :]
    c_new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h_new = sigmoid(o) * np.tanh(c_new)
    m = mask[:, None]
    return m * h_new + (1 - m) * h, m * c_new + (1 - m) * c
""",
)
RETURNED = "return m * h_new + (1 - m) * h, m * c_new + (1 - m) * c"

LSTM_STEP = [
    ("slices and a mask of numbers", "right", lstm()),
    (
        "one array of two",
        "right",
        lstm((RETURNED, f"return np.stack([{RETURNED.removeprefix('return ')}])")),
    ),
    (
        "lists out",
        "right",
        lstm(
            (
                RETURNED,
                "return (m * h_new + (1 - m) * h).tolist(), (m * c_new + (1 - m) * c).tolist()",
            )
        ),
    ),
    (
        "Keras's cell",
        "right",
        """def lstm_step(x, h, c, mask, kernel, recurrent, bias):
    cell = layers.LSTMCell(h.shape[1])
    cell.build((None, x.shape[1]))
    cell.set_weights([kernel, recurrent, bias])
    _, new = cell(x, [h, c])
    new = [ops.convert_to_numpy(s) for s in new]
    return [np.where(mask[:, None] == 1, s, old) for s, old in zip(new, (h, c))]
""",
    ),
    (
        "sequence by sequence, scipy's sigmoid",
        "right",
        """def lstm_step(x, h, c, mask, kernel, recurrent, bias):
    hs, cs = h.astype("float64"), c.astype("float64")
    for k in range(len(x)):
        if mask[k]:
            i, f, g, o = np.split(x[k] @ kernel + h[k] @ recurrent + bias, 4)
            cs[k] = special.expit(f) * c[k] + special.expit(i) * np.tanh(g)
            hs[k] = special.expit(o) * np.tanh(cs[k])
    return hs, cs
""",
    ),
    (
        "mask ignored",
        "stay as they were: here they are new",
        lstm((RETURNED, "return h_new, c_new")),
    ),
    ("masked to zero", "do not become zero", lstm((RETURNED, "return m * h_new, m * c_new"))),
    ("mask turned", "turned round", lstm(("m = mask[:, None]", "m = 1 - mask[:, None]"))),
    ("mask on c alone", "not only c", lstm(("m * h_new + (1 - m) * h,", "h_new,"))),
    (
        "h and c swapped",
        "h comes first",
        lstm((RETURNED, "return m * c_new + (1 - m) * c, m * h_new + (1 - m) * h")),
    ),
    *[
        (", ".join(order), "order of the gates", lstm(("i, f, g, o =", f"{', '.join(order)} =")))
        for order in itertools.permutations("ifgo")
        if "".join(order) != "ifgo"
    ],
    (
        "gates by turns",
        "side by side",
        lstm(
            (
                "a[:, :u], a[:, u : 2 * u], a[:, 2 * u : 3 * u], a[:, 3 * u :]",
                "np.moveaxis(a.reshape(len(x), u, 4), 2, 0)",
            )
        ),
    ),
    (
        "i and f exchanged in the equation",
        "or where c is made",
        lstm(("sigmoid(f) * c + sigmoid(i) * np", "sigmoid(i) * c + sigmoid(f) * np")),
    ),
    ("no sigmoid", "go through the sigmoid", lstm(("return 1 / (1 + np.exp(-a))", "return a"))),
    (
        "tanh for every gate",
        "go through the sigmoid",
        lstm(("return 1 / (1 + np.exp(-a))", "return np.tanh(a)")),
    ),
    ("g without tanh", "g goes through tanh", lstm(("np.tanh(g)", "g"))),
    ("mask on h alone", "c stays too", lstm(("m * c_new + (1 - m) * c", "c_new"))),
    (
        "h made from the c that was kept",
        "h is the old h",
        lstm(
            (
                "    h_new =",
                "    m = mask[:, None]\n    c_new = m * c_new + (1 - m) * c\n    h_new =",
            ),
            (RETURNED, "return h_new, c_new"),
        ),
    ),
    ("h twice", "are the same", lstm(("m * c_new + (1 - m) * c", "m * h_new + (1 - m) * h"))),
    ("g through the sigmoid", "g, the new value", lstm(("np.tanh(g)", "sigmoid(g)"))),
    ("no tanh of c", "h shows tanh of c", lstm(("np.tanh(c_new)", "c_new"))),
    ("h forgotten", "h @ recurrent is missing", lstm((" + h @ recurrent", ""))),
    ("bias forgotten", "bias is missing", lstm((" + bias", ""))),
    ("old c shown", "shows the new c", lstm(("np.tanh(c_new)", "np.tanh(c)"))),
    ("f forgotten", "The new c differs", lstm(("sigmoid(f) * c", "c"))),
    ("h alone", "two arrays", lstm((RETURNED, "return h_new"))),
    ("units lost", "keep their shape", lstm((RETURNED, "return h_new[:, 0], c_new[:, 0]"))),
    ("None", "returned None", lstm((RETURNED, "h_new, c_new"))),
    ("NaN", "", lstm((RETURNED, "return h_new * np.nan, c_new"))),
    (
        "blank",
        "not yet",
        "def lstm_step(x, h, c, mask, kernel, recurrent, bias):\n    raise NotImplementedError",
    ),
]

sample = variant(
    "def sample(logits, temperature, seed):",
    """
    rng = np.random.default_rng(seed)
    if temperature == 0:
        return logits.argmax(axis=1)
    z = logits.astype("float64") / temperature
    z = z - z.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return [int(rng.choice(p.shape[1], p=row)) for row in p]
""",
)

SAMPLE = [
    ("choice in a loop", "right", sample()),
    (
        "a uniform number against running sums",
        "right",
        sample(
            (
                "return [int(rng.choice(p.shape[1], p=row)) for row in p]",
                "found = (p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1)\n"
                "    return found.clip(max=p.shape[1] - 1)",
            )
        ),
    ),
    (
        "scipy's softmax, probabilities to the power of 1 / temperature",
        "right",
        """def sample(logits, temperature, seed):
    if not temperature:
        return np.argmax(logits, axis=-1).astype("float64")
    p = special.softmax(logits.astype("float64"), axis=1) ** (1 / temperature)
    p = p / p.sum(axis=1, keepdims=True)
    rng = np.random.RandomState(seed)
    return np.array([rng.multinomial(1, row).argmax() for row in p])
""",
    ),
    (
        "Keras",
        "right",
        """def sample(logits, temperature, seed):
    if temperature == 0:
        return ops.argmax(logits, axis=-1)
    return keras.random.categorical(logits / temperature, 1, seed=seed)[:, 0]
""",
    ),
    (
        "a tiny temperature for zero",
        "right",
        sample(
            ("    if temperature == 0:\n        return logits.argmax(axis=1)\n", ""),
            ("/ temperature", "/ max(temperature, 1e-6)"),
        ),
    ),
    (
        "always the largest",
        "draw, do not take the largest",
        "def sample(logits, temperature, seed):\n    return logits.argmax(axis=1)",
    ),
    (
        "one draw for all",
        "draw of its own|draw, do not",
        sample(("for row in p]", "for row in p[:1]] * len(p)")),
    ),
    ("temperature forgotten", "as at 1", sample((" / temperature", ""))),
    (
        "divided after the softmax",
        "as at 1",
        """def sample(logits, temperature, seed):
    rng = np.random.default_rng(seed)
    p = special.softmax(logits.astype("float64"), axis=1) / (temperature or 1)
    p = p / p.sum(axis=1, keepdims=True)
    return [rng.choice(len(row), p=row) for row in p]
""",
    ),
    ("multiplied", "do not multiply", sample((" / temperature", " * temperature"))),
    (
        "uniform",
        "equally often",
        "def sample(logits, temperature, seed):\n    rng = np.random.default_rng(seed)\n"
        "    return rng.integers(0, logits.shape[1], len(logits))",
    ),
    ("no seed", "same seed", sample(("default_rng(seed)", "default_rng()"))),
    ("always seed 0", "Another seed", sample(("default_rng(seed)", "default_rng(0)"))),
    (
        "rows at levels of their own, running sums",
        "right",
        """def sample(logits, temperature, seed):
    z = np.array(logits, "float64").tolist()
    rng, found = np.random.default_rng(seed), []
    for row in z:
        top = max(row)
        if temperature == 0:
            found.append(row.index(top))
            continue
        e = [np.exp((a - top) / temperature) for a in row]
        found.append(int(np.searchsorted(np.cumsum(e), rng.random() * sum(e))))
    return found
""",
    ),
    (
        "overflow, with choice",
        "subtract each row's own largest",
        sample(("    z = z - z.max(axis=1, keepdims=True)\n", "")),
    ),
    (
        "overflow, with running sums",
        "subtract each row's own largest",
        """def sample(logits, temperature, seed):
    if temperature == 0:
        return logits.argmax(1)
    e = np.exp(logits.astype("float64") / temperature)
    p = e / e.sum(1, keepdims=True)
    return (p.cumsum(1) < np.random.default_rng(seed).random((len(p), 1))).sum(1)
""",
    ),
    (
        "overflow, row by row",
        "subtract each row's own largest",
        """def sample(logits, temperature, seed):
    if temperature == 0:
        return logits.argmax(1)
    rng = np.random.default_rng(seed)
    e = np.exp(logits / temperature)
    p = e / e.sum(1, keepdims=True)
    return [min(np.searchsorted(np.cumsum(row), rng.random()), len(row) - 1) for row in p]
""",
    ),
    (
        "one largest for all rows, with choice",
        "subtract each row's own largest",
        sample(("z.max(axis=1, keepdims=True)", "z.max()")),
    ),
    (
        "one largest for all rows, with running sums",
        "subtract each row's own largest",
        """def sample(logits, temperature, seed):
    if temperature == 0:
        return logits.argmax(1)
    e = np.exp((logits - logits.max()) / temperature)
    p = e / e.sum(1, keepdims=True)
    return (p.cumsum(1) < np.random.default_rng(seed).random((len(p), 1))).sum(1)
""",
    ),
    (
        "the first row's logits for all",
        "own logits",
        sample(("for row in p]", "for _ in p]"), ("p=row", "p=p[0]")),
    ),
    (
        "no case for zero",
        "At temperature 0",
        sample(("    if temperature == 0:\n        return logits.argmax(axis=1)\n", "")),
    ),
    (
        "the least at zero",
        "largest logit",
        sample(("return logits.argmax", "return logits.argmin")),
    ),
    (
        "probabilities",
        "One integer",
        sample(("return [int(rng.choice(p.shape[1], p=row)) for row in p]", "return p")),
    ),
    ("from 1 on", "numbers 0 to", sample(("int(rng", "1 + int(rng"))),
    (
        "one number",
        "One integer",
        sample(("return [int(rng.choice(p.shape[1], p=row)) for row in p]", "return 0")),
    ),
    (
        "None",
        "returned None",
        sample(("return [int(rng.choice(p.shape[1], p=row)) for row in p]", "pass")),
    ),
    ("blank", "not yet", "def sample(logits, temperature, seed):\n    raise NotImplementedError"),
]

CASES = [
    (exercise, *case)
    for exercise, cases in [
        ("unroll", UNROLL),
        ("bptt", BPTT),
        ("lstm_step", LSTM_STEP),
        ("sample", SAMPLE),
    ]
    for case in cases
]
