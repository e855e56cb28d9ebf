"""The networks: config -> ``keras.Model``.

Every classifier maps images ``(N, 28, 28, 1)`` in [0, 1] to the probabilities ``(N, 10)``; the layer before its softmax
is called ``logits``, and ``logits_model`` stops there, which is what a loss or an attack should look at.
"""

from ex3.backend import keras
from ex3.config import ConvnetConfig, LinearConfig, MlpConfig, TrainConfig

layers = keras.layers

IMAGE_SHAPE = (28, 28, 1)
CLASSES = 10


def build(config: TrainConfig) -> keras.Model:
    """Build the classifier that a config names, with fresh weights."""
    return {"linear": build_linear, "mlp": build_mlp, "convnet": build_convnet}[config.model](config)


def build_linear(config: LinearConfig) -> keras.Model:
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
        [keras.Input(IMAGE_SHAPE), *_augmentation(config), *blocks, layers.Flatten(), *_hidden(config), *_head()],
        name=config.model,
    )


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


def _augmentation(config: ConvnetConfig) -> list[keras.layers.Layer]:
    """Random shifts and rotations, in training only; what comes in from outside the image is black."""
    augmentation = []
    if config.translation:
        augmentation.append(layers.RandomTranslation(config.translation, config.translation, fill_mode="constant"))
    if config.rotation:
        augmentation.append(layers.RandomRotation(config.rotation, fill_mode="constant"))
    return augmentation
