"""Stands in for ``ex3/runs.py``: a run is made up at once, so that tests of cells need no TensorFlow.

Where the environment variable ``CONTROL`` names a folder, a run leaves the file ``started-RATE-SEED-PID`` there, and
ends only when there is no file ``hold-RATE``.
"""

import math
import os
import time
from pathlib import Path

from ex3.results import Curves, Run

POLL = 0.02  # seconds


def train(config, dataset, on_progress=None) -> Run:
    """Make up a run whose numbers depend on the learning rate and the seed; rates above 1e6 diverge."""
    if control := os.environ.get("CONTROL"):
        Path(control, f"started-{config.learning_rate}-{config.seed}-{os.getpid()}").touch()
        while Path(control, f"hold-{config.learning_rate}").exists():
            time.sleep(POLL)
    has_diverged = config.learning_rate > 1e6
    accuracy = 0.5 + config.learning_rate / 4 + config.seed / 100
    numbers = {"accuracy": 0.1, "loss": math.nan} if has_diverged else {"accuracy": accuracy, "loss": 1 - accuracy}
    splits = {split: {f"{split}_{name}": value for name, value in numbers.items()} for split in ("train", "test")}
    metrics = splits["train"] | splits["test"]
    return Run(
        name=config.model,
        config=config,
        dataset=dataset.info,
        parameters=1,
        epochs=Curves("epoch", [1.0], {"seconds": [1.0], **{name: [value] for name, value in metrics.items()}}),
        iterations=Curves("iteration", [1, 2], {"loss": [1.0, 1.0]}),
        metrics=metrics | {f"validation_{name}": value for name, value in numbers.items()},
        confusion=[],
        seconds=1.0,
        diverged_at=1 if has_diverged else None,
        weights=f"{config.learning_rate} {config.seed}",
    )
