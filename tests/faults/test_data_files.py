"""Image files and answers of strangers: headers that are no literals, or that announce what is not there."""

import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from promise import assert_one_line

from ex3.data.files import read_npz
from ex3.data.predictions import read_answers
from ex3.errors import DataError

HONEST = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 28, 28)}"

# header of a .npy -> what the error says of it (exit code 3)
HEADERS = [
    ("{'descr':'|u1',(((", "not a"),
    ("{[]: 1}", "not a"),
    ("-" * 9000 + "1", "not a"),
    ("(" * 9000 + "1", "not a"),
    ("9" * 9000, "not a"),
    ("{'descr': '|u1', 'fortran_order': False, 'shape': (True, 28, 28)}", "its shape is (True, 28, 28)"),
    (HONEST.replace("2,", "-2,"), "announces -2 items; from 1 to 1000000 are believed"),
    (HONEST.replace("2,", "9" * 30 + ","), "items; from 1 to 1000000 are believed"),
    (HONEST.replace("2,", "2.0,"), "not a"),
    (HONEST.replace("'|u1'", "'|O'"), "pickled Python objects"),
    (HONEST.replace("'|u1'", "[('a', '|u1')]"), "pixels should be uint8"),
    (HONEST.replace("'|u1'", "('|u1', (9999, 9999))"), "pixels should be uint8"),
    (HONEST + " " * 20_000, "its header is longer than 10000 bytes"),
    (HONEST.replace("2,", "900000,"), "holds 1568 of the 705600000 bytes"),
]


def npy(header: str) -> bytes:
    """Return a .npy file of two images with this header."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(2 * 28 * 28)


def npz(content: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("x_train.npy", content)
    return file.getvalue()


@pytest.mark.parametrize(("header", "message"), HEADERS, ids=range(len(HEADERS)))
def test_a_hostile_header_is_refused_with_its_array(header, message):
    Path("a.npz").write_bytes(npz(npy(header)))
    with pytest.raises(DataError, match=r"^a\.npz: x_train: ") as raised:
        read_npz(Path("a.npz"))
    assert message in str(raised.value)


@pytest.mark.parametrize("header", [header for header, _ in HEADERS[:12]], ids=range(12))
def test_answers_with_a_hostile_header_are_refused(header):
    Path("a.npy").write_bytes(npy(header))
    with pytest.raises(DataError, match=r"^a\.npy: "):
        read_answers(Path("a.npy"), 2, ("a", "b"))


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_flipped_byte_of_an_archive_is_refused_or_changes_nothing(compression):
    whole = npz(npy(HONEST), compression)
    generator = np.random.default_rng(0)
    for place in generator.permutation(len(whole))[:60]:
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        Path("a.npz").write_bytes(damaged)
        with pytest.raises(DataError, match=r"^a\.npz: "):
            read_npz(Path("a.npz"))


def test_a_hostile_archive_is_one_line_of_the_command(run_cli):
    Path("a.npz").write_bytes(npz(npy(HEADERS[0][0])))
    line = "a.npz: x_train: not a NumPy array"
    assert_one_line(run_cli("train", "mlp", "--data-dir", "a.npz"), 3, line)


def test_a_pipe_of_labels_is_not_waited_for(run_cli):
    os.mkfifo("pipe")
    result = run_cli("train", "mlp", "--dataset", "digits", "--labels", "pipe")
    assert_one_line(result, 3, "pipe: a pipe, not a file")
