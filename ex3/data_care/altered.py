"""Trains a network on an altered training set, and keeps what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ex3.data import Dataset, Split, find_label
from ex3.data_care.config import AlteredConfig, MessConfig
from ex3.errors import ConfigError
from ex3.evaluation import predict
from ex3.provenance import RUN_PACKAGES, Computation
from ex3.results import Number, Run
from ex3.runs import HoldsRun, train_classifier

DIGITS = 6  # of the probabilities that are kept


@dataclass(frozen=True)
class Material:
    """Training images, with the labels that they are given and their true ones.

    Attributes:
        images: All of them; ``y`` holds the given labels.
        true: ``(N,)`` int64. Where nobody made a mess these are the given ones, right or wrong.
    """

    images: Split
    true: np.ndarray

    @property
    def is_wrong(self) -> np.ndarray:
        """Whether a label was made wrong on purpose, bool ``(N,)``."""
        return self.images.y != self.true


@dataclass(frozen=True)
class AlteredRun(HoldsRun):
    """A network that was trained on an altered training set.

    Attributes:
        config: The network, and the alteration.
        run: Its measurements; the validation images are those that were left out, with the labels they were given.
        left_out: Probabilities of the images that were left out, one row of ``(classes,)`` each, in their order.
        test: The same of the test images.
    """

    config: AlteredConfig
    run: Run
    left_out: list[list[Number]]
    test: list[list[Number]]


def gather(dataset: Dataset, mess: MessConfig | None, seed: int) -> Material:
    """Return the training and validation images together, in stored order, and make the mess that is asked for.

    Args:
        dataset: The images.
        mess: How many are kept of each class, and how many of them are mislabelled; nothing is changed when ``None``.
        seed: Decides which.

    Raises:
        ConfigError: A class has fewer images than are asked for, or there is no such class.
    """
    parts = [dataset.train, dataset.validation]
    both = Split(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("x", "y", "places")))
    stored = both.pick(np.argsort(both.places))
    if mess is None:
        return Material(stored, stored.y)
    actual, given = check_mess(mess, dataset.class_names, stored.y)
    rng = np.random.default_rng((seed, 1))
    of_class = [rng.permutation(np.flatnonzero(stored.y == label))[:count] for label, count in enumerate(mess.counts)]
    images = stored.pick(np.sort(np.concatenate(of_class)))
    labels = images.y.copy()
    rows = np.flatnonzero(images.y == actual)
    labels[rng.permutation(rows)[: round(mess.mislabelled * len(rows))]] = given
    return Material(replace(images, y=labels), images.y)


def check_mess(mess: MessConfig, class_names: Sequence[str], y: np.ndarray) -> tuple[int, int]:
    """Return the labels of the class that is mislabelled, and of the class that its images are given.

    Args:
        mess: To be made.
        class_names: Of the images.
        y: The labels that there are.

    Raises:
        ConfigError: It cannot be made.
    """
    if len(mess.counts) != len(class_names):
        raise ConfigError(f"counts has {len(mess.counts)} entries; the images have {len(class_names)} classes")
    for name, wanted, there in zip(class_names, mess.counts, np.bincount(y, minlength=len(class_names)), strict=True):
        if wanted > there:
            raise ConfigError(f"counts: {wanted} images of {name} are wanted; there are {there}")
    labels = []
    for key in ("actual_class", "given_class"):
        label = find_label(class_names, getattr(mess, key))
        if label is None:
            raise ConfigError(f"{key}: {getattr(mess, key)!r} is no class; there are {', '.join(class_names)}")
        labels.append(label)
    if round(mess.mislabelled * mess.counts[labels[0]]) == 0:
        raise ConfigError(f"mislabelled: {mess.mislabelled:g} of {mess.counts[labels[0]]} images is none")
    return labels[0], labels[1]


def train_altered(config: AlteredConfig, dataset: Dataset) -> AlteredRun:
    """Train a network on altered images, and let it answer the images that were left out, and the test images.

    The test images are never altered.

    Raises:
        ConfigError: The alteration or the network does not fit the images.
    """
    material = gather(dataset, config.mess, config.seed)
    labels = (material.true if config.true_labels else material.images.y).copy()
    for row, label in config.relabelled:
        labels[row] = label
    images = replace(material.images, y=labels)
    left_out = images.pick(np.array(config.left_out, int))
    kept = np.setdiff1d(np.arange(len(images)), config.left_out)
    shuffled = np.random.default_rng((config.seed, 2)).permutation(kept)  # curves are measured on the first of them
    altered = replace(dataset, train=images.pick(shuffled), validation=left_out)
    model, run = train_classifier(config.network, altered)
    answers = [np.round(predict(model, split.x), DIGITS).tolist() for split in (left_out, dataset.test)]
    return AlteredRun(config, run, *answers)


ALTERED_TRAINING = Computation(__name__, train_altered.__name__, AlteredRun, RUN_PACKAGES)
