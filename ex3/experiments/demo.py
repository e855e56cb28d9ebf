"""Prepares what ``demo`` shows: stored models; where they are missing, quick ones now and slow ones meanwhile."""

import logging
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from ex3 import storage
from ex3.backend import prepare
from ex3.config import CLASSIFIER_CONFIGS
from ex3.data import Dataset, load_images
from ex3.demo.classifiers import cut_first_layer, from_keras
from ex3.demo.config import DemoConfig
from ex3.demo.drawing import SIDE
from ex3.demo.lab import Lab
from ex3.errors import ConfigError, DataError
from ex3.experiments import Paths, _demo_models
from ex3.experiments._child import PATIENCE, start_process
from ex3.experiments._demo_models import TITLES, add_stored
from ex3.experiments.trained import classifier_config, trained_classifier
from ex3.progress import show_message

log = logging.getLogger("ex3")

OnChange = Callable[[str], None]


@contextmanager
def open_lab(config: DemoConfig, paths: Paths, on_change: OnChange, quiet: bool = False) -> Iterator[Lab]:
    """Yield a lab within seconds; train what is missing and slow in the background while the block runs.

    Args:
        config: The images and the seed.
        paths: Where to read the images, and where models are stored.
        on_change: Called from another thread with the lab's new ``status`` whenever that, or the lab, has changed;
            empty when nothing is trained any more.
        quiet: Show no progress of the models that are trained before the lab is there.

    Raises:
        ConfigError: The images are not of 28 x 28 grey pixels.
        DataError: The images cannot be had.
        WriteError: The models cannot be written.
    """
    storage.check_writable(paths.runs)
    prepare(config.seed, config.threads, "float32")
    dataset = load_images(config, paths.data, config.seed, paths.image_cache)
    if dataset.shape != (SIDE, SIDE, 1):
        raise ConfigError(
            f"{config.dataset}: its images are of shape {dataset.shape}; a drawing is {SIDE} x {SIDE}, grey"
        )
    lab = Lab(dataset.test)
    for kind in CLASSIFIER_CONFIGS:
        trained = trained_classifier(classifier_config(kind, like=config), paths, quiet)
        lab.add_classifier(kind, from_keras(trained.model, trained.run.metrics["test_accuracy"]))
        if kind == "convnet":
            lab.first_layer = cut_first_layer(trained.model)
    missing = [name for name in TITLES if not add_stored(lab, name, config, paths.runs, dataset.fingerprint)]
    background = Background(lab, missing, config, paths, dataset, on_change)
    background.start()
    try:
        yield lab
    finally:
        background.stop()


def run(config: DemoConfig, paths: Paths, port: int, show: bool, quiet: bool) -> None:
    """Serve the page until the process is told to end.

    Args:
        config: The images and the seed.
        paths: Where to read the images, and where models are stored.
        port: Of 127.0.0.1; 0 takes a free one.
        show: Open the browser.
        quiet: Show no progress.

    Raises:
        ConfigError: The port is taken, or the images are not of 28 x 28 grey pixels.
        DataError: NiceGUI is missing, or the images cannot be had.
        WriteError: The models cannot be written.
    """
    if find_spec("nicegui") is None:
        raise DataError("demo: needs 'pip install -r requirements-demo.txt' (nicegui is missing)")
    from ex3.demo import page

    with page.open_door(port) as door, open_lab(config, paths, _announce(quiet), quiet) as lab:
        page.serve(lab, door, lambda url: show_message(f"the page is at {url}; Ctrl-C ends it"), show)


def _announce(quiet: bool) -> OnChange:
    """Return a callback that shows a line for each model that is trained in the background."""
    said = ""

    def on_change(status: str) -> None:
        nonlocal said
        what = status.partition(":")[0]  # without the percentage
        if what and what != said and not quiet:
            show_message(f"{what} in the background")
        said = what

    return on_change


class Background(threading.Thread):
    """Trains models in child processes, one after the other, and adds each to the lab when it is stored."""

    def __init__(
        self, lab: Lab, names: list[str], config: DemoConfig, paths: Paths, dataset: Dataset, on_change: OnChange
    ):
        super().__init__(daemon=True)
        self.lab, self.names, self.config, self.paths = lab, names, config, paths
        self.fingerprint, self.on_change = dataset.fingerprint, on_change
        self.child: subprocess.Popen[str] | None = None
        self.stopped = threading.Event()

    def run(self) -> None:
        """Train all models; one that cannot be trained is said, and left out."""
        for name in self.names:
            self._show(f"training {TITLES[name]}")
            problem = self._train(name)
            if self.stopped.is_set():
                return
            if problem or not add_stored(self.lab, name, self.config, self.paths.runs, self.fingerprint):
                log.warning("%s cannot be trained: %s", TITLES[name], problem or "it was not stored")
        self._show("")

    def stop(self) -> None:
        """End the training under way, and wait for its end."""
        self.stopped.set()
        if self.child:
            self.child.terminate()
        self.join(PATIENCE)

    def _train(self, name: str) -> str:
        """Train a model in a child process; return what went wrong, or nothing."""
        words = [name, self.config.model_dump_json(), str(self.paths.runs), str(self.paths.data or "")]
        last = ""
        try:
            with start_process([_demo_models.__name__, *words]) as self.child:
                if self.stopped.is_set():  # before there was a child
                    self.child.terminate()
                for line in self.child.stderr or ():
                    last = line.strip() or last
                    if last.endswith(" %"):
                        self._show(f"training {TITLES[name]}: {last}")
        except OSError as error:  # no process can be started
            return str(error)
        return last if self.child.returncode else ""

    def _show(self, status: str) -> None:
        if status != self.lab.status and not self.stopped.is_set():
            self.lab.status = status
            self.on_change(status)
