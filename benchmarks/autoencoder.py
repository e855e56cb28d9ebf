"""The default autoencoder against the usual one: 784-512-128-2 with a ReLU bottleneck, Adam and Keras's ``fit``.

    python benchmarks/autoencoder.py            # 3 seeds; about eight minutes on two cores
    python benchmarks/autoencoder.py --seeds 1  # a first look

Both train on the same images. The time is the training's alone: no imports, no data loading, no evaluations; tracing
counts. It prints the table that ``benchmarks/README.md`` shows.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from ex3.backend import keras, prepare
from ex3.config import AutoencoderConfig
from ex3.config_files import load_as
from ex3.data import Dataset, load_dataset
from ex3.embedding.planes import flat
from ex3.evaluation import neighbour_accuracy, predict
from ex3.results import spread
from ex3.runs import train_autoencoder
from ex3.tables import with_spread

layers = keras.layers
THREADS = 2
CONFIG = Path(__file__).parent.parent / "configs" / "autoencoder.toml"


@dataclass(frozen=True)
class Timing:
    """One training: its seconds, its test error per pixel, and the 15-nearest-neighbour accuracy in the plane."""

    seconds: float
    mse: float
    accuracy: float


def usual(data: Dataset, seed: int) -> Timing:
    """Train the usual autoencoder for 20 epochs."""
    prepare(seed, THREADS, "float32")
    encoder = keras.Sequential([keras.Input((784,)), *(layers.Dense(units, "relu") for units in (512, 128, 2))])
    decoder = keras.Sequential([keras.Input((2,)), *(layers.Dense(units, "relu") for units in (128, 512))])
    decoder.add(layers.Dense(784, "sigmoid"))
    both = keras.Sequential([encoder, decoder])
    both.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mean_squared_error")
    x, test = flat(data.train.x), flat(data.test.x)
    start = time.perf_counter()
    both.fit(x, x, batch_size=256, epochs=20, verbose=0)
    seconds = time.perf_counter() - start
    accuracy = neighbour_accuracy(lambda images: predict(encoder, flat(images)), data.train, data.test)
    return Timing(seconds, float(((predict(both, test) - test) ** 2).mean()), accuracy)


def ours(data: Dataset, seed: int) -> Timing:
    """Train this package's default autoencoder."""
    config = load_as(AutoencoderConfig, CONFIG, {"seed": seed, "threads": THREADS})
    _, run = train_autoencoder(config, data)
    return Timing(run.seconds, run.metrics["test_loss"], run.metrics["test_neighbour_accuracy"])


def main() -> None:
    """Time both sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data-dir", default=os.environ.get("EX3_DATA_DIR"))
    arguments = parser.parse_args()
    sides: dict[str, Callable] = {"the usual one, 20 epochs": usual, "configs/autoencoder.toml": ours}
    timings: dict[str, list[Timing]] = {side: [] for side in sides}
    for seed in range(arguments.seeds):  # in turn: a machine's speed varies
        data = load_dataset("mnist", arguments.data_dir, seed)
        for side, train in sides.items():
            timings[side].append(train(data, seed))
            print(side, seed, timings[side][-1], file=sys.stderr, flush=True)
    print("| autoencoder | seconds | test MSE | 15-NN accuracy |")
    print("| --- | --- | --- | --- |")
    for side, done in timings.items():
        numbers = [
            with_spread(spread([getattr(one, name) for one in done]), digits)
            for name, digits in (("seconds", 1), ("mse", 5), ("accuracy", 4))
        ]
        print(f"| {side} | {' | '.join(numbers)} |")


if __name__ == "__main__":
    main()
