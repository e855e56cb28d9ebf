"""``evaluate``: any classifier on the test images of any data set (R2): what it confuses, and how sure it may be."""

import logging
import math
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ex3 import provenance, storage
from ex3.config import CLASSIFIER_CONFIGS
from ex3.data import Dataset, load_images
from ex3.data.predictions import Answers, read_answers
from ex3.experiments import Outcome, Paths, headline, make_record
from ex3.measures.confidence import BINS, Calibration, Confidence, calibrate, find_mistakes
from ex3.measures.scores import Estimate, Scores, describe_unanswered, score
from ex3.plots import evaluate as plots
from ex3.settings import ImagesConfig, Seed
from ex3.tables import Table

log = logging.getLogger("ex3")

HEADER = ["class", "images", "answers", "recall", "95 % interval", "precision", "95 % interval", "F1", "95 % interval"]
PACKAGES = (*provenance.RUN_PACKAGES, "scipy")


class EvaluateConfig(ImagesConfig):
    """The images that a classifier is judged on."""

    seed: Seed = 0
    """Of the classifier, of the test images of a folder without them, and of the bootstrap."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 2
    """Threads of TensorFlow."""


@dataclass(frozen=True)
class Judged:
    """A model's answers for the test images, and where they come from.

    Attributes:
        answers: For the test images.
        name: Of the model, in titles.
        source: The model as given, and what tells it from others, for the twin's config.
        threads: TensorFlow's; 1 where it was not used.
        precision: Of the layers' arithmetic.
        models: The digest of the model's weights.
        written: Files, where the model had to be trained.
    """

    answers: Answers
    name: str
    source: dict[str, str]
    threads: int = 1
    precision: str = "float32"
    models: dict[str, str] = field(default_factory=dict)
    written: list[Path] = field(default_factory=list)


def run(
    config: EvaluateConfig, model: str | None, predictions: Path | None, paths: Paths, command: str, quiet: bool = False
) -> Outcome:
    """Judge a classifier, or the answers in a file, and write the results.

    Args:
        config: The images.
        model: ``linear``, ``mlp``, ``convnet``, or the path of a ``.keras`` file that this package wrote.
        predictions: Answers of another model; one of the two is ``None``.
        paths: Where to read and write.
        command: The command line that repeats this, for the twins.
        quiet: Show no progress.

    Raises:
        ConfigError: The network does not fit the images.
        DataError: The images, the model or the answers cannot be had.
        WriteError: A folder cannot be written to; raised before anything is computed.
    """
    start = time.perf_counter()
    storage.check_writable(paths.figures, paths.runs)
    if predictions:
        dataset, judged = _read_file(config, predictions, paths)
    else:
        dataset, judged = _ask_model(config, str(model), paths, quiet)
    info, test, answers = dataset.info, dataset.test, judged.answers
    log.info("%s, from %s", info, paths.data or dataset.source)
    scores = score(test.y, answers.labels, info.class_names, config.seed)
    confidence = Confidence(calibrate(answers, test.y), find_mistakes(answers, test, config.seed))
    seconds = time.perf_counter() - start
    record = partial(
        make_record,
        command=command,
        config=config.model_dump(mode="json") | judged.source,
        dataset=info,
        seeds=[config.seed],
        seconds=seconds,
        threads=judged.threads,
        precision=judged.precision,
        packages=PACKAGES,
        models=judged.models,
    )
    written = list(judged.written)
    for figure, twin in (
        (plots.confusion(scores, judged.name, info), record("evaluate-confusion", result=scores)),
        (plots.confidence(confidence, judged.name, info), record("evaluate-confidence", result=confidence)),
    ):
        written += storage.save_figure(paths.figures, figure, twin)
    threads = None if predictions else config.threads
    finding = _summarise(scores, confidence.calibration)
    return Outcome(
        table=_format_results(scores, confidence.calibration),
        headline=headline(finding, info, [config.seed], threads, seconds, f"model {judged.name}"),
        written=written,
    )


def _read_file(config: EvaluateConfig, path: Path, paths: Paths) -> tuple[Dataset, Judged]:
    """Read another model's answers."""
    dataset = load_images(config, paths.data, config.seed, paths.image_cache)
    answers = read_answers(path, len(dataset.test), dataset.class_names)
    return dataset, Judged(answers, path.name, {"predictions": str(path), "digest": provenance.file_digest(path)})


def _ask_model(config: EvaluateConfig, model: str, paths: Paths, quiet: bool) -> tuple[Dataset, Judged]:
    """Load or train a classifier, and let it answer."""
    from ex3.backend import prepare  # heavy, and not needed for answers from a file
    from ex3.evaluation import predict
    from ex3.experiments.trained import classifier_config, file_label, given_classifier, trained_classifier

    prepare(config.seed, config.threads, "float32")
    dataset = load_images(config, paths.data, config.seed, paths.image_cache)
    if model in CLASSIFIER_CONFIGS:
        of_kind = classifier_config(model, like=config)
        of_kind.check_shape(dataset.shape)
        name, classifier = model, trained_classifier(of_kind, paths, quiet)
    else:
        name = file_label(Path(model))
        classifier = given_classifier(Path(model), config, dataset, paths, "judged")
    return dataset, Judged(
        answers=Answers.most_probable(predict(classifier.model, dataset.test.x)),
        name=name,
        source={"model": name},
        threads=config.threads,
        precision=classifier.run.config.precision,
        models={name: classifier.run.weights},
        written=classifier.written,
    )


def _format_results(scores: Scores, calibration: Calibration | None) -> list[Table | str]:
    rows = [
        [
            row.name,
            str(row.images),
            str(row.answers),
            *(cell for estimate in (row.recall, row.precision, row.f1) for cell in _cells(estimate)),
        ]
        for row in scores.classes
    ]
    lines = [
        f"{name}: {value} (95 % interval {interval})"
        for name, (value, interval) in {
            "accuracy": _cells(scores.accuracy),
            "balanced accuracy": _cells(scores.balanced_accuracy),
        }.items()
    ]
    if calibration:
        lines.append(
            f"expected calibration error: {calibration.error:.4f} in {BINS} bins of equal width; "
            f"mean confidence {calibration.confidence:.4f}"
        )
    else:
        lines.append("no calibration: only the answered labels are known, not their probabilities")
    if unanswered := describe_unanswered(scores):
        lines.append(f"WARN  the model {unanswered}")
    return [Table(HEADER, rows), "\n".join(lines)]


def _cells(estimate: Estimate) -> tuple[str, str]:
    """Return value and interval as text; ``-`` where they are not defined."""
    value, *ends = ("" if math.isnan(x) else f"{x:.4f}" for x in (estimate.value, estimate.low, estimate.high))
    return value or "-", " to ".join(filter(None, ends)) or "-"


def _summarise(scores: Scores, calibration: Calibration | None) -> str:
    """Write the results in a line: ``test accuracy 0.9918, balanced accuracy 0.9917, ...``."""
    return ", ".join(
        filter(
            None,
            [
                describe_unanswered(scores),
                f"test accuracy {scores.accuracy.value:.4f}",
                f"balanced accuracy {scores.balanced_accuracy.value:.4f}",
                f"expected calibration error {calibration.error:.4f}" if calibration else "",
            ],
        )
    )
