"""Autoencoders whose codes are a plane: trained, stored, and found again."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ex3 import model_store
from ex3.config import PlaneConfig
from ex3.data import Dataset
from ex3.embedding.planes import Plane
from ex3.evaluation import predict
from ex3.experiments import divergence
from ex3.measured import OnProgress
from ex3.models import Autoencoder
from ex3.results import Run
from ex3.runs import train_autoencoder

log = logging.getLogger("ex3")


@dataclass(frozen=True)
class TrainedPlane:
    """An autoencoder and its training."""

    model: Autoencoder
    run: Run

    @property
    def plane(self) -> Plane:
        """Encoder and decoder as functions of arrays."""
        return Plane(lambda x: predict(self.model.encoder, x), lambda codes: predict(self.model.decoder, codes))

    def keep(self, folder: Path) -> list[Path]:
        """Write encoder and decoder to a folder of runs."""
        return model_store.save_models(folder, {"encoder": self.model.encoder, "decoder": self.model.decoder}, self.run)


def find_plane(runs: Path, config: PlaneConfig, fingerprint: str) -> TrainedPlane | None:
    """Return the stored autoencoder of this very config; ``None`` where there is none, or a damaged one."""
    found = model_store.find_autoencoder(runs, config, fingerprint)
    return TrainedPlane(*found) if found else None


def train_plane(config: PlaneConfig, dataset: Dataset, show: Callable[[str, int], OnProgress]) -> TrainedPlane:
    """Train an autoencoder, and show its progress.

    Args:
        config: All settings of the run.
        dataset: The images.
        show: Name of the run, number of epochs -> what shows its progress.

    Raises:
        DivergedError: The loss became infinite or not a number.
    """
    model, run = train_autoencoder(config, dataset, show(f"{config.model}, seed {config.seed}", config.epochs))
    check_run(run)
    return TrainedPlane(model, run)


def check_run(run: Run) -> None:
    """Warn of dead codes.

    Raises:
        DivergedError: The loss became infinite or not a number.
    """
    config = run.config
    if run.diverged_at is not None:
        raise divergence(config.model, config.seed, run.diverged_at, config.learning_rate)
    if dead := int(run.metrics["dead_codes"]):
        log.warning(
            "seed %d: %d of 2 codes are the same for all images; try bottleneck = linear, a smaller learning_rate or "
            "another seed",
            config.seed,
            dead,
        )
