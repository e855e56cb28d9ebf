"""``theory``: the numbers and figures of the theory answers (S1, questions 1 to 3)."""

import time
from functools import partial
from pathlib import Path

import numpy as np

from ex3 import storage
from ex3.errors import CheckFailedError
from ex3.experiments import Outcome, Result, headline, make_record
from ex3.plots.theory import GraphExample, ReluResult, SigmoidResult, draw_relu, draw_sigmoid
from ex3.progress import show_stages
from ex3.results import Curves, DatasetInfo, Record, quantiles
from ex3.scratch import sigmoid, theory, threshold
from ex3.scratch.theory import Finding
from ex3.scratch.toy import log_spaced
from ex3.tables import Table

SEEDS = 32
ITERATIONS = 5000
POINTS = 60  # on each curve, at most
MODELS = ("convnet", "parameterised")
TARGETS = ["y1", "y2", "y3"]
RAYS = 6
RAY_THRESHOLD = 0.5
EXAMPLE = 1.0  # x, in the drawing of the graph


def run(figures: Path, command: str) -> Outcome:
    """Check every statement, fit the toy convnet with and without a threshold, and draw.

    Args:
        figures: Folder of the PNGs and their twins.
        command: The command line that repeats this, for the twins.

    Returns:
        The findings; the outcome's problem names those that do not hold.

    Raises:
        WriteError: The folder cannot be written to; found out before anything else.
    """
    start = time.perf_counter()
    storage.check_writable(figures)
    seeds = range(SEEDS)
    with show_stages(2) as begin:
        begin("question 1: a threshold in the ReLU")
        of_relu = study_relu()
        begin("questions 2 and 3: the sigmoid, the initialisations")
        of_sigmoid = study_sigmoid()
    seconds = time.perf_counter() - start

    def record(name: str, result: Result) -> Record[Result]:
        dataset = DatasetInfo("toy", "seeded generator", fingerprint="", sizes={}, class_names=[])
        return make_record(
            name, command, {"iterations": ITERATIONS}, dataset, seeds, seconds, result,
            threads=1, precision="float64", packages=["numpy"],
        )  # fmt: skip

    written = [
        *storage.save_figure(figures, draw_relu(of_relu), record("theory-relu", of_relu)),
        *storage.save_figure(figures, draw_sigmoid(of_sigmoid), record("theory-sigmoid", of_sigmoid)),
    ]
    findings = [*of_relu.findings, *of_sigmoid.findings, *of_sigmoid.initialisation]
    statements = f"{sum(finding.holds for finding in findings)} of {len(findings)} statements hold"
    return Outcome(
        table=_table(findings),
        headline=headline(statements, "toy", seeds, None, time.perf_counter() - start),
        written=written,
        problem=_failure(findings),
    )


def study_relu() -> ReluResult:
    """Compare the toy convnet with ReLU and with a threshold (question 1)."""
    from ex3.cells import call_in_processes  # joblib writes to stderr where no file can be written

    fit_constant = partial(threshold.fit_constant, seeds=SEEDS, iterations=ITERATIONS)
    fit_targets = partial(threshold.fit_targets, targets=TARGETS, seeds=SEEDS, iterations=ITERATIONS)
    histories = dict(zip(MODELS, call_in_processes(fit_constant, MODELS), strict=True))
    constant = {model: history.test_loss for model, history in histories.items()}
    targets = dict(zip(MODELS, call_in_processes(fit_targets, MODELS), strict=True))
    rows = np.array(log_spaced(ITERATIONS, POINTS))
    lengths = np.linspace(0, 2, 81)
    thresholds = dict(zip(MODELS, (None, RAY_THRESHOLD), strict=True))
    return ReluResult(
        findings=[
            *theory.check_parameterised_relu(),
            *theory.check_fits_of_constant(constant["convnet"][-1], constant["parameterised"][-1]),
        ],
        limit=threshold.HOMOGENEOUS_LIMIT,
        constant={model: losses[-1].tolist() for model, losses in constant.items()},
        constant_curves={model: _curves(rows, losses[rows]) for model, losses in constant.items()},
        targets={target: {model: targets[model][target].tolist() for model in MODELS} for target in TARGETS},
        lengths=lengths.tolist(),
        threshold=RAY_THRESHOLD,
        rays={model: threshold.evaluate_along_ray(t, lengths, RAYS).tolist() for model, t in thresholds.items()},
    )


def study_sigmoid() -> SigmoidResult:
    """Check the sigmoid's derivative by its graph (question 2), and the initialisations (question 3)."""
    inputs = np.linspace(-6, 6, 241)
    y, derivative = sigmoid.differentiate(inputs)
    return SigmoidResult(
        findings=theory.check_sigmoid(),
        initialisation=theory.check_initialisation(),
        example=GraphExample(EXAMPLE, *sigmoid.trace(EXAMPLE)),
        inputs=inputs.tolist(),
        sigmoid=y.tolist(),
        derivative=derivative.tolist(),
    )


def _curves(rows: np.ndarray, losses: np.ndarray) -> Curves:
    """Return the quantiles over the seeds, ``(P, seeds)``, at the iterations ``rows`` (from 0), ``(P,)``."""
    low, median, high = quantiles(losses).tolist()
    return Curves("iteration", (rows + 1).tolist(), {"low": low, "median": median, "high": high})


def _table(findings: list[Finding]) -> Table:
    return Table(
        ["statement", "number", "bound", ""],
        [
            [one.statement, f"{one.number:.3g}", f"{one.relation} {one.bound:.3g}", "ok" if one.holds else "FAILED"]
            for one in findings
        ],
    )


def _failure(findings: list[Finding]) -> CheckFailedError | None:
    failed = [
        f"{one.statement}: {one.number:.3g}, not {one.relation} {one.bound:.3g}" for one in findings if not one.holds
    ]
    return CheckFailedError("; ".join(failed)) if failed else None
