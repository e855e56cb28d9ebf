"""The results of ``scratch``, one per figure: the runs of all seeds, summarised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ex3.adversarial.judging import Attack
from ex3.by_hand.config import NetworkConfig
from ex3.by_hand.robustness import StudiedRun
from ex3.by_hand.training import HandRun
from ex3.results import Curves, DatasetInfo, Number, Spread, spread
from ex3.scratch.activations import compare_gelu


@dataclass(frozen=True)
class Trained:
    """A network over its seeds.

    Attributes:
        config: Of the first seed.
        parameters: Number of trained numbers.
        explained: Share of the variance that the inputs hold.
        metrics: Mean and spread of each.
        seconds: Of training.
        curves: Of each seed, over epochs.
        diverged: Number of seeds that diverged.
    """

    config: NetworkConfig
    parameters: int
    explained: Number
    metrics: dict[str, Spread]
    seconds: Spread
    curves: list[Curves]
    diverged: int


@dataclass(frozen=True)
class Reported:
    """What R3 reports of one of its networks; ``None`` where it says nothing."""

    network: str
    train_accuracy: float | None
    test_accuracy: float
    seconds: str | None


REPORTED = [
    Reported("hinge, PCA", 0.914, 0.879, "57 to 1021"),
    Reported("GELU and RBF, PCA", 0.872, 0.8575, "367 to 386"),
    Reported("with noise on the training images", None, 0.8596, None),
]


@dataclass(frozen=True)
class ScratchTraining:
    """All networks of ``scratch``, and what R3 reports.

    Attributes:
        dataset: The images.
        networks: By name.
        reported: R3's numbers.
        gelu_value: Largest difference between the GELU and its tanh form.
        gelu_derivative: The same of their derivatives.
    """

    dataset: DatasetInfo
    networks: dict[str, Trained]
    reported: list[Reported]
    gelu_value: float
    gelu_derivative: float


@dataclass(frozen=True)
class Ceiling:
    """The networks of ``scratch`` with distances, by name."""

    dataset: DatasetInfo
    networks: dict[str, Trained]


@dataclass(frozen=True)
class NoiseMatrix:
    """Test accuracy by sigma of the noise on the training images (rows) and on the test images (columns).

    Attributes:
        dataset: The images.
        train_noise: Sigmas of the rows.
        test_noise: Sigmas of the columns.
        anew: With noise that is drawn anew for each batch.
        once: With noise that is drawn once.
    """

    dataset: DatasetInfo
    train_noise: list[float]
    test_noise: list[float]
    anew: list[list[Spread]]
    once: list[list[Spread]]


@dataclass(frozen=True)
class MaskedNetwork:
    """Attacks on one network, over its seeds.

    Attributes:
        success: By loss (``training``, ``margin``), then by method (``fgsm``, ``pgd``): at each epsilon.
        with_loss: Share of the attacked images whose training loss is not 0.
        zero_gradient: By loss, the share of the attacked images whose gradient is 0.
        largest_gap: Largest difference, over the seeds and all epsilons from 0.1 on, between FGSM's success on the
            training loss and ``with_loss``.
        attacked: Images per seed, on average.
    """

    success: dict[str, dict[str, list[Spread]]]
    with_loss: Spread
    zero_gradient: dict[str, Spread]
    largest_gap: Number
    attacked: Number


@dataclass(frozen=True)
class MaskingResult:
    """The attacked networks of ``scratch``."""

    dataset: DatasetInfo
    epsilon: list[float]
    networks: dict[str, MaskedNetwork]


def summarise_training(runs: Sequence[HandRun]) -> Trained:
    """Summarise one network's runs."""
    return Trained(
        config=NetworkConfig(**runs[0].config.model_dump(include=set(NetworkConfig.model_fields))),
        parameters=runs[0].parameters,
        explained=runs[0].explained,
        metrics={name: spread([run.metrics[name] for run in runs]) for name in runs[0].metrics},
        seconds=spread([run.seconds for run in runs]),
        curves=[run.epochs for run in runs],
        diverged=sum(run.diverged_at is not None for run in runs),
    )


def build_training(dataset: DatasetInfo, networks: Mapping[str, Trained]) -> ScratchTraining:
    """Put the networks of ``scratch`` beside what R3 reports."""
    value, derivative = compare_gelu(np.linspace(-10, 10, 20_001))
    return ScratchTraining(dataset, dict(networks), REPORTED, value, derivative)


def summarise_noise(runs: Sequence[StudiedRun]) -> list[Spread]:
    """Summarise one training sigma: the test accuracy at each test sigma."""
    return [spread(list(values)) for values in zip(*(run.noisy_accuracy for run in runs), strict=True)]


def summarise_masking(runs: Sequence[StudiedRun]) -> MaskedNetwork:
    """Summarise the attacks on one network; every run has attacks."""
    maskings = [run.masking for run in runs if run.masking]
    losses = maskings[0].attacks

    def success(loss: str, method: str) -> list[Spread]:
        of_runs = [[one.success for one in _of(masking.attacks[loss], method)] for masking in maskings]
        return [spread(list(values)) for values in zip(*of_runs, strict=True)]

    gaps = [
        abs(attack.success - masking.with_loss)
        for masking in maskings
        for attack in _of(masking.attacks["training"], "fgsm")
        if attack.epsilon and attack.epsilon >= 0.1
    ]
    return MaskedNetwork(
        success={loss: {method: success(loss, method) for method in ("fgsm", "pgd")} for loss in losses},
        with_loss=spread([masking.with_loss for masking in maskings]),
        zero_gradient={loss: spread([masking.zero_gradient[loss] for masking in maskings]) for loss in losses},
        largest_gap=max(gaps, default=float("nan")),
        attacked=float(np.mean([losses["margin"][0].attacked for losses in (m.attacks for m in maskings)])),
    )


def _of(attacks: Sequence[Attack], method: str) -> list[Attack]:
    return [attack for attack in attacks if attack.method == method]
