"""The results of ``defend``: the runs of all seeds, summarised, and the pictures of the first seed's networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ex3.adversarial.defend_config import DefendedConfig
from ex3.adversarial.defended import DefendedRun, Inside, LeastNoise
from ex3.adversarial.worst_case import ATTACKS
from ex3.measures.intervals import wilson
from ex3.results import Curves, DatasetInfo, Number, Spread, spread


@dataclass(frozen=True)
class Defence:
    """A network with a defence, over its seeds.

    Attributes:
        config: Of the first seed.
        parameters: Number of trained numbers.
        clean: Accuracy on all test images.
        certified: Share of all test images that are proved to be classified as their labels.
        left: By attack, in order: share of the attacked test images that it and all before it have left.
        attacked: Test images that were attacked, of all seeds together.
        interval: 95 % interval of what all attacks have left (Wilson), of these images.
        tested: Certified images that were attacked in vain.
        seconds: Of training.
        epochs: Learning curves of each seed.
        curve: Mean shares over epsilon: left by a shorter PGD, and certified.
        certified_curve: The same of the certificate.
        least_noise: Median of the least epsilon with which PGD fools it.
    """

    config: DefendedConfig
    parameters: int
    clean: Spread
    certified: Spread
    left: dict[str, Spread]
    attacked: int
    interval: tuple[Number, Number]
    tested: int
    seconds: Spread
    epochs: list[Curves]
    curve: list[Number]
    certified_curve: list[Number]
    least_noise: Spread

    @property
    def robust(self) -> Spread:
        """What all attacks have left."""
        return self.left[ATTACKS[-1]]


@dataclass(frozen=True)
class Defences:
    """All networks by name, the bound of the table, and those of the curves."""

    dataset: DatasetInfo
    epsilon: float
    curve: list[float]
    networks: dict[str, Defence]


@dataclass(frozen=True)
class DefencePictures:
    """By network, of its first seed.

    Attributes:
        dataset: The images.
        least: The least noise that fools it.
        inside: What it looks at.
        at_strokes: Share of the gradients' absolute sum that is on a bright pixel of its image, or next to one.
    """

    dataset: DatasetInfo
    least: dict[str, LeastNoise]
    inside: dict[str, Inside]
    at_strokes: dict[str, Number]


def summarise(runs: Sequence[DefendedRun]) -> Defence:
    """Summarise one network over its seeds."""
    first, judged = runs[0], [run.judgement for run in runs]
    attacked = sum(one.samples for one in judged)
    return Defence(
        config=first.config,
        parameters=first.run.parameters,
        clean=spread([one.clean for one in judged]),
        certified=spread([one.certified for one in judged]),
        left={name: spread([one.left[name] / one.samples for one in judged]) for name in ATTACKS},
        attacked=attacked,
        interval=wilson(sum(one.left[ATTACKS[-1]] for one in judged), attacked),
        tested=sum(one.tested for one in judged),
        seconds=spread([run.run.seconds for run in runs]),
        epochs=[run.run.epochs for run in runs],
        curve=np.mean([run.curve.left for run in runs], axis=0).tolist(),
        certified_curve=np.mean([run.curve.certified for run in runs], axis=0).tolist(),
        least_noise=spread([run.least.median for run in runs]),
    )


def build_defences(dataset: DatasetInfo, runs: Mapping[str, Sequence[DefendedRun]]) -> Defences:
    """Summarise all networks; all are judged with the same bounds."""
    config = next(iter(runs.values()))[0].config
    networks = {name: summarise(of_network) for name, of_network in runs.items()}
    return Defences(dataset, config.judged_epsilon, sorted(config.curve), networks)


def build_pictures(dataset: DatasetInfo, runs: Mapping[str, Sequence[DefendedRun]]) -> DefencePictures:
    """Take the pictures of the first seed's networks."""
    first = {name: of_network[0] for name, of_network in runs.items()}
    return DefencePictures(
        dataset,
        {name: run.least for name, run in first.items()},
        {name: run.inside for name, run in first.items()},
        {name: share_at_strokes(run.inside) for name, run in first.items()},
    )


def share_at_strokes(inside: Inside) -> float:
    """Return the share of the gradients' absolute sum within a pixel of an image's bright pixels (above 0.5).

    Gradients are read from 8-bit pixels, of which 128 is 0; their scale per image is that of the figure.
    """
    bright = np.pad((inside.images.unpack() > 0.5).any(axis=-1), [(0, 0), (1, 1), (1, 1)])
    height, width = (side - 2 for side in bright.shape[1:])
    near = np.any([bright[:, i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=0)
    sizes = np.abs(inside.gradients.unpack() - 128 / 255).sum(axis=-1)
    return float(sizes[near].sum() / max(sizes.sum(), 1e-30))
