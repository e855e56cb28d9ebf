"""A hand-written network on disk, in a folder that is named after all that its weights depend on."""

import logging
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ex3 import storage
from ex3.by_hand.classifier import build_classifier
from ex3.by_hand.config import NetworkConfig
from ex3.by_hand.training import HandRun
from ex3.provenance import Computation, run_identity, weights_digest
from ex3.results import to_json
from ex3.scratch.layers import Projection
from ex3.scratch.network import Network

log = logging.getLogger("ex3")

TRAINING = Computation("ex3.by_hand.training", "train_network", HandRun, ("numpy", "scipy", "scikit-learn"))
CONSEQUENCE = "the network is trained again"


def network_folder(runs: Path, config: NetworkConfig, fingerprint: str) -> Path:
    """Return the folder of a network, e.g. ``runs/models/by-hand-seed0-0123456789abcdef``.

    Args:
        runs: Folder of all stored runs.
        config: The run's config.
        fingerprint: Of the images.
    """
    return runs / "models" / f"by-hand-seed{config.seed}-{run_identity(config, fingerprint, TRAINING)}"


def save_network(runs: Path, network: Network, run: HandRun) -> list[Path]:
    """Write ``network.npz`` (PCA's projection, and the weights in order) and ``run.json``, and return their paths.

    Raises:
        WriteError: A file cannot be written.
    """
    folder = network_folder(runs, run.config, run.dataset.fingerprint)
    storage.check_writable(folder)
    arrays = {f"parameter {k}": parameter.value for k, parameter in enumerate(network.parameters)}
    if isinstance(projection := network.layers[0], Projection):
        arrays |= {"mean": projection.mean, "directions": projection.directions}
    return [
        storage.save_arrays(folder / "network.npz", arrays),
        storage.save_text(folder / "run.json", to_json(run)),
    ]


def find_network(runs: Path, config: NetworkConfig, fingerprint: str) -> tuple[Network, HandRun] | None:
    """Return the stored network of this very config, images, package versions and code.

    Returns:
        The network, rows of pixels -> scores, and its run; ``None`` where there is none, and, with a warning, where it
        is damaged.
    """
    folder = network_folder(runs, config, fingerprint)
    run = storage.load_json(HandRun, folder / "run.json", CONSEQUENCE)
    if run is None:
        return None
    try:
        with np.load(folder / "network.npz", allow_pickle=False) as file:
            network = _build(run, dict(file))
    except (OSError, ValueError, KeyError, IndexError, BadZipFile):
        log.warning("%s: damaged; %s", folder, CONSEQUENCE)
        return None
    if run.config != config or weights_digest(parameter.value for parameter in network.parameters) != run.weights:
        log.warning("%s: holds other weights than were trained; %s", folder, CONSEQUENCE)
        return None
    return network, run


def _build(run: HandRun, arrays: dict[str, np.ndarray]) -> Network:
    """Build the network of a run with the weights of a file."""
    inputs = run.config.components or int(np.prod(run.dataset.shape))
    head = build_classifier(run.config, inputs, len(run.dataset.class_names), np.random.default_rng(0))
    for k, parameter in enumerate(head.parameters):
        parameter.value[...] = arrays[f"parameter {k}"]
    encoder = [Projection(arrays["mean"], arrays["directions"])] if run.config.components else []
    return Network([*encoder, *head.layers])
