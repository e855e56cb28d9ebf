"""The sigmoid as a computational graph: x -> -x -> e^-x -> 1 + e^-x -> 1 / (1 + e^-x) (theory question 2).

Each node is a layer that knows its own derivative only; the chain rule, which is ``Network.backward``, does the rest.
"""

import numpy as np

from ex3.scratch.network import Network


class Negate:
    """y = -x, dy/dx = -1."""

    parameters = gradients = ()

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same."""
        return -x

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = -dL/dy."""
        return -gradient


class Exp:
    """y = e^x, dy/dx = y."""

    parameters = gradients = ()

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same."""
        self.y = np.exp(x)
        return self.y

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy y."""
        return gradient * self.y


class AddOne:
    """y = 1 + x, dy/dx = 1."""

    parameters = gradients = ()

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same."""
        return 1 + x

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = dL/dy."""
        return gradient


class Reciprocal:
    """y = 1 / x, dy/dx = -1 / x^2 = -y^2."""

    parameters = gradients = ()

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Any shape -> the same."""
        self.y = 1 / x
        return self.y

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """dL/dx = -dL/dy y^2."""
        return -gradient * self.y**2


def build_sigmoid_graph() -> Network:
    """Return sigma(x) = 1 / (1 + e^-x), node by node."""
    return Network([Negate(), Exp(), AddOne(), Reciprocal()])
