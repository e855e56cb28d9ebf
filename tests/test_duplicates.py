"""Pairs of images that are nearly equal."""

import numpy as np
import pytest

from ex3.data_care.duplicates import CROWD, find_duplicates, is_constant
from ex3.data_care.thumbnails import pack_thumbnails, pool


def test_crowds_of_look_alikes_are_not_compared():
    rng = np.random.default_rng(0)
    crowd = np.zeros((CROWD + 2, 16, 16, 1)) + np.linspace(0, 0.5, 16)[:, np.newaxis]
    crowd[..., 0] += rng.uniform(0, 0.05, (CROWD + 2, 16, 16))
    pair = np.repeat(rng.uniform(0, 1, (1, 16, 16, 1)), 2, axis=0)
    pair[1] = 0.9 * pair[1] + rng.uniform(0, 0.05, (16, 16, 1))
    found = find_duplicates(np.concatenate([crowd, pair]))
    assert found.crowded == CROWD + 2
    assert found.alike.rows.tolist() == [[CROWD + 2, CROWD + 3]]
    assert found.alike.similarity[0] > 0.95


def test_equal_images_are_each_paired_with_the_first():
    image = np.random.default_rng(0).uniform(0, 1, (1, 9, 7, 3))
    images = np.concatenate([np.zeros((1, 9, 7, 3)), image, np.zeros((1, 9, 7, 3)), image, image])
    found = find_duplicates(images)
    assert found.equal.rows.tolist() == [[0, 2], [1, 3], [1, 4]]
    assert len(found.alike) == 0
    assert is_constant(images).tolist() == [True, False, True, False, False]


def test_pooling_takes_means_of_shared_pixels():
    row = np.array([[[1.0, 2.0, 3.0]]])
    np.testing.assert_allclose(pool(row, 1, 2), [[[4 / 3, 8 / 3]]], rtol=1e-6)
    np.testing.assert_allclose(pool(row, 1, 6), [[[1, 1, 2, 2, 3, 3]]], rtol=1e-6)
    small = pack_thumbnails(np.random.default_rng(0).uniform(0, 1, (2, 3, 128, 64, 3))).unpack()
    assert small.shape == (2, 3, 64, 32, 3)
    assert small.mean() == pytest.approx(0.5, abs=0.01)
