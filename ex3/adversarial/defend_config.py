"""Settings of networks with a defence, and of how they are judged."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from ex3.adversarial.attack_config import Epsilons
from ex3.robust_config import RobustConfig
from ex3.settings import Config, Count, PositiveRate


@dataclass(frozen=True)
class Strength:
    """How hard a network is attacked.

    Attributes:
        steps: Of PGD.
        step_size: Length of PGD's steps, as a fraction of epsilon.
        restarts: Random starts of PGD on the cross-entropy, and as many on the margin; one to each other class.
        queries: Of Square.
    """

    steps: int
    step_size: float
    restarts: int
    queries: int


class DefendedConfig(RobustConfig):
    """A network with a defence, and how it is judged."""

    judged_epsilon: Annotated[float, Field(gt=0, le=1)] = 0.3
    """The bound of the attacks and of the certificate that the table shows."""
    curve: Epsilons = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
    """The bounds of the curves, which a shorter attack makes."""
    samples: Annotated[int, Field(ge=20, le=1_000_000)] = 500
    """Test images that are attacked, drawn at random; the certificate is computed for all."""
    steps: Count = 50
    """Steps of PGD."""
    step_size: PositiveRate = 0.1
    """Length of these steps, as a fraction of epsilon."""
    restarts: Count = 5
    """Random starts of PGD on the cross-entropy, and as many on the margin; one to each other class."""
    queries: Count = 5_000
    """Of Square, per image."""
    tested: Count = 50
    """Certified images that are attacked all the same: one that breaks stops the run."""

    @property
    def network(self) -> RobustConfig:
        """The part that the trained weights depend on."""
        return RobustConfig.model_construct(**{name: getattr(self, name) for name in RobustConfig.model_fields})

    @property
    def strength(self) -> Strength:
        """The part that says how hard the network is attacked."""
        return Strength(self.steps, self.step_size, self.restarts, self.queries)


class DefendConfig(Config):
    """The networks of ``defend``."""

    seeds: Annotated[int, Field(ge=1, le=1000)]
    """Runs of each network, from its seed upwards."""
    networks: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
    """By name, the settings of each network that differ from the defaults."""
    hand: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """The same of hand-written networks with one hidden layer, on which certificates are compared."""
