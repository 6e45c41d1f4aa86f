import numpy as np
import pytest

from keras_dcat.transfer.head import Head
from keras_dcat.transfer.label_rules import (
    OF_NUMPY,
    check_labels,
    fits,
    forms,
    is_one_hot_shape,
    label_rule,
)

NOT = float("nan")


@pytest.mark.parametrize(
    ("head", "shape"),
    [
        (Head("multiclass", 4), (None,)),
        (Head("multiclass", 4), (9, 1)),
        (Head("multiclass", 4), (None, 4)),
        (Head("multiclass", 4, 6), (9, 6)),
        (Head("multiclass", 4, 6), (9, 6, 1)),
        (Head("multiclass", 4, 6), (9, 6, 4)),
        (Head("multiclass", 4, 6), (9, None)),
        (Head("binary", 1), (9,)),
        (Head("binary", 1), (9, 1)),
        (Head("binary", 1, 6), (9, 6)),
        (Head("multilabel", 3), (9, 3)),
        (Head("regression", 1), (9,)),
        (Head("regression", 2), (9, 2)),
    ],
)
def test_labels_of_this_shape_fit_the_head(head, shape):
    assert fits(head, shape)


@pytest.mark.parametrize(
    ("head", "shape"),
    [
        (Head("multiclass", 4), (9, 3)),
        (Head("multiclass", 4), ()),
        (Head("multiclass", 4), None),
        (Head("multiclass", 4, 6), (9,)),
        (Head("multiclass", 4, 6), (9, 5)),
        (Head("multiclass", 4, 6), (9, 6, 3)),
        (Head("binary", 1), (9, 2)),
        (Head("binary", 1, 6), (9, 5)),
        (Head("multilabel", 3), (9,)),
        (Head("multilabel", 3), (9, 1)),
        (Head("regression", 2), (9,)),
    ],
)
def test_labels_of_another_shape_do_not(head, shape):
    assert not fits(head, shape)


@pytest.mark.parametrize(
    ("head", "labels"),
    [
        (Head("multiclass", 4), [0, 3, -1]),
        (Head("multiclass", 3, 2), [[0, -1], [2, 1]]),
        (Head("multiclass", 2, 2), [[[0, 1], [0, 0]]]),
        (Head("binary", 1), [0.0, 1, -1, NOT]),
        (Head("binary", 1), [True, False]),
        (Head("multilabel", 2), [[0.0, NOT], [-1, 1]]),
        (Head("regression", 1), [-1e6, NOT, 2.5]),
    ],
)
def test_labels_that_say_something_pass(head, labels):
    check_labels(head, np.array(labels))


@pytest.mark.parametrize(
    ("head", "labels", "message"),
    [
        (Head("multiclass", 4), [0, 4], "4"),
        (
            Head("multiclass", 3, 2),
            [[0, 3], [2, 1]],
            r"Received: \[3\] \(1 of 4 labels\)",
        ),
        (Head("multiclass", 3, 2), [[0, 0.5], [2, 1]], r"Received: \[0\.5\]"),
        (Head("multiclass", 2, 2), [[[0, 1], [1, 1]]], r"Received: \[1, 1\].*1 of 2"),
        (
            Head("binary", 1),
            [0, 2],
            r"1 or 0.*Received: \[2\] \(1 of 2 labels\).*Give 1",
        ),
        (Head("binary", 1), [0, 0.5], r"Received: \[0\.5\]"),
        (Head("binary", 1), [0, np.inf], r"Received: \[inf\]"),
        (Head("multilabel", 2), [[0, -2], [1, 1]], r"Received: \[-2\]"),
        (Head("regression", 1), [0, -np.inf], r"finite, at most.*Received: \[-inf\]"),
        (Head("regression", 1), np.array(["fast"]), "abels"),
    ],
)
def test_labels_that_say_nothing_are_refused(head, labels, message):
    with pytest.raises(ValueError, match=message):
        check_labels(head, np.array(labels))


def test_masked_labels_are_told_of_minus_one():
    labels = np.ma.masked_array([0, 1], [True, False])
    with pytest.raises(ValueError, match=r"masked array\. Fill it"):
        check_labels(Head("binary", 1), labels)


def test_what_numpy_and_a_dataset_judge_is_one_rule():
    rule = label_rule(Head("multilabel", 2), (2,))
    numbers = np.array([[0.0, 1.0], [2.0, NOT]])
    assert rule.holds(numbers, OF_NUMPY).tolist() == [[True, True], [False, True]]
    assert not rule.by_row
    assert label_rule(Head("multiclass", 3), (3,)).by_row


def test_a_row_for_each_class_is_of_classes_alone():
    assert is_one_hot_shape(Head("multiclass", 3, 5), (5, 3))
    assert not is_one_hot_shape(Head("multiclass", 3, 5), (5,))
    assert not is_one_hot_shape(Head("multilabel", 3), (3,))


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (Head("multiclass", 4, 6), "integers (batch, 6) or one-hot (batch, 6, 4)"),
        (Head("binary", 1), "(batch,)"),
        (Head("binary", 1, 6), "(batch, 6)"),
        (Head("regression", 2, 6), "(batch, 6, 2)"),
    ],
)
def test_the_shapes_of_labels_are_said_in_words(head, words):
    assert forms(head) == words


def test_a_value_whose_square_float32_does_not_hold_is_no_label():
    head = Head("regression", 1, from_logits=False)
    check_labels(head, np.array([2.0**32, -1.0, np.nan]))
    with pytest.raises(ValueError, match=r"at most 2\*\*32.*\[1e\+30\].*another unit"):
        check_labels(head, np.array([1e30, 1.0]))
