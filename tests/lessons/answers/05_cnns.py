"""What learners write for the lab of 05_cnns; see `test_answers.py` for the form."""


def convolve(body):
    return f"def convolve(images, kernels, stride=1, padding=0):\n{body}"


LOOPS = """
    border = (padding, padding)
    padded = np.pad(images, ((0, 0), border, border, (0, 0)))
    n, height, width, channels = padded.shape
    kh, kw, _, filters = kernels.shape
    rows, columns = (height - kh) // stride + 1, (width - kw) // stride + 1
    y = np.zeros((n, rows, columns, filters))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            window = padded[:, top : top + kh, left : left + kw]
            for f in range(filters):
                y[:, i, j, f] = (window * kernels[..., f]).sum(axis=(1, 2, 3))
    return y
"""


def loops(old, new):
    """The answer in loops, with one mistake."""
    assert old in LOOPS
    return convolve(LOOPS.replace(old, new))


STRIDE_FORGOTTEN_IN_THE_WINDOW = loops("i * stride, j * stride", "i, j")

CONVOLVE = [
    ("loops", "right", convolve(LOOPS)),
    (
        "loops over every index, lists of lists out",
        "right",
        convolve(
            """
    n, height, width, channels = images.shape
    kh, kw, _, filters = kernels.shape

    def at(k, i, j, c):
        i, j = i - padding, j - padding
        return images[k, i, j, c] if 0 <= i < height and 0 <= j < width else 0.0

    rows = (height + 2 * padding - kh) // stride + 1
    columns = (width + 2 * padding - kw) // stride + 1
    return [[[[
        sum(kernels[u, v, c, f] * at(k, i * stride + u, j * stride + v, c)
            for u in range(kh) for v in range(kw) for c in range(channels))
        for f in range(filters)] for j in range(columns)] for i in range(rows)] for k in range(n)]
"""
        ),
    ),
    (
        "a sum over shifts with tensordot, float32",
        "right",
        convolve(
            """
    x = np.pad(images, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    kh, kw = kernels.shape[:2]
    rows, cols = (x.shape[1] - kh) // stride + 1, (x.shape[2] - kw) // stride + 1
    y = 0
    for u in range(kh):
        for v in range(kw):
            part = x[:, u : u + stride * rows : stride, v : v + stride * cols : stride]
            y = y + np.tensordot(part[:, :rows, :cols], kernels[u, v], axes=1)
    return y.astype("float32")
"""
        ),
    ),
    (
        "einsum in float64",
        "right",
        convolve(
            """
    x = np.pad(images.astype("float64"), ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    view = np.lib.stride_tricks.sliding_window_view(x, kernels.shape[:3], axis=(1, 2, 3))
    return np.einsum("nijzuvc,uvcf->nijf", view[:, ::stride, ::stride], kernels)
"""
        ),
    ),
    (
        "keras.ops, a tensor out",
        "right",
        convolve(
            """
    border = [padding, padding]
    x = keras.ops.pad(images, [[0, 0], border, border, [0, 0]])
    return keras.ops.conv(x, kernels, strides=stride, padding="valid")
"""
        ),
    ),
    (
        "a Keras layer",
        "right",
        convolve(
            """
    layer = layers.Conv2D(kernels.shape[-1], kernels.shape[:2], strides=stride, use_bias=False)
    x = layers.ZeroPadding2D(padding)(images)
    layer.build(x.shape)
    layer.set_weights([kernels])
    return layer(x)
"""
        ),
    ),
    (
        "scipy, one channel and filter at a time",
        "right",
        convolve(
            """
    from scipy.signal import correlate2d

    x = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    return np.stack([np.stack([
        sum(correlate2d(image[..., c], kernels[..., c, f], "valid")
            for c in range(x.shape[-1]))[::stride, ::stride]
        for f in range(kernels.shape[-1])], -1) for image in x])
"""
        ),
    ),
    (
        "in place: the inputs are overwritten",
        "right",
        convolve("\n    images *= 2\n    kernels /= 2" + LOOPS),
    ),
    ("prints on the way", "right", convolve('\n    print("shape", images.shape)' + LOOPS)),
    ("kernel turned", "turned by 180", loops("kernels[..., f]", "kernels[::-1, ::-1, :, f]")),
    (
        "kernel turned, its channels too",
        "turned by 180",
        loops("kernels[..., f]", "kernels[::-1, ::-1, ::-1, f]"),
    ),
    (
        "scipy's true convolution",
        "turned by 180",
        convolve(
            """
    from scipy.signal import convolve2d

    x = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    return np.stack([np.stack([
        sum(convolve2d(image[..., c], kernels[..., c, f], "valid")
            for c in range(x.shape[-1]))[::stride, ::stride]
        for f in range(kernels.shape[-1])], -1) for image in x])
"""
        ),
    ),
    ("windows one pixel apart", "stride 2 and padding 0.*starts", STRIDE_FORGOTTEN_IN_THE_WINDOW),
    (
        "rows and columns swapped",
        "sum over the window",
        loops("i * stride, j * stride", "j * stride, i * stride"),
    ),
    (
        "stride ignored",
        "stride 2 and padding 0 the output has another shape",
        convolve("\n    stride = 1" + LOOPS),
    ),
    (
        "padding ignored",
        "stride 1 and padding 2 the output has another shape",
        convolve("\n    padding = 0" + LOOPS),
    ),
    (
        "padding on one side only",
        "stride 1 and padding 2 the output has another shape",
        loops("border = (padding, padding)", "border = (padding, 0)"),
    ),
    (
        "padding copies the edge",
        "stride 1 and padding 2.*zeros",
        loops("(0, 0)))", '(0, 0)), mode="edge")'),
    ),
    (
        "padding at the bottom and right only",
        "stride 1 and padding 2.*all four sides",
        loops("border = (padding, padding)", "border = (0, 2 * padding)"),
    ),
    (
        "sizes without + 1",
        "the output has another shape",
        loops("// stride + 1, (width - kw) // stride + 1", "// stride, (width - kw) // stride"),
    ),
    (
        "one channel only",
        "all channels",
        loops(
            "(window * kernels[..., f]).sum(axis=(1, 2, 3))",
            "(window[..., 0] * kernels[..., 0, f]).sum(axis=(1, 2))",
        ),
    ),
    (
        "the mean in place of the sum",
        "sum over the window",
        loops(".sum(axis", ".mean(axis"),
    ),
    (
        "all images summed",
        "one image",
        loops(".sum(axis=(1, 2, 3))", ".sum()"),
    ),
    (
        "whole numbers out",
        "some values differ",
        loops("filters))", "filters), dtype=int)"),
    ),
    (
        "filters first, as in PyTorch",
        "the output has another shape",
        loops("return y", "return y.transpose(0, 3, 1, 2)"),
    ),
    ("one image only", "the output has another shape", loops("return y", "return y[0]")),
    ("return inside the loop", "some values differ", loops("    return y", " " * 12 + "return y")),
    ("the return is missing", "returned None", loops("return y", "y")),
    ("NaN", r"right yet\. \d+ of \d+ values are NaN", loops("return y", "return y * np.nan")),
    (
        "NaN in one place",
        r"right yet\. 1 of \d+ values is NaN",
        loops("return y", "y[0, 0, 0, 0] = np.nan\n    return y"),
    ),
    ("text", "Numbers are expected", convolve('    return "done"')),
    ("a generator", "returned a generator", convolve("    while True:\n        yield 1.0")),
    ("a function", "returned a function", convolve("    return convolve")),
    ("a dict", "Numbers are expected", loops("return y", 'return {"y": y}')),
    ("shapes that do not fit", "raised ValueError.*your line", loops("[..., f]", "[0, 0]")),
    ("a name that is not there", "raised NameError.*your line", loops("return y", "return out")),
    ("a wrong index", "raised .*Error.*your line", loops("range(rows)", "range(rows + 1)")),
    ("leaves Python", "raised SystemExit", convolve("    raise SystemExit(0)")),
    ("two arguments only", "raised TypeError", "def convolve(images, kernels):\n    return images"),
    ("another name", "There is no function called convolve", "def convolution():\n    pass"),
    ("blank", "not yet", convolve("    # YOUR CODE HERE\n    raise NotImplementedError")),
    ("blank with words", "not yet", convolve('    raise NotImplementedError("later")')),
]


def max_pool(body):
    return f"def max_pool(images, size, stride):\n{body}"


POOL = """
    n, height, width, channels = images.shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    y = np.zeros((n, rows, columns, channels))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            window = images[:, top : top + size, left : left + size]
            y[:, i, j] = window.max(axis=(1, 2))
    return y
"""


def pool(old, new):
    assert old in POOL
    return max_pool(POOL.replace(old, new))


MAX_POOL = [
    ("loops", "right", max_pool(POOL)),
    (
        "loops over every index, lists of lists out",
        "right",
        max_pool(
            """
    n, height, width, channels = images.shape
    tops, lefts = range(0, height - size + 1, stride), range(0, width - size + 1, stride)
    return [[[[float(images[k, i : i + size, j : j + size, c].max())
        for c in range(channels)] for j in lefts] for i in tops] for k in range(n)]
"""
        ),
    ),
    (
        "the larger of shifted copies",
        "right",
        max_pool(
            """
    rows, cols = ((s - size) // stride + 1 for s in images.shape[1:3])
    y = np.full((len(images), rows, cols, images.shape[-1]), -np.inf)
    for u in range(size):
        for v in range(size):
            part = images[:, u::stride, v::stride][:, :rows, :cols]
            y = np.maximum(y, part)
    return y
"""
        ),
    ),
    ("keras.ops", "right", max_pool("    return keras.ops.max_pool(images, size, stride)")),
    (
        "a Keras layer",
        "right",
        max_pool("    return layers.MaxPooling2D(size, strides=stride)(images)"),
    ),
    ("float32", "right", pool("return y", 'return y.astype("float32")')),
    (
        "in place: the input is overwritten",
        "right",
        max_pool(POOL.replace("return y", "images[:] = 0\n    return y")),
    ),
    (
        "starts from zeros",
        "do not start from zeros",
        max_pool(
            """
    n, height, width, channels = images.shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    y = np.zeros((n, rows, columns, channels))
    for i in range(rows):
        for j in range(columns):
            for u in range(size):
                for v in range(size):
                    y[:, i, j] = np.maximum(y[:, i, j], images[:, i * stride + u, j * stride + v])
    return y
"""
        ),
    ),
    ("nothing filled in", "do not start from zeros", pool("y[:, i, j] = ", "")),
    ("average", "average", pool("window.max", "window.mean")),
    ("smallest", "its largest value", pool("window.max", "window.min")),
    ("largest without its sign", "largest value", pool("window.max", "np.abs(window).max")),
    (
        "channels mixed",
        "one channel",
        pool("window.max(axis=(1, 2))", "window.max(axis=(1, 2, 3), keepdims=True)[:, 0, 0]"),
    ),
    ("images mixed", "one image", pool("axis=(1, 2)", "axis=(0, 1, 2)")),
    ("everything mixed", "one image and one channel", pool("axis=(1, 2)", "")),
    ("channels gone", "another shape", pool("return y", "return y.max(axis=-1)")),
    (
        "stride ignored",
        "size 3 and stride 1 the output has another shape",
        max_pool("\n    stride = size" + POOL),
    ),
    (
        "windows one pixel apart",
        "size 2 and stride 2.*starts",
        pool("i * stride, j * stride", "i, j"),
    ),
    (
        "windows side by side",
        "size 3 and stride 1.*one window",
        pool("i * stride, j * stride", "min(i * size, height - size), min(j * size, width - size)"),
    ),
    (
        "sizes without + 1",
        "another shape",
        pool("// stride + 1, (width - size) // stride + 1", "// stride, (width - size) // stride"),
    ),
    (
        "size and stride swapped",
        "another shape",
        max_pool("\n    size, stride = stride, size" + POOL),
    ),
    (
        "padded, as with padding='same'",
        "another shape",
        max_pool('    return keras.ops.max_pool(images, size, stride, padding="same")'),
    ),
    (
        "reshape, which needs whole squares",
        "raised ValueError.*your line",
        max_pool(
            """
    n, h, w, c = images.shape
    return images.reshape(n, h // size, size, w // size, size, c).max(axis=(2, 4))
"""
        ),
    ),
    ("whole numbers out", "values differ", pool("channels))", "channels), dtype=int)")),
    ("the return is missing", "returned None", pool("return y", "y")),
    (
        "infinite",
        r"right yet\. \d+ of \d+ values are infinite",
        pool("return y", "return y - np.inf"),
    ),
    ("ragged", "ragged", max_pool("    return [[1.0], [1.0, 2.0]]")),
    (
        "an endless iterator",
        "returned a count",
        max_pool("    import itertools\n    return itertools.count()"),
    ),
    ("blank", "not yet", max_pool("    raise NotImplementedError")),
]


def trace(body):
    return f"def trace(size, stack):\n{body}"


FORWARD = """
    field, jump = 1, 1
    for kernel, stride, padding in stack:
        size = (size + 2 * padding - kernel) // stride + 1
        field = field + (kernel - 1) * jump
        jump = jump * stride
    return size, field
"""


def forward(old, new):
    assert old in FORWARD
    return trace(FORWARD.replace(old, new))


TRACE = [
    ("forward", "right", trace(FORWARD)),
    (
        "backward",
        "right",
        trace(
            """
    field = 1
    for k, s, p in stack:
        size = int((size + 2 * p - k) / s) + 1
    for k, s, p in stack[::-1]:
        field = (field - 1) * s + k
    return [size, field]
"""
        ),
    ),
    (
        "recursive",
        "right",
        trace(
            """
    if not stack:
        return size, 1
    (k, s, p), rest = stack[0], stack[1:]
    size, field = trace((size + 2 * p - k) // s + 1, rest)
    return size, (field - 1) * s + k
"""
        ),
    ),
    (
        "numpy, an array out",
        "right",
        trace(
            """
    k, s, p = np.array(stack).T
    field = 1 + np.sum((k - 1) * np.cumprod(np.concatenate([[1], s[:-1]])))
    for one, two, three in zip(k, s, p):
        size = np.floor((size + 2 * three - one) / two) + 1
    return np.array([size, field])
"""
        ),
    ),
    (
        "counting windows",
        "right",
        trace(
            """
    pixels = [{i} for i in range(-10_000, 10_000)]
    field, jump = 1, 1
    while stack:
        kernel, stride, padding = stack.pop(0)
        size = len(range(0, size + 2 * padding - kernel + 1, stride))
        field, jump = field + kernel * jump - jump, jump * stride
    return np.int64(size), np.int32(field)
"""
        ),
    ),
    ("strides ignored", "product of the strides before", forward("* jump", "")),
    (
        "its own stride counted too",
        "product of the strides before",
        forward(
            "        field = field + (kernel - 1) * jump\n        jump = jump * stride",
            "        jump = jump * stride\n        field = field + (kernel - 1) * jump",
        ),
    ),
    ("strides added", "product of the strides before", forward("jump * stride", "jump + stride")),
    ("only the last stride", "product of the strides before", forward("jump * stride", "stride")),
    ("the whole kernel added", r"adds \(kernel - 1\)", forward("(kernel - 1)", "kernel")),
    ("field starts at 0", "begin with 1", forward("field, jump = 1, 1", "field, jump = 0, 1")),
    (
        "padding widens the field",
        "receptive field",
        forward("(kernel - 1) * jump", "(kernel - 1 + 2 * padding) * jump"),
    ),
    (
        "the backward rule, forward",
        "receptive field",
        forward("field + (kernel - 1) * jump", "(field - 1) * stride + kernel"),
    ),
    ("no + 1", "output's width", forward("// stride + 1", "// stride")),
    ("padding once", "output's width.*both sides", forward("2 * padding", "padding")),
    ("padding ignored", "output's width.*both sides", forward(" + 2 * padding", "")),
    ("stride ignored", "output's width", forward("// stride + 1", "+ 1")),
    ("not rounded down", "output's width.*round down", forward("//", "/")),
    (
        "rounded up",
        "output's width.*round down",
        forward(
            "(size + 2 * padding - kernel) // stride", "-(-(size + 2 * padding - kernel) // stride)"
        ),
    ),
    (
        "the wrong way round",
        "width of the output comes first",
        forward("size, field\n", "field, size\n"),
    ),
    ("only the width", "Two integers", forward("return size, field", "return size")),
    ("only the first layer", "receptive field", forward("in stack", "in stack[:1]")),
    ("text", "Numbers are expected", forward("size, field\n", "str(size), str(field)\n")),
    (
        "a sentence",
        "Numbers are expected",
        forward("return size, field", 'return f"{size} and {field}"'),
    ),
    (
        "a dict",
        "Numbers are expected",
        forward("return size, field", 'return {"size": size, "field": field}'),
    ),
    ("printed, not returned", "returned None", forward("return size, field", "print(size, field)")),
    (
        "stops at its own assertion",
        "raised AssertionError.*your line",
        forward("size = (", "assert padding == 0\n        size = ("),
    ),
    ("blank", "not yet", trace("    raise NotImplementedError()")),
]


def residual_block(body):
    return f"def residual_block(x, filters, stride=1):\n{body}"


BLOCK = """
    y = layers.Conv2D(filters, 3, strides=stride, padding="same")(x)
    y = layers.BatchNormalization()(y)
    y = layers.Activation("relu")(y)
    y = layers.Conv2D(filters, 3, padding="same")(y)
    y = layers.BatchNormalization()(y)
    if stride != 1 or x.shape[-1] != filters:
        x = layers.Conv2D(filters, 1, strides=stride)(x)
    y = layers.Add()([y, x])
    return layers.Activation("relu")(y)
"""
RELU, NORM = '    y = layers.Activation("relu")(y)\n', "    y = layers.BatchNormalization()(y)\n"
SECOND = '    y = layers.Conv2D(filters, 3, padding="same")(y)\n'


def block(*changes):
    """The answer above with parts of it replaced, each the first time that it occurs."""
    body = BLOCK
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in body
        body = body.replace(old, new, 1)
    return residual_block(body)


LAYER = """
class Block({base}):
    def __init__(self, filters, stride, **options):
        super().__init__(**options)
        self.second = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        self.first = layers.Conv2D(filters, 3, stride, padding="same", use_bias=False)
        self.norms = [layers.BatchNormalization(), layers.BatchNormalization()]
        self.filters, self.stride, self.shortcut = filters, stride, None

    def build(self, shape):
        if self.stride != 1 or shape[-1] != self.filters:
            self.shortcut = layers.Conv2D(self.filters, 1, self.stride)
        super().build(shape)

    def call(self, x, training=None):
        y = keras.ops.relu(self.norms[0](self.first(x), training=training))
        y = self.norms[1](self.second(y), training=training)
        return keras.ops.relu(y + (x if self.shortcut is None else self.shortcut(x)))


def residual_block(x, filters, stride=1):
    return Block(filters, stride)(x)
"""

RESIDUAL_BLOCK = [
    ("functional, with biases", "right", block()),
    (
        "operators and keras.ops",
        "right",
        block(
            RELU,
            "    y = keras.ops.relu(y)\n",
            "layers.Add()([y, x])",
            "x + y",
            'layers.Activation("relu")(y)',
            "keras.ops.maximum(y, 0)",
        ),
    ),
    (
        "the shortcut first",
        "right",
        residual_block(
            """
    shortcut = x
    if x.shape[-1] != filters or stride > 1:
        shortcut = layers.Conv2D(filters, (1, 1), strides=stride, padding="same")(shortcut)
    x = layers.Conv2D(filters, (3, 3), strides=(stride, stride), padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(filters, (3, 3), padding="same")(x)
    x = layers.BatchNormalization()(x)
    return keras.activations.relu(layers.add([shortcut, x]))
"""
        ),
    ),
    (
        "the shortcut normalised too",
        "right",
        block(
            "strides=stride)(x)\n    y = layers.Add",
            "strides=stride)(x)\n        x = layers.BatchNormalization()(x)\n    y = layers.Add",
        ),
    ),
    (
        "another momentum and epsilon",
        "right",
        residual_block(
            BLOCK.replace("Normalization()", "Normalization(momentum=0.9, epsilon=1e-5)")
        ),
    ),
    (
        "a large epsilon",
        "right",
        residual_block(BLOCK.replace("Normalization()", "Normalization(epsilon=1e-2)")),
    ),
    (
        "the last normalisation begins at zero",
        "right",
        residual_block(
            "Normalization(gamma_initializer='zeros')".join(BLOCK.rsplit("Normalization()", 1))
        ),
    ),
    (
        "other first weights",
        "right",
        residual_block(
            BLOCK.replace("3,", '3, kernel_initializer="he_uniform", bias_initializer="ones",')
        ),
    ),
    (
        "no scale, no offset",
        "right",
        residual_block(
            BLOCK.replace("Normalization()", "Normalization(center=False, scale=False)")
        ),
    ),
    ("a Keras layer, second convolution made first", "right", LAYER.format(base="layers.Layer")),
    ("a Keras model", "right", LAYER.format(base="keras.Model")),
    (
        "F as a Sequential",
        "right",
        residual_block(
            """
    f = keras.Sequential([
        layers.Conv2D(filters, 3, strides=stride, padding="same"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2D(filters, 3, padding="same"),
        layers.BatchNormalization(),
    ])
    same = stride == 1 and x.shape[-1] == filters
    g = layers.Identity() if same else layers.Conv2D(filters, 1, strides=stride)
    return layers.ReLU()(f(x) + g(x))
"""
        ),
    ),
    (
        "a model inside",
        "right",
        residual_block(
            """
    inputs = keras.Input(x.shape[1:])
    y = layers.Conv2D(filters, 3, strides=stride, padding="same", name="one")(inputs)
    y = layers.ReLU()(layers.BatchNormalization(name="moving_mean")(y))
    y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(y))
    skip = inputs
    if stride != 1 or x.shape[-1] != filters:
        skip = layers.Conv2D(filters, 1, strides=stride)(inputs)
    return keras.Model(inputs, layers.ReLU()(layers.Add()([y, skip])))(x)
"""
        ),
    ),
    (
        "every stride-th pixel, then 1×1",
        "right",
        block(
            "1, strides=stride)(x)\n    y = layers.Add",
            "1)(x[:, ::stride, ::stride])\n    y = layers.Add",
        ),
    ),
    (
        "an unused layer",
        "right",
        block("    if stride", "    layers.Conv2D(filters, 1)\n    if stride"),
    ),
    (
        "a helper",
        "right",
        """
def unit(x, filters, stride=1, relu=True):
    x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x) if relu else x


def residual_block(x, filters, stride=1):
    y = unit(unit(x, filters, stride), filters, relu=False)
    if y.shape != x.shape:
        x = layers.Conv2D(filters, 1, strides=stride, use_bias=False)(x)
    return layers.ReLU()(x + y)
""",
    ),
    ("no ReLU between", "between the two convolutions", block(RELU, "")),
    (
        "no ReLU at the end",
        "last ReLU",
        block(
            'layers.Activation("relu")(y)\n    y = layers.Conv',
            "RELU(y)\n    y = layers.Conv",
            'return layers.Activation("relu")(y)',
            "return y",
            "RELU",
            'layers.Activation("relu")',
        ),
    ),
    ("no ReLU at all", "ReLU", block(RELU, "", 'return layers.Activation("relu")(y)', "return y")),
    (
        "ReLU before the sum",
        "Add first",
        block(
            '    y = layers.Add()([y, x])\n    return layers.Activation("relu")(y)',
            RELU + "    return layers.Add()([y, x])",
        ),
    ),
    (
        "ReLU before and after the sum",
        "Add first",
        block("    y = layers.Add", RELU + "    y = layers.Add"),
    ),
    ("ReLU before normalisation", "before the ReLU", block(NORM + RELU, RELU + NORM)),
    (
        "ReLU inside both convolutions",
        "(before its ReLU|Add first|values differ)",
        residual_block(
            BLOCK.replace(RELU, "").replace('padding="same"', 'padding="same", activation="relu"')
        ),
    ),
    ("no normalisation", "batch normalisation", block(NORM, "", NORM, "")),
    ("no first normalisation", "batch normalisation", block(NORM, "")),
    ("no second normalisation", "batch normalisation", block(SECOND + NORM, SECOND)),
    (
        "normalised after the sum",
        "after the sum",
        block(SECOND + NORM, SECOND, "    return", NORM + "    return"),
    ),
    (
        "layer normalisation",
        "batch normalisation",
        residual_block(BLOCK.replace("BatchN", "LayerN")),
    ),
    ("normalised twice at first", "values differ", block(NORM, NORM + NORM, SECOND + NORM, SECOND)),
    (
        "pre-activation, as He et al. later",
        "values differ",
        residual_block("""
    y = layers.ReLU()(layers.BatchNormalization()(x))
    y = layers.Conv2D(filters, 3, strides=stride, padding="same")(y)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Conv2D(filters, 3, padding="same")(y)
    if stride != 1 or x.shape[-1] != filters:
        x = layers.Conv2D(filters, 1, strides=stride)(x)
    return x + y
"""),
    ),
    ("one convolution", "two 3×3 convolutions", block(SECOND + NORM, NORM)),
    ("three convolutions", "two 3×3 convolutions", block(SECOND, SECOND + SECOND)),
    (
        "one convolution used twice",
        "two 3×3 convolutions",
        residual_block("""
    conv = layers.Conv2D(filters, 3, strides=stride, padding="same")
    y = layers.ReLU()(layers.BatchNormalization()(conv(x)))
    y = layers.BatchNormalization()(conv(y))
    if stride != 1 or x.shape[-1] != filters:
        x = layers.Conv2D(filters, 1, strides=stride)(x)
    return layers.ReLU()(x + y)
"""),
    ),
    (
        "kernels 5×5",
        "two 3×3 convolutions",
        residual_block(BLOCK.replace("filters, 3", "filters, 5")),
    ),
    (
        "the first convolution keeps the channels",
        "two 3×3 convolutions",
        block("Conv2D(filters, 3, str", "Conv2D(x.shape[-1], 3, str"),
    ),
    (
        "separable convolutions",
        "two 3×3 convolutions",
        residual_block(BLOCK.replace("layers.Conv2D(filters, 3", "layers.DepthwiseConv2D(3")),
    ),
    (
        "bottleneck",
        "(1×1|3×3)",
        block(SECOND, '    y = layers.Conv2D(filters, 1, padding="same")(y)\n'),
    ),
    ("concatenated", "another shape.*added", block("Add", "Concatenate")),
    ("multiplied", "added", block("Add", "Multiply")),
    ("averaged", "values differ", block("Add", "Average")),
    ("largest of the two", "values differ", block("Add", "Maximum")),
    (
        "no shortcut",
        "shortcut is not added",
        residual_block(
            BLOCK.replace("([y, x])", "([y, y])")
            .replace("layers.Add()([y, y])", "y")
            .replace("x = layers.Conv2D(filters, 1", "layers.Conv2D(filters, 1")
        ),
    ),
    (
        "x overwritten on the way",
        "block's input",
        residual_block(
            BLOCK.replace("y", "x").replace('"relu"', "'relu'").replace("laxers", "layers")
        ),
    ),
    ("F added twice", "block's input", block("[y, x]", "[y, y]")),
    (
        "shortcut convolution always",
        "its own shortcut",
        block("if stride != 1 or x.shape[-1] != filters", "if True"),
    ),
    (
        "shortcut normalised always",
        "values differ",
        block("    if stride", "    x = layers.BatchNormalization()(x)\n    if stride"),
    ),
    (
        "shortcut convolution 3×3",
        "the shortcut is one 1×1",
        block("filters, 1, strides=stride)", 'filters, 3, strides=stride, padding="same")'),
    ),
    (
        "shortcut pooled and padded",
        "the shortcut is one 1×1",
        block(
            "layers.Conv2D(filters, 1, strides=stride)(x)",
            "layers.MaxPooling2D(1, stride)("
            "keras.ops.pad(x, [[0, 0]] * 3 + [[0, filters - x.shape[-1]]]))",
        ),
    ),
    (
        "shortcut with a ReLU",
        "values differ",
        block(
            "strides=stride)(x)\n    y = layers.Add",
            'strides=stride, activation="relu")(x)\n    y = layers.Add',
        ),
    ),
    (
        "shortcut only for the stride",
        "raised ValueError.*line 10",
        block(" or x.shape[-1] != filters", ""),
    ),
    ("shortcut only for the channels", "raised ValueError.*line 10", block("stride != 1 or ", "")),
    (
        "no shortcut convolution",
        "raised ValueError",
        block(
            "    if stride != 1 or x.shape[-1] != filters:\n"
            "        x = layers.Conv2D(filters, 1, strides=stride)(x)\n",
            "",
        ),
    ),
    (
        "stride on both",
        "raised ValueError",
        block('3, padding="same")', '3, strides=stride, padding="same")'),
    ),
    (
        "stride on the second",
        "stride belongs to the first",
        block(
            "3, strides=stride, padding",
            "3, padding",
            '(y)\n    y = layers.Conv2D(filters, 3, padding="same")',
            '(y)\n    y = layers.Conv2D(filters, 3, strides=stride, padding="same")',
        ),
    ),
    ("stride forgotten in the shortcut", "raised ValueError", block("1, strides=stride", "1")),
    ("stride forgotten in F", "raised ValueError", block("3, strides=stride", "3")),
    ("stride forgotten", "another shape", residual_block(BLOCK.replace(", strides=stride", ""))),
    (
        "stride by pooling",
        "values differ",
        block(
            '3, strides=stride, padding="same")(x)',
            '3, padding="same")(x)\n    y = layers.MaxPooling2D(stride, padding="same")(y)',
        ),
    ),
    (
        "padding forgotten",
        "raised ValueError",
        residual_block(BLOCK.replace(', padding="same"', "")),
    ),
    (
        "padding as in PyTorch",
        "values differ.*same",
        block(
            '3, strides=stride, padding="same")(x)',
            "3, strides=stride)(layers.ZeroPadding2D(1)(x))",
        ),
    ),
    ("leaky", "values differ", block('Activation("relu")', "LeakyReLU()")),
    (
        "sigmoid at the end",
        "values differ",
        block('return layers.Activation("relu")', 'return layers.Activation("sigmoid")'),
    ),
    (
        "a dropout more is none here",
        "right",
        block(RELU, RELU + "    y = layers.Dropout(0.1)(y)\n"),
    ),
    ("the return is missing", "NoneType", block("return ", "")),
    (
        "a list",
        "list",
        block('return layers.Activation("relu")(y)', 'return [layers.Activation("relu")(y)]'),
    ),
    ("a model", "Functional", residual_block("    return keras.Model(x, layers.ReLU()(x))")),
    (
        "a layer, not its output",
        "ReLU",
        block('return layers.Activation("relu")(y)', "return layers.ReLU()"),
    ),
    ("text", "str", residual_block('    return "done"')),
    ("numbers", "ndarray", residual_block("    return np.zeros((2, 9, 8, filters))")),
    ("a generator", "generator", residual_block("    yield x")),
    (
        "something else altogether",
        "raised ValueError",
        residual_block("    return keras.Input((4, 4, filters))"),
    ),
    ("an option that is not there", "raised .*line 3", block("strides=stride", "step=stride")),
    (
        "NumPy on a symbol",
        "raised .*line 11",
        block('return layers.Activation("relu")(y)', "return np.maximum(y, 0)"),
    ),
    ("blank", "not yet", residual_block("    raise NotImplementedError")),
    (
        "blank inside a layer",
        "not yet",
        """
class Block(layers.Layer):
    def call(self, x):
        raise NotImplementedError


def residual_block(x, filters, stride=1):
    return Block()(x)
""",
    ),
]

CASES = [
    (exercise, *case)
    for exercise, cases in {
        "convolve": CONVOLVE,
        "max_pool": MAX_POOL,
        "trace": TRACE,
        "residual_block": RESIDUAL_BLOCK,
    }.items()
    for case in cases
]
