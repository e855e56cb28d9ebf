"""The networks: config -> ``keras.Model``.

Every classifier maps images ``(N, 28, 28, 1)`` in [0, 1] to the probabilities ``(N, 10)``; the layer before its softmax
is called ``logits``. Losses and attacks use ``logits_model``, which stops there.
"""

import math
from dataclasses import dataclass

from ex3.backend import keras
from ex3.config import AutoencoderConfig, ClassifierConfig, ConvnetConfig, MlpConfig

layers = keras.layers

IMAGE_SHAPE = (28, 28, 1)
CLASSES = 10
CODES = 2


def build(config: ClassifierConfig) -> keras.Model:
    """Build the classifier that a config names, with fresh weights."""
    if isinstance(config, ConvnetConfig):
        return build_convnet(config)
    return build_mlp(config) if isinstance(config, MlpConfig) else build_linear(config)


def build_linear(config: ClassifierConfig) -> keras.Model:
    """Build softmax regression: p = softmax(W x + b)."""
    return keras.Sequential([keras.Input(IMAGE_SHAPE), layers.Flatten(), *_head()], name=config.model)


def build_mlp(config: MlpConfig) -> keras.Model:
    """Build Dense layers with ReLU, each followed by dropout."""
    return keras.Sequential([keras.Input(IMAGE_SHAPE), layers.Flatten(), *_hidden(config), *_head()], name=config.model)


def build_convnet(config: ConvnetConfig) -> keras.Model:
    """Build blocks of convolution ('valid'), ReLU, 2 x 2 max-pooling and dropout, then an MLP on what is left."""
    blocks = []
    for filters, kernel_size in zip(config.filters, config.kernel_sizes, strict=True):
        blocks += [layers.Conv2D(filters, kernel_size, activation="relu"), layers.MaxPooling2D(2)]
        blocks += _dropout(config)
    return keras.Sequential(
        [keras.Input(IMAGE_SHAPE), *blocks, layers.Flatten(), *_hidden(config), *_head()], name=config.model
    )


@dataclass(frozen=True)
class Autoencoder:
    """Two models that are trained as one.

    Attributes:
        encoder: Images ``(N, 28, 28, 1)`` in [0, 1] -> codes, float32 ``(N, 2)``.
        decoder: Codes -> images ``(N, 28, 28, 1)`` in [0, 1].
    """

    encoder: keras.Model
    decoder: keras.Model


def build_autoencoder(config: AutoencoderConfig) -> Autoencoder:
    """Build Dense layers down to two codes, and the same widths back up to pixels through a sigmoid."""

    def hidden(widths: tuple[int, ...]) -> list[keras.layers.Layer]:
        found = []
        for units in widths:
            found += [layers.Dense(units), *_normalization(config), layers.Activation(config.activation)]
        return found

    codes = layers.Dense(CODES, activation=config.bottleneck, dtype="float32", name="codes")
    pixels = layers.Dense(math.prod(IMAGE_SHAPE), activation="sigmoid", dtype="float32", name="pixels")
    return Autoencoder(
        encoder=keras.Sequential(
            [keras.Input(IMAGE_SHAPE), layers.Flatten(), *hidden(config.hidden_units), codes], name="encoder"
        ),
        decoder=keras.Sequential(
            [keras.Input((CODES,)), *hidden(config.hidden_units[::-1]), pixels, layers.Reshape(IMAGE_SHAPE)],
            name="decoder",
        ),
    )


def build_augmentation(config: ClassifierConfig) -> keras.Model | None:
    """Build random shifts and rotations of training images, ``(N, 28, 28, 1)`` -> the same; ``None`` for none.

    Black moves in from outside the image.
    """
    steps = []
    if isinstance(config, ConvnetConfig) and config.translation:
        steps.append(layers.RandomTranslation(config.translation, config.translation, fill_mode="constant"))
    if isinstance(config, ConvnetConfig) and config.rotation:
        steps.append(layers.RandomRotation(config.rotation, fill_mode="constant"))
    return keras.Sequential([keras.Input(IMAGE_SHAPE), *steps], name="augmentation") if steps else None


def logits_model(model: keras.Model) -> keras.Model:
    """Share a classifier's layers up to its logits ``(N, 10)``, the unnormalised log-probabilities."""
    return keras.Model(model.inputs, model.get_layer("logits").output)


def _head() -> list[keras.layers.Layer]:
    """The logits, and the softmax in a layer of its own; float32 whatever the precision of the layers before."""
    return [
        layers.Dense(CLASSES, name="logits", dtype="float32"),
        layers.Softmax(name="probabilities", dtype="float32"),
    ]


def _hidden(config: MlpConfig | ConvnetConfig) -> list[keras.layers.Layer]:
    hidden = []
    for units in config.hidden_units:
        hidden += [layers.Dense(units, activation="relu"), *_dropout(config)]
    return hidden


def _dropout(config: MlpConfig | ConvnetConfig) -> list[keras.layers.Layer]:
    return [layers.Dropout(config.dropout)] if config.dropout else []


def _normalization(config: AutoencoderConfig) -> list[keras.layers.Layer]:
    kinds = {"none": [], "batch": [layers.BatchNormalization], "layer": [layers.LayerNormalization]}
    return [kind() for kind in kinds[config.normalization]]
