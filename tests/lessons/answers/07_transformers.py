"""What learners write for the lab of 07_transformers; see `test_answers.py` for the form."""


def made(head, body):
    """A function of one answer in a working body, and of one with a mistake in it."""

    def whole(text):
        return f"{head}\n{text}"

    def change(*swaps):
        found = body
        for old, new in swaps:
            assert old in found, old
            found = found.replace(old, new)
        return whole(found)

    return whole, change


ATTENTION = """
    batch, heads, n, d = queries.shape
    m = keys.shape[2]
    scores = np.einsum("bhnd,bhmd->bhnm", queries, keys) / np.sqrt(d)
    for b in range(batch):
        scores[b, :, :, lengths[b]:] = -1e9
    if causal:
        for i in range(n):
            scores[:, :, i, i + 1:] = -1e9
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    a = e / e.sum(axis=-1, keepdims=True)
    return np.einsum("bhnm,bhme->bhne", a, values)
"""
attention, attend = made("def masked_attention(queries, keys, values, lengths, causal):", ATTENTION)

MASKED_ATTENTION = [
    ("einsum and loops over masks", "right", attention(ATTENTION)),
    ("float64", "right", attend(("queries, keys)", "queries.astype('float64'), keys)"))),
    ("float32", "right", attend(("a, values)", "a, values).astype('float32')"))),
    ("nested lists out", "right", attend(("a, values)", "a, values).tolist()"))),
    (
        "loops over everything",
        "right",
        attention(
            """
    batch, heads, n, d = queries.shape
    y = np.zeros((batch, heads, n, values.shape[-1]))
    for b in range(batch):
        for h in range(heads):
            for i in range(n):
                end = min(lengths[b], i + 1) if causal else lengths[b]
                s = keys[b, h, :end] @ queries[b, h, i] / d**0.5
                p = np.exp(s - s.max())
                y[b, h, i] = p / p.sum() @ values[b, h, :end]
    return y
"""
        ),
    ),
    (
        "Keras's own, a tensor out",
        "right",
        attention(
            """
    n, m = queries.shape[2], keys.shape[2]
    mask = np.arange(m)[None, None, None] < np.array(lengths)[:, None, None, None]
    mask = np.broadcast_to(mask, (len(queries), queries.shape[1], n, m))
    if causal:
        mask = mask & np.tri(n, m, dtype=bool)
    q, k, v = (np.swapaxes(t, 1, 2) for t in (queries, keys, values))
    y = ops.dot_product_attention(q, k, v, mask=mask, flash_attention=False)
    return ops.transpose(y, (0, 2, 1, 3))
"""
        ),
    ),
    ("no scale", "scaled for the width d", attend((" / np.sqrt(d)", ""))),
    ("divided by d", "scaled too much", attend(("np.sqrt(d)", "d"))),
    ("causal ignored", "The future is looked at", attend(("if causal", "if False"))),
    ("padding ignored", "Padding is looked at", attend(("lengths[b]:] = -1e9", "m:] = -1e9"))),
    ("turned", "Your causal mask is turned", attend(("i, i + 1:]", "i, :i]"))),
    (
        "masked after the softmax",
        "mask before the softmax",
        attention(
            """
    n, m = queries.shape[2], keys.shape[2]
    scores = queries @ np.swapaxes(keys, 2, 3) / np.sqrt(queries.shape[-1])
    e = np.exp(scores)
    a = e / e.sum(-1, keepdims=True)
    a = a * (np.arange(m) < np.asarray(lengths)[:, None, None, None])
    if causal:
        a = a * np.tri(n, m)
    return a @ values
"""
        ),
    ),
    ("forbidden scores are 0", "A score of 0 is not forbidden", attend(("-1e9", "0"))),
    (
        "softmax over the queries",
        "Softmax runs over the keys",
        attend(("e.sum(axis=-1", "e.sum(axis=-2"), ("scores.max(axis=-1", "scores.max(axis=-2")),
    ),
    ("one place too far", "causal mask is one place off", attend(("i, i + 1:]", "i, i + 2:]"))),
    (
        "padding one too late",
        "begins one place too late",
        attend(("lengths[b]:]", "lengths[b] + 1:]")),
    ),
    (
        "a soft mask",
        "keeps a little weight",
        attend(("-1e9", "-15"), ("lengths[b]:] = ", "lengths[b]:] += ")),
    ),
    (
        "softer still",
        "little weight|Some values|looked at",
        attend(("lengths[b]:] = -1e9", "lengths[b]:] = -12")),
    ),
    (
        "width taken for 8",
        "Some values differ|scaled|another shape",
        attend(("np.sqrt(d)", "np.sqrt(8)")),
    ),
    (
        "three heads taken for granted",
        "raised ValueError",
        attend(
            (
                "batch, heads, n, d = queries.shape",
                "batch, heads, n, d = (2, 3, *queries.shape[2:])\n"
                "    queries = queries.reshape(2, 3, n, d)",
            )
        ),
    ),
    ("infinite mask", "right", attend(("-1e9", "-np.inf"))),
    (
        "padded queries masked too",
        "every key forbidden.*NaN",
        attend(
            (
                "lengths[b]:] = -1e9",
                "lengths[b]:] = -np.inf\n        scores[b, :, lengths[b]:] = -np.inf",
            )
        ),
    ),
    ("itself is not seen", "Some values differ", attend(("i + 1:]", "max(i, 1):]"))),
    ("heads mixed", "Some values differ", attend(("bhnm,bhme->bhne", "bhnm,bgme->bhne"))),
    (
        "weights returned",
        "another shape",
        attend(('return np.einsum("bhnm,bhme->bhne", a, values)', "return a")),
    ),
    ("heads last", "another shape", attend(("->bhne", "->bnhe"))),
    (
        "minus infinity everywhere",
        "every key forbidden.*NaN",
        attend(("i, i + 1:] = -1e9", "i, i:] = -np.inf")),
    ),
    ("the return is missing", "returned None", attend(("return np.einsum", "np.einsum"))),
    ("text", "Numbers are expected", attention('    return "done"')),
    ("a name that is not there", "raised NameError", attend(("a, values)", "w, values)"))),
    ("blank", "not yet", attention("    raise NotImplementedError")),
]

STEP = """
    batch, heads, t, d = cache["k"].shape
    q = (x @ weights["q"]).reshape(batch, heads, d)
    k = (x @ weights["k"]).reshape(batch, heads, 1, d)
    v = (x @ weights["v"]).reshape(batch, heads, 1, d)
    k = np.concatenate([cache["k"], k], axis=2)
    v = np.concatenate([cache["v"], v], axis=2)
    k, v = k[:, :, -most:], v[:, :, -most:]
    s = np.einsum("bhd,bhtd->bht", q, k) / np.sqrt(d)
    a = np.exp(s - s.max(-1, keepdims=True))
    a = a / a.sum(-1, keepdims=True)
    y = np.einsum("bht,bhtd->bhd", a, v).reshape(batch, heads * d)
    return {"y": y @ weights["o"], "k": k, "v": v}
"""
step, stepped = made("def cached_step(x, cache, weights, most):", STEP)

CACHED_STEP = [
    ("einsum", "right", step(STEP)),
    (
        "float64 in the cache",
        "right",
        stepped(('cache["k"], k]', 'cache["k"], k.astype("float64")]')),
    ),
    ("float32 out", "right", stepped(('"y": y @', '"y": y.astype("float32") @'))),
    ("lists out", "right", stepped(('"k": k, "v": v', '"k": k.tolist(), "v": v.tolist()'))),
    (
        "loops",
        "right",
        step(
            """
    batch, heads, t, d = cache["k"].shape
    first = max(0, t + 1 - most)
    y = np.zeros((batch, heads * d))
    new = {name: x @ weights[name] for name in "qkv"}
    kept = {name: np.zeros((batch, heads, t + 1 - first, d)) for name in "kv"}
    for b in range(batch):
        for h in range(heads):
            mine = slice(h * d, (h + 1) * d)
            for name in "kv":
                kept[name][b, h, :-1] = cache[name][b, h, first:]
                kept[name][b, h, -1] = new[name][b, mine]
            s = kept["k"][b, h] @ new["q"][b, mine] / d**0.5
            p = np.exp(s - s.max())
            y[b, mine] = p @ kept["v"][b, h] / p.sum()
    return {"y": y @ weights["o"], **kept}
"""
        ),
    ),
    (
        "keras.ops",
        "right",
        step(
            """
    batch, heads, t, d = cache["k"].shape
    q, k, v = (ops.reshape(ops.matmul(x, weights[n]), (batch, heads, 1, d)) for n in "qkv")
    k = ops.concatenate([cache["k"].astype("float32"), k], axis=2)[:, :, -most:]
    v = ops.concatenate([cache["v"].astype("float32"), v], axis=2)[:, :, -most:]
    a = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / d**0.5)
    y = ops.reshape(ops.matmul(a, v), (batch, heads * d))
    return {"y": ops.matmul(y, weights["o"]), "k": k, "v": v}
"""
        ),
    ),
    (
        "no limit",
        "at the limit the oldest must go",
        stepped(("k, v = k[:, :, -most:], v[:, :, -most:]", "pass")),
    ),
    (
        "cut after looking",
        "cut the cache first",
        stepped(
            ("    k, v = k[:, :, -most:], v[:, :, -most:]\n", ""),
            ('"k": k, "v": v', '"k": k[:, :, -most:], "v": v[:, :, -most:]'),
        ),
    ),
    (
        "the newest go",
        "not the newest",
        stepped(("k[:, :, -most:], v[:, :, -most:]", "k[:, :, :most], v[:, :, :most]")),
    ),
    (
        "new keys at the front",
        "the new key goes at the end",
        stepped(('[cache["k"], k]', '[k, cache["k"]]'), ('[cache["v"], v]', '[v, cache["v"]]')),
    ),
    (
        "old cache returned",
        "is the new one added",
        stepped(('"k": k, "v": v', '"k": cache["k"], "v": cache["v"]')),
    ),
    ("no scale", "scaled for the width d", stepped((" / np.sqrt(d)", ""))),
    (
        "only the new key",
        "is the new one added, and is not more cut",
        stepped(("k, v = k[:, :, -most:], v[:, :, -most:]", "k, v = k[:, :, -1:], v[:, :, -1:]")),
    ),
    (
        "cut too short",
        "not more cut than needed",
        stepped(
            (
                "k, v = k[:, :, -most:], v[:, :, -most:]",
                "k, v = (a if a.shape[2] <= most else a[:, :, -most + 1 :] for a in (k, v))",
            )
        ),
    ),
    (
        "the second newest dropped",
        "newest `most` entries stay",
        stepped(
            (
                "k, v = k[:, :, -most:], v[:, :, -most:]",
                "drop = [*range(t - 1), t] if t >= most > 1 else slice(-most, None)\n"
                "    k, v = k[:, :, drop], v[:, :, drop]",
            )
        ),
    ),
    ("one entry more", "exactly the entries", stepped(('"v": v}', '"v": v, "t": t}'))),
    ("width taken for 4", "y differs|scaled", stepped(("np.sqrt(d)", "2"))),
    (
        "sizes taken for granted",
        "raised ValueError",
        stepped(("reshape(batch, heads, 1, d)", "reshape(2, 3, 1, 4)")),
    ),
    ("no last matrix", "y differs", stepped(('y @ weights["o"]', "y"))),
    (
        "k and v mixed up",
        "Keys in the cache differ",
        stepped(('x @ weights["k"]', 'x @ weights["v"]')),
    ),
    (
        "v from the wrong matrix",
        "Values in the cache differ",
        stepped(('x @ weights["v"]', 'x @ weights["k"]')),
    ),
    (
        "heads cut wrongly",
        "Keys in the cache differ",
        stepped(
            (
                'weights["k"]).reshape(batch, heads, 1, d)',
                'weights["k"]).reshape(batch, d, heads, 1).swapaxes(1, 2).swapaxes(2, 3)',
            )
        ),
    ),
    (
        "y in heads",
        "one vector per sequence",
        stepped(('y @ weights["o"]', "y.reshape(batch, heads, d)")),
    ),
    (
        "a tuple",
        "Return a dict",
        stepped(('return {"y": y @ weights["o"], "k": k, "v": v}', "return y, k, v")),
    ),
    ("an entry is missing", "Return a dict", stepped((', "v": v}', "}"))),
    ("the return is missing", "Return a dict", stepped(('return {"y"', '{"y"'))),
    ("None inside", "The entry .k. is None", stepped(('"k": k,', '"k": None,'))),
    ("NaN", "NaN", stepped(('y @ weights["o"]', 'y @ weights["o"] * np.nan'))),
    ("a name that is not there", "raised NameError", stepped(('"k": k,', '"k": keys,'))),
    ("blank", "not yet", step("    raise NotImplementedError")),
]

MERGE = """
    total = {}
    for word, count in zip(words, counts):
        for a, b in zip(word, word[1:]):
            total[a, b] = total.get((a, b), 0) + count
    a, b = sorted(total, key=lambda pair: (-total[pair], pair))[0]
    out = []
    for word in words:
        new, i = [], 0
        while i < len(word):
            if i + 1 < len(word) and word[i] == a and word[i + 1] == b:
                new.append(a + b)
                i += 2
            else:
                new.append(word[i])
                i += 1
        out.append(new)
    return {"pair": [a, b], "words": out}
"""
merging, merged = made("def merge_step(words, counts):", MERGE)

MERGE_STEP = [
    ("a walk along each word", "right", merging(MERGE)),
    ("tuples out", "right", merged(('"pair": [a, b]', '"pair": (a, b)'))),
    (
        "arrays out",
        "right",
        merged(
            (
                '"pair": [a, b], "words": out',
                '"pair": np.array([a, b]), "words": [np.array(w) if w else [] for w in out]',
            )
        ),
    ),
    (
        "letters joined",
        "and only these",
        merged(("word[i] == a and word[i + 1] == b", "word[i] + word[i + 1] == a + b")),
    ),
    (
        "ties by the joined pair",
        "first in alphabetical order",
        merged(("(-total[pair], pair)", "(-total[pair], pair[0] + pair[1], pair)")),
    ),
    (
        "ties by the left token",
        "first in alphabetical order",
        merged(("(-total[pair], pair)", "(-total[pair], pair[0])")),
    ),
    (
        "once in a word",
        "more than once in a word",
        merged(("in zip(word, word[1:]):", "in {*zip(word, word[1:])}:")),
    ),
    (
        "the last pair is missed",
        "Another pair is more frequent",
        merged(("in zip(word, word[1:]):", "in zip(word[:-1], word[1:-1]):")),
    ),
    (
        "every second pair",
        "Another pair is more frequent",
        merged(("in zip(word, word[1:]):", "in zip(word[::2], word[1::2]):")),
    ),
    (
        "only the first place",
        "merge every place",
        merged(("i + 1 < len(word) and", "i + 1 < len(word) and len(new) == i and")),
    ),
    ("one entry more", "exactly the entries", merged(('"words": out', '"words": out, "n": 1'))),
    (
        "Counter and pops",
        "right",
        merging(
            """
    from collections import Counter

    total = Counter()
    for word, count in zip(words, counts):
        for i in range(len(word) - 1):
            total[word[i], word[i + 1]] += count
    top = max(total.values())
    left, right = min(pair for pair in total if total[pair] == top)
    for word in words:
        i = 0
        while i < len(word) - 1:
            if (word[i], word[i + 1]) == (left, right):
                word[i] = word[i] + word.pop(i + 1)
            i += 1
    return {"pair": [left, right], "words": words}
"""
        ),
    ),
    ("counts ignored", "Each word counts as often", merged((", 0) + count", ", 0) + 1"))),
    (
        "ties by the first seen",
        "first in alphabetical order",
        merged(
            ("sorted(total, key=lambda pair: (-total[pair], pair))[0]", "max(total, key=total.get)")
        ),
    ),
    (
        "ties by the last",
        "first in alphabetical order",
        merged(
            (
                "sorted(total, key=lambda pair: (-total[pair], pair))[0]",
                "max(total, key=lambda pair: (total[pair], pair))",
            )
        ),
    ),
    (
        "the rarest",
        "Another pair is more frequent",
        merged(("(-total[pair], pair)", "(total[pair], pair)")),
    ),
    (
        "pairs across words, counted",
        "no pair spans two|Another pair|alphabetical|do not span",
        merging(
            MERGE.replace(
                "    a, b = sorted",
                "    for first, second in zip(words, words[1:]):\n"
                "        if first and second:\n"
                "            pair = first[-1], second[0]\n"
                "            total[pair] = total.get(pair, 0) + 99\n    a, b = sorted",
            )
        ),
    ),
    (
        "pairs across words",
        "no pair spans two|Another pair|alphabetical|often as it occurs|do not span",
        merging(
            MERGE.replace(
                "    a, b = sorted",
                "    flat, total = [t for word in words for t in word], {}\n"
                "    for a, b in zip(flat, flat[1:]):\n"
                "        total[a, b] = total.get((a, b), 0) + 1\n    a, b = sorted",
            )
        ),
    ),
    (
        "one merge a word",
        "merge every place",
        merged(("i + 1 < len(word) and", "i + 1 < len(word) and a + b not in new and")),
    ),
    (
        "from right to left",
        "from left to right",
        merging(
            MERGE.replace(
                "for word in words:\n        new",
                "for word in words:\n        word, l, r = word[::-1], b, a\n        new",
            )
            .replace("word[i] == a and word[i + 1] == b", "word[i] == l and word[i + 1] == r")
            .replace("out.append(new)", "out.append(new[::-1])")
        ),
    ),
    ("letters doubled", "lose or double a letter", merged(("i += 2", "i += 1"))),
    (
        "letters lost",
        "lose or double a letter",
        merged(("                new.append(word[i])\n", "                pass\n")),
    ),
    ("nothing merged", "nothing is merged", merged(('"words": out', '"words": words'))),
    (
        "words joined",
        "each a list of tokens",
        merged(("out.append(new)", 'out.append(" ".join(new))')),
    ),
    ("the pair joined", "a list of two tokens", merged(('"pair": [a, b]', '"pair": a + b'))),
    (
        "words only",
        "Return a dict",
        merged(('return {"pair": [a, b], "words": out}', "return out")),
    ),
    ("pair missing", "Return a dict", merged(('"pair": [a, b], ', ""))),
    ("the return is missing", "Return a dict", merged(('return {"pair"', '{"pair"'))),
    ("numbers as the pair", "a list of two tokens", merged(('"pair": [a, b]', '"pair": [0, 1]'))),
    ("one word too few", "as many words", merged(('"words": out', '"words": out[1:]'))),
    ("a wrong index", "raised IndexError", merged(("i + 1 < len(word) and ", ""))),
    ("blank", "not yet", merging("    raise NotImplementedError")),
]

ROUTE = """
    tokens, experts = scores.shape
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    chosen = np.zeros(scores.shape)
    for i in range(tokens):
        chosen[i, np.argsort(scores[i])[-k:]] = 1
    weights = e * chosen / (e * chosen).sum(axis=1, keepdims=True)
    f = chosen.sum(axis=0) / (tokens * k)
    P = (e / e.sum(axis=1, keepdims=True)).mean(axis=0)
    return {"weights": weights, "balance": experts * (f * P).sum()}
"""
routing, routed = made("def route(scores, k):", ROUTE)

ROUTE_CASES = [
    ("a loop over tokens", "right", routing(ROUTE)),
    ("lists out", "right", routed(('"weights": weights', '"weights": weights.tolist()'))),
    (
        "float64",
        "right",
        routed(
            (
                "tokens, experts = scores.shape",
                "tokens, experts = scores.shape\n    scores = np.float64(scores)",
            )
        ),
    ),
    (
        "float32 out",
        "right",
        routed(('"weights": weights', '"weights": weights.astype("float32")')),
    ),
    (
        "keras.ops",
        "right",
        routing(
            """
    experts = scores.shape[1]
    index = ops.top_k(scores, k)[1]
    chosen = ops.sum(ops.one_hot(index, experts), axis=1)
    weights = ops.softmax(ops.where(chosen > 0, scores, -1e9))
    f, P = ops.mean(chosen, axis=0) / k, ops.mean(ops.softmax(scores), axis=0)
    return {"weights": weights, "balance": experts * ops.sum(f * P)}
"""
        ),
    ),
    (
        "not renormalised",
        "must sum to 1",
        routed(("e * chosen / (e * chosen).sum", "e * chosen / e.sum")),
    ),
    (
        "all experts",
        "All experts have weight",
        routed(("e * chosen / (e * chosen).sum", "e / e.sum")),
    ),
    ("the smallest", "smallest scores were chosen", routed(("[-k:]", "[:k]"))),
    (
        "alike",
        "weighted by softmax, not alike",
        routed(
            (
                "weights = e * chosen / (e * chosen).sum(axis=1, keepdims=True)",
                "weights = chosen / k",
            )
        ),
    ),
    ("one expert only", "weights differ", routed(("[-k:]", "[-1:]"))),
    ("no E", "lacks the factor E", routed(("experts * (f", "(f"))),
    ("f not over k", "tokens times k", routed(("(tokens * k)", "tokens"))),
    (
        "P of the chosen alone",
        "before any is left out",
        routed(("(e / e.sum(axis=1, keepdims=True)).mean", "weights.mean")),
    ),
    ("f times f", "not f by f", routed(("(f * P)", "(f * f)"))),
    ("P times P", "not P by P", routed(("(f * P)", "(P * P)"))),
    ("sums for means", "balance differs", routed((".mean(axis=0)", ".sum(axis=0)"))),
    ("overflow", "exp overflowed", routed((" - scores.max(axis=1, keepdims=True)", ""))),
    (
        "overflow in P alone",
        "exp overflowed",
        routed(
            (
                "(e / e.sum(axis=1, keepdims=True))",
                "(np.exp(scores) / np.exp(scores).sum(1)[:, None])",
            )
        ),
    ),
    (
        "a mean for the sum",
        "a mean stands for the sum",
        routed(("(f * P).sum()", "(f * P).mean()")),
    ),
    (
        "f from the weights",
        "f counts choices",
        routed(("chosen.sum(axis=0) / (tokens * k)", "weights.mean(axis=0)")),
    ),
    (
        "left out by 0",
        "A score of 0 is not left out",
        routed(
            (
                "weights = e * chosen / (e * chosen).sum(axis=1, keepdims=True)",
                "z = np.exp(scores * chosen - (scores * chosen).max(axis=1, keepdims=True))\n"
                "    weights = z / z.sum(axis=1, keepdims=True)",
            )
        ),
    ),
    ("one entry more", "exactly the entries", routed((".sum()}", '.sum(), "f": f}'))),
    (
        "the wrong axis",
        "weights differ|NaN",
        routed(("(e * chosen).sum(axis=1, keepdims=True)", "(e * chosen).sum(axis=0)")),
    ),
    (
        "only the k columns",
        "column for each expert",
        routed(('"weights": weights', '"weights": np.sort(weights, axis=1)[:, -1:]')),
    ),
    (
        "a tuple",
        "Return a dict",
        routed(
            (
                'return {"weights": weights, "balance": experts * (f * P).sum()}',
                "return weights, f @ P",
            )
        ),
    ),
    ("balance missing", "Return a dict", routed((', "balance": experts * (f * P).sum()', ""))),
    ("balance an array", "one number", routed((".sum()}", "}"))),
    ("the return is missing", "Return a dict", routed(('return {"weights"', '{"weights"'))),
    ("blank", "not yet", routing("    raise NotImplementedError")),
]

CASES = [
    (exercise, *case)
    for exercise, cases in {
        "masked_attention": MASKED_ATTENTION,
        "cached_step": CACHED_STEP,
        "merge_step": MERGE_STEP,
        "route": ROUTE_CASES,
    }.items()
    for case in cases
]
