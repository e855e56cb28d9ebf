"""Settings of ``attack``: which images are attacked, how, and how strongly."""

from typing import Annotated, Literal

from pydantic import Field

from ex3.settings import Count, ImagesConfig, PositiveRate, Seed

Epsilons = Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(strict=False, min_length=1, max_length=32)]


class AttackConfig(ImagesConfig):
    """Which images are attacked, how, and how strongly."""

    samples: Annotated[int, Field(ge=20, le=1_000_000)] = 1000
    """Test images that are looked at; those that the model classifies correctly are attacked."""
    epsilon: Epsilons = (0.1, 0.2, 0.3)
    """Largest changes of a pixel: of FGSM, of PGD in linf, and of the random noise."""
    epsilon_l2: Epsilons = (1.0, 2.0, 3.0)
    """Largest l2 norms of the noise, of PGD in l2."""
    curve: Epsilons = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
    """The epsilons of the figure over epsilon."""
    norm: Literal["linf", "l2", "both"] = "both"
    """In which norms PGD is run."""
    loss: Literal["ce", "margin"] = "ce"
    """What the gradients are of: the cross-entropy of the logits, or the margin between the logits."""
    steps: Count = 40
    """Steps of PGD."""
    step_size: PositiveRate = 0.2
    """Length of PGD's steps, as a fraction of epsilon."""
    restarts: Count = 2
    """Random starts of PGD."""
    target: Annotated[int, Field(ge=0)] | str | None = None
    """The wanted class of the targeted attack; another one at random for each image when left out."""
    l1_steps: Count = 200
    """Steps of the targeted attack."""
    l1_form: Literal["proximal", "sum", "mean"] = "proximal"
    """How the l1 distance takes part in the targeted attack."""
    seed: Seed = 0
    """Decides the images, the wanted classes and the random starts; also the seed of the attacked models."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 2
    """Threads of TensorFlow."""
