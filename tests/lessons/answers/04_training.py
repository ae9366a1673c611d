"""What learners write for the lab of 04_training; see `test_answers.py` for the form."""


def dropout(body):
    return f"def dropout(x, noise, rate, blame):\n{body}"


DROP = """
    if noise is None:
        return x, blame
    keep = noise >= rate
    y = x * keep / (1 - rate)
    back = blame * keep / (1 - rate)
    return y, back
"""


def drop(old, new):
    """The answer with one mistake."""
    assert old in DROP
    return dropout(DROP.replace(old, new))


DROPOUT = [
    ("one line each", "right", dropout(DROP)),
    (
        "loops, lists of lists out",
        "right",
        dropout(
            """
    def through(a):
        if noise is None:
            return a.tolist()
        return [[float(v) / (1 - rate) if n >= rate else 0.0 for v, n in zip(*pair)]
                for pair in zip(a, noise)]
    return [through(x), through(blame)]
"""
        ),
    ),
    (
        "np.where in float32, a stacked array out",
        "right",
        dropout(
            """
    factor = 1.0 if noise is None else np.where(noise < rate, 0, 1 / (1 - rate))
    return np.stack([x * factor, blame * factor]).astype("float32")
"""
        ),
    ),
    (
        "in place",
        "right",
        dropout(
            """
    if noise is not None:
        for a in (x, blame):
            a[noise < rate] = 0
            a /= 1 - rate
    return x, blame
"""
        ),
    ),
    ("keras.ops, tensors out", "right", drop("noise >= rate", "ops.cast(noise >= rate, x.dtype)")),
    (
        "keeps the others",
        "swapped",
        drop("noise >= rate", "noise < rate").replace("/ (1 - rate)", ""),
    ),
    ("keeps the others, scaled", "right scale, wrong units", drop("noise >= rate", "noise < rate")),
    ("section 2's rule", "section 2 kept", drop("noise >= rate", "noise < 1 - rate")),
    ("a tie is dropped", "at least the rate: it stays", drop("noise >= rate", "noise > rate")),
    ("the slope first", "the slope second", drop("return y, back", "return back, y")),
    ("the mask as slope", "not that alone", drop("back = blame *", "back =")),
    (
        "blame scaled alone",
        "scaled, but that of dropped units",
        drop("back = blame * keep", "back = blame"),
    ),
    (
        "no slope at rate 0",
        "the blame passes as it is",
        drop("back = blame", "back = (rate > 0) * blame"),
    ),
    ("not scaled", "must grow, so that the mean", dropout(DROP.replace(" / (1 - rate)", ""))),
    ("divided by the rate", "not by the rate", dropout(DROP.replace("(1 - rate)", "rate"))),
    ("multiplied", "grow, not shrink", dropout(DROP.replace("/ (1 - rate)", "* (1 - rate)"))),
    (
        "nothing dropped",
        "nothing was dropped",
        drop("noise >= rate", "noise >= 0").replace("/ (1 - rate)", ""),
    ),
    ("blame not dropped", "blame of dropped units", drop("return y, back", "return y, blame")),
    ("blame not scaled", "scaled as the signal", drop("blame * keep / (1 - rate)", "blame * keep")),
    (
        "mask guessed from the output",
        "0 by itself was not dropped",
        drop("blame * keep", "blame * (y != 0)"),
    ),
    (
        "scaled after training",
        "Without noise training is over",
        drop("return x, blame\n", "return x * (1 - rate), blame\n"),
    ),
    (
        "its own luck",
        "what comes out is wrong",
        drop("noise >= rate", "np.random.default_rng().random(x.shape) >= rate"),
    ),
    ("one array", "Return two arrays", drop("return y, back", "return y")),
    ("the return is missing", "Return two arrays", drop("return y, back", "pass")),
    ("transposed", "shape of x", drop("return y, back", "return y.T, back.T")),
    ("noise not looked at", "raised TypeError", drop("if noise is None:", "if False:")),
    ("blank", "not yet", dropout("    # YOUR CODE HERE\n    raise NotImplementedError")),
]


def batch_norm(body):
    head = "def batch_norm(x, gamma, beta, mean, variance, training, momentum=0.99, epsilon=1e-3):"
    return f"{head}\n{body}"


NORM = """
    mu, var = mean, variance
    if training:
        axes = tuple(range(x.ndim - 1))
        mu, var = x.mean(axis=axes), x.var(axis=axes)
        mean = momentum * mean + (1 - momentum) * mu
        variance = momentum * variance + (1 - momentum) * var
    y = gamma * (x - mu) / np.sqrt(var + epsilon) + beta
    return y, mean, variance
"""


def norm(old, new):
    assert old in NORM
    return batch_norm(NORM.replace(old, new))


BATCH_NORM = [
    ("NumPy", "right", batch_norm(NORM)),
    (
        "rows first, sums, lists out",
        "right",
        batch_norm(
            """
    rows = x.reshape(-1, x.shape[-1]).astype("float64")
    mu, var = mean, variance
    if training:
        mu = sum(rows) / len(rows)
        var = sum((rows - mu) ** 2) / len(rows)
        mean, variance = mean + (1 - momentum) * (mu - mean), variance + (1 - momentum) * (
            var - variance)
    y = (rows - mu) * (gamma / (var + epsilon) ** 0.5) + beta
    return [y.reshape(x.shape).tolist(), list(map(float, mean)), list(map(float, variance))]
"""
        ),
    ),
    (
        "a Keras layer",
        "right",
        batch_norm(
            """
    layer = layers.BatchNormalization(momentum=momentum, epsilon=epsilon)
    layer.build(x.shape)
    layer.set_weights([gamma, beta, mean, variance])
    y = layer(x, training=training)
    return y, layer.moving_mean, layer.moving_variance
"""
        ),
    ),
    (
        "keras.ops",
        "right",
        batch_norm(
            """
    if training:
        mu, var = ops.moments(x, axes=list(range(len(x.shape) - 1)))
        new = [momentum * mean + (1 - momentum) * mu, momentum * variance + (1 - momentum) * var]
    else:
        mu, var, new = mean, variance, [mean, variance]
    return gamma * (x - mu) * ops.rsqrt(var + epsilon) + beta, *new
"""
        ),
    ),
    ("in place", "right", norm("y = gamma", "x -= 0\n    y = gamma")),
    (
        "first axis only",
        "all axes but the last",
        batch_norm(
            NORM.replace("tuple(range(x.ndim - 1))", "0").replace(
                "return y, mean, variance",
                "c = x.shape[-1]\n    return y, "
                "mean.reshape(-1, c).mean(0), variance.reshape(-1, c).mean(0)",
            )
        ),
    ),
    (
        "one mean for everything",
        "in training",
        batch_norm(
            NORM.replace(
                "x.mean(axis=axes), x.var(axis=axes)", "x.mean() + 0 * mean, x.var() + 0 * mean"
            )
        ),
    ),
    (
        "averages in training too",
        "in training: the batch's own",
        norm("if training:", "if training:\n        m0, v0 = mean, variance").replace(
            "    y = gamma", "    if training:\n        mu, var = m0, v0\n    y = gamma"
        ),
    ),
    (
        "averages moved first",
        "not by the averages just moved",
        norm("    y = gamma", "    mu, var = mean, variance\n    y = gamma"),
    ),
    (
        "epsilon outside",
        "under the root",
        norm("np.sqrt(var + epsilon)", "(np.sqrt(var) + epsilon)"),
    ),
    ("no root", "root of the variance", norm("np.sqrt(var + epsilon)", "(var + epsilon)")),
    (
        "no gamma and beta",
        "gamma and beta",
        norm("gamma * (x - mu)", "(x - mu)").replace(" + beta", ""),
    ),
    ("epsilon forgotten", "epsilon is missing", norm("var + epsilon", "var")),
    ("its own epsilon", "not 0.001", norm("var + epsilon", "var + 1e-3")),
    ("gamma forgotten", "gamma is missing", norm("gamma * (x - mu)", "(x - mu)")),
    ("beta forgotten", "beta is missing", norm(" + beta", "")),
    (
        "its own momentum",
        "not 0.99",
        norm("momentum * mean + (1 - momentum)", "0.99 * mean + 0.01"),
    ),
    (
        "averages swapped",
        "averages are swapped",
        norm("return y, mean, variance", "return y, variance, mean"),
    ),
    (
        "the batch's alone",
        "this is the batch's alone",
        norm(
            "return y, mean, variance", "return (y, mu, var) if training else (y, mean, variance)"
        ),
    ),
    (
        "the root averaged",
        "not its root",
        norm("(1 - momentum) * var", "(1 - momentum) * var**0.5"),
    ),
    (
        "a sample's variance all through",
        "not by n - 1",
        batch_norm(NORM.replace("x.var(axis=axes)", "x.var(axis=axes, ddof=1)")),
    ),
    (
        "averages stay",
        "the averages move",
        norm(
            "return y, mean, variance",
            "return y, 0 * mean + "
            "(mean - (1 - momentum) * mu) / momentum if training else mean, variance",
        ),
    ),
    (
        "momentum the wrong way round",
        "keeps the share momentum",
        batch_norm(
            NORM.replace(
                "momentum * mean + (1 - momentum) * mu", "(1 - momentum) * mean + momentum * mu"
            )
        ),
    ),
    (
        "variance of a sample",
        "divide by n, not n - 1",
        norm("(1 - momentum) * var", "(1 - momentum) * x.var(axis=axes, ddof=1) * (1 + 1e-9)"),
    ),
    (
        "the batch after training",
        "use the averages, not the batch",
        batch_norm(
            NORM.replace(
                "    y = gamma",
                "    else:\n        axes = tuple(range(x.ndim - 1))\n"
                "        mu, var = x.mean(axis=axes), x.var(axis=axes)\n    y = gamma",
            )
        ),
    ),
    (
        "averages move after training",
        "stay as they are",
        batch_norm(
            NORM.replace("return y", "if not training:\n        mean = 0.9 * mean\n    return y")
        ),
    ),
    ("the values alone", "Return three arrays", norm("return y, mean, variance", "return y")),
    (
        "keepdims",
        "one number for each channel",
        norm("return y, mean, variance", "return y, mean[None], variance[None]"),
    ),
    ("blank", "not yet", batch_norm("    raise NotImplementedError")),
]


def schedule(body):
    return f"def schedule(steps, peak, floor, warmup, total):\n{body}"


LOOP = """
    rates = []
    for t in steps:
        if t < warmup:
            rates.append(peak * t / warmup)
        elif t >= total:
            rates.append(floor)
        else:
            share = (t - warmup) / (total - warmup)
            rates.append(floor + (peak - floor) * (1 + math.cos(math.pi * share)) / 2)
    return rates
"""


def loop(old, new):
    assert old in LOOP
    return schedule(LOOP.replace(old, new))


SCHEDULE = [
    ("a loop, a list out", "right", schedule(LOOP)),
    (
        "NumPy",
        "right",
        schedule(
            """
    share = np.minimum(steps - warmup, total - warmup) / (total - warmup)
    rates = floor + 0.5 * (peak - floor) * (1 + np.cos(np.pi * share))
    rates[steps < warmup] = (peak * steps / (warmup + 1e-12))[steps < warmup]
    return rates.astype("float32")
"""
        ),
    ),
    (
        "Keras's own",
        "right",
        schedule(
            """
    cosine = keras.optimizers.schedules.CosineDecay
    if warmup == 0:
        rule = cosine(peak, total, alpha=floor / peak)
    else:
        rule = cosine(0.0, total - warmup, alpha=floor / peak, warmup_target=peak,
                      warmup_steps=warmup)
    return [float(rule(int(t))) for t in steps]
"""
        ),
    ),
    (
        "warm-up ends a step early",
        "at step warmup it is the peak|along a straight line",
        loop("peak * t / warmup", "peak * (t + 1) / warmup"),
    ),
    (
        "warm-up from the floor",
        "at step 0 the rate is 0",
        loop("peak * t / warmup", "floor + (peak - floor) * t / warmup"),
    ),
    (
        "warm-up along a wave",
        "straight line",
        loop("peak * t / warmup", "peak * (1 - math.cos(math.pi * t / warmup)) / 2"),
    ),
    ("no warm-up", "at step 0 the rate is 0", loop("if t < warmup", "if False")),
    (
        "the wave begins at step 0",
        "begins at step warmup|it is the peak|half a cosine wave",
        loop("(t - warmup) / (total - warmup)", "t / total"),
    ),
    (
        "the wave is too long",
        "half a cosine wave|begins at step warmup",
        loop("/ (total - warmup)", "/ total"),
    ),
    ("a whole wave", "half a cosine wave", loop("math.pi * share", "2 * math.pi * share")),
    (
        "straight down",
        "not a straight line",
        loop("(1 + math.cos(math.pi * share)) / 2", "(1 - share)"),
    ),
    (
        "floor forgotten",
        "the rate is the floor|half a cosine wave",
        schedule("    peak, floor = peak, 0.0" + LOOP),
    ),
    (
        "a quarter of a wave",
        "not a quarter",
        loop("(1 + math.cos(math.pi * share)) / 2", "math.cos(math.pi * share / 2)"),
    ),
    (
        "cut off at the floor",
        "not cut off there",
        loop(
            "floor + (peak - floor) * (1 + math.cos(math.pi * share)) / 2",
            "max(floor, peak * (1 + math.cos(math.pi * share)) / 2)",
        ),
    ),
    (
        "an array of whole numbers",
        "of what type is your array",
        loop("return rates", "out = np.zeros_like(steps)\n    out[:] = rates\n    return out"),
    ),
    ("floor on top", "begins at the peak", loop("floor + (peak - floor)", "floor + peak")),
    ("rises again", "stays at the floor", loop("elif t >= total", "elif t == total")),
    ("zero at the end", "the rate is the floor", loop("rates.append(floor)", "rates.append(0)")),
    (
        "divides by a warm-up of 0",
        "one finite rate for each step",
        loop("t < warmup", "t <= warmup"),
    ),
    ("one number", "one finite rate for each step", loop("return rates", "return rates[0]")),
    ("the return is missing", "returned None", loop("return rates", "pass")),
    ("blank", "not yet", schedule("    raise NotImplementedError")),
]


def early_stopping(body):
    return f"def early_stopping(losses, patience, margin):\n{body}"


STOP = """
    best, lowest, waited = 0, math.inf, 0
    for epoch, loss in enumerate(losses):
        waited += 1
        if loss < lowest - margin:
            best, lowest, waited = epoch, loss, 0
        if waited >= patience:
            return epoch, best
    return len(losses) - 1, best
"""


def stop(old, new):
    assert old in STOP
    return early_stopping(STOP.replace(old, new))


EARLY_STOPPING = [
    ("a loop", "right", early_stopping(STOP)),
    (
        "a while loop, an array out",
        "right",
        early_stopping(
            """
    seen, epoch = [], -1
    while epoch + 1 < len(losses):
        epoch += 1
        if losses[epoch] == losses[epoch] and (
            not seen or losses[epoch] < losses[seen[-1]] - margin
        ):
            seen.append(epoch)
        if epoch - (seen[-1] if seen else -1) == patience:
            break
    return np.array([epoch, seen[-1] if seen else 0])
"""
        ),
    ),
    (
        "Keras's callback, replayed",
        "right",
        early_stopping(
            """
    best, low, wait = 0, float("inf"), 0
    for epoch in range(len(losses)):
        better = np.less(losses[epoch] + margin, low)
        wait = 0 if better else wait + 1
        best, low = (epoch, losses[epoch]) if better else (best, low)
        if wait == patience:
            break
    return [epoch, best]
"""
        ),
    ),
    (
        "runs to the end",
        "no sooner, no later",
        stop("if waited >= patience", "if False"),
    ),
    (
        "stops one epoch late",
        "no sooner, no later",
        stop("waited >= patience", "waited > patience"),
    ),
    (
        "compares with the last",
        "than the best, not the last",
        stop("        if waited", "        lowest = loss\n        if waited"),
    ),
    (
        "never starts to count anew",
        "starts the count of epochs anew",
        stop("epoch, loss, 0", "epoch, loss, waited").replace(
            "waited += 1", "waited += loss >= lowest"
        ),
    ),
    ("equal is better", "as low as the best is not lower", stop("loss < lowest", "loss <= lowest")),
    ("margin ignored", "less than the margin", stop("lowest - margin", "lowest")),
    (
        "a share of the loss as margin",
        "a difference, not a share",
        stop("lowest - margin", "lowest * (1 - margin)"),
    ),
    (
        "NaN skipped",
        "when patience is spent",
        stop("waited += 1", "if loss != loss:\n            continue\n        waited += 1"),
    ),
    (
        "margin added",
        "as low as the best|less than the margin",
        stop("lowest - margin", "lowest + margin"),
    ),
    (
        "the best moves without the margin",
        "measured from the best so far|less than the margin",
        stop("        if waited", "        lowest = min(lowest, loss)\n        if waited"),
    ),
    (
        "NaN as a best",
        "NaN is never better",
        early_stopping(
            STOP.replace("math.inf, 0", "losses[0], 0").replace(
                "in enumerate(losses)", "in list(enumerate(losses))[1:]"
            )
        ),
    ),
    (
        "kept epoch missing with NaN",
        "keep epoch 0",
        stop("best, lowest, waited = 0,", "best, lowest, waited = -1,"),
    ),
    (
        "the last epoch is kept",
        "no sooner, no later",
        stop("return epoch, best", "return epoch, epoch"),
    ),
    (
        "counted from 1",
        "counted from 0",
        early_stopping(
            STOP.replace("return epoch, best", "return epoch + 1, best + 1").replace(
                "len(losses) - 1, best", "len(losses), best + 1"
            )
        ),
    ),
    (
        "the other way round",
        "The last epoch comes first",
        stop("return epoch, best", "return best, epoch"),
    ),
    ("one number", "Return two whole numbers", stop("return len(losses) - 1, best", "return best")),
    ("blank", "not yet", early_stopping("    raise NotImplementedError")),
]

CASES = [
    (exercise, name, verdict, code)
    for exercise, answers in {
        "dropout": DROPOUT,
        "batch_norm": BATCH_NORM,
        "schedule": SCHEDULE,
        "early_stopping": EARLY_STOPPING,
    }.items()
    for name, verdict, code in answers
]
