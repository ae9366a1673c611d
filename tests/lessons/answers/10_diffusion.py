"""What learners write for the lab of 10_diffusion; see `test_answers.py` for the form."""


def changer(name, arguments, body):
    """A function that returns the right answer with one piece replaced."""

    def changed(old="", new=""):
        assert old in body
        return f"def {name}({arguments}):\n" + body.replace(old, new)

    return changed


noise_with = changer(
    "add_noise",
    "images, betas, steps, noise",
    """
    kept = np.cumprod(1 - betas)
    kept = np.concatenate([[1.0], kept])
    kept = kept[steps]
    kept = kept.reshape(-1, 1, 1, 1)
    return np.sqrt(kept) * images + np.sqrt(1 - kept) * noise
""",
)


def add_noise(body):
    return f"def add_noise(images, betas, steps, noise):\n{body}"


ADD_NOISE = [
    ("cumprod", "right", noise_with()),
    (
        "loops, lists out",
        "right",
        add_noise(
            """
    out = []
    for image, k, e in zip(images, steps, noise):
        kept = 1.0
        for beta in betas[:k]:
            kept = kept * (1 - beta)
        out.append((kept**0.5 * image + (1 - kept) ** 0.5 * e).tolist())
    return out
"""
        ),
    ),
    ("float32", "right", noise_with("* noise\n", "* noise.astype('float32')\n")),
    (
        "sums of logarithms, keras.ops",
        "right",
        add_noise(
            """
    logs = [np.log(1 - betas[: int(k)]).sum() for k in steps]
    kept = ops.reshape(ops.exp(ops.convert_to_tensor(logs)), (-1, 1, 1, 1))
    x, e = (ops.cast(a, kept.dtype) for a in (images, noise))
    return ops.sqrt(kept) * x + ops.sqrt(1 - kept) * e
"""
        ),
    ),
    (
        "the last factor alone",
        "multiply the factors",
        noise_with("np.cumprod(1 - betas)", "1 - betas"),
    ),
    (
        "betas added up",
        "do not add up|NaN",
        noise_with("np.cumprod(1 - betas)", "1 - np.cumsum(betas)"),
    ),
    (
        "one step late",
        "mind the index",
        noise_with(
            "kept = np.concatenate([[1.0], kept])",
            "kept = np.append(kept, kept[-1] * (1 - betas[-1]))",
        ),
    ),
    ("no step 0", "mind the index", noise_with("np.concatenate([[1.0], kept])", "kept")),
    (
        "step 0 wraps",
        "step 0 leaves",
        noise_with("kept = np.concatenate([[1.0], kept])", "").replace("[steps]", "[steps - 1]"),
    ),
    ("unchanged", "unchanged", add_noise("    return images")),
    ("subtracted", "not subtracted", noise_with("images + np", "images - np")),
    (
        "one minus the root",
        "not 1 minus",
        noise_with("np.sqrt(1 - kept)", "(1 - np.sqrt(kept))"),
    ),
    ("the first one's step", "first one's", noise_with("kept[steps]", "kept[steps[0]]")),
    ("the whole chain", "whole chain", noise_with("kept[steps]", "kept[-1]")),
    ("eight betas only", "raised IndexError", noise_with("(1 - betas)", "(1 - betas[:8])")),
    ("infinite", "infinit", noise_with("* noise\n", "* noise / 0.0\n")),
    ("noise without root", "root of 1 - ᾱ", noise_with("np.sqrt(1 - kept)", "(1 - kept)")),
    ("image without root", "root of ᾱ", noise_with("np.sqrt(kept)", "kept")),
    (
        "no roots",
        "Both factors are roots",
        noise_with("np.sqrt(kept) * images + np.sqrt(1 - kept)", "kept * images + (1 - kept)"),
    ),
    ("swapped", "swapped", noise_with("kept = kept[steps]", "kept = 1 - kept[steps]")),
    ("product of betas", "not of β", noise_with("np.cumprod(1 - betas)", "np.cumprod(betas)")),
    ("one step for all", "own number of steps", noise_with("kept[steps]", "kept[steps[-1]]")),
    (
        "over the wrong axis",
        "raised ValueError|own step",
        noise_with("reshape(-1, 1, 1, 1)", "reshape(1, -1, 1, 1)"),
    ),
    (
        "one image",
        "of the same shape",
        noise_with("* noise\n", "* noise\n    return images[0]\n").replace(
            "return np.sqrt(kept) * images", "x = np.sqrt(kept) * images"
        ),
    ),
    ("nothing", "returned None", add_noise("    pass")),
    ("NaN", "NaN", noise_with("* noise\n", "* noise * np.nan\n")),
    ("blank", "not yet", add_noise("    raise NotImplementedError")),
]


step_with = changer(
    "ddim",
    "x, epsilon, kept_t, kept_s, eta, z",
    """
    clean = (x - np.sqrt(1 - kept_t) * epsilon) / np.sqrt(kept_t)
    d = eta * np.sqrt((1 - kept_s) / (1 - kept_t)) * np.sqrt(1 - kept_t / kept_s)
    back = np.sqrt(1 - kept_s - d**2)
    y = np.sqrt(kept_s) * clean + back * epsilon + d * z
    return y
""",
)


def ddim(body):
    return f"def ddim(x, epsilon, kept_t, kept_s, eta, z):\n{body}"


DDIM = [
    ("as written", "right", step_with()),
    ("lists out", "right", step_with("return y", "return y.tolist()")),
    ("float32", "right", step_with("return y", "return y.astype('float32')")),
    (
        "sorted by x and epsilon",
        "right",
        ddim(
            """
    ratio = (kept_s / kept_t) ** 0.5
    variance = eta**2 * (1 - kept_s) / (1 - kept_t) * (1 - kept_t / kept_s)
    weight = (1 - kept_s - variance) ** 0.5 - ratio * (1 - kept_t) ** 0.5
    return ratio * x + weight * epsilon + variance**0.5 * z
"""
        ),
    ),
    (
        "keras.ops",
        "right",
        ddim(
            """
    x, e, z = (ops.convert_to_tensor(a.astype("float32")) for a in (x, epsilon, z))
    clean = (x - np.sqrt(1 - kept_t) * e) / np.sqrt(kept_t)
    d = eta * np.sqrt((1 - kept_s) / (1 - kept_t) * (1 - kept_t / kept_s))
    return np.sqrt(kept_s) * clean + np.sqrt(1 - kept_s - d * d) * e + d * z
"""
        ),
    ),
    ("unchanged", "unchanged", step_with("return y", "return x")),
    ("not divided", "then divide", step_with(") / np.sqrt(kept_t)\n", ")\n")),
    ("divided without root", "found with its root", step_with("/ np.sqrt(kept_t)\n", "/ kept_t\n")),
    (
        "noise without root",
        "noise counts with its root",
        step_with("np.sqrt(1 - kept_t) *", "(1 - kept_t) *"),
    ),
    ("multiplied", "not multiply", step_with("/ np.sqrt(kept_t)\n", "* np.sqrt(kept_t)\n")),
    ("noise added", "not added", step_with("(x - np", "(x + np")),
    (
        "no roots in x₀",
        "Both are variances",
        step_with(
            "(x - np.sqrt(1 - kept_t) * epsilon) / np.sqrt(kept_t)",
            "(x - (1 - kept_t) * epsilon) / kept_t",
        ),
    ),
    (
        "brackets forgotten",
        "Brackets",
        step_with(
            "(x - np.sqrt(1 - kept_t) * epsilon) / np.sqrt(kept_t)",
            "x - np.sqrt(1 - kept_t) * epsilon / np.sqrt(kept_t)",
        ),
    ),
    (
        "picture at the level of t",
        "not of ᾱ_t",
        step_with("np.sqrt(kept_s) * clean", "np.sqrt(kept_t) * clean"),
    ),
    ("picture not scaled", "picture, too", step_with("np.sqrt(kept_s) * clean", "clean")),
    ("z without d", "multiply z by d", step_with("+ d * z", "+ z")),
    ("d without eta", "Multiply d by eta", step_with("d = eta * np", "d = np")),
    ("the root of eta", "not to its root", step_with("d = eta *", "d = eta**0.5 *")),
    (
        "a plain fraction turned",
        "stands above",
        step_with("(1 - kept_s) / (1 - kept_t)", "(1 - kept_t) / (1 - kept_s)"),
    ),
    ("NaN", "root of a negative", step_with("return y", "return y * np.nan")),
    ("infinite", "infinit", step_with("return y", "return y / 0.0")),
    ("always z", "no dice", step_with("back * epsilon + d * z", "np.sqrt(1 - kept_s) * z")),
    ("no noise back", "added again", step_with(" + back * epsilon", "")),
    (
        "noise of t",
        "root of a negative|not of t|hardly more",
        step_with("np.sqrt(1 - kept_s - d**2)", "np.sqrt(1 - kept_t - d**2)"),
    ),
    (
        "back without root",
        "1 - ᾱ_s is a variance",
        step_with("np.sqrt(1 - kept_s - d**2)", "1 - kept_s - d**2"),
    ),
    (
        "picture without root",
        "picture counts with its root",
        step_with("np.sqrt(kept_s) * clean", "kept_s * clean"),
    ),
    ("eta ignored", "eta has no part", step_with("d = eta *", "d = 0 * eta *")),
    ("no room for dice", "give up as much", step_with("- d**2", "")),
    ("d not squared", "subtract its square", step_with("- d**2", "- d")),
    ("no dice", "is missing", step_with(" + d * z", "")),
    ("dice squared", "not by its square", step_with("+ d * z", "+ d**2 * z")),
    (
        "fraction turned",
        "stands above",
        step_with("(1 - kept_s) / (1 - kept_t)", "(1 - kept_t) / max(1 - kept_s, 1e-9)"),
    ),
    ("eta squared", "not to its square", step_with("d = eta *", "d = eta**2 *")),
    ("ratio of ᾱ turned", "root of a negative", step_with("kept_t / kept_s", "kept_s / kept_t")),
    ("one image", "shape of x", step_with("return y", "return y[0]")),
    ("nothing", "returned None", step_with("return y", "y")),
    ("blank", "not yet", ddim("    raise NotImplementedError")),
]


guide_with = changer(
    "guide",
    "anything, wishes, weights",
    """
    w = weights[:, :, None, None, None]
    change = wishes - anything
    return anything + (w * change).sum(axis=0)
""",
)


def guide(body):
    return f"def guide(anything, wishes, weights):\n{body}"


GUIDE = [
    ("as written", "right", guide_with()),
    ("float32", "right", guide_with("wishes - anything", "(wishes - anything).astype('float32')")),
    (
        "loops, lists out",
        "right",
        guide(
            """
    out = []
    for i in range(len(anything)):
        v = anything[i].copy()
        for k in range(len(wishes)):
            v += weights[k, i] * (wishes[k, i] - anything[i])
        out.append(v.tolist())
    return out
"""
        ),
    ),
    (
        "one weighted sum",
        "right",
        guide(
            """
    rest = 1 - weights.sum(0)
    flat = np.einsum("kn,knhwc->nhwc", weights, wishes)
    return flat + rest[:, None, None, None] * anything
"""
        ),
    ),
    ("no start", "comes back once", guide_with("anything + (w", "(w")),
    ("no difference", "Weigh what a wish", guide_with("wishes - anything", "wishes")),
    ("turned round", "turned round", guide_with("wishes - anything", "anything - wishes")),
    ("absolute", "keep their sign", guide_with("(w * change)", "(abs(w) * change)")),
    ("one plus g", "1 \\+ g", guide_with("(w * change)", "((1 + w) * change)")),
    ("mean", "no mean", guide_with(".sum(", ".mean(")),
    ("g minus one", "g - 1", guide_with("(w * change)", "((w - 1) * change)")),
    ("cut off", "cut off at 0", guide_with("(w * change)", "(np.maximum(w, 0) * change)")),
    (
        "neither start nor difference",
        "sum of the wishes alone",
        guide_with("anything + (w * change)", "(w * wishes)"),
    ),
    ("first wish", "only the first", guide_with(".sum(axis=0)", "[0]")),
    ("last wish", "only the last", guide_with(".sum(axis=0)", "[-1]")),
    (
        "start for each wish",
        "not once for each wish",
        guide_with("anything + (w * change).sum(axis=0)", "(anything + w * change).sum(axis=0)"),
    ),
    ("weights of the first picture", "own weights", guide_with("weights[:, :,", "weights[:, :1,")),
    (
        "weights turned",
        "are turned|raised ValueError",
        guide_with("weights[", "weights.T["),
    ),
    ("no sum", "sum over the wishes", guide_with(".sum(axis=0)", "")),
    ("all summed", "has shape|sum over the wishes|differ", guide_with(".sum(axis=0)", ".sum()")),
    ("None", "returned None", guide("    pass")),
    ("blank", "not yet", guide("    raise NotImplementedError")),
]


snr_with = changer(
    "schedule_from_snr",
    "snr",
    """
    kept = snr / (1 + snr)
    before = np.concatenate([[1.0], kept[:-1]])
    return 1 - kept / before
""",
)


def schedule(body):
    return f"def schedule_from_snr(snr):\n{body}"


SCHEDULE = [
    ("as written", "right", snr_with()),
    ("float32", "right", snr_with("return 1", "return np.float32(1)")),
    (
        "a loop, a list out",
        "right",
        schedule(
            """
    betas, before = [], 1.0
    for ratio in snr:
        kept = 1 - 1 / (1 + ratio)
        betas.append(float(1 - kept / before))
        before = kept
    return betas
"""
        ),
    ),
    (
        "by added noise",
        "right",
        schedule(
            """
    sigma2 = 1 / (1 + snr)
    before = np.append(0.0, sigma2[:-1])
    return (sigma2 - before) / (1 - before)
"""
        ),
    ),
    ("gathered noise", "gathered in all steps", snr_with("1 - kept / before", "1 - kept")),
    ("signal left", "betas follow from its ratios", snr_with("1 - kept / before", "kept")),
    ("what is kept", "not what it adds", snr_with("1 - kept / before", "kept / before")),
    ("SNR taken for ᾱ", "SNR is not ᾱ|SNR = ᾱ", snr_with("snr / (1 + snr)", "snr")),
    ("root of SNR", "take no root", snr_with("snr / (1 + snr)", "snr**0.5 / (1 + snr**0.5)")),
    (
        "root too many",
        "A root too many",
        snr_with("1 - kept / before", "1 - (kept / before) ** 0.5"),
    ),
    ("swapped", "are swapped", snr_with("snr / (1 + snr)", "1 / (1 + snr)")),
    ("difference", "not their difference", snr_with("1 - kept / before", "before - kept")),
    (
        "first beta 0",
        "first beta is not 0|ᾱ",
        snr_with("[[1.0], kept[:-1]]", "[kept[:1], kept[:-1]]"),
    ),
    (
        "one too few",
        "first step has one",
        snr_with("1 - kept / before", "1 - kept[1:] / kept[:-1]"),
    ),
    ("a number", "One beta for each step", snr_with("1 - kept / before", "kept[-1]")),
    ("NaN", "NaN", snr_with("1 - kept / before", "kept * np.nan")),
    ("nothing", "returned None", schedule("    pass")),
    ("blank", "not yet", schedule("    raise NotImplementedError")),
]

CASES = [
    (exercise, *case)
    for exercise, cases in {
        "add_noise": ADD_NOISE,
        "ddim": DDIM,
        "guide": GUIDE,
        "schedule_from_snr": SCHEDULE,
    }.items()
    for case in cases
]
