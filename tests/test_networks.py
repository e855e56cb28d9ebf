"""Networks: their shapes, their activations, their precision, and their logits."""

import numpy as np

from ex3 import backend, config_files, models
from ex3.data import load_dataset
from ex3.evaluation import predict
from ex3.runs import train_classifier


def test_mixed_precision_trains_with_float32_weights_and_logits(dataset, tiny_mlp):
    model, run = train_classifier(tiny_mlp.model_copy(update={"precision": "mixed_bfloat16"}), dataset)
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert model.get_layer("logits").compute_dtype == "float32"
    assert model.layers[1].compute_dtype == "bfloat16"
    assert run.metrics["train_accuracy"] > 0.7


def test_strides_and_pools_give_the_promised_shapes():
    fast = config_files.load(config_files.shipped("convnet-fast"))
    network = models.build(fast, (28, 28, 1), 10)
    shapes = {name: output.shape[1:] for name, output in models.relu_outputs(network).items()}
    assert shapes == {
        "conv1": (6, 6, 24),
        "conv2": (4, 4, 32),
        "dense1": (128,),
    }  # 28 -> 12 by steps of 2 -> 6 by pooling -> 4
    assert network.count_params() == 74_522


def test_logits_are_what_the_softmax_sees(dataset, tiny_mlp):
    model = models.build(tiny_mlp, dataset.shape, 10)
    logits = predict(models.logits_model(model), dataset.test.x)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(dataset.test.x, verbose=0), expected, rtol=1e-5)


def test_the_activation_is_the_hidden_layers_alone(dataset, tiny_mlp):
    model, run = train_classifier(tiny_mlp.model_copy(update={"activation": "tanh", "epochs": 1}), dataset)
    assert [layer.activation.__name__ for layer in model.layers if hasattr(layer, "units")] == ["tanh", "linear"]
    assert not any(name.startswith("dead_") for name in run.metrics)


def test_images_reach_tensorflow_without_a_copy_and_other_arrays_with_one():
    images = load_dataset("digits").test.first(5).x  # of this test alone: shared arrays change together
    for array, is_shared in ((images, True), (images[:, ::2], False), (images.reshape(-1)[1:], False)):
        tensor = backend.as_tensor(array)
        np.testing.assert_array_equal(tensor, array)
        np.add(array, 1, out=array)
        assert np.array_equal(tensor, array) == is_shared
