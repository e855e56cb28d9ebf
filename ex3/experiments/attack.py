"""``attack``: adversarial examples against the trained classifiers (R0, R2, R3), and a check of the evaluation."""

import logging
import time
from functools import partial
from pathlib import Path

from ex3 import storage
from ex3.adversarial.attack_config import AttackConfig
from ex3.adversarial.judging import Attack
from ex3.adversarial.study import Study, draw_sample, find_target, study_attacks
from ex3.adversarial.summaries import AttackCurves
from ex3.adversarial.victims import keras_victim
from ex3.backend import prepare
from ex3.config import CLASSIFIER_CONFIGS
from ex3.data import Dataset, load_images
from ex3.experiments import Outcome, Paths, headline, make_record
from ex3.experiments.trained import (
    TrainedClassifier,
    classifier_config,
    file_label,
    given_classifier,
    trained_classifier,
)
from ex3.plots import attack as plots
from ex3.progress import show_message
from ex3.tables import Table

log = logging.getLogger("ex3")

HEADER = [
    "method", "norm", "epsilon", "success", "95 % interval", "smallest epsilon",
    "l0", "l1", "l2", "linf", "robust accuracy", "attacked", "images/s",
]  # fmt: skip


def run(config: AttackConfig, model: str, paths: Paths, command: str, quiet: bool = False) -> Outcome:
    """Attack one model with every method, the three classifiers with FGSM and PGD over epsilon, and write the results.

    Args:
        config: Which attacks, and how strong.
        model: ``linear``, ``mlp``, ``convnet``, or the path of a ``.keras`` file that this package wrote.
        paths: Where to read and write.
        command: The command line that repeats this, for the twins.
        quiet: Show no progress.

    Raises:
        ConfigError: The wanted class is unknown, or that of all attacked images.
        DataError: The images or the model cannot be had, or the model classifies no image correctly.
        WriteError: A folder cannot be written to; raised before anything is computed.
    """
    start = time.perf_counter()
    storage.check_writable(paths.figures, paths.runs)
    prepare(config.seed, config.threads, "float32")
    dataset = load_images(config, paths.data, config.seed, paths.image_cache)
    log.info("%s, from %s", dataset.info, paths.data or dataset.source)
    sample = draw_sample(config, dataset.test)
    find_target(config, dataset.class_names)  # before anything is trained
    main, classifiers = _load_models(config, model, dataset, paths, quiet)
    victims = {label: keras_victim(classifier.model, config.loss) for label, classifier in classifiers.items()}
    on_progress = None if quiet else _show_progress
    study = study_attacks(config, main, victims, sample, dataset.class_names, on_progress)
    seconds = time.perf_counter() - start
    record = partial(
        make_record,
        command=command,
        config=config.model_dump(mode="json") | {"model": main},
        dataset=dataset.info,
        seeds=[config.seed],
        seconds=seconds,
        threads=config.threads,
        precision=classifiers[main].run.config.precision,
        models={label: classifier.run.weights for label, classifier in classifiers.items()},
    )
    examples = record("attack-examples", result=study.examples)
    curves, targets = record("attack-epsilon", result=study.curves), record("attack-targets", result=study.targets)
    written = [path for classifier in classifiers.values() for path in classifier.written]
    written += storage.save_figure(paths.figures, plots.draw_examples(examples), examples)
    written += storage.save_figure(paths.figures, plots.draw_epsilon(curves), curves)
    written += storage.save_figure(paths.figures, plots.draw_targets(targets), targets)
    subject = f"model {main}"
    return Outcome(
        table=_format_results(study.curves),
        headline=headline(_summarise(study), dataset.info, [config.seed], config.threads, seconds, subject),
        written=written,
    )


def _load_models(
    config: AttackConfig, model: str, dataset: Dataset, paths: Paths, quiet: bool
) -> tuple[str, dict[str, TrainedClassifier]]:
    """Load or train the three classifiers, and load the model of a file.

    Returns:
        The name of the model that every method attacks, and all models by name, that of a file last.
    """
    main, given = model, {}
    if model not in CLASSIFIER_CONFIGS:
        main = file_label(Path(model))
        given[main] = given_classifier(Path(model), config, dataset, paths, "attacked")
    configs = {kind: classifier_config(kind, like=config) for kind in CLASSIFIER_CONFIGS}
    for of_kind in configs.values():  # before one of them is trained
        of_kind.check_shape(dataset.shape)
    kinds = {kind: trained_classifier(of_kind, paths, quiet) for kind, of_kind in configs.items()}
    return main, kinds | given


def _show_progress(model: str, attack: Attack) -> None:
    show_message(f"{model}: {attack.case}: success {attack.success:.1%}, {attack.images_per_second:.0f} images/s")


def _format_results(result: AttackCurves) -> list[Table | str]:
    rows = []
    for attack in result.table:
        low, high = attack.interval
        rows.append(
            [
                plots.METHOD_TITLES[attack.method],
                attack.norm or "-",
                "-" if attack.epsilon is None else f"{attack.epsilon:g}",
                f"{attack.success:.1%}",
                f"{low:.1%} to {high:.1%}",
                "-" if attack.smallest_epsilon is None else f"{attack.smallest_epsilon:.3f}",
                f"{attack.l0:.0f}",
                *(f"{size:.3g}" for size in (attack.l1, attack.l2, attack.linf)),
                f"{attack.robust_accuracy:.4f}",
                str(attack.attacked),
                f"{attack.images_per_second:,.0f}",
            ]
        )
    checks = [
        f"{'PASS' if check.passed else 'WARN'}  {check.name}: {check.detail}".rstrip(": ") for check in result.checks
    ]
    return [Table(HEADER, rows), "\n".join(checks)]


def _summarise(study: Study) -> str:
    """Write the results in a line: ``success fgsm linf 0.1 8.2%, ..., targeted l1 100.0% with a median l1 of ...``."""
    table, checks, l1 = study.curves.table, study.curves.checks, study.targets.attack
    bounded = [f"{attack.case} {attack.success:.1%}" for attack in table if attack.method in ("fgsm", "pgd")]
    passed = sum(check.passed for check in checks)
    return (
        f"success {', '.join(bounded)}, targeted l1 {l1.success:.1%} with a median l1 of {l1.l1:.1f}; "
        f"self-check {passed} of {len(checks)}"
    )
