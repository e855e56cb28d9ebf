"""Defences: the losses of robust training, the judge, and ``defend`` end to end on a few small digits."""

from pathlib import Path

import numpy as np
import pytest
from small_victims import LINEAR, WEIGHTS, X, Y, convnet_images, convnet_victim

from ex3 import backend, model_store, models
from ex3.adversarial.defence_results import DefencePictures, Defences, share_at_strokes
from ex3.adversarial.defend_config import DefendedConfig, Strength
from ex3.adversarial.defended import Inside, defend
from ex3.adversarial.packed import Arrays
from ex3.adversarial.square import _side, square
from ex3.adversarial.worst_case import ATTACKS, check_certified, survivors
from ex3.backend import tf
from ex3.by_hand.certified import CertifiedConfig, HandCertificates, certify_network
from ex3.data import load_dataset
from ex3.defences import certificate, crown
from ex3.defences.example import BoxExample, build_example
from ex3.defences.losses import attack_in_step, build_robust_loss, rising_epsilon
from ex3.errors import CheckFailedError, ConfigError
from ex3.results import Pixels, Record, from_json, to_json
from ex3.robust_config import RobustConfig
from ex3.runs import train_classifier
from ex3.schedules import FlatThenCosine

TINY = {
    "dataset": "digits", "limit": 640, "epochs": 2, "batch_size": 32, "filters": (4, 4), "hidden_units": (16,),
    "learning_rate": 0.005, "threads": 2,
}  # fmt: skip
WEAK = Strength(steps=5, step_size=0.3, restarts=1, queries=20)
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


# losses


def test_epsilon_rises_linearly_between_its_two_shares():
    config = RobustConfig(defence="ibp", epsilon=0.3, ramp_start=0.2, ramp_end=0.6)
    found = [float(rising_epsilon(config, tf.constant(step), 10)) for step in (0, 2, 4, 6, 9)]
    np.testing.assert_allclose(found, [0, 0, 0.15, 0.3, 0.3], atol=1e-6)
    at_once = RobustConfig(defence="adversarial", epsilon=0.3)
    assert float(rising_epsilon(at_once, tf.constant(0), 10)) == pytest.approx(0.3)


def test_the_flat_schedule_rises_stays_and_falls_to_zero():
    rates = [float(FlatThenCosine(0.01, 10, 60, 100)(step)) for step in (0, 9, 59, 80, 100)]
    np.testing.assert_allclose(rates, [0.001, 0.01, 0.01, 0.005, 0], atol=1e-8)


def robust(defence: str, **changes) -> RobustConfig:
    bound = {} if defence == "none" else {"epsilon": 0.1}
    return RobustConfig(defence=defence, **{**TINY, **bound, **changes})


def test_the_attack_in_training_stays_in_the_ball_and_raises_the_loss():
    config = robust("adversarial", attack_steps=2)
    logits = models.logits_model(models.build(config, (28, 28, 1), 10))
    digits = load_dataset("digits").test.first(20)
    x, y = tf.constant(digits.x), tf.one_hot(digits.y, 10)

    def loss(model, x, y):
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, model(x, training=True)))

    attacked = attack_in_step(config, loss, logits, x, y, x + 0.05, tf.constant(0.1))
    assert float(tf.reduce_max(tf.abs(attacked - x))) <= 0.1 + 1e-6
    assert (float(tf.reduce_min(attacked)), float(tf.reduce_max(attacked))) >= (0, 0)
    assert float(tf.reduce_max(attacked)) <= 1
    assert loss(logits, attacked, y) > loss(logits, x, y)


def test_noise_is_another_in_each_step_and_the_same_in_each_run():
    step = tf.Variable(0, dtype=tf.int64)
    seen = []
    loss = build_robust_loss(robust("noise"), lambda model, x, y: seen.append(x.numpy()) or 0.0, step, 10)
    x = tf.fill((2, 4, 4, 1), 0.5)
    for number in (0, 1, 0):
        step.assign(number)
        loss(None, x, None)
    assert not np.array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])
    assert set(np.round(np.abs(seen[0] - 0.5), 6).ravel()) == {np.float32(0.1)}


@pytest.mark.parametrize("defence", ["none", "noise", "adversarial", "ibp"])
def test_each_defence_learns_and_gives_the_same_numbers_again(defence):
    config = robust(defence, normalization="batch" if defence == "ibp" else "none", ramp_end=0.5, epochs=3)
    first, second = (train_classifier(config, load_dataset("digits", limit=640))[1] for _ in range(2))
    if defence == "ibp":  # two threads add its many terms up in any order
        np.testing.assert_allclose(
            first.iterations.series["loss"][:20], second.iterations.series["loss"][:20], rtol=1e-4
        )
    else:
        assert first.weights == second.weights
    assert first.metrics["test_accuracy"] > 0.5
    assert first.iterations.series["loss"][-1] < first.iterations.series["loss"][0]


def test_defences_give_different_weights():
    dataset = load_dataset("digits", limit=320)
    weights = {
        train_classifier(robust(defence, epochs=1), dataset)[1].weights
        for defence in ("none", "noise", "adversarial", "ibp")
    }
    assert len(weights) == 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"defence": "ibp"}, "needs an epsilon above 0"),
        ({"defence": "ibp", "epsilon": 0.1, "label_smoothing": 0.1}, "the loss of defence = 'ibp' has none"),
        ({"ramp_start": 0.5, "ramp_end": 0.2}, "comes before ramp_start = 0.5"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        RobustConfig(**settings)


def test_images_that_are_too_small_are_refused():
    with pytest.raises(ConfigError, match="too many for images of 3 x 3"):
        models.build(RobustConfig(), (3, 3, 1), 10)


# the judge


def test_square_stays_in_the_ball_and_in_the_cube_and_depends_on_its_seed():
    attacked = square(LINEAR, X, Y, 0.1, queries=30)
    assert np.abs(attacked - X).max() <= 0.1 + 1e-6
    assert attacked.min() >= 0
    assert attacked.max() <= 1
    np.testing.assert_array_equal(attacked, square(LINEAR, X, Y, 0.1, queries=30))
    assert not np.array_equal(attacked, square(LINEAR, X, Y, 0.1, queries=30, seed=1))
    np.testing.assert_array_equal(square(LINEAR, X, Y, 0.0, queries=5), X)


def test_square_lowers_the_margin_and_breaks_what_random_noise_leaves():
    score = np.abs(LINEAR.logits(X)[:, 1])
    epsilon = float(0.4 * np.median(score) / np.sqrt(np.sum(WEIGHTS**2)) * 1.5)
    few, many = (square(LINEAR, X, Y, epsilon, queries=queries) for queries in (1, 400))
    broken = [np.mean(LINEAR.logits(attacked).argmax(axis=1) != Y) for attacked in (few, many)]
    assert broken[1] >= broken[0] + 0.2


def test_the_squares_shrink_from_most_of_the_image_to_a_pixel():
    sides = [_side(query, 10_000, (1, 28, 28, 1)) for query in (1, 60, 1_500, 9_999)]
    assert sides[0] == 25
    assert sides == sorted(sides, reverse=True)
    assert sides[-1] <= 2
    assert _side(1, 10_000, (1, 3, 9, 1)) == 3


def test_what_is_left_never_grows_and_a_clean_mistake_never_counts_as_left():
    images = convnet_images()
    victims = {loss: convnet_victim(loss) for loss in ("ce", "margin")}
    y = images.y.copy()
    y[0] = (y[0] + 1) % 10
    left = survivors(victims, images.x, y, 0.1, WEAK, seed=0)
    assert list(left) == list(ATTACKS)
    counts = [int(alive.sum()) for alive in left.values()]
    assert counts == sorted(counts, reverse=True)
    assert not left[ATTACKS[0]][0]
    nothing = survivors(victims, images.x, images.y, 0.0, WEAK, seed=0)
    assert nothing[ATTACKS[-1]].all()


def test_a_certified_image_that_breaks_is_an_error():
    images = convnet_images()
    victims = {loss: convnet_victim(loss) for loss in ("ce", "margin")}
    assert check_certified(victims, images.x[:3], images.y[:3], 0.0, WEAK, seed=0) == 3
    assert check_certified(victims, images.x[:0], images.y[:0], 0.3, WEAK, seed=0) == 0
    with pytest.raises(CheckFailedError, match=r"3 of 3 images that are certified at epsilon 0\.5 break"):
        check_certified(victims, images.x[:3], images.y[:3], 0.5, WEAK, seed=0)


def test_an_error_planted_in_the_bounds_stops_the_run(monkeypatch):
    config = DefendedConfig(**TINY, samples=20, judged_epsilon=0.3, curve=(0.3,), steps=5, restarts=1, queries=20)
    monkeypatch.setattr(certificate, "image_box", lambda x, epsilon: certificate.Box(x.astype(float), 0 * x))
    with pytest.raises(CheckFailedError, match="the certificate is wrong"):
        defend(config, load_dataset("digits", limit=640))


def test_weights_are_packed_bit_for_bit():
    arrays = {"a": np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32), "b": np.float32([1e-30, -0.0])}
    again = from_json(Arrays, to_json(Arrays.pack(arrays))).unpack()
    assert {name: array.tobytes() for name, array in again.items()} == {n: a.tobytes() for n, a in arrays.items()}


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


# the command


@pytest.fixture
def run_defend(run_cli):
    """Return a function that runs ``defend`` with two small networks."""
    Path("defend.toml").write_text(CONFIG)
    return lambda *words: run_cli("defend", "--config", "defend.toml", *FAST, *words)


def test_defend_trains_judges_exports_and_a_second_run_reuses_everything(run_defend, run_cli):
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
    second = run_defend("-q", "--only", "nothing,ibp")
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
