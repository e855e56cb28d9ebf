"""A real browser over the page of ``demo``, with small models that train in seconds: fixtures for the page's tests."""

import logging
import shutil
import threading
from collections.abc import Callable, Iterator

import pytest

from ex3 import runs
from ex3.config_files import load, shipped
from ex3.data import load_dataset
from ex3.demo.classifiers import cut_first_layer, from_keras
from ex3.demo.lab import Lab
from ex3.embedding.planes import Plane, fit_pca, pca_plane

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
LONGEST = 60_000  # milliseconds until something has to be there, on a machine with much else to do


@pytest.fixture(scope="module")
def lab() -> Lab:
    """Return a lab with a linear model and a convnet, each of a second's training, and PCA's plane."""
    dataset = load_dataset("mnist", limit=10_000)
    lab = Lab(dataset.test)
    for kind in ("linear", "convnet"):
        settings = {"limit": 10_000, "evaluations_per_epoch": 1, "epochs": 1}
        model, run = runs.train_classifier(load(shipped(kind), settings), dataset)
        lab.add_classifier(kind, from_keras(model, run.metrics["test_accuracy"]))
    lab.first_layer = cut_first_layer(model)
    pca = pca_plane(fit_pca(dataset.train), dataset.shape)
    lab.add_plane(Plane(pca.encode, lambda codes: pca.decode(codes).astype("float32")))
    return lab


@pytest.fixture(scope="module")
def url(lab) -> Iterator[str]:
    """Serve the page, and return its address."""
    pytest.importorskip("nicegui", reason="needs requirements-demo.txt")
    from ex3.demo import page

    door, server = page.open_door(0), page.make_server(lab)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    yield "http://{}:{}".format(*door.getsockname())
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def browser():
    """Start a browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs requirements-dev.txt")
    if BROWSER is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--no-proxy-server"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, url, caplog) -> Iterator[Callable]:
    """Return a function that opens the page as a new visitor; nothing may be asked elsewhere, or go wrong."""
    problems, contexts = [], []

    def open_page(width: int = 1280, height: int = 900):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}))
        page = contexts[-1].new_page()
        page.set_default_timeout(LONGEST)
        page.on("request", lambda request: None if is_local(request.url) else problems.append(request.url))
        page.on("console", lambda line: problems.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(url)
        page.get_by_text("Draw a digit, or take a test image").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def is_local(address: str) -> bool:
    """Tell whether an address is on this machine, or inside the page."""
    return address.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))
