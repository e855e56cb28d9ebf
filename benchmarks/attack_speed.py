"""FGSM and PGD of this package against foolbox's and ART's, on the same model, images and batches, in one run.

    pip install -r benchmarks/requirements.txt
    python benchmarks/attack_speed.py

The model is the default convnet, trained first; 1,000 test images that it classifies correctly are attacked in batches
of 250. Every side is run once before it is timed, and the best of three repeats counts. This package's PGD is finished
with an image as soon as it fools the model, which the others are not, so its speed depends on epsilon; the success of
all three is shown beside it. It prints the table that ``benchmarks/README.md`` shows.
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import foolbox
import numpy as np
from art.attacks.evasion import FastGradientMethod, ProjectedGradientDescentTensorFlowV2
from art.estimators.classification import TensorFlowV2Classifier

from ex3 import config_files
from ex3.adversarial import attacks
from ex3.adversarial.judging import select_correct
from ex3.adversarial.victims import BATCH_SIZE, keras_victim
from ex3.backend import keras, tf
from ex3.data import load_dataset
from ex3.models import logits_model
from ex3.runs import train_classifier

STEPS, STEP_SIZE = 40, 0.2
IMAGES = 1_000
REPEATS = 3

Attack = Callable[[np.ndarray, np.ndarray], np.ndarray]


def in_batches(attack: Attack) -> Attack:
    """Apply an attack in batches of the same size as the other sides'."""

    def apply(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        starts = range(0, len(x), BATCH_SIZE)
        return np.concatenate(
            [attack(x[start : start + BATCH_SIZE], y[start : start + BATCH_SIZE]) for start in starts]
        )

    return apply


def sides(model: keras.Model, epsilon: float) -> dict[str, dict[str, Attack]]:
    """Return each side's FGSM and PGD-40 in linf, with the same step size."""
    victim, logits = keras_victim(model), logits_model(model)
    fool = foolbox.TensorFlowModel(logits, bounds=(0, 1))
    art = TensorFlowV2Classifier(
        logits, nb_classes=10, input_shape=(28, 28, 1), clip_values=(0, 1),
        loss_object=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )  # fmt: skip

    def foolbox_attack(attack: foolbox.Attack) -> Attack:
        return in_batches(lambda x, y: attack(fool, tf.constant(x), tf.constant(y), epsilons=epsilon)[1].numpy())

    art_pgd = ProjectedGradientDescentTensorFlowV2(
        art, norm=np.inf, eps=epsilon, eps_step=STEP_SIZE * epsilon, max_iter=STEPS, num_random_init=1,
        batch_size=BATCH_SIZE, verbose=False,
    )  # fmt: skip
    art_fgsm = FastGradientMethod(art, eps=epsilon, batch_size=BATCH_SIZE)
    return {
        "this package": {
            "FGSM": lambda x, y: attacks.fgsm(victim, x, y, epsilon),
            "PGD-40": lambda x, y: attacks.pgd(victim, x, y, epsilon, STEPS, STEP_SIZE),
        },
        "foolbox": {
            "FGSM": foolbox_attack(foolbox.attacks.LinfFastGradientAttack()),
            "PGD-40": foolbox_attack(foolbox.attacks.LinfPGD(rel_stepsize=STEP_SIZE, steps=STEPS)),
        },
        "ART": {
            "FGSM": lambda x, y: art_fgsm.generate(x, np.eye(10)[y]),
            "PGD-40": lambda x, y: art_pgd.generate(x, np.eye(10)[y]),
        },
    }


def main() -> None:
    """Time every side in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", default=os.environ.get("EX3_DATA_DIR"))
    data = load_dataset("mnist", parser.parse_args().data_dir)
    model, run = train_classifier(config_files.load(config_files.shipped("convnet")), data)
    print(f"convnet with test accuracy {run.metrics['test_accuracy']:.4f}\n")
    victim = keras_victim(model)
    images = select_correct(victim, data.test.x, data.test.y)
    x, y = images.x[:IMAGES], images.y[:IMAGES]
    print("| attack | epsilon | this package: images/s | success | foolbox | success | ART | success | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, epsilon in (("FGSM", 0.2), ("PGD-40", 0.1), ("PGD-40", 0.2), ("PGD-40", 0.3)):
        found = {side: of_side[name] for side, of_side in sides(model, epsilon).items()}
        seconds = dict.fromkeys(found, float("inf"))
        successes = {}
        for attack in found.values():
            attack(x[:BATCH_SIZE], y[:BATCH_SIZE])
        for _ in range(REPEATS):  # in turn: a machine's speed varies
            for side, attack in found.items():
                start = time.perf_counter()
                adversarial = attack(x, y)
                seconds[side] = min(seconds[side], time.perf_counter() - start)
                successes[side] = np.mean(victim.logits(adversarial).argmax(axis=1) != y)
        cells = [f"{len(x) / seconds[side]:,.0f} | {successes[side]:.1%}" for side in found]
        ratio = min(seconds["foolbox"], seconds["ART"]) / seconds["this package"]
        print(f"| {name} | {epsilon} | {' | '.join(cells)} | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
