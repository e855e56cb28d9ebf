"""Labels that are probably wrong, by confident learning (Northcutt, Jiang and Chuang 2021, arXiv 1911.00068).

The training images are divided into folds; each fold is answered by a network that was trained on the others. An image
whose label the network contradicts, with more confidence than is usual for the class that it answers, is a suspect.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.model_selection import StratifiedKFold

from ex3.config import ClassifierConfig
from ex3.data_care.altered import AlteredRun
from ex3.data_care.config import AlteredConfig, MessConfig

RULE, SCORE = "prune_by_noise_rate", "normalized_margin"  # cleanlab's names


@dataclass(frozen=True)
class Suspects:
    """Images whose labels are probably wrong.

    Attributes:
        order: All rows, int64 ``(N,)``, the most suspicious first.
        count: So many of them, from the first on, are suspects.
        suggested: Of every row, the class that the network answers, ``(N,)``.
    """

    order: np.ndarray
    count: int
    suggested: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """The suspects' rows, the most suspicious first."""
        return self.order[: self.count]


def fold_configs(
    network: ClassifierConfig, mess: MessConfig | None, labels: np.ndarray, folds: int
) -> list[AlteredConfig]:
    """Return one config per fold, each of which leaves its fold out; each class is in all folds alike.

    Args:
        network: What is trained.
        mess: What is done to the images first.
        labels: Of the images, as they are given, ``(N,)``.
        folds: Number of folds.
    """
    splitter = StratifiedKFold(folds, shuffle=True, random_state=network.seed)
    parts = splitter.split(np.zeros(len(labels)), labels)
    return [AlteredConfig(network=network, mess=mess, left_out=tuple(rows.tolist())) for _, rows in parts]


def out_of_fold(runs: Sequence[AlteredRun]) -> np.ndarray:
    """Put the folds' answers together: probabilities ``(N, classes)``, each of a network that did not see the image."""
    rows = np.concatenate([run.config.left_out for run in runs])
    answers = np.concatenate([run.left_out for run in runs])
    return answers[np.argsort(rows)]


def find_suspects(labels: np.ndarray, probabilities: np.ndarray, pair: tuple[int, int] | None = None) -> Suspects:
    """Find labels that are probably wrong.

    Confident learning estimates, for each pair of classes, how many images of one have the other's label; so many of
    them are suspects, those with the largest margin. An image is the more suspicious the more probability the likeliest
    class has, compared with the class of its label.

    Args:
        labels: As they are given, ``(N,)``.
        probabilities: Out of fold, ``(N, classes)``.
        pair: Of one kind of error, the actual class and the given one, where a look at the images has told which it
            is: images with the given label are ranked by how much rather they are of the actual class, and no others
            are suspects.
    """
    issues = find_label_issues(labels, probabilities, filter_by=RULE, n_jobs=1)
    suggested = probabilities.argmax(axis=1)
    is_suspect = issues & (suggested != labels)
    quality = get_label_quality_scores(labels, probabilities, method=SCORE)
    if pair is not None:
        actual, given = pair
        is_suspect &= (labels == given) & (suggested == actual)
        margin = probabilities[:, actual] - probabilities[:, given]
        quality = np.where(labels == given, -margin, np.inf)
    order = np.lexsort((quality, ~is_suspect))  # the suspects first
    return Suspects(order, int(is_suspect.sum()), suggested)
