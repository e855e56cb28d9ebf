"""Attacks against foolbox's and ART's, where these are installed (``benchmarks/requirements.txt``)."""

import numpy as np
import pytest
from small_victims import small_convnet

from ex3.adversarial import attacks
from ex3.adversarial.judging import select_correct
from ex3.adversarial.victims import keras_victim
from ex3.backend import tf
from ex3.models import logits_model

foolbox = pytest.importorskip("foolbox")
evasion = pytest.importorskip("art.attacks.evasion")
classification = pytest.importorskip("art.estimators.classification")


@pytest.fixture(scope="module")
def sides(dataset):
    logits = logits_model(small_convnet())
    fool = foolbox.TensorFlowModel(logits, bounds=(0, 1))
    art = classification.TensorFlowV2Classifier(
        logits, nb_classes=10, input_shape=(28, 28, 1), clip_values=(0, 1),
        loss_object=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )  # fmt: skip
    victim = keras_victim(small_convnet())
    return victim, fool, art, select_correct(victim, dataset.test.x, dataset.test.y)


@pytest.mark.parametrize("epsilon", [0.05, 0.3])
def test_fgsm_agrees(sides, epsilon):
    victim, fool, art, images = sides
    ours = attacks.fgsm(victim, images.x, images.y, epsilon)
    x, y = tf.constant(images.x), tf.constant(images.y)  # int64: foolbox needs it under NumPy 2
    theirs = foolbox.attacks.LinfFastGradientAttack()(fool, x, y, epsilons=epsilon)[1].numpy()
    assert np.abs(ours - theirs).max() <= 1e-6
    theirs = evasion.FastGradientMethod(art, eps=epsilon).generate(images.x, np.eye(10)[images.y])
    assert np.abs(ours - theirs).max() <= 1e-6


@pytest.mark.parametrize("epsilon", [0.03, 0.1])
def test_pgd_succeeds_at_least_as_often(sides, epsilon):
    victim, fool, art, images = sides

    def success(x_adv):
        return np.mean(victim.logits(x_adv).argmax(axis=1) != images.y)

    ours = success(attacks.pgd(victim, images.x, images.y, epsilon))
    x, y = tf.constant(images.x), tf.constant(images.y)
    theirs = foolbox.attacks.LinfPGD(rel_stepsize=0.2, steps=40)(fool, x, y, epsilons=epsilon)[1].numpy()
    assert ours >= success(theirs) - 1 / len(images.x)  # both start at random
    pgd = evasion.ProjectedGradientDescentTensorFlowV2(
        art, norm=np.inf, eps=epsilon, eps_step=0.2 * epsilon, max_iter=40, num_random_init=1, verbose=False
    )
    assert ours >= success(pgd.generate(images.x, np.eye(10)[images.y])) - 1 / len(images.x)
