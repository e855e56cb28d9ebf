"""The models of ``demo``: those of other commands, stored and found, trained meanwhile, and left with the page."""

import logging
import threading
import time

import numpy as np
import pytest
from small_pictures import write_folder
from test_by_hand import settings

from ex3.by_hand.stored import find_network, network_folder, save_network
from ex3.by_hand.training import rows_of, train_network
from ex3.commands import config_of
from ex3.demo.config import DemoConfig
from ex3.demo.lab import Lab
from ex3.errors import ConfigError
from ex3.experiments import Paths, _demo_models
from ex3.experiments import demo as experiment
from ex3.experiments.defend import plan_networks
from ex3.model_store import model_folder


def test_a_stored_network_by_hand_is_found_and_a_damaged_one_is_not(dataset, tmp_path, caplog):
    network, run = train_network(settings(epochs=1), dataset)
    assert find_network(tmp_path, run.config, dataset.fingerprint) is None
    save_network(tmp_path, network, run)
    found, its_run = find_network(tmp_path, run.config, dataset.fingerprint)
    x = rows_of(dataset.test.x)
    np.testing.assert_array_equal(found.forward(x), network.forward(x))
    assert its_run == run
    assert find_network(tmp_path, run.config, "another") is None
    network.parameters[0].value += 1
    save_network(tmp_path, network, run)
    network.parameters[0].value -= 1
    assert find_network(tmp_path, run.config, dataset.fingerprint) is None
    (network_folder(tmp_path, run.config, dataset.fingerprint) / "network.npz").write_bytes(b"PK")
    assert find_network(tmp_path, run.config, dataset.fingerprint) is None
    assert [record.message.split(": ")[1].split(";")[0] for record in caplog.records] == [
        "holds other weights than were trained",
        "damaged",
    ]


def test_slow_models_are_those_of_the_other_commands():
    config = DemoConfig()
    assert _demo_models.plane_config(config) == config_of(["autoencoder"])[1]
    assert _demo_models.robust_config(config) == plan_networks(config_of(["defend"])[0])["pgd"][0].network
    other = DemoConfig(dataset="digits", seed=3)
    for build in (_demo_models.plane_config, _demo_models.robust_config, _demo_models.hand_config):
        assert (build(other).dataset, build(other).seed) == ("digits", 3)


def wait(condition, seconds: float = 200) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.page
def test_slow_models_are_trained_meanwhile_stored_and_left_with_the_page(dataset, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.WARNING, "ex3")
    config, paths = DemoConfig(dataset="digits", limit=600), Paths(tmp_path / "figures", tmp_path / "runs")
    monkeypatch.setattr(experiment, "TITLES", {name: _demo_models.TITLES[name] for name in ("by hand", "robust")})
    in_the_way = model_folder(paths.runs, _demo_models.robust_config(config), dataset.fingerprint)
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file")
    states: list[str] = []
    with experiment.open_lab(config, paths, states.append, quiet=True) as lab:
        assert list(lab.classifiers) == ["linear", "mlp", "convnet"]
        wait(lambda: states and states[-1] == "")
    assert states == ["training the network by hand", "training the robust network", ""]
    assert list(lab.classifiers) == ["linear", "mlp", "convnet", "by hand"]
    (warning,) = caplog.messages
    assert warning == f"the robust network cannot be trained: {in_the_way}: a file, where the model's folder will be"
    in_the_way.unlink()
    with experiment.open_lab(config, paths, states.append, quiet=True) as lab:
        assert "by hand" in lab.classifiers
        wait(lambda: states[-1].endswith(" %"))
        (thread,) = (one for one in threading.enumerate() if isinstance(one, experiment.Background))
        assert thread.child.poll() is None
    assert thread.child.poll() is not None
    assert not thread.is_alive()
    assert not in_the_way.exists()


def test_where_no_process_can_be_started_the_page_goes_on(dataset, tmp_path, monkeypatch, caplog):
    def refuse(words: list[str]) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(experiment, "start_process", refuse)
    states: list[str] = []
    paths = Paths(tmp_path / "figures", tmp_path / "runs")
    experiment.Background(Lab(dataset.test), ["robust"], DemoConfig(), paths, dataset, states.append).run()
    assert states == ["training the robust network", ""]
    assert caplog.messages == ["the robust network cannot be trained: no more processes"]


def test_images_that_are_no_drawings_are_refused(tmp_path):
    config = DemoConfig(dataset=str(write_folder(tmp_path / "pictures")))
    paths = Paths(tmp_path / "figures", tmp_path / "runs")
    with (
        pytest.raises(ConfigError, match="a drawing is 28 x 28, grey"),
        experiment.open_lab(config, paths, print, quiet=True),
    ):
        pytest.fail("was opened")
