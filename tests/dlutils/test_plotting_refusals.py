"""What no function draws: each bad argument gives one clear ValueError, and nothing else."""

import re

import numpy as np
import pytest

from dlutils import plotting

X = np.zeros((2, 8, 8))
BOX = [[0.1, 0.1, 0.5, 0.5]] * 2
MASK = np.zeros((2, 8, 8), int)
KERNEL = np.ones((2, 2))
RUN = {"accuracy": [0.1, 0.2]}
PLANE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
BOWL = np.ones((2, 2))
DAYS = np.array(["2020-01-01", "2020-01-02"], "datetime64[D]")


def zero(points):
    """A classifier that knows one class."""
    return np.zeros(len(points))


# Every array argument: a call with that argument left open.
ARRAYS = {
    "landmarks point": lambda v: plotting.landmarks({"a": {"b": v}}, "x", "y"),
    "landmarks trends": lambda v: plotting.landmarks({"a": {"b": (1, 2)}}, "x", "y", {"t": v}),
    "images x": lambda v: plotting.images(v),
    "beside picture": lambda v: plotting.beside({"a": v}),
    "history values": lambda v: plotting.history({"run": {"accuracy": v}}),
    "history in a list": lambda v: plotting.history([RUN, {"accuracy": v}]),
    "confusion y_true": lambda v: plotting.confusion(v, [0, 1]),
    "confusion y_pred": lambda v: plotting.confusion([0, 1], v),
    "kernels weights": lambda v: plotting.kernels(v),
    "kernels in a dict": lambda v: plotting.kernels({"a": v}),
    "feature_maps activations": lambda v: plotting.feature_maps(v),
    "boxes images": lambda v: plotting.boxes(v, BOX),
    "boxes true": lambda v: plotting.boxes(X, v, BOX),
    "boxes predicted": lambda v: plotting.boxes(X, BOX, v),
    "masks images": lambda v: plotting.masks(v, MASK),
    "masks true": lambda v: plotting.masks(X, v),
    "masks predicted": lambda v: plotting.masks(X, MASK, v),
    "table rows": lambda v: plotting.table({"a": v}, ["b"]),
    "table columns": lambda v: plotting.table({"a": ["1", "2"]}, v),
    "spread values": lambda v: plotting.spread({"a": v}),
    "curves x": lambda v: plotting.curves(v, {"a": [1, 2]}, "x", "y"),
    "curves series": lambda v: plotting.curves([1, 2], {"a": v}, "x", "y"),
    "bars values": lambda v: plotting.bars({"a": v}, "n"),
    "grid values": lambda v: plotting.grid(v),
    "grid highlight": lambda v: plotting.grid(X[0], v),
    "convolution_step image": lambda v: plotting.convolution_step(v, KERNEL, X[0], 0, 0),
    "convolution_step kernel": lambda v: plotting.convolution_step(X[0], v, X[0], 0, 0),
    "convolution_step output": lambda v: plotting.convolution_step(X[0], KERNEL, v, 0, 0),
    "decision_regions predict": lambda v: plotting.decision_regions(lambda p: v, PLANE, [0, 1, 0]),
    "decision_regions x": lambda v: plotting.decision_regions(zero, v, [0, 1]),
    "decision_regions y": lambda v: plotting.decision_regions(zero, PLANE, v),
    "surface f": lambda v: plotting.surface(v, [0, 1, 2], [0, 1, 2]),
    "surface f's values": lambda v: plotting.surface(lambda w: v, [0, 1], [0, 1]),
    "surface x": lambda v: plotting.surface(BOWL, v, [0, 1]),
    "surface y": lambda v: plotting.surface(BOWL, [0, 1], v),
    "surface path": lambda v: plotting.surface(BOWL, [0, 1], [0, 1], {"a": v}),
    "embedding points": lambda v: plotting.embedding(v),
    "embedding labels": lambda v: plotting.embedding(PLANE, v),
    "latent_map images": lambda v: plotting.latent_map(v, [0, 1], [0, 1]),
    "latent_map x": lambda v: plotting.latent_map(np.zeros((2, 3, 8, 8)), v, [0, 1]),
    "latent_map y": lambda v: plotting.latent_map(np.zeros((3, 2, 8, 8)), [0, 1], v),
    "attention weights": lambda v: plotting.attention(v, ["a", "b"], ["a", "b"]),
    "heat values": lambda v: plotting.heat(v, ["a", "b"], ["a", "b"], "x", "y", "z"),
    "saliency images": lambda v: plotting.saliency(v, MASK),
    "saliency maps": lambda v: plotting.saliency(X, v),
    "distribution values": lambda v: plotting.distribution({"a": v}),
    "distribution bins": lambda v: plotting.distribution({"a": [1, 2]}, v),
    "series times": lambda v: plotting.series(v, [1, 2, 3]),
    "series values": lambda v: plotting.series([1, 2, 3], v),
    "series forecast": lambda v: plotting.series([1, 2], [1, 2], forecasts={"a": ([2, 3, 4], v)}),
    "series forecasts": lambda v: plotting.series([1, 2], [1, 2], forecasts={"a": v}),
    "timeline events": lambda v: plotting.timeline(v),
    "timeline event": lambda v: plotting.timeline([v]),
    "graph nodes": lambda v: plotting.graph(v, []),
    "graph edges": lambda v: plotting.graph({"x": None}, v),
    "animate frames": lambda v: plotting.animate(v),
    "animate frame": lambda v: plotting.animate([v, v]),
}
BAD = {
    "None": None,
    "a string": "text",
    "strings": ["a", "b"],
    "an empty list": [],
    "a ragged list": [[1, 2], [3]],
    "objects": np.array([object(), object()]),
    "complex numbers": np.array([1j, 2j]),
    "a function": len,
    "a set": {1, 2},
    "five axes": np.zeros((1, 1, 1, 1, 1)),
    "no rows": np.zeros((0, 8, 8)),
    "infinity": np.full((2, 8, 8), np.inf),
    "NaN": np.full((2, 8, 8), np.nan),
    "one NaN": [0.0, np.nan],
}
OPTIONAL = {
    "boxes true",
    "boxes predicted",
    "masks predicted",
    "grid highlight",
    "embedding labels",
}
MEANT = {
    ("graph edges", "an empty list"),  # a graph of nodes alone
    ("table columns", "strings"),  # and rows of another length have a case of their own
}

PAIRS = [(a, b) for a in ARRAYS for b in BAD if not (a in OPTIONAL and b == "None")]
PAIRS = [pair for pair in PAIRS if pair not in MEANT]


@pytest.mark.parametrize(("argument", "bad"), PAIRS)
def test_a_bad_array_is_refused_in_one_clear_message(argument, bad):
    refused(argument.split()[0], lambda: ARRAYS[argument](BAD[bad]))


def refused(function, call):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is checked here
        call()
    message = str(caught.value)
    assert message.startswith(f"plotting.{function}: "), message
    assert message.endswith("."), message
    assert "\n" not in message
    assert len(message) < 400, message
    assert caught.value.__suppress_context__
    return message


CASES = {
    "landmarks: three numbers": (
        lambda: plotting.landmarks({"a": {"b": (1, 2, 3)}}, "x", "y"),
        "has 3 numbers",
    ),
    "landmarks: scale": (
        lambda: plotting.landmarks({"a": {"b": (1, 2)}}, "x", "y", xscale="cubic"),
        "xscale is 'cubic'",
    ),
    "images: one picture": (lambda: plotting.images(np.zeros((8, 8, 3))), r"x\[None\]"),
    "images: channels": (lambda: plotting.images(np.zeros((2, 8, 8, 4))), "4 channels"),
    "images: range": (lambda: plotting.images(X - 1), "from -1 to -1"),
    "images: integers": (lambda: plotting.images(np.full((1, 2, 2), 300)), "300"),
    "images: titles": (lambda: plotting.images(X, ["a"]), "titles has length 1, but .* 2"),
    "images: title text": (lambda: plotting.images(X, "ab"), "titles is 'ab'"),
    "images: columns": (lambda: plotting.images(X, columns=0), "columns is 0"),
    "images: columns float": (lambda: plotting.images(X, columns=2.5), "columns is 2.5"),
    "beside: list": (lambda: plotting.beside([X[0]]), "a list, but a dict is expected"),
    "beside: empty": (lambda: plotting.beside({}), "empty dict"),
    "beside: colours": (lambda: plotting.beside({"a": np.full((2, 2, 3), 7.0)}), "to 7"),
    "beside: channels": (lambda: plotting.beside({"a": np.zeros((2, 2, 2))}), "2 channels"),
    "history: number": (lambda: plotting.history(3), "runs is a int"),
    "history: empty": (lambda: plotting.history({}), "recorded nothing"),
    "history: no run": (lambda: plotting.history({"a": []}), "holds no run"),
    "history: strings": (lambda: plotting.history(["loss"]), "holds a str"),
    "history: colours": (lambda: plotting.history(dict.fromkeys("abcdefgh", RUN)), "8 names"),
    "history: bar": (lambda: plotting.history(RUN, bar="high"), "bar is 'high'"),
    "history: two bars": (lambda: plotting.history(RUN, bar={"a": 1, "b": 2}), "2 entries"),
    "history: bar without value": (lambda: plotting.history(RUN, bar={"a": None}), "None"),
    "history: bar named, no number": (lambda: plotting.history(RUN, bar={"a": "b"}), "is 'b'"),
    "history: NaN bar": (lambda: plotting.history(RUN, bar=np.nan), "bar is nan"),
    "confusion: scores": (lambda: plotting.confusion([[0.1, 0.9]], [1]), "argmax"),
    "confusion: floats": (lambda: plotting.confusion([0.5], [1]), "0.5"),
    "confusion: negative": (lambda: plotting.confusion([-1], [1]), "-1"),
    "confusion: lengths": (lambda: plotting.confusion([0, 1], [1]), "2 entries, but y_pred has 1"),
    "confusion: names": (lambda: plotting.confusion([0, 2], [1, 1], ("a", "b")), "at least 3"),
    "confusion: text": (lambda: plotting.confusion([0], [0], "ab"), "class_names is 'ab'"),
    "kernels: names": (lambda: plotting.kernels(X, ["a"]), "names has length 1, but .* 2"),
    "kernels: shapes": (
        lambda: plotting.kernels({"a": np.ones((2, 2)), "b": np.ones((3, 3))}),
        r"\(2, 2\), \(3, 3\)",
    ),
    "feature_maps: batch": (lambda: plotting.feature_maps(X[None]), r"activations\[0\]"),
    "feature_maps: names": (lambda: plotting.feature_maps(X, ["a"]), "1, but there are 8"),
    "boxes: none": (lambda: plotting.boxes(X), "neither true nor predicted"),
    "boxes: count": (lambda: plotting.boxes(X, BOX[:1]), r"\(1, 4\)"),
    "boxes: pixels": (lambda: plotting.boxes(X, [[1, 1, 5, 5]] * 2), "divide pixels"),
    "boxes: predicted pixels": (
        lambda: plotting.boxes(X, None, [[10, 12, 25, 25]] * 2),
        "divide pixels",
    ),
    "boxes: no area": (lambda: plotting.boxes(X, [[0.5, 0.1, 0.5, 0.9]] * 2), "x_min < x_max"),
    "boxes: titles": (lambda: plotting.boxes(X, BOX, titles=["a"]), "titles has length 1"),
    "masks: shape": (lambda: plotting.masks(X, MASK[:, :4]), r"\(2, 4, 8\)"),
    "masks: fractions": (lambda: plotting.masks(X, MASK + 0.5), "0.5"),
    "masks: names": (lambda: plotting.masks(X, MASK + 2, None, ("a",)), "at least 2 names"),
    "masks: colours": (lambda: plotting.masks(X, MASK + 8), "8 classes, but there are 7 colours"),
    "spread: percent": (lambda: plotting.spread({"a": [93.0]}), "93, .*percent=False"),
    "spread: list": (lambda: plotting.spread([0.1]), "a list, but a dict"),
    "bars: negative": (lambda: plotting.bars({"a": -1}, "n"), "-1"),
    "bars: errors": (lambda: plotting.bars({"a": 1}, "n", {"b": 1}), r"\['b'\].*\['a'\]"),
    "bars: negative error": (lambda: plotting.bars({"a": 1}, "n", {"a": -1}), "at least 0"),
    "bars: no error": (lambda: plotting.bars({"a": 1}, "n", {"a": None}), "None"),
    "curves: lengths": (
        lambda: plotting.curves([1, 2], {"a": [1, 2, 3]}, "x", "y"),
        r"\(3,\), but x has 2 points",
    ),
    "curves: scale": (
        lambda: plotting.curves([1], {"a": [1]}, "x", "y", xscale="ln"),
        "xscale is 'ln'",
    ),
    "curves: zero": (
        lambda: plotting.curves([0, 1], {"a": [1, 1]}, "x", "y", xscale="log"),
        "x holds 0, but xscale='log'",
    ),
    "grid: window": (lambda: plotting.grid(KERNEL, (1, 1, 2, 2)), r"\(1, 1, 2, 2\) leaves"),
    "grid: windows": (lambda: plotting.grid(X[0], [[0, 0, 1, 1]] * 8), "8 windows for 7"),
    "grid: size": (lambda: plotting.grid(np.zeros((2, 80))), "at most 64"),
    "convolution_step: outside": (
        lambda: plotting.convolution_step(np.ones((3, 3)), KERNEL, np.ones((3, 3)), 2, 2),
        "pad the image",
    ),
    "convolution_step: place": (
        lambda: plotting.convolution_step(np.ones((3, 3)), KERNEL, KERNEL * 4, 2, 0),
        "outside the output",
    ),
    "convolution_step: sum": (
        lambda: plotting.convolution_step(np.ones((3, 3)), KERNEL, KERNEL, 0, 0),
        r"output\[0, 0\] is 1, but .* sum to 4",
    ),
    "convolution_step: row": (
        lambda: plotting.convolution_step(np.ones((3, 3)), KERNEL, KERNEL, "0", 0),
        "row is '0'",
    ),
    "decision_regions: colours": (
        lambda: plotting.decision_regions(lambda p: np.zeros((len(p), 8)), PLANE, [0, 1, 0]),
        "8 classes, but only 7",
    ),
    "decision_regions: probability": (
        lambda: plotting.decision_regions(lambda p: np.full((len(p), 1), 0.3), PLANE, [0, 1, 0]),
        "0.3, .* > 0.5",
    ),
    "decision_regions: lengths": (
        lambda: plotting.decision_regions(zero, PLANE, [0, 1]),
        "3 points, but y has 2",
    ),
    "decision_regions: three features": (
        lambda: plotting.decision_regions(zero, np.zeros((2, 3)), [0, 1]),
        r"\(2, 3\)",
    ),
    "decision_regions: no function": (
        lambda: plotting.decision_regions(PLANE, PLANE, [0, 1, 0]),
        "predict is a ndarray, but a function",
    ),
    "decision_regions: names": (
        lambda: plotting.decision_regions(zero, PLANE, [0, 1, 0], ["a"]),
        "length 1, but class 1 occurs",
    ),
    "decision_regions: axes": (
        lambda: plotting.decision_regions(zero, PLANE, [0, 1, 0], names=["a"]),
        "names has length 1",
    ),
    "surface: falling": (lambda: plotting.surface(BOWL, [1, 0], [0, 1]), "two that rise"),
    "surface: shape": (lambda: plotting.surface(np.ones((2, 3)), [0, 1], [0, 1]), r"\(2, 3\)"),
    "surface: log": (lambda: plotting.surface(-BOWL, [0, 1], [0, 1], log=True), "-1, but log=True"),
    "surface: paths": (
        lambda: plotting.surface(BOWL, [0, 1], [0, 1], dict.fromkeys("abcdefgh", PLANE)),
        "8 names",
    ),
    "surface: list": (
        lambda: plotting.surface(BOWL, [0, 1], [0, 1], [PLANE]),
        "a list, but a dict",
    ),
    "embedding: classes": (
        lambda: plotting.embedding(np.zeros((25, 2)), np.arange(25)),
        "25 classes, but only 14",
    ),
    "embedding: ragged names": (
        lambda: plotting.embedding(PLANE, [0, 1, 3], [[1], [2, 3]]),
        "length 2, but class 3",
    ),
    "embedding: names alone": (lambda: plotting.embedding(PLANE, None, ["a"]), "labels is None"),
    "embedding: texts": (
        lambda: plotting.embedding(PLANE, texts=["a"]),
        "length 1, but there are 3",
    ),
    "embedding: many texts": (
        lambda: plotting.embedding(np.zeros((51, 2)), texts=range(51)),
        "51 texts, but only 50",
    ),
    "latent_map: count": (
        lambda: plotting.latent_map(np.zeros((2, 3, 8, 8)), [0, 1], [0, 1]),
        "x has 2 places, but images has 3 of them across",
    ),
    "latent_map: order": (
        lambda: plotting.latent_map(np.zeros((2, 3, 8, 8)), [0, 2, 1], [0, 1]),
        "neither rises nor falls",
    ),
    "latent_map: range": (
        lambda: plotting.latent_map(np.full((2, 2, 8, 8), -1.0), [0, 1], [0, 1]),
        "from -1 to -1",
    ),
    "attention: scores": (lambda: plotting.attention([[2.5]], "a", ["b"]), "2.5, .*softmax"),
    "attention: tokens": (lambda: plotting.attention([[1.0]], ["a", "b"], ["c"]), "length 2, .* 1"),
    "attention: no tokens": (lambda: plotting.attention([[1.0]], None, ["c"]), "rows is None"),
    "heat: format": (lambda: plotting.heat(BOWL, "ab", "cd", "x", "y", "z"), "rows is 'ab'"),
    "heat: limits that hold no values": (
        lambda: plotting.heat(BOWL, [1, 2], [1, 2], "x", "y", "z", limits=(0, 1e-9)),
        r"limits are \(0, 1e-09\), but values go from 1 to 1",
    ),
    "heat: one limit": (
        lambda: plotting.heat(BOWL, [1, 2], [1, 2], "x", "y", "z", limits=(5,)),
        "give a low and a high limit",
    ),
    "heat: names": (
        lambda: plotting.heat(BOWL, [1, 2], [1, 2], "x", "y", "z", "three digits"),
        "fmt is 'three digits'",
    ),
    "saliency: count": (lambda: plotting.saliency(X, MASK[:1]), r"\(1, 8, 8\) for 2 pictures"),
    "saliency: many": (
        lambda: plotting.saliency(np.zeros((13, 8, 8)), np.zeros((13, 8, 8))),
        "at most 12",
    ),
    "distribution: bins": (lambda: plotting.distribution({"a": [1]}, 0), "bins is 0"),
    "distribution: edges": (lambda: plotting.distribution({"a": [1]}, [1, 1]), "do not all rise"),
    "distribution: names": (
        lambda: plotting.distribution({name: [1] for name in "abcdefgh"}),
        "8 names",
    ),
    "series: order": (lambda: plotting.series([0, 2, 1], [1, 2, 3]), "does not rise at place 2"),
    "series: lengths": (lambda: plotting.series([0, 1], [1, 2, 3]), "there are 2 times"),
    "series: mixed": (
        lambda: plotting.series(DAYS, [1, 2], forecasts={"a": ([1, 2], [1, 2])}),
        "datetime64, as times has",
    ),
    "series: split": (lambda: plotting.series([1, 2], [1, 2], split=DAYS[0]), "numbers, as times"),
    "series: many": (lambda: plotting.series([1, 2], np.ones((2, 8))), "8 names"),
    "series: panels": (
        lambda: plotting.series([1, 2], np.ones((2, 13)), panels=True),
        "13 panels .* at most 12",
    ),
    "series: forecast in panels": (
        lambda: plotting.series([1], [1], forecasts={"a": ([2], [1])}, panels=True),
        "panels=False",
    ),
    "series: parts": (
        lambda: plotting.series([1], [1], forecasts={"a": ([2], [1], [0])}),
        "lower, upper",
    ),
    "series: units": (
        lambda: plotting.series([1], np.ones((1, 2)), unit=["a"], panels=True),
        "unit has length 1",
    ),
    "timeline: year": (lambda: plotting.timeline([("1986", "a")]), "year as a whole number"),
    "timeline: no label": (lambda: plotting.timeline([(1986, " ")]), "has no label"),
    "timeline: many": (lambda: plotting.timeline([(1986, "a")] * 61), "at most 60"),
    "graph: cycle": (
        lambda: plotting.graph({"a": None, "b": None}, [("a", "b"), ("b", "a")]),
        "form a cycle",
    ),
    "graph: itself": (lambda: plotting.graph({"a": None}, [("a", "a")]), "form a cycle"),
    "graph: unknown": (
        lambda: plotting.graph({"a": None}, [("a", "z")]),
        "'z', but the nodes are a",
    ),
    "graph: size": (
        lambda: plotting.graph({str(i): "a rather long text" for i in range(30)}, []),
        "shorten the texts",
    ),
    "graph: many": (lambda: plotting.graph({str(i): None for i in range(41)}, []), "at most 40"),
    "table: a row too short": (lambda: plotting.table({"a": ["1"]}, ["b", "c"]), "'a'.*length 1"),
    "table: too wide": (lambda: plotting.table({"a": ["1" * 200]}, ["b"]), "inches.*fewer columns"),
    "table: no rows": (lambda: plotting.table({}, ["b"]), "empty"),
    "table: rows without names": (lambda: plotting.table([["1"]], ["b"]), "dict"),
    "table: a number": (lambda: plotting.table({"a": [1]}, ["b"]), "holds 1.*format it"),
    "animate: one frame": (lambda: plotting.animate([np.zeros((8, 8), np.uint8)]), "1 frame"),
    "animate: floats": (lambda: plotting.animate([X[0], X[0]]), "float64"),
    "animate: sizes": (
        lambda: plotting.animate([np.zeros((300, n), np.uint8) for n in (300, 400)]),
        r"\(300, 300\) and \(400, 300\)",
    ),
    "animate: fps": (lambda: plotting.animate([X[0]] * 2, fps=0), "fps is 0"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_says_what_was_given_and_what_is_expected(case):
    call, expected = CASES[case]
    message = refused(case.split(":")[0], call)
    assert re.search(expected, message), message


def test_every_function_has_a_refusal():
    tested = {name.split(":")[0] for name in CASES} & {name.split()[0] for name in ARRAYS}
    functions = {name for name in plotting.__all__ if name[0].islower()}
    assert functions - tested == {"gallery"}


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "bool", "int8"])
def test_arrays_of_other_number_types_are_drawn(kind):
    if kind == "bfloat16":
        kind = pytest.importorskip("ml_dtypes").bfloat16
    assert len(plotting.images(np.ones((2, 8, 8)).astype(kind)).axes) == 2
