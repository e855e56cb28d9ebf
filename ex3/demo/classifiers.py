"""A trained classifier as the page asks it: one image at a time, compiled for that, safe for many threads at once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ex3 import models
from ex3.adversarial.attacks import Epsilon, Norm, Victim, pgd
from ex3.adversarial.victims import keras_victim
from ex3.backend import keras
from ex3.by_hand.victim import network_victim
from ex3.evaluation import predict
from ex3.scratch.losses import MarginLoss
from ex3.scratch.network import Network

FOLLOW = partial(pgd, steps=40, step_size=0.1)  # as where ``defend`` searches for the least noise


@dataclass(frozen=True)
class Classifier:
    """A trained classifier.

    Attributes:
        victim: As attacks see it; the loss is the margin between the logits, whose gradient never vanishes.
        test_accuracy: Of its training run.
    """

    victim: Victim
    test_accuracy: float

    def read(self, x: np.ndarray) -> np.ndarray:
        """Return the probabilities, softmax of the logits, of images ``(N, H, W, C)``: float32 ``(N, classes)``."""
        logits = self.victim.logits(x)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def attack(self, x: np.ndarray, y: np.ndarray, epsilon: Epsilon, norm: Norm, targeted: bool) -> np.ndarray:
        """Return images ``(N, H, W, C)`` after PGD away from labels ``(N,)``, or towards them."""
        return FOLLOW(self.victim, x, y, epsilon, norm=norm, targeted=targeted)


@dataclass(frozen=True)
class FirstLayer:
    """Filters ``(k, k, n)``, and a function: images ``(N, H, W, 1)`` -> what they find, maps ``(N, h, w, n)``."""

    filters: np.ndarray
    find: Callable[[np.ndarray], np.ndarray]


def from_keras(model: keras.Model, test_accuracy: float) -> Classifier:
    """Wrap a model, and compile what is asked of it."""
    return _warm(Classifier(keras_victim(model, "margin", batch_size=1), test_accuracy), model.input_shape[1:])


def from_network(network: Network, test_accuracy: float, shape: tuple[int, ...]) -> Classifier:
    """Wrap a hand-written network for images of a shape; its layers remember their inputs, so one thread at a time."""
    victim = network_victim(network, MarginLoss())
    lock = threading.Lock()

    def alone(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arrays: np.ndarray) -> Any:
            with lock:
                return function(*arrays)

        return call

    guarded = Victim(alone(victim.logits), alone(victim.gradient), alone(victim.jacobian))
    return _warm(Classifier(guarded, test_accuracy), shape)


def cut_first_layer(convnet: keras.Model) -> FirstLayer:
    """Cut the first layer, with max-pooling and ReLU, out of a convnet, and compile it."""
    maps = keras.Model(convnet.inputs, models.relu_outputs(convnet)["conv1"])
    first = FirstLayer(convnet.trainable_variables[0].numpy()[:, :, 0], lambda x: predict(maps, x))
    first.find(np.zeros((1, *convnet.input_shape[1:]), np.float32))
    return first


def _warm(classifier: Classifier, shape: tuple[int, ...]) -> Classifier:
    """Ask once, so that the first real question is answered as quickly as the others."""
    image = np.zeros((1, *shape), np.float32)
    classifier.victim.gradient(image, classifier.read(image).argmax(axis=1))
    return classifier
