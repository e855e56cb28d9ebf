"""A small project for ``report``: two figures with their twins, and a template, answers and a README that agree."""

import json
from pathlib import Path

from ex3.data import MNIST_FINGERPRINT
from ex3.results import DatasetInfo, Record, spread, to_json

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
DIGITS = [str(digit) for digit in range(10)]
MNIST = DatasetInfo("mnist", "embedded", MNIST_FINGERPRINT, {"train": 55_000, "test": 10_000}, DIGITS)
TOY = DatasetInfo("toy", "drawn", "", {"train": 1000, "test": 100}, [])

COMPARE = {
    "mlp": {"metrics": {"test_accuracy": spread([0.981, 0.983, 0.985])}},
    "convnet": {"metrics": {"test_accuracy": spread([0.990, 0.991, 0.992])}},
}
TOY_CURVES = {
    "fits": [
        {"target": "y1", "model": "linear", "test_loss": [0.004, 0.005], "noise_floor": [0.003, 0.003]},
        {"target": "y2", "model": "linear", "test_loss": [2.5, 2.7], "noise_floor": [0.003, 0.003]},
    ],
    "findings": [{"statement": "largest difference", "number": 1e-14, "relation": "<=", "bound": 1e-12}],
    "checks": [{"name": "gradients are not masked", "passed": True, "detail": "0 of 100"}],
}

TEMPLATE = """\
{% set models = twin("compare").result %}
{% set convnet = models.convnet.metrics.test_accuracy %}
{% set mlp = models.mlp.metrics.test_accuracy %}
{% set toy = twin("toy-curves").result %}
{% set y1 = toy.fits.where(target="y1") %}
# Answers

{{ claim("The convnet beats the MLP", "above(convnet, mlp)") }}: {{ convnet | pm(4) }} and {{ mlp | pm(4) }}.
{{ claim("The linear model learns $y_1$ with every seed", "always_below(y1.test_loss, y1.noise_floor, 2)") }}:
{{ y1.test_loss | median | significant }}. {{ claim("All checks pass", "hold(toy.findings) and passed(toy.checks)") }}.

{{ figure("compare", "Three models") }}

{{ figure("toy-curves", "Losses") }} [License](LICENSE)
"""
ANSWERS = """\
# Answers

The convnet beats the MLP: 0.9910 ± 0.0010 and 0.9830 ± 0.0020.
The linear model learns $y_1$ with every seed:
0.0045. All checks pass.

![Figure 1](figures/compare.png)

**Figure 1:** Three models

![Figure 2](figures/toy-curves.png)

**Figure 2:** Losses [License](LICENSE)
"""
PARTS = """\
{% set accuracy = twin("compare").result.convnet.metrics.test_accuracy %}
<!-- written by report: results -->
| result | seconds |
| --- | --- |
| {{ accuracy | pm(4) }} | {{ twin("compare").seconds | fix(0) }} |
<!-- end -->
<!-- written by report: convnet.toml -->
{{ accuracy | pm(4) }} {{ "in words " * 20 }}
<!-- end -->
"""
README = """\
A sentence.

<!-- written by report: results -->
| result | seconds |
| --- | --- |
| 0.9910 ± 0.0010 | 1 |
<!-- end -->

| `python cli.py train convnet` | 0.9910 ± 0.0010 |
| `python cli.py train convnet --config configs/convnet-best.toml` | 0.9961 ± 0.0007 |
"""


def write_figure(folder: Path, name: str, command: str, dataset: DatasetInfo, result: dict) -> None:
    """Write a PNG that is none beyond its first bytes, and its twin."""
    folder.mkdir(exist_ok=True)
    record = Record(name, command, {}, dataset, [0, 1], 2, "float32", 1.0, {"ex3": "0.0.1"}, {}, result)
    (folder / f"{name}.png").write_bytes(PNG)
    (folder / f"{name}.json").write_text(to_json(record))


def write_project(folder: Path) -> None:
    """Write two figures, the templates, and the answers and the README that agree with them."""
    write_figure(folder / "figures", "compare", "python cli.py train all", MNIST, COMPARE)
    write_figure(folder / "figures", "toy-curves", "python cli.py toy", TOY, TOY_CURVES)
    texts = {"t.jinja": TEMPLATE, "README.md.jinja": PARTS, "Answers.md": ANSWERS, "README.md": README}
    for name, text in {**texts, "LICENSE": "MIT"}.items():
        (folder / name).write_text(text, "utf-8")


def change(file: Path, path: str, value: object) -> None:
    """Set one value of a twin; the path's keys are separated by dots."""
    twin = json.loads(file.read_text())
    *keys, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    part = twin
    for key in keys:
        part = part[key]
    assert part[last] != value
    part[last] = value
    file.write_text(json.dumps(twin))
