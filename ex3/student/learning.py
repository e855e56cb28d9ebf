"""What a file's ``learn_linear`` and ``learn_cnn`` do: their steps, what they record, and where they arrive.

A step is taken from one sample that fills the whole batch, once with the rate 0 and once with a small one: so it is
known which gradient it should follow, whichever samples are drawn.
"""

from itertools import product

import numpy as np

from ex3.student import Finding
from ex3.student.places import Places
from ex3.student.reading import failure, read_numbers
from ex3.student.reference import L2, L2_PER_SAMPLE, SCALES, relative_error, scale, subsets
from ex3.student.sandbox import Parts

FALL = 0.9  # of the test loss at the start, at least; the linear model has its optimum to reach instead
EXCESS = 1.15  # of the least training loss, which SGD need not reach exactly
PRECISION = 1e-6
TARGET_NAMES = ("y1", "y2", "y3")
L2_IN_BACKPROP = {"": 0.0, "the l2 term is added again, after backprop": 1.0}


def judge(function: str, problem: dict, parts: Parts, places: Places) -> list[Finding]:
    """Judge ``learn_linear`` or ``learn_cnn``.

    Raises:
        ValueError: What it returned has another form; also ``KeyError``, ``IndexError`` and ``TypeError``.
    """
    findings, definition = [], places.definition(function)
    step = parts.get(f"{function} step", {})
    if "value" in step:
        takes_l2 = bool(parts.get("takes l2", {}).get("value"))
        findings += [
            _judge_step(function, problem["one step"], step["value"], takes_l2, places),
            _judge_test_loss(function, problem["one step"], step["value"], places),
        ]
    else:
        findings.append(failure(f"{function}: step", parts, f"{function} step", definition))
    names = [f"{function} {rate:g}" for rate in problem["training"]["rates"][function]]
    runs = {name: parts[name]["value"] for name in names if "value" in parts.get(name, {})}
    if not runs:
        return [*findings, failure(f"{function}: loss", parts, names[0], definition)]
    findings += [
        _judge_records(function, problem["training"]["iterations"][function], next(iter(runs.values())), places),
        _judge_fall(function, runs, step, places),
    ]
    if function == "learn_linear":
        findings.append(_judge_optimum(problem["training"], runs[names[0]], places))
    return findings


def _judge_step(function: str, problem: dict, answer: dict, takes_l2: bool, places: Places) -> Finding:
    """Find the rule that leads from the parameters at the start to those after the step."""
    check, line = f"{function}: step", places.update(function)
    wrong: dict[str, list[str]] = {}
    unknown = []
    for name in ["w"] if function == "learn_linear" else ["w1", "w2", "u"]:
        is_linear = name == "w"
        reasons = _linear_rules(problem, answer) if is_linear else _convnet_rules(problem, answer, name, takes_l2)
        if reasons is None:
            unknown.append(name)
        for reason in reasons or []:
            wrong.setdefault(reason, []).append(name)
    if wrong:
        text = "; ".join(f"{reason} ({', '.join(names)})" for reason, names in wrong.items())
        return Finding(check, False, text, line)
    if unknown:
        return Finding(check, None, f"no known rule leads to the next {', '.join(unknown)}", line)
    gradient = "the gradient" if function == "learn_linear" else "backprop's gradient"
    return Finding(check, True, f"along {gradient}, with the l2 term")


def _linear_rules(problem: dict, answer: dict) -> list[str] | None:
    """Return the mistakes in the linear model's simulated steps; ``None`` if they follow no known rule."""
    starts, ends = ([read_numbers(model, 4).ravel() for model in answer[part]["models"]] for part in ("start", "moved"))
    x = np.array(problem["x"]["train"][0])
    ys = [target["train"][0] for target in problem["y"]]
    size, rate, strength = problem["batch_size"], problem["rate"], problem["l2"]
    moved = np.concatenate(ends) - np.concatenate(starts)
    for scales, l2 in sorted(product(subsets(list(SCALES), 2), L2), key=lambda one: len(one[0]) + bool(one[1])):
        factor = float(scale(scales, np.array(size)))
        l2_factor = size if l2 == L2_PER_SAMPLE else L2[l2]
        simulated = []
        for start, y in zip(starts, ys, strict=True):
            w = start
            for _ in range(problem["steps"]["learn_linear"]):
                w = w - rate * (factor * 2 * (w @ x - y) * x + l2_factor * strength * w)
            simulated.append(w - start)
        if relative_error(moved, np.concatenate(simulated)) < PRECISION:
            return [*(SCALES[name] for name in SCALES if name in scales), *filter(None, [l2])]
    return None


def _convnet_rules(problem: dict, answer: dict, name: str, takes_l2: bool) -> list[str] | None:
    """Return the mistakes in a parameter's step along ``backprop``'s gradient; ``None`` if it follows no known rule."""
    position = ["w1", "w2", "u"].index(name)
    starts, ends = (
        np.concatenate([read_numbers(model[name]).ravel() for model in answer[part]["models"]])
        for part in ("start", "moved")
    )
    gradients = np.concatenate([read_numbers(of_target[position]).ravel() for of_target in answer["gradients"]])
    size, strength = problem["batch_size"], problem["l2"]
    followed = (starts - ends) / problem["rate"]
    l2_terms = L2_IN_BACKPROP if takes_l2 else L2
    for scales, l2 in sorted(product(subsets(["sum", "sign"], 2), l2_terms), key=lambda o: len(o[0]) + bool(o[1])):
        l2_factor = size if l2 == L2_PER_SAMPLE else l2_terms[l2]
        expected = float(scale(scales, np.array(size))) * gradients + l2_factor * strength * starts
        if relative_error(followed, expected) < PRECISION:
            return [*(SCALES[scale_name] for scale_name in SCALES if scale_name in scales), *filter(None, [l2])]
    return None


def _judge_test_loss(function: str, problem: dict, answer: dict, places: Places) -> Finding:
    """Compare the test loss at the start with the mean squared error, with and without the l2 term."""
    check, line = f"{function}: test loss", places.recorded(function, 2)
    for number, target in enumerate(problem["y"]):
        model, recorded = answer["start"]["models"][number], read_numbers(answer["start"]["test"][number]).ravel()
        if not recorded.size:
            return Finding(check, False, "nothing is recorded", line)
        if function == "learn_linear":
            theta = read_numbers(model, 4).ravel()
            p = np.array(problem["x"]["test"]) @ theta
        else:
            theta = np.concatenate([read_numbers(model[name]).ravel() for name in ("w1", "w2", "u")])
            p = read_numbers(answer["p"][number], len(target["test"])).ravel()
        error = float(np.mean(np.square(p - np.array(target["test"]))))
        penalty = problem["l2"] / 2 * float(theta @ theta)
        if _is_near(recorded[0], error) or _is_near(recorded[0], error + penalty):
            continue
        reason = _explain_loss(recorded[0], error, theta, problem, answer["start"]["train"][number])
        numbers = f"{recorded[0]:.4g} on {TARGET_NAMES[number]}, where the mean squared error is {error:.4g}"
        return Finding(check, False, numbers + reason, line)
    return Finding(check, True, "the mean squared error on the test samples")


def _explain_loss(found: float, error: float, theta: np.ndarray, problem: dict, train: dict) -> str:
    """Find a wrong form of the loss that gives the recorded number: of its data term, of its l2 term, or of both."""
    samples, strength = len(problem["x"]["test"]), problem["l2"]
    penalty, norm = strength / 2 * float(theta @ theta), strength / 2 * float(np.linalg.norm(theta))
    filters = strength / 2 * float(theta[:-4] @ theta[:-4])
    data = {
        "": error,
        "the sum over the samples instead of the mean": samples * error,
        "divided by the batch size instead of the number of test samples": samples * error / problem["batch_size"],
        "the square is halved": error / 2,
        "the root of it": error**0.5,
    }
    l2_terms = {
        "": [0.0, penalty],
        "the l2 term is not halved": [2 * penalty],
        "the norm in the l2 term is not squared": [norm, 2 * norm],
        "the l2 term lacks u": [filters],
    }
    for (of_data, value), (of_l2, terms) in product(data.items(), l2_terms.items()):
        if any(_is_near(found, value + term) for term in terms):
            return ": " + "; ".join(filter(None, [of_data, of_l2]))
    return ": the training loss" if any(_is_near(found, one) for one in read_numbers(train).ravel()) else ""


def _judge_records(function: str, iterations: int, run: dict, places: Places) -> Finding:
    check = f"{function}: records"
    for position, (part, name) in enumerate((("train", "training"), ("test", "test")), start=1):
        counts = {read_numbers(losses).size for losses in run[part]}
        if counts != {iterations}:
            text = f"the {name} loss has {' or '.join(map(str, sorted(counts)))} values after {iterations} iterations"
            return Finding(check, False, text, places.recorded(function, position))
    return Finding(check, True, "training and test loss of every iteration")


def _judge_fall(function: str, runs: dict[str, dict], step: dict, places: Places) -> Finding:
    """Tell whether the recorded test loss falls on all targets, at one of the rates."""
    check, falls = f"{function}: loss", {}
    for name, run in runs.items():
        series = [read_numbers(losses).ravel() for losses in run["test"]]
        falls[name.split()[1]] = [float(losses[-1] / losses[0]) if losses.size else np.nan for losses in series]
    rate = min(falls, key=lambda one: max(np.inf if np.isnan(fall) else fall for fall in falls[one]))
    shares = ", ".join(f"{name} {fall:.2g}" for name, fall in zip(TARGET_NAMES, falls[rate], strict=True))
    text = f"rate {rate}: the test loss falls to this share of the first one: {shares}"
    if all(fall < (FALL if function == "learn_cnn" else 1) for fall in falls[rate]):
        return Finding(check, True, text)
    if function == "learn_cnn" and "value" in step and _starts_at_zero(step["value"]):
        text += "; w1 and w2 start at 0, where they have no gradient"
    return Finding(check, False, text.replace("falls to", "goes to"), places.definition(function))


def _starts_at_zero(answer: dict) -> bool:
    return all(not read_numbers(model[name]).any() for model in answer["start"]["models"] for name in ("w1", "w2"))


def _judge_optimum(problem: dict, run: dict, places: Places) -> Finding:
    """Compare the linear model's training loss with the least that there is."""
    check, x, excess = "learn_linear: optimum", np.array(problem["x"]["train"]), []
    for number, target in enumerate(problem["y"]):
        y = np.array(target["train"])
        best = np.linalg.lstsq(x, y, rcond=None)[0]
        found, least = (
            float(np.mean(np.square(x @ w - y))) for w in (read_numbers(run["models"][number], 4).ravel(), best)
        )
        excess.append((found, least, found < EXCESS * least + 1e-3 * float(np.mean(np.square(y)))))
    text = ", ".join(
        f"{name} {found:.3g} (least {least:.3g})" for name, (found, least, _) in zip(TARGET_NAMES, excess, strict=True)
    )
    passed = all(near for *_, near in excess)
    return Finding(check, passed, f"training loss {text}", None if passed else places.update("learn_linear"))


def _is_near(found: float, wanted: float) -> bool:
    return bool(abs(found - wanted) <= PRECISION * abs(wanted) + 1e-12)
