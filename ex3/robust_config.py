"""Settings of the networks that are trained against noise of a bound, and the choice of any network's settings."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from ex3.config import AutoencoderConfig, ClassifierConfig, ConvnetConfig, LinearConfig, MlpConfig, TrainConfig, Widths
from ex3.errors import ConfigError
from ex3.settings import Count, Epochs, Fraction, PositiveRate
from ex3.structured_config import StructuredConfig


class RobustConfig(ClassifierConfig):
    """Convolutions that halve the image ('same' padding, stride 2), then Dense layers, all with ReLU."""

    model: Literal["robust"] = "robust"
    contrast: Annotated[float, Field(ge=1)] = 1.0
    """The network sees the images at so many times their contrast: (x - 1/2) contrast + 1/2, cut off at 0 and 1."""
    filters: Annotated[Widths, Field(min_length=1)] = (16, 32)
    """Filters of each convolution."""
    kernel_size: Annotated[int, Field(ge=1, le=1_000)] = 4
    """Side of the convolutions' square kernels, in pixels."""
    hidden_units: Widths = (100,)
    """Units of each hidden Dense layer."""
    normalization: Literal["none", "batch"] = "none"
    """Of the inputs to each ReLU."""
    defence: Literal["none", "noise", "adversarial", "ibp"] = "none"
    """What is trained on. ``none``: the images. ``noise``: every pixel moved by plus or minus epsilon at random.
    ``adversarial``: images that were attacked in this very step. ``ibp``: the worst that interval bounds allow."""
    epsilon: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The bound that is trained against: the largest change of a pixel."""
    ramp_start: Fraction = 0.0
    """The share of all steps after which epsilon begins to rise from 0."""
    ramp_end: Fraction = 0.0
    """The share of all steps after which it has reached its bound; 0 starts with the whole bound."""
    attack_steps: Count = 3
    """Steps of the attack in training; 1 is FGSM from a random start."""
    attack_step_size: PositiveRate = 0.485
    """Length of these steps, as a fraction of epsilon."""
    epochs: Epochs = 10
    batch_size: Count = 128
    optimizer: Literal["sgd", "adam"] = "adam"
    learning_rate: PositiveRate = 0.002
    momentum: Fraction = 0.9
    schedule: Literal["constant", "one-cycle", "flat"] = "flat"
    warmup: Fraction = 0.05
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    """Threads of TensorFlow; with more than one, ``ibp`` repeats its numbers only up to rounding."""

    @model_validator(mode="after")
    def _fits_together(self) -> "RobustConfig":
        if self.ramp_end < self.ramp_start:
            raise ValueError(f"ramp_end = {self.ramp_end:g}: comes before ramp_start = {self.ramp_start:g}")
        if self.defence != "none" and self.epsilon == 0:
            raise ValueError(f"defence = {self.defence!r}: needs an epsilon above 0")
        if self.class_balance == "weights":
            raise ValueError("class_balance = 'weights': robust networks take 'none' or 'sampling'")
        if self.batch_accuracy:
            raise ValueError("batch_accuracy: robust networks see several batches per step")
        if self.defence == "ibp" and self.label_smoothing:
            raise ValueError("label_smoothing: the loss of defence = 'ibp' has none")
        return self

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Check that the images are large enough for the convolutions, each of which halves them."""
        if min(shape[:2]) < 2 ** len(self.filters):
            raise ConfigError(f"filters = {list(self.filters)}: too many for images of {shape[1]} x {shape[0]}")


if TYPE_CHECKING:
    AnyTrainConfig = TrainConfig
else:  # read back from JSON as the kind that its key ``model`` names
    AnyTrainConfig = Annotated[
        LinearConfig | MlpConfig | ConvnetConfig | RobustConfig | AutoencoderConfig | StructuredConfig,
        Field(discriminator="model"),
    ]
