"""Training against an oracle, its order and repeatability, and what its curves mean."""

import numpy as np
import pytest

from ex3 import backend, models, training
from ex3.backend import keras, tf
from ex3.config import ConvnetConfig, LinearConfig
from ex3.data.sampling import shuffled_order
from ex3.errors import DataError
from ex3.evaluation import dead_shares, predict, with_largest
from ex3.runs import train_classifier
from ex3.training import Task


@pytest.fixture
def tiny_linear() -> LinearConfig:
    return LinearConfig(model="linear", epochs=1, batch_size=100, optimizer="sgd", learning_rate=0.5, momentum=0.0)


def test_the_order_differs_between_epochs_and_seeds_and_is_the_same_between_runs():
    first, second, other = (shuffled_order(*key, np.zeros(1000)) for key in ((0, 0), (0, 1), (1, 0)))
    np.testing.assert_array_equal(np.sort(first), np.arange(1000))
    np.testing.assert_array_equal(first, shuffled_order(0, 0, np.zeros(1000)))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_the_same_config_gives_bit_identical_curves_and_weights(dataset, tiny_mlp):
    config = ConvnetConfig(
        **tiny_mlp.model_dump(exclude={"model", "activation", "dropout", "translation", "rotation"}),
        model="convnet",
        dropout=0.3,
        filters=(4,),
        kernel_sizes=(5,),
        translation=0.1,
        rotation=0.05,
    )
    (first_model, first), _, (second_model, second) = (
        train_classifier(config.model_copy(update={"seed": seed}), dataset) for seed in (0, 1, 0)
    )
    assert first.iterations == second.iterations
    assert first.metrics == second.metrics
    for name in first.epochs.series.keys() - {"seconds"}:
        assert first.epochs.series[name] == second.epochs.series[name]
    assert first.weights == second.weights
    for left, right in zip(first_model.get_weights(), second_model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_another_seed_gives_other_numbers(dataset, tiny_mlp):
    _, first = train_classifier(tiny_mlp, dataset)
    _, second = train_classifier(tiny_mlp.model_copy(update={"seed": 1}), dataset)
    assert first.iterations != second.iterations


def test_curves_have_the_promised_points_and_the_loss_falls(dataset, tiny_mlp):
    reports = []
    model, run = train_classifier(tiny_mlp, dataset, reports.append)
    steps = len(dataset.train) // 64
    assert run.epochs.points == [pytest.approx(point, abs=0.5 / steps) for point in (0.5, 1, 1.5, 2)]
    assert run.iterations.points == list(range(1, 2 * steps + 1))
    assert {len(values) for values in run.epochs.series.values()} == {4}
    assert run.epochs.series["train_loss"][-1] < 0.5 * run.epochs.series["train_loss"][0]
    assert run.epochs.series["seconds"] == sorted(run.epochs.series["seconds"])
    assert run.parameters == model.count_params() == 784 * 16 + 16 + 16 * 10 + 10
    assert run.diverged_at is None
    assert [report.epoch for report in reports if report.point] == [1, 2]
    assert reports[-1].point["test_accuracy"] == run.metrics["test_accuracy"]


def test_early_evaluations_come_after_2_8_32_of_all_steps(dataset, tiny_mlp):
    config = tiny_mlp.model_copy(update={"early_evaluations": True, "evaluations_per_epoch": 1})
    _, run = train_classifier(config, dataset)
    steps = len(dataset.train) // 64
    updates = [round(point * steps) for point in run.epochs.points]
    assert updates == sorted({2, 8, 32, steps, 2 * steps})
    _, plain = train_classifier(tiny_mlp, dataset)
    assert run.iterations == plain.iterations
    assert run.metrics == plain.metrics


def test_train_and_test_are_measured_alike_in_inference_mode(dataset, tiny_mlp):
    model, run = train_classifier(tiny_mlp.model_copy(update={"dropout": 0.9}), dataset)
    for name, split in (("train", dataset.train.first(len(dataset.test))), ("test", dataset.test)):
        probabilities = np.asarray(model(split.x, training=False))
        picked = probabilities[np.arange(len(split)), split.y]
        assert run.metrics[f"{name}_loss"] == pytest.approx(-np.log(picked).mean(), rel=1e-4)
        assert run.metrics[f"{name}_accuracy"] == np.mean(probabilities.argmax(axis=1) == split.y)
    assert np.trace(run.confusion) == round(run.metrics["test_accuracy"] * len(dataset.test))
    np.testing.assert_array_equal(np.sum(run.confusion, axis=1), np.bincount(dataset.test.y))


def test_a_batch_larger_than_the_data_is_cut_with_a_warning(dataset, tiny_mlp, caplog):
    _, run = train_classifier(tiny_mlp.model_copy(update={"batch_size": 10**6}), dataset)
    assert len(run.iterations.points) == 2
    assert "one batch is all" in caplog.text


def test_training_stops_at_the_first_loss_that_is_not_finite(dataset, tiny_linear):
    _, run = train_classifier(tiny_linear.model_copy(update={"learning_rate": 1e38, "epochs": 3}), dataset)
    losses = np.array(run.iterations.series["loss"])
    assert run.diverged_at == 1 + np.flatnonzero(~np.isfinite(losses))[0]
    assert len(losses) <= len(dataset.train) // 100


def softmax_loss(network, x, y):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, network(x, training=True)))


def build_task(config, dataset, **parts) -> Task:
    backend.prepare(config.seed, config.threads, config.precision)
    logits = models.logits_model(models.build(config, dataset.shape, 10))
    arrays = dataset.train.x, dataset.train.y
    return Task(logits, parts.pop("loss", softmax_loss), arrays, dataset.train.y, **parts)


def train_on(config, state, chunks=None) -> None:
    for number, _ in enumerate(training.advance(config, state), 1):
        state.points.append({"epoch": float(number), "seconds": state.seconds})
        if number == chunks:
            break


def test_a_state_of_another_network_is_refused(dataset, tiny_mlp):
    states = [
        training.start(config, build_task(config, dataset))
        for config in (tiny_mlp, tiny_mlp.model_copy(update={"hidden_units": (8,)}))
    ]
    with pytest.raises(DataError, match="another model or optimiser"):
        states[0].restore(states[1].snapshot())


def test_the_order_may_depend_on_the_labels(dataset, tiny_linear):
    def zeros_alone(seed, epoch, labels):
        return np.flatnonzero(labels == 0).astype(np.int32)

    state = training.start(tiny_linear, build_task(tiny_linear, dataset, order=zeros_alone))
    (chunk,) = training.advance(tiny_linear, state)
    assert (dataset.train.y[chunk.rows] == 0).all()
    assert set(predict(state.task.model, dataset.test.x).argmax(axis=1)) == {0}


def test_the_batch_is_transformed_inside_the_compiled_step(dataset, tiny_linear):
    blank = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Rescaling(0.0)])
    state = training.start(tiny_linear, build_task(tiny_linear, dataset, transform=blank))
    weights = state.task.model.get_weights()[0]
    train_on(tiny_linear, state)
    np.testing.assert_array_equal(state.task.model.get_weights()[0], weights)  # black images move no weight
    assert state.task.model.get_weights()[1].any()


def test_the_loss_may_use_the_model_as_adversarial_training_does(dataset, tiny_linear):
    def on_attacked_images(network, x, y):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = softmax_loss(network, x, y)
        attacked = tf.clip_by_value(x + 0.1 * tf.sign(tape.gradient(value, x)), 0, 1)
        return softmax_loss(network, tf.stop_gradient(attacked), y)

    losses = {}
    for name, loss in (("plain", softmax_loss), ("attacked", on_attacked_images)):
        slow = tiny_linear.model_copy(update={"learning_rate": 0.02})
        state = training.start(slow, build_task(slow, dataset, loss=loss))
        train_on(slow, state)
        losses[name] = state.losses
    assert losses["attacked"][0] > losses["plain"][0]
    assert losses["attacked"][-1] < losses["attacked"][0]


def test_dead_units_are_counted_per_layer(dataset, tiny_mlp):
    convnet = ConvnetConfig(
        model="convnet", filters=(4,), kernel_sizes=(3,), hidden_units=(8,), epochs=1, batch_size=64, optimizer="sgd",
        learning_rate=0.01, momentum=0.0,
    )  # fmt: skip
    model = models.build(convnet, dataset.shape, 10)
    kernel, bias, dense_kernel, dense_bias, *rest = model.get_weights()
    bias[0], dense_bias[:6] = -1e6, -1e6  # these are never positive
    kernel[..., 1:], bias[1:], dense_bias[6:] = 0, 1, 1e6
    model.set_weights([kernel, bias, dense_kernel, dense_bias, *rest])
    logits, relus = models.logits_model(model), models.relu_outputs(model)
    seen = predict(with_largest(logits, relus), dataset.test.x)
    assert np.array_equal(seen[:, :10], predict(logits, dataset.test.x))
    assert dead_shares(seen[:, 10:], relus) == {"dead_conv1": 0.25, "dead_dense1": 0.75}
    _, run = train_classifier(tiny_mlp, dataset)
    assert 0 <= run.metrics["dead_dense1"] < 0.5


def test_the_validation_curve_changes_no_other_number(dataset, tiny_mlp):
    _, plain = train_classifier(tiny_mlp, dataset)
    _, watched = train_classifier(tiny_mlp.model_copy(update={"validation_curve": True}), dataset)
    assert watched.epochs.series["validation_loss"][-1] == watched.metrics["validation_loss"]
    assert (watched.weights, watched.metrics) == (plain.weights, plain.metrics)


def test_the_accuracy_of_each_batch_changes_no_other_number(dataset, tiny_mlp):
    _, plain = train_classifier(tiny_mlp, dataset)
    _, recorded = train_classifier(tiny_mlp.model_copy(update={"batch_accuracy": True}), dataset)
    accuracies = np.array(recorded.iterations.series["accuracy"])
    assert len(accuracies) == len(plain.iterations.points)
    np.testing.assert_allclose(accuracies * 64, np.round(accuracies * 64), atol=1e-4)  # counts of a batch
    assert accuracies[-5:].mean() > accuracies[:5].mean()
    assert (recorded.weights, recorded.metrics) == (plain.weights, plain.metrics)
