"""The networks: config -> ``keras.Model``.

Every classifier maps images ``(N, H, W, C)`` in [0, 1] to the probabilities ``(N, classes)``; the layer before its
softmax is called ``logits``. Losses and attacks use ``logits_model``, which stops there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ex3.backend import keras
from ex3.config import AugmentedConfig, Block, ClassifierConfig, ConvnetConfig, MlpConfig, PlaneConfig
from ex3.memory import check_memory
from ex3.robust_config import RobustConfig

layers = keras.layers

Shape = tuple[int, ...]  # of an image: height, width, channels

CODES = 2


def build(config: ClassifierConfig, shape: Shape, classes: int) -> keras.Model:
    """Build the classifier that a config names, with fresh weights.

    Args:
        config: Its kind and its settings.
        shape: Of an image, ``(H, W, C)``.
        classes: Number of classes.

    Raises:
        ConfigError: The convolutions leave nothing of such an image, or the memory does not hold the network.
    """
    config.check_shape(shape)
    check_memory(config, shape, classes)
    if isinstance(config, ConvnetConfig):
        return build_convnet(config, shape, classes)
    if isinstance(config, RobustConfig):
        return build_robust(config, shape, classes)
    if isinstance(config, MlpConfig):
        return build_mlp(config, shape, classes)
    return build_linear(config, shape, classes)


def build_linear(config: ClassifierConfig, shape: Shape, classes: int) -> keras.Model:
    """Build softmax regression: p = softmax(W x + b)."""
    return keras.Sequential([keras.Input(shape), layers.Flatten(), *_head(classes)], name=config.model)


def build_mlp(config: MlpConfig, shape: Shape, classes: int) -> keras.Model:
    """Build Dense layers with an activation, each followed by dropout."""
    return keras.Sequential(
        [keras.Input(shape), layers.Flatten(), *_hidden(config), *_head(classes)], name=config.model
    )


def build_convnet(config: ConvnetConfig, shape: Shape, classes: int) -> keras.Model:
    """Build blocks of convolution, max-pooling, ReLU and dropout, then an MLP on what is left.

    In each block more convolutions may follow, h + ReLU(convolution(h)) (He et al. 2015, arXiv 1512.03385). ReLU and
    max-pooling can be exchanged; the smaller image goes through the ReLU.
    """
    images = features = keras.Input(shape)
    for block in config.blocks:
        features = _apply(_convolution(config, block, config.padding), features)
        further = Block(block.filters, kernel_size=3, stride=1, pool_size=1, residuals=0)
        for _ in range(block.residuals):
            features = layers.Add()([features, _apply(_convolution(config, further, "same"), features)])
        features = _apply(_dropout(config), features)
    features = layers.GlobalAveragePooling2D()(features) if config.global_pooling == "average" else features
    outputs = _apply([layers.Flatten(), *_hidden(config), *_head(classes)], features)
    return keras.Model(images, outputs, name=config.model)


def build_robust(config: RobustConfig, shape: Shape, classes: int) -> keras.Model:
    """Build convolutions of stride 2 ('same' padding) and Dense layers, each a layer apart from its ReLU.

    Before them the contrast may be raised; that map never falls, so that it is exact on intervals.

    With ``ibp`` the weights start from N(0, (sqrt(2 pi) / fan in)^2), from which the intervals neither vanish nor
    explode (Shi et al. 2021, arXiv 2103.17268, section 3.1).
    """

    def after(name: str) -> list[keras.layers.Layer]:
        normalize = [layers.BatchNormalization(name=f"{name}_norm")] if config.normalization == "batch" else []
        return [*normalize, layers.ReLU(name=f"{name}_relu")]

    def start(fan_in: int) -> keras.initializers.Initializer | str:
        if config.defence != "ibp":
            return "glorot_uniform"
        return keras.initializers.RandomNormal(stddev=math.sqrt(2 * math.pi) / fan_in)

    body: list[keras.layers.Layer] = []
    if config.contrast > 1:
        body = [layers.Rescaling(config.contrast, (1 - config.contrast) / 2), layers.ReLU(max_value=1.0)]
    height, width, channels = shape
    for number, filters in enumerate(config.filters, 1):
        options = {"kernel_initializer": start(config.kernel_size**2 * channels), "name": f"conv{number}"}
        body += [layers.Conv2D(filters, config.kernel_size, 2, padding="same", **options), *after(f"conv{number}")]
        height, width, channels = math.ceil(height / 2), math.ceil(width / 2), filters
    body.append(layers.Flatten())
    units = height * width * channels
    for number, outputs in enumerate(config.hidden_units, 1):
        body += [
            layers.Dense(outputs, kernel_initializer=start(units), name=f"dense{number}"),
            *after(f"dense{number}"),
        ]
        units = outputs
    return keras.Sequential([keras.Input(shape), *body, *_head(classes, start(units))], name=config.model)


@dataclass(frozen=True)
class Autoencoder:
    """Two models that are trained as one.

    Attributes:
        encoder: Images ``(N, H, W, C)`` in [0, 1] -> codes, float32 ``(N, 2)``.
        decoder: Codes -> images ``(N, H, W, C)`` in [0, 1].
    """

    encoder: keras.Model
    decoder: keras.Model


def build_autoencoder(config: PlaneConfig, shape: Shape) -> Autoencoder:
    """Build Dense layers down to two codes, and the same widths back up to pixels through a sigmoid.

    Raises:
        ConfigError: The memory does not hold the network.
    """
    check_memory(config, shape, CODES)

    def hidden(widths: tuple[int, ...]) -> list[keras.layers.Layer]:
        found = []
        for units in widths:
            found += [layers.Dense(units), *_normalization(config), layers.Activation(config.activation)]
        return found

    codes = layers.Dense(CODES, activation=config.bottleneck, dtype="float32", name="codes")
    pixels = layers.Dense(math.prod(shape), activation="sigmoid", dtype="float32", name="pixels")
    return Autoencoder(
        encoder=keras.Sequential(
            [keras.Input(shape), layers.Flatten(), *hidden(config.hidden_units), codes], name="encoder"
        ),
        decoder=keras.Sequential(
            [keras.Input((CODES,)), *hidden(config.hidden_units[::-1]), pixels, layers.Reshape(shape)],
            name="decoder",
        ),
    )


def build_augmentation(config: ClassifierConfig, shape: Shape) -> keras.Model | None:
    """Build random changes of training images, ``(N, H, W, C)`` in [0, 1] -> the same; ``None`` for none."""
    if not isinstance(config, AugmentedConfig):
        return None
    steps = []
    if config.flip:
        steps.append(layers.RandomFlip("horizontal"))
    if config.translation:
        steps.append(layers.RandomTranslation(config.translation, config.translation, fill_mode=config.fill))
    if config.rotation:
        steps.append(layers.RandomRotation(config.rotation, fill_mode=config.fill))
    if config.colour:
        steps += [layers.RandomContrast(config.colour, value_range=(0, 1))]
        steps += [layers.RandomBrightness(config.colour, value_range=(0, 1))]
    return keras.Sequential([keras.Input(shape), *steps], name="augmentation") if steps else None


def logits_model(model: keras.Model) -> keras.Model:
    """Share a classifier's layers up to its logits ``(N, classes)``, the unnormalised log-probabilities."""
    return keras.Model(model.inputs, model.get_layer("logits").output)


def _head(classes: int, start: keras.initializers.Initializer | str = "glorot_uniform") -> list[keras.layers.Layer]:
    """The logits, and the softmax in a layer of its own; float32 whatever the precision of the layers before."""
    return [
        layers.Dense(classes, name="logits", dtype="float32", kernel_initializer=start),
        layers.Softmax(name="probabilities", dtype="float32"),
    ]


def relu_outputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Return the output of each ReLU of a classifier, in order, by name: ``conv1``, ``conv2``, ..., ``dense1``, ..."""
    found: dict[str, keras.KerasTensor] = {}
    for layer in model.layers:
        if isinstance(layer, layers.ReLU) or getattr(layer, "activation", None) is keras.activations.relu:
            kind = "conv" if len(layer.output.shape) == 4 else "dense"
            found[f"{kind}{sum(name.startswith(kind) for name in found) + 1}"] = layer.output
    return found


def _apply(steps: Sequence[keras.layers.Layer], features: keras.KerasTensor) -> keras.KerasTensor:
    """Send features through layers, one after the other."""
    for layer in steps:
        features = layer(features)
    return features


def _convolution(config: ConvnetConfig, block: Block, padding: str) -> list[keras.layers.Layer]:
    """A convolution, max-pooling and batch normalisation if they are asked for, and ReLU."""
    is_normal = config.normalization == "batch"
    steps = [layers.Conv2D(block.filters, block.kernel_size, block.stride, padding=padding, use_bias=not is_normal)]
    steps += [layers.MaxPooling2D(block.pool_size)] if block.pool_size > 1 else []
    return [*steps, *_normalization(config), layers.ReLU()]


def _hidden(config: MlpConfig | ConvnetConfig) -> list[keras.layers.Layer]:
    hidden, activation = [], config.activation if isinstance(config, MlpConfig) else "relu"
    for units in config.hidden_units:
        hidden += [layers.Dense(units, activation=activation), *_dropout(config)]
    return hidden


def _dropout(config: MlpConfig | ConvnetConfig) -> list[keras.layers.Layer]:
    return [layers.Dropout(config.dropout)] if config.dropout else []


def _normalization(config: PlaneConfig | ConvnetConfig) -> list[keras.layers.Layer]:
    kinds = {"none": [], "batch": [layers.BatchNormalization], "layer": [layers.LayerNormalization]}
    return [kind() for kind in kinds[config.normalization]]
