import numpy as np
import pytest

from keras_dcat.class_labels import checked_classes, checked_labels

NAMES = ["sit", "stand", "walk"]
TEXT = np.array(["walk", "sit", "walk"])
WHOLE = r"whole numbers from 0 to 2, or -1 for no label"
ROWS = r"must add up to 1, or be zeros only"


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64"])
def test_numbers_of_any_type_are_classes(dtype):
    assert checked_labels(np.array([1, 0], dtype), 3).tolist() == [1, 0]
    assert checked_classes(np.array([[1], [0]], dtype), 3).tolist() == [1, 0]
    rows = np.eye(3, dtype=dtype)
    np.testing.assert_array_equal(checked_labels(rows, 3), rows)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_shares_of_classes_may_be_rounded(dtype):
    rows = np.full((2, 30), 1 / 30, dtype)
    assert checked_labels(rows, 30) is rows


def test_none_is_minus_one_or_a_row_of_zeros():
    assert checked_classes([2, -1], 3).tolist() == [2, -1]
    assert checked_labels([[0, 1, 0], [0, 0, 0]], 3).tolist() == [[0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([0, 0.5], r"\[0.5\] \(1 of 2 labels\)"),
        ([np.nan, 0, np.nan], r"\[nan\] \(2 of 3 labels\)"),
        ([np.inf, -np.inf, 1], r"\[-inf, inf\]"),
        ([0, 3], r"\[3\]"),
        ([-100, 0], r"\[-100\]"),
        (np.array([-1], "int8").view("uint8"), r"\[255\]"),
        ([[0.5], [1]], r"\[0.5\]"),
    ],
)
def test_a_number_that_is_no_class_is_told(labels, told):
    message = f"{WHOLE}.*{told}.*give -1 where there is none, or build models"
    with pytest.raises(ValueError, match=message):
        checked_labels(labels, 3)


@pytest.mark.parametrize("labels", [[0.5], [np.nan], [np.inf], [-2]])
def test_it_is_told_where_nobody_knows_how_many_classes_there_are(labels):
    with pytest.raises(ValueError, match=r"whole numbers from 0, or -1.*where there"):
        checked_labels(labels)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ([1, 1, 0], r"\[1.0, 1.0, 0.0\]"),
        ([-1, -1, -1], r"\[-1.0, -1.0, -1.0\]"),
        ([np.nan, 1, 0], r"\[nan, 1.0, 0.0\]"),
        ([np.inf, -np.inf, 1], r"\[inf, -inf, 1.0\]"),
        ([1.5, -0.5, 0], r"\[1.5, -0.5, 0.0\]"),
        ([0.3, 0.3, 0.3], r"\[0.3, 0.3, 0.3\]"),
        ([100, 0, 0], r"\[100.0, 0.0, 0.0\]"),
    ],
)
@pytest.mark.parametrize("num_classes", [3, None])
def test_a_row_that_is_no_class_is_told(row, told, num_classes):
    message = rf"{ROWS}.*{told} \(1 of 2 rows are neither\).*Give each window one class"
    with pytest.raises(ValueError, match=message):
        checked_labels(np.array([[0, 0, 1], row], "float64"), num_classes)


@pytest.mark.parametrize("labels", [TEXT, TEXT.astype(object)])
def test_text_is_refused_with_a_cure_that_numbers_it(labels):
    cure = r"np.array\(\[class_names.index\(label\) for label in labels\]\)"
    with pytest.raises(ValueError, match=rf"\['walk', 'sit', 'walk'\].*: {cure}"):
        checked_labels(labels, 3)
    cured = np.array([NAMES.index(label) for label in labels])
    assert checked_labels(cured, 3).tolist() == [2, 0, 2]


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        (np.array(["0", "-1"]), "int64"),
        (np.array([0, -1], object), "int64"),
        (np.array(["0.0", "-1.0"]), "float64"),
        (np.array([b"0", b"-1"]), "int64"),
    ],
)
def test_numbers_that_are_none_to_numpy_are_refused_with_a_cure(labels, dtype):
    with pytest.raises(ValueError, match=rf'labels.astype\("{dtype}"\)'):
        checked_labels(labels, 3)
    assert checked_labels(labels.astype(dtype), 3).tolist() == [0, -1]


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (np.array([None, 1]), r"\[None, 1\]"),
        (np.array(["2024-01-02"], "datetime64[ns]"), r"\['2024-01-02T00:00:00.0+'\]"),
        (np.array([1j]), r"\[1j\]"),
    ],
)
def test_other_objects_are_refused(labels, told):
    with pytest.raises(ValueError, match=rf"must be numbers.*{told}.*give -1 where"):
        checked_labels(labels, 3)


def test_masked_labels_are_refused_with_a_cure_that_works():
    labels = np.ma.masked_array([0, 1], [False, True])
    with pytest.raises(ValueError, match=r"labels.filled\(-1\)"):
        checked_classes(labels, 3)
    assert checked_classes(labels.filled(-1), 3).tolist() == [0, -1]


def test_labels_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"one-hot \(windows, 3\).*shape \(2, 2\)"):
        checked_labels(np.eye(2), 3)
    with pytest.raises(ValueError, match=r"one number for each.*argmax"):
        checked_classes(np.eye(3), 3)
    assert checked_classes(np.eye(3).argmax(axis=-1), 3).tolist() == [0, 1, 2]
