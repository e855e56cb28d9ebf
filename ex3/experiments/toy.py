"""``toy``: the linear model and the toy convnet, both written by hand, on y1, y2 and y3 (S1 2.4, theory question 3)."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ex3 import storage
from ex3.config import ToyConfig
from ex3.errors import DivergedError
from ex3.experiments import Outcome, versions
from ex3.plots.toy import toy_curves, toy_fit, toy_init, toy_l2
from ex3.results import Curves, DatasetInfo, Record, ToyFit, quantiles
from ex3.scratch.targets import TARGETS, TEST_SIZE, TRAIN_SIZE, Samples, draw
from ex3.scratch.toy import History, fit, ridge
from ex3.tables import format_table

POINTS = 100  # on each curve, at most
INITS = ["normal", "equal", "zeros"]
L2S = [0.001, 0.01, 0.1, 1.0]
SEEDS_PER_L2 = 8
HEADER = ["target", "model", "test MSE, median", "10 %", "90 %", "noise floor", "exact linear", "within 2 x floor"]


def run(config: ToyConfig, figures: Path, command: str) -> Outcome:
    """Fit the models to all targets and seeds, then the convnet from each start, then with more l2, and draw.

    Args:
        config: What to fit, and how.
        figures: Folder of the PNGs and their twins.
        command: The command line that repeats this, for the twins.

    Raises:
        WriteError: The folder cannot be written to; found out before the first fit.
    """
    start = time.perf_counter()
    storage.check_writable(figures)
    models = ["linear", "convnet"] if config.model == "both" else [config.model]
    targets = list(TARGETS) if config.target == "all" else [config.target]
    samples = draw(targets, _seeds(config))
    fits = [result for model in models for result in fit_model(config, model, targets, samples)]
    by_init = {init: fit_model(config.model_copy(update={"init": init}), "convnet", targets, samples) for init in INITS}
    by_l2 = _fit_each_l2(config, models, targets)
    seconds = time.perf_counter() - start

    def record(name: str, result: object) -> Record:
        return Record(
            name=name, command=command, config=config.model_dump(mode="json"), dataset=_dataset_info(samples),
            seeds=_seeds(config), threads=1, precision="float64", seconds=seconds, versions=versions("numpy"),
            result=result,
        )  # fmt: skip

    written = [
        *storage.save_figure(figures, toy_curves(fits), record("toy-curves", {"fits": fits})),
        *storage.save_figure(figures, toy_fit(fits), record("toy-fit", {"fits": _without_curves(fits)})),
        *storage.save_figure(figures, toy_init(by_init), record("toy-init", by_init)),
        *storage.save_figure(
            figures, toy_l2(by_l2), record("toy-l2", {str(l2): _without_curves(by_l2[l2]) for l2 in by_l2})
        ),
    ]
    return Outcome(
        table=format_table(HEADER, [_row(result) for result in fits]),
        headline=_headline(fits, config, time.perf_counter() - start),
        written=written,
        problem=_divergence(fits, config),
    )


def fit_model(config: ToyConfig, model: str, targets: Sequence[str], samples: Samples) -> list[ToyFit]:
    """Fit one kind of network to all targets and seeds in one pass, and summarise each target over its seeds.

    Args:
        config: How to fit.
        model: ``linear`` or ``convnet``.
        targets: Their names.
        samples: Of ``draw(targets, seeds)``.
    """
    seeds = _seeds(config) * len(targets)  # one per data set, in the order of ``draw``
    history = fit(
        model,
        config.init,
        seeds,
        samples,
        iterations=config.iterations,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        l2=config.l2,
        seed=config.seed,
        norms_at=set(_drawn(config.iterations)),
    )
    exact = ridge(samples, config.l2)
    results = []
    for number, target in enumerate(targets):
        group = slice(number * config.seeds, (number + 1) * config.seeds)
        results.append(
            ToyFit(
                target=target,
                model=model,
                curves=_curves(history, group),
                test_loss=history.test_loss[-1, group].tolist(),
                noise_floor=samples.noise_floor[group].tolist(),
                ridge_test_loss=exact[group].tolist(),
                example={
                    "target": samples.y_test[group.start, 0].tolist(),
                    "prediction": history.predictions[group.start].tolist(),
                },
                diverged=[_first_not_finite(losses) for losses in history.test_loss[:, group].T],
            )
        )
    return results


def _fit_each_l2(config: ToyConfig, models: Sequence[str], targets: Sequence[str]) -> dict[float, list[ToyFit]]:
    """Fit with a range of l2 terms, on fewer seeds."""
    fewer = config.model_copy(update={"seeds": min(config.seeds, SEEDS_PER_L2)})
    samples = draw(targets, _seeds(fewer))
    return {
        l2: [
            result
            for model in models
            for result in fit_model(fewer.model_copy(update={"l2": l2}), model, targets, samples)
        ]
        for l2 in L2S
    }


def _seeds(config: ToyConfig) -> list[int]:
    return list(range(config.seed, config.seed + config.seeds))


def _curves(history: History, group: slice) -> Curves:
    """Take some iterations' quantiles over the seeds; a diverged seed counts as infinite."""
    rows = np.array(_drawn(len(history.train_loss)))
    series = {}
    for name in ("train_loss", "test_loss", "gradient_norm"):
        for part, values in zip(("low", "median", "high"), quantiles(getattr(history, name)[rows, group]), strict=True):
            series[f"{name}_{part}"] = values.tolist()
    return Curves("iteration", (rows + 1).tolist(), series)


def _without_curves(fits: Sequence[ToyFit]) -> list[ToyFit]:
    """Leave out what the figure does not show."""
    return [replace(result, curves=Curves("iteration", [], {})) for result in fits]


def _drawn(iterations: int) -> list[int]:
    """Return the iterations (from 0) that are drawn: denser at the start, where more happens."""
    return sorted({round(point) - 1 for point in np.geomspace(1, iterations, POINTS)})


def _first_not_finite(losses: np.ndarray) -> int | None:
    bad = ~np.isfinite(losses)
    return int(bad.argmax()) + 1 if bad.any() else None


def _dataset_info(samples: Samples) -> DatasetInfo:
    digest = hashlib.sha256(samples.x_train.tobytes() + samples.y_train.tobytes()).hexdigest()[:16]
    return DatasetInfo("toy", "seeded generator", digest, {"train": TRAIN_SIZE, "test": TEST_SIZE})


def share_within_floor(result: ToyFit) -> float:
    """Return the share of seeds whose test loss is at most twice the noise floor."""
    return float(np.mean(np.array(result.test_loss) <= 2 * np.array(result.noise_floor)))


def _row(result: ToyFit) -> list[str]:
    low, median, high = quantiles(np.array(result.test_loss))
    numbers = [median, low, high, np.median(result.noise_floor), np.median(result.ridge_test_loss)]
    return [result.target, result.model, *(f"{number:.3g}" for number in numbers), f"{share_within_floor(result):.0%}"]


def _headline(fits: Sequence[ToyFit], config: ToyConfig, seconds: float) -> str:
    shares = ", ".join(f"{result.model} {result.target} {share_within_floor(result):.0%}" for result in fits)
    return f"within twice the noise floor: {shares}; {config.seeds} seeds from {config.seed}, {seconds:.1f} s"


def _divergence(fits: Sequence[ToyFit], config: ToyConfig) -> DivergedError | None:
    for result in fits:
        for number, iteration in enumerate(result.diverged):
            if iteration is not None:
                return DivergedError(
                    f"{result.model} on {result.target}, seed {config.seed + number}: the loss is not finite from "
                    f"iteration {iteration} on, at learning_rate = {config.learning_rate}; try a smaller one"
                )
    return None
