"""Labels that are probably wrong, by confident learning (Northcutt, Jiang and Chuang 2021, arXiv 1911.00068).

The training images are divided into folds; each fold is answered by a network that was trained on the others. Where the
answer contradicts the label, the label is suspect, the more so the more often the two classes are confused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cleanlab.count import compute_confident_joint
from cleanlab.filter import find_label_issues
from sklearn.model_selection import StratifiedKFold

from ex3.config import ClassifierConfig
from ex3.data_care.altered import AlteredRun
from ex3.data_care.config import AlteredConfig, MessConfig


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


def find_suspects(labels: np.ndarray, probabilities: np.ndarray) -> Suspects:
    """Find labels that are probably wrong.

    There are as many suspects as images whose label the network contradicts with more confidence than is usual for its
    answer. Ranked is by how probably the label i is right, given that some classes are more often taken for i than
    others. With p(j) the network's probability of class j, and c(i, j) the number of images with the label i that it
    confidently finds to be j (the confident joint, equation 1 there), Bayes' theorem gives q(i) / sum of all q(j), with
    q(j) = p(j) c(i, j) / sum over i of c(i, j). Each c is raised by 1: what was never seen is not impossible.

    Args:
        labels: As they are given, ``(N,)``.
        probabilities: Out of fold, ``(N, classes)``.
    """
    issues = find_label_issues(labels, probabilities, filter_by="confident_learning", n_jobs=1)
    suggested = probabilities.argmax(axis=1)
    is_contradicted = suggested != labels
    joint = 1 + compute_confident_joint(labels, probabilities, calibrate=False)
    weighted = probabilities * (joint / joint.sum(axis=0))[labels]
    right = weighted[np.arange(len(labels)), labels] / weighted.sum(axis=1)
    order = np.lexsort((right, ~is_contradicted))
    return Suspects(order, int(np.sum(issues & is_contradicted)), suggested)


def find_suspects_of_kind(labels: np.ndarray, probabilities: np.ndarray, actual: int, given: int) -> Suspects:
    """Find labels that are wrong in one way, where a look at the images has told which it is.

    Only images with the given label are suspects. They are ranked by p(actual) - p(given), and there are as many as
    confident learning estimates for this pair of classes (the paper's "prune by noise rate").

    Args:
        labels: As they are given, ``(N,)``.
        probabilities: Out of fold, ``(N, classes)``.
        actual: The class that the images are probably of.
        given: The class that they have the label of.
    """
    issues = find_label_issues(labels, probabilities, filter_by="prune_by_noise_rate", n_jobs=1)
    suggested = probabilities.argmax(axis=1)
    is_suspect = issues & (labels == given) & (suggested == actual)
    margin = probabilities[:, actual] - probabilities[:, given]
    order = np.lexsort((np.where(labels == given, -margin, np.inf), ~is_suspect))
    return Suspects(order, int(is_suspect.sum()), suggested)
