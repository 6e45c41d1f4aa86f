import dataclasses
import json

import keras
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
        ("all", 1, (1, 1), 1),
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


@pytest.mark.parametrize("gate", ["correct", "soft", "all"])
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


ANSWERS = np.array([[1, 0], [1, np.nan], [0, 1], [-1, 0]])
YES = np.array([[0.9, 0.2], [0.3, 0.6], [0.1, 0.4], [0.8, 0.7]])
BOTH = np.stack([1 - YES, YES], axis=-1)


def test_every_label_has_the_classes_that_it_holds_and_that_it_does_not():
    found = gate_coverage(ANSWERS, BOTH, class_names=["fall", "turn"])
    assert found.windows == {"not fall": 1, "fall": 2, "not turn": 2, "turn": 1}
    assert found.by_class == {"not fall": 1, "fall": 0.5, "not turn": 0.5, "turn": 0}
    assert (found.share, found.num_unlabelled, found.unlabelled) == (3 / 8, 2, 0)
    assert found.never_right == ("turn",)
    assert str(found).splitlines()[-2].split() == ["all", "8", "37.5%"]


def test_a_window_of_several_labels_teaches_by_how_many_of_them_may():
    assert transfer_mask(ANSWERS, BOTH).tolist() == [1, 0, 0.5, 0]
    soft = [(0.9 + 0.8) / 2, (0.3 + 0.6) / 2, (0.9 + 0.4) / 2, (0.8 + 0.3) / 2]
    np.testing.assert_allclose(transfer_mask(ANSWERS, BOTH, "soft"), soft, rtol=1e-6)


def test_what_one_sigmoid_says_is_covered_as_two_classes():
    labels = np.array([1.0, np.nan, 0.0, 0.0])
    found = gate_coverage(labels, BOTH[:, 0], class_names=["still", "fall"])
    assert found.by_class == {"still": 0.5, "fall": 1}
    assert transfer_mask(labels[:, None], BOTH[:, 0]).tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(("units", "form"), [(1, BOTH[:, 0]), (2, BOTH)])
def test_a_mask_of_sigmoids_goes_into_a_pair(rng, units, form):
    """Behind a gate that lets all teach, a model shows the mean of the mask."""

    def branch(channels):
        inputs = keras.Input((channels,))
        x = keras.layers.Dense(3, activation="relu")(inputs)
        return keras.Model(inputs, keras.layers.Dense(units, "sigmoid")(x))

    labels = ANSWERS if units == 2 else ANSWERS[:, 0]
    shares = transfer_mask(labels, form)
    model = keras_dcat.DCATModel(branch(5), branch(3), "info_nce", gate="all")
    inputs = {"source": rng.normal(size=(4, 5)), "target": rng.normal(size=(4, 3))}
    shown = model.evaluate(
        {**inputs, "transfer_mask": shares}, labels, verbose=0, return_dict=True
    )
    assert shown["unmasked_share"] == pytest.approx(shares.mean())
