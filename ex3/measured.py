"""A training from its start, or from where it was killed, to its end; the learning curves are measured on the way.

The classifiers and the autoencoders of ``runs.py`` share this. What is measured is theirs.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ex3 import training
from ex3.config import TrainConfig
from ex3.data import Dataset, Split
from ex3.provenance import weights_digest
from ex3.results import Curves, Run
from ex3.training import Task, TrainState

log = logging.getLogger("ex3")

Measure = Callable[[str, Split], dict[str, float]]  # of a split, by name


class Keeper(Protocol):
    """Keeps states of a training outside of this process, so that it can go on after a kill."""

    def take_up(self, state: TrainState) -> None:
        """Restore the newest state that was kept, if there is one."""

    def keep(self, state: TrainState, is_done: bool = False) -> None:
        """Keep a state, if it is time to."""

    def forget(self) -> None:
        """Drop all states, since the training's result is stored."""


@dataclass(frozen=True)
class Progress:
    """The current position of a training run.

    Attributes:
        epoch: The epoch under way, from 1.
        step: Gradient steps done in this epoch, of ``steps``.
        loss: The mean loss of the newest steps, as it is optimised.
        point: At the end of an epoch that is evaluated, the newest point of the learning curves; else ``None``.
    """

    epoch: int
    step: int
    steps: int
    loss: float
    point: dict[str, float] | None


OnProgress = Callable[[Progress], None]


def watched_splits(config: TrainConfig, dataset: Dataset) -> dict[str, Split]:
    """Return what the learning curves show, by name: as many training images as there are test images, and those."""
    validation = {"validation": dataset.validation} if config.validation_curve else {}
    return {"train": dataset.train.first(len(dataset.test)), **validation, "test": dataset.test}


def optimise(
    config: TrainConfig,
    task: Task,
    dataset: Dataset,
    measure: Measure,
    on_progress: OnProgress | None,
    keeper: Keeper | None,
    more: Callable[[], dict[str, float]] = dict,
    spent: float = 0.0,
) -> TrainState:
    """Train to the end; where the curves have points, measure train and test images, equally many of both.

    Args:
        config: All settings of the run.
        task: What is optimised.
        dataset: The images.
        measure: A split and its name -> what the curves show of it.
        on_progress: Called after each chunk of gradient steps.
        keeper: Where the state is kept on the way, and taken up again.
        more: More numbers for each point of the curves.
        spent: Seconds of preparations that count as training.
    """
    if config.batch_size > len(dataset.train):
        log.warning(
            "batch_size = %d: there are %d training images; one batch is all", config.batch_size, len(dataset.train)
        )
    watched = watched_splits(config, dataset)
    state = training.start(config, task)
    state.seconds = spent
    if keeper:
        keeper.take_up(state)
    for chunk in training.advance(config, state):
        new_losses = state.losses[-len(chunk.rows) :]
        if chunk.is_evaluated or not np.isfinite(new_losses).all():
            point = {"epoch": len(state.losses) / chunk.steps, "seconds": state.seconds}
            for name, split in watched.items():
                point |= {f"{name}_{quantity}": value for quantity, value in measure(name, split).items()}
            state.points.append(point | more())
        if on_progress:
            newest = state.points[-1] if chunk.step == chunk.steps and chunk.is_evaluated else None
            on_progress(Progress(chunk.epoch, chunk.step, chunk.steps, float(np.mean(new_losses)), newest))
        if keeper and state.diverged_at is None:
            keeper.keep(state)
    if keeper and state.diverged_at is None:
        keeper.keep(state, is_done=True)
    return state


def summarise(
    config: TrainConfig,
    dataset: Dataset,
    state: TrainState,
    validation: dict[str, float],
    confusion: list[list[int]],
) -> Run:
    """Return the measurements of a training that came to its end.

    Args:
        config: All settings of the run.
        dataset: The images.
        state: After the last step.
        validation: What was measured on the validation images.
        confusion: Counts over the test images, or nothing.
    """
    series = {name: [point[name] for point in state.points] for name in state.points[0]}
    last = {name: values[-1] for name, values in series.items() if name not in ("epoch", "seconds")}
    return Run(
        name=config.model,
        config=config,
        dataset=dataset.info,
        parameters=state.task.model.count_params(),
        epochs=Curves("epoch", series.pop("epoch"), series),
        iterations=Curves("iteration", list(range(1, len(state.losses) + 1)), {"loss": state.losses}),
        metrics=last | {f"validation_{quantity}": value for quantity, value in validation.items()},
        confusion=confusion,
        seconds=series["seconds"][-1],
        diverged_at=state.diverged_at,
        weights=weights_digest(state.task.model.get_weights()),
    )
