"""Settings of a network and of what happens to its training images, and those of the experiments on them."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ex3.config import ClassifierConfig, ConvnetConfig, Counts, LinearConfig, MlpConfig
from ex3.settings import Config, Count, Epochs, Fraction, ImagesConfig, Seed

if TYPE_CHECKING:
    AnyClassifierConfig = ClassifierConfig
else:  # read back from JSON as the kind that its key ``model`` names
    AnyClassifierConfig = Annotated[LinearConfig | MlpConfig | ConvnetConfig, Field(discriminator="model")]
Row = Annotated[int, Field(ge=0)]


class MessConfig(Config):
    """How a clean training set is made imbalanced and mislabelled."""

    counts: Annotated[Counts, Field(min_length=2)]
    """Images of each class that are kept, drawn at random."""
    mislabelled: Fraction
    """The share of one class's images that get the label of another one."""
    actual_class: str
    """The class whose images are mislabelled: a name, or a label from 0."""
    given_class: str
    """The class that they are given."""


class AlteredConfig(Config):
    """A network, and the training images that it is given.

    Rows count, from 0, the images of the training set and the validation set together, in the order in which they are
    stored; with a mess, those that it keeps.
    """

    network: AnyClassifierConfig
    """The network; also the images and the seed."""
    mess: MessConfig | None = None
    """What is done to the images first; nothing when left out."""
    true_labels: bool = False
    """Give mislabelled images their true labels back."""
    relabelled: Annotated[tuple[tuple[Row, Row], ...], Field(strict=False)] = ()
    """Rows, each with its new label."""
    left_out: Annotated[tuple[Row, ...], Field(strict=False)] = ()
    """Rows that the network is not trained on."""

    @property
    def images(self) -> ImagesConfig:
        """Which images."""
        return self.network.images

    @property
    def seed(self) -> int:
        """Of the network, and of all that is drawn."""
        return self.network.seed


class ImbalanceConfig(ImagesConfig):
    """A mess, a network, and what is tried against it."""

    seeds: Annotated[int, Field(ge=1, le=1000)]
    """Runs of each remedy, from ``seed`` upwards."""
    seed: Seed = 0
    """The first seed: of the images that are drawn, the wrong labels, the folds, and the networks."""
    folds: Annotated[int, Field(ge=2, le=100)] = 5
    """Parts of the training set; each is judged by a network that was trained on the others."""
    counts: Annotated[Counts, Field(min_length=2)]
    """Training images of each class."""
    mislabelled: Fraction
    """The share of one class's training images that get the label of another one."""
    actual_class: str
    """The class whose images are mislabelled: a name, or a label from 0."""
    given_class: str
    """The class that they are given."""
    network: dict[str, Any]
    """All settings of the network, without augmentation."""
    augmentation: dict[str, Any]
    """Settings of the network that are added where training images are changed at random."""
    epochs_clean: Epochs
    """Epochs on the whole, clean training set."""

    @property
    def mess(self) -> MessConfig:
        """What is done to the clean training set."""
        return MessConfig(
            counts=self.counts,
            mislabelled=self.mislabelled,
            actual_class=self.actual_class,
            given_class=self.given_class,
        )


class InspectConfig(ImagesConfig):
    """Which images are looked at, and how duplicates and wrong labels are sought."""

    seed: Seed = 0
    """Of the examples that are drawn, the folds, and the networks."""
    near: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Near duplicates are images whose edges correlate with at least this."""
    folds: Annotated[int, Field(ge=2, le=100)] = 5
    """Parts of the training images; each is judged by a network that was trained on the others."""
    steps: Count
    """Gradient steps of each network: as many epochs as that takes."""
    network: dict[str, Any] = Field(default_factory=dict)
    """Settings of the network that differ from configs/convnet.toml, or from configs/photographs.toml for colour."""
