"""What all configs share: their strictness, the types of their values, and the choice of the images.

Two equal configs on the same data and package versions give the same numbers. Paths of results and the number of
repeats are therefore not part of a config.
"""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Width = Annotated[int, Field(ge=1, le=65_536)]
Epochs = Annotated[int, Field(ge=1, le=100_000)]
PositiveRate = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
MOST_SEEDS = 1_000  # of an experiment
Fraction = Annotated[float, Field(ge=0, lt=1)]
DATASETS = ("mnist", "fashion-mnist", "digits", "cars-cats-trucks")


class Config(BaseModel):
    """Base of all configs: unknown keys, changes after creation, converted types and nan are errors."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def _absolute(path: str) -> str:
    """Make the path of an existing file or folder absolute, since a worker may run elsewhere; leave a name alone."""
    try:
        return str(Path(path).absolute()) if path not in DATASETS and Path(path).exists() else path
    except (OSError, ValueError):  # no path at all
        return path


def _names(value: object) -> object:
    """``"4,7,9"``, ``7``, ``[4, 7, 9]`` and ``["cat", "dog"]`` are all lists of names."""
    values = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
    return None if value is None else tuple(str(name).strip() for name in values)


class ImagesConfig(Config):
    """Which images an experiment rests on; the configs of all experiments on images inherit it."""

    dataset: Annotated[str, AfterValidator(_absolute)] = "mnist"
    """mnist, fashion-mnist, digits (scikit-learn's small ones), cars-cats-trucks, or a folder of images."""
    classes: Annotated[tuple[str, ...] | None, BeforeValidator(_names)] = None
    """Keep only these classes, in this order: names, or labels from 0; all when left out."""
    size: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Resize the images to this side, in pixels; when left out, those of a folder to their most common size."""
    labels: Annotated[str, AfterValidator(_absolute)] | None = None
    """A CSV file with other labels of training images."""
    limit: Count | None = None
    """Use only so many training images; all when left out."""

    @property
    def images(self) -> "ImagesConfig":
        """This part of an experiment's config alone."""
        return ImagesConfig.model_construct(**{name: getattr(self, name) for name in ImagesConfig.model_fields})
