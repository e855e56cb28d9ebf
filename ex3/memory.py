"""How much memory this process may take, and what a network's parameters need: known before anything is built."""

import itertools
import math
import os
from collections.abc import Iterator
from pathlib import Path

from ex3.config import ConvnetConfig, MlpConfig, PlaneConfig, TrainConfig
from ex3.errors import ConfigError
from ex3.robust_config import RobustConfig

BYTES_PER_PARAMETER = 16  # a weight, its gradient, and two moments of Adam, float32 each
BYTES_PER_WORKER = 2**30  # of a process with TensorFlow and a data set, about
LIMIT_OF_GROUP = Path("/sys/fs/cgroup/memory.max")  # of a container


def memory() -> int | None:
    """Return the bytes that this process may take; ``None`` where the system does not say."""
    return min(_limits(), default=None)


def _limits() -> Iterator[int]:
    if os.name != "posix":
        return
    import resource

    yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        most = resource.getrlimit(limit)[0]
        if most != resource.RLIM_INFINITY:
            yield most
    if LIMIT_OF_GROUP.is_file() and (text := LIMIT_OF_GROUP.read_text().strip()).isdecimal():
        yield int(text)


def count_parameters(config: TrainConfig, shape: tuple[int, ...], classes: int) -> int:
    """Count a network's weights and biases, those of its normalisation left out.

    Args:
        config: Of the network.
        shape: Of an image, ``(H, W, C)``.
        classes: Number of classes.
    """
    height, width, channels = shape
    total = 0
    if isinstance(config, ConvnetConfig):
        for block in config.blocks:
            total += (block.kernel_size**2 * channels + 1) * block.filters
            total += block.residuals * (9 * block.filters + 1) * block.filters
            border = (block.kernel_size - 1) * (config.padding == "valid")
            sides = (math.ceil((side - border) / block.stride) // block.pool_size for side in (height, width))
            (height, width), channels = sides, block.filters
        height, width = (1, 1) if config.global_pooling == "average" else (height, width)
    if isinstance(config, RobustConfig):
        for filters in config.filters:
            total += (config.kernel_size**2 * channels + 1) * filters
            height, width, channels = (height + 1) // 2, (width + 1) // 2, filters
    pixels = height * width * channels
    hidden = config.hidden_units if isinstance(config, MlpConfig | ConvnetConfig | RobustConfig) else ()
    units = [pixels, *hidden, classes]
    if isinstance(config, PlaneConfig):
        units = [pixels, *config.hidden_units, 2, *config.hidden_units[::-1], pixels]
    return total + sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(units))


def check_memory(config: TrainConfig, shape: tuple[int, ...], classes: int) -> None:
    """Check that a network can be trained in the memory that there is.

    Raises:
        ConfigError: It cannot; the message has both numbers.
    """
    parameters, most = count_parameters(config, shape, classes), memory()
    if most is not None and parameters * BYTES_PER_PARAMETER > most:
        raise ConfigError(
            f"{config.model}: its {parameters:,} parameters need {parameters * BYTES_PER_PARAMETER / 1e9:,.1f} GB in "
            f"training; there are {most / 1e9:,.1f} GB; choose fewer filters or hidden_units"
        )


def limit_jobs(jobs: int, cells: int) -> int:
    """Return the number of worker processes for some cells: not more than the cells, or than the memory holds."""
    most = memory()
    return max(1, min(jobs, cells, jobs if most is None else most // BYTES_PER_WORKER))
