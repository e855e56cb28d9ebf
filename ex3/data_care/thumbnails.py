"""Small pictures of large images."""

import numpy as np

from ex3.results import Pixels, without_one_channel

LARGEST_SIDE = 64  # pixels


def pack_thumbnails(images: np.ndarray) -> Pixels:
    """Pack images ``(..., H, W, C)`` in [0, 1]; large ones are made smaller, their longer side 64 pixels."""
    height, width, channels = images.shape[-3:]
    if (longest := max(height, width)) > LARGEST_SIDE:
        small = [max(1, round(side * LARGEST_SIDE / longest)) for side in (height, width)]
        planes = np.moveaxis(images, -1, 0).reshape(-1, height, width)
        pooled = pool(planes, *small).reshape(channels, *images.shape[:-3], *small)
        images = np.moveaxis(pooled, 0, -1)
    return Pixels.pack(without_one_channel(images))


def pool(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Take the means over the cells of a grid, ``(N, H, W)`` -> ``(N, height, width)``; cells may share pixels."""
    return _shares(images.shape[1], height) @ images @ _shares(images.shape[2], width).T


def _shares(side: int, cells: int) -> np.ndarray:
    """Return the share that each pixel of a side has in each cell's mean: ``(cells, side)``, each row sums to 1."""
    ends = np.linspace(0, side, cells + 1)[:, np.newaxis]
    pixels = np.arange(side)
    overlap = np.minimum(ends[1:], pixels + 1) - np.maximum(ends[:-1], pixels)
    return (overlap.clip(min=0) * (cells / side)).astype(np.float32)
