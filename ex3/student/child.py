"""The process in which a student's file runs: reads a problem from stdin, calls the file's functions, and reports.

It judges nothing: the file, which runs in the same process, could change every verdict.
"""

import ast
import inspect
import json
import os
import random
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ex3.student.process import Report, limit_resources, time_limit

SHARES = {"import": 0.3, "forward": 0.1, "batch": 0.05, "one step": 0.1, "training": 0.15}  # of the time that there is
MOST_NUMBERS = 20_000  # in one array
FUNCTIONS = ("learn_linear", "forward", "backprop", "learn_cnn")
SEED = 1
make_generator = np.random.default_rng

Namespace = dict[str, Any]
Model = dict[str, np.ndarray]


def load(file: str, report: Report, seconds: float) -> Namespace:
    """Execute the file; where that fails, execute its imports, functions and classes, so that they can be judged."""
    names: Namespace = {"__name__": "student", "__file__": file, "__builtins__": __builtins__}
    source = Path(file).read_bytes()
    trees: list[ast.Module] = []

    def execute() -> None:
        trees.append(ast.parse(source, file))
        exec(compile(trees[0], file, "exec"), names)

    if not report.attempt("import", execute, seconds) and trees:
        for node in trees[0].body:
            if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
                try:
                    exec(compile(ast.Module([node], []), file, "exec"), names)
                except BaseException:
                    continue
    return names


def reseed(names: Namespace) -> None:
    """Start all random numbers anew: Python's, NumPy's, those of the file's generators and of ones without a seed."""
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002
    np.random.default_rng = lambda seed=None: make_generator(SEED if seed is None else seed)
    for generator in names.values():
        if isinstance(generator, np.random.Generator):
            generator.bit_generator.state = type(generator.bit_generator)(SEED).state


def numbers(value: object) -> dict[str, object]:
    """Return an array as JSON: its shape, and its numbers in a row."""
    array = np.asarray(value, dtype=np.float64)
    if array.size > MOST_NUMBERS:
        raise ValueError(f"{array.size} numbers, more than can be right")
    return {"shape": list(array.shape), "values": array.ravel().tolist()}


def model_of(parameters: np.ndarray, shapes: dict[str, list[int]]) -> Model:
    """Shape ten numbers as w1 (3), w2 (3) and u (4)."""
    parts = zip(("w1", "w2", "u"), np.split(parameters, [3, 6]), strict=True)
    return {name: part.reshape(shapes[name]).copy() for name, part in parts}


def find_shapes(names: Namespace, problem: dict, seconds: float) -> dict[str, list[int]]:
    """Return the shapes of the file's own parameters, or those that its functions take."""
    try:
        step = problem["one step"]
        reseed(names)
        with time_limit(seconds):
            model = names["learn_cnn"](*data_of(step), step["batch_size"], 0.0, 1, 0.0)[0][0]
        shapes = {name: list(np.shape(model[name])) for name in ("w1", "w2", "u")}
        if [int(np.prod(shape)) for shape in shapes.values()] == [3, 3, 4]:
            return shapes
    except BaseException:  # which is reported when the step is judged
        pass
    for shape in ([3], [1, 3], [3, 1]):
        shapes = {"w1": shape, "w2": shape, "u": [4]}
        try:
            with time_limit(seconds):
                run_batch(names, problem["batches"][1], shapes, problem["step"])
            return shapes
        except BaseException:
            continue
    return {"w1": [3], "w2": [3], "u": [4]}


def takes_l2(backprop: Callable[..., Any]) -> bool:
    """Tell whether ``backprop`` takes lambda as its fifth argument."""
    return len(inspect.signature(backprop).parameters) > 4


def data_of(problem: dict) -> tuple[dict, dict]:
    """Return X and Y as the file's functions take them."""
    x = {split: np.array(rows) for split, rows in problem["x"].items()}
    y = {number: {split: np.array(rows) for split, rows in of.items()} for number, of in enumerate(problem["y"])}
    return x, y


def run_forward(names: Namespace, batch: dict, shapes: dict[str, list[int]]) -> dict[str, object]:
    """Return o1, o2, m and p."""
    fwd = names["forward"](model_of(np.array(batch["parameters"]), shapes), np.array(batch["x"]))
    return {name: numbers(fwd[name]) for name in ("o1", "o2", "m", "p")}


def run_all_forward(names: Namespace, batches: list[dict], shapes: dict[str, list[int]]) -> list[dict[str, object]]:
    """Return o1, o2, m and p of each batch."""
    return [run_forward(names, batch, shapes) for batch in batches]


def run_batch(names: Namespace, batch: dict, shapes: dict[str, list[int]], step: float) -> dict[str, object]:
    """Return the gradients, and p with each of the ten parameters a step above and below."""
    x, y, parameters = (np.array(batch[name]) for name in ("x", "y", "parameters"))

    def predict(changed: np.ndarray) -> dict[str, object]:
        return numbers(names["forward"](model_of(changed, shapes), x.copy())["p"])

    shifts = [[predict(parameters + sign * step * direction) for direction in np.eye(10)] for sign in (1, -1)]
    return {
        "p": predict(parameters),
        "above": shifts[0],
        "below": shifts[1],
        "gradients": back_propagate(names, model_of(parameters, shapes), x, y, batch["l2"]),
    }


def back_propagate(names: Namespace, model: Model, x: np.ndarray, y: np.ndarray, l2: float) -> list[dict[str, object]]:
    """Return the file's gradients of a batch: w1's, w2's and u's."""
    fwd = names["forward"](model, x.copy())
    last = (l2,) if takes_l2(names["backprop"]) else ()
    gradients = names["backprop"](model, y.copy(), fwd, len(y), *last)
    if len(gradients) != 3:
        raise ValueError(f"backprop returns {len(gradients)} values instead of 3")
    return [numbers(gradient) for gradient in gradients]


def learn(names: Namespace, function: str, problem: dict, iterations: int, rate: float) -> tuple[list, dict]:
    """Call ``learn_linear`` or ``learn_cnn``; return its three models, and everything as JSON."""
    reseed(names)
    x, y = data_of(problem)
    found, train, test = names[function](x, y, problem["batch_size"], problem["l2"], iterations, rate)
    models = [found[number] for number in range(3)]
    return models, {
        "models": [
            {name: numbers(model[name]) for name in ("w1", "w2", "u")} if isinstance(model, dict) else numbers(model)
            for model in models
        ],
        "train": [numbers(train[number]) for number in range(3)],
        "test": [numbers(test[number]) for number in range(3)],
    }


def record_learning(names: Namespace, function: str, problem: dict, iterations: int, rate: float) -> dict:
    """Return what ``learn`` does, as JSON."""
    return learn(names, function, problem, iterations, rate)[1]


def take_steps(names: Namespace, function: str, problem: dict) -> dict[str, object]:
    """Learn at rate 0, then a few steps with the same random numbers; add ``backprop``'s gradients at the start."""
    count = problem["steps"][function]
    models, start = learn(names, function, problem, count, 0.0)
    _, moved = learn(names, function, problem, count, problem["rate"])
    result: dict[str, object] = {"start": start, "moved": moved}
    if function == "learn_cnn":
        x, y = data_of(problem)
        result["gradients"] = [
            back_propagate(names, models[number], x["train"], y[number]["train"], problem["l2"]) for number in range(3)
        ]
        result["p"] = [numbers(names["forward"](models[number], x["test"])["p"]) for number in range(3)]
    return result


def main() -> None:
    """Read the problem, run the file and report."""
    problem = json.loads(sys.stdin.buffer.read())
    file, shift = problem["file"], problem["step"]
    report = Report(file)
    limits = {part: share * problem["seconds"] for part, share in SHARES.items()}
    limit_resources(problem["seconds"])
    if problem["block sockets"]:
        socket.socket = None  # type: ignore[misc, assignment]
    sys.path.append(str(Path(file).parent))
    names = load(file, report, limits["import"])
    known = {name: callable(names.get(name)) for name in FUNCTIONS}
    report.value("functions", known)
    if known["forward"]:
        shapes = find_shapes(names, problem, limits["batch"])
        report.value("shapes", shapes)
        report.value("takes l2", known["backprop"] and takes_l2(names["backprop"]))
        batches = problem["batches"]
        if report.attempt("forward", partial(run_all_forward, names, batches, shapes), limits["forward"]):
            for number, batch in enumerate(batches):
                compute = partial(run_batch, names, batch, shapes, shift)
                report.attempt(f"batch {number}", compute, limits["batch"])
    steps, training = problem["one step"], problem["training"]
    for function in (name for name in ("learn_linear", "learn_cnn") if known[name]):
        report.attempt(f"{function} step", partial(take_steps, names, function, steps), limits["one step"])
        count = training["iterations"][function]
        for rate in training["rates"][function]:
            compute = partial(record_learning, names, function, training, count, rate)
            report.attempt(f"{function} {rate:g}", compute, limits["training"])
    os._exit(0)  # whatever threads and exit handlers the file has started
