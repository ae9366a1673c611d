"""What learners write for the lab of 09_gans; see `test_answers.py` for the form."""


def gan_losses(body):
    return f"def gan_losses(on_real, on_fake, smooth):\n{body}"


LOSSES = """
    def softplus(x):
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    m = len(on_fake)
    D = 1 / (1 + np.exp(-np.clip(on_fake, -700, 700)))
    real = (1 - smooth) * softplus(-on_real) + smooth * softplus(on_real)
    loss = np.mean(real) + np.mean(softplus(on_fake))
    sat = -np.mean(softplus(on_fake))
    non = np.mean(softplus(-on_fake))
    slope_sat = -D / m
    slope_non = (D - 1) / m
    return {"discriminator": loss, "saturating": sat, "non_saturating": non,
            "saturating_slope": slope_sat, "non_saturating_slope": slope_non}
"""


def losses(*changes):
    body = LOSSES
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in body, old
        body = body.replace(old, new)
    return gan_losses(body)


BY_KERAS = """
    real, fake = (ops.convert_to_tensor(x, "float32") for x in (on_real, on_fake))
    part = (1 - smooth) * ops.softplus(-real) + smooth * ops.softplus(real)
    D = ops.sigmoid(fake)
    return {
        "discriminator": ops.mean(part) + ops.mean(ops.softplus(fake)),
        "saturating": -ops.mean(ops.softplus(fake)),
        "non_saturating": ops.mean(ops.softplus(-fake)),
        "saturating_slope": -D / len(on_fake),
        "non_saturating_slope": (D - 1) / len(on_fake),
    }
"""

BY_LOOPS = """
    import math

    def softplus(x):
        return x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x))

    def sigma(x):
        return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))

    n, m = len(on_real), len(on_fake)
    loss = sum((1 - smooth) * softplus(-x) + smooth * softplus(x) for x in on_real) / n
    loss += sum(softplus(x) for x in on_fake) / m
    return {
        "discriminator": loss,
        "saturating": sum(-softplus(x) for x in on_fake) / m,
        "non_saturating": sum(softplus(-x) for x in on_fake) / m,
        "saturating_slope": [-sigma(x) / m for x in on_fake],
        "non_saturating_slope": [(sigma(x) - 1) / m for x in on_fake],
    }
"""

BY_ENTROPY = """
    entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    n, m = len(on_real), len(on_fake)
    real, fake = on_real[None], on_fake[None]
    D = special.expit(on_fake)
    zeros, ones = np.zeros((1, m)), np.ones((1, m))
    return {
        "discriminator": entropy(np.full((1, n), 1 - smooth), real) + entropy(zeros, fake),
        "saturating": -entropy(zeros, fake),
        "non_saturating": entropy(ones, fake),
        "saturating_slope": -D / m,
        "non_saturating_slope": (D - 1) / m,
    }
"""

NAIVE = """
    def sigma(x):
        return 1 / (1 + np.exp(-x))

    D, F, m = sigma(on_real), sigma(on_fake), len(on_fake)
    real = (1 - smooth) * np.log(D) + smooth * np.log(1 - D)
    return {
        "discriminator": -np.mean(real) - np.mean(np.log(1 - F)),
        "saturating": np.mean(np.log(1 - F)),
        "non_saturating": -np.mean(np.log(F)),
        "saturating_slope": -F / m,
        "non_saturating_slope": (F - 1) / m,
    }
"""

GAN_LOSSES = [
    ("softplus by hand", "right", gan_losses(LOSSES)),
    ("keras.ops, float32 tensors", "right", gan_losses(BY_KERAS)),
    ("loops, lists", "right", gan_losses(BY_LOOPS)),
    ("Keras's cross-entropy", "right", gan_losses(BY_ENTROPY)),
    ("in place", "right", gan_losses("\n    on_real *= 1" + LOSSES)),
    ("naive logarithms", "overflow", gan_losses(NAIVE)),
    (
        "clipped beliefs",
        "do not clip",
        gan_losses(
            NAIVE.replace(
                "return 1 / (1 + np.exp(-x))",
                "return np.clip(1 / (1 + np.exp(-np.clip(x, -700, 700))), 1e-7, 1 - 1e-7)",
            )
        ),
    ),
    (
        "one mean over all",
        "two means",
        losses(
            "np.mean(real) + np.mean(softplus(on_fake))\n",
            "np.mean(np.concatenate([real, softplus(on_fake)]))\n",
        ),
    ),
    (
        "sums",
        "two means",
        losses(
            "np.mean(real) + np.mean(softplus(on_fake))\n",
            "np.sum(real) + np.sum(softplus(on_fake))\n",
        ),
    ),
    (
        "sign of D's loss",
        "mind its sign",
        losses("loss = np.mean(real) +", "loss = -np.mean(real) -"),
    ),
    (
        "forged smoothed too",
        "Only real examples",
        losses(
            "np.mean(real) + np.mean(softplus(on_fake))\n",
            "np.mean(real) + np.mean((1 - smooth) * softplus(on_fake)"
            " + smooth * softplus(-on_fake))\n",
        ),
    ),
    ("half of smoothing", "also asks", losses(" + smooth * softplus(on_real)", "")),
    (
        "smoothing turned round",
        "not s",
        losses(
            "(1 - smooth) * softplus(-on_real) + smooth * softplus(on_real)",
            "smooth * softplus(-on_real) + (1 - smooth) * softplus(on_real)",
        ),
    ),
    ("no smoothing", "Smoothing is missing", losses("    m = len", "    smooth = 0\n    m = len")),
    (
        "the two losses swapped",
        "swapped",
        losses(
            '"saturating": sat, "non_saturating": non', '"saturating": non, "non_saturating": sat'
        ),
    ),
    ("sign of the saturating loss", "mind its sign", losses("sat = -np", "sat = np")),
    ("sign of the other loss", "mind its sign", losses("non = np", "non = -np")),
    ("slopes not divided", "divided by m", losses("slope_sat = -D / m", "slope_sat = -D")),
    (
        "sign of a slope",
        "must raise D",
        losses("slope_non = (D - 1) / m", "slope_non = (1 - D) / m"),
    ),
    (
        "slope by D",
        "by the logit, not by D",
        losses("slope_sat = -D / m", "slope_sat = -1 / (1 - D) / m"),
    ),
    (
        "slopes divided by n",
        "number of real ones",
        losses("slope_sat = -D / m", "slope_sat = -D / len(on_real)"),
    ),
    ("a fixed number of forged ones", "divided by m|Look at", losses("m = len(on_fake)", "m = 5")),
    ("sums for means", "means over the forged", losses("sat = -np.mean", "sat = -np.sum")),
    (
        "forged ones smoothed, real ones not",
        "Only real examples",
        losses(
            "np.mean(real) + np.mean(softplus(on_fake))\n",
            "np.mean(softplus(-on_real)) + np.mean((1 - smooth) * softplus(on_fake)"
            " + smooth * softplus(-on_fake))\n",
        ),
    ),
    (
        "real for forged",
        "mixed up",
        losses(
            "np.mean(real) + np.mean(softplus(on_fake))\n",
            "np.mean(softplus(on_real)) + np.mean(softplus(-on_fake))\n",
        ),
    ),
    ("True in it", "one number", losses("sat = -np.mean(softplus(on_fake))", "sat = True")),
    (
        "slopes swapped",
        "slopes of G's two losses are swapped",
        losses(
            "slope_sat = -D / m",
            "slope_sat = (D - 1) / m",
            "slope_non = (D - 1) / m",
            "slope_non = -D / m",
        ),
    ),
    (
        "a tuple",
        "dict of five",
        losses('return {"disc', 'return loss, sat, non\n    return {"disc'),
    ),
    ("an entry is missing", "dict of five", losses('"saturating": sat, ', "")),
    (
        "slopes summed up",
        "one slope for each",
        losses("slope_sat = -D / m", "slope_sat = -np.mean(D)"),
    ),
    (
        "losses of each example",
        "one number, a mean",
        losses("non = np.mean(softplus(-on_fake))", "non = softplus(-on_fake)"),
    ),
    ("None in it", ".", losses("sat = -np.mean(softplus(on_fake))", "sat = None")),
    ("text in it", ".", losses("sat = -np.mean(softplus(on_fake))", 'sat = "low"')),
    ("ragged in it", ".", losses("slope_sat = -D / m", "slope_sat = [[1.0], [1.0, 2.0]]")),
    ("NaN in it", "NaN|one number", losses("sat = -np.mean(softplus(on_fake))", "sat = np.nan")),
    ("the return is missing", "dict of five", losses("return {", "_ = {")),
    ("blank", "not yet", gan_losses("    raise NotImplementedError")),
]


def frechet_distance(body):
    return f"def frechet_distance(real, generated):\n{body}"


FRECHET = """
    n, m = real["n"], generated["n"]
    m1, m2 = real["sum"] / n, generated["sum"] / m
    S1 = (real["products"] - np.outer(real["sum"], real["sum"]) / n) / (n - 1)
    S2 = (generated["products"] - np.outer(generated["sum"], generated["sum"]) / m) / (m - 1)
    values = np.linalg.eigvals(S1 @ S2)
    shared = np.sqrt(np.maximum(values.real, 0)).sum()
    value = np.sum((m1 - m2) ** 2) + np.trace(S1) + np.trace(S2) - 2 * shared
    return value
"""
ROOT = "np.sqrt(np.maximum(values.real, 0)).sum()"


def distance(*changes):
    body = FRECHET
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in body, old
        body = body.replace(old, new)
    return frechet_distance(body)


FRECHET_DISTANCE = [
    ("eigenvalues", "right", frechet_distance(FRECHET)),
    (
        "the root of a symmetric product",
        "right",
        frechet_distance(
            """
    def root(S):
        values, vectors = np.linalg.eigh(S)
        return (vectors * np.sqrt(values.clip(0))) @ vectors.T

    def moments(r):
        mean = r["sum"] / r["n"]
        second = r["products"] / r["n"] - mean[:, None] * mean
        return mean, second * r["n"] / (r["n"] - 1)

    (m1, S1), (m2, S2) = moments(real), moments(generated)
    R = root(S1)
    return float((m1 - m2) @ (m1 - m2) + np.trace(S1 + S2 - 2 * root(R @ S2 @ R)))
"""
        ),
    ),
    (
        "the library's root of a matrix, real part",
        "right",
        distance(
            "values = np.linalg.eigvals(S1 @ S2)",
            "import scipy.linalg\n    root = scipy.linalg.sqrtm(S1 @ S2)",
            ROOT,
            "np.trace(root).real",
        ),
    ),
    (
        "singular values, an array out",
        "right",
        distance(
            "values = np.linalg.eigvals(S1 @ S2)",
            "(l1, v1), (l2, v2) = np.linalg.eigh(S1), np.linalg.eigh(S2)",
            ROOT,
            "np.linalg.svd((v1 * np.sqrt(l1.clip(0))).T @ (v2 * np.sqrt(l2.clip(0))), "
            "compute_uv=False).sum()",
            "return value",
            "return np.array(value)",
        ),
    ),
    ("float32 out", "right", distance("return value", "return np.float32(value)")),
    (
        "the library's distance of samples",
        "raised",
        frechet_distance("    return scores.frechet(real, generated)"),
    ),
    ("divided by n", "n - 1 here", distance("/ (n - 1)", "/ n", "/ (m - 1)", "/ m")),
    (
        "not centred",
        "taken around 0",
        distance(
            ' - np.outer(real["sum"], real["sum"]) / n',
            "",
            ' - np.outer(generated["sum"], generated["sum"]) / m',
            "",
        ),
    ),
    (
        "sums for means",
        "the sum divided by n",
        distance(
            'm1, m2 = real["sum"] / n, generated["sum"] / m',
            'm1, m2 = real["sum"], generated["sum"]',
        ),
    ),
    (
        "root of each entry",
        "not the root of each entry",
        distance(ROOT, "np.trace(np.sqrt(np.abs(S1 @ S2)))"),
    ),
    (
        "root of each entry, NaN",
        "not the root of each entry|NaN|Look again",
        distance(ROOT, "np.trace(np.sqrt(S1 @ S2))"),
    ),
    (
        "variances only",
        "Only variances",
        distance(
            "value = np.sum((m1 - m2) ** 2) + np.trace(S1) + np.trace(S2) - 2 * shared",
            "widths = np.sqrt(np.diag(S1)) - np.sqrt(np.diag(S2))\n"
            "    value = np.sum((m1 - m2) ** 2) + np.sum(widths**2)",
        ),
    ),
    ("no means", "means are missing", distance("np.sum((m1 - m2) ** 2) + ", "")),
    (
        "means not squared",
        "enters squared",
        distance("np.sum((m1 - m2) ** 2)", "np.linalg.norm(m1 - m2)"),
    ),
    (
        "means by absolute values",
        "enters squared",
        distance("np.sum((m1 - m2) ** 2)", "np.abs(m1 - m2).sum()"),
    ),
    ("the root once", "counts twice", distance("- 2 * shared", "- shared")),
    ("the root added", "yours is added", distance("- 2 * shared", "+ 2 * shared")),
    ("the root left out", "missing", distance(" - 2 * shared", "")),
    ("no root of the product", "where is the root", distance(ROOT, "np.trace(S1 @ S2)")),
    ("a root at the end", "no root at the end", distance("return value", "return np.sqrt(value)")),
    ("root of the trace", "not the root of", distance(ROOT, "np.sqrt(np.trace(S1 @ S2))")),
    (
        "complex",
        "complex \\(take the real part|complex.*real part",
        distance(ROOT, "np.sqrt(values.astype(complex)).sum()"),
    ),
    (
        "roots of negative eigenvalues",
        "NaN, infinite or complex",
        distance(ROOT, "np.sqrt(values.real - 1e-12).sum()"),
    ),
    ("NaN in an array", "NaN, infinite", distance("return value", "return np.array(np.nan)")),
    ("NaN as a tensor", "NaN, infinite", distance("return value", "return ops.sqrt(-1.0)")),
    ("a matrix", "One number", distance("return value", "return S1 + S2")),
    ("a list of one", "One number", distance("return value", "return [value]")),
    ("True", "One number", frechet_distance("    return True")),
    ("None", "returned None", distance("return value", "value")),
    ("text", ".", distance("return value", 'return "far"')),
    ("zero always", "Look again", frechet_distance("    return 0.0")),
    ("blank", "not yet", frechet_distance("    raise NotImplementedError")),
]


def covered(body):
    return f"def covered_classes(real, labels, generated, k):\n{body}"


COVERED = """
    own = np.sqrt(((real[:, None] - real[None]) ** 2).sum(-1))
    across = np.sqrt(((real[:, None] - generated[None]) ** 2).sum(-1))
    radius = np.sort(own, axis=1)[:, k]
    inside = (across <= radius[:, None]).any(axis=1)
    return np.array([inside[labels == c].mean() for c in np.unique(labels)])
"""


def balls(*changes):
    body = COVERED
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in body, old
        body = body.replace(old, new)
    return covered(body)


COVERED_CASES = [
    ("distances", "right", covered(COVERED)),
    (
        "scikit-learn",
        "right",
        covered(
            """
    from sklearn.neighbors import NearestNeighbors

    radius = NearestNeighbors(n_neighbors=k + 1).fit(real).kneighbors(real)[0][:, -1]
    nearest = NearestNeighbors(n_neighbors=1).fit(generated).kneighbors(real)[0][:, 0]
    return np.bincount(labels, nearest <= radius) / np.bincount(labels)
"""
        ),
    ),
    (
        "loops, a list",
        "right",
        covered(
            """
    hits = {}
    for i, x in enumerate(real):
        others = sorted(float(((x - y) ** 2).sum()) for j, y in enumerate(real) if j != i)
        nearest = min(float(((x - y) ** 2).sum()) for y in generated)
        hits.setdefault(int(labels[i]), []).append(nearest <= others[k - 1])
    return [sum(hits[c]) / len(hits[c]) for c in sorted(hits)]
"""
        ),
    ),
    (
        "itself taken out by infinity",
        "right",
        balls(
            "    radius = np.sort(own, axis=1)[:, k]",
            "    np.fill_diagonal(own, np.inf)\n    radius = np.sort(own, axis=1)[:, k - 1]",
        ),
    ),
    (
        "partition, squared distances, float32 out",
        "right",
        balls(
            "np.sqrt(((real[:, None] - real[None]) ** 2).sum(-1))",
            "((real[:, None] - real[None]) ** 2).sum(-1)",
            "np.sqrt(((real[:, None] - generated[None]) ** 2).sum(-1))",
            "((real[:, None] - generated[None]) ** 2).sum(-1)",
            "np.sort(own, axis=1)",
            "np.partition(own, k, axis=1)",
            "np.unique(labels)])",
            "np.unique(labels)], 'float32')",
        ),
    ),
    (
        "the library's own number",
        "One share for each class",
        covered("    return scores.coverage(real, generated, k)"),
    ),
    (
        "the library's own for each class",
        "may be of any class",
        covered(
            "    return [scores.coverage(real[labels == c], generated, k)"
            " for c in range(labels.max() + 1)]"
        ),
    ),
    (
        "the library's own for all classes",
        "same for all classes",
        covered("    return np.full(labels.max() + 1, scores.coverage(real, generated, k))"),
    ),
    ("itself counted", "its own nearest", balls("[:, k]", "[:, k - 1]")),
    ("one too many", "One neighbour too many", balls("[:, k]", "[:, k + 1]")),
    ("strictly inside", "on the edge", balls("across <= radius", "across < radius")),
    (
        "all zeros dropped",
        "an equal one is a neighbour",
        balls("np.sort(own, axis=1)[:, k]", "np.array([np.sort(d[d > 0])[k - 1] for d in own])"),
    ),
    (
        "balls around forged ones",
        "around real examples",
        balls(
            "own = np.sqrt(((real[:, None] - real[None]) ** 2).sum(-1))",
            "own = np.sqrt(((generated[:, None] - generated[None]) ** 2).sum(-1))",
            "radius[:, None]",
            "radius[None]",
        ),
    ),
    (
        "share of forged ones",
        ".",
        balls("any(axis=1)", "any(axis=0)"),
    ),
    ("one radius for all", "own radius", balls("[:, k]\n", "[:, k].mean() * np.ones(len(real))\n")),
    (
        "all of them inside",
        "Look again|its own|edge|own radius|0 for every",
        balls("any(axis=1)", "all(axis=1)"),
    ),
    (
        "share of all",
        "its own examples",
        balls("[labels == c].mean()", "[labels == c].sum() / len(real)"),
    ),
    ("a count", "yours is a count", balls("[labels == c].mean()", "[labels == c].sum()")),
    (
        "whole numbers only",
        "0 for every class",
        balls("].mean() for", "].sum() // len(labels) for"),
    ),
    ("what is missing", "yours is what is missing", balls("return np", "return 1 - np")),
    ("percent", "not percent", balls("return np", "return 100 * np")),
    ("each example", "One share", balls("    return", "    return inside\n    return")),
    ("a bool", ".", covered("    return True")),
    ("NaN", ".", covered("    return [np.nan] * 3")),
    ("text", ".", covered('    return ["all", "some", "none"]')),
    ("ragged", ".", covered("    return [[1.0], [1.0, 0.0], 1.0]")),
    ("None", "returned None", balls("return np", "np")),
    ("blank", "not yet", covered("    raise NotImplementedError")),
]


def gradient_penalty(body):
    return f"def gradient_penalty(real, fake, u, W, b, v):\n{body}"


PENALTY = """
    t = u[:, None]
    mixed = t * real + (1 - t) * fake
    h = np.tanh(mixed @ W + b)
    slope = ((1 - h**2) * v) @ W.T
    length = np.sqrt((slope**2).sum(axis=1))
    return np.mean((length - 1) ** 2)
"""


def penalty(*changes):
    body = PENALTY
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in body, old
        body = body.replace(old, new)
    return gradient_penalty(body)


GRADIENT_PENALTY = [
    ("by hand", "right", gradient_penalty(PENALTY)),
    (
        "the backend's gradient",
        "right",
        gradient_penalty(
            """
    mixed = u[:, None] * real + (1 - u[:, None]) * fake

    def total(x):
        return ops.sum(ops.tanh(ops.matmul(x, W) + b) * v)

    slope = autodiff.grad(total)(mixed.astype("float32"))
    return ((np.linalg.norm(slope, axis=1) - 1) ** 2).mean()
"""
        ),
    ),
    (
        "one example after another, float64",
        "right",
        gradient_penalty(
            """
    real, fake, W, v = (a.astype("float64") for a in (real, fake, W, v))
    total = 0.0
    for x, g, t in zip(real, fake, u):
        mixed = g + t * (x - g)
        jacobian = W * (1 - np.tanh(mixed @ W + b) ** 2)
        total += (np.linalg.norm(jacobian @ v) - 1) ** 2
    return total / len(real)
"""
        ),
    ),
    (
        "keras.ops, a tensor out",
        "right",
        gradient_penalty(
            """
    t = ops.expand_dims(ops.convert_to_tensor(u), -1)
    a = ops.matmul(t * real + (1 - t) * fake, W) + b
    slope = ops.matmul(v / ops.cosh(a) ** 2, W.T)
    return ops.mean((ops.sqrt(ops.sum(slope**2, axis=-1)) - 1) ** 2)
"""
        ),
    ),
    (
        "swapped",
        "u weighs the real",
        penalty("t * real + (1 - t) * fake", "t * fake + (1 - t) * real"),
    ),
    ("at the real", "Mix first", penalty("t * real + (1 - t) * fake", "real")),
    ("at the forged", "mix first", penalty("t * real + (1 - t) * fake", "fake")),
    ("b forgotten", "Where is b", penalty("mixed @ W + b", "mixed @ W")),
    ("v forgotten", "Where is v", penalty("(1 - h**2) * v", "1 - h**2")),
    ("tanh for its slope", "tanh bends", penalty("(1 - h**2) * v", "h * v")),
    ("along the examples", "its own entries", penalty("sum(axis=1)", "sum(axis=0)")),
    (
        "absolute values in the length",
        "adds absolute values",
        penalty("np.sqrt((slope**2).sum(axis=1))", "np.abs(slope).sum(axis=1)"),
    ),
    ("True", "One number", gradient_penalty("    return True")),
    ("tanh forgotten", "tanh bends", penalty("(1 - h**2) * v", "np.ones_like(h) * v")),
    ("square of tanh forgotten", "mind the square", penalty("h**2", "h")),
    (
        "one length for the batch",
        "not one for the whole",
        penalty("(slope**2).sum(axis=1)", "(slope**2).sum()"),
    ),
    (
        "no root",
        "take the root",
        penalty("np.sqrt((slope**2).sum(axis=1))", "(slope**2).sum(axis=1)"),
    ),
    ("no square", "Square the distance", penalty("(length - 1) ** 2", "length - 1")),
    ("absolute value", "absolute value", penalty("(length - 1) ** 2", "np.abs(length - 1)")),
    (
        "mean first",
        "Square first",
        penalty("np.mean((length - 1) ** 2)", "(np.mean(length) - 1) ** 2"),
    ),
    (
        "one side only",
        "Lengths below 1",
        penalty("(length - 1) ** 2", "np.maximum(length - 1, 0) ** 2"),
    ),
    ("a sum", "not the sum", penalty("return np.mean", "return np.sum")),
    ("mean of squares in the length", "not of their", penalty(".sum(axis=1)", ".mean(axis=1)")),
    ("with lambda", "left out", penalty("return ", "return 10 * ")),
    ("u beside the examples", "raised|Look again|u weighs", penalty("u[:, None]", "u")),
    ("each example", "One number", penalty("np.mean((length - 1) ** 2)", "(length - 1) ** 2")),
    ("None", "returned None", penalty("return np", "np")),
    ("NaN", "NaN", penalty("return ", "return np.nan * ")),
    ("text", ".", gradient_penalty('    return "small"')),
    ("blank", "not yet", gradient_penalty("    raise NotImplementedError")),
]

CASES = [
    (exercise, *case)
    for exercise, cases in {
        "gan_losses": GAN_LOSSES,
        "frechet_distance": FRECHET_DISTANCE,
        "covered_classes": COVERED_CASES,
        "gradient_penalty": GRADIENT_PENALTY,
    }.items()
    for case in cases
]
