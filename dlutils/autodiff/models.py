"""`model_gradients`: the gradients of a Keras model's loss by its trainable variables."""

from dlutils.autodiff.functions import value_and_grad

CALLER = "autodiff.model_gradients"


def model_gradients(model, x, y=None, loss=None, training=False):
    """The loss of a model on a batch, a float, and its gradient by each trainable variable.

    x, y: a batch as `fit` takes it, arrays or dicts of them. loss: a function (y, predictions) ->
    numbers, whose mean is taken, a Keras loss or the name of one; without it the loss that the
    model was compiled with, penalties on the weights and `add_loss` included. training: whether
    dropout and batch normalisation act as in training. The model stays as it is, its moving
    statistics and its random seeds too.

    Returns (loss, list of NumPy arrays in the order of `model.trainable_variables`). Raises
    TypeError for what is no model, ValueError for one without a loss or without trainable
    variables. Source: Rumelhart, Hinton and Williams, Learning Representations by Back-propagating
    Errors (1986).

    >>> import keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.ones((3, 1))])
    >>> loss, [kernel] = autodiff.model_gradients(model, 3 * np.eye(3), np.zeros((3, 1)), "mse")
    >>> loss, kernel.tolist()
    (9.0, [[6.0], [6.0], [6.0]])
    """
    import keras

    _require_model(model, loss)
    x, y = _tensors(x), _tensors(y)
    if not model.built:
        model(x)
    getattr(model, "jax_state_sync", lambda: None)()  # inside `fit` the trainer holds the weights
    variables = model.trainable_variables
    if not variables:
        raise ValueError(
            f"{CALLER}: the model {model.name!r} has no trainable variables to differentiate by; "
            "set trainable=True on a layer that has weights."
        )
    measure = _compiled(model, x, training) if loss is None else _given(loss)

    def total(values):
        scope = keras.StatelessScope(list(zip(variables, values, strict=True)), collect_losses=True)
        with scope:  # what the model would write, such as moving averages, goes nowhere
            return measure(y, model(x, training=training))

    return value_and_grad(total)([variable.value for variable in variables])


def _require_model(model, loss):
    import keras

    if not isinstance(model, keras.Model):
        raise TypeError(
            f"{CALLER}: model is a {type(model).__name__}, but the trainable variables of a model "
            "are asked for; give a keras.Model."
        )
    if loss is None and not model.compiled:
        raise ValueError(
            f"{CALLER}: the model {model.name!r} was not compiled, so it has no loss; give one, as "
            'in loss="mse", or compile the model first.'
        )


def _tensors(batch):
    """A batch with its arrays as tensors; None stays None."""
    import keras

    return keras.tree.map_structure(
        lambda a: None if a is None else keras.ops.convert_to_tensor(a), batch
    )


def _compiled(model, x, training):
    """The loss that the model was compiled with, as a function (y, predictions) -> number."""

    def measure(y, predictions):
        return model.compute_loss(x=x, y=y, y_pred=predictions, training=training)

    return measure


def _given(loss):
    """A loss by name, as object or as function, as a function (y, predictions) -> number."""
    import keras

    found = keras.losses.get(loss)
    return lambda y, predictions: keras.ops.mean(found(y, predictions))
