"""``scratch`` and ``reject`` end to end on a few small digits, and what they refuse."""

from pathlib import Path

import pytest

from ex3.by_hand.reject_results import FixedRejection, Rejection
from ex3.by_hand.scratch_results import Ceiling, MaskingResult, NoiseMatrix, ScratchTraining
from ex3.results import Record, from_json

SCRATCH = """
seeds = 2
train_noise = [0.5]
variation_seeds = 1
test_noise = [0, 0.5]
attack_epsilon = [0.1, 0.5]
attack_samples = 20

[networks.hinge]

[networks.softmax]
head = "softmax"

[networks.rbf]
head = "rbf"

[variations.hinge-batch-1]
batch_size = 1
momentum = 0
learning_rate = 0.01
"""
REJECT = """
seeds = 2
margins = [10]
fixed_epsilon = [0.1]
attack_epsilon = [0.1]
attack_samples = 20
rejected_share = 0.05
other_share = 0.01

[fixed]
head = "rbf"
noise_images = 20

[networks.plain]
head = "rbf-general"
learning_rate = 0.3
"""
SMALL = ["--dataset", "digits", "--components", 20, "--epochs", 3, "--limit", 600, "--jobs", 1]


@pytest.fixture
def scratch(run_cli):
    """Return a function that runs ``scratch`` with a small config."""
    Path("scratch.toml").write_text(SCRATCH)
    return lambda *words: run_cli("scratch", "--config", "scratch.toml", *SMALL, *words)


@pytest.fixture
def reject(run_cli):
    """Return a function that runs ``reject`` with a small config."""
    Path("reject.toml").write_text(REJECT)
    small = [word for word in SMALL if word not in ("--components", 20)]
    return lambda *words: run_cli("reject", "--config", "reject.toml", *small, "--set", "components=20", *words)


def result_of(kind: type, figure: str) -> Record:
    assert Path(f"figures/{figure}.png").stat().st_size > 10_000
    return from_json(Record[kind], Path(f"figures/{figure}.json").read_bytes())


def test_scratch_trains_disturbs_and_attacks_and_a_second_run_reuses_everything(scratch, save_no_figures):
    first = scratch()
    assert first.code == 0, first.err
    training = result_of(ScratchTraining, "scratch-training")
    hinge = training.result.networks["hinge"]
    assert (training.dataset.name, training.seeds, training.threads) == ("digits", [0, 1], 1)
    assert (hinge.config.epochs, hinge.seconds.count, len(hinge.curves[0].points)) == (3, 2, 3)
    assert hinge.metrics["test_accuracy"].mean > 0.5
    assert training.models.keys() >= {"hinge, seed 0", "rbf, seed 1"}
    assert list(result_of(Ceiling, "scratch-ceiling").result.networks) == ["rbf"]
    noise = result_of(NoiseMatrix, "scratch-noise").result
    assert (noise.train_noise, noise.test_noise) == ([0, 0.5], [0, 0.5])
    assert all(0 < cell.mean <= 1 for matrix in (noise.anew, noise.once) for row in matrix for cell in row)
    masked = result_of(MaskingResult, "scratch-masking").result.networks
    assert list(masked) == ["hinge", "softmax"]
    assert [len(shares) for shares in masked["hinge"].success["margin"].values()] == [2, 2]
    assert first.out.splitlines()[-1].startswith("best by validation: ")
    assert "9 runs (0 reused)" in first.out
    assert "1/9 cells: hinge, seed 0: validation loss" in first.err
    twins = save_no_figures()
    second = scratch()
    assert "9 runs (9 reused)" in second.out
    assert {twin.seconds for twin in twins} == {training.seconds}
    assert second.out.splitlines()[:8] == first.out.splitlines()[:8]


def test_networks_picks_some_and_draws_what_they_allow(scratch):
    result = scratch("--networks", "softmax", "--seeds", 1, "-q")
    assert (result.code, result.err) == (0, "")
    assert sorted(path.name for path in Path("figures").glob("*.png")) == [
        "scratch-masking.png",
        "scratch-training.png",
    ]


def test_reject_writes_r3s_experiment_and_the_honest_one(reject):
    result = reject("-q")
    assert (result.code, result.err) == (0, "")
    fixed = result_of(FixedRejection, "reject-fixed").result
    assert (fixed.margins, fixed.epsilon) == ([10], [0, 0.1])
    for figure in ("reject-distances", "reject-detectors", "reject-adaptive"):
        (plain,) = result_of(Rejection, figure).result.networks.values()
    answers = plain.attacked["adaptive"][0]
    assert answers.right.mean + answers.wrong.mean + answers.rejected.mean == pytest.approx(1)
    assert plain.attacked["pgd"][0].wrong.mean <= answers.wrong.mean
    assert set(plain.at_other_share) == {"clean", "fgsm", "pgd", "adaptive"}
    assert plain.at_other_share["clean"].rejected.mean <= plain.clean.rejected.mean
    assert set(plain.areas) == {"least distance", "max softmax", "PCA residual", "5-NN distance"}
    assert result.out.splitlines()[-1].startswith("accepted and wrong under the adaptive attack at epsilon 0.1: plain ")


def test_a_network_that_diverges_is_named_with_exit_code_5(scratch, reject):
    result = scratch("--networks", "hinge,softmax", "--learning-rate", 1e20, "-q")
    assert result.code == 5
    assert "hinge, seed 0: the loss is not finite from iteration" in result.err
    assert Path("figures/scratch-training.png").exists()
    result = reject("--set", "learning_rate=1e20", "-q")
    assert result.code == 5
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--head", "softmaxx"], "command line: head = 'softmaxx': input should be 'hinge', 'softmax', 'rbf'"),
        (["--set", "margin=0"], "command line: margin = 0: input should be greater than 0"),
        (["--noise", "-0.1"], "command line: noise = -0.1: input should be greater than or equal to 0"),
        (["--components", "785"], "components = 785: the images have 784 pixels, and PCA no more components"),
        (
            ["--batch-size", "1"],
            "command line: batch_size = 1 takes momentum = 0; with momentum, images without a loss",
        ),
        (["--networks", "hinge,convnet"], "--networks: 'convnet' is not one of hinge, softmax, rbf, hinge-batch-1"),
        (["--set", "colour=red"], "command line: NetworkConfig has no key 'colour'"),
        (["--seeds", "0"], "command line: seeds = 0: input should be greater than or equal to 1"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(scratch, words, message):
    result = scratch("--networks", "hinge", "-q", *words)
    assert (result.code, result.out) == (2, ""), result.err
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not Path("figures").exists() or not list(Path("figures").iterdir())


def test_a_bad_value_of_a_file_names_file_and_network(run_cli):
    Path("bad.toml").write_text(SCRATCH.replace('head = "rbf"', 'head = "rbv"'))
    result = run_cli("scratch", "--config", "bad.toml", "--dataset", "digits")
    assert result.code == 2
    assert "bad.toml, network rbf: head = 'rbv': input should be" in result.err


def test_the_printed_config_is_read_back_to_the_same(run_cli):
    for name in ("scratch", "reject"):
        printed = run_cli(name, "--print-config")
        assert printed.code == 0, printed.err
        Path("printed.toml").write_text(printed.out)
        assert run_cli(name, "--config", "printed.toml", "--print-config").out == printed.out
