"""Planes, matrices and maps of made-up data."""

import numpy as np

from .embeddings import embedding
from .latent import latent_map
from .matrices import attention, heat
from .overlays import saliency
from .regions import decision_regions
from .surfaces import surface

WORDS = "king queen man woman prince princess cat dog kitten puppy Paris London France England"
SENTENCE = "The animal did not cross the street because it was tired"


def fields(rng):
    """Return a dict name -> figure."""
    return {**_regions(rng), **_surfaces(), **_embeddings(rng), **_matrices(rng), **_maps(rng)}


def _moons(rng, n, classes):
    """Return (points, class of each) on spirals."""
    y = np.arange(n) % classes
    way = rng.uniform(0.4, 1.6, n)
    angle = 2 * np.pi * y / classes + 2.2 * way
    points = np.stack([way * np.cos(angle), way * np.sin(angle)], axis=1)
    return points + rng.normal(0, 0.06, (n, 2)), y


def _spiral(classes):
    def predict(points):
        angle = np.arctan2(points[:, 1], points[:, 0]) - 2.2 * np.hypot(*points.T)
        return np.round(angle * classes / (2 * np.pi)).astype(int) % classes

    return predict


def _regions(rng):
    title = "A network parts two spirals"
    cut = {"title": "A line cannot part two spirals", "names": ("width (cm)", "height (cm)")}
    x, y = _moons(rng, 120, 2)
    seven, classes = _moons(rng, 350, 7)
    kinds = [f"kind {i}" for i in range(7)]
    scores = np.array([[1, -1], [0, 1]])
    return {
        "decision_regions": decision_regions(_spiral(2), x, y, ("cat", "dog"), title),
        "decision_regions_line": decision_regions(lambda p: p @ scores, x, y, **cut),
        "decision_regions_seven": decision_regions(_spiral(7), seven, classes, kinds, "Seven"),
    }


def _ravine(w):
    return w[:, 0] ** 2 / 2 + 8 * w[:, 1] ** 2 + 0.02


def _descent(start, rate, momentum, steps):
    path, velocity = [np.array(start, float)], np.zeros(2)
    for _ in range(steps):
        velocity = momentum * velocity - rate * path[-1] * [1, 16]
        path.append(path[-1] + velocity)
    return np.array(path)


def _surfaces():
    paths = {
        "gradient descent": _descent((-3.5, 1), 0.11, 0, 30),
        "momentum 0.8": _descent((-3.5, 1), 0.03, 0.8, 30),
    }
    x, y = np.linspace(-2, 2, 40), np.linspace(-1, 1, 30)
    saddle = x**2 - 3 * y[:, None] ** 2
    title, places = "A ravine: steep across, flat along", ("east (km)", "north (km)")
    return {
        "surface": surface(_ravine, [-4, 4], [-1.5, 1.5], paths, title=title),
        "surface_log": surface(_ravine, [-4, 4], [-1.5, 1.5], paths, True, "loss (log scale)"),
        "surface_values": surface(saddle, x, y, label="height (m)", names=places),
    }


def _embeddings(rng):
    labels = np.arange(500) % 10
    centres = rng.normal(0, 4, (14, 2))
    points = centres[labels] + rng.normal(0, 0.7, (500, 2))
    many = np.arange(420) % 14
    words = WORDS.split()
    pairs = np.repeat(rng.normal(0, 2, (7, 2)), 2, axis=0) + rng.normal(0, 0.25, (14, 2))
    return {
        "embedding": embedding(points, labels, range(10), "Digits by t-SNE"),
        "embedding_words": embedding(pairs, texts=words, title="Words that occur together"),
        "embedding_fourteen": embedding(centres[many] + rng.normal(0, 0.5, (420, 2)), many),
        "embedding_plain": embedding(points[:40]),
    }


def _matrices(rng):
    source, target = list("14 May 1987"), list("1987-05-14")
    scores = rng.normal(0, 0.6, (10, 11))
    scores[np.arange(10), [7, 8, 9, 10, 2, 3, 4, 5, 0, 1]] += 3
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    tokens = SENTENCE.split()
    heads = np.tril(rng.random((4, 11, 11)) ** 4 + np.eye(11) * 0.2)
    heads /= heads.sum(-1, keepdims=True)
    rates, units = [0.0001, 0.001, 0.01, 0.1], [16, 32, 64, 128, 256]
    scores = 0.97 - 0.05 * (np.arange(4)[:, None] - 2) ** 2 + 0.004 * np.arange(5)
    scores[3, 4] = np.nan
    change = rng.normal(0, 2, (3, 4))
    axes = "hidden units", "learning rate"
    sets = list("abc"), list("wxyz"), "trained on", "tested on"
    return {
        "attention": attention(weights, target, source, "Which letters of a date are read"),
        "attention_heads": attention(heads, tokens, tokens, "Four heads, causal mask"),
        "heat": heat(scores, rates, units, *axes, "test accuracy", ".3f", "A sweep"),
        "heat_signed": heat(change, *sets, "change (points)", "+.1f"),
    }


def _maps(rng):
    y, x = np.mgrid[:16, :16] / 15
    steps = np.linspace(-2, 2, 12)
    place = np.stack([0.5 + steps / 5, 0.5 - steps / 5])
    spots = np.exp(
        -((x - place[0][:, None, None]) ** 2 + (y - place[1][:, None, None, None]) ** 2) / 0.03
    )
    wide = 0.004 * 3.0**steps + 0.003
    ellipses = np.exp(
        -((x - 0.5) ** 2 / wide[:, None, None] + (y - 0.5) ** 2 / wide[:, None, None, None])
    )
    pictures = np.stack([spots[2, 3], spots[6, 6], spots[9, 2], spots[4, 10]])
    colours = np.stack([pictures, (pictures + pictures[::-1]) / 2, pictures[::-1]], axis=-1)
    signed = np.gradient(pictures, axis=1)
    coarse = pictures[:, ::4, ::4]
    return {
        "latent_map": latent_map(ellipses, steps, steps, title="What two numbers decode to"),
        "latent_map_small": latent_map(spots[:3, :2], [0, 1], [2, 1, 0]),
        "saliency": saliency(colours, coarse, "Grad-CAM, 4 × 4"),
        "saliency_signed": saliency(pictures, signed, signed=True),
    }
