"""Made-up results, charted."""

import numpy as np

from .confusions import confusion
from .lines import curves
from .scores import bars, spread
from .tables import table
from .training import history

CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def charts(rng):
    """Return a dict name -> chart."""
    drawn = {**_histories(rng), **_results(rng), **_lines(rng), **_confusions(rng)}
    return {**drawn, **_tables()}


def _run(rng, limit, speed, epochs=15):
    curve = limit * (1 - np.exp(-np.arange(1, epochs + 1) / speed))
    noisy = curve + rng.normal(0, 0.006, epochs)
    return {"accuracy": list(curve * 1.01), "val_accuracy": list(noisy), "loss": list(1.1 - curve)}


def _histories(rng):
    depth = {
        "plain, 20 layers": [_run(rng, 0.86, 5) for _ in range(3)],
        "residual, 20 layers": [_run(rng, 0.97, 3) for _ in range(3)],
    }
    units = {
        "ReLU": _run(rng, 0.9, 3),
        "tanh": _run(rng, 0.899, 3.1),
        "sigmoid": _run(rng, 0.7, 8),
    }
    return {
        "history_one": history(_run(rng, 0.97, 3), title="LeNet-5 on digits", bar=0.99),
        "history_runs": history(depth, title="Depth hurts a plain network and not a residual one"),
        "history_loss": history(units, metric="loss"),
        "history_epoch": history({"one epoch": _run(rng, 0.9, 3, 1)}),
    }


def _results(rng):
    means = {
        "linear model": 0.21,
        "k nearest neighbours": 0.88,
        "multi-layer perceptron": 0.881,
        "support vector machine with RBF kernel": 0.925,
        "CNN": 0.99,
    }
    seeds = {name: np.clip(m + rng.normal(0, 0.006, 5), 0, 1) for name, m in means.items()}
    weights = {"dense layer": 78500, "convolution 5 × 5": 832, "convolution 3 × 3": 320}
    accuracy, errors = {"plain": 0.861, "residual": 0.972}, {"plain": 0.02, "residual": 0.004}
    title = "Digits at random places on a larger canvas"
    measured = "test accuracy, whisker: 1 standard deviation"
    return {
        "spread": spread(seeds, "test accuracy", bar=0.98, title=title),
        "spread_loss": spread({"one": [0.21], "three": [0.2, 0.22, 0.3]}, "loss", percent=False),
        "bars": bars(weights, "parameters", title="Sharing weights saves parameters"),
        "bars_errors": bars(accuracy, measured, errors, bar=0.95, percent=True),
    }


def _lines(rng):
    steps = np.logspace(1, 4, 12)
    noise = rng.normal(0, 0.1, (3, 12))
    rates = {f"learning rate {r}": np.exp(noise) / (1 + r * steps) for r in (0.001, 0.01, 0.1)}
    shifts = np.arange(9)
    models = {"CNN": 0.99 - shifts * 0.002, "MLP": 0.95 - shifts * 0.09}
    many = {f"model number {i}": 0.5 + 0.01 * i * shifts**0.5 for i in range(7)}
    title = "Loss falls sooner at a larger learning rate"
    return {
        "curves": curves(steps, rates, "step", "loss", title, xscale="log", yscale="log"),
        "curves_bar": curves(shifts, models, "shift (pixels)", "accuracy", bar=0.9),
        "curves_seven": curves(shifts, many, "shift (pixels)", "accuracy", "Seven is the most"),
    }


def _confusions(rng):
    y = rng.integers(0, 10, 600)
    wrong = np.where(rng.random(600) < 0.08, rng.integers(0, 10, 600), y)
    large = rng.integers(0, 20, 3000)
    return {
        "confusion_digits": confusion(y, wrong),
        "confusion_clothes": confusion(y, wrong, CLOTHES, "Fashion, LeNet-5"),
        "confusion_three": confusion(y % 3, wrong % 3, ("circle", "square", "triangle")),
        "confusion_twenty": confusion(large, np.where(large % 7 == 3, large - 1, large)),
    }


def _tables():
    rows = {
        "VAE": ["5.10", "1.94 ± 0.12", "74 %", "0.02", "91,000"],
        "GAN": ["1.20", "0.21 ± 0.03", "91 %", "0.10", "62,000"],
        "real digits (floor)": ["0.30", "0.02 ± 0.13", "97 %", "–", "–"],
    }
    heads = ["Fréchet distance", "kernel distance", "covered", "ms a picture", "parameters"]
    return {
        "table": table(rows, heads, "Made-up results of three families"),
        "table_plain": table({"one": ["1"]}, ["number"]),
    }
