"""``check FILE``: right files of three styles pass, each known mistake is named with its line, nothing does harm."""

import json
import re
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import ROOT

from ex3.student import Finding, Report, problem, sandbox
from ex3.student.judge import judge

SAMPLES = ROOT / "tests" / "samples"
PATIENCE = 120  # seconds, on a busy machine
STOPPED = r"TimeoutError: still computing after 0.6 s|not done within 2 s"
HARMFUL = {  # source, what is said
    "loops": ("while True:\n    pass\n", STOPPED),
    "loops for ever": ("while True:\n    try:\n        while True: pass\n    except BaseException: pass\n", STOPPED),
    "sleeps": ("import time\ntime.sleep(1000)\n", "not done within 2 s"),
    "exits": ("import sys\nsys.exit(3)\n", "line 2: SystemExit: 3"),
    "exits at once": ("import os\nos._exit(3)\n", "ended with exit code 3"),
    "raises": ("1 / 0\n", "line 1: ZeroDivisionError: division by zero"),
    "is no Python": ("def forward(:\n", "line 1: SyntaxError"),
    "asks": ("input()\n", "line 1: EOFError"),
    "takes memory": ("x = bytearray(10 << 30)\n", "line 1: MemoryError"),
    "prints": ("print('x' * 2_000_000)\n", "there is no learn_linear and no forward and no backprop and no learn_cnn"),
}

MISTAKES = {  # file, right text, wrong text, findings that fail, reason
    "sum": ("vectorised", '(fwd["p"] - y) / batch_size', '(fwd["p"] - y)', "dl_dw1, dl_dw2, dl_du",
            "a sum over the batch instead of the mean"),
    "no l2": ("vectorised", "(gradient + lamb * model[name])", "gradient", "learn_cnn: step",
              "the l2 term is missing (w1, w2, u)"),
    "no l2 of u": ("loops", 'dl_du / batch_size + lamb * model["u"]', "dl_du / batch_size", "dl_du",
                   "the l2 term is missing"),
    "l2 twice": ("loops", "dl_dw1 / batch_size + lamb", "dl_dw1 / batch_size + 2 * lamb", "dl_dw1",
                 "the l2 term is twice what it should be"),
    "sign": ("vectorised", "model[name] - learning_rate", "model[name] + learning_rate", "learn_cnn: step",
             "the sign is wrong"),
    "mask": ("vectorised", "on = o[rows, place] > 0", "on = o[rows, place] >= 0", "dl_dw1, dl_dw2",
             "the ReLU's mask is missing"),
    "offset": ("convolution", "argmax(1) + 2, o2[:, 2:].argmax(1) + 2", "argmax(1), o2[:, 2:].argmax(1)",
               "dl_dw1, dl_dw2", "the argmax of the second pair lacks its offset of 2"),
    "neighbour": ("convolution", "((0, 0), (1, 1)))[:, 1 + steps : 5 + steps]",
                  "((1, 1), (0, 0)))[1 + steps :][: len(x)]", "dl_dw1, dl_dw2",
                  "the neighbours are taken along the batch"),
    "flip": ("convolution", "1 - k", "k - 1", "dl_dw1, dl_dw2",
             "the filter is flipped: the gradient of a correlation, but forward is a convolution"),
    "transposed": ("vectorised", 'dl_dp @ fwd["m"]', 'dl_dp @ fwd["m"].T.reshape(-1, 4)', "dl_du", "m is transposed"),
    "mask and sum": ("loops", "if o[b, place] > 0:", "batch_size = 1\n            if True:", "dl_dw1",
                     "the ReLU's mask is missing: where o is 0 nothing may come back; a sum over the batch"),
    "over the batch": ("convolution", "size=(1, 3)", "size=(3, 1)", "forward",
                       "filters of shape (3, 1) run over the batch, not over the input"),
    "zero weights": ("vectorised", "np.random.randn(size) / 2", "np.zeros(size)", "learn_cnn: loss",
                     "w1 and w2 start at 0, where they have no gradient"),
    "summed test loss": ("vectorised", "np.mean((forward(", "np.sum((forward(", "learn_cnn: test loss",
                         "the sum over the samples instead of the mean"),
    "last test loss only": ("loops", "test_loss[i].append(loss", "test_loss[i].clear() or test_loss[i].append(loss",
                            "learn_cnn: records", "the test loss has 1 values after"),
}  # fmt: skip


@pytest.fixture
def fewer_iterations(monkeypatch):
    """Let the file learn only as long as the findings need."""
    monkeypatch.setattr(problem, "ITERATIONS", {"learn_linear": 5, "learn_cnn": 10})
    monkeypatch.setitem(problem.RATES, "learn_cnn", [0.01])


def check(source: str, seconds: float = PATIENCE) -> Report:
    """Run and judge a file with this source."""
    file = Path("file.py")
    file.write_text(source)
    return judge(file, sandbox.run(file, seconds))


def describe(findings: list[Finding]) -> str:
    return "\n".join(f"{finding.check}: line {finding.line}: {finding.text}" for finding in findings)


def test_right_files_of_three_styles_pass(run_cli):
    files = [SAMPLES / f"{name}.py" for name in ("vectorised", "loops", "convolution")]
    result = run_cli("check", "--seconds", PATIENCE, *files)
    assert (result.code, result.err) == (0, "")
    assert [line.split()[-4:] for line in result.out.splitlines()[:3]] == [["ok", "14", "of", "14"]] * 3
    assert "3 of 3 files are right; each was run " in result.out


@pytest.mark.parametrize("name", MISTAKES)
@pytest.mark.usefixtures("fewer_iterations")
def test_each_mistake_is_named_with_its_line(name):
    base, right, wrong, checks, reason = MISTAKES[name]
    source = (SAMPLES / f"{base}.py").read_text()
    assert right in source
    report = check(source.replace(right, wrong))
    failed = [finding for finding in report.failed if reason in finding.text]
    assert set(checks.split(", ")) <= {finding.check for finding in failed}, describe(report.findings)


@pytest.mark.parametrize("name", HARMFUL)
def test_a_file_that_does_harm_is_one_line(name):
    source, words = HARMFUL[name]
    (finding,) = check(source, seconds=2).findings
    assert finding.passed is False
    assert re.search(words, describe([finding]))


def test_what_the_file_defines_before_and_after_it_fails_is_judged():
    source = (SAMPLES / "vectorised.py").read_text().replace("FUNCTIONS, SIZE = 3, 4", "FUNCTIONS, SIZE = 3, 4\n1 / 0")
    report = check(source)
    assert [finding.check for finding in report.failed] == ["import"]
    assert len(report.findings) == 15


@pytest.mark.usefixtures("fewer_iterations")
def test_what_never_returns_leaves_the_rest_judged():
    source = (SAMPLES / "vectorised.py").read_text()
    before, learn_cnn = source.split("def learn_cnn")
    report = check(before + "def learn_cnn" + learn_cnn.replace("for _ in range(iterations)", "while True"), seconds=10)
    found = {finding.check: finding for finding in report.findings}
    assert found["forward"].passed
    assert found["dl_dw1"].passed
    assert found["learn_cnn: step"].passed is not True
    assert re.search(r"still computing|not done within", describe(report.failed))


def test_a_file_that_deletes_itself_is_judged():
    file = Path("file.py").resolve()
    report = check(f"import os\nos.remove({str(file)!r})\n")
    assert not file.exists()
    assert [finding.check for finding in report.findings] == ["functions"]


@pytest.mark.parametrize("isolated", [True, False])
def test_a_file_has_no_network(monkeypatch, isolated):
    if isolated and not sandbox.has_namespaces():
        pytest.skip("no user namespaces here")
    monkeypatch.setattr(sandbox, "has_namespaces", lambda: isolated)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        report = check(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)\n")
    assert report.findings[0].check == "import"
    assert report.findings[0].line == 2


def test_a_file_cannot_report_for_itself():
    forged = """
import os
for part in ("import", "functions", "forward", "batch 0", "shapes", "takes l2", "learn_cnn step"):
    line = b'{"part": "%s", "value": [[1], {"p": "yes"}]}\\n' % part.encode()
    for descriptor in range(3, 12):
        try:
            os.write(descriptor, line)
        except OSError:
            pass
os._exit(0)
"""
    report = check(forged)
    assert not report.passed
    assert report.failed


def test_processes_that_a_file_starts_end_with_it():
    check("import subprocess\nsubprocess.Popen(['sleep', '1234567'])\nimport time\ntime.sleep(100)\n", seconds=2)
    until = time.monotonic() + 10  # the system takes a moment to end them
    while (running := _sleepers()) and time.monotonic() < until:
        time.sleep(0.1)
    assert not running


def _sleepers() -> list[bytes]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ends in the meantime
            found.append(path.read_bytes())
    return [words for words in found if b"1234567" in words]


def test_several_files_give_a_row_each_and_json_for_scripts(run_cli):
    Path("broken.py").write_text("1 / 0\n")
    result = run_cli("check", "broken.py", "broken.py")
    assert result.code == 1
    assert result.out.splitlines()[0] == "broken.py  FAILED   0 of  1  import: ZeroDivisionError: division by zero"
    assert result.err == "ex3: error: mistakes in broken.py, broken.py\n"
    result = run_cli("check", "--json", "broken.py")
    assert result.code == 1
    ((finding,),) = [report["findings"] for report in json.loads(result.out)]
    assert finding == {
        "check": "import", "passed": False, "text": "ZeroDivisionError: division by zero", "line": 1,
    }  # fmt: skip


@pytest.mark.parametrize(("words", "code"), [(["none.py"], 3), (["--json"], 2), (["--seconds", "0", "x.py"], 2)])
def test_wrong_words_are_refused(run_cli, words, code):
    result = run_cli("check", *words)
    assert result.code == code
    assert result.err.count("\n") == 1
