"""``attack``: adversarial examples against the trained classifiers."""

from typing import TYPE_CHECKING, Any

import click

from ex3.commands._options import (
    IMAGE_KEYS,
    IMAGE_OPTIONS,
    PATH_OPTIONS,
    Options,
    Step,
    begin,
    command_line,
    config_options,
    overrides,
    start_reading,
    with_options,
)

if TYPE_CHECKING:  # heavy
    from ex3.adversarial.attack_config import AttackConfig
    from ex3.experiments import Outcome

KEYS = [
    "samples", "epsilon", "norm", "loss", "steps", "step_size", "restarts", "target", "seed", "threads", *IMAGE_KEYS,
]  # fmt: skip
ATTACK_OPTIONS: Options = [
    click.option("--samples", metavar="N", help="Test images; those that the model classifies correctly are attacked."),
    click.option("--epsilon", metavar="E1,E2,...", help="Largest changes of a pixel, in [0, 1], of FGSM and PGD."),
    click.option("--norm", metavar="NAME", help="PGD's: linf, l2 or both."),
    click.option("--loss", metavar="NAME", help="ce: cross-entropy of the logits; margin: difference of logits."),
    click.option("--steps", metavar="N", help="Steps of PGD."),
    click.option("--step-size", metavar="F", help="Length of PGD's steps, as a fraction of epsilon."),
    click.option("--restarts", metavar="N", help="Random starts of PGD."),
    click.option("--target", metavar="CLASS", help="That the targeted attack wants; at random when left out."),
    click.option("--seed", metavar="N", help="Of the models, the images, the wanted classes and the random starts."),
    click.option("--threads", metavar="N", help="TensorFlow's threads."),
    *IMAGE_OPTIONS,
]
STEPS = [Step(("attack",), 68, after=("train all",), alone=True)]


def configs(config: Any = None, epsilon: str | None = None, **options: Any) -> "list[AttackConfig]":
    """Return the config of the attacks."""
    from ex3.adversarial.attack_config import AttackConfig
    from ex3.config_files import load_as, shipped

    options["epsilon"] = None if epsilon is None else f"[{epsilon}]"
    return [load_as(AttackConfig, config or shipped("attack"), overrides(options, KEYS))]


@click.command(
    "attack",
    short_help="Fool classifiers with tiny changes of the images.",
    epilog="Example: python cli.py attack --model mlp --epsilon 0.05,0.1 --steps 100",
)
@click.option(
    "--model",
    default="convnet",
    show_default=True,
    metavar="NAME|FILE",
    help="linear, mlp, convnet, or a .keras file of this package, with its run.json beside it.",
)
@with_options([*config_options("configs/attack.toml"), *ATTACK_OPTIONS, *PATH_OPTIONS])
@click.pass_context
def command(ctx: click.Context, **options: Any) -> "Outcome | None":
    """Change images so little that people hardly see it, and so well that a classifier is fooled.

    Attacks the trained model of RUNS, and trains it first where there is none. Writes OUT/attack-examples.png (images
    and their noise), -epsilon.png (success over epsilon, for the three classifiers), -targets.png (least noise
    by true and wanted class) and their JSON twins; prints a table, and a check of the evaluation itself. Takes about
    a minute and a quarter on two cores.
    """
    (config,) = loaded = configs(**options)
    if not begin(loaded, options, "TensorFlow and the images"):
        return None
    places = start_reading(config, options)
    from ex3.experiments import attack

    return attack.run(config, options["model"], places, command_line(ctx), options["quiet"])
