"""Settings of an autoencoder whose plane is asked for structure, too."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ex3.config import PlaneConfig
from ex3.settings import Count, Fraction

Weight = Annotated[float, Field(ge=0)]


class StructuredConfig(PlaneConfig):
    """Minimises the mean squared error + neighbour_weight N + distance_weight C, without labels.

    N is small where neighbouring images have neighbouring codes, and C where distances in the plane follow those
    between the images; ``embedding/structured.py`` defines both. A batch holds images and a neighbour of each.
    """

    model: Literal["autoencoder-structured"] = "autoencoder-structured"
    neighbours: Count = 5
    """Nearest neighbours that each training image has; one of them, drawn anew each time, comes with it."""
    neighbour_weight: Weight
    """Of N, until ``fall_start``."""
    neighbour_weight_end: Weight
    """Of N, from ``fall_end`` on; linear in between."""
    fall_start: Fraction = 0.3
    """The share of all steps after which the weights begin to change."""
    fall_end: Annotated[float, Field(gt=0, le=1)] = 0.9
    """The share of all steps after which they have reached their ends."""
    distance_weight: Weight
    """Of C, until ``fall_start``."""
    distance_weight_end: Weight
    """Of C, from ``fall_end`` on; linear in between."""
    without: Literal["nothing", "neighbours", "distances", "both", "deskewing"] = "nothing"
    """What is left out: N, C or both; or the deskewing of the images before their neighbours are found."""

    @model_validator(mode="after")
    def _fits_together(self) -> "StructuredConfig":
        if self.fall_end <= self.fall_start:
            raise ValueError(f"fall_end = {self.fall_end:g}: does not come after fall_start = {self.fall_start:g}")
        if self.batch_size % 2:
            raise ValueError(f"batch_size = {self.batch_size}: half of a batch are neighbours, so it is even")
        return self
