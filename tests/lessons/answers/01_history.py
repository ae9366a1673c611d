"""What learners write for the lab of 01_history; see `test_answers.py` for the form."""


def threshold_units(body):
    return f"def threshold_units(x, w, theta):\n{body}"


UNITS = """
    y = np.zeros((len(x), w.shape[1]))
    for n in range(len(x)):
        for j in range(w.shape[1]):
            total = sum(x[n, i] * w[i, j] for i in range(len(w)))
            y[n, j] = 1 if total >= theta[j] else 0
    return y
"""


def units(old, new):
    assert old in UNITS
    return threshold_units(UNITS.replace(old, new))


THRESHOLD_UNITS = [
    ("loops", "right", threshold_units(UNITS)),
    ("lists of lists out", "right", units("return y", "return y.astype(int).tolist()")),
    ("booleans", "right", threshold_units("    return x @ w >= theta")),
    (
        "einsum, float32",
        "right",
        threshold_units(
            '    z = np.einsum("ni,ij->nj", x, w) - theta\n    return (z >= 0).astype("float32")'
        ),
    ),
    (
        "a Keras layer",
        "right",
        threshold_units(
            """
    layer = layers.Dense(w.shape[1], activation=lambda z: keras.ops.cast(z >= 0, "float32"))
    layer.build((None, len(w)))
    layer.set_weights([w, -theta])
    return layer(x.astype("float32"))
"""
        ),
    ),
    ("numpy.heaviside", "right", threshold_units("    return np.heaviside(x @ w - theta, 1.0)")),
    ("silent at the threshold", "just reaches", units(">= theta", "> theta")),
    ("numpy.sign", "1 or 0, nothing else", threshold_units("    return np.sign(x @ w - theta)")),
    (
        "heaviside with a half",
        "1 or 0",
        threshold_units("    return np.heaviside(x @ w - theta, 0.5)"),
    ),
    ("the sums themselves", "1 or 0, nothing else", threshold_units("    return x @ w - theta")),
    ("fires below", "just reaches|exchanged", units(">= theta", "< theta")),
    ("exchanged", "exchanged", units("1 if total >= theta[j] else 0", "total < theta[j]")),
    ("units first", "One row for each example", units("return y", "return y.T")),
    ("one example only", "One row for each example", units("return y", "return y[0]")),
    ("one threshold for all", "its own theta|just reaches", units("theta[j]", "theta[0]")),
    (
        "threshold added",
        "its own theta|just reaches",
        threshold_units("    return x @ w + theta >= 0"),
    ),
    (
        "return inside the loop",
        "its own theta|just reaches",
        units("    return y", " " * 8 + "return y"),
    ),
    ("w not turned", "raised", threshold_units("    return x @ w.T >= theta")),
    (
        "thresholds forgotten",
        "each unit has its own column",
        threshold_units("    return (x @ w >= 0).astype(int)"),
    ),
    (
        "thresholds added",
        "each unit has its own column|are exchanged",
        threshold_units("    return (x @ w + theta >= 0).astype(int)"),
    ),
    ("the return is missing", "returned None", units("return y", "y")),
    ("blank", "not yet", threshold_units("    raise NotImplementedError")),
]


def perceptron_update(body):
    return f"def perceptron_update(w, b, x, y):\n{body}"


PASS = """
    w = np.array(w)
    mistakes = 0
    for n in range(len(x)):
        fires = 1 if np.dot(w, x[n]) + b >= 0 else 0
        if fires != y[n]:
            mistakes += 1
            if y[n] == 1:
                w = w + x[n]
                b = b + 1
            else:
                w = w - x[n]
                b = b - 1
    return w, b, mistakes
"""


def one_pass(*pairs):
    code = PASS
    for old, new in pairs:
        assert old in code
        code = code.replace(old, new)
    return perceptron_update(code)


PERCEPTRON_UPDATE = [
    ("two branches", "right", one_pass()),
    ("a list out", "right", one_pass(("return w, b, mistakes", "return [list(w), b, mistakes]"))),
    (
        "in place",
        "right",
        one_pass(("w = np.array(w)", "pass"), ("w = w +", "w +="), ("w = w -", "w -=")),
    ),
    (
        "the bias as a weight, float32",
        "right",
        perceptron_update(
            """
    v = np.append(w, b).astype("float32")
    rows = np.column_stack([x, np.ones(len(x))]).astype("float32")
    mistakes = 0
    for row, wanted in zip(rows, y):
        error = int(wanted) - int(row @ v >= 0)
        v += error * row
        mistakes += abs(error)
    return v[:-1], v[-1], mistakes
"""
        ),
    ),
    (
        "labels turned into signs",
        "right",
        perceptron_update(
            """
    wrong = []
    for example, s in zip(x, 2 * y - 1):
        score = (w * example).sum() + b
        if s * score < 0 or (score == 0 and s < 0):
            w, b = w + s * example, b + s
            wrong.append(example)
    return w, b, len(wrong)
"""
        ),
    ),
    ("bias forgotten", "The bias changes", one_pass(("b = b + 1", "pass"), ("b = b - 1", "pass"))),
    (
        "bias the wrong way",
        "bias moves the wrong way",
        one_pass(("b = b + 1", "b = b - 2 + 1"), ("b = b - 1", "b = b + 1")),
    ),
    (
        "labels taken for signs",
        "labels are 0 and 1",
        one_pass(("w = w - x[n]", "pass"), ("b = b - 1", "pass")),
    ),
    (
        "away from the answer",
        "look at the sign",
        one_pass(("if y[n] == 1", "if y[n] == 0")),
    ),
    (
        "all at once",
        "the one before it left",
        perceptron_update(
            "    error = y - (x @ w + b >= 0)\n"
            "    return w + error @ x, b + error.sum(), np.abs(error).sum()"
        ),
    ),
    ("zero does not fire", "exactly 0 fires", one_pass((">= 0", "> 0"))),
    (
        "the rule for labels of ±1: 0 is a mistake",
        "exactly 0 fires",
        one_pass(("if fires != y[n]:", "if (2 * y[n] - 1) * (np.dot(w, x[n]) + b) <= 0:")),
    ),
    ("the bias left out of the sum", "counts in the sum", one_pass((" + b >= 0", " >= 0"))),
    ("the bias as a threshold", "not a threshold", one_pass((" + b >= 0", " - b >= 0"))),
    (
        "half steps",
        "no half steps",
        one_pass(
            ("w + x[n]", "w + x[n] / 2"),
            ("b + 1", "b + 0.5"),
            ("w - x[n]", "w - x[n] / 2"),
            ("b - 1", "b - 0.5"),
        ),
    ),
    (
        "changed after every example",
        "after mistakes only",
        one_pass(("if fires != y[n]", "if True")),
    ),
    (
        "counts right ones",
        "the count is not",
        one_pass(("return w, b, mistakes", "return w, b, len(x) - mistakes")),
    ),
    ("no count", "Return three things", one_pass(("return w, b, mistakes", "return w, b"))),
    ("a count of nothing", "the count is not", one_pass(("mistakes += 1", "pass"))),
    (
        "return inside the loop",
        "after mistakes only|the count|left|b is not",
        one_pass(("    return w", "        return w")),
    ),
    (
        "only the first mistake",
        "mistakes only|left|b is not",
        one_pass(("mistakes += 1", "mistakes += 1\n            if mistakes > 1: break")),
    ),
    (
        "a whole run",
        "mistakes only|left|b is not|the count",
        one_pass(("for n in range(len(x))", "for n in [*range(len(x))] * 9")),
    ),
    ("bias as an array", "one number", one_pass(("return w, b", "return w, np.array([b])"))),
    (
        "the return is missing",
        "returned None|three things",
        one_pass(("return w, b, mistakes", "pass")),
    ),
    ("blank", "not yet", perceptron_update("    raise NotImplementedError")),
]


def parity_network(body):
    return f"def parity_network(n):\n{body}"


PARITY_NETWORK = [
    (
        "loops",
        "right",
        parity_network(
            """
    w, theta, v = [[1] * n for _ in range(n)], [], []
    for k in range(1, n + 1):
        theta.append(k - 0.5)
        v.append(1 if k % 2 else -1)
    return [w, theta, v, 1]
"""
        ),
    ),
    (
        "twice the weights, float32",
        "right",
        parity_network(
            """
    k = np.arange(n)
    return np.full((n, n), 2, "float32"), 2.0 * k + 1, 3.0 * (-1.0) ** k, 2.0
"""
        ),
    ),
    (
        "units that fire for few",
        "right",
        parity_network(
            """
    k = np.arange(n)  # unit k fires where at most k inputs are on
    v = -((-1.0) ** k)
    return -np.ones((n, n)), -k, v, 0.5 + v.sum()
"""
        ),
    ),
    (
        "XOR alone",
        "hidden weights have the shape",
        parity_network("    return [[1, 1], [1, 1]], [1, 2], [1, -1], 1"),
    ),
    (
        "all output weights positive",
        r"For n = 2, the network fires for the input \[1, 1\]",
        parity_network("    return np.ones((n, n)), np.arange(1, n + 1), np.ones(n), 0.5"),
    ),
    (
        "counting from zero",
        "For n = .* the network",
        parity_network("    return np.ones((n, n)), np.arange(n), (-1.0) ** np.arange(n), 0.5"),
    ),
    (
        "the output fires at zero",
        r"fires for the input \[0, 0\]|fires for the input \[1, 1\]",
        parity_network(
            "    return np.ones((n, n)), np.arange(1, n + 1), (-1.0) ** np.arange(n), 0"
        ),
    ),
    (
        "right for two inputs only",
        "For n = 3",
        parity_network(
            "    v = np.zeros(n)\n    v[:2] = [1, -1][:n]\n"
            "    return np.ones((n, n)), np.arange(1, n + 1), v, 0.5"
        ),
    ),
    (
        "a unit for each odd input",
        "For n = 3, at most 3 hidden units are allowed: yours are 4",
        parity_network(
            """
    odd = np.array([p for p in product([0, 1], repeat=n) if sum(p) % 2])
    return (2 * odd - 1).T, odd.sum(1), np.ones(len(odd)), 1
"""
        ),
    ),
    (
        "three things",
        "Return four things",
        parity_network("    return np.ones((n, n)), np.arange(1, n + 1), np.ones(n)"),
    ),
    (
        "one threshold for all",
        "One threshold for each hidden unit",
        parity_network("    return np.ones((n, n)), 1, np.ones(n), 1"),
    ),
    (
        "the output threshold as a list",
        "threshold is one number",
        parity_network(
            "    return np.ones((n, n)), np.arange(1, n + 1), (-1.0) ** np.arange(n), [0.5]"
        ),
    ),
    (
        "one output weight too few",
        "One output weight",
        parity_network("    return np.ones((n, n)), np.arange(1, n + 1), np.ones(n - 1), 0.5"),
    ),
    (
        "the answer, not a network",
        "Return four things|Numbers are expected",
        parity_network("    return [sum(p) % 2 for p in product([0, 1], repeat=n)][:3]"),
    ),
    ("blank", "not yet", parity_network("    raise NotImplementedError")),
]


def separability(body):
    return f"def separability(x, y):\n{body}"


PROGRAMME = """
    s = 2 * y - 1
    n, d = x.shape
    A = np.zeros((n, d + 2))
    for i in range(n):
        A[i, :d] = -s[i] * x[i]
        A[i, d] = -s[i]
        A[i, d + 1] = 1
    c = np.zeros(d + 2)
    c[-1] = -1
    bounds = [(-1, 1)] * d + [(None, None), (None, None)]
    return linprog(c, A_ub=A, b_ub=np.zeros(n), bounds=bounds).x[-1]
"""


def programme(*pairs):
    code = PROGRAMME
    for old, new in pairs:
        assert old in code
        code = code.replace(old, new)
    return separability(code)


SEPARABILITY = [
    ("loops", "right", programme()),
    ("the objective's value", "right", programme((".x[-1]", ".fun * -1"))),
    (
        "margin never below zero",
        "right",
        programme(("(None, None), (None, None)]", "(None, None), (0, None)]")),
    ),
    (
        "float32 in, an array of no axes out",
        "right",
        programme(
            ("n, d = x.shape", 'x = x.astype("float32").astype(float)\n    n, d = x.shape'),
            ("return linprog", "return np.asarray(linprog"),
            ("[-1]\n", "[-1])\n"),
        ),
    ),
    (
        "positive and negative parts of w",
        "right",
        separability(
            """
    s = np.where(y > 0, 1.0, -1.0)[:, None]
    n, d = x.shape
    A = np.hstack([-s * x, s * x, -s, s, np.ones((n, 1))])  # all unknowns from 0 on
    cap = np.hstack([np.eye(d), np.eye(d), np.zeros((d, 3))])
    c = np.append(np.zeros(2 * d + 2), -1.0)
    found = linprog(c, np.vstack([A, cap]), np.append(np.zeros(n), np.ones(d)))
    return -found.fun
"""
        ),
    ),
    (
        "half the distance of the hulls",
        "right",
        separability(
            """
    a, b = x[y == 1], x[y == 0]
    d, m, n = x.shape[1], len(a), len(b)
    cost = np.append(np.zeros(m + n), np.ones(d))
    apart = np.hstack([a.T, -b.T])
    rows = np.block([[apart, -np.eye(d)], [-apart, -np.eye(d)]])
    equal = np.zeros((2, m + n + d))
    equal[0, :m] = 1
    equal[1, m : m + n] = 1
    return linprog(cost, rows, np.zeros(2 * d), equal, [1, 1]).fun / 2
"""
        ),
    ),
    ("the sign of linprog", "linprog minimises", programme((".x[-1]", ".fun"))),
    (
        "weights not negative",
        "Weights may be negative",
        programme(("[(-1, 1)] * d", "[(0, 1)] * d")),
    ),
    ("no b", "need not pass through the origin", programme(("A[i, d] = -s[i]", "pass"))),
    (
        "b bounded",
        "another margin|margin is above 0",
        programme(("[(None, None), (None, None)]", "[(-1, 1), (None, None)]")),
    ),
    ("labels 0 and 1 as signs", ".", programme(("s = 2 * y - 1", "s = y"))),
    ("weights unbounded", "raised|None", programme(("[(-1, 1)] * d", "[(None, None)] * d"))),
    ("default bounds", "raised|None|Weights|another", programme((", bounds=bounds", ""))),
    ("minimised", "raised|None", programme(("c[-1] = -1", "c[-1] = 1"))),
    ("weights up to 2", "another margin", programme(("(-1, 1)", "(-2, 2)"))),
    ("True or False", "one number", programme((".x[-1]", ".x[-1] > 1e-9"))),
    (
        "1 or 0",
        "another margin",
        programme(
            (".x[-1]", ".x[-1] > 1e-9"),
            ("return linprog", "return 1.0 * (linprog"),
            ("1e-9\n", "1e-9)\n"),
        ),
    ),
    ("the weights too", "one number", programme((".x[-1]", ".x"))),
    (
        "separable as soon as it is solved",
        "No hyperplane divides|another margin",
        separability("    return 1.0"),
    ),
    ("never separable", "so the margin is above 0", separability("    return 0.0")),
    (
        "distance of the means",
        "another margin|No hyperplane",
        separability("    return np.abs(x[y == 1].mean(0) - x[y == 0].mean(0)).sum() / 2"),
    ),
    (
        "an SVM's margin, in the 2-norm",
        "another margin|No hyperplane",
        separability(
            """
    from sklearn.svm import SVC

    found = SVC(kernel="linear", C=1e6, max_iter=10_000).fit(x, y)
    return 1 / np.linalg.norm(found.coef_)
"""
        ),
    ),
    ("the return is missing", "returned None", programme(("return linprog", "linprog"))),
    ("blank", "not yet", separability("    raise NotImplementedError")),
]

CASES = [
    (exercise, name, verdict, code)
    for exercise, answers in (
        ("threshold_units", THRESHOLD_UNITS),
        ("perceptron_update", PERCEPTRON_UPDATE),
        ("parity_network", PARITY_NETWORK),
        ("separability", SEPARABILITY),
    )
    for name, verdict, code in answers
]
