"""The command line: parse -> load the config -> run ONE experiment -> print.

Heavy imports stand inside the callbacks, so that ``--help`` answers at once. Results go to stdout; progress, warnings
and errors go to stderr.
"""

import contextlib
import functools
import io
import logging
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click
from click.core import ParameterSource

import ex3
from ex3.errors import Ex3Error

CONFIGS = Path(__file__).parent / "configs"
TEMPLATE = Path(__file__).parent / "docs" / "answers" / "Answers.md.jinja"
MODELS = ["linear", "mlp", "convnet"]
COMPARED_BY_DROPOUT = ["mlp", "convnet"]
SWEEPS = {"lr": "learning_rate", "dropout": "dropout", "batch-size": "batch_size"}
TRAIN_KEYS = [
    "epochs", "batch_size", "learning_rate", "optimizer", "dropout", "precision", "seed", "threads", "dataset", "limit",
]  # fmt: skip

file_path = click.Path(path_type=Path)


def config_options(default: str) -> list[Callable]:
    """Return the options of every command that has a config."""
    return [
        click.option("--config", type=file_path, metavar="FILE", help=f"A config instead of {default}."),
        click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Any key of it; repeatable."),
        click.option("--print-config", is_flag=True, help="Print the resulting config as TOML, and stop."),
    ]


TRAIN_OPTIONS = [
    click.option("--epochs", metavar="N", help="Passes over the training images."),
    click.option("--batch-size", metavar="N", help="Images per gradient step."),
    click.option("--learning-rate", metavar="RATE", help="Learning rate; with a one-cycle schedule, its peak."),
    click.option("--optimizer", metavar="NAME", help="sgd or adam."),
    click.option("--precision", metavar="NAME", help="float32, or mixed_bfloat16 (fast where the processor has it)."),
    click.option("--seed", metavar="N", help="Of the validation split, the weights, the order of images, the dropout."),
    click.option("--threads", metavar="N", help="TensorFlow's threads; the numbers depend on them."),
    click.option("--dataset", metavar="NAME", help="auto (MNIST if it can be had), mnist, fashion-mnist, digits."),
    click.option("--limit", metavar="N", help="Use only N training images."),
]  # fmt: skip
DROPOUT_OPTION = click.option("--dropout", metavar="P", help="Dropout probability, 0 <= P < 1.")
ATTACK_KEYS = [
    "samples", "epsilon", "norm", "loss", "steps", "step_size", "restarts", "target", "seed", "threads", "dataset",
]  # fmt: skip
ATTACK_OPTIONS = [
    click.option("--samples", metavar="N", help="Test images; those that the model classifies correctly are attacked."),
    click.option("--epsilon", metavar="E1,E2,...", help="Largest changes of a pixel, in [0, 1], of FGSM and PGD."),
    click.option("--norm", metavar="NAME", help="PGD's: linf, l2 or both."),
    click.option("--loss", metavar="NAME", help="ce: cross-entropy of the logits; margin: difference of logits."),
    click.option("--steps", metavar="N", help="Steps of PGD."),
    click.option("--step-size", metavar="F", help="Length of PGD's steps, as a fraction of epsilon."),
    click.option("--restarts", metavar="N", help="Random starts of PGD."),
    click.option("--target", metavar="DIGIT", help="Of the targeted attack; at random when left out."),
    click.option("--seed", metavar="N", help="Of the images, the wanted digits and the random starts."),
    click.option("--threads", metavar="N", help="TensorFlow's threads."),
    click.option("--dataset", metavar="NAME", help="auto (MNIST if it can be had), mnist, fashion-mnist, digits."),
]
TOY_KEYS = ["model", "target", "iterations", "batch_size", "learning_rate", "l2", "init", "seeds", "seed"]
TOY_OPTIONS = [
    click.option("--model", metavar="NAME", help="linear, convnet or both."),
    click.option("--target", metavar="NAME", help="y1, y2, y3 or all."),
    click.option("--iterations", metavar="N", help="Gradient steps."),
    click.option("--batch-size", metavar="N", help="Samples per gradient step, at most 1000."),
    click.option("--learning-rate", metavar="RATE", help="The first step's; it falls linearly to 0."),
    click.option("--l2", metavar="LAMBDA", help="Weight of half the squared norm of all parameters."),
    click.option("--init", metavar="NAME", help="Initial weights: normal, equal (both filters the same) or zeros."),
    click.option("--seeds", metavar="N", help="Repeats, each with its own W, samples and initial weights."),
    click.option("--seed", metavar="N", help="The first repeat's."),
]
FIGURE_OPTIONS = [
    click.option("--out", default="figures", show_default=True, type=file_path, metavar="FOLDER", help="For figures."),
]
REPORT_OPTIONS = [
    click.option("--template", default=TEMPLATE, type=file_path, metavar="FILE",
                 help="Instead of docs/answers/Answers.md.jinja."),
    click.option("--answers", default="Answers.md", show_default=True, type=file_path, metavar="FILE",
                 help="What is written."),
]  # fmt: skip
PLACE_OPTIONS = [
    click.option("--data-dir", envvar="EX3_DATA_DIR", show_envvar=True, type=file_path, metavar="FOLDER",
                 help="Holds the data set's four IDX files or its .npz."),
    *FIGURE_OPTIONS,
    click.option("--runs", default="runs", show_default=True, type=file_path, metavar="FOLDER",
                 help="For models, and for the runs of sweeps."),
    click.option("-q", "--quiet", is_flag=True, help="Show no progress."),
    click.option("-v", "--verbose", is_flag=True, help="Also say which data and which config are used."),
]  # fmt: skip


def with_options(options: list[Callable]) -> Callable:
    """Decorate a command with options, in the order of the list."""
    return lambda command: functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


class NearestChoice(click.Choice):
    """A choice that answers a misspelt value with the nearest one."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        """Say what is allowed, and what may have been meant."""
        from ex3.config_files import nearest

        return super().get_invalid_choice_message(value, ctx).rstrip(".") + nearest(str(value), self.choices)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(ex3.__version__, prog_name="ex3")
def cli() -> None:
    """Deep learning on MNIST: one exercise, carried out and measured.

    Each command runs one experiment, writes its figures and the numbers in them, and prints a table and a headline.
    """


@cli.command(epilog="Example: python cli.py train convnet --epochs 3 --set label_smoothing=0")
@click.argument("model", type=NearestChoice([*MODELS, "all"]))
@with_options([*config_options("the model's own"), *TRAIN_OPTIONS, DROPOUT_OPTION])
@click.option("--seeds", type=click.IntRange(1), help="Runs per model, from --seed upwards.  [default: 1; all: 5]")
@with_options(PLACE_OPTIONS)
@click.pass_context
def train(ctx: click.Context, model: str, seeds: int | None, print_config: bool, **options):
    """Train the linear classifier, the MLP or the convnet, or train ALL and compare them.

    Writes OUT/train-MODEL.png (learning curves) and its JSON twin, and RUNS/train-MODEL/ (the first seed's model, its
    config and numbers); with "all", for each model, and OUT/compare.png. Takes about 15 seconds for one run on two
    cores, a minute for "all".
    """
    configs = [_load_config(name, options) for name in (MODELS if model == "all" else [model])]
    if print_config:
        return _print_configs(configs)
    _start_logging(options["verbose"])
    from ex3.experiments import train as experiment

    seeds = seeds or (5 if model == "all" else 1)
    return experiment.run(configs, seeds, _places(options), _command_line(ctx), options["quiet"])


@cli.command(epilog="Example: python cli.py sweep lr --set optimizer=adam --values 0.0001,0.001,0.01")
@click.argument("parameter", type=NearestChoice(list(SWEEPS)))
@click.option("--model", metavar="NAME", help="linear, mlp or convnet.  [default: convnet]")
@click.option("--values", metavar="V1,V2,...", help="Instead of the config's.")
@click.option("--seeds", metavar="N", help="Runs per value, from --seed upwards.  [default: 3]")
@click.option("--jobs", type=click.IntRange(1), help="Processes that share the cores.  [default: one per core]")
@click.option("--fresh", is_flag=True, help="Start over: forget this sweep's finished runs.")
@click.option(
    "--backend",
    type=click.Choice(["loky", "dask"]),
    default="loky",
    show_default=True,
    help="Processes of this machine, or a Dask cluster's.",
)
@click.option("--address", metavar="TCP://HOST:PORT", help="The Dask scheduler's.")
@with_options([*config_options("configs/sweep-PARAMETER.toml"), *TRAIN_OPTIONS, DROPOUT_OPTION, *PLACE_OPTIONS])
@click.pass_context
def sweep(
    ctx: click.Context,
    parameter: str,
    jobs: int | None,
    fresh: bool,
    backend: str,
    address: str | None,
    print_config: bool,
    **options,
):
    """Train one model with many values of its learning rate (lr), dropout or batch size, and compare them.

    Writes OUT/sweep-PARAMETER.png (the learning curves of all values), OUT/sweep-PARAMETER-summary.png (what each value
    ends with) and their JSON twins. Each run is kept in RUNS/cells: after an interruption the same command goes on from
    there. Options such as --epochs and --set hold for all runs. Takes about three minutes on two cores.
    """
    if (backend == "dask") != (address is not None) or (address and jobs):
        raise click.UsageError("--backend dask needs --address and takes no --jobs; any other takes no --address")
    from ex3.cells import Workers, core_count, threads_per_worker

    jobs = jobs or core_count()
    file = options["config"] or CONFIGS / f"sweep-{parameter}.toml"
    config, bases = _load_sweep(file, SWEEPS[parameter], 1 if address else threads_per_worker(jobs), options)
    if print_config:
        return _print_configs([config.model_copy(update={"base": bases[config.model].model_dump(exclude={"model"})})])
    _start_logging(options["verbose"])
    from ex3.experiments import sweep as experiment

    origin = str(file) if options["values"] is None else "--values"
    workers = Workers(jobs, address)
    return experiment.run(config, bases, origin, _places(options), workers, _command_line(ctx), fresh, options["quiet"])


@cli.command(epilog="Example: python cli.py autoencoder --seeds 1 --set bottleneck=relu")
@click.option(
    "--seeds", type=click.IntRange(1), help="Repeats, from --seed upwards.  [default: 3; with --bottlenecks: 5]"
)
@click.option(
    "--samples",
    type=click.IntRange(100),
    default=5000,
    show_default=True,
    help="Test images that are drawn and scored.",
)
@click.option("--bottlenecks", is_flag=True, help="Compare the linear with the ReLU bottleneck instead.")
@click.option("--fresh", is_flag=True, help="With --bottlenecks: forget its finished runs.")
@with_options([*config_options("configs/autoencoder.toml"), *TRAIN_OPTIONS, *PLACE_OPTIONS])
@click.pass_context
def autoencoder(
    ctx: click.Context,
    seeds: int | None,
    samples: int,
    bottlenecks: bool,
    fresh: bool,
    print_config: bool,
    **options,
):
    """Squeeze images through two numbers and back, with a dense autoencoder and with PCA, and compare the planes.

    Writes OUT/autoencoder-curves.png (losses, and PCA's), -scatter.png (the codes), -reconstructions.png (ten digits,
    and what the convnet reads in them), -manifold.png (the decoder over the plane) and their JSON twins, and
    RUNS/autoencoder/ (encoder and decoder). All are there after the first seed, about a minute on two cores, and
    become more precise with each further one.
    """
    if fresh and not bottlenecks:
        raise click.UsageError("--fresh belongs to --bottlenecks: the other runs are not kept")
    from ex3.config import AutoencoderConfig
    from ex3.config_files import load_as

    file = options["config"] or CONFIGS / "autoencoder.toml"
    config = load_as(AutoencoderConfig, file, _overrides(options, TRAIN_KEYS))
    if print_config:
        return _print_configs([config])
    _start_logging(options["verbose"])
    if bottlenecks:
        from ex3.experiments import bottlenecks as comparison

        return comparison.run(config, seeds or 5, _places(options), _command_line(ctx), fresh, options["quiet"])
    from ex3.experiments import autoencoder as experiment

    return experiment.run(config, seeds or 3, samples, _places(options), _command_line(ctx), options["quiet"])


@cli.command(epilog="Example: python cli.py attack --model mlp --epsilon 0.05,0.1 --steps 100")
@click.option(
    "--model",
    default="convnet",
    show_default=True,
    metavar="NAME|FILE",
    help="linear, mlp, convnet, or a .keras file of this package, with its config.toml beside it.",
)
@with_options([*config_options("configs/attack.toml"), *ATTACK_OPTIONS, *PLACE_OPTIONS])
@click.pass_context
def attack(ctx: click.Context, model: str, print_config: bool, **options):
    """Change images so little that people hardly see it, and so well that a classifier is fooled.

    Attacks the trained model of RUNS, which is trained first where there is none. Writes OUT/attack-examples.png (what
    the noise looks like), -epsilon.png (success over epsilon, for the three classifiers), -targets.png (which digit can
    be turned into which) and their JSON twins; prints a table, and a check of the evaluation itself. Takes about two
    minutes on two cores.
    """
    from ex3.config import AttackConfig
    from ex3.config_files import load_as

    if options["epsilon"] is not None:
        options["epsilon"] = f"[{options['epsilon']}]"
    config = load_as(AttackConfig, options["config"] or CONFIGS / "attack.toml", _overrides(options, ATTACK_KEYS))
    if print_config:
        return _print_configs([config])
    _start_logging(options["verbose"])
    from ex3.experiments import attack as experiment

    return experiment.run(config, model, _places(options), _command_line(ctx), options["quiet"])


@cli.command(epilog="Example: python cli.py toy --model convnet --target y2 --l2 0.01")
@with_options([*config_options("configs/toy.toml"), *TOY_OPTIONS])
@with_options(FIGURE_OPTIONS)
@click.pass_context
def toy(ctx: click.Context, print_config: bool, out: Path, **options):
    """Fit the networks written by hand to three functions of four inputs.

    Writes OUT/toy-curves.png (losses over iterations, against the noise floor), OUT/toy-fit.png (predictions against
    targets), OUT/toy-init.png (the convnet's initialisations compared), OUT/toy-l2.png (test error against lambda) and
    their JSON twins. Takes about 20 seconds.
    """
    from ex3.config import ToyConfig
    from ex3.config_files import load_as

    config = load_as(ToyConfig, options["config"] or CONFIGS / "toy.toml", _overrides(options, TOY_KEYS))
    if print_config:
        return _print_configs([config])
    from ex3.experiments import toy as experiment

    return experiment.run(config, out, _command_line(ctx))


@cli.command(epilog="Example: python cli.py theory")
@with_options(FIGURE_OPTIONS)
@click.pass_context
def theory(ctx: click.Context, out: Path):
    """Check the answers to the theory questions numerically, and draw what they speak of.

    Writes OUT/theory-relu.png (what a threshold in the ReLU adds), OUT/theory-sigmoid.png (the sigmoid as a
    computational graph) and their JSON twins. Prints a table of statements; exits with 1 when one does not hold. Takes
    about 10 seconds.
    """
    from ex3.experiments import theory as experiment

    return experiment.run(out, _command_line(ctx))


@cli.command(epilog="Example: python cli.py reproduce --fresh")
@click.option("--fresh", is_flag=True, help="Do what is finished again.")
@with_options([*REPORT_OPTIONS, *PLACE_OPTIONS])
def reproduce(fresh: bool, template: Path, answers: Path, **options):
    """Run every experiment with its default config on MNIST, and write the answers.

    Makes everything in OUT, and ANSWERS from it. What is finished is not done again, unless its config, the packages or
    its files have changed. An experiment that fails does not stop the others. Takes about 17 minutes on two cores.
    """
    _start_logging(options["verbose"])
    from ex3.experiments import reproduce as experiment

    return experiment.run(
        experiment.STEPS, _printed_config, _places(options), template, answers, fresh, options["quiet"]
    )


@cli.command(epilog="Example: python cli.py report")
@with_options([*REPORT_OPTIONS, *FIGURE_OPTIONS])
def report(template: Path, answers: Path, out: Path):
    """Write the answers from their template and the numbers of the figures in OUT.

    Prints each claim that the answers make, what it demands of the numbers, and whether they bear it out. When one does
    not hold, the exit code is 5 and ANSWERS stays as it was. Takes about a second.
    """
    from ex3.experiments import report as experiment

    return experiment.run(template, out, answers)


@cli.command(epilog="Example: python cli.py check")
def check():
    """Check every gradient written by hand.

    Compares each layer, each loss and both toy networks with central differences and with TensorFlow's automatic
    differentiation, in float64. Prints a table; exits with 1 when a gradient is wrong. Takes about 5 seconds.
    """
    from ex3.experiments import check as experiment

    return experiment.run()


def main() -> int:
    """Run the command line and return its exit code; the README lists them."""
    try:
        outcome = cli(prog_name="cli.py", standalone_mode=False)  # an Outcome, or 0 after --help
        if outcome:
            _print_outcome(outcome)
        sys.stdout.flush()
    except click.ClickException as error:
        return _complain(error.format_message(), 2)
    except Ex3Error as error:
        return _complain(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _complain("interrupted; what was finished is saved", 130)
    except BrokenPipeError:  # whoever read stdout has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _load_config(model: str, options: dict):
    from ex3.config_files import load

    loaded = load(options["config"] or CONFIGS / f"{model}.toml", _overrides(options, TRAIN_KEYS))
    if loaded.model != model:
        raise click.UsageError(f"{options['config']}: its model is {loaded.model}, the command's is {model}")
    return loaded


def _load_sweep(path: Path, parameter: str, threads: int, options: dict):
    """Return the sweep and, by model, what its runs share: the model's config, the sweep's base, the command line."""
    from ex3.config import SweepConfig
    from ex3.config_files import change, load, load_as, parse_value

    given = {key: parse_value(options[key]) for key in ("model", "seeds") if options[key] is not None}
    if options["values"] is not None:
        given["values"] = [parse_value(value) for value in options["values"].split(",") if options["values"].strip()]
    config = load_as(SweepConfig, path, given)
    if config.parameter != parameter:
        raise click.UsageError(f"{path}: its parameter is {config.parameter}, the command's is {parameter}")
    overrides = _overrides(options, TRAIN_KEYS)
    if parameter in overrides:
        raise click.UsageError(f"{parameter} is what varies; its values are given with --values")
    bases = {}
    for model in dict.fromkeys([*(COMPARED_BY_DROPOUT if parameter == "dropout" else []), config.model]):
        base = change(load(CONFIGS / f"{model}.toml"), {"threads": threads}, "--jobs")
        for changes, origin in ((config.base, str(path)), (overrides, "command line")):
            own = {key: value for key, value in changes.items() if model == config.model or hasattr(base, key)}
            base = change(base, own, origin)
        bases[model] = base
    return config, bases


def _overrides(options: dict, keys: list[str]) -> dict[str, object]:
    """Collect what the command line says of the config: each ``--set``, then the options of their own."""
    from ex3.config_files import parse_value

    overrides = {}
    for assignment in options["assignments"]:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise click.UsageError(f"--set {assignment}: should be KEY=VALUE")
        overrides[key.strip()] = parse_value(value.strip())
    return overrides | {key: parse_value(options[key]) for key in keys if options.get(key) is not None}


def _printed_config(words: Sequence[str]) -> str:
    """Return the config that a command line leads to, as ``--print-config`` shows it; nothing where there is none."""
    if all(parameter.name != "print_config" for parameter in cli.commands[words[0]].params):
        return ""
    with contextlib.redirect_stdout(io.StringIO()) as text:
        cli([*words, "--print-config"], standalone_mode=False)
    return text.getvalue()


def _print_configs(configs: list) -> None:
    from ex3.config_files import to_toml

    click.echo("\n".join(to_toml(config) for config in configs), nl=False)


def _places(options: dict):
    from ex3.experiments import Places

    return Places(figures=options["out"], runs=options["runs"], data=options["data_dir"])


def _command_line(ctx: click.Context) -> str:
    """Spell the command that gives the same numbers: what was typed, less where to read, to write and what to show."""
    left_out = {"data_dir", "out", "runs", "quiet", "verbose", "fresh", "backend", "address"}
    words = ["python", *ctx.command_path.split()]
    for parameter in ctx.command.params:
        if parameter.name in left_out or ctx.get_parameter_source(parameter.name) is not ParameterSource.COMMANDLINE:
            continue
        value = ctx.params[parameter.name]
        for item in value if isinstance(value, tuple) else [value]:
            words += [parameter.opts[0]] * isinstance(parameter, click.Option)
            words += [] if getattr(parameter, "is_flag", False) else [str(item)]
    return shlex.join(words)


def _start_logging(verbose: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("ex3: %(levelname)s: %(message)s"))
    log = logging.getLogger("ex3")
    log.handlers = [handler]
    log.setLevel(logging.INFO if verbose else logging.WARNING)


def _print_outcome(outcome) -> None:
    click.echo("\n".join([outcome.table, "", *(f"wrote {path}" for path in outcome.written), outcome.headline]))
    if outcome.problem:
        raise outcome.problem


def _complain(message: str, code: int) -> int:
    """Print one line on stderr, whatever the message holds."""
    click.echo(f"ex3: error: {' '.join(message.split())}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
