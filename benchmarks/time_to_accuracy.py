"""Time to accuracy on MNIST: this package's configs against what a user would pick instead, in one run.

    python benchmarks/time_to_accuracy.py             # 5 seeds; about half an hour on two cores
    python benchmarks/time_to_accuracy.py --seeds 1   # a first look
    python benchmarks/time_to_accuracy.py --only mlp  # one config

It prints the table that ``benchmarks/README.md`` shows. The time is the training's alone: no imports, no data loading,
no evaluations; tracing counts. The other side's clock stops when it FIRST passes the target on the test images, looked
at five times per epoch. This package's clock runs to the end of its whole training, and its last model is scored: the
harder rule is on our side.
"""

import argparse
import math
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from sklearn.linear_model import LogisticRegression

from ex3 import config_files
from ex3.backend import keras, prepare, tf
from ex3.data import Dataset, Split, load_dataset
from ex3.results import spread
from ex3.runs import train_classifier
from ex3.tables import with_spread

layers = keras.layers
THREADS = 2


@dataclass(frozen=True)
class Timing:
    """One training: its seconds, and the test accuracy at their end."""

    seconds: float
    accuracy: float


class Clock(keras.callbacks.Callback):
    """Time a ``fit`` without its evaluations, and stop it when the test accuracy first reaches the target, if any."""

    def __init__(self, test: Split, target: float | None):
        super().__init__()
        self.test, self.target = test, target
        self.seconds, self.accuracy = 0.0, 0.0

    def on_train_begin(self, logs=None):
        """Start the clock."""
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Look at the test accuracy five times per epoch."""
        if self.target is not None and (batch + 1) % math.ceil(self.params["steps"] / 5) == 0:
            self.look()

    def on_epoch_end(self, epoch, logs=None):
        """Look at the test accuracy."""
        self.look()

    def look(self):
        """Stop the clock while the test images are predicted."""
        self.seconds += time.perf_counter() - self.started
        predicted = self.model.predict(self.test.x, batch_size=1000, verbose=0).argmax(axis=1)
        self.accuracy = float(np.mean(predicted == self.test.y))
        self.model.stop_training = self.target is not None and self.accuracy >= self.target
        self.started = time.perf_counter()


def keras_io_convnet(data: Dataset, seed: int, target: float | None) -> Timing:
    """keras.io's "Simple MNIST convnet" as published, on the 54,000 images that its validation split leaves."""
    prepare(seed, THREADS, "float32")
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    x, y = all_training_images(data)
    clock = Clock(data.test, target)
    model.fit(x[:54_000], keras.utils.to_categorical(y[:54_000]), 128, epochs=15, verbose=0, callbacks=[clock])
    return Timing(clock.seconds, clock.accuracy)


def keras_mlp(data: Dataset, seed: int, target: float) -> Timing:
    """Keras's classic MLP: 512-512 with dropout 0.2, batch 128, here with Adam."""
    prepare(seed, THREADS, "float32")
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    clock = Clock(data.test, target)
    model.fit(*all_training_images(data), 128, epochs=20, verbose=0, callbacks=[clock])
    return Timing(clock.seconds, clock.accuracy)


def keras_linear(data: Dataset, seed: int, target: float) -> Timing:
    """Softmax regression in Keras's plain ``fit``: batch 128, Adam with learning rate 3e-3."""
    prepare(seed, THREADS, "float32")
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")])
    model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.Adam(3e-3), metrics=["accuracy"])
    clock = Clock(data.test, target)
    model.fit(*all_training_images(data), 128, epochs=20, verbose=0, callbacks=[clock])
    return Timing(clock.seconds, clock.accuracy)


def scikit_learn_linear(data: Dataset, seed: int, target: float) -> Timing:
    """scikit-learn's LogisticRegression with at most 50 iterations; it is deterministic and knows no target."""
    x, y = all_training_images(data)
    start = time.perf_counter()
    with warnings.catch_warnings(action="ignore"):  # 50 iterations do not converge, and need not
        model = LogisticRegression(max_iter=50).fit(x.reshape(len(x), -1), y)
    seconds = time.perf_counter() - start
    return Timing(seconds, float(model.score(data.test.x.reshape(len(data.test), -1), data.test.y)))


def package(name: str, **overrides: object) -> Callable[[Dataset, int, float], Timing]:
    """Return this package's side: a shipped config, timed to its end."""

    def train(data: Dataset, seed: int, target: float) -> Timing:
        settings = config_files.load(config_files.shipped(name), {"threads": THREADS, "seed": seed, **overrides})
        _, run = train_classifier(settings, data)
        return Timing(run.seconds, run.metrics["test_accuracy"])

    return train


def all_training_images(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the 60,000 training images and their labels; the other side holds none of them out."""
    return np.concatenate([data.train.x, data.validation.x]), np.concatenate([data.train.y, data.validation.y])


def has_bfloat16() -> bool:
    """Tell whether the processor multiplies bfloat16 numbers in hardware (Linux on x86; elsewhere: unknown, so no)."""
    information = Path("/proc/cpuinfo")
    return information.exists() and any(flag in information.read_text() for flag in ("avx512_bf16", "amx_bf16"))


@dataclass(frozen=True)
class Comparison:
    """Ours against theirs at one target; ``goal`` is the share of their time that ours may take."""

    ours_label: str
    ours: Callable[[Dataset, int, float], Timing]
    theirs_label: str
    theirs: Callable[[Dataset, int, float], Timing]
    target: float
    goal: float
    seeds: int | None = None


def comparisons() -> list[Comparison]:
    """List what is compared. A ``theirs`` that stands in several rows is run once per seed."""
    rows = [Comparison("convnet", package("convnet"), "keras.io convnet", keras_io_convnet, 0.99, 1 / 10)]
    if has_bfloat16():
        bfloat16 = package("convnet", precision="mixed_bfloat16")
        rows.append(Comparison("convnet, bfloat16", bfloat16, "keras.io convnet", keras_io_convnet, 0.99, 1 / 20))
    return [
        *rows,
        Comparison("mlp, to 98.2 %", package("mlp"), "512-512 MLP, to 98.0 %", keras_mlp, 0.98, 1 / 8),
        Comparison("linear", package("linear"), "Keras, Adam 3e-3", keras_linear, 0.92, 1),
        Comparison("linear", package("linear"), "LogisticRegression", scikit_learn_linear, 0.92, 1 / 5),
        Comparison("convnet-best", package("convnet-best"), "keras.io, 15 epochs", keras_io_in_full, 0.9955, 1, 3),
    ]


def keras_io_in_full(data: Dataset, seed: int, target: float) -> Timing:
    """Run the same convnet for all of its 15 epochs, whatever it reaches."""
    return keras_io_convnet(data, seed, None)


def main() -> None:
    """Time every side and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="", metavar="NAME", help="run only the rows of this config")
    parser.add_argument("--data-dir", default=os.environ.get("EX3_DATA_DIR"))
    arguments = parser.parse_args()
    done: dict[tuple, Timing] = {}

    def timing(label: str, side: Callable, target: float, seed: int) -> Timing:
        if (label, target, seed) not in done:
            done[label, target, seed] = side(load_dataset("mnist", arguments.data_dir, seed), seed, target)
            print(label, seed, done[label, target, seed], file=sys.stderr, flush=True)
        return done[label, target, seed]

    print(f"{platform.processor() or platform.machine()}, {THREADS} threads, TensorFlow {tf.__version__}\n")
    print("| ours | seconds | test accuracy | theirs | seconds | test accuracy | ratio | goal |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in comparisons():
        if arguments.only not in ("", row.ours_label.split(",")[0]):
            continue
        ours, theirs = [], []
        for seed in range(min(arguments.seeds, row.seeds or arguments.seeds)):  # in turn: a machine's speed varies
            ours.append(timing(row.ours_label, row.ours, row.target, seed))
            theirs.append(timing(row.theirs_label, row.theirs, row.target, seed))
        ratio = sum(side.seconds for side in theirs) / sum(side.seconds for side in ours)
        print(
            f"| {row.ours_label} | {describe(ours)} | {row.theirs_label} | {describe(theirs)} "
            f"| 1/{ratio:.1f} | 1/{1 / row.goal:.0f} |",
            flush=True,
        )


def describe(timings: list[Timing]) -> str:
    """Two cells of the table: seconds and accuracy, mean and standard deviation over the seeds."""
    seconds, accuracies = (spread([getattr(timing, name) for timing in timings]) for name in ("seconds", "accuracy"))
    return f"{with_spread(seconds, 1)} | {with_spread(accuracies, 4)}"


if __name__ == "__main__":
    main()
