"""Planted and damaged cells are named, and computed again; twins that other packages made are named."""

import json
from pathlib import Path

import pytest
from small_sweeps import CELLS
from small_twins import TOY, change, write_figure

from ex3.answers.published import check_figures


def set_value(path: str, value: object):
    """Return a fault that sets one value of a cell."""
    return lambda file: change(file, path, value)


def replace_with_a_folder(file: Path) -> None:
    file.unlink()
    (file / "below").mkdir(parents=True)


def copy_from_another(file: Path) -> None:
    """Put the same run there as other packages left it: sealed, under another name."""
    cell = json.loads(file.read_text())
    file.write_text(json.dumps(cell | {"seal": "0123456789abcdef"}))


# fault of a cell -> what the warning says; then it is computed again
CELL_FAULTS = [
    (set_value("run.metrics", {}), "holds another run, or was changed"),
    (set_value("run.metrics.test_accuracy", 0.99), "holds another run, or was changed"),
    (set_value("run.dataset.fingerprint", "0123"), "holds another run, or was changed"),
    (set_value("run.config.seed", 7), "holds another run, or was changed"),
    (set_value("run", None), "damaged"),
    (copy_from_another, "holds another run, or was changed"),
    (replace_with_a_folder, "damaged"),
    (lambda file: file.write_bytes(b""), "damaged"),
    (lambda file: file.write_text("[" * 100_000), "damaged"),
    (lambda file: file.write_bytes(b"\xff" * 100), "damaged"),
]


@pytest.mark.parametrize(("fault", "message"), CELL_FAULTS)
def test_a_damaged_cell_is_named_and_computed_again(compute_cells, trained_configs, caplog, fault, message):
    first = compute_cells(0.1)
    (file,) = CELLS.iterdir()
    fault(file)
    again = compute_cells(0.1)
    assert (again.reused, again.runs, len(trained_configs)) == (0, first.runs, 2)
    assert caplog.messages == [f"{file}: {message}; deleted, and computed again"]
    assert compute_cells(0.1).reused == 1


def test_a_twin_of_other_packages_is_named(tmp_path):
    write_figure(tmp_path, "toy-curves", "python cli.py toy", TOY, {})
    file = tmp_path / "toy-curves.json"
    assert check_figures(tmp_path, {"python cli.py toy"}) == []
    change(file, "versions", {"ex3": "0.1", "numpy": "1.0"})
    (problem,) = check_figures(tmp_path, {"python cli.py toy"})
    assert problem.startswith(f"{file}: made with numpy 1.0; 2.")
