"""Prepares what the page of ``demo`` asks: models from the store, the quick ones trained now, the slow ones later."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ex3.demo.config import DemoConfig
from ex3.demo.lab import Lab
from ex3.experiments import Paths

OnChange = Callable[[str], None]


@contextmanager
def open_lab(config: DemoConfig, paths: Paths, on_change: OnChange, quiet: bool = False) -> Iterator[Lab]:
    """Yield a lab within seconds; train what is missing and slow in the background while the block runs.

    Args:
        config: The images and the seed.
        paths: Where to read the images, and where models are stored.
        on_change: Called from another thread with the lab's new ``status`` whenever that, or the lab, has changed;
            empty when all models are there.
        quiet: Show no progress of the models that are trained before the lab is there.

    Raises:
        ConfigError: The images are not of 28 x 28 grey pixels.
        DataError: The images cannot be had.
        WriteError: A model cannot be written.
    """
    raise NotImplementedError
