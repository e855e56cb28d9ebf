"""Choices: named settings of a network, each trained with the same seeds, and compared seed by seed.

A plan names settings in groups, or crosses the values of some fields. What is best is chosen on the validation images.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from ex3.config import ClassifierConfig
from ex3.config_files import change
from ex3.measures.paired import PairedDifference, paired_difference
from ex3.results import Curves, DatasetInfo, Number, Run, Spread
from ex3.settings import Config
from ex3.sweeps import SweptRun, ValueResult, best_value, converged, summarise_values

RANKING = ("validation_accuracy", "validation_loss")
CROSSED = "crossed"  # the group of a plan that crosses values


class ChoicesConfig(Config):
    """Settings of a network that are compared, each with several seeds."""

    model: Literal["linear", "mlp", "convnet"]
    """Which network is trained, where a setting names no other."""
    seeds: Annotated[int, Field(ge=1, le=1000)] = 5
    """Runs per setting, from the network's seed upwards."""
    base: dict[str, Any] = Field(default_factory=dict)
    """Settings of all runs that differ from the network's own config."""
    settings: dict[str, dict[str, dict[str, Any]]] = Field(default_factory=dict)
    """By group and name, what differs from the base; the first of a group is what its others are compared with."""
    crossed: dict[str, Annotated[tuple[Any, ...], Field(strict=False, min_length=1)]] = Field(default_factory=dict)
    """By field, values that are all combined with each other."""

    @model_validator(mode="after")
    def _has_settings(self) -> "ChoicesConfig":
        if bool(self.settings) == bool(self.crossed):
            raise ValueError("there should be either settings or crossed values")
        if not all(self.settings.values()):
            raise ValueError("a group of settings is empty")
        return self

    @property
    def groups(self) -> dict[str, dict[str, dict[str, Any]]]:
        """By group and name, what differs from the base, with ``model`` where a setting names one."""
        if not self.crossed:
            return self.settings
        rows = itertools.product(*self.crossed.values())
        crossed = [dict(zip(self.crossed, row, strict=True)) for row in rows]
        return {CROSSED: {", ".join(f"{key} {value:g}" for key, value in row.items()): row for row in crossed}}

    @property
    def models(self) -> list[str]:
        """All networks that are trained."""
        named = [changes.get("model") for group in self.groups.values() for changes in group.values()]
        return list(dict.fromkeys(str(name or self.model) for name in named))


@dataclass(frozen=True)
class Choice:
    """One setting.

    Attributes:
        group: Of the settings that are compared with each other.
        name: Of the setting.
        changes: What differs from the base.
        parameters: Trainable parameters of the network.
        diverged: Number of runs that diverged.
        spreads: Of each metric, over the runs that did not diverge.
        difference: In validation accuracy, from the group's first setting, seed by seed.
        runs: One per seed.
        iterations: Of the first run, loss and accuracy of each gradient step; ``None`` without ``batch_accuracy``.
    """

    group: str
    name: str
    changes: dict[str, Any]
    parameters: int
    diverged: int
    spreads: dict[str, Spread]
    difference: PairedDifference
    runs: list[SweptRun]
    iterations: Curves | None = None


@dataclass(frozen=True)
class ChoicesResult:
    """All settings.

    Attributes:
        model: The network, where a setting names no other.
        dataset: The images; the base's, where settings differ in their number.
        epochs: Of the base.
        best: By group, the setting that ranks first on the validation images; ``None`` where each has a diverged run.
        choices: In the order of the plan.
        rates_by_size: Where rates and batch sizes are crossed, the best rate of each size.
        exponent: Of the power of the batch size with which the best rate grows; ``nan`` where they are not crossed.
    """

    model: str
    dataset: DatasetInfo
    epochs: int
    best: dict[str, str | None]
    choices: list[Choice]
    rates_by_size: dict[int, float]
    exponent: Number


Plan = Mapping[str, Mapping[str, Sequence[ClassifierConfig]]]  # group -> name -> one config per seed


def plan_runs(config: ChoicesConfig, bases: Mapping[str, ClassifierConfig], origin: str) -> Plan:
    """Return the configs of all runs.

    Args:
        config: The settings.
        bases: By network, what all its runs share.
        origin: Source of the settings, for an error's message.

    Raises:
        ConfigError: A setting has an unknown field, or a value that is not allowed.
    """

    def configs(changes: Mapping[str, Any]) -> list[ClassifierConfig]:
        base = bases[changes.get("model", config.model)]
        return [change(base, {**changes, "seed": base.seed + number}, origin) for number in range(config.seeds)]

    return {
        group: {name: configs(changes) for name, changes in settings.items()}
        for group, settings in config.groups.items()
    }


def summarise(config: ChoicesConfig, runs: Mapping[str, Mapping[str, Sequence[Run]]]) -> ChoicesResult:
    """Summarise all runs, which are arranged like the plan."""
    choices, best = [], {}
    for group, settings in config.groups.items():
        results = summarise_values({name: list(map(add_early_stop, of)) for name, of in runs[group].items()}, [])
        best[group] = best_value(results, RANKING)
        for (name, changes), result in zip(settings.items(), results, strict=True):
            first = runs[group][name][0]
            choices.append(
                Choice(
                    group=group,
                    name=name,
                    changes=dict(changes),
                    parameters=first.parameters,
                    diverged=result.diverged,
                    spreads=result.spreads,
                    difference=compare_seed_by_seed(result, results[0], RANKING[0]),
                    runs=result.runs,
                    iterations=first.iterations if "accuracy" in first.iterations.series else None,
                )
            )
    first = next(iter(next(iter(runs.values())).values()))[0]
    names = {group: None if name is None else str(name) for group, name in best.items()}
    rates = best_rates(choices) if {"learning_rate", "batch_size"} <= config.crossed.keys() else {}
    exponent = scaling_exponent(rates)
    return ChoicesResult(config.model, first.dataset, first.config.epochs, names, choices, rates, exponent)


def add_early_stop(run: Run) -> Run:
    """Add what a run had reached where its validation loss was lowest, if it has a validation curve.

    Returns:
        The run, with the metrics ``stop_epoch``, ``stop_test_loss`` and ``stop_test_accuracy``.
    """
    series = run.epochs.series
    if "validation_loss" not in series:
        return run
    losses = np.array(series["validation_loss"], float)
    best = int(np.nanargmin(losses)) if np.isfinite(losses).any() else 0
    stopped = {
        "stop_epoch": run.epochs.points[best],
        "stop_test_loss": series["test_loss"][best],
        "stop_test_accuracy": series["test_accuracy"][best],
    }
    return replace(run, metrics=run.metrics | stopped)


def compare_seed_by_seed(a: ValueResult, b: ValueResult, metric: str) -> PairedDifference:
    """Return a - b in a metric, over the seeds with which neither diverged."""
    of_a, of_b = ({run.seed: run.metrics[metric] for run in converged(one.runs)} for one in (a, b))
    seeds = sorted(of_a.keys() & of_b.keys())
    return paired_difference([of_a[seed] for seed in seeds], [of_b[seed] for seed in seeds])


def best_rates(choices: Sequence[Choice]) -> dict[int, float]:
    """Return by batch size, in ascending order, the learning rate with the highest mean validation accuracy.

    Args:
        choices: They have a ``learning_rate`` and a ``batch_size`` each; one with a diverged run is never the best.
    """
    by_size: dict[int, list[Choice]] = {}
    for choice in choices:
        by_size.setdefault(choice.changes["batch_size"], []).extend([] if choice.diverged else [choice])
    return {
        size: max(of_size, key=lambda choice: choice.spreads[RANKING[0]].mean).changes["learning_rate"]
        for size, of_size in sorted(by_size.items())
        if of_size
    }


def scaling_exponent(best: Mapping[int, float]) -> float:
    """Return the slope of log(best rate) over log(batch size), by least squares; ``nan`` for a single size."""
    if len(best) < 2:
        return float("nan")
    return float(np.polyfit(np.log(list(best)), np.log(list(best.values())), 1)[0])
