"""Package lists, the lock, the entry points and the files inside the package fit together."""

import gzip
import hashlib
import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

from conftest import ROOT

from ex3 import config_files

MNIST = ROOT / "ex3" / "data" / "mnist"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()


def pins(path: Path) -> dict[str, str]:
    """Return the pinned packages of a requirements file and of the files that it includes."""
    found = {}
    for line in path.read_text().splitlines():
        if line.startswith("-r "):
            found |= pins(path.parent / line.removeprefix("-r "))
        else:
            name, version = line.split("==")
            found[name] = version
    return found


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def test_the_lock_holds_the_pinned_packages_in_the_same_versions():
    pinned = pins(ROOT / "requirements-dev.txt")
    assert set(PROJECT["build-system"]["requires"]) <= {f"{name}=={version}" for name, version in pinned.items()}
    locked = re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK, re.MULTILINE)
    assert {(name, version) for name, version in locked if name in pinned} == set(pinned.items())


def test_everything_in_the_lock_has_hashes_and_no_address_is_in_it():
    packages = re.split(r"^(?=[a-z0-9-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert [package.splitlines()[0] for package in packages if "--hash=sha256:" not in package] == []
    assert "://" not in LOCK
    assert "index-url" not in LOCK


def test_the_package_depends_on_the_requirements_files():
    hook = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["requirements_txt"]
    extras = {"dask": ["requirements-dask.txt"], "demo": ["requirements-demo.txt"], "pdf": ["requirements-pdf.txt"]}
    assert hook == {"files": ["requirements.txt"], "optional-dependencies": extras}
    assert {"version", "dependencies", "optional-dependencies"} == set(PROJECT["project"]["dynamic"])


def test_the_ex3_command_is_the_command_line():
    module, function = PROJECT["project"]["scripts"]["ex3"].split(":")
    assert callable(getattr(import_module(module), function))
    result = subprocess.run(
        [sys.executable, "-m", "ex3", "--version"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.startswith("ex3, version ")


def test_an_installed_package_finds_its_configs_inside_itself(monkeypatch, tmp_path):
    inside = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]["configs"]
    folder = tmp_path / inside
    folder.mkdir(parents=True)
    monkeypatch.setattr(config_files, "PACKAGE", tmp_path / "ex3")
    assert config_files.shipped("convnet") == folder / "convnet.toml"


def test_the_readme_of_mnist_tells_sizes_and_sums_of_the_files():
    row = re.compile(r"^\| `(\S+)` \| [^|]+ \| ([\d,]+) \| `(\w+)` \| ([\d,]+) \| `(\w+)` \|$", re.MULTILINE)
    told = {name: tuple(rest) for name, *rest in row.findall((MNIST / "README.md").read_text())}
    found = {}
    for path in MNIST.glob("*.gz"):
        packed = path.read_bytes()
        raw = gzip.decompress(packed)
        found[path.name] = (f"{len(packed):,}", md5(packed), f"{len(raw):,}", md5(raw))
    assert len(found) == 4
    assert told == found
