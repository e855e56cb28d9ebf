"""What a file's ``forward`` and ``backprop`` are worth: compared with the toy convnet, and with central differences.

The gradients are compared with differences of the file's own outputs, so a correlation is as good as a convolution.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path

import numpy as np

from ex3.student import Finding, Report, learning
from ex3.student.places import Places
from ex3.student.problem import pose
from ex3.student.reading import failure, read_numbers
from ex3.student.reference import TOLERANCE, Batch, Kind, explain, filter_outputs, relative_error
from ex3.student.sandbox import Parts

PARAMETERS = {"w1": slice(0, 3), "w2": slice(3, 6), "u": slice(6, 10)}


@dataclass(frozen=True)
class Network:
    """What a file's ``forward`` turned out to be.

    Attributes:
        kind: Correlation or convolution, and over what.
        order: Which of the four pooled values (by filter, then pair) each entry of m is.
    """

    kind: Kind
    order: tuple[int, ...] = (0, 1, 2, 3)


def judge(file: Path, parts: Parts) -> Report:
    """Judge what a file reported.

    Args:
        file: Its lines are named in the findings; not executed.
        parts: From ``sandbox.run``; not to be trusted.
    """
    places = Places.of(file)
    try:
        with np.errstate(all="ignore"):  # whatever the file returned; nothing passes by being infinite
            findings = [*_judge_start(parts), *_judge_functions(parts, places)]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        findings = [Finding("report", False, f"what the file's functions gave cannot be read: {error!r}")]
    return Report(str(file), findings)


def _judge_start(parts: Parts) -> list[Finding]:
    """Judge the import; what stopped the process comes here as well."""
    findings = []
    if "error" in parts.get("import", {}):
        findings.append(failure("import", parts, "import"))
    if "end" in parts:
        findings.append(failure("run" if "import" in parts else "import", parts, "end"))
    known = parts.get("functions", {}).get("value", {})
    missing = [name for name in ("learn_linear", "forward", "backprop", "learn_cnn") if not known.get(name)]
    if len(missing) < 4 or not findings:
        text = f"there is no {' and no '.join(missing)}" if missing else "all four are there"
        findings.append(Finding("functions", not missing, text))
    return findings


def _judge_functions(parts: Parts, places: Places) -> list[Finding]:
    known = parts.get("functions", {}).get("value", {})
    problem, findings = pose(), []
    if known.get("forward"):
        if "value" in parts.get("forward", {}):
            network, found = judge_forward(problem["batches"], parts, places)
            findings += [
                *found,
                *(judge_backprop(problem["batches"], parts, places, network) if known["backprop"] else []),
            ]
        else:
            findings.append(failure("forward", parts, "forward", places.definition("forward")))
    for function in ("learn_linear", "learn_cnn"):
        if known.get(function):
            findings += learning.judge(function, problem, parts, places)
    return findings


def judge_forward(problem: list[dict], parts: Parts, places: Places) -> tuple[Network, list[Finding]]:
    """Tell whether ``forward`` is the toy convnet, and of which kind."""
    reports = parts["forward"]["value"]
    batches = [_batch(batch, np.zeros(len(batch["y"]))) for batch in problem]
    outputs = [
        np.stack([read_numbers(report[name], 4 * len(batch.y)).reshape(-1, 4) for name in ("o1", "o2")], axis=1)
        for report, batch in zip(reports, batches, strict=True)
    ]
    shape = tuple(int(size) for size in parts["shapes"]["value"]["w1"])
    line, kinds = places.entry("forward", "o1"), [Kind(*flags) for flags in product((False, True), repeat=2)]
    rectified = {kind: [np.maximum(filter_outputs(batch, kind), 0) for batch in batches] for kind in kinds}
    kind = next((kind for kind in kinds if _agree(outputs, rectified[kind])), None)
    if kind is None:
        bare = any(_agree(outputs, [filter_outputs(batch, kind) for batch in batches]) for kind in kinds)
        reason = "the ReLU is missing" if bare else "neither a correlation nor a convolution of x with the filters"
        return Network(Kind()), [Finding("forward", False, f"o1 and o2: {reason}", line)]
    if kind.along_batch:
        reason = f"filters of shape {shape} run over the batch, not over the input"
        return Network(kind), [Finding("forward", False, f"o1 and o2: {reason}", line)]
    order = _find_order(reports, outputs)
    if order is None:
        place = places.entry("forward", "m")
        return Network(kind), [Finding("forward", False, "m: not the larger one of each pair of o1 and o2", place)]
    network = Network(kind, order)
    wrong = max(
        relative_error(read_numbers(report["p"], len(batch.y)).ravel(), _predict(output, batch.u, order))
        for report, output, batch in zip(reports, outputs, [_batch(b, np.zeros(0)) for b in problem], strict=True)
    )
    if not wrong < TOLERANCE:
        return network, [Finding("forward", False, "p: not the product of u and m", places.entry("forward", "p"))]
    return network, [Finding("forward", True, f"the toy convnet, with a {kind.name}")]


def judge_backprop(problem: list[dict], parts: Parts, places: Places, network: Network) -> list[Finding]:
    """Compare each gradient with central differences of the file's own loss, and explain those that are wrong."""
    answered = [number for number in range(len(problem)) if "value" in parts.get(f"batch {number}", {})]
    refused = [number for number in range(len(problem)) if number not in answered]
    findings = []
    if refused:
        found = failure("backprop", parts, f"batch {refused[0]}", places.definition("backprop"))
        sizes = sorted({len(problem[number]["y"]) for number in refused})
        where = f"with {' or '.join(map(str, sizes))} samples: " if answered else ""
        findings.append(Finding(found.check, found.passed, where + found.text, found.line))
    if answered:
        findings += [
            _judge_gradient(position, [problem[n] for n in answered], [parts[f"batch {n}"]["value"] for n in answered],
                            bool(parts["takes l2"]["value"]), network, places)
            for position in range(3)
        ]  # fmt: skip
    return findings


def _judge_gradient(
    position: int, problem: list[dict], answers: list[dict], with_l2: bool, network: Network, places: Places
) -> Finding:
    name = list(PARAMETERS)[position]
    check, line, wanted_size = f"dl_d{name}", places.returned("backprop", position), 4 if position == 2 else 3
    found = [read_numbers(answer["gradients"][position]) for answer in answers]
    for gradient, batch in zip(found, problem, strict=True):
        if gradient.size != wanted_size:
            shape = "x".join(map(str, gradient.shape)) or "1"
            per_sample = gradient.size == wanted_size * len(batch["y"])
            reason = ": one for each sample, not their mean" if per_sample else ""
            return Finding(check, False, f"{shape} numbers instead of {wanted_size}{reason}", line)
    found = [gradient.ravel() for gradient in found]
    numerical = [
        _differentiate(batch, answer, with_l2)[PARAMETERS[name]] for batch, answer in zip(problem, answers, strict=True)
    ]
    error = relative_error(np.concatenate(found), np.concatenate(numerical))
    sizes = sorted({len(batch["y"]) for batch in problem})
    numbers = f"relative error {error:.1e} on {len(problem)} batches of {sizes[0]} to {sizes[-1]} samples"
    if error < TOLERANCE:
        return Finding(check, True, numbers)
    batches = [
        _batch(batch, read_numbers(answer["p"], len(batch["y"])).ravel(), network.order)
        for batch, answer in zip(problem, answers, strict=True)
    ]
    in_order = [gradient[np.argsort(network.order)] for gradient in found] if position == 2 else found
    explanation = explain(in_order, batches, network.kind, position, with_l2)
    reason = "; ".join(explanation.describe(network.kind)) if explanation else "no known mistake explains it"
    return Finding(check, False, f"{numbers}: {reason}", line)


def _differentiate(batch: dict, answer: dict, with_l2: bool) -> np.ndarray:
    """Return the ten central differences of the file's own loss, with the l2 term's exact gradient."""
    y, step = np.array(batch["y"]), pose()["step"]

    def losses(side: str) -> np.ndarray:
        return np.array([np.mean(np.square(read_numbers(p, len(y)).ravel() - y)) for p in answer[side]])

    l2_term = batch["l2"] * np.array(batch["parameters"])
    return (losses("above") - losses("below")) / (2 * step) + with_l2 * l2_term


def _batch(batch: dict, p: np.ndarray, order: Sequence[int] = (0, 1, 2, 3)) -> Batch:
    """Return a batch with its output weights by filter and pair, whatever the file's order of m."""
    parameters = np.array(batch["parameters"])
    u = parameters[6:][np.argsort(order)].reshape(2, 2)
    return Batch(np.array(batch["x"]), np.array(batch["y"]), parameters[:6].reshape(2, 3), u, batch["l2"], p)


def _agree(found: list[np.ndarray], wanted: list[np.ndarray]) -> bool:
    return all(relative_error(*pair) < TOLERANCE for pair in zip(found, wanted, strict=True))


def _pool(o: np.ndarray) -> np.ndarray:
    """``(B, 2, 4)`` -> ``(B, 4)``, by filter, then pair."""
    return o.reshape(len(o), 4, 2).max(axis=2)


def _predict(o: np.ndarray, u: np.ndarray, order: Sequence[int]) -> np.ndarray:
    return _pool(o)[:, list(order)] @ u.ravel()


def _find_order(reports: list[dict], outputs: list[np.ndarray]) -> tuple[int, ...] | None:
    """Find the order of m's four values, ``(B, 4)`` or ``(4, B)``; ``None`` if they are others."""
    pooled = [_pool(o) for o in outputs]
    found = [read_numbers(report["m"], 4 * len(o)) for report, o in zip(reports, outputs, strict=True)]
    for by_sample, order in product((True, False), permutations(range(4))):
        sorted_out = [m.reshape(-1, 4) if by_sample else m.reshape(4, -1).T for m in found]
        if _agree(sorted_out, [m[:, order] for m in pooled]):
            return order
    return None
