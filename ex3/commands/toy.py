"""``toy``: the networks written by hand, on three functions of four inputs."""

from typing import TYPE_CHECKING, Any

import click

from ex3.commands._options import (
    FIGURE_OPTIONS,
    Options,
    Step,
    begin,
    command_line,
    config_options,
    overrides,
    with_options,
)

if TYPE_CHECKING:  # heavy
    from ex3.config import ToyConfig
    from ex3.experiments import Outcome

KEYS = ["model", "target", "iterations", "batch_size", "learning_rate", "l2", "init", "seeds", "seed"]
TOY_OPTIONS: Options = [
    click.option("--model", metavar="NAME", help="linear, convnet or both."),
    click.option("--target", metavar="NAME", help="y1, y2, y3 or all."),
    click.option("--iterations", metavar="N", help="Gradient steps."),
    click.option("--batch-size", metavar="N", help="Samples per gradient step, at most 1000."),
    click.option("--learning-rate", metavar="RATE", help="Rate of the first step; it falls linearly to 0."),
    click.option("--l2", metavar="LAMBDA", help="Weight of half the squared norm of all parameters."),
    click.option("--init", metavar="NAME", help="Initial weights: normal, equal (both filters the same) or zeros."),
    click.option("--seeds", metavar="N", help="Repeats, each with its own W, samples and initial weights."),
    click.option("--seed", metavar="N", help="Seed of the first repeat."),
]
STEPS = [Step(("toy",), 25, alone=True)]


def configs(config: Any = None, **options: Any) -> "list[ToyConfig]":
    """Return the config of the fits."""
    from ex3.config import ToyConfig
    from ex3.config_files import load_as, shipped

    return [load_as(ToyConfig, config or shipped("toy"), overrides(options, KEYS))]


@click.command(
    "toy",
    short_help="Fit two hand-written models to three functions.",
    epilog="Example: python cli.py toy --model convnet --target y2 --l2 0.01",
)
@click.option("--explain", is_flag=True, help="Only draw one sample's values and gradients, and list them.")
@with_options([*config_options("configs/toy.toml"), *TOY_OPTIONS, *FIGURE_OPTIONS])
@click.pass_context
def command(ctx: click.Context, explain: bool, **options: Any) -> "Outcome | None":
    """Fit the networks written by hand to three functions of four inputs.

    Writes OUT/toy-curves.png (losses over iterations, against the noise floor), OUT/toy-fit.png (predictions against
    targets), OUT/toy-init.png (the convnet's initialisations compared), OUT/toy-l2.png (test error against lambda),
    OUT/toy-capacity.png (the convnet's proved floor, the best of many fits by BFGS, SGD's), OUT/toy-explain.png (one
    sample's values and gradients through the convnet) and their JSON twins. Takes about half a minute.

    With --explain, writes OUT/toy-explain.png alone, and prints its numbers; no other option but --out matters.
    """
    (config,) = loaded = configs(**options)
    if not begin(loaded, options, "NumPy and matplotlib"):
        return None
    if explain:
        from ex3.experiments import explain as explanation

        return explanation.run(options["out"], command_line(ctx))
    from ex3.experiments import toy

    return toy.run(config, options["out"], command_line(ctx))
