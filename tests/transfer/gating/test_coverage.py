import dataclasses
import json

import numpy as np
import pytest

import keras_dcat
from keras_dcat.transfer.gating.coverage import gate_coverage, transfer_mask
from tests.models import CLASSES, pair_of_branches, windows

# Right, wrong, right; wrong, wrong; no window of the third; two without a label.
LABELS = np.array([0, 0, 0, 1, 1, -1, -1])
BELIEVED = np.array([0, 1, 0, 0, 2, 1, 0])
SURE = np.array([0.8, 0.8, 0.6, 0.6, 0.6, 0.95, 0.6])
PROBABILITIES = np.where(
    np.arange(3) == BELIEVED[:, None], SURE[:, None], (1 - SURE[:, None]) / 2
)
NAMES = ["sit", "fall", "run"]


@pytest.mark.parametrize(
    ("gate", "share", "by_class", "unlabelled"),
    [
        ("correct", 2 / 7, (2 / 3, 0), 0),
        ("correct_or_confident", 3 / 7, (2 / 3, 0), 1 / 2),
        ("confident", 1 / 7, (0, 0), 1 / 2),
        (None, 1, (1, 1), 1),
        ("soft", 3.45 / 7, (1.5 / 3, 0.4 / 2), 1.55 / 2),
    ],
)
def test_coverage_is_the_mean_of_the_gate(gate, share, by_class, unlabelled):
    found = gate_coverage(LABELS, PROBABILITIES, gate, NAMES)
    assert found.share == pytest.approx(share)
    expected = dict(zip(NAMES, by_class, strict=False))
    assert found.by_class == pytest.approx(expected)
    assert found.unlabelled == pytest.approx(unlabelled)
    assert found.windows == {"sit": 3, "fall": 2, "run": 0}
    assert found.num_unlabelled == 2


@pytest.mark.parametrize("gate", ["correct", "soft", None])
def test_a_class_is_never_right_by_the_source_and_not_by_the_gate(gate):
    found = gate_coverage(LABELS, PROBABILITIES, gate, NAMES)
    assert found.never_right == ("fall",)
    assert "wrong on every window of 'fall'" in str(found)


def test_the_table_has_a_row_for_every_class_and_for_all():
    rows = str(gate_coverage(LABELS, PROBABILITIES, class_names=NAMES)).splitlines()
    assert [row.split() for row in rows[:-1]] == [
        ["class", "windows", "may", "teach"],
        ["sit", "3", "66.7%"],
        ["fall", "2", "0.0%"],
        ["run", "0", "-"],
        ["no", "label", "2", "0.0%"],
        ["all", "7", "28.6%"],
    ]
    assert len({len(row) for row in rows[:-1]}) == 1


def test_where_all_have_labels_nothing_is_said_of_others():
    found = gate_coverage(LABELS[:1], PROBABILITIES[:1])
    assert (found.unlabelled, found.num_unlabelled) == (None, 0)
    assert found.never_right == ()
    assert len(str(found).splitlines()) == 5


def test_one_hot_labels_are_counted_like_classes():
    one_hot = np.eye(3)[LABELS] * (LABELS >= 0)[:, None]
    expected = gate_coverage(LABELS, PROBABILITIES, class_names=NAMES)
    found = gate_coverage(one_hot, PROBABILITIES, class_names=NAMES)
    assert found == expected
    assert json.loads(json.dumps(dataclasses.asdict(found)))["windows"]["sit"] == 3
    np.testing.assert_array_equal(
        transfer_mask(one_hot, PROBABILITIES), transfer_mask(LABELS, PROBABILITIES)
    )


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "b"], [*"abcc"]])
def test_each_class_needs_a_name_of_its_own(names):
    with pytest.raises(ValueError, match=r"name of its own.*for 3 classes.*order"):
        gate_coverage(LABELS, PROBABILITIES, class_names=names)


def test_a_gate_that_gives_more_than_a_number_a_window_is_refused():
    with pytest.raises(ValueError, match=r"shape \(7, 3\) for 7 windows.*axis=-1"):
        transfer_mask(
            LABELS, PROBABILITIES, lambda labels, probabilities: probabilities
        )


def test_a_model_shows_the_coverage_that_was_counted_before(rng):
    pair, labels = windows(rng)
    probabilities = rng.dirichlet(np.ones(CLASSES), size=len(labels))
    shares = transfer_mask(labels, probabilities)
    assert shares.dtype == "float32"
    assert set(shares) == {0, 1}
    model = keras_dcat.DCATModel(*pair_of_branches(), gate="all")
    inputs = {"source": pair[0], "target": pair[1], "transfer_mask": shares}
    shown = model.evaluate(inputs, labels, verbose=0, return_dict=True)
    counted = gate_coverage(labels, probabilities).share
    assert shown["unmasked_share"] == pytest.approx(counted)
