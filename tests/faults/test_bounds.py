"""Settings that no sane experiment reaches, and networks that no memory holds, are refused before anything is built."""

import pytest
from promise import assert_one_line

from ex3 import config_files, memory, models
from ex3.config import AutoencoderConfig
from ex3.errors import ConfigError
from ex3.memory import count_parameters, limit_jobs
from ex3.robust_config import RobustConfig

SHAPE, CLASSES = (28, 28, 1), 10
TRAIN = ["train", "mlp", "--dataset", "digits"]

# command line -> what the error says (exit code 2)
FAULTS = [
    ([*TRAIN, "--epochs", "100001"], "epochs = 100001: input should be less than or equal to 100000"),
    ([*TRAIN, "--epochs", "-1"], "epochs = -1: input should be greater than or equal to 1"),
    ([*TRAIN, "--batch-size", "1000001"], "batch_size = 1000001: input should be less than or equal to 1000000"),
    ([*TRAIN, "--set", "evaluations_per_epoch=10001"], "evaluations_per_epoch = 10001: input should be less than"),
    ([*TRAIN, "--set", "hidden_units=[65537]"], "hidden_units = [65537]: input should be less than or equal to 65536"),
    ([*TRAIN, "--seed", "2147483648"], "seed = 2147483648: input should be less than 2147483648"),
    ([*TRAIN, "--seed", "2147483647"], "seed = 2147483647: at most 2147482648, since up to 1000 seeds follow it"),
    ([*TRAIN, "--seeds", "1001"], "--seeds"),
    (["train", "convnet", "--set", "filters=[65537]"], "filters = [65537]: input should be less than"),
    (["train", "convnet", "--set", "kernel_sizes=[65537, 3]"], "kernel_sizes = [65537, 3]: input should be less than"),
    (["autoencoder", "--seeds", "1001"], "--seeds"),
    (["attack", "--set", "samples=1000001"], "samples = 1000001: input should be less than"),
    (["sweep", "lr", "--seeds", "1001"], "seeds = 1001: input should be less than"),
    (["sweep", "lr", "--seed", "2147483647", "--seeds", "2"], "seed = 2147483648"),
    (
        [*TRAIN, "--set", "hidden_units=[65536, 65536]"],
        "mlp: its 4,347,133,962 parameters need 69.6 GB in training; there",
    ),
]


@pytest.mark.parametrize(("words", "line"), FAULTS)
def test_a_setting_out_of_bounds_is_one_line(run_cli, monkeypatch, words, line):
    monkeypatch.setattr(memory, "memory", lambda: 24 * 10**9)
    assert_one_line(run_cli(*words), 2, line)


@pytest.mark.parametrize("name", ["linear", "mlp", "convnet"])
def test_parameters_are_counted_as_keras_does(name):
    config = config_files.load(config_files.shipped(name))
    assert count_parameters(config, SHAPE, CLASSES) == models.build(config, SHAPE, CLASSES).count_params()


def test_parameters_of_other_networks_are_counted(monkeypatch):
    robust = RobustConfig(model="robust", seed=0)
    assert count_parameters(robust, SHAPE, CLASSES) == models.build(robust, SHAPE, CLASSES).count_params()
    plain = config_files.load_as(AutoencoderConfig, config_files.shipped("autoencoder"), {"normalization": "none"})
    built = models.build_autoencoder(plain, SHAPE)
    count = count_parameters(plain, SHAPE, CLASSES)
    assert count == built.encoder.count_params() + built.decoder.count_params()
    monkeypatch.setattr(memory, "memory", lambda: 10**6)
    with pytest.raises(
        ConfigError, match=rf"autoencoder: its {count:,} parameters need .* GB in training; there are 0\.0"
    ):
        models.build_autoencoder(plain, SHAPE)


def test_processes_are_at_most_the_cells_and_what_the_memory_holds(monkeypatch):
    monkeypatch.setattr(memory, "memory", lambda: 5 * 2**30)
    assert (limit_jobs(500, 3), limit_jobs(500, 100), limit_jobs(2, 100)) == (3, 5, 2)
    monkeypatch.setattr(memory, "memory", lambda: None)
    assert limit_jobs(500, 100) == 100


def test_the_memory_of_this_machine_is_known():
    assert memory.memory() > 2**28
