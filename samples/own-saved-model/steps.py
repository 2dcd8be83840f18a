"""Two optimizers to be exported by export_keras_optimizer.py: a function, and a class of Keras's kind."""

import keras
import tensorflow as tf
from export_keras_optimizer import Optimizer
from keras import ops

BETA = {"minimum": 0, "exclusiveMaximum": 1}


def lion(param, grad, step, lr, beta1, beta2, momentum):
    """Lion (Chen et al., 2023)."""
    direction = tf.sign(beta1 * momentum + (1 - beta1) * grad)
    return param - lr * direction, beta2 * momentum + (1 - beta2) * grad


lion.optimizer = Optimizer(
    "Lion",
    options={"beta1": {"default": 0.9, **BETA}, "beta2": {"default": 0.99, **BETA}},
    state={"momentum": 0},
    learning_rate=1e-4,
    element_wise=True,
    reads_weights=False,
)


class Yogi(keras.optimizers.Optimizer):
    """Yogi (Zaheer et al., 2018): as Adam, but the second moment moves by the sign of its error."""

    def __init__(self, learning_rate=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-3, name="yogi", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        lr = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        step = ops.cast(self.iterations + 1, variable.dtype)
        square = ops.square(gradient)
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_sub(v, ops.sign(v - square) * square * (1 - self.beta_2))
        corrected = lr * ops.sqrt(1 - ops.power(ops.cast(self.beta_2, variable.dtype), step))
        corrected = corrected / (1 - ops.power(ops.cast(self.beta_1, variable.dtype), step))
        self.assign_sub(variable, corrected * m / (ops.sqrt(v) + self.epsilon))

    def get_config(self):
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
