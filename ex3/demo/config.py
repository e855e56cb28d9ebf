"""Settings of ``demo``: the images, and the seed of the models that it shows."""

from typing import Annotated

from pydantic import Field

from ex3.settings import ImagesConfig, Seed


class DemoConfig(ImagesConfig):
    """Which models the page shows: those that ``train``, ``autoencoder`` and ``defend`` make with these settings."""

    seed: Seed = 0
    """Of the models."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 2
    """Threads of TensorFlow; the robust network has its own number in training."""
