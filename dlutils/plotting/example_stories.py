"""Samples, times, years and graphs of made-up data."""

import numpy as np

from .distributions import distribution
from .graphs import graph
from .landmarks import landmarks
from .timelines import timeline
from .timeseries import series

EVENTS = (
    (1943, "McCulloch and Pitts: a neuron as logic", "Bull. Math. Biophys. 5"),
    (1957, "Kolmogorov: functions of many variables from functions of one"),
    (1958, "Rosenblatt: the perceptron", "Psychological Review 65"),
    (1962, "Novikoff: the perceptron converges"),
    (1969, "Minsky and Papert: what one layer cannot do", "Perceptrons, MIT Press"),
    (1970, "Linnainmaa: reverse-mode differentiation"),
    (1973, "Lighthill's report"),
    (1974, "Werbos: back-propagation for networks"),
    (1980, "Fukushima: neocognitron", "Biological Cybernetics 36"),
    (1982, "Hopfield: networks with memory", "PNAS 79"),
    (1986, "Rumelhart, Hinton and Williams: learning by back-propagating errors", "Nature 323"),
    (1989, "LeCun et al.: ZIP codes", "Neural Computation 1"),
    (1997, "Hochreiter and Schmidhuber: LSTM", "Neural Computation 9"),
    (1998, "LeNet-5", "Proc. IEEE 86"),
    (2006, "Hinton and Salakhutdinov: deep autoencoders", "Science 313"),
    (2009, "ImageNet"),
    (2012, "AlexNet wins ImageNet", "NIPS 25"),
    (2012, "A network finds cats in videos", "ICML"),
    (2013, "Variational autoencoder", "arXiv 1312.6114"),
    (2014, "Generative adversarial networks", "NIPS 27"),
    (2015, "Deep Q-network", "Nature 518"),
    (2015, "Residual networks", "arXiv 1512.03385"),
    (2015, "Diffusion from thermodynamics", "ICML"),
    (2016, "AlphaGo", "Nature 529"),
    (2017, "Transformer", "NIPS 30"),
    (2018, "BERT", "arXiv 1810.04805"),
    (2020, "Denoising diffusion", "NeurIPS 33"),
    (2021, "DALL-E", "ICML"),
    (2022, "ChatGPT"),
    (2024, "AlphaGeometry", "Nature 625"),
)


def stories(rng):
    """Return a dict name -> figure."""
    return {**_samples(rng), **_times(rng), **_years(), **_graphs()}


def _samples(rng):
    losses = {"members": rng.gamma(2, 0.1, 500), "not members": rng.gamma(3, 0.2, 200)}
    title = "What a network has seen gives itself away"
    return {
        "distribution": distribution(losses, 40, "loss (nats)", bar=0.35, title=title),
        "distribution_one": distribution({"weights": rng.normal(0, 0.1, 2000)}, xlabel="weight"),
    }


def _times(rng):
    days = np.arange("2004-01-01", "2005-07-01", dtype="datetime64[D]")
    price = 100 + np.cumsum(rng.normal(0.02, 1, len(days)))
    ahead = days[-90:]
    spread = np.sqrt(np.arange(1, 91))
    forecasts = {
        "naive": (ahead, np.full(90, price[-91]), price[-91] - spread, price[-91] + spread),
        "LSTM": (ahead, price[-91] + 0.05 * np.arange(90)),
    }
    seconds = np.arange(0, 6, 0.01)
    waves = np.sin(2 * np.pi * seconds[:, None] * [1, 3, 7, 10]) + rng.normal(0, 0.3, (600, 4))
    waves[200:230, 2] = np.nan
    names = ["frontal", "central", "parietal (sensor off for 0.3 s)", "occipital"]
    title = "Nothing beats yesterday's price"
    return {
        "series": series(days, price, ["price"], "US dollars", forecasts, ahead[0], title=title),
        "series_panels": series(
            seconds, waves, names, "µV", None, 4, True, "time (s)", "Four channels of an EEG"
        ),
        "series_two": series(seconds[:80], waves[:80, :2], names[:2], "µV", xlabel="time (s)"),
    }


def _years():
    title = "Eighty years, from a logic gate to systems that write and draw"
    short = [(1958, "Perceptron"), (1986, "Back-propagation"), (2017, "Transformer", "NIPS 30")]
    return {
        "timeline": timeline(EVENTS, title),
        "timeline_short": timeline(short),
        **_landmarks(),
    }


def _landmarks():
    cost = {"perceptron": (1957, 7e5), "LeNet-5": (1998, 3e12), "AlexNet": (2012, 4.7e17)}
    large = {"GPT-3": (2020, 3.1e23), "PaLM": (2022, 2.5e24), "Gopher": (2021.9, 5.8e23)}
    trends = {"doubles every 20 months": [[1957, 7e5], [2012, 1.3e16]]}
    axes = "year", "operations to train it"
    seconds = {"linear": (0.1, 0.001), "SVM": (0.12, 0.06), "CNN": (9, 0.3)}
    return {
        "landmarks": landmarks({"small": cost, "large": large}, *axes, trends, yscale="log"),
        "landmarks_log": landmarks(
            {"methods": seconds}, "training (s)", "prediction (s)", None, "log", "log", "Time"
        ),
    }


def _graphs():
    inputs = {f"x{i}": f"x{i} = {i}" for i in (1, 2)} | {f"w{i}": f"w{i} = 0.{i}" for i in (1, 2)}
    nodes = {
        **inputs,
        "b": "b = 0.5",
        "p1": ["w1·x1", "0.1"],
        "p2": ["w2·x2", "0.4"],
        "sum": ["+", "0.5"],
        "z": ["z", "1.0"],
        "a": ["tanh", "0.76"],
    }
    edges = [("x1", "p1"), ("w1", "p1"), ("x2", "p2"), ("w2", "p2"), ("p1", "sum"), ("p2", "sum")]
    edges += [("sum", "z"), ("b", "z"), ("z", "a")]
    return {
        "graph": graph(nodes, edges, "One neuron, forwards"),
        "graph_deep": graph(*_network(), "Two layers: value and gradient of each node"),
    }


def _network():
    """Return (nodes, edges) of a network of two inputs, two hidden units and one output."""
    nodes, edges = {}, []

    def add(name, *sources):
        nodes[name] = [name, f"{0.3 * len(nodes):.2f}", f"∂ {0.1 * len(nodes):.2f}"]
        edges.extend((source, name) for source in sources)

    for name in ("x1", "x2"):
        add(name)
    for unit in ("h1", "h2"):
        for i in (1, 2):
            add(f"{unit}·w{i}")
            add(f"{unit}·x{i}w{i}", f"x{i}", f"{unit}·w{i}")
        add(f"{unit}·sum", f"{unit}·x1w1", f"{unit}·x2w2")
        add(unit, f"{unit}·sum")
    for i in (1, 2):
        add(f"v{i}")
        add(f"v{i}·h{i}", f"v{i}", f"h{i}")
    add("out", "v1·h1", "v2·h2")
    add("skip", "x1", "out")
    return nodes, edges
