"""The results of ``reject``, one per figure: the runs of all seeds, summarised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ex3.by_hand.detectors import FALSE_ALARMS
from ex3.by_hand.rejection import Answers
from ex3.by_hand.rejection_study import QUANTILES, Detection, FixedRun, ThresholdRun
from ex3.by_hand.scratch_results import Trained, summarise_training
from ex3.results import DatasetInfo, Number, Spread, spread


@dataclass(frozen=True)
class AnswerSpread:
    """Shares of images by what the network answers, over the seeds; see ``rejection.Answers``."""

    right: Spread
    wrong: Spread
    rejected: Spread


@dataclass(frozen=True)
class FixedRejection:
    """R3's experiment: answers by lambda (first index) and epsilon, 0 first."""

    dataset: DatasetInfo
    margins: list[float]
    epsilon: list[float]
    answers: list[list[AnswerSpread]]


@dataclass(frozen=True)
class RejectingNetwork:
    """A network with a threshold from validation images, over its seeds.

    Attributes:
        trained: The network.
        clean: Answers to the test images.
        attacked: By attack, at each epsilon.
        at_other_share: With the other threshold: ``clean``, and by attack at the bound of the detectors.
        robust_accuracy: Share of the images that PGD leaves classified correctly, at each epsilon.
        rejected: By kind of image.
        distances: By kind of image, quantiles of the first seed's least distances, in units of its threshold.
        areas: By detector, then by kind of image: area under the ROC curve.
        found: By detector, then by kind of image: share that is found at the shares of false alarms, mean over seeds.
    """

    trained: Trained
    clean: AnswerSpread
    attacked: dict[str, list[AnswerSpread]]
    at_other_share: dict[str, AnswerSpread]
    robust_accuracy: list[Spread]
    rejected: dict[str, Spread]
    distances: dict[str, list[Number]]
    areas: dict[str, dict[str, Spread]]
    found: dict[str, dict[str, list[Number]]]


@dataclass(frozen=True)
class Rejection:
    """The networks of ``reject`` by name, and the axes that they share."""

    dataset: DatasetInfo
    epsilon: list[float]
    quantiles: list[float]
    false_alarms: list[float]
    networks: dict[str, RejectingNetwork]


def summarise_answers(answers: Sequence[Answers]) -> AnswerSpread:
    """Summarise the same question over the seeds."""
    return AnswerSpread(
        spread([one.right for one in answers]),
        spread([one.wrong for one in answers]),
        spread([one.rejected for one in answers]),
    )


def summarise_fixed(runs: Sequence[FixedRun]) -> list[AnswerSpread]:
    """Summarise one lambda: answers at each epsilon, 0 first."""
    return [summarise_answers(answers) for answers in zip(*(run.answers for run in runs), strict=True)]


def summarise_rejection(runs: Sequence[ThresholdRun]) -> RejectingNetwork:
    """Summarise one network whose threshold comes from validation images."""
    kinds = [kind for kind in runs[0].rejected if all(kind in run.rejected for run in runs)]
    detections: dict[tuple[str, str], list[Detection]] = {}
    for detection in [detection for run in runs for detection in run.detections if detection.images in kinds]:
        detections.setdefault((detection.detector, detection.images), []).append(detection)
    areas: dict[str, dict[str, Spread]] = {}
    found: dict[str, dict[str, list[Number]]] = {}
    for (detector, kind), of_seeds in detections.items():
        areas.setdefault(detector, {})[kind] = spread([one.area for one in of_seeds])
        found.setdefault(detector, {})[kind] = np.mean([one.found for one in of_seeds], axis=0).tolist()
    first = runs[0]
    return RejectingNetwork(
        trained=summarise_training(runs),
        clean=summarise_answers([run.clean for run in runs]),
        attacked={
            attack: [summarise_answers(a) for a in zip(*(run.attacked[attack] for run in runs), strict=True)]
            for attack in first.attacked
        },
        at_other_share={
            name: summarise_answers([run.at_other_share[name] for run in runs]) for name in first.at_other_share
        },
        robust_accuracy=[spread(list(v)) for v in zip(*(run.robust_accuracy for run in runs), strict=True)],
        rejected={kind: spread([run.rejected[kind] for run in runs]) for kind in kinds},
        distances={kind: (np.array(first.distances[kind]) / first.threshold).tolist() for kind in kinds},
        areas=areas,
        found=found,
    )


def build_rejection(
    dataset: DatasetInfo, epsilon: Sequence[float], runs: Mapping[str, Sequence[ThresholdRun]]
) -> Rejection:
    """Summarise all networks of ``reject`` whose threshold comes from validation images."""
    networks = {name: summarise_rejection(of_network) for name, of_network in runs.items()}
    return Rejection(dataset, list(epsilon), QUANTILES.tolist(), FALSE_ALARMS.tolist(), networks)
