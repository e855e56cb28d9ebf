"""Everything that the page may ask, in one object; any number of threads may ask at once.

An image is float32 ``(28, 28, 1)`` in [0, 1]. Slow models come later, each at once with all that it answers.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ex3.adversarial.attacks import Norm, random_noise
from ex3.adversarial.balls import BALLS
from ex3.adversarial.judging import CorrectImages, smallest_epsilons
from ex3.data import Split
from ex3.demo.classifiers import Classifier, FirstLayer
from ex3.embedding.planes import Plane
from ex3.errors import ConfigError, DataError

LARGEST: dict[Norm, float] = {"linf": 0.5, "l2": 8.0}  # the bound of epsilon in each norm
REMEMBERED = 2_000  # least epsilons
NAMES = ("linear", "mlp", "convnet", "robust", "by hand")  # of the classifiers, in this order


@dataclass(frozen=True)
class Place:
    """Where an image lands in the plane: its code ``(2,)``, and the image that is decoded from it ``(28, 28)``."""

    code: np.ndarray
    reconstruction: np.ndarray


@dataclass(frozen=True)
class Attacked:
    """An attack on an image; pictures are ``(28, 28)``.

    Attributes:
        original: In [0, 1].
        noise: ``result - original``, in [-epsilon, epsilon] in linf.
        result: In [0, 1].
        answers: Of each classifier to the result, ``(classes,)`` probabilities.
        random: The original with random noise within the same bound, in [0, 1].
        random_answers: Of each classifier to that.
    """

    original: np.ndarray
    noise: np.ndarray
    result: np.ndarray
    answers: dict[str, np.ndarray]
    random: np.ndarray
    random_answers: dict[str, np.ndarray]


@dataclass(frozen=True)
class Inside:
    """The convnet's first layer: filters ``(k, k, n)``, and what they find in an image, maps ``(h, w, n)``."""

    filters: np.ndarray
    maps: np.ndarray


@dataclass
class Lab:
    """The trained models, and the test images.

    Attributes:
        test: The test images and their labels.
        classifiers: By name; some of ``NAMES``, in their order.
        first_layer: Of the convnet.
        plane: Of the structured autoencoder; ``None`` while it is missing.
        codes: Of the test images in the plane, ``(N, 2)``; empty while it is missing.
        status: What is trained in the background, in a few words; empty when nothing is.
    """

    test: Split
    classifiers: dict[str, Classifier] = field(default_factory=dict)
    first_layer: FirstLayer | None = None
    plane: Plane | None = None
    codes: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.float32))
    status: str = ""

    def __post_init__(self) -> None:
        self._least = lru_cache(maxsize=REMEMBERED)(self._find_least)

    def add_classifier(self, name: str, classifier: Classifier) -> None:
        """Add a classifier, or exchange one."""
        known = self.classifiers | {name: classifier}
        self.classifiers = {name: known[name] for name in NAMES if name in known}  # who reads the old dict keeps it

    def add_plane(self, plane: Plane) -> None:
        """Add the plane, and compute the codes of all test images."""
        self.codes = plane.encode(self.test.x)
        plane.decode(self.codes[:1])  # compiles it
        self.plane = plane

    def read(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """Return the probabilities ``(classes,)`` of each classifier."""
        return {name: classifier.read(image[np.newaxis])[0] for name, classifier in self.classifiers.items()}

    def place(self, image: np.ndarray) -> Place:
        """Put an image into the plane, and decode it.

        Raises:
            DataError: The plane is missing.
        """
        code = self._known_plane().encode(image[np.newaxis])[0]
        return Place(code, self.decode(code))

    def decode(self, code: np.ndarray) -> np.ndarray:
        """Return the image ``(28, 28)`` in [0, 1] of a code ``(2,)``.

        Raises:
            DataError: The plane is missing.
        """
        return self._known_plane().decode(np.asarray(code, np.float32)[np.newaxis])[0, :, :, 0]

    def nearest(self, code: np.ndarray, count: int = 10) -> np.ndarray:
        """Return the test images, by their indices, whose codes are the nearest to a code, the nearest first.

        Raises:
            DataError: The plane is missing.
        """
        self._known_plane()
        return np.argsort(np.sum((self.codes - code) ** 2, axis=1), kind="stable")[:count]

    def attack(
        self, image: np.ndarray, label: int, name: str, epsilon: float, norm: Norm, target: int | None = None
    ) -> Attacked:
        """Attack a classifier with PGD, and show the result, and random noise of the same bound, to all of them.

        Args:
            image: The image.
            label: Its label, which the attack leads away from.
            name: The classifier's.
            epsilon: The bound of the noise, in [0, LARGEST[norm]].
            norm: ``linf`` or ``l2``.
            target: A label that the attack leads to, instead.

        Raises:
            ConfigError: Epsilon is out of its range.
        """
        if not 0 <= epsilon <= LARGEST[norm]:
            raise ConfigError(f"epsilon = {epsilon:g}: should be in [0, {LARGEST[norm]:g}]")
        x, y = image[np.newaxis], np.array([label if target is None else target])
        result = self.classifiers[name].attack(x, y, epsilon, norm, targeted=target is not None)[0]
        random = _random(x, epsilon, norm)[0]
        return Attacked(
            original=image[:, :, 0],
            noise=(result - image)[:, :, 0],
            result=result[:, :, 0],
            answers=self.read(result),
            random=random[:, :, 0],
            random_answers=self.read(random),
        )

    def least_epsilons(
        self, image: np.ndarray, label: int, norm: Norm, target: int | None = None
    ) -> dict[str, float | None]:
        """Return the least epsilon with which PGD fools each classifier; ``None`` where ``LARGEST[norm]`` does not.

        It is 0 for an image that is misread without noise (with a target: read as the target). Remembered per image.

        Args:
            image: The image.
            label: Its label.
            norm: ``linf`` or ``l2``.
            target: A label that the attack leads to, instead.
        """
        content = image.astype(np.float32).tobytes()
        return {name: self._least(name, content, image.shape, label, norm, target) for name in self.classifiers}

    def inside(self, image: np.ndarray) -> Inside:
        """Return the convnet's filters, and their maps of an image after max-pooling and ReLU.

        Raises:
            DataError: The convnet is missing.
        """
        if self.first_layer is None:
            raise DataError("the convnet is not trained yet")
        return Inside(self.first_layer.filters, self.first_layer.find(image[np.newaxis])[0])

    def _find_least(
        self, name: str, content: bytes, shape: tuple[int, ...], label: int, norm: Norm, target: int | None
    ) -> float | None:
        classifier = self.classifiers[name]
        x = np.frombuffer(content, np.float32).reshape(1, *shape)
        targets = None if target is None else np.array([target])
        is_targeted = targets is not None

        def perturb(x: np.ndarray, y: np.ndarray, epsilon: float | np.ndarray) -> np.ndarray:
            return classifier.attack(x, y, epsilon, norm, is_targeted)

        images = CorrectImages(x, np.array([label]), 1, targets)
        read = int(classifier.read(x).argmax())
        if read == target or (target is None and read != label):
            return 0.0
        found = float(smallest_epsilons(classifier.victim, images, perturb, LARGEST[norm])[0])
        return found if np.isfinite(found) else None

    def _known_plane(self) -> Plane:
        if self.plane is None:
            raise DataError("the plane is not trained yet")
        return self.plane


def _random(x: np.ndarray, epsilon: float, norm: Norm) -> np.ndarray:
    """Return images with random noise: in linf each pixel moved by plus or minus epsilon, in l2 a point of the ball."""
    if norm == "linf":
        return random_noise(x, epsilon)
    noise = BALLS[norm].sample(np.random.default_rng(0), x.shape, np.full((len(x), *[1] * (x.ndim - 1)), epsilon))
    return np.clip(x + noise, 0, 1).astype(np.float32)
