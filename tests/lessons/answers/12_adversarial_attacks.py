"""What learners write for the lab of 12_adversarial_attacks; see `test_answers.py` for the form."""


def changer(name, arguments, body):
    """A function that returns the right answer with pieces replaced: old, new, old, new, …"""

    def changed(*pieces):
        text = body
        for old, new in zip(pieces[::2], pieces[1::2], strict=True):
            assert old in text, old
            text = text.replace(old, new)
        return f"def {name}({arguments}):\n" + text

    return changed


fgsm_with = changer(
    "fgsm_softmax",
    "images, labels, W, b, epsilon, target=None",
    """
    z = images @ W + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    k = labels if target is None else target
    one_hot = np.eye(len(b))[k]
    g = (p - one_hot) @ W.T
    way = 1 if target is None else -1
    y = images + way * epsilon * np.sign(g)
    return np.clip(y, 0, 1)
""",
)


def fgsm(body):
    return f"def fgsm_softmax(images, labels, W, b, epsilon, target=None):\n{body}"


FGSM = [
    ("as written", "right", fgsm_with()),
    ("float32", "right", fgsm_with("z = images @ W + b", "z = (images @ W + b).astype('float32')")),
    (
        "loops, lists out",
        "right",
        fgsm(
            """
    out = []
    for i in range(len(images)):
        z = [sum(images[i, j] * W[j, c] for j in range(len(W))) + b[c] for c in range(len(b))]
        top = max(z)
        e = [np.exp(v - top) for v in z]
        k = labels[i] if target is None else target[i]
        slope = [v / sum(e) - (c == k) for c, v in enumerate(e)]
        row = []
        for j in range(len(W)):
            g = sum(s * w for s, w in zip(slope, W[j]))
            s = int(g > 0) - int(g < 0)
            if target is not None:
                s = -s
            row.append(float(min(max(images[i, j] + epsilon * s, 0), 1)))
        out.append(row)
    return out
"""
        ),
    ),
    (
        "keras.ops",
        "right",
        fgsm(
            """
    x, W, b = (ops.convert_to_tensor(np.float32(a)) for a in (images, W, b))
    k, way = (labels, 1) if target is None else (target, -1)
    p = ops.softmax(ops.matmul(x, W) + b)
    g = ops.matmul(p - ops.one_hot(k, b.shape[0]), ops.transpose(W))
    return ops.clip(x + way * epsilon * ops.sign(g), 0, 1)
"""
        ),
    ),
    (
        "by differences of the loss",
        "right",
        fgsm(
            """
    k = labels if target is None else target

    def loss(x):
        z = x @ W + b
        top = z.max(axis=1)
        return top + np.log(np.exp(z - top[:, None]).sum(axis=1)) - z[np.arange(len(x)), k]

    g = np.zeros(images.shape)
    for j in range(images.shape[1]):
        h = np.zeros(images.shape[1])
        h[j] = 1e-4
        g[:, j] = loss(images + h) - loss(images - h)
    g[np.abs(g) < 1e-8] = 0
    return np.clip(images + (1 if target is None else -1) * epsilon * np.sign(g), 0, 1)
"""
        ),
    ),
    (
        "by SciPy's softmax",
        "right",
        fgsm(
            """
    from scipy.special import softmax

    p = softmax(images @ W + b, axis=1)
    p[range(len(p)), labels if target is None else target] -= 1
    step = epsilon * np.sign(p @ W.T)
    return np.clip(images + (step if target is None else -step), 0, 1)
"""
        ),
    ),
    ("unchanged", "unchanged", fgsm("    return images")),
    ("no sign", "sign is missing", fgsm_with("np.sign(g)", "g")),
    (
        "no sign, no clipping",
        "sign is missing, and the clipping",
        fgsm_with("np.sign(g)", "g", "np.clip(y, 0, 1)", "y"),
    ),
    ("no clipping", "Clip the images", fgsm_with("np.clip(y, 0, 1)", "y")),
    ("clipped below -1", "not to \\[-1, 1\\]", fgsm_with("np.clip(y, 0", "np.clip(y, -1")),
    ("down", "goes down the loss", fgsm_with("way = 1 if", "way = -1 if")),
    ("both turned", "goes down the loss", fgsm_with("+ way", "- way")),
    ("target climbed", "yours climbs\\.", fgsm_with("else -1", "else 1")),
    (
        "target not used",
        "climbs the label's",
        fgsm_with("labels if target is None else target", "labels", "else -1", "else 1"),
    ),
    (
        "the label descended",
        "not the label's",
        fgsm_with("labels if target is None else target", "labels"),
    ),
    (
        "both losses",
        "label's loss and the target's",
        fgsm_with(
            "(p - one_hot) @ W.T",
            "(p - one_hot) @ W.T\n"
            "    if target is not None:\n"
            "        g = g - (p - np.eye(len(b))[labels]) @ W.T",
        ),
    ),
    ("normalised", "ℓ2 ball", fgsm_with("np.sign(g)", "g / np.linalg.norm(g, axis=1)[:, None]")),
    ("sign by where", "sign is 0", fgsm_with("np.sign(g)", "np.where(g >= 0, 1, -1)")),
    (
        "sign by where, strict",
        "sign\\(0\\) is 0",
        fgsm_with("np.sign(g)", "np.where(g > 0, 1, -1)"),
    ),
    ("no one-hot", "one-hot vector is missing", fgsm_with("(p - one_hot)", "p")),
    ("a logit", "climbs a logit", fgsm_with("(p - one_hot)", "-one_hot")),
    ("one-hot added", "not added", fgsm_with("(p - one_hot)", "(p + one_hot)")),
    ("no softmax", "logits are no probabilities", fgsm_with("(p - one_hot)", "(z - one_hot)")),
    (
        "softmax over images",
        "not over the images",
        fgsm_with("axis=1, keepdims=True", "axis=0, keepdims=True"),
    ),
    ("mean gradient", "take the mean", fgsm_with("np.sign(g)", "np.sign(g.mean(axis=0))")),
    ("no bias", "bias b is missing", fgsm_with("images @ W + b", "images @ W")),
    ("the change alone", "change alone", fgsm_with("images + way", "way")),
    ("the gradient", "not an image", fgsm_with("return np.clip(y, 0, 1)", "return g")),
    (
        "gradient in the weights",
        "raised ValueError|same shape",
        fgsm_with("(p - one_hot) @ W.T", "images.T @ (p - one_hot)"),
    ),
    ("overflow", "overflows", fgsm_with(" - z.max(axis=1, keepdims=True)", "")),
    ("NaN", "NaN", fgsm_with("np.clip(y, 0, 1)", "y * np.nan")),
    ("one image", "One image for each", fgsm_with("np.clip(y, 0, 1)", "np.clip(y, 0, 1)[0]")),
    (
        "half the step",
        "Some pixels differ",
        fgsm_with("way * epsilon", "way * 0.5 * epsilon"),
    ),
    ("nothing", "returned None", fgsm("    pass")),
    ("blank", "not yet", fgsm("    raise NotImplementedError")),
]


project_with = changer(
    "project",
    "points, images, epsilon, norm",
    """
    change = points - images
    r = epsilon[:, None, None, None]
    if norm == "linf":
        change = np.clip(change, -r, r)
    else:
        length = np.sqrt((change**2).sum(axis=(1, 2, 3), keepdims=True))
        factor = np.minimum(1, r / np.maximum(length, 1e-12))
        change = change * factor
    y = images + change
    return np.clip(y, 0, 1)
""",
)


def project(body):
    return f"def project(points, images, epsilon, norm):\n{body}"


PROJECT = [
    ("as written", "right", project_with()),
    (
        "float32",
        "right",
        project_with("points - images", "np.float32(points) - np.float32(images)"),
    ),
    (
        "a division that may be by 0",
        "right",
        project_with("r / np.maximum(length, 1e-12)", "r / length"),
    ),
    (
        "loops, lists out",
        "right",
        project(
            """
    out = []
    for p, x, r in zip(points, images, epsilon):
        if norm == "linf":
            p = np.minimum(np.maximum(p, x - r), x + r)
        else:
            length = np.linalg.norm((p - x).ravel())
            if length > r:
                p = x + (p - x) / length * r
        out.append(np.clip(p, 0, 1).tolist())
    return out
"""
        ),
    ),
    (
        "keras.ops",
        "right",
        project(
            """
    p, x = (ops.convert_to_tensor(np.float32(a)) for a in (points, images))
    r = ops.reshape(ops.convert_to_tensor(np.float32(epsilon)), (-1, 1, 1, 1))
    d = p - x
    if norm == "linf":
        d = ops.minimum(ops.maximum(d, -r), r)
    else:
        n = ops.sqrt(ops.sum(ops.square(d), axis=(1, 2, 3), keepdims=True))
        d = ops.where(n > r, d * r / (n + 1e-12), d)
    return ops.clip(x + d, 0.0, 1.0)
"""
        ),
    ),
    (
        "flattened",
        "right",
        project(
            """
    shape = images.shape
    p, x = points.reshape(len(points), -1), images.reshape(len(images), -1)
    if norm == "linf":
        return np.clip(np.clip(p, x - epsilon[:, None], x + epsilon[:, None]), 0, 1).reshape(shape)
    length = np.linalg.norm(p - x, axis=1)
    far = length > epsilon
    q = p.copy()
    q[far] = x[far] + (p - x)[far] * (epsilon[far] / length[far])[:, None]
    return np.clip(q, 0, 1).reshape(shape)
"""
        ),
    ),
    ("as they were", "as they were", project("    return points")),
    ("only clipped", "ball is missing", project("    return np.clip(points, 0, 1)")),
    ("the images", "images came back", project("    return images")),
    ("the change", "add it to the image", project_with("images + change", "change")),
    (
        "the bare change",
        "add it to the image",
        project_with("return np.clip(y, 0, 1)", "return change"),
    ),
    ("not clipped", "in the end", project_with("np.clip(y, 0, 1)", "y")),
    ("clipped below -1", "not to \\[-1, 1\\]", project_with("np.clip(y, 0", "np.clip(y, -1")),
    (
        "ball around 0",
        "lies around the image",
        project_with("points - images", "points", "images + change", "change"),
    ),
    (
        "l2 around 0",
        "lies around the image",
        project_with(
            "        length",
            "        change = points\n        length",
            "change = change * factor",
            "change = change * factor - images",
        ),
    ),
    ("turned round", "turned round", project_with("points - images", "images - points")),
    (
        "the first's radius",
        "all have the first's",
        project_with("epsilon[:, None, None, None]", "epsilon[0]"),
    ),
    (
        "radius along the channels",
        "raised ValueError|varies along the last|of the same shape",
        project_with("epsilon[:, None, None, None]", "epsilon"),
    ),
    (
        "linf by shrinking",
        "clipped on its own",
        project_with(
            "np.clip(change, -r, r)",
            "change * np.minimum(1, r / (abs(change).max(axis=(1, 2, 3), keepdims=True) + 1e-12))",
        ),
    ),
    ("linf as l2", "that is the ℓ2 ball", project_with('norm == "linf"', 'norm == "none"')),
    (
        "linf to the edge",
        "every pixel to the edge",
        project_with("np.clip(change, -r, r)", "r * np.sign(change)"),
    ),
    (
        "linf from above",
        "downwards have a limit",
        project_with("np.clip(change, -r, r)", "np.minimum(change, r)"),
    ),
    (
        "linf from below",
        "upwards have a limit",
        project_with("np.clip(change, -r, r)", "np.maximum(change, -r)"),
    ),
    ("l2 as linf", "that is the ℓ∞ ball", project_with('norm == "linf"', "True")),
    (
        "always to the edge",
        "stays: yours is moved",
        project_with(
            "np.minimum(1, r / np.maximum(length, 1e-12))", "r / np.maximum(length, 1e-9)"
        ),
    ),
    (
        "to the edge with NaN",
        "stays: yours is moved|NaN",
        project_with("np.minimum(1, r / np.maximum(length, 1e-12))", "r / length"),
    ),
    (
        "to the edge, unclipped",
        "edge even from inside",
        project_with(
            "np.minimum(1, r / np.maximum(length, 1e-12))", "r / length", "np.clip(y, 0, 1)", "y"
        ).replace("return y", 'return y if norm == "l2" else np.clip(y, 0, 1)'),
    ),
    (
        "0 / 0",
        "not changed at all",
        project_with(
            "np.minimum(1, r / np.maximum(length, 1e-12))",
            "np.minimum(length, r) / length",
        ),
    ),
    (
        "length of the batch",
        "whole batch",
        project_with("(change**2).sum(axis=(1, 2, 3), keepdims=True)", "(change**2).sum()"),
    ),
    ("along the last axis", "along one axis", project_with("axis=(1, 2, 3)", "axis=-1")),
    ("along the height", "along its height", project_with("axis=(1, 2, 3)", "axis=1")),
    ("along the width", "along its width", project_with("axis=(1, 2, 3)", "axis=2")),
    ("each channel", "channels are part", project_with("axis=(1, 2, 3)", "axis=(1, 2)")),
    (
        "no root",
        "length has a root",
        project_with(
            "np.sqrt((change**2).sum(axis=(1, 2, 3), keepdims=True))",
            "(change**2).sum(axis=(1, 2, 3), keepdims=True)",
        ),
    ),
    ("mean of squares", "not averaged", project_with("(change**2).sum", "(change**2).mean")),
    (
        "l1",
        "ℓ1 norm",
        project_with(
            "np.sqrt((change**2).sum(axis=(1, 2, 3), keepdims=True))",
            "abs(change).sum(axis=(1, 2, 3), keepdims=True)",
        ),
    ),
    (
        "largest change",
        "largest change",
        project_with(
            "np.sqrt((change**2).sum(axis=(1, 2, 3), keepdims=True))",
            "abs(change).max(axis=(1, 2, 3), keepdims=True)",
        ),
    ),
    (
        "length 1",
        "length 1",
        project_with(
            "np.minimum(1, r / np.maximum(length, 1e-12))", "1 / np.maximum(length, 1e-9)"
        ),
    ),
    (
        "clipped first",
        "yours clips first",
        project_with(
            "points - images", "np.clip(points, 0, 1) - images", "np.clip(y, 0, 1)", "y"
        ).replace("return y", 'return y if norm == "l2" else np.clip(y, 0, 1)'),
    ),
    (
        "twice the radius",
        "outside its ball|ball is missing",
        project_with("r = epsilon", "r = 2 * epsilon"),
    ),
    ("half the radius", "not where it should be", project_with("r = epsilon", "r = 0.5 * epsilon")),
    ("one image", "One image for each", project_with("np.clip(y, 0, 1)", "np.clip(y, 0, 1)[0]")),
    ("NaN", "NaN", project_with("np.clip(y, 0, 1)", "y * np.nan")),
    ("nothing", "returned None", project("    pass")),
    ("blank", "not yet", project("    raise NotImplementedError")),
]


pgd_with = changer(
    "pgd_restarts",
    "loss_and_gradient, images, starts, epsilon, step, steps",
    """
    best, found = np.full(len(images), -np.inf), images.copy()
    for start in starts:
        x = images + start
        x = np.clip(x, 0, 1)
        for j in range(steps + 1):
            loss, g = loss_and_gradient(x)
            better = loss > best
            found[better], best[better] = x[better], loss[better]
            x = x + step * np.sign(g)
            x = np.clip(x, images - epsilon, images + epsilon)
            x = np.clip(x, 0, 1)
    return found
""",
)


def pgd(body):
    return f"def pgd_restarts(loss_and_gradient, images, starts, epsilon, step, steps):\n{body}"


# The end of every walk alone, and what is kept of them.
ENDS = """
    ends = []
    for start in starts:
        x = np.clip(images + start, 0, 1)
        for j in range(steps):
            loss, g = loss_and_gradient(x)
            x = np.clip(x + step * np.sign(g), images - epsilon, images + epsilon)
            x = np.clip(x, 0, 1)
        ends.append(x)
    ends = np.stack(ends)
    losses = loss_and_gradient(ends)[0]
"""
# All points, by restart and step.
PATHS = """
    x, paths, losses = np.clip(images + starts, 0, 1), [], []
    for j in range(steps + 1):
        loss, g = loss_and_gradient(x)
        paths.append(x)
        losses.append(loss)
        x = np.clip(x + step * np.sign(g), images - epsilon, images + epsilon)
        x = np.clip(x, 0, 1)
    paths, losses = np.stack(paths), np.stack(losses)
    rows = np.arange(len(images))
"""

PGD = [
    (
        "the original is a candidate, too",
        "no point of the walks",
        pgd_with(
            "best, found = np.full(len(images), -np.inf), images.copy()",
            "best, found = loss_and_gradient(images)[0], images.copy()",
        ),
    ),
    (
        "kept points are changed in place",
        "copy it",
        pgd("""
    kept, losses = [], []
    x = np.clip(images + starts, 0, 1)
    for j in range(steps + 1):
        loss, g = loss_and_gradient(x)
        kept.append(x)
        losses.append(loss)
        x += step * np.sign(g)
        np.clip(x, images - epsilon, images + epsilon, out=x)
        np.clip(x, 0, 1, out=x)
    worst = np.concatenate(losses).argmax(axis=0)
    return np.concatenate(kept)[worst, np.arange(len(images))]
"""),
    ),
    ("as written", "right", pgd_with()),
    (
        "all at once",
        "right",
        pgd(
            PATHS
            + """
    n, d = images.shape
    return paths.reshape(-1, n, d)[losses.reshape(-1, n).argmax(axis=0), rows]
"""
        ),
    ),
    (
        "float32",
        "right",
        pgd_with("x = images + start\n", "x = np.float32(images + start)\n"),
    ),
    (
        "keras.ops, lists out",
        "right",
        pgd(
            """
    x0 = ops.convert_to_tensor(np.float32(images))
    low, high = ops.maximum(x0 - epsilon, 0), ops.minimum(x0 + epsilon, 1)
    x = ops.clip(x0 + ops.convert_to_tensor(np.float32(starts)), 0, 1)
    found, best = None, None
    for j in range(steps + 1):
        loss, g = loss_and_gradient(x)
        points = ops.convert_to_numpy(x)
        for p, l in zip(points, loss):
            if found is None:
                found, best = p.copy(), l.copy()
            found = np.where((l > best)[:, None], p, found)
            best = np.maximum(l, best)
        g = ops.convert_to_tensor(np.float32(g))
        x = ops.minimum(ops.maximum(x + step * ops.sign(g), low), high)
    return found.tolist()
"""
        ),
    ),
    (
        "changes, not points",
        "right",
        pgd(
            """
    worst = []
    for delta in starts:
        delta = np.clip(images + delta, 0, 1) - images
        worst.append((loss_and_gradient(images + delta)[0], images + delta))
        for _ in range(steps):
            g = loss_and_gradient(images + delta)[1]
            delta = np.clip(delta + step * np.sign(g), -epsilon, epsilon)
            delta = np.clip(images + delta, 0, 1) - images
            worst.append((loss_and_gradient(images + delta)[0], images + delta))
    return [
        max(((l[i], x[i].tolist()) for l, x in worst))[1] for i in range(len(images))
    ]
"""
        ),
    ),
    ("unchanged", "No point after", pgd("    return images")),
    ("down", "does the step climb|goes down", pgd_with("x + step", "x - step")),
    ("no sign", "which is missing", pgd_with("np.sign(g)", "g")),
    ("epsilon as step", "size epsilon", pgd_with("x + step *", "x + epsilon *")),
    (
        "step divided",
        "number of steps",
        pgd_with("x + step *", "x + step / steps *"),
    ),
    (
        "never in the box",
        "clipped to \\[0, 1\\]",
        pgd_with("x = np.clip(x, 0, 1)", "pass"),
    ),
    (
        "never projected",
        "original image",
        pgd_with("x = np.clip(x, images - epsilon, images + epsilon)", "pass"),
    ),
    (
        "around the moving point",
        "original image",
        pgd_with(
            "x = x + step * np.sign(g)\n",
            "old, x = x, x + step * np.sign(g)\n",
            "np.clip(x, images - epsilon, images + epsilon)",
            "np.clip(x, old - epsilon, old + epsilon)",
        ),
    ),
    (
        "around the start",
        "not around the start",
        pgd_with(
            "images - epsilon, images + epsilon",
            "c - epsilon, c + epsilon",
            "x = images + start\n",
            "x = images + start\n        c = np.clip(x, 0, 1)\n",
        ),
    ),
    (
        "projected in the end",
        "only projects",
        pgd_with(
            "            x = np.clip(x, images - epsilon, images + epsilon)\n",
            "",
            "return found",
            "return np.clip(found, images - epsilon, images + epsilon)",
        ),
    ),
    (
        "last step projected",
        "only projects",
        pgd(
            """
    for start in starts[-1:]:
        x = np.clip(images + start, 0, 1)
        for j in range(steps):
            x = np.clip(x + step * np.sign(loss_and_gradient(x)[1]), 0, 1)
    return np.clip(np.clip(x, images - epsilon, images + epsilon), 0, 1)
"""
        ),
    ),
    ("no start", "start is not added", pgd_with("images + start\n", "images.copy()\n")),
    (
        "start subtracted",
        "not subtracted|start is not added",
        pgd_with("images + start\n", "images - start\n"),
    ),
    (
        "the first gradient",
        "anew",
        pgd_with(
            "loss, g = loss_and_gradient(x)",
            "loss, new = loss_and_gradient(x)\n            g = new if j == 0 else g",
        ),
    ),
    (
        "a step too few",
        "No point after",
        pgd_with("range(steps + 1)", "range(steps)"),
    ),
    ("a step too many", "too many", pgd_with("range(steps + 1)", "range(steps + 2)")),
    ("the last end", "end of the walk", pgd(ENDS + "    return ends[-1]")),
    ("the first end", "end of the walk", pgd(ENDS + "    return ends[0]")),
    (
        "best end",
        "end of the walk|Points on the way",
        pgd(ENDS + "    return ends[losses.argmax(axis=0), np.arange(len(images))]"),
    ),
    (
        "best end of the batch",
        "end of the walk|whole batch",
        pgd(ENDS + "    return ends[losses.sum(axis=1).argmax()]"),
    ),
    ("mean of ends", "end of the walk|no mean", pgd(ENDS + "    return ends.mean(axis=0)")),
    (
        "best step of the batch",
        "one step for the whole batch",
        pgd(
            PATHS
            + """
    flat = paths.reshape(-1, *images.shape)
    return flat[losses.reshape(len(flat), -1).sum(axis=1).argmax()]
"""
        ),
    ),
    (
        "best restart of the batch",
        "one for all images",
        pgd(
            PATHS
            + """
    r = losses.max(axis=0).sum(axis=1).argmax()
    return paths[losses[:, r].argmax(axis=0), r, rows]
"""
        ),
    ),
    (
        "last restart",
        "Only the last restart",
        pgd(PATHS + "    return paths[losses[:, -1].argmax(axis=0), -1, rows]"),
    ),
    (
        "first restart",
        "Only the first restart",
        pgd(PATHS + "    return paths[losses[:, 0].argmax(axis=0), 0, rows]"),
    ),
    (
        "one start for all",
        "Only the first restart|begin at one start",
        pgd_with("images + start\n", "images + starts[0]\n"),
    ),
    (
        "lowest loss",
        "No point after",
        pgd_with("loss > best", "loss < best", "-np.inf", "np.inf"),
    ),
    (
        "start not counted",
        "start counts",
        pgd_with("better = loss > best", "better = (loss > best) & (j > 0)"),
    ),
    (
        "the starts",
        "No point after",
        pgd("    return np.clip(images + starts[0], 0, 1)"),
    ),
    (
        "clipped before projecting",
        "outside \\[0, 1\\]|clipped to",
        pgd_with("            x = np.clip(x, 0, 1)\n", ""),
    ),
    (
        "twice the ball",
        "more than epsilon|wanders out",
        pgd_with(
            "images - epsilon, images + epsilon", "images - 2 * epsilon, images + 2 * epsilon"
        ),
    ),
    ("all restarts", "choose among", pgd(PATHS + "    return paths[-1]")),
    (
        "one point too many",
        "raised ValueError",
        pgd_with("loss_and_gradient(x)", "loss_and_gradient(x[0])"),
    ),
    ("NaN", "NaN", pgd_with("return found", "return found * np.nan")),
    ("nothing", "returned None", pgd("    pass")),
    ("blank", "not yet", pgd("    raise NotImplementedError")),
]


certify_with = changer(
    "certify_batch",
    "selection, estimation, sigma, alpha",
    """
    from scipy import stats

    rows = np.arange(len(selection))
    c = selection.argmax(axis=1)
    k = estimation[rows, c]
    m = estimation.sum(axis=1)
    p = stats.beta.ppf(alpha, np.maximum(k, 1), m - k + 1)
    p = np.where(k == 0, 0, p)
    sure = p > 0.5
    radius = sigma * stats.norm.ppf(p)
    return np.where(sure, c, -1), np.where(sure, radius, 0)
""",
)


def certify(body):
    return f"def certify_batch(selection, estimation, sigma, alpha):\n{body}"


CERTIFY = [
    (
        "NaN without a vote",
        "no votes, no radius",
        certify_with("p = np.where(k == 0, 0, p)", "p = np.where(k == 0, np.nan, p)").replace(
            "np.where(sure, radius, 0)", "np.where(p <= 0.5, 0, radius)"
        ),
    ),
    ("as written", "right", certify_with()),
    (
        "float32",
        "right",
        certify_with("sure = p > 0.5", "p = p.astype('float32')\n    sure = p > 0.5"),
    ),
    (
        "one array of two rows",
        "right",
        certify_with(
            "return np.where(sure, c, -1), np.where(sure, radius, 0)",
            "return np.stack([np.where(sure, c, -1), np.where(sure, radius, 0)])",
        ),
    ),
    (
        "k = 0 left NaN",
        "right",
        certify_with("np.maximum(k, 1)", "k", "    p = np.where(k == 0, 0, p)\n", ""),
    ),
    (
        "by binomtest, lists out",
        "right",
        certify(
            """
    from scipy.stats import binomtest, norm

    classes, radii = [], []
    for first, second in zip(selection, estimation):
        c = int(np.argmax(first))
        test = binomtest(int(second[c]), int(second.sum()), alternative="greater")
        p = test.proportion_ci(1 - alpha, method="exact").low
        classes.append(c if p > 0.5 else -1)
        radii.append(float(sigma * norm.ppf(p)) if p > 0.5 else 0.0)
    return classes, radii
"""
        ),
    ),
    (
        "by bisection of the binomial tail, a list",
        "right",
        certify(
            """
    from scipy.stats import binom
    from scipy.special import ndtri

    out = []
    for first, second in zip(selection, estimation):
        c = int(np.argmax(first))
        k, m, low, high = int(second[c]), int(second.sum()), 0.0, 1.0
        for _ in range(60):
            p = (low + high) / 2
            if binom.sf(k - 1, m, p) < alpha:
                low = p
            else:
                high = p
        out.append((c, float(sigma * ndtri(low))) if low > 0.5 else (-1, 0.0))
    return [[c for c, _ in out], [r for _, r in out]]
"""
        ),
    ),
    (
        "keras.ops in part",
        "right",
        certify_with(
            "return np.where(sure, c, -1), np.where(sure, radius, 0)",
            "radius = ops.where(sure, ops.convert_to_tensor(radius.astype('float32')), 0.0)\n"
            "    return ops.where(sure, ops.convert_to_tensor(c), -1), radius",
        ),
    ),
    ("no sigma", "sigma is missing", certify_with("sigma * stats", "stats")),
    ("sigma squared", "not to its square", certify_with("sigma * stats", "sigma**2 * stats")),
    ("sigma divides", "divides by it", certify_with("sigma * stats", "1 / sigma * stats")),
    ("half", "half of it", certify_with("sigma * stats", "0.5 * sigma * stats")),
    ("two-sided", "one-sided", certify_with("ppf(alpha,", "ppf(alpha / 2,")),
    (
        "plain share",
        "k / m",
        certify_with("stats.beta.ppf(alpha, np.maximum(k, 1), m - k + 1)", "k / m"),
    ),
    (
        "plain share clipped",
        "k / m",
        certify_with(
            "stats.beta.ppf(alpha, np.maximum(k, 1), m - k + 1)", "np.minimum(k / m, 1 - 1e-9)"
        ),
    ),
    (
        "upper end",
        "upper end",
        certify_with(
            "stats.beta.ppf(alpha, np.maximum(k, 1), m - k + 1)",
            "stats.beta.ppf(1 - alpha, k + 1, np.maximum(m - k, 1e-9))",
        ),
    ),
    (
        "normal approximation",
        "normal approximation",
        certify_with(
            "stats.beta.ppf(alpha, np.maximum(k, 1), m - k + 1)",
            "k / m + stats.norm.ppf(alpha) * np.sqrt(k / m * (1 - k / m) / m)",
        ),
    ),
    (
        "normal approximation, two-sided",
        "two-sided normal approximation",
        certify_with(
            "stats.beta.ppf(alpha, np.maximum(k, 1), m - k + 1)",
            "k / m + stats.norm.ppf(alpha / 2) * np.sqrt(k / m * (1 - k / m) / m)",
        ),
    ),
    (
        "Wilson",
        "Wilson|radii differ",
        certify_with(
            "stats.beta.ppf(alpha, np.maximum(k, 1), m - k + 1)",
            "np.array([stats.binomtest(int(i), int(j), alternative='greater')"
            ".proportion_ci(1 - alpha, method='wilson').low for i, j in zip(k, m)])",
        ),
    ),
    (
        "Hoeffding",
        "Hoeffding",
        certify_with(
            "stats.beta.ppf(alpha, np.maximum(k, 1), m - k + 1)",
            "k / m - np.sqrt(-np.log(alpha) / (2 * m))",
        ),
    ),
    (
        "posterior",
        "of the posterior",
        certify_with("np.maximum(k, 1), m - k + 1", "k + 1, m - k + 1"),
    ),
    (
        "k one too many",
        "k is one too many|endpoint",
        certify_with("np.maximum(k, 1), m - k + 1", "k + 1, m - k"),
    ),
    (
        "second number too small",
        "second one is too small|endpoint",
        certify_with("np.maximum(k, 1), m - k + 1", "np.maximum(k, 1), m - k"),
    ),
    (
        "both rounds counted",
        "of both",
        certify_with(
            "k = estimation[rows, c]",
            "k = (selection + estimation)[rows, c]",
            "m = estimation.sum",
            "m = (selection + estimation).sum",
        ),
    ),
    (
        "the first round's counts",
        "yours is from the first",
        certify_with("k = estimation[", "k = selection[", "m = estimation.", "m = selection."),
    ),
    (
        "all images' votes",
        "all images|enough",
        certify_with("estimation.sum(axis=1)", "estimation.sum()"),
    ),
    (
        "alpha shared",
        "divides it by their number",
        certify_with("ppf(alpha,", "ppf(alpha / len(c),"),
    ),
    ("Φ", "quantile", certify_with("stats.norm.ppf", "stats.norm.cdf")),
    ("no Φ⁻¹", "Φ⁻¹ is missing", certify_with("stats.norm.ppf(p)", "p")),
    ("linear", "linear in p", certify_with("stats.norm.ppf(p)", "(p - 0.5)")),
    (
        "runner-up bounded",
        "runner-up",
        certify_with(
            "sigma * stats.norm.ppf(p)",
            "sigma / 2 * (stats.norm.ppf(p) - stats.norm.ppf(stats.beta.ppf(1 - alpha,"
            " np.sort(estimation)[:, -2] + 1, np.maximum(m - np.sort(estimation)[:, -2], 1))))",
        ),
    ),
    (
        "the second round's class",
        "first round alone",
        certify_with("selection.argmax", "estimation.argmax"),
    ),
    (
        "the class of both",
        "both together|first round",
        certify_with("selection.argmax", "(selection + estimation).argmax"),
    ),
    ("never withheld", "Withhold", certify_with("np.where(sure, c, -1)", "c")),
    (
        "withheld by share",
        "the lower bound decides",
        certify_with("sure = p > 0.5", "sure = k / m > 0.5"),
    ),
    ("always withheld", "certain enough", certify_with("sure = p > 0.5", "sure = p > 2")),
    (
        "withheld as 0",
        "have class -1",
        certify_with("np.where(sure, c, -1)", "np.where(sure, c, 0)"),
    ),
    ("from 1", "from 0", certify_with("np.where(sure, c, -1)", "np.where(sure, c + 1, -1)")),
    (
        "alpha turned",
        "upper end|lower bound decides",
        certify_with("ppf(alpha,", "ppf(1 - alpha,"),
    ),
    (
        "negative radii",
        "negative there",
        certify_with("np.where(sure, radius, 0)", "np.where(k > 0, radius, 0)"),
    ),
    (
        "radius kept where withheld",
        "radius is 0",
        certify_with("np.where(sure, radius, 0)", "np.where(sure, radius, sigma)"),
    ),
    ("bounds", "not yet the radii", certify_with("np.where(sure, radius, 0)", "p")),
    (
        "bounds where sure",
        "not yet the radii",
        certify_with("np.where(sure, radius, 0)", "np.where(sure, p, 0)"),
    ),
    ("twice", "radii differ", certify_with("sigma * stats", "2 * sigma * stats")),
    ("only radii", "two things", certify_with("np.where(sure, c, -1), ", "")),
    ("one class", "One class for each", certify_with("np.where(sure, c, -1)", "c[0]")),
    (
        "one radius",
        "One radius for each",
        certify_with("np.where(sure, radius, 0)", "radius[:1].sum()"),
    ),
    ("NaN", "NaN", certify_with("np.where(sure, radius, 0)", "radius * np.nan")),
    ("nothing", "Nothing came back", certify("    pass")),
    ("blank", "not yet", certify("    raise NotImplementedError")),
]

CASES = [
    (exercise, *case)
    for exercise, cases in {
        "fgsm_softmax": FGSM,
        "project": PROJECT,
        "pgd_restarts": PGD,
        "certify_batch": CERTIFY,
    }.items()
    for case in cases
]
