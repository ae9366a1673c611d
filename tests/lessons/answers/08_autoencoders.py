"""What learners write for the lab of 08_autoencoders; see `test_answers.py` for the form."""


def variants(name, arguments, body):
    """(the right answer, a function that makes one with a mistake)."""

    def answer(text):
        return f"def {name}({arguments}):\n{text}"

    def mistaken(old, new):
        assert old in body, old
        return answer(body.replace(old, new))

    return answer(body), answer, mistaken


PCA_RIGHT, pca, pca_but = variants(
    "pca",
    "x, k",
    """
    mean = x.mean(axis=0)
    u, s, vt = np.linalg.svd(x - mean, full_matrices=False)
    total = np.sum(s**2)
    return mean, vt[:k], s[:k] ** 2 / total
""",
)

PCA = [
    ("singular values", "right", PCA_RIGHT),
    (
        "eigenvectors of the covariance, lists, every sign turned",
        "right",
        pca(
            """
    mean = np.mean(x, axis=0)
    values, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
    order = np.argsort(values)[::-1][:k]
    return [mean.tolist(), (-vectors[:, order].T).tolist(), (values[order] / values.sum()).tolist()]
"""
        ),
    ),
    (
        "scikit-learn",
        "right",
        pca(
            """
    from sklearn.decomposition import PCA
    model = PCA(k, svd_solver="full").fit(x)
    return model.mean_, model.components_, model.explained_variance_ratio_
"""
        ),
    ),
    (
        "singular values in float32, full matrices, random signs",
        "right",
        pca(
            """
    x = x.astype("float32")
    mean = x.mean(0)
    _, s, vt = np.linalg.svd(x - mean)
    signs = np.random.default_rng().choice([-1.0, 1.0], size=(k, 1))
    return mean, vt[:k] * signs, (s**2 / (s**2).sum())[:k]
"""
        ),
    ),
    (
        "power iteration with deflation",
        "right",
        pca(
            """
    mean = x.mean(axis=0)
    left = x - mean
    total, rows, shares = np.sum(left**2), [], []
    for _ in range(k):
        v = np.random.default_rng(0).normal(size=x.shape[1])
        for _ in range(400):
            v = left.T @ (left @ v)
            v /= np.linalg.norm(v)
        shares.append(np.sum((left @ v) ** 2) / total)
        left = left - np.outer(left @ v, v)
        rows.append(v)
    return mean, np.array(rows), np.array(shares)
"""
        ),
    ),
    ("mean not subtracted", "Subtract the mean", pca_but("svd(x - mean", "svd(x")),
    ("columns", "transposed, or too many", pca_but("vt[:k], s", "vt[:k].T, s")),
    ("all components", "transposed, or too many", pca_but("vt[:k], s", "vt, s")),
    (
        "columns of Vᵀ",
        "transposed, or too many|right angles|other directions",
        pca_but("vt[:k], s", "vt[:, :k].T, s"),
    ),
    (
        "V taken for Vᵀ",
        "right angles|too many|other directions",
        pca_but("vt[:k], s", "vt.T[:k], s"),
    ),
    (
        "smallest first",
        "largest variance comes first",
        pca_but("vt[:k], s[:k] ** 2 / total", "vt[:k][::-1], s[:k][::-1] ** 2 / total"),
    ),
    ("scaled by the singular values", "length 1", pca_but("vt[:k], s", "vt[:k] * s[:k, None], s")),
    (
        "singular values as shares",
        "square of the singular values",
        pca_but("s[:k] ** 2 / total", "s[:k] / s.sum()"),
    ),
    (
        "shares of what is kept",
        "components left out included",
        pca_but("s[:k] ** 2 / total", "s[:k] ** 2 / np.sum(s[:k] ** 2)"),
    ),
    ("variances for shares", "shares differ", pca_but("/ total", "/ len(x)")),
    ("shares of all", "one share for each", pca_but("s[:k] ** 2 / total", "s**2 / total")),
    ("mean over all", "one number for each column", pca_but("mean(axis=0)", "mean()")),
    (
        "mean over columns",
        "one number for each column",
        pca("    m = x.mean(axis=1)\n    return m, x, m\n"),
    ),
    (
        "shares summed up",
        "own share",
        pca_but("s[:k] ** 2 / total", "np.cumsum(s[:k] ** 2) / total"),
    ),
    ("per cent", "not per cent", pca_but("s[:k] ** 2 / total", "100 * s[:k] ** 2 / total")),
    ("two things", "three things", pca_but(", s[:k] ** 2 / total", "")),
    ("nothing", "return statement", pca("    pass\n")),
    ("a word", "three things", pca("    return 'pca'\n")),
    ("NaN", "NaN|finite|nan", pca_but("/ total", "/ (total * np.nan)")),
]

TERMS = "(variance + (mu - prior_mu) ** 2) / prior_variance - 1 + prior_log_variance - log_variance"
KL_RIGHT, kl, kl_but = variants(
    "sample_and_kl",
    "mu, log_variance, noise, prior_mu, prior_log_variance",
    """
    z = mu + np.exp(log_variance / 2) * noise
    variance, prior_variance = np.exp(log_variance), np.exp(prior_log_variance)
    terms = {terms}
    return z, 0.5 * np.sum(terms, axis=1)
""".replace("{terms}", TERMS),
)

KL = [
    ("closed form", "right", KL_RIGHT),
    (
        "loops, lists out",
        "right",
        kl(
            """
    import math
    n, k = mu.shape
    sd = np.exp(0.5 * log_variance)
    z = [[mu[i, j] + sd[i, j] * noise[i, j] for j in range(k)] for i in range(n)]
    found = []
    for i in range(n):
        total = 0.0
        for j in range(k):
            s, t = math.exp(log_variance[i, j] / 2), math.exp(prior_log_variance[j] / 2)
            total += math.log(t / s) + (s**2 + (mu[i, j] - prior_mu[j]) ** 2) / (2 * t**2) - 0.5
        found.append(total)
    return [z, found]
"""
        ),
    ),
    (
        "Keras operations, float32",
        "right",
        kl(
            """
    mu, lv, noise = (keras.ops.cast(a, "float32") for a in (mu, log_variance, noise))
    m, ls = (keras.ops.cast(a, "float32") for a in (prior_mu, prior_log_variance))
    z = mu + keras.ops.exp(0.5 * lv) * noise
    terms = (mu - m) ** 2 * keras.ops.exp(-ls) + keras.ops.exp(lv - ls) - 1 + ls - lv
    return z, keras.ops.sum(terms, axis=-1) / 2
"""
        ),
    ),
    (
        "variance for deviation",
        "half of it",
        kl_but("np.exp(log_variance / 2)", "np.exp(log_variance)"),
    ),
    (
        "log-variance for deviation",
        "half of it",
        kl_but("np.exp(log_variance / 2)", "log_variance"),
    ),
    ("noise forgotten", "half of it", kl_but(" * noise", "")),
    ("noise subtracted", "z differs", kl_but("mu + np.exp", "mu - np.exp")),
    (
        "own noise",
        "z differs",
        kl_but("* noise", "* np.random.default_rng(5).normal(size=mu.shape)"),
    ),
    ("mean over the code", "not averaged", kl_but("np.sum(", "np.mean(")),
    ("sum over the examples", "One KL for each example", kl_but("axis=1", "axis=0")),
    ("one number", "One KL for each example", kl_but(", axis=1", "")),
    ("not summed", "One KL for each example", kl_but("0.5 * np.sum(terms, axis=1)", "0.5 * terms")),
    ("half forgotten", "a half in it", kl_but("0.5 * np.sum", "np.sum")),
    ("negative", "sign is wrong", kl_but("0.5 * np.sum", "-0.5 * np.sum")),
    (
        "the other way round",
        "other way round",
        kl_but(
            TERMS,
            "(prior_variance + (mu - prior_mu) ** 2) / variance - 1"
            " - prior_log_variance + log_variance",
        ),
    ),
    (
        "the text's formula",
        "not N\\(0, 1\\) here",
        kl_but(
            TERMS,
            "variance + mu**2 - 1 - log_variance",
        ),
    ),
    ("noise not scaled", "half of it", kl_but("np.exp(log_variance / 2) * noise", "noise")),
    (
        "deviation from twice the logarithm",
        "half of it",
        kl_but("np.exp(log_variance / 2)", "np.exp(2 * log_variance)"),
    ),
    ("prior variance forgotten", "divided by", kl_but(" / prior_variance", "")),
    (
        "prior variance forgotten under the means",
        "divided by",
        kl_but(
            TERMS,
            TERMS.replace("(variance + ", "variance / prior_variance + (").replace(
                ") / prior_variance -", ") -"
            ),
        ),
    ),
    (
        "prior variance forgotten under the variance",
        "divided by",
        kl_but(TERMS, TERMS.replace("(variance + ", "variance + (")),
    ),
    (
        "prior deviation for its variance",
        "divided by",
        kl_but("/ prior_variance", "/ np.sqrt(prior_variance)"),
    ),
    ("means added", "sign of m", kl_but("(mu - prior_mu)", "(mu + prior_mu)")),
    (
        "no logarithm of the prior's variance",
        "is missing",
        kl_but(" + prior_log_variance", ""),
    ),
    (
        "wrong sign of the prior's logarithm",
        "wrong sign",
        kl_but("+ prior_log_variance", "- prior_log_variance"),
    ),
    (
        "one sample",
        "one sample's",
        kl_but(
            TERMS,
            "(z - prior_mu) ** 2 / prior_variance - noise**2 + prior_log_variance - log_variance",
        ),
    ),
    ("z only", "two things", kl("    return mu + np.exp(log_variance / 2) * noise\n")),
    ("nothing", "return statement", kl("    pass\n")),
]

ELBO_RIGHT, elbo, elbo_but = variants(
    "elbo",
    "images, logits, mu, log_variance",
    """
    log_p = (images * logits - np.logaddexp(0, logits)).sum(axis=-1)
    kl = 0.5 * (mu**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
    return log_p.mean(axis=0) - kl
""",
)

ELBO = [
    ("logaddexp", "right", ELBO_RIGHT),
    (
        "loops with the stable form, a list out",
        "right",
        elbo(
            """
    import math
    found = []
    for i in range(len(images)):
        total = 0.0
        for s in range(len(logits)):
            for x, l in zip(images[i], logits[s, i]):
                total += x * l - max(l, 0.0) - math.log1p(math.exp(-abs(l)))
        kl = sum(0.5 * (m * m + math.exp(v) - 1 - v) for m, v in zip(mu[i], log_variance[i]))
        found.append(total / len(logits) - kl)
    return found
"""
        ),
    ),
    (
        "Keras's cross-entropy, float32",
        "right",
        elbo(
            """
    ops = keras.ops
    x = ops.broadcast_to(ops.cast(images, "float32"), logits.shape)
    nats = ops.binary_crossentropy(x, ops.cast(logits, "float32"), from_logits=True)
    kl = 0.5 * np.sum(mu**2 + np.exp(log_variance) - 1 - log_variance, axis=1)
    return (-ops.convert_to_numpy(ops.mean(ops.sum(nats, -1), 0)) - kl).astype("float32")
"""
        ),
    ),
    (
        "the loss",
        "minus the ELBO",
        elbo_but("return log_p.mean(axis=0) - kl", "return kl - log_p.mean(axis=0)"),
    ),
    ("KL added", "KL is subtracted", elbo_but("- kl", "+ kl")),
    ("no KL", "KL is missing", elbo_but(" - kl", "")),
    (
        "mean over pixels",
        "do not average",
        elbo_but("logits)).sum(axis=-1)", "logits)).mean(axis=-1)"),
    ),
    ("sum over codes", "do not add them up", elbo_but("log_p.mean(axis=0)", "log_p.sum(axis=0)")),
    ("mean KL", "Sum the KL", elbo_but("log_variance).sum(axis=1)", "log_variance).mean(axis=1)")),
    ("half forgotten", "factor of a half", elbo_but("0.5 * ", "")),
    (
        "one number",
        "One number for each image",
        elbo_but("log_p.mean(axis=0) - kl", "(log_p.mean(axis=0) - kl).mean()"),
    ),
    ("one for each code", "One number for each image", elbo_but("log_p.mean(axis=0)", "log_p")),
    (
        "exp overflows",
        "overflowed",
        elbo_but("np.logaddexp(0, logits)", "np.log(1 + np.exp(logits))"),
    ),
    (
        "probabilities, clipped",
        "clipping|overflowed",
        elbo_but(
            "(images * logits - np.logaddexp(0, logits))",
            "(lambda p: images * np.log(p) + (1 - images) * np.log(1 - p))"
            "((1 / (1 + np.exp(-logits))).clip(1e-7, 1 - 1e-7))",
        ),
    ),
    (
        "probabilities, not clipped",
        "overflowed",
        elbo_but(
            "(images * logits - np.logaddexp(0, logits))",
            "(lambda p: images * np.log(p) + (1 - images) * np.log(1 - p))"
            "(1 / (1 + np.exp(-logits)))",
        ),
    ),
    (
        "log of the mean of p",
        "Average log p",
        elbo_but("log_p.mean(axis=0)", "(np.logaddexp.reduce(log_p, axis=0) - np.log(len(log_p)))"),
    ),
    ("KL over S", "not averaged over codes", elbo_but("- kl", "- kl / len(logits)")),
    ("KL of all images", "do not add up", elbo_but("- kl", "- kl.sum()")),
    ("first code only", "not only one", elbo_but("log_p.mean(axis=0)", "log_p[0]")),
    (
        "mean of the logits",
        "not the logits",
        elbo_but(
            "log_p = (",
            "logits = logits.mean(axis=0, keepdims=True)\n    log_p = (",
        ),
    ),
    ("nothing", "array of real numbers|None|number", elbo("    pass\n")),
    ("a word", "Numbers are expected", elbo("    return 'elbo'\n")),
]

ALARM_RIGHT, alarm, alarm_but = variants(
    "alarm",
    "normal, anomalies, rate",
    """
    allowed = int(rate * len(normal) + 1e-9)
    threshold = np.sort(normal)[len(normal) - 1 - allowed]
    return threshold, np.mean(anomalies > threshold)
""",
)

ALARM = [
    ("sorting", "right", ALARM_RIGHT),
    (
        "trying every score, a list out",
        "right",
        alarm(
            """
    fits = [t for t in normal if sum(s > t for s in normal) <= rate * len(normal) + 1e-9]
    t = float(min(fits))
    return [t, sum(float(a) > t for a in anomalies) / len(anomalies)]
"""
        ),
    ),
    (
        "the library's function",
        "right",
        alarm(
            """
    from dlutils import scores
    t = scores.threshold_at(normal, rate)
    return np.array([t, (anomalies > t).mean()])
"""
        ),
    ),
    (
        "a quantile of the kind that counts whole scores",
        "right",
        alarm(
            """
    t = np.quantile(normal, 1 - rate, method="inverted_cdf")
    return t, (anomalies > t).mean()
"""
        ),
    ),
    (
        "Keras operations, float32",
        "right",
        alarm(
            """
    ops = keras.ops
    ordered = ops.sort(ops.convert_to_tensor(normal, "float32"))
    t = ordered[len(normal) - 1 - int(rate * len(normal) + 1e-9)]
    share = ops.mean(ops.cast(ops.convert_to_tensor(anomalies, "float32") > t, "float32"))
    return t, share
"""
        ),
    ),
    (
        "one array in float32",
        "right",
        alarm(
            """
    t = np.quantile(normal, 1 - rate, method="inverted_cdf")
    return np.array([t, (anomalies > t).mean()], "float32")
"""
        ),
    ),
    (
        "scores rounded to float32 first",
        "right",
        alarm(
            """
    normal, anomalies = np.float32(normal), np.float32(anomalies)
    t = np.sort(normal)[::-1][int(rate * len(normal) + 1e-9)]
    return [t, np.count_nonzero(anomalies > t) / anomalies.size]
"""
        ),
    ),
    (
        "a quantile that interpolates",
        "interpolates",
        alarm("    t = np.quantile(normal, 1 - rate)\n    return t, (anomalies > t).mean()\n"),
    ),
    (
        "beyond every score where no alarm is allowed",
        "no normal score",
        alarm_but(
            "    return threshold",
            "    if rate == 0:\n        threshold += 1.0\n    return threshold",
        ),
    ),
    (
        "just above the right score",
        "no normal score",
        alarm_but(
            "    return threshold",
            "    higher = normal[normal > threshold]\n"
            "    if higher.size:\n"
            "        threshold = 0.5 * threshold + 0.5 * higher.min()\n"
            "    return threshold",
        ),
    ),
    (
        "a quantile of a Gaussian",
        "Too many|too high",
        alarm(
            """
    from scipy.stats import norm
    t = normal.mean() + normal.std() * norm.ppf(min(1 - rate, 0.999))
    return t, (anomalies > t).mean()
"""
        ),
    ),
    ("per cent", "share is asked for", alarm_but("np.mean(", "100 * np.mean(")),
    ("wrong end", "wrong end", alarm_but("[len(normal) - 1 - allowed]", "[allowed]")),
    ("one too many", "Too many false alarms", alarm_but("- 1 - allowed", "- 2 - allowed")),
    ("one too few", "too high", alarm_but("- 1 - allowed", "- max(1, allowed)")),
    ("the largest normal score", "too high", alarm_but("- 1 - allowed", "- 1")),
    (
        "a threshold from the anomalies",
        "come from the normal|comes from the normal",
        alarm("    t = np.quantile(anomalies, 1 - rate)\n    return t, np.mean(anomalies > t)\n"),
    ),
    (
        "missed instead of found",
        "strictly above",
        alarm_but("anomalies > threshold", "anomalies <= threshold"),
    ),
    ("counted, not a share", "share is asked for", alarm_but("np.mean(", "np.sum(")),
    (
        "share of normal scores",
        "strictly above",
        alarm_but("anomalies > threshold", "normal > threshold"),
    ),
    (
        "not strictly",
        "equals the threshold",
        alarm_but("anomalies > threshold", "anomalies >= threshold"),
    ),
    (
        "mean and four deviations",
        "too high",
        alarm("    t = normal.mean() + 4 * normal.std()\n    return t, np.mean(anomalies > t)\n"),
    ),
    ("threshold alone", "two numbers", alarm_but(", np.mean(anomalies > threshold)", "")),
    ("nothing", "two numbers|None", alarm("    pass\n")),
    ("NaN", "two numbers|NaN|finite", alarm("    return np.nan, 0.5\n")),
]

BLANK = "    raise NotImplementedError\n"
ANSWERS = {
    "pca": [*PCA, ("blank", "not yet", pca(BLANK))],
    "sample_and_kl": [*KL, ("blank", "not yet", kl(BLANK))],
    "elbo": [*ELBO, ("blank", "not yet", elbo(BLANK))],
    "alarm": [*ALARM, ("blank", "not yet", alarm(BLANK))],
}
CASES = [(exercise, *case) for exercise, cases in ANSWERS.items() for case in cases]
