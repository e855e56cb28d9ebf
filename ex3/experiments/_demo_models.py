"""The models of ``demo`` that take longer to train: their configs, how each is found, and how it is trained and stored.

They are those of ``autoencoder``, ``defend`` and ``scratch``, so that none of them is trained twice.
"""

import os
import sys
from pathlib import Path

from ex3.adversarial.defend_config import DefendConfig, DefendedConfig
from ex3.by_hand.config import NetworkConfig, ScratchConfig
from ex3.by_hand.stored import find_network, save_network
from ex3.by_hand.training import train_network
from ex3.config_files import change, load_as, shipped
from ex3.data import load_images
from ex3.demo.classifiers import from_keras, from_network
from ex3.demo.config import DemoConfig
from ex3.demo.lab import Lab
from ex3.errors import Ex3Error
from ex3.experiments import Paths, divergence
from ex3.experiments._planes import find_plane, train_plane
from ex3.experiments.trained import trained_classifier
from ex3.model_store import find_classifier
from ex3.progress import show_message, show_shares
from ex3.robust_config import RobustConfig
from ex3.structured_config import StructuredConfig

TITLES = {"by hand": "the network by hand", "plane": "the plane", "robust": "the robust network"}
ROBUST, BY_HAND = "pgd", "softmax"  # in configs/defend.toml and configs/scratch.toml


def robust_config(config: DemoConfig) -> RobustConfig:
    """Return the config of ``defend``'s network that PGD trains."""
    settings = load_as(DefendConfig, shipped("defend")).networks[ROBUST]
    return change(DefendedConfig(), {**settings, **_common(config)}, f"network {ROBUST}").network


def hand_config(config: DemoConfig) -> NetworkConfig:
    """Return the config of ``scratch``'s network whose scores are logits."""
    settings = load_as(ScratchConfig, shipped("scratch")).networks[BY_HAND]
    return change(NetworkConfig(), {**settings, **_common(config)}, f"network {BY_HAND}")


def plane_config(config: DemoConfig) -> StructuredConfig:
    """Return the config of the autoencoder that is asked for structure."""
    return load_as(StructuredConfig, shipped("autoencoder-structured"), _common(config))


def _common(config: DemoConfig) -> dict[str, object]:
    return {**config.images.model_dump(), "seed": config.seed}


def add_stored(lab: Lab, name: str, config: DemoConfig, runs: Path, fingerprint: str) -> bool:
    """Add a model of ``TITLES`` to the lab, if it is stored, and tell whether it was."""
    if name == "plane":
        if trained := find_plane(runs, plane_config(config), fingerprint):
            lab.add_plane(trained.plane)
        return trained is not None
    if name == "robust":
        if found := find_classifier(runs, robust_config(config), fingerprint):
            lab.add_classifier(name, from_keras(found[0], found[1].metrics["test_accuracy"]))
        return found is not None
    if by_hand := find_network(runs, hand_config(config), fingerprint):
        network, run = by_hand
        lab.add_classifier(name, from_network(network, run.metrics["test_accuracy"], run.dataset.shape))
    return by_hand is not None


def train_and_store(name: str, config: DemoConfig, paths: Paths) -> None:
    """Train a model of ``TITLES``, show its progress on stderr, and store it.

    Raises:
        DataError: The images cannot be had.
        DivergedError: The loss became infinite or not a number.
        WriteError: The model cannot be written.
    """
    if name == "robust":
        trained_classifier(robust_config(config), paths, quiet=False, show=show_shares)
        return
    dataset = load_images(config, paths.data, config.seed, paths.image_cache)
    if name == "plane":
        train_plane(plane_config(config), dataset, show_shares).keep(paths.runs)
        return
    network, run = train_network(hand_config(config), dataset)
    if run.diverged_at is not None:
        raise divergence(name, config.seed, run.diverged_at, run.config.learning_rate)
    save_network(paths.runs, network, run)


def train_in_child(name: str, config: str, runs: str, data: str) -> None:
    """Train and store a model in a process that gives way to others; a failure is one line on stderr.

    Args:
        name: Of the model.
        config: A ``DemoConfig``, as JSON.
        runs: Folder of stored models.
        data: Folder of the images; empty for their usual source.
    """
    if hasattr(os, "nice"):  # not on Windows
        os.nice(10)
    paths = Paths(figures=Path(), runs=Path(runs), data=Path(data) if data else None)
    try:
        train_and_store(name, DemoConfig.model_validate_json(config), paths)
    except Ex3Error as error:
        show_message(str(error))
        sys.exit(error.exit_code)


if __name__ == "__main__":
    train_in_child(*sys.argv[1:])
