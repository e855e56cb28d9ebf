"""Settings of a classifier written by hand, and how it is trained."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ex3.config_files import change
from ex3.settings import Config, Count, Epochs, Fraction, ImagesConfig, PositiveRate, Seed

NonNegative = Annotated[float, Field(ge=0)]
NonNegatives = Annotated[tuple[NonNegative, ...], Field(strict=False, max_length=32)]  # TOML has lists, no tuples


class NetworkConfig(ImagesConfig):
    """Inputs (pixels, or PCA's components of them) - hidden units - one score per class."""

    components: Annotated[int, Field(ge=0, le=100_000)] = 128
    """PCA's components that are the inputs; 0 takes the pixels themselves."""
    hidden_units: Annotated[int, Field(ge=1, le=100_000)] = 150
    """Units of the hidden layer."""
    activation: Literal["relu", "gelu", "gelu-exact"] = "relu"
    """Of the hidden layer; ``gelu`` is the tanh form."""
    head: Literal["hinge", "softmax", "rbf", "rbf-softmax", "rbf-linear", "rbf-general"] = "hinge"
    """Scores and loss. ``hinge``, ``softmax``: linear scores. ``rbf``: minus ||h - c_i||^2, from the hidden units h to
    a centre per class, with R3's loss. ``rbf-softmax``: the same scores, with the cross-entropy. ``rbf-linear``: minus
    ||A h + b - c_i||^2, with R3's loss. ``rbf-general``: minus ||A_i h + b_i||^2, with R3's loss."""
    rank: Annotated[int, Field(ge=1, le=1_000)] = 8
    """Rows of A in ``rbf-linear``, and of each A_i in ``rbf-general``."""
    margin: PositiveRate = 10.0
    """lambda of R3's loss: the distance to which a class pushes the other classes' images."""
    epochs: Epochs = 10
    """Passes over the training images."""
    batch_size: Count = 128
    """Images per gradient step; 1 skips images without a loss, which change nothing."""
    learning_rate: PositiveRate = 0.1
    """Its peak; a one-cycle schedule."""
    momentum: Fraction = 0.9
    """Nesterov's; 0 with a batch size of 1."""
    l2: NonNegative = 0.001
    """Weight of half the squared norm of all weights, biases spared, in the loss (a batch of 1: of each update)."""
    noise: NonNegative = 0.0
    """sigma of Gaussian noise on the training images' pixels."""
    noise_once: bool = False
    """Draw this noise once, instead of anew for each batch."""
    shift: Annotated[int, Field(ge=0, le=4)] = 0
    """Move each batch of training images at random by up to so many pixels, both ways."""
    adversarial_epsilon: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Train on images that were attacked with this bound (linf); 0 trains on the images themselves."""
    interval_epsilon: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Train on the worst that interval bounds allow within this bound (linf); 0 trains on the images themselves."""
    interval_ramp: Fraction = 0.5
    """Share of all steps over which this bound rises from 0."""
    noise_images: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Images of uniform noise that are added to the training images as a class of their own, to be rejected."""
    seed: Seed = 0
    """Decides the validation split, the initial weights, the order of the images and all noise."""

    @model_validator(mode="after")
    def _fits_together(self) -> "NetworkConfig":
        if self.batch_size == 1 and self.momentum > 0:
            raise ValueError("batch_size = 1 takes momentum = 0; with momentum, images without a loss move weights")
        if self.noise_images and self.head not in ("rbf", "rbf-linear", "rbf-general"):
            raise ValueError(f"noise_images: head = {self.head!r} has no class for them; those with R3's loss have one")
        if self.interval_epsilon:
            self._check_intervals()
        return self

    def _check_intervals(self) -> None:
        """Check that bounds are known for every layer, and that a batch consists of images in [0, 1]."""
        if self.components or self.activation != "relu" or self.head not in ("hinge", "softmax"):
            raise ValueError(
                "interval_epsilon: needs components = 0, activation = 'relu', and a head with linear scores"
            )
        if self.adversarial_epsilon or self.noise or self.batch_size == 1:
            raise ValueError("interval_epsilon: takes neither noise, nor adversarial_epsilon, nor batch_size = 1")


Settings = dict[str, Any]


class ScratchConfig(Config):
    """The networks of ``scratch``, and what is done to them."""

    seeds: Annotated[int, Field(ge=1, le=1000)]
    """Runs of each network, from its seed upwards."""
    train_noise: NonNegatives
    """Sigmas of Gaussian noise on the training images of the noisy network."""
    variation_seeds: Annotated[int, Field(ge=1, le=1000)]
    """Runs of each of these, and of each variation."""
    test_noise: NonNegatives
    """Sigmas of Gaussian noise on the test images."""
    attack_epsilon: NonNegatives
    """Bounds (linf) of FGSM and PGD."""
    attack_samples: Annotated[int, Field(ge=20, le=1_000_000)]
    """Test images that are looked at; those that are classified correctly are attacked."""
    networks: Annotated[dict[str, Settings], Field(min_length=1)]
    """By name, the settings of each network that differ from the defaults."""
    variations: dict[str, Settings]
    """The same of networks that vary one setting of another one."""


class RejectConfig(Config):
    """The networks of ``reject``, and how they are attacked."""

    seeds: Annotated[int, Field(ge=1, le=1000)]
    """Runs of each network, from its seed upwards."""
    margins: Annotated[tuple[PositiveRate, ...], Field(strict=False, min_length=1, max_length=32)]
    """Values of lambda, which is also the threshold, in R3's experiment."""
    fixed_epsilon: NonNegatives
    """Bounds (linf) of FGSM in R3's experiment."""
    attack_epsilon: Annotated[NonNegatives, Field(min_length=1)]
    """Bounds (linf) of FGSM, PGD and the adaptive attack."""
    attack_samples: Annotated[int, Field(ge=20, le=1_000_000)]
    """Test images that are attacked."""
    rejected_share: Annotated[float, Field(gt=0, lt=1)]
    """Share of the validation images that the threshold rejects."""
    other_share: Annotated[float, Field(gt=0, lt=1)]
    """The same of another threshold, which is tested at epsilon 0.1 alone."""
    fixed: Settings
    """R3's network: its settings that differ from the defaults."""
    networks: Annotated[dict[str, Settings], Field(min_length=1)]
    """By name, the same of each network whose threshold comes from validation images."""


def merge(kind: type[Config], settings: Settings, given: Mapping[str, object], origin: str) -> Settings:
    """Lay the command line's settings over a network's own, and check both.

    Args:
        kind: Class of the network's config.
        settings: The network's, from a file.
        given: The command line's.
        origin: File and network, for an error's message.

    Raises:
        ConfigError: A key is unknown, or a value is not allowed.
    """
    change(change(kind(), settings, origin), given, "command line")
    return {**settings, **given}
