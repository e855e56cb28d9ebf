"""What the page of ``demo`` asks: the lab answers as the models do, attacks keep their bounds, threads share it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from small_victims import small_convnet
from test_by_hand import settings

from ex3.adversarial.attacks import Norm
from ex3.by_hand.training import rows_of, train_network
from ex3.demo import lab as lab_module
from ex3.demo.classifiers import cut_first_layer, from_keras, from_network
from ex3.demo.lab import LARGEST, Lab
from ex3.embedding.planes import fit_pca, pca_plane
from ex3.errors import ConfigError, DataError
from ex3.models import relu_outputs


@pytest.fixture(scope="module")
def by_hand(dataset):
    return train_network(settings(), dataset)


@pytest.fixture(scope="module")
def lab(dataset, by_hand) -> Lab:
    """Return a lab with a convnet, a hand-written network, and PCA's plane."""
    found = Lab(dataset.test)
    network, run = by_hand
    found.add_classifier("by hand", from_network(network, run.metrics["test_accuracy"], dataset.shape))
    found.add_classifier("convnet", from_keras(small_convnet(), 0.9))
    found.first_layer = cut_first_layer(small_convnet())
    found.add_plane(pca_plane(fit_pca(dataset.train), dataset.shape))
    return found


@pytest.fixture(scope="module")
def right(lab) -> list[int]:
    """Return test images that both classifiers read correctly."""
    read = [classifier.read(lab.test.x).argmax(axis=1) == lab.test.y for classifier in lab.classifiers.values()]
    return np.flatnonzero(np.all(read, axis=0))[:4].tolist()


def test_the_labs_answers_are_the_models_own(lab, by_hand):
    x = lab.test.x[:5]
    scores = by_hand[0].forward(rows_of(x))
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert list(lab.classifiers) == ["convnet", "by hand"]
    for k, image in enumerate(x):
        answers = lab.read(image)
        np.testing.assert_allclose(answers["convnet"], small_convnet().predict(x, verbose=0)[k], atol=1e-5)
        np.testing.assert_allclose(answers["by hand"], expected[k], atol=1e-5)


def test_the_plane_of_an_image(lab):
    image = lab.test.x[3]
    place = lab.place(image)
    np.testing.assert_allclose(place.code, lab.codes[3], rtol=1e-4)
    np.testing.assert_array_equal(place.reconstruction, lab.decode(place.code))
    assert place.reconstruction.shape == (28, 28)
    nearest = lab.nearest(lab.codes[3], 7)
    distances = np.linalg.norm(lab.codes - lab.codes[3], axis=1)
    assert nearest[0] == 3
    np.testing.assert_allclose(distances[nearest], np.sort(distances)[:7])


def test_inside_are_the_first_layers_filters_and_maps(lab):
    inside = lab.inside(lab.test.x[0])
    assert inside.filters.shape == (5, 5, 8)
    assert inside.maps.shape == relu_outputs(small_convnet())["conv1"].shape[1:]
    assert inside.maps.min() >= 0
    assert np.ptp(inside.maps) > 0


def size(noise: np.ndarray, norm: Norm) -> float:
    return float(np.abs(noise).max() if norm == "linf" else np.linalg.norm(noise))


@pytest.mark.parametrize("name", ["convnet", "by hand"])
@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.35), ("l2", 5.0)])
@pytest.mark.parametrize("is_targeted", [False, True])
def test_an_attack_stays_in_its_ball_and_fools_what_it_is_made_for(lab, right, name, norm, epsilon, is_targeted):
    fooled = []
    for row in right:
        image, label = lab.test.x[row], int(lab.test.y[row])
        target = (label + 1) % 10 if is_targeted else None
        found = lab.attack(image, label, name, epsilon, norm, target)
        for picture in (found.result, found.random):
            assert 0 <= picture.min() <= picture.max() <= 1
            assert 0 < size(picture - found.original, norm) <= epsilon * (1 + 1e-5)
        np.testing.assert_array_equal(found.noise, found.result - image[:, :, 0])
        np.testing.assert_array_equal(found.answers[name], lab.read(found.result[:, :, np.newaxis])[name])
        read = found.answers[name].argmax()
        fooled.append(read == target if is_targeted else read != label)
    assert np.mean(fooled) >= 0.75


def test_no_noise_changes_nothing_and_too_much_is_refused(lab):
    found = lab.attack(lab.test.x[0], int(lab.test.y[0]), "convnet", 0.0, "linf")
    np.testing.assert_array_equal(found.result, found.original)
    np.testing.assert_array_equal(found.random, found.original)
    for epsilon in (-0.1, 0.51, np.nan):
        with pytest.raises(ConfigError, match="epsilon"):
            lab.attack(lab.test.x[0], 0, "convnet", epsilon, "linf")


@pytest.mark.parametrize(("norm", "is_targeted"), [("linf", False), ("l2", False), ("linf", True)])
def test_the_least_epsilon_fools_and_a_smaller_one_does_not(lab, right, norm, is_targeted):
    for row in right[:2]:
        image, label = lab.test.x[row], int(lab.test.y[row])
        target = (label + 5) % 10 if is_targeted else None
        for name, least in lab.least_epsilons(image, label, norm, target).items():
            smaller = max(0.0, 0.8 * least - LARGEST[norm] / 128)
            for epsilon, should_fool in ((least, True), (smaller, False)):
                read = lab.attack(image, label, name, epsilon, norm, target).answers[name].argmax()
                assert (read == target if is_targeted else read != label) == should_fool


def test_least_epsilons_at_both_ends_and_remembered(lab, right, monkeypatch):
    image, label = lab.test.x[right[0]], int(lab.test.y[right[0]])
    assert set(lab.least_epsilons(image, (label + 1) % 10, "l2").values()) == {0.0}  # misread without noise
    assert set(lab.least_epsilons(image, label, "l2", target=label).values()) == {0.0}
    asked = lab._least.cache_info().misses
    lab.least_epsilons(image, (label + 1) % 10, "l2")
    assert lab._least.cache_info().misses == asked
    monkeypatch.setitem(lab_module.LARGEST, "l2", 1e-3)
    assert set(Lab(lab.test, lab.classifiers).least_epsilons(image, label, "l2").values()) == {None}


def test_ten_threads_at_once_get_the_answers_of_one(lab):
    def ask(row: int) -> np.ndarray:
        image, label = lab.test.x[row], int(lab.test.y[row])
        attacked = lab.attack(image, label, "by hand" if row % 2 else "convnet", 0.1, "linf")
        place = lab.place(image)
        inside = lab.inside(image)
        return np.concatenate([*lab.read(image).values(), attacked.result.ravel(), place.code, inside.maps.ravel()])

    rows = range(40)
    one_by_one = list(map(ask, rows))
    with ThreadPoolExecutor(10) as pool:
        at_once = list(pool.map(ask, rows))
    np.testing.assert_allclose(at_once, one_by_one, atol=1e-5)


def test_what_is_missing_is_said(dataset):
    empty = Lab(dataset.test)
    assert empty.read(dataset.test.x[0]) == {}
    for ask in (lambda: empty.place(dataset.test.x[0]), lambda: empty.nearest(np.zeros(2)), lambda: empty.inside(0)):
        with pytest.raises(DataError, match="not trained yet"):
            ask()
