"""Gradients against closed forms, differences and Keras's own training step, on any backend."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dlutils import autodiff

ROOT = Path(__file__).parents[2]
SOME = settings(max_examples=25, deadline=None)
NUMBERS = st.floats(-2, 2, width=32)


@pytest.fixture(scope="module")
def keras():
    import keras

    return keras


@pytest.fixture(scope="module")
def ops(keras):
    return keras.ops


def exact(keras):
    """The dtype in which float64 arguments are computed, and its relative accuracy."""
    return ("float64", 1e-9) if keras.config.backend() == "tensorflow" else ("float32", 1e-4)


def differences(f, x, step=1e-5):
    """Central differences of a NumPy function, in float64."""
    found = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        found[index] = (f(up) - f(down)) / (2 * step)
    return found


@given(
    arrays("float64", st.integers(1, 6), elements=NUMBERS),
    st.lists(NUMBERS, min_size=1, max_size=5),
)
@SOME
def test_polynomials_have_their_derivative(x, coefficients):
    import keras

    p = np.polynomial.Polynomial(coefficients)
    dtype, accuracy = exact(keras)

    def f(x):
        total = 0 * x
        for c in reversed(coefficients):  # Horner's rule: TensorFlow's 0**0 has no derivative
            total = total * x + c
        return keras.ops.sum(total)

    value, gradient = autodiff.value_and_grad(f)(x)
    assert gradient.dtype == dtype
    assert value == pytest.approx(p(x).sum(), rel=accuracy, abs=1e3 * accuracy)
    expected = np.broadcast_to(p.deriv()(x), x.shape)
    np.testing.assert_allclose(gradient, expected, rtol=accuracy, atol=1e3 * accuracy)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1), st.booleans())
@SOME
def test_quadratic_forms_have_their_gradients(rows, columns, seed, jit):
    import keras

    rng = np.random.default_rng(seed)
    A, x, y = rng.normal(size=(rows, columns)), rng.normal(size=columns), rng.normal(size=rows)

    def f(y, A, x):
        return keras.ops.sum(y * keras.ops.matmul(A, x))

    found = autodiff.grad(f, argnums=(0, 1, 2), jit=jit)(y, A, x)
    for gradient, expected in zip(found, (A @ x, np.outer(y, x), A.T @ y), strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-4)


def test_a_network_agrees_with_central_differences(keras):
    rng = np.random.default_rng(0)
    w, v, x = rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=(7, 3))

    def loss(w):
        hidden = keras.ops.tanh(keras.ops.matmul(x, w))
        return keras.ops.mean(keras.ops.sigmoid(keras.ops.matmul(hidden, v)) ** 2)

    def by_hand(w):
        return np.mean((1 / (1 + np.exp(-np.tanh(x @ w) @ v))) ** 2)

    tolerance = 1e-8 if keras.config.backend() == "tensorflow" else 1e-5
    np.testing.assert_allclose(autodiff.grad(loss)(w), differences(by_hand, w), atol=tolerance)


def test_the_result_mirrors_lists_tuples_and_dicts(ops):
    tree = {"layers": [(np.ones((2, 3), "float32"), 0.5), (np.ones(2, "float32"), 2.0)], "s": 3.0}

    def f(tree):
        return sum(ops.sum(w) * b for w, b in tree["layers"]) * tree["s"]

    value, found = autodiff.value_and_grad(f)(tree)
    assert value == 21.0
    assert isinstance(value, float)
    assert isinstance(found["layers"], list)
    assert isinstance(found["layers"][0], tuple)
    (w0, b0), (w1, b1) = found["layers"]
    np.testing.assert_array_equal(w0, np.full((2, 3), 1.5))
    np.testing.assert_array_equal(w1, [6, 6])
    assert [float(b0), float(b1), float(found["s"])] == [18, 6, 7]
    assert b0.shape == ()


def test_argnums_choose_the_arguments_in_the_order_given(ops):
    def f(a, b, scale=1.0):
        return scale * ops.sum(a * a * b)

    a, b = np.array([1.0, 2], "float32"), np.array([3.0, 4], "float32")
    np.testing.assert_array_equal(autodiff.grad(f)(a, b), [6, 16])
    np.testing.assert_array_equal(autodiff.grad(f, 1)(a, b, scale=2.0), [2, 8])
    (by_a,) = autodiff.grad(f, (0,))(a, b)
    np.testing.assert_array_equal(by_a, [6, 16])
    by_b, by_a = autodiff.grad(f, (1, 0))(a, b)
    np.testing.assert_array_equal(by_b, [1, 4])
    np.testing.assert_array_equal(by_a, [6, 16])


def test_what_f_does_not_depend_on_has_zeros(ops):
    def f(a, b):
        return ops.sum(a["used"])

    by_a, by_b = autodiff.grad(f, (0, 1))({"used": np.ones(2), "not": np.ones(3)}, np.ones((2, 2)))
    assert by_a["not"].tolist() == [0, 0, 0]
    assert by_b.tolist() == [[0, 0], [0, 0]]
    assert autodiff.grad(lambda a: ops.sum(ops.ones(3)))(np.ones(2)).tolist() == [0, 0]


def test_gradients_are_writable_and_nobody_elses(ops):
    x = np.ones(4, "float32")
    gradient = autodiff.grad(lambda x: ops.sum(x))(x)
    gradient *= 5
    assert x.tolist() == [1, 1, 1, 1]
    assert autodiff.grad(lambda x: ops.sum(x))(x).tolist() == [1, 1, 1, 1]


def test_dtypes_follow_the_argument_and_mix_as_in_numpy(keras, ops):
    wide, _ = exact(keras)
    single, double = np.ones(2, "float32"), np.ones(2)

    def f(a, b):
        return ops.sum(a * b)

    for a, b, expected in [
        (single, single, "float32"),
        (double, double, wide),
        (single, double, "float32"),
        (double, single, wide),
        (2.0, single, "float32"),
        (2.0, double, wide),
        (np.float32(2), double, "float32"),
    ]:
        gradient = autodiff.grad(f)(a, b)
        assert gradient.dtype == expected
        assert gradient.sum() == 2


def test_tensors_variables_and_rows_of_a_table_are_arguments_too(keras, ops):
    table, rows = np.ones((4, 2), "float32"), np.array([0, 3, 3])

    def f(table, rows):
        return ops.sum(ops.take(table, rows, axis=0))

    for given_table in (table, ops.convert_to_tensor(table), keras.Variable(table)):
        gradient = autodiff.grad(f)(given_table, rows)
        assert isinstance(gradient, np.ndarray)
        np.testing.assert_array_equal(gradient, [[1, 1], [0, 0], [0, 0], [2, 2]])


def test_nan_passes_through(ops):
    x = np.array([1.0, np.nan], "float32")
    value, gradient = autodiff.value_and_grad(lambda x: ops.sum(x**2))(x)
    assert np.isnan(value)
    np.testing.assert_array_equal(gradient, [2, np.nan])


def test_compiled_gradients_are_the_same_for_every_shape_and_constant(ops):
    traces = []

    def f(x, power, name=None):
        traces.append(name)
        return ops.sum(x**power)

    fast = autodiff.grad(f, jit=True)
    x = np.array([1.0, 2.0, 3.0], "float32")
    for power in (2, 3):
        for part in (x, x[:2], x + 1):
            np.testing.assert_allclose(fast(part, power), power * part ** (power - 1), rtol=1e-6)
    assert len(traces) <= 4  # two shapes, two powers
    np.testing.assert_allclose(fast(x, 2, name="again"), 2 * x)


def test_a_branch_on_values_works_uncompiled_and_is_explained_compiled(ops):
    def f(x):
        return ops.sum(x) if ops.sum(x) > 0 else -ops.sum(x)

    assert autodiff.grad(f)(np.array([-1.0])).tolist() == [-1]
    with pytest.raises(ValueError, match=r"asks for the value of a tensor.*jit=False"):
        autodiff.grad(f, jit=True)(np.array([-1.0]))


def hidden_numpy(x):
    return np.tanh(x)


@pytest.mark.parametrize("jit", [False, True])
def test_numpy_inside_f_is_noticed(ops, jit):
    x = np.array([0.5, 1.0], "float32")
    for f in (
        lambda x: ops.sum(np.exp(x)),
        lambda x: ops.sum(x * np.tanh(x)),  # half of the gradient would still come through
        lambda x: ops.sum(hidden_numpy(x)),
    ):
        with pytest.raises(ValueError, match=r"hands a tensor to NumPy.*keras\.ops") as refusal:
            autodiff.grad(f, jit=jit)(x)
        assert refusal.value.__cause__ is None
    with pytest.raises(ValueError, match="f "):
        autodiff.grad(lambda x: float(ops.sum(x)), jit=jit)(x)


def test_constants_from_numpy_are_no_fault(ops):
    gradient = autodiff.grad(lambda x: ops.sum(np.pi * x * np.ones(2, "float32")))
    np.testing.assert_allclose(gradient(np.ones(2, "float32")), [np.pi, np.pi], rtol=1e-6)


def test_errors_of_f_itself_come_through():
    def blank(x):
        raise NotImplementedError

    with pytest.raises(NotImplementedError):
        autodiff.grad(blank)(np.ones(2))
    with pytest.raises(KeyError):
        autodiff.grad(lambda x: {}["weight"])(np.ones(2))


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3))
@SOME
def test_a_value_that_is_no_single_number_is_refused_with_its_shape(shape):
    with pytest.raises(ValueError, match="f returned shape") as refusal:
        autodiff.grad(lambda x: 2 * x)(np.ones(shape, "float32"))
    assert str(tuple(shape)) in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("integer", "f returned dtype int32"),
        ("truth", "f returned dtype bool"),
        ("complex", "f returned dtype complex64.*keras.ops.abs"),
        ("none", "f returned None"),
        ("number", "f returned 3.0"),
        ("pair", "f returned a tuple"),
        ("array", "f returned a ndarray"),
    ],
)
def test_what_f_must_not_return(ops, name, said):
    returned = {
        "integer": lambda x: ops.argmax(x),
        "truth": lambda x: ops.any(x > 0),
        "complex": lambda x: ops.sum(ops.cast(x, "complex64")),
        "none": lambda x: None,
        "number": lambda x: 3.0,
        "pair": lambda x: (ops.sum(x), x),
        "array": lambda x: np.ones(2),
    }
    with pytest.raises(ValueError, match=f"autodiff.grad: {said}"):
        autodiff.grad(returned[name])(np.ones(2, "float32"))


@given(
    st.integers()
    | st.booleans()
    | st.complex_numbers()
    | st.text(max_size=5)
    | st.none()
    | arrays(st.sampled_from(["int64", "uint8", "bool", "complex64"]), st.integers(0, 3))
)
@SOME
def test_arguments_that_are_not_floating_point_are_refused(argument):
    for found in (argument, [1.0, {"a": argument}]):
        with pytest.raises(TypeError, match=r"autodiff\.value_and_grad: an argument to"):
            autodiff.value_and_grad(lambda x: x)(found)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: autodiff.grad(3), TypeError, "f is 3, which cannot be called"),
        (lambda: autodiff.grad(abs, jit="yes"), TypeError, "jit is 'yes'"),
        (lambda: autodiff.grad(abs, argnums=-1), ValueError, "argnums is -1"),
        (lambda: autodiff.grad(abs, argnums=True), ValueError, "argnums is True"),
        (lambda: autodiff.grad(abs, argnums=()), ValueError, r"argnums is \(\)"),
        (lambda: autodiff.grad(abs, argnums=(0, 0)), ValueError, r"argnums is \(0, 0\)"),
        (lambda: autodiff.grad(abs, 1)(1.0), ValueError, "asks for argument 1.* with 1 positional"),
        (lambda: autodiff.grad(abs)([]), TypeError, r"argument 0 is \[\] and holds no array"),
        (lambda: autodiff.model_gradients(3, 1), TypeError, "model is a int"),
    ],
)
def test_bad_calls_are_refused_in_one_sentence(call, error, said):
    with pytest.raises(error, match=said):
        call()


def two_outputs(keras):
    x = keras.Input((4,))
    h = keras.layers.Dense(5, kernel_regularizer=keras.regularizers.L2(0.1))(x)
    h = keras.layers.BatchNormalization()(h)
    h = keras.layers.Dropout(0.5, seed=0)(h)
    model = keras.Model(x, {n: keras.layers.Dense(1, name=n)(h) for n in "ab"})
    model.compile("sgd", {"a": "mse", "b": "mae"})
    return model


def examples():
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    return x, {"a": x[:, :1] * 2, "b": x[:, 1:2]}


def test_model_gradients_are_what_one_step_of_descent_moves_the_weights_by(keras):
    model = two_outputs(keras)
    model.layers[3].rate = 0
    model.compile(keras.optimizers.SGD(0.125), {"a": "mse", "b": "mae"})
    x, y = examples()
    before = [np.array(v.value) for v in model.trainable_variables]
    loss, gradients = autodiff.model_gradients(model, x, y, training=True)
    assert loss == pytest.approx(
        model.fit(x, y, batch_size=8, verbose=0).history["loss"][0], rel=1e-4
    )
    after = [np.array(v.value) for v in model.trainable_variables]
    for old, new, gradient in zip(before, after, gradients, strict=True):
        np.testing.assert_allclose((old - new) / 0.125, gradient, atol=2e-5)


def test_model_gradients_leave_the_model_as_it_is_and_know_evaluation_from_training(keras):
    model = two_outputs(keras)
    x, y = examples()
    before = [np.array(v.value) for v in model.variables]
    trained, _ = autodiff.model_gradients(model, x, y, training=True)
    again, _ = autodiff.model_gradients(model, x, y, training=True)
    evaluated, _ = autodiff.model_gradients(model, x, y)
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, np.array(variable.value))
    assert trained == again != evaluated
    assert evaluated == pytest.approx(
        model.evaluate(x, y, verbose=0, return_dict=True)["loss"], rel=1e-5
    )


def test_model_gradients_take_a_loss_by_name_as_object_and_as_function(keras, ops):
    model = keras.Sequential([keras.layers.Dense(2)])
    x, y = examples()[0], np.zeros((8, 2), "float32")
    results = [
        autodiff.model_gradients(model, x, y, loss)
        for loss in (
            "mse",
            keras.losses.MeanSquaredError(),
            lambda y, p: ops.mean((p - y) ** 2),
            lambda y, p: (p - y) ** 2,
        )
    ]
    kernel, bias = (np.array(v.value) for v in model.trainable_variables)
    predictions = x @ kernel + bias
    for loss, gradients in results:
        assert loss == pytest.approx(np.mean(predictions**2), rel=1e-5)
        np.testing.assert_allclose(gradients[0], x.T @ predictions / 8, atol=1e-5)
        np.testing.assert_allclose(gradients[1], predictions.mean(axis=0), atol=1e-5)


def test_model_gradients_without_a_loss_or_weights_are_refused(keras):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="was not compiled, so it has no loss"):
        autodiff.model_gradients(model, examples()[0])
    model.trainable = False
    with pytest.raises(ValueError, match="no trainable variables"):
        autodiff.model_gradients(model, examples()[0], np.zeros((8, 2)), "mse")


def test_model_gradients_follow_the_weights_inside_a_fit(keras):
    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            losses.append(autodiff.model_gradients(self.model, x, y)[0])

    model, losses = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]), []
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x, y = examples()[0], np.zeros((8, 1), "float32")
    history = model.fit(x, y, batch_size=8, epochs=4, verbose=0, callbacks=[Watch()]).history[
        "loss"
    ]
    np.testing.assert_allclose(losses[:3], history[1:], rtol=1e-4)


def summary(keras):
    """Gradients that must not depend on the backend."""

    def f(w, x):
        return keras.ops.mean(keras.ops.gelu(keras.ops.matmul(x, w)) ** 2)

    rng = np.random.default_rng(0)
    w, x = rng.normal(size=(3, 2)).astype("float32"), rng.normal(size=(5, 3)).astype("float32")
    value, gradient = autodiff.value_and_grad(f)(w, x)
    return [value, *np.ravel(gradient), *np.ravel(autodiff.grad(f, jit=True)(w, x))]


def test_the_other_backend_gives_the_same_gradients(keras):
    other = "tensorflow" if keras.config.backend() == "jax" else "jax"
    pytest.importorskip(other)
    done = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, "KERAS_BACKEND": other, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    backend, *found = done.stdout.split()
    assert backend == other
    np.testing.assert_allclose([float(number) for number in found], summary(keras), atol=1e-6)


def main():
    import keras

    print(keras.config.backend(), *summary(keras))


if __name__ == "__main__":
    main()
