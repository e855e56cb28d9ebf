"""Reads a trained Keras classifier as the layers that a certificate knows, in float64."""

import numpy as np

from ex3.backend import keras
from ex3.defences import certificate
from ex3.errors import DataError

layers = keras.layers
PASSED = (layers.InputLayer, layers.Dropout, layers.Softmax)  # change nothing, or not which logit is the largest


def read_layers(model: keras.Model) -> list[certificate.Layer]:
    """Return a classifier's layers up to its logits.

    Args:
        model: Images -> probabilities: convolutions, Dense layers, batch normalisation and ReLUs in a row.

    Raises:
        DataError: It has a layer that no bound is known for, or does not compute in float32.
    """
    found: list[certificate.Layer] = []
    for layer in model.layers:
        if layer.compute_dtype != "float32":
            raise DataError(f"{layer.name}: computes in {layer.compute_dtype}; certificates are for float32")
        if not isinstance(layer, PASSED):
            found += _read(layer)
    return found


def _read(layer: keras.layers.Layer) -> list[certificate.Layer]:
    if isinstance(layer, layers.ReLU):
        return [certificate.Relu() if layer.max_value is None else certificate.Relu(float(layer.max_value))]
    if isinstance(layer, layers.Rescaling):
        zero = np.zeros(1)
        return [certificate.Scale(zero + layer.scale, zero, zero + layer.offset)]
    if isinstance(layer, layers.Flatten):
        return [certificate.Flatten()]
    if isinstance(layer, layers.BatchNormalization):
        gamma, beta, mean, variance = (array.astype(float) for array in layer.get_weights())
        return [certificate.Scale(gamma / np.sqrt(variance + layer.epsilon), mean, beta)]
    if isinstance(layer, layers.Dense | layers.Conv2D) and layer.activation in ACTIVATIONS:
        weights, bias = (array.astype(float) for array in layer.get_weights())
        after = [certificate.Relu()] if layer.activation is keras.activations.relu else []
        if isinstance(layer, layers.Dense):
            return [certificate.Dense(weights, bias), *after]
        return [certificate.Convolution(weights, bias, layer.strides[0], layer.padding == "same"), *after]
    raise DataError(f"{layer.name}: no bound is known for such a layer, so that the model cannot be certified")


ACTIVATIONS = (keras.activations.linear, keras.activations.relu)
