"""``theory``: the numbers and figures that the theory answers (S1, questions 1 to 3) rest on."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from ex3 import storage, theory
from ex3.errors import CheckFailedError
from ex3.experiments import Outcome, versions
from ex3.plots import theory as plots
from ex3.results import DatasetInfo, Finding, Record
from ex3.scratch.sigmoid import build_sigmoid_graph
from ex3.tables import format_table

ITERATIONS = 5000
POINTS = 60  # on each curve, at most
MODELS = ("convnet", "parameterised")
TARGETS = ["y1", "y2", "y3"]
RAYS = 6
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
    constant = {model: theory.fit_constant(model, ITERATIONS).test_loss for model in MODELS}
    on_targets = _on_targets()
    findings = {
        "relu": [*theory.parameterised_relu(), *theory.fits_of_constant(*(constant[model][-1] for model in MODELS))],
        "sigmoid": theory.sigmoid(),
        "initialisation": theory.initialisation(),
    }
    lengths = np.linspace(0, 2, 81)
    rays = {"convnet": theory.along_a_ray(None, lengths, RAYS), "parameterised": theory.along_a_ray(0.5, lengths, RAYS)}
    rows = sorted({round(point) - 1 for point in np.geomspace(1, ITERATIONS, POINTS)})
    errors = {model: losses[rows] for model, losses in constant.items()}
    inputs = np.linspace(-6, 6, 241)
    values, gradients = _example()
    seconds = time.perf_counter() - start

    def record(name: str, result: dict[str, Any]) -> Record:
        return Record(
            name=name, command=command, config={"iterations": ITERATIONS},
            dataset=DatasetInfo("toy", "seeded generator", "", {}), seeds=list(range(theory.SEEDS)), threads=1,
            precision="float64", seconds=seconds, versions=versions("numpy"), result=result,
        )  # fmt: skip

    every = [finding for of_question in findings.values() for finding in of_question]
    return Outcome(
        table=_table(every),
        headline=f"{sum(finding.holds for finding in every)} of {len(every)} statements hold, {seconds:.1f} s",
        written=[
            *storage.save_figure(
                figures,
                plots.relu(lengths, rays, np.array(rows) + 1, errors, theory.HOMOGENEOUS_LIMIT, on_targets),
                record(
                    "theory-relu",
                    {
                        "findings": findings["relu"],
                        "limit": theory.HOMOGENEOUS_LIMIT,
                        "constant": {model: losses[-1].tolist() for model, losses in constant.items()},
                        "targets": {
                            target: {model: losses.tolist() for model, losses in of_target.items()}
                            for target, of_target in on_targets.items()
                        },
                    },
                ),
            ),
            *storage.save_figure(
                figures,
                plots.sigmoid(EXAMPLE, values, gradients, inputs, theory.sigmoid_by_graph(inputs)[0]),
                record(
                    "theory-sigmoid",
                    {
                        "findings": findings["sigmoid"],
                        "initialisation": findings["initialisation"],
                        "example": {"x": EXAMPLE, "values": values, "gradients": gradients},
                    },
                ),
            ),
        ],
        problem=_failure(every),
    )


def _on_targets() -> dict[str, dict[str, np.ndarray]]:
    """Return each toy target's final test errors with both networks, one per seed."""
    final = {model: theory.fit_targets(model, TARGETS, ITERATIONS).test_loss[-1] for model in MODELS}
    return {
        target: {model: final[model].reshape(len(TARGETS), -1)[number] for model in MODELS}
        for number, target in enumerate(TARGETS)
    }


def _example() -> tuple[list[float], list[float]]:
    """Send one x through the sigmoid's graph and back: the values on its edges, and d sigma / d of each."""
    graph = build_sigmoid_graph()
    values = [np.array(EXAMPLE)]
    for layer in graph.layers:
        values.append(layer.forward(values[-1]))
    gradients = [np.array(1.0)]
    for layer in reversed(graph.layers):
        gradients.insert(0, layer.backward(gradients[0]))
    return [float(value) for value in values], [float(gradient) for gradient in gradients]


def _table(findings: list[Finding]) -> str:
    return format_table(
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
