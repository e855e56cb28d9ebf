"""A config holds what is allowed, or an error names the key, the value and where it came from."""

import math

import pytest

from ex3 import config, config_files
from ex3.errors import ConfigError

MLP = """
model = "mlp"
hidden_units = [8]
epochs = 1
batch_size = 32
optimizer = "sgd"
learning_rate = 0.1
momentum = 0.0
"""
CONVNET = MLP.replace('"mlp"', '"convnet"') + "filters = [4]\nkernel_sizes = [3]\n"


@pytest.fixture
def mlp_file(tmp_path):
    path = tmp_path / "mlp é.toml"
    path.write_text(MLP)
    return path


def test_overrides_win_over_the_file_and_the_rest_is_default(mlp_file):
    loaded = config_files.load(mlp_file, {"learning_rate": 1, "hidden_units": [4, 5]})
    assert loaded.learning_rate == 1.0
    assert loaded.hidden_units == (4, 5)
    assert loaded.batch_size == 32
    assert loaded.threads == 2


def test_toml_round_trip_gives_an_equal_config(tmp_path):
    path = tmp_path / "convnet.toml"
    path.write_text(CONVNET)
    loaded = config_files.load(path, {"limit": 100, "learning_rate": 1e-7})
    again = tmp_path / "again.toml"
    again.write_text(config_files.to_toml(loaded))
    assert config_files.load(again) == loaded


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ("sgd", "sgd"),
        ('"sgd"', "sgd"),
        ("1\nseed = 2", "1\nseed = 2"),
    ],
)
def test_values_are_read_as_toml_and_else_as_text(text, value):
    assert config_files.parse_value(text) == value


def test_not_a_number_is_read_as_one():
    assert math.isnan(config_files.parse_value("nan"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("learning_rate", math.nan),
        ("learning_rate", True),
        ("epochs", 1.5),
        ("dropout", 1.0),
        ("optimizer", "adagrad"),
        ("hidden_units", [8.5]),
    ],
)
def test_a_bad_value_is_named_with_its_origin(mlp_file, key, value):
    with pytest.raises(ConfigError, match=rf"^command line: {key} = ") as caught:
        config_files.load(mlp_file, {key: value})
    assert repr(value) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_value_in_the_file_names_the_file(mlp_file):
    mlp_file.write_text(MLP.replace("epochs = 1", "epochs = true"))
    with pytest.raises(ConfigError, match=r"mlp é\.toml: epochs = True: .*integer"):
        config_files.load(mlp_file)


def test_an_unknown_key_is_answered_with_the_nearest(mlp_file):
    with pytest.raises(ConfigError, match=r"no key 'learning_rat'; did you mean 'learning_rate'\?"):
        config_files.load(mlp_file, {"learning_rat": 1})
    with pytest.raises(ConfigError, match="it has dataset, classes"):
        config_files.load(mlp_file, {"zzz": 1})
    with pytest.raises(ConfigError, match="MlpConfig has no key 'filters'"):
        config_files.load(mlp_file, {"filters": [3]})


def test_a_missing_key_or_model_is_named(mlp_file):
    mlp_file.write_text(MLP.replace("epochs = 1\n", ""))
    with pytest.raises(ConfigError, match="the key 'epochs' is missing"):
        config_files.load(mlp_file)
    mlp_file.write_text("epochs = 1\n")
    with pytest.raises(ConfigError, match="model = None is not one of linear, mlp, convnet"):
        config_files.load(mlp_file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no key"),
        (b"\x80\x81\x00", "not a text file"),
        (b"epochs = ", "not valid TOML"),
        (b"#" * 100_000, "larger than 64 KiB"),
    ],
)
def test_what_is_no_config_is_refused(mlp_file, content, message):
    mlp_file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        config_files.load(mlp_file)


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read: No such file"):
        config_files.load(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        config_files.load(tmp_path)


def test_convolutions_must_fit_the_image(tmp_path):
    path = tmp_path / "convnet.toml"
    path.write_text(CONVNET)
    with pytest.raises(ConfigError, match="one of each per convolution"):
        config_files.load(path, {"filters": [4, 4]})
    deep = config_files.load(path, {"filters": [4, 4, 4], "kernel_sizes": [5, 5, 5]})
    with pytest.raises(ConfigError, match=r"kernel_sizes = \[5, 5, 5\] leave nothing of a 28 x 28 image"):
        deep.check_shape((28, 28, 1))
    deep.check_shape((36, 40, 3))
    config_files.load(path, {"filters": [4, 4], "kernel_sizes": [5, 11]}).check_shape((28, 28, 1))


def test_strides_and_pools_are_one_per_convolution_and_fit_the_image(tmp_path):
    path = tmp_path / "convnet.toml"
    path.write_text(CONVNET)
    two = {"filters": [4, 4], "kernel_sizes": [5, 3]}
    with pytest.raises(ConfigError, match="strides has 1 entries for 2 blocks"):
        config_files.load(path, {**two, "strides": [2]})
    small = config_files.load(path, {**two, "strides": [3, 3], "pool_sizes": [1, 2]})
    with pytest.raises(ConfigError, match="leave nothing of a 13 x 13 image"):
        small.check_shape((13, 13, 1))
    small.check_shape((20, 20, 1))


def test_the_choice_of_images_is_a_part_of_every_config(mlp_file, tmp_path, monkeypatch):
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    given = {"dataset": "pictures", "classes": [7, "cat"], "size": 8, "limit": 5}
    loaded = config_files.load(mlp_file, given)
    assert loaded.dataset == str(tmp_path / "pictures")
    assert loaded.images == config.ImagesConfig(**given)
    assert config_files.load(mlp_file, {"classes": "4, 7,9"}).classes == ("4", "7", "9")
    assert config_files.load(mlp_file, {"classes": "4,7"}) != config_files.load(mlp_file, {"classes": "7,4"})


def test_configs_are_frozen(mlp_file):
    with pytest.raises(ValueError, match="frozen"):
        config_files.load(mlp_file).epochs = 2


def test_a_change_is_checked_like_the_config_itself(mlp_file):
    loaded = config_files.load(mlp_file)
    assert config_files.change(loaded, {"epochs": 3}, "here").epochs == 3
    assert config_files.change(loaded, {}, "here") == loaded
    with pytest.raises(ConfigError, match="here: epochs = 0: "):
        config_files.change(loaded, {"epochs": 0}, "here")
    with pytest.raises(ConfigError, match="here: MlpConfig has no key 'epoch'; did you mean 'epochs'"):
        config_files.change(loaded, {"epoch": 3}, "here")


def test_a_sweep_expands_to_its_values_in_order_times_the_seeds(mlp_file):
    base = config_files.load(mlp_file, {"seed": 5})
    grid = config_files.expand(base, "learning_rate", (0.1, 0.01), seeds=2, origin="here")
    assert {value: [(one.learning_rate, one.seed) for one in cells] for value, cells in grid.items()} == {
        0.01: [(0.01, 5), (0.01, 6)],
        0.1: [(0.1, 5), (0.1, 6)],
    }
    assert list(grid) == [0.01, 0.1]
    with pytest.raises(ConfigError, match="here: learning_rate = -1: "):
        config_files.expand(base, "learning_rate", (-1,), 1, "here")
    shared = base.model_dump(include=set(config.ClassifierConfig.model_fields))
    linear = config.LinearConfig(**{**shared, "model": "linear"})
    with pytest.raises(ConfigError, match="no key 'dropout'"):
        config_files.expand(linear, "dropout", (0.5,), 1, "here")


def test_a_sweep_config_survives_toml_with_its_base(tmp_path):
    sweep = config.SweepConfig(parameter="dropout", values=(0, 0.5), base={"epochs": 2, "optimizer": "adam"})
    path = tmp_path / "sweep.toml"
    path.write_text(config_files.to_toml(sweep))
    assert config_files.load_as(config.SweepConfig, path) == sweep
    with pytest.raises(ConfigError, match=r"values: 0\.1 stands there more than once"):
        config_files.load_as(config.SweepConfig, path, {"values": [0.1, 0.2, 0.1]})
    with pytest.raises(ConfigError, match="values = "):
        config_files.load_as(config.SweepConfig, path, {"values": []})
