"""Answers of other models, from files: what is read, and how each fault is named in one line with its row."""

import re
from pathlib import Path

import numpy as np
import pytest

from ex3.data.predictions import read_answers
from ex3.errors import DataError

NAMES = ("car", "cat", "truck")
TABLE = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0, 1, 0], [0.25, 0.5, 0.25]])
ROWS = "0.7,0.2,0.1\n0.1,0.1,0.8\n0,1,0\n0.25,0.5,0.25\n"


def save(array: np.ndarray, **options: object) -> Path:
    path = Path("answers.npy")
    np.save(path, array, **options)
    return path


def write(text: str | bytes) -> Path:
    path = Path("answers.csv")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def assert_refused(path: Path, message: str, names: tuple[str, ...] = NAMES) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as raised:
        read_answers(path, 4, names)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, ">f8"])
def test_probabilities_are_read_from_npy(kind):
    answers = read_answers(save(TABLE.astype(kind)), 4, NAMES)
    assert answers.labels.tolist() == [0, 2, 1, 1]
    np.testing.assert_allclose(answers.probabilities, TABLE, atol=1e-3)
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, rtol=1e-12)


def test_a_transposed_array_is_read_as_it_is_meant():
    np.testing.assert_allclose(read_answers(save(np.asfortranarray(TABLE)), 4, NAMES).probabilities, TABLE)


@pytest.mark.parametrize("kind", [np.int64, np.uint8, ">i4"])
def test_labels_are_read_from_npy(kind):
    answers = read_answers(save(np.array([0, 2, 1, 1], kind)), 4, NAMES)
    assert (answers.labels.tolist(), answers.labels.dtype, answers.probabilities) == ([0, 2, 1, 1], np.int64, None)


@pytest.mark.parametrize(
    "text",
    [
        ROWS,
        "car,cat,truck\n" + ROWS,
        "0,1,2\n" + ROWS,
        "\ufeff" + ROWS.replace("\n", "\r\n"),
        "\n" + ROWS.replace(",", " , ") + "\n\n",
        "truck,car,cat\n0.1,0.7,0.2\n0.8,0.1,0.1\n0,0,1\n0.25,0.25,0.5\n",
    ],
)
def test_probabilities_are_read_from_csv_with_and_without_a_header(text):
    answers = read_answers(write(text), 4, NAMES)
    np.testing.assert_allclose(answers.probabilities, TABLE)
    assert answers.labels.tolist() == [0, 2, 1, 1]


@pytest.mark.parametrize("text", ["car\ntruck\ncat\ncat", "label\ncar\n2\n1\ncat\n", "0\n2\n1\n1"])
def test_labels_are_read_from_csv_as_names_or_numbers(text):
    answers = read_answers(write(text), 4, NAMES)
    assert (answers.labels.tolist(), answers.probabilities) == ([0, 2, 1, 1], None)


def test_the_number_of_lines_tells_a_row_from_a_header_of_numbers():
    assert read_answers(write("0,1\n1,0\n0,1\n0,1\n"), 4, ("0", "1")).labels.tolist() == [1, 0, 1, 1]
    assert read_answers(write("1,0\n1,0\n0,1\n0,1\n1,0\n"), 4, ("0", "1")).labels.tolist() == [1, 0, 0, 1]


def test_names_of_classes_come_before_numbers():
    assert read_answers(write("9\n7\n4\n1\n"), 4, ("4", "7", "9")).labels.tolist() == [2, 1, 0, 1]


def spoilt(row: int, column: int, value: float) -> np.ndarray:
    table = TABLE.copy()
    table[row, column] = value
    return table


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (TABLE[:3], "has 3 rows; there should be one for each of the 4 test images"),
        (np.zeros(5, int), "has 5 rows"),
        (TABLE[:, :2], "its shape is (4, 2); allowed are labels alone, or 3 probabilities per image: car, cat, truck"),
        (TABLE[:, :, None], "its shape is (4, 3, 1)"),
        (np.array(1), "its shape is ()"),
        (spoilt(1, 2, -0.1), "row 1: -0.1 for truck is wrong; allowed are probabilities, each row with the sum 1"),
        (spoilt(2, 0, np.nan), "row 2: nan for car is wrong"),
        (spoilt(3, 1, np.inf), "row 3: inf for cat is wrong"),
        (spoilt(3, 1, 0.6), "row 3: the sum is 1.1; allowed"),
        (np.log(TABLE + 0.1), "row 0: -0.223144 for car is wrong; "),
        (100 * TABLE, "row 0: 70 for car is wrong"),
        (TABLE > 0.5, "probabilities should be real numbers, not bool"),
        (TABLE + 0j, "probabilities should be real numbers, not complex128"),
        (np.array([0.0, 1, 2, 1]), "labels should be integers from 0 to 2, not float64"),
        (np.array(["car"] * 4), "labels should be integers from 0 to 2, not <U3"),
        (np.array([0, 1, 3, 1]), "row 2: 3 is no class; labels go from 0 to 2"),
        (np.array([0, 1, 1, -1]), "row 3: -1 is no class"),
        (np.array([2**64 - 1, 0, 0, 0], np.uint64), "row 0: 18446744073709551615 is no class"),
    ],
)
def test_a_wrong_array_is_refused_with_its_row(array, message):
    assert_refused(save(array), message)


def test_a_sum_may_be_rounded_but_not_wrong():
    np.testing.assert_allclose(read_answers(save(spoilt(2, 1, 1.009)), 4, NAMES).probabilities.max(), 1)
    assert_refused(save(spoilt(2, 1, 1.011)), "row 2: 1.011 for cat is wrong")
    assert_refused(save(spoilt(0, 1, 0.189)), "row 0: the sum is 0.989")


def test_pickles_are_not_loaded():
    class Malicious:
        def __reduce__(self):
            return Path.touch, (Path("executed"),)

    assert_refused(save(np.array([Malicious()]), allow_pickle=True), "holds pickled Python objects, which are never")
    assert not Path("executed").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"1,0,0", None])
def test_what_is_no_whole_array_is_refused(content):
    whole = save(TABLE).read_bytes()
    Path("answers.npy").write_bytes(whole[:-8] if content is None else content)
    assert_refused(Path("answers.npy"), "not a whole NumPy array: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has 0 rows; there should be one for each of the 4 test images"),
        ("car,cat,truck\n" + ROWS.replace("0,1,0\n", ""), "has 3 rows"),
        ("label\ncar\ncar\ncar\n", "has 3 rows"),
        (
            ROWS + ROWS,
            "has 8 rows; there should be one for each of the 4 test images below a header, if any: label, or each",
        ),
        ("car\ncat\n", "has 2 rows"),
        ("\n0.5,0.5\n", "line 2: has 2 columns; allowed are labels alone, or 3 probabilities per image: car, cat, tru"),
        (",car,cat,truck\n0,1,0,0", "line 1: has 4 columns"),
        (ROWS.replace("0,1,0\n", "cat\n"), "line 3: has 1 columns, but the first line has 3"),
        (ROWS.replace("0,1,0\n", "0,x,0\n"), "line 3: 'x' is no number"),
        ("car,cat,dog\n" + ROWS, "has 5 rows"),
        ("car,cat,cat\n" + ROWS.replace("0,1,0\n", ""), "line 1: 'car' is no number"),
        (ROWS.replace("0,1,0\n", "0,nan,0\n"), "line 3: nan for cat is wrong"),
        (ROWS.replace("0,1,0\n", "0,2,-1\n"), "line 3: 2 for cat is wrong"),
        ("truck,cat,car\n" + ROWS.replace("0,1,0\n", "-1,1,1\n"), "line 4: -1 for truck is wrong"),
        (ROWS.replace("0,1,0\n", "0,0.5,0\n"), "line 3: the sum is 0.5; "),
        ("car\ndog\ncat\ncat\n", "line 2: 'dog' is no class; there are car, cat, truck, or 0 to 2"),
        ("label\n0\n1\n3\n0", "line 4: '3' is no class"),
        ("0\n1\n1.0\n0", "line 3: '1.0' is no class"),
        (b"\xff\xfe", "not a text file in UTF-8"),
        ("car\n" * 2 + "a" * 200_000, "line 3: no CSV: field larger than field limit"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(text, message):
    assert_refused(write(text), message)


def test_many_classes_are_not_all_listed():
    names = tuple(f"class {k}" for k in range(1000))
    assert_refused(
        write("0.5,0.5\n"), "1000 probabilities per image: class 0, class 1, class 2, class 3, class 4, ...", names
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [("none.npy", "no such file"), ("answers.txt", "should end in .npy or .csv"), ("folder.csv", "no such file")],
)
def test_a_missing_file_and_another_kind_are_refused(name, message):
    Path("folder.csv").mkdir()
    assert_refused(Path(name), message)
