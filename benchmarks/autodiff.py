"""What `dlutils.autodiff` costs beside the backend's own call: an MLP of a million parameters.

Run `KERAS_BACKEND=jax python benchmarks/autodiff.py`. Four ways take turns, after as many rounds of
warming up: our call and the backend's, each with and without compilation. Both get NumPy arrays and
give NumPy arrays back. Prints the ratios of the medians and appends a JSON line to
autodiff.jsonl beside it.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import time
from pathlib import Path

import numpy as np

from dlutils import autodiff, runtime

RESULTS = Path(__file__).with_name("autodiff.jsonl")
WIDTHS = (784, 784, 512, 10)
BATCH = 256


def draw(rng):
    """Parameters, pictures and one-hot labels as float32 arrays."""
    pairs = list(itertools.pairwise(WIDTHS))
    weights = [rng.normal(0, (2 / i) ** 0.5, (i, o)).astype("float32") for i, o in pairs]
    biases = [np.zeros(o, "float32") for o in WIDTHS[1:]]
    x = rng.random((BATCH, WIDTHS[0]), dtype="float32")
    return (weights, biases), x, np.eye(10, dtype="float32")[rng.integers(0, 10, BATCH)]


def loss(parameters, x, y):
    """Mean cross-entropy of the network, in `keras.ops`."""
    from keras import ops

    weights, biases = parameters
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        x = ops.relu(ops.matmul(x, w) + b)
    logits = ops.matmul(x, weights[-1]) + biases[-1]
    return -ops.mean(ops.sum(y * ops.log_softmax(logits), axis=-1))


def tensorflow_ways():
    """The same in TensorFlow alone: a function without and with compilation."""
    import tensorflow as tf

    def own(parameters, x, y):
        weights, biases = parameters
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            x = tf.nn.relu(tf.matmul(x, w) + b)
        logits = tf.matmul(x, weights[-1]) + biases[-1]
        return -tf.reduce_mean(tf.reduce_sum(y * tf.nn.log_softmax(logits), axis=-1))

    def call(parameters, x, y):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parameters)
            value = own(parameters, x, y)
        return value, tape.gradient(value, parameters)

    def whole(run):
        def timed(*arrays):
            value, found = run(*tf.nest.map_structure(tf.convert_to_tensor, arrays))
            return float(value), tf.nest.map_structure(lambda g: g.numpy(), found)

        return timed

    return whole(call), whole(tf.function(call))


def jax_ways():
    """The same in JAX alone."""
    import jax
    import jax.numpy as jnp

    def own(parameters, x, y):
        weights, biases = parameters
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            x = jax.nn.relu(x @ w + b)
        logits = x @ weights[-1] + biases[-1]
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(logits), axis=-1))

    def whole(run):
        def timed(*arrays):
            value, found = run(*arrays)
            return float(value), jax.tree.map(np.array, found)

        return timed

    call = jax.value_and_grad(own)
    return whole(call), whole(jax.jit(call))


def seconds(ways, arrays, rounds):
    """Seconds of each round, by way; the ways take turns, each round in another random order."""
    taken, rng = {name: [] for name in ways}, np.random.default_rng(0)
    for count in range(2 * rounds):
        for name in rng.permutation(list(ways)):
            begin = time.perf_counter()
            ways[name](*arrays)
            if count >= rounds:
                taken[name].append(time.perf_counter() - begin)
    return taken


def main(rounds):
    lab = runtime.start("autodiff")
    arrays = draw(np.random.default_rng(0))
    plain, compiled = jax_ways() if lab.backend == "jax" else tensorflow_ways()
    ways = {
        "own": plain,
        "ours": autodiff.value_and_grad(loss),
        "own compiled": compiled,
        "ours compiled": autodiff.value_and_grad(loss, jit=True),
    }
    values = {name: way(*arrays)[0] for name, way in ways.items()}
    assert max(values.values()) - min(values.values()) < 1e-3, values
    medians = {n: statistics.median(t) for n, t in seconds(ways, arrays, rounds).items()}
    line = {
        "backend": lab.backend,
        "device": lab.device,
        "parameters": sum(a.size for part in arrays[0] for a in part),
        "batch": BATCH,
        "rounds": rounds,
        "milliseconds": {name: round(1000 * s, 2) for name, s in medians.items()},
        "ratio": round(medians["ours"] / medians["own"], 3),
        "ratio_compiled": round(medians["ours compiled"] / medians["own compiled"], 3),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }
    print(json.dumps(line, indent=1))
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60, help="timed rounds of each way")
    main(parser.parse_args().rounds)
