"""What helps against rare classes and wrong labels (R2): the remedies, and how they compare.

The test images are clean and balanced, and nothing is chosen on them. A remedy without true labels could be used as it
is on images whose labels nobody has checked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ex3.config import ClassifierConfig
from ex3.config_files import make_classifier_config
from ex3.data_care.altered import AlteredRun, Material
from ex3.data_care.config import AlteredConfig, ImbalanceConfig
from ex3.data_care.suspects import Suspects, fold_configs
from ex3.results import Curves, DatasetInfo, Number, Spread, spread

SAMPLING = {"class_balance": "sampling"}
NOTHING, BOTH, TOGETHER = "nothing", "sampling and augmentation", "all remedies"
TRUE, CLEAN = "all, with true labels", "whole clean set"
MENDED, REMOVED = "suspects mended", "suspects removed"
REMEDIES = (
    NOTHING, "balanced sampling", "weighted loss", "augmentation", MENDED, REMOVED, BOTH, TOGETHER, TRUE, CLEAN,
)  # fmt: skip
LEVELS = (0.7, 0.75, 0.8, 0.85, 0.9)  # of the precision, at which the recall is told


@dataclass(frozen=True)
class Remedy:
    """One remedy's networks over the seeds, on the test images.

    Attributes:
        accuracy: The balanced accuracy: the mean of the classes' recalls.
        balanced: The same of each seed.
        recalls: Of each seed, the share of each class's images that are answered with it.
        confusion: Summed over the seeds; rows are actual classes.
        curves: Learning curves of each seed.
        seconds: Of training.
    """

    accuracy: Spread
    balanced: list[Number]
    recalls: list[list[Number]]
    confusion: list[list[int]]
    curves: list[Curves]
    seconds: Spread


@dataclass(frozen=True)
class Search:
    """One seed's search for the planted wrong labels.

    Attributes:
        planted: Number of wrong labels.
        suspects: Number of suspects.
        hits: Wrong labels among the suspects.
        mended: Of these, the ones whose suggested label is the true one.
        found: Wrong labels among the k most suspicious images, for k = 1, 2, ...
    """

    planted: int
    suspects: int
    hits: int
    mended: int
    found: list[int]

    def recall_at(self, precision: float) -> float:
        """Return the largest share of the wrong labels that is found at such a precision, or a better one."""
        looked_at = np.arange(1, len(self.found) + 1)
        found = np.array(self.found)
        return float(np.max(found / self.planted, where=found / looked_at >= precision, initial=0))


@dataclass(frozen=True)
class ImbalanceResult:
    """All remedies, and the searches for wrong labels.

    Attributes:
        dataset: The clean images.
        counts: Training images of each class.
        mislabelled: The share of the actual class's images that have a wrong label.
        actual_class: The class whose images are mislabelled.
        given_class: The class that they are given.
        remedies: By name.
        searches: One per seed, among the images with the given label.
        blind: The same without knowing which class is mistaken for which.
        recall_at: By precision, the share of the wrong labels that is found at it.
        fold_seconds: Training time of all folds of one seed.
        gap_closed: The part of the way from nothing to the same images with true labels that all remedies together go.
    """

    dataset: DatasetInfo
    counts: list[int]
    mislabelled: float
    actual_class: str
    given_class: str
    remedies: dict[str, Remedy]
    searches: list[Search]
    blind: list[Search]
    recall_at: dict[str, Spread]
    fold_seconds: Spread
    gap_closed: Spread


def seeded_network(config: ImbalanceConfig, seed: int, settings: Mapping[str, Any]) -> ClassifierConfig:
    """Return the config's network with a seed and further settings."""
    images = config.images.model_dump()
    return make_classifier_config({**config.network, **images, "seed": seed, **settings}, "network")


def plan_folds(config: ImbalanceConfig, seed: int, material: Material) -> list[AlteredConfig]:
    """Return one seed's folds, whose networks are trained with balanced sampling and augmentation."""
    network = seeded_network(config, seed, {**SAMPLING, **config.augmentation})
    return fold_configs(network, config.mess, material.images.y, config.folds)


def plan_without_suspects(config: ImbalanceConfig, seed: int) -> dict[str, AlteredConfig]:
    """Return, by name, the remedies of one seed that need no suspects, and the two upper limits."""
    augmentation = config.augmentation
    remedies: dict[str, dict[str, Any]] = {
        NOTHING: {},
        "balanced sampling": SAMPLING,
        "weighted loss": {"class_balance": "weights"},
        "augmentation": augmentation,
        BOTH: {**SAMPLING, **augmentation},
    }
    plan = {
        name: AlteredConfig(network=seeded_network(config, seed, settings), mess=config.mess)
        for name, settings in remedies.items()
    }
    everything = seeded_network(config, seed, {**SAMPLING, **augmentation})
    clean = seeded_network(config, seed, {**augmentation, "epochs": config.epochs_clean})
    plan[TRUE] = AlteredConfig(network=everything, mess=config.mess, true_labels=True)
    plan[CLEAN] = AlteredConfig(network=clean)
    return plan


def plan_with_suspects(config: ImbalanceConfig, seed: int, suspects: Suspects) -> dict[str, AlteredConfig]:
    """Return, by name, the remedies of one seed that mend the suspects' labels, or leave them out."""
    rows = suspects.rows.tolist()
    new_labels = tuple(zip(rows, suspects.suggested[suspects.rows].tolist(), strict=True))
    plain = seeded_network(config, seed, {})
    everything = seeded_network(config, seed, {**SAMPLING, **config.augmentation})
    return {
        MENDED: AlteredConfig(network=plain, mess=config.mess, relabelled=new_labels),
        REMOVED: AlteredConfig(network=plain, mess=config.mess, left_out=tuple(rows)),
        TOGETHER: AlteredConfig(network=everything, mess=config.mess, relabelled=new_labels),
    }


def judge_search(material: Material, suspects: Suspects) -> Search:
    """Compare suspects with the labels that are wrong indeed; ``found`` goes to four times the number of either."""
    is_wrong = material.is_wrong
    planted = int(is_wrong.sum())
    rows = suspects.rows
    is_mended = is_wrong[rows] & (suspects.suggested[rows] == material.true[rows])
    found = np.cumsum(is_wrong[suspects.order[: 4 * max(planted, suspects.count)]])
    return Search(planted, suspects.count, int(is_wrong[rows].sum()), int(is_mended.sum()), found.tolist())


def summarise(
    config: ImbalanceConfig,
    dataset: DatasetInfo,
    runs: Mapping[str, Sequence[AlteredRun]],
    folds: Sequence[Sequence[AlteredRun]],
    searches: Sequence[Search],
    blind: Sequence[Search],
) -> ImbalanceResult:
    """Put all runs together.

    Args:
        config: Of the experiment.
        dataset: The clean images.
        runs: Of each remedy, one run per seed.
        folds: Of each seed, the folds' runs.
        searches: Of each seed.
        blind: The same, without knowing which class is mistaken for which.
    """
    remedies = {name: _summarise_remedy(runs[name]) for name in REMEDIES}
    nothing, together, true = (np.array(remedies[name].balanced) for name in (NOTHING, TOGETHER, TRUE))
    names = dataset.class_names
    return ImbalanceResult(
        dataset=dataset,
        counts=list(config.counts),
        mislabelled=config.mislabelled,
        actual_class=_name(names, config.actual_class),
        given_class=_name(names, config.given_class),
        remedies=remedies,
        searches=list(searches),
        blind=list(blind),
        recall_at={f"{level:g}": spread([search.recall_at(level) for search in searches]) for level in LEVELS},
        fold_seconds=spread([sum(run.run.seconds for run in of_seed) for of_seed in folds]),
        gap_closed=spread(((together - nothing) / (true - nothing)).tolist()),
    )


def _name(class_names: Sequence[str], wanted: str) -> str:
    return wanted if wanted in class_names else class_names[int(wanted)]


def _summarise_remedy(runs: Sequence[AlteredRun]) -> Remedy:
    confusions = np.array([run.run.confusion for run in runs])  # (seeds, classes, classes)
    recalls = np.diagonal(confusions, axis1=1, axis2=2) / confusions.sum(axis=2)
    balanced = recalls.mean(axis=1).tolist()
    return Remedy(
        accuracy=spread(balanced),
        balanced=balanced,
        recalls=recalls.tolist(),
        confusion=confusions.sum(axis=0).tolist(),
        curves=[run.run.epochs for run in runs],
        seconds=spread([run.run.seconds for run in runs]),
    )
