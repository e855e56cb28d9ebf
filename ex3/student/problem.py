"""What a file's functions are asked: batches for the gradients, one sample many times over for one step, data to learn.

Everything is drawn from a fixed seed. No batch comes near a kink: every filter's output, as a correlation and as a
convolution, is at least ``GAP`` from 0 and from its neighbour in the pair, far more than ``STEP``.
"""

from typing import Any

import numpy as np

from ex3.scratch.targets import INPUTS, TARGETS
from ex3.student.reference import FLIPPED, PLAIN, correlate

STEP = 1e-5
GAP = 0.02
BATCHES = [(1, 0.0), (4, 0.0), (4, 0.3), (5, 0.3), (32, 0.0), (32, 0.3)]  # samples, lambda
TRAIN_SIZE, TEST_SIZE = 64, 16
REPEATS = 8  # of the one sample
ITERATIONS = {"learn_linear": 500, "learn_cnn": 200}
RATES = {"learn_linear": [0.02], "learn_cnn": [0.01, 0.001, 0.0001]}


def pose() -> dict[str, Any]:
    """Return the problem, as plain JSON; see ``child.main`` for who takes what."""
    random = np.random.default_rng(0)
    return {
        "step": STEP,
        "batches": [_draw_batch(random, size, l2) for size, l2 in BATCHES],
        "one step": {
            **_draw_data(random, 1, 7, copies=REPEATS),
            "batch_size": REPEATS, "l2": 0.3, "rate": 1e-3, "steps": {"learn_linear": 2, "learn_cnn": 1},
        },
        "training": {
            **_draw_data(random, TRAIN_SIZE, TEST_SIZE), "batch_size": 16, "l2": 0.0, "iterations": ITERATIONS,
            "rates": RATES,
        },
    }  # fmt: skip


def _draw_batch(random: np.random.Generator, size: int, l2: float) -> dict[str, Any]:
    parameters = random.standard_normal(10)
    rows: list[np.ndarray] = []
    while len(rows) < size:
        x = random.uniform(-2.5, 2.5, (1, INPUTS))
        if all(_is_far_from_kinks(correlate(x, parameters[:6].reshape(2, 3)[:, order])) for order in (PLAIN, FLIPPED)):
            rows.append(x[0])
    y = random.standard_normal(size)
    return {"x": np.array(rows).tolist(), "y": y.tolist(), "parameters": parameters.tolist(), "l2": l2}


def _is_far_from_kinks(z: np.ndarray) -> bool:
    """``(1, 2, 4)``, before the ReLU."""
    return bool(np.abs(z).min() > GAP and np.abs(z[..., 0::2] - z[..., 1::2]).min() > GAP)


def _draw_data(random: np.random.Generator, train: int, test: int, copies: int = 1) -> dict[str, Any]:
    w = random.uniform(-2, 2, (INPUTS, INPUTS))
    x = {
        "train": random.uniform(-2.5, 2.5, (train, INPUTS)).repeat(copies, axis=0),
        "test": random.uniform(-2.5, 2.5, (test, INPUTS)),
    }
    return {
        "x": {split: rows.tolist() for split, rows in x.items()},
        "y": [{split: target(w, rows).tolist() for split, rows in x.items()} for target in TARGETS.values()],
    }
