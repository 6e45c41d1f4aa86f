import numpy as np
import pytest
from keras import ops
from sklearn.metrics import balanced_accuracy_score, r2_score

from keras_dcat.transfer.head import Head
from keras_dcat.transfer.source_scores import (
    balanced_accuracy,
    moments,
    pooled,
    r_squared,
    recalls,
    right_decisions,
    score_of,
)


def beliefs(told):
    """Log-probabilities of who is sure of these classes."""
    return ops.log(ops.convert_to_tensor(np.eye(2, dtype="float32")[told] + 1e-6))


def of_batches(make, *columns, batch=7):
    """Means and counts of data that come in batches."""
    starts = range(0, len(columns[0]), batch)
    return pooled([make(*(c[s : s + batch] for c in columns)) for s in starts])


def balanced_of(labels, told):
    def make(own, said):
        rows = ops.convert_to_tensor(own.reshape(-1))
        judged = ops.cast(rows >= 0, "float32")
        right = right_decisions(rows, [beliefs(said.reshape(-1))], [judged])
        return recalls(rows, right, judged, labels.shape[1])

    return float(balanced_accuracy(*of_batches(make, labels, told)))


def test_balanced_accuracy_is_that_of_each_label_averaged(rng):
    labels = (rng.uniform(size=(50, 3)) < [0.1, 0.5, 0.9]).astype("int32")
    told = np.where(rng.uniform(size=labels.shape) < 0.3, 1 - labels, labels)
    each = [balanced_accuracy_score(labels[:, at], told[:, at]) for at in range(3)]
    assert balanced_of(labels, told) == pytest.approx(np.mean(each), rel=1e-5)


def test_whoever_says_what_is_frequent_is_at_chance(rng):
    labels = (rng.uniform(size=(200, 2)) < [0.05, 0.95]).astype("int32")
    told = np.tile([0, 1], (200, 1))
    assert (labels == told).mean() > 0.9
    assert balanced_of(labels, told) == pytest.approx(0.5)


def test_a_label_that_is_always_the_same_judges_nobody():
    labels = np.array([[0, 1], [0, 0], [-1, 1], [0, -1]], "int32")
    told = np.array([[0, 1], [0, 0], [0, 0], [0, 0]])
    assert balanced_of(labels, told) == pytest.approx(0.75)  # of the second alone
    assert np.isnan(balanced_of(labels[:, :1], told[:, :1]))


def test_a_source_that_is_not_there_is_not_judged():
    labels = ops.array([0, 1, 1])
    judged = [ops.array([1.0, 0.0, 1.0]), ops.array([0.0, 0.0, 0.0])]
    right = right_decisions(labels, [beliefs([0, 1, 0]), ()], judged)
    assert ops.convert_to_numpy(right).tolist() == [1, 0, 0]


def r2_of(labels, predicted, judged=None, size=None):
    judged = np.ones(len(labels), "float32") if judged is None else judged

    def make(*batch):
        tensors = (ops.convert_to_tensor(x.astype("float32")) for x in batch)
        return moments(*tensors, size or labels.shape[1])

    return float(r_squared(*of_batches(make, labels, predicted, judged)))


def test_r2_is_that_of_each_value_averaged(rng):
    labels = rng.normal([3.0, -70.0], [1.0, 9.0], size=(60, 2))
    predicted = labels + rng.normal(0, [0.5, 8.0], size=(60, 2))
    expected = r2_score(labels, predicted)
    assert r2_of(labels, predicted) == pytest.approx(expected, abs=1e-3)


def test_whoever_predicts_the_mean_explains_nothing(rng):
    labels = rng.normal(70.0, 9.0, size=(60, 1))
    told = np.full_like(labels, labels.mean())
    assert r2_of(labels, told) == pytest.approx(0.0, abs=1e-3)
    assert r2_of(labels, np.zeros_like(labels)) < -10


def test_values_without_a_label_or_a_source_do_not_count(rng):
    labels = rng.normal(size=(20, 1))
    predicted = labels + rng.normal(0, 0.3, size=(20, 1))
    judged = (np.arange(20) < 15).astype("float32")
    partly = np.where(np.arange(20)[:, None] < 10, labels, np.nan)
    expected = r2_score(labels[:10], predicted[:10])
    assert r2_of(partly, predicted, judged) == pytest.approx(expected, abs=1e-4)


def test_steps_of_a_window_are_judged_together(rng):
    labels = rng.normal(size=(10, 3, 2))
    predicted = labels + rng.normal(0, 0.5, size=labels.shape)
    expected = r2_score(labels.reshape(-1, 2), predicted.reshape(-1, 2))
    flat = labels.reshape(10, 6), predicted.reshape(10, 6)
    assert r2_of(*flat, size=2) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("label", [np.nan, 5.0, 1e6])
def test_labels_that_do_not_differ_judge_nobody(label):
    labels = np.full((8, 1), label)
    assert np.isnan(r2_of(labels, np.ones((8, 1))))


@pytest.mark.parametrize(
    ("head", "name", "size"),
    [
        (Head("binary", 1), "source_balanced_accuracy", 2),
        (Head("multilabel", 3, 5), "source_balanced_accuracy", 6),
        (Head("regression", 2, 5, False), "source_r2", 6),
    ],
)
def test_each_head_has_its_score(head, name, size):
    score = score_of(head)
    assert (score.name, score.size) == (name, size)


def test_classes_are_judged_by_their_accuracy_alone():
    assert score_of(Head("multiclass", 5)) is None
