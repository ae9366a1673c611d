"""Keras's optimizers with a learning rate of its own for each member."""

import numpy as np

KINDS = {"adam": ("Adam", {}), "sgd": ("SGD", {}), "momentum": ("SGD", {"momentum": 0.9})}


def make(kind, settings, owners, steps):
    """A Keras optimizer whose update of each member is scaled by that member's rate.

    kind: "adam", "sgd" or "momentum" (0.9). owners: for each trainable variable, which members its
    first axis stands for. steps: how many there will be, for which the schedules are asked
    beforehand. Raises ValueError for an unknown kind or a schedule that returns no number.
    """
    if kind not in KINDS:
        raise ValueError(f"optimizer is {kind!r}, but one of {', '.join(KINDS)} is expected.")
    import keras
    from keras import ops

    name, options = KINDS[kind]
    table = rates(settings, steps)

    class PerMember(getattr(keras.optimizers, name)):
        def update_step(self, gradient, variable, learning_rate):
            # Scaling the gradient instead would change nothing under Adam.
            now = table[:, 0] if table.shape[1] == 1 else ops.take(table, self.iterations, axis=1)
            members = owners[self._get_variable_index(variable)]
            own = ops.take(now, members, axis=0)
            own = ops.reshape(own, (len(members),) + (1,) * (len(variable.shape) - 1))
            super().update_step(gradient, variable, learning_rate * own)

    return PerMember(learning_rate=1.0, **options)


def rates(settings, steps):
    """Learning rates, float32 (members, steps), or (members, 1) where no member has a schedule."""
    steps = steps if any(setting.schedule for setting in settings) else 1
    factors = {setting.schedule: None for setting in settings}
    for schedule in factors:
        factors[schedule] = np.ones(steps) if schedule is None else _factors(schedule, steps)
    return np.stack([s.rate * factors[s.schedule] for s in settings]).astype("float32")


def _factors(schedule, steps):
    factors = np.empty(steps)
    for step in range(steps):
        factor = schedule(step)
        try:
            factors[step] = factor
        except (TypeError, ValueError):
            factors[step] = np.nan
        if not factors[step] >= 0:
            raise ValueError(
                f"schedule({step}) returned {factor!r}, but what the rate is multiplied by must "
                "be a number of at least 0."
            )
    return factors
