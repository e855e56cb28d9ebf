"""Small folders of pictures: each class has a colour of its own, so that a tiny fit learns something."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"car": (220, 60, 60), "cat": (60, 200, 60), "truck": (60, 60, 220)}


def draw(colour: tuple[int, ...], seed: int, width: int = 12, height: int = 12) -> Image.Image:
    """Draw noise around a colour; one number is a grey."""
    noise = np.random.default_rng(seed).integers(-40, 40, size=(height, width, len(colour)))
    return Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8).squeeze())


def save(path: Path, seed: int, colour: tuple[int, ...] = (128, 128, 0), **size: int) -> Path:
    """Write a picture; its format is that of the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(colour, seed, **size).save(path)
    return path


def write_folder(folder: Path, train: int = 12, test: int = 8, colours: dict[str, tuple[int, ...]] = COLOURS) -> Path:
    """Write ``train/<class>/*.png`` and ``test/<class>/*.png``; with ``test=0``, one level."""
    for label, (name, colour) in enumerate(colours.items()):
        for part, count in (("train", train), ("test", test)):
            for number in range(count):
                root = folder / part if test else folder
                save(root / name / f"{number}.png", 1000 * label + 100 * (part == "test") + number, colour)
    return folder


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that announces a size, and holds no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
