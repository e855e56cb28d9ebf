"""This package's judge against ART's AutoAttack and Square, on the same weights and images, in one run.

    pip install -r benchmarks/requirements.txt
    python cli.py defend --only pgd,ibp
    python benchmarks/robust_agreement.py runs/models/robust-seed0-*/model.keras

Test images are drawn at random; those that a model classifies correctly are attacked at epsilon 0.3. Printed are the
shares of all drawn images that each side leaves classified correctly, the images on which the two disagree, and, for
each model, that ART breaks no image that is certified here.
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from art.attacks.evasion import AutoAttack, AutoProjectedGradientDescent, SquareAttack
from art.estimators.classification import TensorFlowV2Classifier

from ex3 import model_store
from ex3.adversarial.defend_config import Strength
from ex3.adversarial.square import square
from ex3.adversarial.victims import keras_victim
from ex3.adversarial.worst_case import ATTACKS, survivors
from ex3.backend import keras, tf
from ex3.data import load_dataset
from ex3.defences.certificate import certify
from ex3.defences.layers import read_layers
from ex3.models import logits_model

EPSILON, QUERIES, BATCH_SIZE = 0.3, 5_000, 125
STRENGTH = Strength(steps=50, step_size=0.1, restarts=5, queries=QUERIES)

Left = Callable[[np.ndarray, np.ndarray], np.ndarray]  # images, labels -> still classified correctly


def sides(model: keras.Model) -> dict[str, Left]:
    """Return each side's attacks, as functions to the images that they leave."""
    logits = logits_model(model)
    victims = {loss: keras_victim(model, loss, BATCH_SIZE) for loss in ("ce", "margin")}
    art = TensorFlowV2Classifier(
        logits, nb_classes=10, input_shape=(28, 28, 1), clip_values=(0, 1),
        loss_object=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )  # fmt: skip
    common = {"norm": np.inf, "eps": EPSILON, "batch_size": BATCH_SIZE}
    their_square = SquareAttack(art, max_iter=QUERIES, nb_restarts=1, verbose=False, **common)
    by_loss = [
        AutoProjectedGradientDescent(
            art, eps_step=EPSILON / 4, max_iter=50, nb_random_init=2, loss_type=loss, verbose=False, **common
        )
        for loss in ("cross_entropy", "difference_logits_ratio")
    ]
    auto = AutoAttack(art, attacks=[*by_loss, their_square], eps_step=EPSILON / 4, **common)

    def left(attack: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Left:
        return lambda x, y: victims["ce"].logits(attack(x, y)).argmax(axis=1) == y

    return {
        "this package: Square": left(lambda x, y: square(victims["margin"], x, y, EPSILON, QUERIES)),
        "ART: Square": left(lambda x, y: their_square.generate(x, np.eye(10)[y])),
        "this package: all": lambda x, y: survivors(victims, x, y, EPSILON, STRENGTH, 0)[ATTACKS[-1]],
        "ART: AutoAttack": left(lambda x, y: auto.generate(x, np.eye(10)[y])),
    }


def main() -> None:
    """Attack each model with both sides and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--data-dir", default=os.environ.get("EX3_DATA_DIR"))
    options = parser.parse_args()
    test = load_dataset("mnist", options.data_dir).test.sample(options.samples, 0)
    print("| model | attack | left | seconds | certified and broken |")
    print("| --- | --- | --- | --- | --- |")
    for file in options.models:
        model, run = model_store.load_classifier(file)
        correct = keras_victim(model).logits(test.x).argmax(axis=1) == test.y
        x, y = test.x[correct], test.y[correct]
        proved, found = certify(read_layers(model), x, y, EPSILON), {}
        for name, attack in sides(model).items():
            start = time.perf_counter()
            found[name] = attack(x, y)
            seconds, share = time.perf_counter() - start, found[name].sum() / len(test)
            broken = int(np.sum(proved & ~found[name]))
            print(f"| {run.config.defence} | {name} | {share:.3f} | {seconds:.0f} | {broken} |", flush=True)
        disagree = int(np.sum(found["this package: all"] != found["ART: AutoAttack"]))
        print(
            f"| {run.config.defence} | images on which the two disagree | {disagree} of {len(test)} | | |", flush=True
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
