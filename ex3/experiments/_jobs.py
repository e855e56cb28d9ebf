"""The steps of ``reproduce``: what each depends on, and in which order they are run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ex3 import provenance

PACKAGES = (*provenance.RUN_PACKAGES, "matplotlib")


@dataclass(frozen=True)
class Job:
    """One step of ``reproduce``, with all that its result depends on.

    Attributes:
        name: The command line after ``python cli.py``, without paths.
        arguments: The same as words, with the paths.
        module: The command's module.
        configs: The resolved configs, as plain JSON.
        dataset: The images that it reads; empty for none.
        seconds: Its duration on two cores, to estimate the time left.
        after: Names of steps whose models it uses.
        alone: Whether it needs all cores at a time.
    """

    name: str
    arguments: tuple[str, ...]
    module: str
    configs: list[dict[str, Any]]
    dataset: str
    seconds: float
    after: tuple[str, ...] = ()
    alone: bool = False


def in_order(jobs: Sequence[Job]) -> list[Job]:
    """Sort steps: those that run alone, each after the steps whose models it uses, then the others, the longest first.

    A step whose models others use runs alone, too. Of the first, those without images come first, then the shortest.

    Raises:
        ValueError: A step comes after one that does not exist, or after itself.
    """
    needed = {name for job in jobs for name in job.after}
    jobs = [replace(job, alone=job.alone or job.name in needed) for job in jobs]
    others = sorted((job for job in jobs if not job.alone), key=lambda job: (-job.seconds, job.name))
    alone = sorted((job for job in jobs if job.alone), key=lambda job: (job.dataset != "", job.seconds, job.name))
    remaining, ordered = alone + others, list[Job]()
    while remaining:
        placed = {job.name for job in ordered}
        ready = next((job for job in remaining if placed.issuperset(job.after)), None)
        if ready is None:
            raise ValueError(f"{remaining[0].name}: comes after {', '.join(remaining[0].after)}, which is never done")
        remaining.remove(ready)
        ordered.append(ready)
    return ordered


def identify(jobs: Sequence[Job], fingerprints: Mapping[str, str]) -> dict[str, str]:
    """Return, by name, the digest of everything that a step's result depends on.

    The code counts from the command's module on, since that decides what no config says, such as the number of seeds.

    Args:
        jobs: In the order of ``in_order``.
        fingerprints: Of the images, by data set.
    """
    versions = provenance.versions(*PACKAGES)
    packages = {package: versions[package] for package in PACKAGES}
    identities: dict[str, str] = {}
    for job in jobs:
        images = fingerprints[job.dataset] if job.dataset else ""
        code = provenance.code_digest(job.module)
        before = [identities[name] for name in job.after]
        identities[job.name] = provenance.digest(job.name, job.configs, images, packages, code, before)
    return identities
