"""Time to accuracy of the network written by hand, 128-150-10, against scikit-learn's and Keras's same network.

    python benchmarks/by_hand_speed.py                      # 5 seeds; about ten minutes on two cores
    python benchmarks/by_hand_speed.py --only scikit-learn  # one other side, and ours

It prints the tables that ``benchmarks/README.md`` shows. All sides learn from the same training images of MNIST, as
codes by the same PCA. The time is the training's alone: no imports, no PCA, no evaluations; tracing counts. The other
side's clock stops when it FIRST passes the target on the test images, looked at five times per epoch. This package's
clock runs to the end of its whole training, and its last model is scored: the harder rule is on our side.

Each training has a process of its own, with its own number of threads. This package always takes one. With the first
seed the other side tries all its settings, with one and with two threads, and it keeps the fastest.
"""

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from sklearn.neural_network import MLPClassifier

from ex3.by_hand.config import NetworkConfig
from ex3.by_hand.training import encode, train_network
from ex3.data import Dataset, Split, load_dataset
from ex3.results import spread
from ex3.tables import with_spread

TARGET = 0.98
EPOCHS = 60  # at most, of the other sides
LOOKS = 5  # per epoch
WITH_BATCHES = NetworkConfig(epochs=7)
ONE_BY_ONE = NetworkConfig(batch_size=1, momentum=0.0, learning_rate=0.01, l2=0.01, epochs=5)


@dataclass(frozen=True)
class Timing:
    """One training: all seconds, those of the first epoch, and the test accuracy (the best, if short of the target)."""

    seconds: float
    accuracy: float
    first_epoch: float = 0.0


Side = Callable[[Dataset, int, int, float], Timing]  # images, seed, threads, seconds after which it may give up


def by_hand(config: NetworkConfig, data: Dataset, seed: int, threads: int, limit: float) -> Timing:
    """Train this package's network to its end."""
    _, run = train_network(config.model_copy(update={"seed": seed}), data)
    return Timing(run.seconds, run.metrics["test_accuracy"], run.epochs.series["seconds"][0])


def scikit_learn(rate: float, data: Dataset, seed: int, threads: int, limit: float) -> Timing:
    """Train scikit-learn's MLPClassifier with Adam and its batches of 200, a fifth of an epoch at a time."""
    inputs, generator = encode(data, WITH_BATCHES.components), np.random.default_rng(seed)
    model = MLPClassifier((150,), learning_rate_init=rate, random_state=seed)
    seconds, best = 0.0, 0.0
    for look in range(EPOCHS * LOOKS):
        if look % LOOKS == 0:
            parts = np.array_split(generator.permutation(len(inputs.train)), LOOKS)
        x, y = inputs.train[parts[look % LOOKS]], data.train.y[parts[look % LOOKS]]
        start = perf_counter()
        model.partial_fit(x, y, classes=None if look else np.unique(data.train.y))
        seconds += perf_counter() - start
        best = max(best, float(model.score(inputs.test, data.test.y)))
        if best >= TARGET or seconds > limit:
            break
    return Timing(seconds, best)


def scikit_learn_one_by_one(data: Dataset, seed: int, threads: int, limit: float) -> Timing:
    """Train scikit-learn's MLPClassifier for one epoch, image by image."""
    inputs = encode(data, WITH_BATCHES.components)
    model = MLPClassifier((150,), solver="sgd", batch_size=1, random_state=seed)
    start = perf_counter()
    model.partial_fit(inputs.train, data.train.y, classes=np.unique(data.train.y))
    seconds = perf_counter() - start
    return Timing(seconds, float(model.score(inputs.test, data.test.y)), seconds)


def keras_network(batch_size: int, data: Dataset, seed: int, threads: int, limit: float) -> Timing:
    """Train the network in Keras's plain ``fit``: softmax, cross-entropy, Adam with learning rate 1e-3."""
    from time_to_accuracy import Clock

    from ex3.backend import keras, prepare

    class BestClock(Clock):  # it keeps the best accuracy that it saw
        best = 0.0

        def look(self):
            super().look()
            self.best = max(self.best, self.accuracy)

    prepare(seed, threads, "float32")
    inputs = encode(data, WITH_BATCHES.components)
    layers = [keras.layers.Dense(150, activation="relu"), keras.layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((128,)), *layers])
    model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.Adam(1e-3))
    clock = BestClock(Split(inputs.test, data.test.y), TARGET)
    model.fit(inputs.train, data.train.y, batch_size, epochs=EPOCHS, verbose=0, callbacks=[clock])
    return Timing(clock.seconds, clock.best)


OURS: dict[str, Side] = {"hinge, batches of 128": partial(by_hand, WITH_BATCHES)}
THEIRS: dict[str, dict[str, Side]] = {  # name -> settings to try -> side
    "scikit-learn": {f"Adam {rate:g}": partial(scikit_learn, rate) for rate in (1e-3, 3e-3)},
    "Keras": {"batches of 128": partial(keras_network, 128)},
    "Keras-512": {"batches of 512": partial(keras_network, 512)},
}


def run_here(side: Side, data_dir: str | None, seed: int, *rest: float) -> Timing:
    """Time a side in this process; all sides fit PCA before their clock starts."""
    return side(load_dataset("mnist", data_dir, seed), seed, *rest)


class Contest:
    """The settings of a side: all of them are tried with the first seed, and the fastest again with the others."""

    def __init__(self, settings: dict[str, Side], threads: tuple[int, ...], data_dir: str | None):
        self.variants = [(label, side, count) for count in threads for label, side in settings.items()]
        self.data_dir = data_dir
        self.timings: list[Timing] = []

    def run(self, seed: int) -> None:
        """Time one more seed."""
        tried: list[tuple[Timing, tuple[str, Side, int]]] = []
        for variant in self.variants:
            label, side, threads = variant
            limit = min((timing.seconds for timing, _ in tried if timing.accuracy >= TARGET), default=np.inf)
            os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads)))
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # reads the environment as it starts
                timing = pool.submit(run_here, side, self.data_dir, seed, threads, limit).result()
            print(seed, getattr(side, "func", side).__name__, label, threads, timing, file=sys.stderr, flush=True)
            tried.append((timing, variant))
        best, variant = min(tried, key=lambda entry: (entry[0].accuracy < TARGET, entry[0].seconds))
        self.timings.append(best)
        self.variants = [variant]

    def __str__(self) -> str:
        """Name the settings that were kept."""
        label, _, threads = self.variants[0]
        return f"{label}, {threads} thread{'s' if threads > 1 else ''}"

    def cells(self, **digits: int) -> str:
        """Return cells of a table: mean and standard deviation over the seeds."""
        columns = {name: [getattr(timing, name) for timing in self.timings] for name in digits}
        return " | ".join(with_spread(spread(columns[name]), places) for name, places in digits.items())

    def reached(self) -> str:
        """Count the seeds that reached the target accuracy."""
        return f"{sum(timing.accuracy >= TARGET for timing in self.timings)} of {len(self.timings)}"

    def ratio(self, other: "Contest") -> float:
        """Return how many times the other's seconds these are."""
        return sum(timing.seconds for timing in self.timings) / sum(timing.seconds for timing in other.timings)


def main() -> None:
    """Time every side and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=[*THEIRS, "one-by-one"], help="run only this other side, and ours")
    parser.add_argument("--data-dir", default=os.environ.get("EX3_DATA_DIR"))
    arguments = parser.parse_args()
    contest = partial(Contest, data_dir=arguments.data_dir)
    ours = contest(OURS, (1,))
    theirs = {name: contest(THEIRS[name], (1, 2)) for name in THEIRS if arguments.only in (None, name)}
    one_by_one = {}
    if arguments.only in (None, "one-by-one"):
        one_by_one["this package"] = contest({"hinge, 5 epochs": partial(by_hand, ONE_BY_ONE)}, (1,))
        one_by_one["scikit-learn"] = contest({"SGD, 1 epoch": scikit_learn_one_by_one}, (1, 2))
    for seed in range(arguments.seeds):  # in turn: a machine's speed varies
        for side in [*([ours, *theirs.values()] if theirs else []), *one_by_one.values()]:
            side.run(seed)
    if theirs:
        print("| side | seconds | test accuracy | reached it | ratio | goal |\n| --- | --- | --- | --- | --- | --- |")
        print(f"| this package: {ours} | {ours.cells(seconds=2, accuracy=4)} | {ours.reached()} | | |")
        for name, side in theirs.items():
            cells = f"{side.cells(seconds=2, accuracy=4)} | {side.reached()} | 1/{side.ratio(ours):.1f} | 1/3"
            print(f"| {name.split('-512')[0]}: {side} | {cells} |")
    if one_by_one:
        print("\n| image by image | first epoch: seconds | all: seconds | test accuracy |\n| --- | --- | --- | --- |")
        for name, side in one_by_one.items():
            print(f"| {name}: {side} | {side.cells(first_epoch=1, seconds=1, accuracy=4)} |")


if __name__ == "__main__":
    main()
