"""What ``autoencoder`` does with each seed's trainings: scores the planes, and writes models and figures."""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ex3 import storage
from ex3.config import PlaneConfig
from ex3.data import Dataset, load_images
from ex3.embedding.comparison import (
    FirstSeed,
    SeedScores,
    codes_in_plane,
    loss_curves,
    reconstructions,
    score_planes,
    show_first_seed,
)
from ex3.embedding.planes import fit_pca, pca_plane
from ex3.embedding.scores import STRUCTURE_SAMPLES, fit_tsne
from ex3.errors import DataError
from ex3.evaluation import predict
from ex3.experiments import Paths, make_record
from ex3.experiments._planes import TrainedPlane, check_run
from ex3.experiments.trained import TrainedClassifier
from ex3.plane_runs import PlaneRun
from ex3.plots import autoencoder as plots
from ex3.plots import planes as plane_plots
from ex3.results import Record

log = logging.getLogger("ex3")

FEWEST_IMAGES = 100  # of the test images: scores and t-SNE need neighbours
Trained = dict[str, PlaneRun]  # autoencoder and structured, of one seed


def load_enough_images(config: PlaneConfig, samples: int, paths: Paths) -> Dataset:
    """Load the images; warn where there are fewer test images than are wanted.

    Raises:
        DataError: The images cannot be had, or there are too few.
    """
    dataset = load_images(config, paths.data, config.seed, paths.image_cache)
    log.info("%s, from %s", dataset.info, paths.data or dataset.source)
    count = len(dataset.test)
    if count < FEWEST_IMAGES:
        raise DataError(f"{dataset.name}: {count} test images; their plane needs {FEWEST_IMAGES}")
    if samples > count:
        log.warning("samples = %d: there are %d test images; all are used", samples, count)
    return dataset


class PlaneStudy:
    """Takes trainings as they come, and turns each seed's into scores and new figures, in the order of the seeds.

    Attributes:
        scored: The scores of the seeds so far.
        first: What is shown of the first seed, once it is scored.
        written: All files so far; a dict, for its order.
    """

    def __init__(
        self,
        configs: Mapping[str, PlaneConfig],
        samples: int,
        paths: Paths,
        command: str,
        reader: TrainedClassifier,
    ) -> None:
        """Wait for the first training.

        Args:
            configs: Of ``autoencoder`` and ``structured``, with the first seed.
            samples: Test images that the convnet reads.
            paths: Where to read and write.
            command: The command line that repeats this, for the twins.
            reader: The convnet.
        """
        self.configs, self.samples, self.paths, self.command = configs, samples, paths, command
        self.reader = reader
        self.scored: list[SeedScores] = []
        self.written: dict[Path, None] = dict.fromkeys(reader.written)
        self._waiting: dict[int, Trained] = {}
        self._next_seed = self._first_seed = configs["autoencoder"].seed

    @property
    def seeds(self) -> list[int]:
        """Those that are scored."""
        return list(range(self._first_seed, self._next_seed))

    def of_seed(self, seed: int) -> dict[str, PlaneConfig]:
        """Return both configs with a seed."""
        return {method: config.model_copy(update={"seed": seed}) for method, config in self.configs.items()}

    def take(self, trained: PlaneRun) -> None:
        """Take a training; score each seed that is complete now, and write models and figures.

        Raises:
            DivergedError: Its loss became infinite or not a number.
        """
        check_run(trained.run)
        method = next(name for name, config in self.configs.items() if config.model == trained.config.model)
        self._waiting.setdefault(trained.config.seed, {})[method] = trained
        while len(self._waiting.get(self._next_seed, {})) == len(self.configs):
            of_seed = self._waiting.pop(self._next_seed)
            self._score({method: TrainedPlane(of_seed[method].build(), of_seed[method].run) for method in self.configs})
            self._next_seed += 1
            for draw, record in self._figures():
                self.written |= dict.fromkeys(storage.save_figure(self.paths.figures, draw(record), record))

    def _score(self, trained: Mapping[str, TrainedPlane]) -> None:
        """Score both autoencoders beside PCA and t-SNE."""
        seed = self._next_seed
        dataset = load_images(self.configs["autoencoder"], self.paths.data, seed, self.paths.image_cache)
        sample = dataset.test.sample(self.samples, seed)
        pca = fit_pca(dataset.train)
        planes = {method: one.plane for method, one in trained.items()} | {"pca": pca_plane(pca, dataset.shape)}
        tsne_codes = fit_tsne(sample.first(STRUCTURE_SAMPLES).x, seed)
        runs = {method: one.run for method, one in trained.items()}
        self.scored.append(score_planes(runs, planes, tsne_codes, pca, dataset, sample, self._read))
        if seed == self._first_seed:
            self.first: FirstSeed = show_first_seed(planes, tsne_codes, sample, self._read)
            self.written |= dict.fromkeys(path for one in trained.values() for path in one.keep(self.paths.runs))

    def _read(self, images: np.ndarray) -> np.ndarray:
        return predict(self.reader.model, images).argmax(axis=1)

    def _figures(self) -> Iterator[tuple[Callable[[Record], plots.Figure], Record]]:
        """Yield each figure's plot function and its twin."""
        scored, first, plain = self.scored, self.first, self.configs["autoencoder"]
        runs = [run for one in scored for run in one.runs.values()]
        digests = {method: run.weights for method, run in scored[0].runs.items()}
        results: dict[str, tuple[Callable[[Record[Any]], plots.Figure], Any]] = {
            "curves": (plots.curves, loss_curves(scored)),
            "scatter": (plane_plots.scatter, codes_in_plane(scored, first)),
            "reconstructions": (plots.reconstructions, reconstructions(scored, first)),
            "manifold": (plane_plots.manifold, first.grids["autoencoder"]),
            "manifold-structured": (plane_plots.manifold, first.grids["structured"]),
        }
        for name, (draw, result) in results.items():
            yield (
                draw,
                make_record(
                    f"autoencoder-{name}",
                    self.command,
                    {method: config.model_dump(mode="json") for method, config in self.configs.items()},
                    runs[0].dataset,
                    self.seeds,
                    sum(run.seconds for run in runs),
                    result,
                    threads=plain.threads,
                    precision=plain.precision,
                    models=digests | {"convnet": self.reader.run.weights},
                ),
            )
