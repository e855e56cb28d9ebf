"""Settings of an experiment: frozen, strict models, which ``config_files.py`` fills from TOML."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ex3.errors import ConfigError
from ex3.settings import Config, Count, Epochs, Fraction, ImagesConfig, PositiveRate, Seed, Width

Widths = Annotated[tuple[Width, ...], Field(strict=False, max_length=16)]
Counts = Annotated[tuple[Count, ...], Field(strict=False, max_length=16)]  # TOML has lists, no tuples


class TrainConfig(ImagesConfig):
    """The fields that all networks in Keras share."""

    model: Literal["linear", "mlp", "convnet", "robust", "autoencoder", "autoencoder-structured"]
    """Which network is built."""
    epochs: Epochs
    """Passes over the training images."""
    evaluations_per_epoch: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Points on the learning curves per epoch."""
    epochs_per_evaluation: Count = 1
    """Evaluate in every so many epochs only, and in the last one."""
    early_evaluations: bool = False
    """Also evaluate after 2, 8, 32, 128, 512, ... gradient steps."""
    validation_curve: bool = False
    """Also measure the validation images wherever the learning curves have a point."""
    batch_size: Count
    """Images per gradient step."""
    optimizer: Literal["sgd", "adam"]
    """``sgd`` with ``momentum`` (Nesterov's, when above 0), or ``adam``."""
    learning_rate: PositiveRate
    """The learning rate; with a one-cycle schedule, its peak."""
    momentum: Fraction
    """SGD's momentum; Adam's beta_1, the decay of the mean gradient."""
    beta_2: Fraction = 0.999
    """Adam's decay of the mean squared gradient; SGD has none."""
    schedule: Literal["constant", "one-cycle", "flat"] = "constant"
    """``one-cycle``: a linear warm-up to the peak, then half a cosine down to 0; ``flat`` holds the peak until
    ``decay_from``."""
    warmup: Fraction = 0.3
    """The share of all steps that these schedules warm up."""
    decay_from: Fraction = 0.6
    """The share of all steps after which the ``flat`` schedule falls."""
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    """Arithmetic of the layers; the weights, the softmax and the loss are float32 in both."""
    seed: Seed = 0
    """Decides the validation split, the initial weights, the order of the images and the dropout."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 2
    """Threads of TensorFlow; the numbers depend on it, so it is fixed rather than the machine's."""

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Check that the network can be built for images of a shape ``(H, W, C)``.

        Raises:
            ConfigError: It cannot.
        """


class ClassifierConfig(TrainConfig):
    """The fields that all classifiers share."""

    model: Literal["linear", "mlp", "convnet", "robust"]
    label_smoothing: Fraction = 0.0
    """The share of the target's probability that is spread over all classes while training."""
    class_balance: Literal["none", "sampling", "weights"] = "none"
    """Against rare classes: draw all equally often, with repetition, or weigh losses by the inverse of their shares."""
    batch_accuracy: bool = False
    """Also record the accuracy of each gradient step's batch."""


class LinearConfig(ClassifierConfig):
    """Softmax regression; with the squared loss, linear regression on one-hot labels."""

    model: Literal["linear"]
    loss: Literal["cross-entropy", "squared"] = "cross-entropy"
    """What is optimised and measured; ``squared``: the mean over images and classes of (output - one-hot label)^2."""


class AugmentedConfig(ClassifierConfig):
    """The random changes of training images; none by default."""

    flip: bool = False
    """Training images are mirrored at random, left to right."""
    translation: Fraction = 0.0
    """Training images are shifted at random by up to this share of their side, both ways."""
    rotation: Fraction = 0.0
    """Training images are rotated at random by up to this share of a full turn, both ways."""
    colour: Fraction = 0.0
    """Contrast and brightness of training images are changed at random by up to this share."""
    fill: Literal["constant", "reflect"] = "constant"
    """What moves in from outside a shifted or rotated image: black, or the image mirrored at its edge."""


class MlpConfig(AugmentedConfig):
    """A multi-layer perceptron."""

    model: Literal["mlp"]
    hidden_units: Widths
    """Units of each hidden Dense layer."""
    activation: Literal["relu", "sigmoid", "tanh"] = "relu"
    """Of the hidden layers."""
    dropout: Fraction = 0.0
    """Dropout probability after each hidden layer."""


@dataclass(frozen=True)
class Block:
    """A convolution and what follows it: max-pooling, and so many residual convolutions."""

    filters: int
    kernel_size: int
    stride: int
    pool_size: int
    residuals: int


class ConvnetConfig(AugmentedConfig):
    """Blocks of convolution, ReLU and max-pooling, then Dense layers with ReLU."""

    model: Literal["convnet"]
    filters: Annotated[Widths, Field(min_length=1)]
    """Filters of each convolution."""
    kernel_sizes: Annotated[Widths, Field(min_length=1)]
    """Side of each convolution's square kernel, in pixels."""
    strides: Counts = ()
    """Step of each convolution, in pixels; 1 when left out."""
    pool_sizes: Counts = ()
    """Side of the max-pooling after each convolution, 1 for none; 2 when left out."""
    hidden_units: Widths
    """Units of each hidden Dense layer."""
    padding: Literal["valid", "same"] = "valid"
    """``same`` frames the images with zeros, so that a convolution keeps their size."""
    normalization: Literal["none", "batch"] = "none"
    """Of each convolution's output, before its ReLU."""
    residuals: Annotated[tuple[Annotated[int, Field(ge=0, le=64)], ...], Field(strict=False, max_length=16)] = ()
    """In each block, further 3 x 3 convolutions after the pooling, each added to its own input; none when left out."""
    global_pooling: Literal["none", "average"] = "none"
    """What the layers after the convolutions see: all pixels, or each filter's mean."""
    dropout: Fraction = 0.0
    """Dropout probability after each conv-pool block and each hidden layer."""

    @model_validator(mode="after")
    def _has_a_kernel_per_convolution(self) -> "ConvnetConfig":
        if len(self.filters) != len(self.kernel_sizes):
            raise ValueError(
                f"filters has {len(self.filters)} entries and kernel_sizes {len(self.kernel_sizes)}; "
                "there should be one of each per convolution"
            )
        for name in ("strides", "pool_sizes", "residuals"):
            count = len(getattr(self, name))
            if count not in (0, len(self.filters)):
                raise ValueError(f"{name} has {count} entries for {len(self.filters)} blocks")
        return self

    @property
    def blocks(self) -> list[Block]:
        """All that is set per convolution, the defaults filled in."""
        count = len(self.filters)
        strides, pool_sizes = self.strides or (1,) * count, self.pool_sizes or (2,) * count
        residuals = self.residuals or (0,) * count
        return list(map(Block, self.filters, self.kernel_sizes, strides, pool_sizes, residuals))

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Check that the convolutions leave something of images of a shape ``(H, W, C)``."""
        side = min(shape[:2])
        for block in self.blocks:
            reached = side - (block.kernel_size - 1) * (self.padding == "valid")
            side = math.ceil(reached / block.stride) // block.pool_size
            if side < 1:
                size = f"{shape[1]} x {shape[0]}"
                raise ConfigError(f"kernel_sizes = {list(self.kernel_sizes)} leave nothing of a {size} image")


class PlaneConfig(TrainConfig):
    """Dense layers from the pixels down to 2 numbers, the codes, and back: the fields that all autoencoders share."""

    model: Literal["autoencoder", "autoencoder-structured"]
    limit: Annotated[int, Field(ge=100, le=1_000_000)] | None = None
    """Use only so many training images, at least 100; all when left out."""
    hidden_units: Annotated[Widths, Field(min_length=1)]
    """Units of the encoder's hidden layers; the decoder has them in reverse."""
    activation: Literal["relu", "gelu", "elu", "tanh"] = "relu"
    """Of the hidden layers."""
    normalization: Literal["none", "batch", "layer"] = "none"
    """Of the hidden layers' inputs to the activation."""
    bottleneck: Literal["linear", "relu"] = "linear"
    """Activation of the codes; with ``relu`` they are never negative."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 1  # so small a network gains nothing from a second one


class AutoencoderConfig(PlaneConfig):
    """Minimises the mean squared error and nothing else."""

    model: Literal["autoencoder"] = "autoencoder"


class ToyConfig(Config):
    """The networks written by hand, on the three functions of four inputs."""

    model: Literal["linear", "convnet", "both"] = "both"
    """Which networks are fitted."""
    target: Literal["y1", "y2", "y3", "all"] = "all"
    """Which functions they have to learn."""
    iterations: Count
    """Gradient steps."""
    batch_size: Annotated[int, Field(ge=1, le=1000)]
    """Samples per gradient step, of 1,000."""
    learning_rate: PositiveRate
    """The first step's learning rate; it falls linearly to 0."""
    l2: Annotated[float, Field(ge=0)] = 0.0
    """lambda: half of it times the squared norm of all parameters is added to the loss."""
    init: Literal["normal", "equal", "zeros"] = "normal"
    """Initial weights: random, random but the same in both filters, or all 0."""
    seeds: Annotated[int, Field(ge=1, le=1000)]
    """Repeats, each with its own W, samples and initial weights."""
    seed: Seed = 0
    """The first repeat's seed; also decides the order of the samples."""


class SweepConfig(Config):
    """One field of a network's config over a range of values, each with several seeds."""

    model: Literal["linear", "mlp", "convnet", "autoencoder", "autoencoder-structured"] = "convnet"
    """Which network is trained."""
    parameter: Literal["learning_rate", "dropout", "batch_size", "bottleneck", "without"]
    """The field that varies."""
    values: Annotated[tuple[Any, ...], Field(strict=False, min_length=1, max_length=64)]
    """Its values; the network's own config decides whether each is allowed."""
    seeds: Annotated[int, Field(ge=1, le=1000)] = 3
    """Runs per value, from the base's seed upwards."""
    base: dict[str, Any] = Field(default_factory=dict)
    """Settings of all runs that differ from the network's own config."""

    @model_validator(mode="after")
    def _has_no_value_twice(self) -> "SweepConfig":
        for value in self.values:
            if self.values.count(value) > 1:
                raise ValueError(f"values: {value} stands there more than once")
        return self


CLASSIFIER_CONFIGS: dict[str, type[ClassifierConfig]] = {
    "linear": LinearConfig,
    "mlp": MlpConfig,
    "convnet": ConvnetConfig,
}
