"""Closed and full streams, hostile settings of libraries and of Python, limits: in processes, since these make them."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

PYTHON, SCRIPT = shlex.quote(sys.executable), shlex.quote(str(ROOT / "cli.py"))  # there may be spaces in them
PRINT = "train mlp --print-config"
TOY = "toy --model linear --target y1 --iterations 2 --seeds 1"
LINEAR = "train linear --dataset digits --epochs 1 -q"
KERAS = "ex3: error: k/keras.json: Keras cannot be imported with it"

# command line of the shell -> exit code, what stderr holds
FAULTS = [
    (f"P {PRINT} >&-", 0, ""),
    (f"P {PRINT} >/dev/full", 4, "ex3: error: stdout: No space left on device\n"),
    (f"P {PRINT} >&- 2>&- <&-", 0, ""),
    (f"P {PRINT} --learning-rate nan 2>/dev/full", 2, ""),
    (f"P {PRINT} --learning-rate nan 2>&-", 2, ""),
    (f"export PYTHONWARNINGS=error; P {TOY} >&- 2>&- <&-", 0, ""),
    (f"ulimit -f 0; P {TOY}", 4, "ex3: error: figures: not a folder that can be written to: File too large\n"),
    ("P evaluate --dataset digits --predictions " + "n" * 300 + ".npy", 3, "File name too long\n"),
    (f"ln -s {SCRIPT} link.py; {PYTHON} link.py --version", 0, ""),
    (f"mkdir -p k/keras.json; KERAS_HOME=k P {LINEAR}", 2, KERAS),
    (f"mkdir k; echo '[1]' > k/keras.json; KERAS_HOME=k P {LINEAR}", 2, KERAS),
    (f"""mkdir k; echo '{{"floatx": 7}}' > k/keras.json; KERAS_HOME=k P {LINEAR}""", 2, KERAS),
    (f"mkdir k; echo 'nonsense {{' > k/keras.json; KERAS_HOME=k P {LINEAR}", 0, ""),  # Keras ignores it
    (f"ulimit -v 400000; P {LINEAR}", 6, "ex3: error: not enough memory ("),
]
CLOSED = [  # to all but root: a folder that cannot be searched
    (f"P {TOY} --out closed/figures", 4, "ex3: error: closed/figures: not a folder that can be written to: Permission"),
    (f"P {LINEAR} --runs closed", 2, "ex3: error: Invalid value for '--runs': Path 'closed' is not readable.\n"),
    (f"P {LINEAR} --config closed/my.toml", 2, "ex3: error: closed/my.toml: cannot be read: Permission denied\n"),
    ("P evaluate closed/model.keras --dataset digits", 3, "ex3: error: closed/model.keras: Permission denied\n"),
]


@pytest.mark.parametrize(("line", "code", "err"), FAULTS)
def test_the_environment_is_no_reason_for_a_traceback(line, code, err):
    check(line, code, err)


@pytest.mark.parametrize(("line", "code", "err"), CLOSED)
def test_a_folder_that_cannot_be_searched_is_named(line, code, err):
    Path("closed").mkdir(0o000)
    if os.access("closed", os.X_OK):
        pytest.skip("root may search any folder")
    check(line, code, err)


def check(line: str, code: int, err: str) -> None:
    """Run a line of the shell; check its exit code, what it says, and that it leaves nothing half-written."""
    words = line.replace("P ", f"{PYTHON} {SCRIPT} ")
    result = subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=False, env=dict(os.environ))
    assert result.returncode == code, result.stderr
    assert err in result.stderr
    assert result.stderr.count("\n") == (1 if err else 0), result.stderr
    assert not list(Path().rglob(".*-*"))
