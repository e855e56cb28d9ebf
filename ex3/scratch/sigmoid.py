"""The sigmoid as a computational graph: x -> -x -> e^-x -> 1 + e^-x -> 1 / (1 + e^-x) (theory question 2).

Each node is a layer with its own local derivative; ``Network.backward`` multiplies them by the chain rule.
"""

import numpy as np

from ex3.scratch.layers import Layer
from ex3.scratch.network import Network


class Negate(Layer):
    """y = -x, dy/dx = -1."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same."""
        return -x

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = -dL/dy."""
        return -gradient


class Exp(Layer):
    """y = e^x, dy/dx = y."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same."""
        self.y = np.exp(x)
        return self.y

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy y."""
        return gradient * self.y


class AddOne(Layer):
    """y = 1 + x, dy/dx = 1."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same."""
        return 1 + x

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy."""
        return gradient


class Reciprocal(Layer):
    """y = 1 / x, dy/dx = -1 / x^2 = -y^2."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same."""
        self.y = 1 / x
        return self.y

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = -dL/dy y^2."""
        return -gradient * self.y**2


def build_sigmoid_graph() -> Network:
    """Build sigma(x) = 1 / (1 + e^-x), node by node."""
    return Network([Negate(), Exp(), AddOne(), Reciprocal()])


def differentiate(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sigma(x) and sigma'(x), back-propagated through the graph; both of the shape of x."""
    graph = build_sigmoid_graph()
    y = graph.forward(x)
    return y, graph.backward(np.ones_like(x))


def trace(x: float) -> tuple[list[float], list[float]]:
    """Propagate one number through the graph and back.

    Returns:
        The values on the five edges from x to sigma(x), and the derivative of sigma(x) with respect to each of them.
    """
    layers = build_sigmoid_graph().layers
    values = [np.array(x)]
    for layer in layers:
        values.append(layer.forward(values[-1]))
    gradients = [np.array(1.0)]
    for layer in reversed(layers):
        gradients.insert(0, layer.backward(gradients[0]))
    return [float(value) for value in values], [float(gradient) for gradient in gradients]
