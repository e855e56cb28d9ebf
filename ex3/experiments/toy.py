"""``toy``: the linear model and the toy convnet, both written by hand, on y1, y2 and y3 (S1 2.4, theory question 3)."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np

from ex3 import storage
from ex3.config import ToyConfig
from ex3.errors import DivergedError
from ex3.experiments import Outcome, Result, divergence, explain, headline, make_record
from ex3.plots import toy as plots
from ex3.plots.capacity import TargetCapacity, ToyCapacity, draw_capacity
from ex3.plots.toy import FinalFit, ToyCurves, ToyFit, ToyInitialisations, ToyPredictions
from ex3.progress import show_stages
from ex3.results import Curves, DatasetInfo, Record, quantiles
from ex3.scratch.capacity import best_fits, seeds_floors
from ex3.scratch.explain import trace
from ex3.scratch.targets import TARGETS, TEST_SIZE, TRAIN_SIZE, Samples, draw
from ex3.scratch.toy import History, fit, log_spaced, solve_ridge
from ex3.tables import Table

POINTS = 100  # on each curve, at most
L2S = [0.001, 0.01, 0.1, 1.0]
SEEDS_PER_L2 = 8
RESTARTS = 50  # fits by BFGS per seed, of which the best is compared with SGD's
HEADER = ["target", "model", "test MSE, median", "10 %", "90 %", "noise floor", "exact linear", "within 2 x floor"]


def run(config: ToyConfig, figures: Path, command: str) -> Outcome:
    """Fit the models to all targets and seeds, then the convnet from each initialisation, then with more l2, and draw.

    Args:
        config: Models, targets and training.
        figures: Folder of the PNGs and their twins.
        command: The command line that repeats this, for the twins.

    Raises:
        WriteError: The folder cannot be written to; found out before the first fit.
    """
    start = time.perf_counter()
    storage.check_writable(figures)
    models = ["linear", "convnet"] if config.model == "both" else [config.model]
    targets: list[str] = list(TARGETS) if config.target == "all" else [config.target]
    samples = draw(targets, _seeds(config))
    with show_stages(4) as begin:
        begin("the models on each target")
        fits = fit_models(config, models, targets, samples)
        begin("the convnet's initialisations")
        initialisations = fit_initialisations(config, targets, samples, fits)
        begin("the l2 term")
        by_l2 = fit_l2(config, models, targets)
        begin("the convnet's capacity")
        capacity = measure_capacity(config, targets, fits)
    seconds = time.perf_counter() - start

    def record(name: str, result: Result) -> Record[Result]:
        return make_record(
            name, command, config.model_dump(mode="json"), _dataset_info(samples), _seeds(config), seconds, result,
            threads=1, precision="float64", packages=["numpy"],
        )  # fmt: skip

    curves, predictions = ToyCurves(fits), ToyPredictions(_without_curves(fits), config.seed)
    written = [
        *storage.save_figure(figures, plots.draw_curves(curves), record("toy-curves", curves)),
        *storage.save_figure(figures, plots.draw_predictions(predictions), record("toy-fit", predictions)),
        *storage.save_figure(figures, plots.draw_initialisations(initialisations), record("toy-init", initialisations)),
        *storage.save_figure(figures, plots.draw_l2(by_l2), record("toy-l2", by_l2)),
        *explain.publish(trace(), figures, command),
    ]
    if capacity:
        written += storage.save_figure(figures, draw_capacity(capacity), record("toy-capacity", capacity))
    return Outcome(
        table=Table(HEADER, [_row(result) for result in fits]),
        headline=headline(_finding(fits), "toy", _seeds(config), None, time.perf_counter() - start),
        written=written,
        problem=_first_divergence(fits, config),
    )


def _finding(fits: Sequence[ToyFit]) -> str:
    shares = ", ".join(f"{result.model} {result.target} {share_within_floor(result):.0%}" for result in fits)
    return f"within twice the noise floor: {shares}"


def fit_models(config: ToyConfig, models: Sequence[str], targets: Sequence[str], samples: Samples) -> list[ToyFit]:
    """Fit each model to all targets and seeds in one pass, and summarise each target over its seeds.

    Args:
        config: Training; its seeds are those of ``samples``.
        models: ``linear``, ``convnet`` or both.
        targets: Names, in the order of ``samples``.
        samples: From ``draw(targets, seeds)``.
    """
    exact = solve_ridge(samples, config.l2)
    results = []
    for model in models:
        history = fit(
            model, config.init, _seeds(config) * len(targets), samples,
            iterations=config.iterations, batch_size=config.batch_size, learning_rate=config.learning_rate,
            l2=config.l2, seed=config.seed, norms_at=set(log_spaced(config.iterations, POINTS)),
        )  # fmt: skip
        diverged = history.diverged_at()
        for number, target in enumerate(targets):
            group = slice(number * config.seeds, (number + 1) * config.seeds)
            losses = history.test_loss[-1, group]
            shown = int(np.argsort(losses)[(config.seeds - 1) // 2])  # of two in the middle the lower one
            row = group.start + shown
            example = {"target": samples.y_test[row, :, 0], "prediction": history.predictions[row]}
            results.append(
                ToyFit(
                    target=target,
                    model=model,
                    curves=_curves(history, group),
                    test_loss=losses.tolist(),
                    noise_floor=samples.noise_floor[group].tolist(),
                    ridge_test_loss=exact[group].tolist(),
                    example={name: values.tolist() for name, values in example.items()},
                    example_seed=config.seed + shown,
                    diverged=diverged[group],
                )
            )
    return results


def fit_initialisations(
    config: ToyConfig, targets: Sequence[str], samples: Samples, fits: Sequence[ToyFit]
) -> ToyInitialisations:
    """Fit the convnet from each kind of initial weights.

    Args:
        config: Training.
        targets: Names, in the order of ``samples``.
        samples: From ``draw(targets, seeds)``.
        fits: Finished fits with ``config``; the convnet's are used again.
    """
    finished = [result for result in fits if result.model == "convnet"]

    def fit_convnet(init: str) -> list[ToyFit]:
        if finished and init == config.init:
            return finished
        return fit_models(config.model_copy(update={"init": init}), ["convnet"], targets, samples)

    return ToyInitialisations(normal=fit_convnet("normal"), equal=fit_convnet("equal"), zeros=fit_convnet("zeros"))


def fit_l2(config: ToyConfig, models: Sequence[str], targets: Sequence[str]) -> dict[float, list[FinalFit]]:
    """Fit each model with a range of l2 terms, on at most ``SEEDS_PER_L2`` seeds."""
    fewer = config.model_copy(update={"seeds": min(config.seeds, SEEDS_PER_L2)})
    samples = draw(targets, _seeds(fewer))
    return {
        l2: _without_curves(fit_models(fewer.model_copy(update={"l2": l2}), models, targets, samples)) for l2 in L2S
    }


def measure_capacity(config: ToyConfig, targets: Sequence[str], fits: Sequence[ToyFit]) -> ToyCapacity | None:
    """Compare the convnet's proved floor, its best fit by BFGS and SGD's, on at most ``SEEDS_PER_L2`` seeds.

    Args:
        config: Training.
        targets: Names.
        fits: Finished fits with ``config``.

    Returns:
        The comparison; ``None`` where the convnet was not fitted.
    """
    from ex3.cells import call_in_processes  # joblib writes to stderr where no file can be written

    finished = {result.target: result for result in fits if result.model == "convnet"}
    if not finished:
        return None
    fewer = config.model_copy(update={"seeds": min(config.seeds, SEEDS_PER_L2)})
    seeds = _seeds(fewer)
    without = fit_models(fewer.model_copy(update={"l2": 0.0}), ["convnet"], targets, draw(targets, seeds))
    fit_all = partial(best_fits, restarts=RESTARTS, seed=config.seed)
    best = np.array(call_in_processes(fit_all, [draw(targets, [seed]) for seed in seeds]))  # (seeds, targets)
    found = {
        result.target: TargetCapacity(
            floor=seeds_floors(result.target, seeds),
            best=best[:, number].tolist(),
            sgd=finished[result.target].test_loss[: fewer.seeds],
            sgd_without_l2=result.test_loss,
        )
        for number, result in enumerate(without)
    }
    return ToyCapacity(RESTARTS, config.l2, found)


def share_within_floor(result: FinalFit) -> float:
    """Return the share of seeds whose test loss is at most twice the noise floor."""
    return float(np.mean(np.array(result.test_loss) <= 2 * np.array(result.noise_floor)))


def _seeds(config: ToyConfig) -> list[int]:
    return list(range(config.seed, config.seed + config.seeds))


def _curves(history: History, group: slice) -> Curves:
    """Return the quantiles over the seeds at log-spaced iterations; a diverged seed counts as infinite."""
    rows = np.array(log_spaced(len(history.train_loss), POINTS))
    recorded = {
        "train_loss": history.train_loss, "test_loss": history.test_loss, "gradient_norm": history.gradient_norm,
    }  # fmt: skip
    series = {
        f"{name}_{part}": values
        for name, losses in recorded.items()
        for part, values in zip(("low", "median", "high"), quantiles(losses[rows, group]).tolist(), strict=True)
    }
    return Curves("iteration", (rows + 1).tolist(), series)


def _without_curves(fits: Sequence[ToyFit]) -> list[FinalFit]:
    names = [field.name for field in fields(FinalFit)]
    return [FinalFit(**{name: getattr(result, name) for name in names}) for result in fits]


def _dataset_info(samples: Samples) -> DatasetInfo:
    digest = hashlib.sha256(samples.x_train.tobytes() + samples.y_train.tobytes()).hexdigest()[:16]
    return DatasetInfo("toy", "seeded generator", digest, {"train": TRAIN_SIZE, "test": TEST_SIZE}, class_names=[])


def _row(result: FinalFit) -> list[str]:
    low, median, high = quantiles(np.array(result.test_loss))
    numbers = [median, low, high, np.median(result.noise_floor), np.median(result.ridge_test_loss)]
    return [result.target, result.model, *(f"{number:.3g}" for number in numbers), f"{share_within_floor(result):.0%}"]


def _first_divergence(fits: Sequence[FinalFit], config: ToyConfig) -> DivergedError | None:
    for result in fits:
        for seed, iteration in zip(_seeds(config), result.diverged, strict=True):
            if iteration is not None:
                return divergence(f"{result.model} on {result.target}", seed, iteration, config.learning_rate)
    return None
