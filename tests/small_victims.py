"""Models to attack: a linear one whose margins and nearest boundaries are known, and a small convnet."""

import functools

import numpy as np

from ex3.adversarial.attacks import Victim
from ex3.adversarial.judging import CorrectImages, select_correct
from ex3.adversarial.victims import keras_victim
from ex3.backend import keras
from ex3.config import ConvnetConfig
from ex3.data import load_dataset
from ex3.runs import train_classifier

rng = np.random.default_rng(0)
X = rng.uniform(0.2, 0.8, size=(40, 28, 28, 1)).astype(np.float32)
WEIGHTS = rng.normal(size=(28, 28, 1))


def linear_victim(weights: np.ndarray) -> Victim:
    """Make a two-class model z = (0, w.(x - 1/2)), whose margin and nearest boundary are known."""

    def logits(x):
        score = ((x - 0.5).reshape(len(x), -1) @ weights.ravel()).astype(np.float32)
        return np.stack([np.zeros_like(score), score], axis=1)

    def gradient(x, y):
        z = logits(x)
        p = 1 / (1 + np.exp(np.clip(-z[:, 1], -80, 80)))  # of class 1
        return z, ((p - y)[:, None] * weights.ravel()).reshape(x.shape).astype(np.float32)

    def jacobian(x):
        both = np.stack([np.zeros_like(weights), weights])[None]
        return logits(x), np.repeat(both, len(x), axis=0).astype(np.float32)

    return Victim(logits, gradient, jacobian)


LINEAR = linear_victim(WEIGHTS)
Y = LINEAR.logits(X).argmax(axis=1)


@functools.cache
def small_convnet() -> keras.Model:
    """Train a convnet on the digits, once per session."""
    config = ConvnetConfig(
        model="convnet", dataset="digits", filters=(8,), kernel_sizes=(5,), hidden_units=(32,), epochs=8, batch_size=32,
        optimizer="adam", learning_rate=0.005, momentum=0.9, dropout=0.2,
    )  # fmt: skip
    return train_classifier(config, load_dataset("digits"))[0]


BATCH_SIZE = 40


@functools.cache
def convnet_victim(loss: str = "ce") -> Victim:
    """Make a victim of the small convnet."""
    return keras_victim(small_convnet(), loss, BATCH_SIZE)


@functools.cache
def convnet_images() -> CorrectImages:
    """Return those of a batch of test images that the small convnet classifies correctly."""
    test = load_dataset("digits").test.first(BATCH_SIZE)
    return select_correct(convnet_victim(), test.x, test.y)
