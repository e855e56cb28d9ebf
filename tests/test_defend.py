"""``defend`` end to end on a few small digits; errors planted in the bounds stop it."""

from pathlib import Path

import numpy as np
import pytest

from ex3 import backend, model_store
from ex3.adversarial.defence_results import DefencePictures, Defences, share_at_strokes
from ex3.adversarial.defend_config import DefendedConfig
from ex3.adversarial.defended import Inside, defend
from ex3.by_hand.certified import CertifiedConfig, HandCertificates, certify_network
from ex3.data import load_dataset
from ex3.defences import certificate, crown
from ex3.defences.example import BoxExample, build_example
from ex3.errors import CheckFailedError
from ex3.results import Pixels, Record, from_json

TINY = {
    "dataset": "digits", "limit": 640, "epochs": 2, "batch_size": 32, "filters": (4, 4), "hidden_units": (16,),
    "learning_rate": 0.005, "threads": 2,
}  # fmt: skip
CONFIG = """
seeds = 1

[networks.nothing]

[networks.ibp]
defence = "ibp"
epsilon = 0.05
ramp_end = 0.5
normalization = "batch"

[hand.plain]
hidden_units = 20
certified_epsilon = [0.01, 0.05]
tested = 20

[hand.intervals]
interval_epsilon = 0.05
batch_size = 8
learning_rate = 0.03
l2 = 0.0
hidden_units = 20
certified_epsilon = [0.01, 0.05]
tested = 20
"""
FAST = [
    "--dataset",
    "digits",
    "--limit",
    640,
    "--epochs",
    3,
    "--samples",
    20,
    "--epsilon",
    0.02,
    "--threads",
    2,
    "--jobs",
    1,
]
for assignment in (
    "curve=[0.01,0.02]", "steps=3", "restarts=1", "queries=20", "tested=5", "batch_size=32", "filters=[4,4]",
    "hidden_units=[16]", "learning_rate=0.005",
):  # fmt: skip
    FAST += ["--set", assignment]


@pytest.fixture(autouse=True, scope="module")
def _two_threads():
    backend.prepare(0, 2, "float32")  # TensorFlow cannot change their number after its first use


def test_an_error_planted_in_the_bounds_stops_the_run(monkeypatch):
    config = DefendedConfig(**TINY, samples=20, judged_epsilon=0.3, curve=(0.3,), steps=5, restarts=1, queries=20)
    monkeypatch.setattr(certificate, "image_box", lambda x, epsilon: certificate.Box(x.astype(float), 0 * x))
    with pytest.raises(CheckFailedError, match="the certificate is wrong"):
        defend(config, load_dataset("digits", limit=640))


def test_the_share_at_the_strokes_by_hand():
    images, gradients = np.zeros((1, 9, 9, 1)), np.full((1, 9, 9, 1), 128 / 255)
    images[0, 4, 4] = 1
    gradients[0, 5, 5] = 1
    gradients[0, 0, 0] = 1 / 255
    inside = Inside(Pixels.pack(images), Pixels.pack(gradients), Pixels.pack(images))
    assert share_at_strokes(inside) == pytest.approx(0.5)


def test_the_example_box_holds_what_is_reached_and_more():
    for stage, is_exact in zip(build_example().stages, (True, False, False), strict=True):
        outline = np.array(stage.outline)
        assert (outline >= np.array(stage.low) - 1e-6).all()
        assert (outline <= np.array(stage.high) + 1e-6).all()
        assert (stage.share == pytest.approx(1, abs=1e-6)) == is_exact


@pytest.fixture
def run_defend(run_cli):
    """Return a function that runs ``defend`` with two small networks."""
    Path("defend.toml").write_text(CONFIG)
    return lambda *words: run_cli("defend", "--config", "defend.toml", *FAST, *words)


def test_defend_trains_judges_exports_and_a_second_run_reuses_everything(run_defend, save_no_figures):
    first = run_defend("--only", "nothing,ibp", "--export", "robust.npz")
    assert first.code == 0, first.err
    records = {
        part: from_json(Record[kind], Path(f"figures/defend-{part}.json").read_bytes())
        for part, kind in {"epsilon": Defences, "noise": DefencePictures, "box": BoxExample}.items()
    }
    networks = records["epsilon"].result.networks
    assert list(networks) == ["nothing", "ibp"]
    proved = networks["ibp"]
    assert 0.3 < proved.certified.mean <= proved.clean.mean
    assert proved.robust.mean >= proved.certified_curve[-1]
    assert proved.tested == 5
    assert all(low <= high for low, high in zip(proved.certified_curve, proved.curve, strict=True))
    assert len(proved.epochs[0].series["validation_pgd_accuracy"]) == 3
    assert records["noise"].models.keys() == {"nothing, seed 0", "ibp, seed 0"}
    with np.load("robust.npz") as weights:
        assert weights["ibp/conv1/kernel"].shape == (4, 4, 1, 4)
        assert "nothing/conv1_norm/gamma" not in weights
        assert "ibp/conv1_norm/moving_variance" in weights
    lines = first.out.splitlines()
    assert lines[-1].startswith("at epsilon 0.02 left by all attacks / certified: nothing ")
    (file,) = [line.removeprefix("wrote ") for line in lines if "model.keras" in line][-1:]
    run = model_store.load_classifier(Path(file))[1]
    assert run.weights == records["noise"].models["ibp, seed 0"]
    assert run.config.defence == "ibp"
    twins = save_no_figures()
    second = run_defend("-q", "--only", "nothing,ibp")
    assert {twin.seconds for twin in twins} == {records["epsilon"].seconds}
    assert "2 runs (2 reused)" in second.out
    assert second.out.splitlines()[:3] == lines[:3]


def test_the_hand_written_networks_are_certified_in_two_ways(run_defend):
    result = run_defend("--only", "hand", "-q")
    assert (result.code, result.err) == (0, "")
    assert {path.name for path in Path("figures").iterdir()} == {"defend-hand.png", "defend-hand.json"}
    record = from_json(Record[HandCertificates], Path("figures/defend-hand.json").read_bytes())
    plain, by_intervals = (record.result.networks[name] for name in ("plain", "intervals"))
    assert record.models.keys() == {"plain, seed 0", "intervals, seed 0"}
    for found in (plain, by_intervals):
        assert found.epsilon == [0.01, 0.05]
        for at in (0, 1):
            proved = max(found.intervals[at].mean, found.crown[at].mean)
            assert proved <= found.left[at].mean <= found.clean.mean
    assert plain.crown[0].mean > 0.5
    assert plain.crown[1].mean > plain.intervals[1].mean
    assert by_intervals.intervals[1].mean > max(0.3, plain.crown[1].mean)
    rows = [line.split()[:2] for line in result.out.splitlines() if line.startswith(("plain", "intervals"))]
    assert rows == [["plain", "0.01"], ["plain", "0.05"], ["intervals", "0.01"], ["intervals", "0.05"]]
    assert result.out.splitlines()[-1].startswith(
        "by hand certified by CROWN / by intervals: plain at epsilon 0.05 0."
    ), result.out


def test_an_error_planted_in_crown_stops_the_run(monkeypatch):
    config = CertifiedConfig(dataset="digits", limit=640, epochs=2, hidden_units=20, certified_epsilon=(0.3,))
    monkeypatch.setattr(crown, "bound_margins", lambda hidden, head, x, y, epsilon: np.ones((len(x), 10)))
    with pytest.raises(CheckFailedError, match=r"certified images at epsilon 0\.3: a bound is wrong"):
        certify_network(config, load_dataset("digits", limit=640))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "ibp,gpd"], "--only: 'gpd' is not one of nothing, ibp, hand"),
        (["--export", "weights.txt"], "--export weights.txt: should end in .npz"),
        (["--epsilon", "0"], "command line: judged_epsilon = 0: input should be greater than 0"),
        (["--set", "colour=red"], "command line: DefendedConfig has no key 'colour'"),
        (["--seeds", "0"], "command line: seeds = 0: input should be greater than or equal to 1"),
        (["--set", "ramp_start=0.9"], "ramp_end = 0: comes before ramp_start = 0.9"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(run_defend, words, message):
    result = run_defend("-q", *words)
    assert (result.code, result.out) == (2, ""), result.err
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not Path("figures").exists()


def test_the_printed_config_is_read_back_to_the_same(run_cli):
    printed = run_cli("defend", "--print-config")
    assert printed.code == 0, printed.err
    Path("printed.toml").write_text(printed.out)
    assert run_cli("defend", "--config", "printed.toml", "--print-config").out == printed.out
