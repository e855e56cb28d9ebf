"""(config, images) -> an autoencoder's ``Run`` with its weights, so that another process can do the training."""

from dataclasses import dataclass

from ex3 import models
from ex3.backend import keras
from ex3.config import PlaneConfig
from ex3.data import Dataset
from ex3.measured import Keeper
from ex3.models import Autoencoder
from ex3.provenance import RUN_PACKAGES, Computation
from ex3.results import Arrays, Run
from ex3.robust_config import AnyTrainConfig
from ex3.runs import HoldsRun, train_autoencoder


@dataclass(frozen=True)
class PlaneRun(HoldsRun):
    """A trained autoencoder; where its training diverged, what is left of it.

    Attributes:
        run: The training.
        weights: All of them, the encoder's first, numbered.
    """

    run: Run
    weights: Arrays

    @property
    def config(self) -> AnyTrainConfig:
        """All settings."""
        return self.run.config

    def build(self) -> Autoencoder:
        """Return encoder and decoder."""
        assert isinstance(self.run.config, PlaneConfig)
        keras.config.set_dtype_policy(self.run.config.precision)
        autoencoder = models.build_autoencoder(self.run.config, self.run.dataset.shape)
        for variable, array in zip(_variables(autoencoder), self.weights.unpack().values(), strict=True):
            variable.assign(array)
        return autoencoder


PLANE = Computation(__name__, "train_plane", PlaneRun, RUN_PACKAGES)


def train_plane(config: PlaneConfig, dataset: Dataset, keeper: Keeper | None = None) -> PlaneRun:
    """Train an autoencoder.

    Args:
        config: All settings of the run.
        dataset: The images.
        keeper: Keeps the state on the way.
    """
    autoencoder, run = train_autoencoder(config, dataset, keeper=keeper)
    numbered = enumerate(_variables(autoencoder))
    return PlaneRun(run, Arrays.pack({str(number): variable.numpy() for number, variable in numbered}))


def _variables(autoencoder: Autoencoder) -> list[keras.Variable]:
    return [*autoencoder.encoder.variables, *autoencoder.decoder.variables]
