"""``handin``: the same tar from the same input, refusals, and what a grader finds in good and in bad files."""

import io
import tarfile
from pathlib import Path

import pytest
from small_twins import ANSWERS, write_project

from ex3.answers import archive, pdf
from ex3.errors import ConfigError, DataError
from ex3.experiments import handin, verify_handin

IDENTITY = "123456782"
FILE = Path(f"ex3_{IDENTITY}.tar")
PROGRAM = "import sys\nprint('ran', *sys.argv[1:])\nsys.exit(sys.argv[1] == 'check' and FAILS)\n"


@pytest.fixture(autouse=True)
def _project(tmp_path):
    write_project(tmp_path)


@pytest.fixture
def pack(run_cli, monkeypatch):
    """Return a function that runs ``handin``; without pandoc and Typst, which need a package each and a second."""
    monkeypatch.setattr(handin, "build_pdf", lambda text, folder, name, identity: f"%PDF-{name} {identity}".encode())
    return lambda *words: run_cli("handin", "--id", IDENTITY, *words)


def write_tar(file: Path, contents: dict[str, str], *others: tarfile.TarInfo) -> None:
    with tarfile.TarFile(file, "w") as tar:
        for name, text in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
        for entry in others:
            tar.addfile(entry)


def good(fails: bool = False) -> dict[str, str]:
    """Return the files of a small hand-in, by name."""
    files = {
        "cli.py": PROGRAM.replace("FAILS", str(fails)),
        "Answers.pdf": f"%PDF-1.7 {IDENTITY}",
        "Answers.md": "![Three models](figures/a.png)",
        "figures/a.png": "",
    }
    return {f"{FILE.stem}/{name}": text for name, text in files.items()}


def test_the_tar_holds_code_and_answers_and_nothing_else(pack):
    Path("figures/not-shown.txt").write_text("x")
    result = pack("--template", "t.jinja", "--name", "Ada")
    assert result.code == 0, result.err
    with tarfile.open(FILE) as tar:
        entries = tar.getmembers()
        names = {entry.name.removeprefix(f"{FILE.stem}/") for entry in entries}
        assert tar.extractfile(f"{FILE.stem}/Answers.md").read().decode() == ANSWERS
        assert tar.extractfile(f"{FILE.stem}/Answers.pdf").read() == f"%PDF-Ada {IDENTITY}".encode()
    assert {"cli.py", "ex3/scratch/toy.py", "configs/toy.toml", "README.md", "requirements.lock"} <= names
    assert {"ex3/demo/pad.js", "ex3/demo/page.css", "docs/demo.png"} <= names
    assert {name for name in names if name.startswith("figures/")} == {
        f"figures/{name}.{suffix}" for name in ("compare", "toy-curves") for suffix in ("png", "json")
    }
    assert not [name for name in names if name.endswith((".gz", ".pyc", ".keras")) or "__pycache__" in name]
    assert {(entry.mtime, entry.uid, entry.uname, entry.mode) for entry in entries} == {(archive.MOMENT, 0, "", 0o644)}
    assert [entry.name for entry in entries] == sorted(entry.name for entry in entries)
    assert f"{FILE.stat().st_size:,} bytes, SHA-256 " in result.out.splitlines()[-1]


def test_the_same_input_gives_the_same_bytes(pack):
    assert pack("--template", "t.jinja").code == 0
    first = FILE.read_bytes()
    assert pack("--template", "t.jinja").code == 4  # it exists
    assert pack("--template", "t.jinja", "--force").code == 0
    assert FILE.read_bytes() == first


def spoil_answers():
    Path("Answers.md").write_text(ANSWERS + "\nMore.\n")


def spoil_claim():
    template = Path("t.jinja")
    template.write_text(template.read_text().replace("above(convnet, mlp)", "above(mlp, convnet)"))


def lose_figure():
    Path("figures/compare.png").unlink()


def add_unknown_figure():
    Path("figures/more.png").write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("spoil", "own", "code", "words"),
    [
        (spoil_answers, False, 5, "Answers.md is stale or missing"),
        (spoil_claim, True, 5, "the claim 'The convnet beats the MLP' does not hold"),
        (lose_figure, True, 3, "figures/compare.png: missing"),
        (add_unknown_figure, True, 3, "figures/more.json: missing"),
    ],
)
def test_what_is_not_sound_is_refused_in_one_line(pack, monkeypatch, spoil, own, code, words):
    spoil()
    monkeypatch.setattr("ex3.commands.handin.TEMPLATE", Path("t.jinja"))
    result = pack(*(["--template", "t.jinja"] if own else []))
    assert result.code == code
    assert words in result.err
    assert result.err.count("\n") == 1
    assert not FILE.exists()


def test_a_missing_package_is_named_with_the_command(monkeypatch):
    monkeypatch.setattr(pdf, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    with pytest.raises(DataError, match=r"pip install -r requirements-pdf\.txt"):
        pdf.build_pdf("# Answers\n", Path(), "", IDENTITY)


@pytest.mark.parametrize("identity", ["123456789", "12345678", "1234567820", "12345678x", "", "../1234567"])
def test_a_wrong_id_is_refused(identity):
    with pytest.raises(ConfigError):
        archive.check_identity(identity, any_form=False)


def test_other_schools_ids_are_allowed_on_demand(pack, run_cli):
    archive.check_identity("000000018", any_form=False)
    archive.check_identity("s0123-x", any_form=True)
    with pytest.raises(ConfigError):
        archive.check_identity("../x", any_form=True)
    assert run_cli("handin", "--id", "s0123", "--template", "t.jinja").code == 2
    assert run_cli("handin").code == 2


def test_headings_captions_and_links_are_made_ready_for_the_page():
    prepared = pdf.prepare(
        "# Answers\n\n## Theory\n\n### 1. Units\n\n![Alt](a.png)\n\n*Figure 3: The caption,\nin two lines.*\n\n"
        "## Practice\n\n### 2.4 The toy\n\n### More\n\n![Only alt](b.png)\n\n[guide](docs/guide.md), [web](https://a.b)\n\n"
        "```math\n# no heading\n```\n"
    )
    assert prepared == (
        "\n# 1 Theory\n\n## 1.1 Units\n\n![The caption, in two lines.](a.png)\n\n"
        "# 2 Practice\n\n## 2.4 The toy\n\n## 2.2 More\n\n![Only alt](b.png)\n\n`docs/guide.md`, [web](https://a.b)\n\n"
        "```math\n# no heading\n```\n"
    )


def test_the_pdf_holds_the_id_and_is_the_same_each_time():
    pytest.importorskip("typst")
    pytest.importorskip("pypandoc")
    text = "# Answers\n\n## Theory\n\n$\\|x\\| \\pm \\sigma$, y₁, ε ± 1, ∎\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    first, second = (pdf.build_pdf(text, Path(), 'Ada #[x] "Lovelace"', IDENTITY) for _ in range(2))
    assert first == second
    assert first.startswith(b"%PDF-")
    assert verify_handin.holds_text(first, IDENTITY)
    assert not verify_handin.holds_text(first, "999999998")


def test_a_grader_passes_a_good_file(run_cli):
    write_tar(FILE, good())
    result = run_cli("handin", "--verify", FILE)
    assert (result.code, result.err) == (0, "")
    assert [line.split()[-2:] for line in result.out.splitlines() if line.startswith("check")] == [["ran", "check"]]
    assert f"ran {' '.join(verify_handin.JOB)}\n" in result.out
    assert result.out.splitlines()[-1] == f"7 of 7 steps passed: {FILE}"


def test_a_grader_names_what_fails(run_cli):
    write_tar(FILE, {name: text for name, text in good(fails=True).items() if "Answers.pdf" not in name})
    result = run_cli("handin", "--verify", FILE)
    assert result.code == 1
    assert result.err == f"ex3: error: {FILE}: Answers.pdf, ID in the PDF, check\n"


def link(name: str, kind: bytes, target: str = "/etc/passwd") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


@pytest.mark.parametrize(
    ("contents", "others", "words"),
    [
        ({"../x.py": ""}, [], "lies outside"),
        ({"/tmp/x.py": ""}, [], "lies outside"),
        ({f"{FILE.stem}/../../x": ""}, [], "lies outside"),
        ({"other/x.py": ""}, [], "lies outside"),
        ({}, [link(f"{FILE.stem}/a", tarfile.SYMTYPE)], "a link or a device"),
        ({}, [link(f"{FILE.stem}/a", tarfile.LNKTYPE)], "a link or a device"),
        ({}, [link(f"{FILE.stem}/a", tarfile.CHRTYPE)], "a link or a device"),
    ],
)
def test_a_file_that_reaches_out_is_not_unpacked(run_cli, contents, others, words):
    write_tar(FILE, contents, *others)
    result = run_cli("handin", "--verify", FILE)
    assert result.code == 1
    assert words in result.out
    assert "main job" not in result.out


def test_a_file_that_is_too_large_or_no_tar_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 10)
    write_tar(FILE, {f"{FILE.stem}/a": "x" * 11})
    with pytest.raises(DataError, match="more than"):
        archive.unpack(FILE)
    FILE.write_bytes(b"no tar file at all" * 100)
    with pytest.raises(DataError, match="cannot be read"):
        archive.unpack(FILE)
