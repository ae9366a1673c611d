"""Time 40 small networks trained side by side against one by one, on digits.

    KERAS_BACKEND=jax python benchmarks/ensemble.py

prints both in seconds, and appends them to benchmarks/ensemble.jsonl as a JSON line. One by
one: a single ordinary Keras model of the same size is timed and multiplied, since each new model
is traced and compiled anew.
"""

import json
import platform
import time
from pathlib import Path

import numpy as np

from dlutils import datasets, ensemble, runtime

MEMBERS, EPOCHS, BATCH, RATE = 40, 30, 32, 1e-3
RESULTS = Path(__file__).with_name("ensemble.jsonl")


def together(digits):
    """Seconds for all members side by side, and their accuracies on the test digits."""
    begin = time.perf_counter()
    settings = [{"seed": seed, "rate": RATE} for seed in range(MEMBERS)]
    members = ensemble.MLPs(settings, inputs=64, classes=10, hidden=(64,))
    members.fit(digits.x_train, digits.y_train, EPOCHS, BATCH)
    seconds = time.perf_counter() - begin
    return seconds, (members.predict(digits.x_test).argmax(-1) == digits.y_test).mean(axis=1)


def alone(digits, jit):
    """Seconds for one ordinary model, and its accuracy on the test digits."""
    import keras

    begin = time.perf_counter()
    hidden, last = keras.layers.Dense(64, "relu"), keras.layers.Dense(10)
    model = keras.Sequential([keras.Input((64,)), hidden, last])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(RATE), loss, metrics=["accuracy"], jit_compile=jit)
    x = digits.x_train.reshape(-1, 64)
    model.fit(x, digits.y_train, BATCH, EPOCHS, verbose=0)
    seconds = time.perf_counter() - begin
    guesses = model.predict(digits.x_test.reshape(-1, 64), verbose=0).argmax(-1)
    return seconds, float((guesses == digits.y_test).mean())


def main():
    lab = runtime.start("ensemble")
    digits = datasets.load("digits")
    seconds, accuracies = together(digits)
    one, accuracy = alone(digits, lab.jit)
    found = {
        "backend": lab.backend,
        "members": MEMBERS,
        "epochs": EPOCHS,
        "run": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
        "device": lab.device,
        "machine": platform.machine(),
        "together_seconds": round(seconds, 2),
        "one_seconds": round(one, 2),
        "one_by_one_seconds": round(MEMBERS * one, 1),
        "accuracy_mean": round(float(np.mean(accuracies)), 4),
        "accuracy_alone": round(accuracy, 4),
    }
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")
    print(
        f"{MEMBERS} networks side by side: {seconds:.1f} s, test accuracy {np.mean(accuracies):.3f}"
    )
    print(f"one: {one:.1f} s, so one by one {MEMBERS * one:.0f} s, test accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
